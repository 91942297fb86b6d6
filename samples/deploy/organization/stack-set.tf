# The role of role.yaml in every account of an organization, now and in future. Run it in the management account, or in an
# account that is a delegated administrator of StackSets (call_as).

terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.50"
    }
  }
}

variable "caller_arn" {
  description = "ARN of the role or user that runs ssl-usage"
  type        = string
}

variable "role_name" {
  description = "Name of the role, for --role-name"
  type        = string
  default     = "ssl-usage"
}

variable "organization_id" {
  description = "ID of the AWS organization that the caller must belong to; empty for any"
  type        = string
  default     = ""
}

variable "organizational_unit_ids" {
  description = "The root of the organization (r-...), or organizational units (ou-...)"
  type        = list(string)
}

variable "call_as" {
  description = "SELF in the management account, DELEGATED_ADMIN in an account of a delegated administrator"
  type        = string
  default     = "SELF"
}

resource "aws_cloudformation_stack_set" "ssl_usage" {
  name             = "ssl-usage"
  description      = "Role with which ssl-usage reads RDS, Aurora and DocumentDB instances and their logs"
  template_body    = file("${path.module}/role.yaml")
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  permission_model = "SERVICE_MANAGED"
  call_as          = var.call_as

  parameters = {
    CallerArn      = var.caller_arn
    OrganizationId = var.organization_id
    RoleName       = var.role_name
  }

  auto_deployment {
    enabled                          = true
    retain_stacks_on_account_removal = false
  }

  lifecycle {
    # AWS sets it for service-managed permissions.
    ignore_changes = [administration_role_arn]
  }
}

resource "aws_cloudformation_stack_instances" "ssl_usage" {
  stack_set_name = aws_cloudformation_stack_set.ssl_usage.name
  call_as        = var.call_as

  # IAM roles belong to all regions: one stack for each account is enough.
  regions = ["us-east-1"]

  deployment_targets {
    organizational_unit_ids = var.organizational_unit_ids
  }
}
