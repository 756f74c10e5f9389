locals {
  # AWS's rule groups, in their order. The limit of 8 KB on bodies only counts: inputs of tasks may
  # have 256 KiB, bulk requests 8 MiB, and the program has its own limits.
  waf_groups = {
    AWSManagedRulesAmazonIpReputationList = { priority = 1, counted = [] }
    AWSManagedRulesKnownBadInputsRuleSet  = { priority = 2, counted = [] }
    # Tasks are addresses and documents for other sites: these rules would take them for attacks
    # on ours.
    AWSManagedRulesCommonRuleSet = { priority = 3, counted = ["SizeRestrictions_BODY", "GenericRFI_BODY", "EC2MetaDataSSRF_BODY", "CrossSiteScripting_BODY"] }
  }
}

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_192:AWSManagedRulesKnownBadInputsRuleSet is in the map above, which checkov does not follow
  count = var.waf ? 1 : 0

  name        = local.prefix
  description = "In front of the load balancer of ${local.prefix}"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "rate"
    priority = 0

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }
    statement {
      rate_based_statement {
        limit              = var.waf_rate
        aggregate_key_type = "IP"
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "rate"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = local.waf_groups
    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        none {}
      }
      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.key

          dynamic "rule_action_override" {
            for_each = rule.value.counted
            content {
              name = rule_action_override.value
              action_to_use {
                count {}
              }
            }
          }
        }
      }
      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.key
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = local.prefix
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  count = var.waf ? 1 : 0

  resource_arn = aws_lb.this.arn
  web_acl_arn  = aws_wafv2_web_acl.this[0].arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  count = var.waf ? 1 : 0

  resource_arn            = aws_wafv2_web_acl.this[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.this["waf"].arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }
  redacted_fields {
    single_header {
      name = "cookie"
    }
  }

  # What passed is in the access logs.
  logging_filter {
    default_behavior = "DROP"
    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"
      condition {
        action_condition {
          action = "BLOCK"
        }
      }
      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }
}
