# One key for what lies still: log lines, secrets, Redis and alarms' messages. Disks take AWS's own
# key: with this one instances could not start before Auto Scaling had a grant of it.

resource "aws_kms_key" "this" {
  description             = "${local.prefix}: logs, secrets, Redis, alarms"
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_protection ? 30 : 7

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Within a key's policy "*" means this key alone. Without this statement nobody could
        # change or delete it; IAM decides who of the account may.
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"]
        Resource  = "*"
        Condition = {
          ArnEquals = {
            "kms:EncryptionContext:aws:logs:arn" = [
              for name in values(local.log_groups) : "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:${name}"
            ]
          }
        }
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.prefix}"
  target_key_id = aws_kms_key.this.key_id
}

locals {
  log_groups = merge({
    app   = "/${var.name}/${var.environment}/app"
    redis = "/${var.name}/${var.environment}/redis-slow"
    }, var.waf ? {
    waf = "aws-waf-logs-${local.prefix}" # The firewall takes no other beginning.
  } : {})
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:log_retention_days says how long; a year in production
  for_each = local.log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

# Questions to ask of the program's lines, in the console under Logs Insights.
locals {
  queries_dir = "${path.module}/../logs-insights"
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = fileset(local.queries_dir, "*.query")

  name            = "${var.name}/${var.environment}/${trimsuffix(each.key, ".query")}"
  query_string    = file("${local.queries_dir}/${each.key}")
  log_group_names = [aws_cloudwatch_log_group.this["app"].name]
}
