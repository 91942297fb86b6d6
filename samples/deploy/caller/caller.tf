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
      {
        Sid    = "Roles"
        Effect = "Allow"
        Action = [
          "sts:AssumeRole",
        ]
        Resource = [
          "arn:*:iam::*:role/ssl-usage",
        ]
      },
      {
        Sid    = "Accounts"
        Effect = "Allow"
        Action = [
          "organizations:ListAccounts",
        ]
        Resource = [
          "*",
        ]
      },
      {
        Sid    = "BundleList"
        Effect = "Allow"
        Action = [
          "s3:ListBucket",
        ]
        Resource = [
          "arn:*:s3:::amzn-s3-demo-bucket",
        ]
        Condition = {
          StringLike = {
            "s3:prefix" = [
              "evidence",
              "evidence/*",
            ]
          }
        }
      },
      {
        Sid    = "BundleObjects"
        Effect = "Allow"
        Action = [
          "s3:GetObject",
          "s3:PutObject",
        ]
        Resource = [
          "arn:*:s3:::amzn-s3-demo-bucket/evidence/*",
        ]
      },
      {
        Sid    = "OptionalBundleCompaction"
        Effect = "Allow"
        Action = [
          "s3:DeleteObject",
        ]
        Resource = [
          "arn:*:s3:::amzn-s3-demo-bucket/evidence/*",
        ]
      },
      {
        Sid    = "OptionalBundleKey"
        Effect = "Allow"
        Action = [
          "kms:Decrypt",
          "kms:GenerateDataKey",
        ]
        Resource = [
          "arn:*:kms:*:*:key/*",
        ]
        Condition = {
          StringLike = {
            "kms:EncryptionContext:aws:s3:arn" = [
              "arn:*:s3:::amzn-s3-demo-bucket",
              "arn:*:s3:::amzn-s3-demo-bucket/evidence/*",
            ]
          }
        }
      },
    ]
  })
}

output "caller_policy_arn" {
  description = "ARN of the policy, to attach to the user or role"
  value       = aws_iam_policy.ssl_usage_caller.arn
}
