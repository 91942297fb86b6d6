# The policy of the user or role that runs ssl-usage and assumes the roles. Printed by ssl-usage iam-policy --format terraform.
# Statements whose Sid begins with Optional can be left out. If a KMS key of your own encrypts the bucket, keep those of the key.

variable "caller_policy_name" {
  description = "Name of the policy"
  type        = string
  default     = "ssl-usage-caller"
}

resource "aws_iam_policy" "ssl_usage_caller" {
  name        = var.caller_policy_name
  description = "Lets ssl-usage assume the roles that read the fleet"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
{%- include "statements.tf" %}
    ]
  })
}

output "caller_policy_arn" {
  description = "ARN of the policy, to attach to the user or role"
  value       = aws_iam_policy.ssl_usage_caller.arn
}
