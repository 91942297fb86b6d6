# The role with which ssl-usage reads an account. Printed by ssl-usage iam-policy --format terraform.
# Statements whose Sid begins with Optional can be left out. If a KMS key of your own encrypts the bucket, keep those of the key.

variable "role_name" {
  description = "Name of the role, for ssl-usage --role-name"
  type        = string
  default     = "ssl-usage"
}

variable "caller_arn" {
  description = "ARN of the role or user that runs ssl-usage and assumes this role; * and ? are wildcards after the account"
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", var.caller_arn))
    error_message = "Use the ARN of a role or user, such as arn:aws:iam::111122223333:role/ssl-usage-caller."
  }
}

variable "organization_id" {
  description = "ID of the AWS organization that the caller must belong to; null for any"
  type        = string
  default     = null
}

resource "aws_iam_role" "ssl_usage" {
  name        = var.role_name
  description = "Lets ssl-usage read RDS, Aurora and DocumentDB instances and their logs"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Caller"
        Effect = "Allow"
        Action = "sts:AssumeRole"
        # The account, so that the caller can be created later or again. The condition names the caller.
        Principal = { AWS = join(":", concat(slice(split(":", var.caller_arn), 0, 5), ["root"])) }
        Condition = merge(
          { ArnLike = { "aws:PrincipalArn" = var.caller_arn } },
          var.organization_id == null ? {} : { StringEquals = { "aws:PrincipalOrgID" = var.organization_id } },
        )
      },
    ]
  })
}

resource "aws_iam_role_policy" "ssl_usage" {
  name = "ssl-usage"
  role = aws_iam_role.ssl_usage.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
{%- include "statements.tf" %}
    ]
  })
}

output "role_arn" {
  description = "ARN of the role"
  value       = aws_iam_role.ssl_usage.arn
}
