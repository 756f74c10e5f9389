# What must hold in every deployment. Run with each profile: -var-file=envs/....tfvars. Nothing is
# asked of AWS: what it would make up is in mocks/.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  region = "eu-central-1"
  image  = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/windlass@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "ports" {
  assert {
    condition = alltrue([
      for key, rule in aws_vpc_security_group_ingress_rule.this :
      rule.cidr_ipv4 == null || (rule.security_group_id == aws_security_group.this["alb"].id && contains([80, 443], rule.from_port))
    ])
    error_message = "A port other than 80 and 443 of the load balancer is open to addresses."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.this : rule.from_port == rule.to_port && rule.ip_protocol == "tcp" && rule.cidr_ipv6 == null])
    error_message = "A rule opens more than one port."
  }
  assert {
    condition     = alltrue([for group in aws_security_group.this : length(group.ingress) == 0 && length(group.egress) == 0])
    error_message = "A security group has rules beside the list."
  }
  assert {
    condition = alltrue([
      for key, rule in aws_vpc_security_group_egress_rule.this : rule.cidr_ipv4 == null || contains(var.egress_ports, rule.from_port)
    ])
    error_message = "Something leads out on another port than egress_ports."
  }
}

run "redis_is_the_apps_alone" {
  assert {
    condition = [
      for rule in aws_vpc_security_group_ingress_rule.this : [rule.from_port, rule.referenced_security_group_id]
      if rule.security_group_id == aws_security_group.this["redis"].id
    ] == [[6379, aws_security_group.this["app"].id]]
    error_message = "Somebody but the instances reaches Redis, or they do not."
  }
  assert {
    condition     = length([for rule in aws_vpc_security_group_egress_rule.this : rule if rule.security_group_id == aws_security_group.this["redis"].id]) == 0
    error_message = "Redis may call somebody."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.security_group_ids == toset([aws_security_group.this["redis"].id])
    error_message = "Redis is in another security group too."
  }
  assert {
    condition     = one([for p in aws_elasticache_parameter_group.this.parameter : p.value if p.name == "maxmemory-policy"]) == "noeviction"
    error_message = "A full Redis would forget tasks."
  }
}

run "no_wildcard" {
  assert {
    condition     = alltrue(flatten([for p in aws_iam_role_policy.fleet : [for s in jsondecode(p.policy).Statement : [for a in s.Action : !strcontains(a, "*")]]]))
    error_message = "A role's policy has an action with *."
  }
  assert {
    condition = alltrue(flatten([for p in aws_iam_role_policy.fleet : [
      for s in jsondecode(p.policy).Statement : [for r in s.Resource : r != "*"]
      if !contains(["SessionManagerChannels", "EnterRegistry"], s.Sid)
    ]]))
    error_message = "A role's policy has the resource * where AWS knows a narrower one."
  }
  assert {
    condition     = alltrue([for p in aws_iam_role_policy.fleet : strcontains(p.policy, "autoScalingGroupName/${local.prefix}-") && !strcontains(p.policy, "logs:CreateLogGroup")])
    error_message = "A role may touch groups of others, or make log groups."
  }
  assert {
    condition     = alltrue([for name, f in local.fleets : strcontains(aws_launch_template.fleet[name].iam_instance_profile[0].arn, ":instance-profile/")])
    error_message = "An instance has no role."
  }
}

run "encryption_everywhere" {
  assert {
    condition     = aws_elasticache_replication_group.this.at_rest_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "Redis is not encrypted at rest and in transit."
  }
  assert {
    condition     = nonsensitive(length(aws_elasticache_replication_group.this.auth_token)) >= 32
    error_message = "Redis asks for no password."
  }
  assert {
    condition     = alltrue([for g in aws_cloudwatch_log_group.this : g.kms_key_id == aws_kms_key.this.arn && g.retention_in_days > 0])
    error_message = "A log group lacks key or retention."
  }
  assert {
    condition     = alltrue([for s in aws_secretsmanager_secret.this : s.kms_key_id == aws_kms_key.this.arn])
    error_message = "A secret lacks the key."
  }
  assert {
    condition     = alltrue([for t in aws_launch_template.fleet : one(t.block_device_mappings).ebs[0].encrypted == "true"])
    error_message = "A disk is not encrypted."
  }
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.this.arn && aws_kms_key.this.enable_key_rotation
    error_message = "Alarms are not encrypted, or the key never changes."
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.access_logs.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "Access logs are not encrypted."
  }
}

run "instances" {
  assert {
    condition     = alltrue([for t in aws_launch_template.fleet : t.metadata_options[0].http_tokens == "required" && t.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "The metadata service answers without a token, or further than the instance."
  }
  assert {
    condition = alltrue([for name, t in aws_launch_template.fleet :
      !strcontains(base64decode(t.user_data), nonsensitive(aws_secretsmanager_secret_version.redis.secret_string)) &&
      !strcontains(base64decode(t.user_data), nonsensitive(aws_secretsmanager_secret_version.admin.secret_string)) &&
      !strcontains(base64decode(t.user_data), nonsensitive(aws_secretsmanager_secret_version.secrets_key.secret_string))
    ])
    error_message = "A secret is in user data."
  }
  assert {
    condition     = alltrue([for t in aws_launch_template.fleet : length(base64decode(t.user_data)) < 16384])
    error_message = "User data is too long for EC2."
  }
  assert {
    condition     = alltrue([for name, t in aws_launch_template.fleet : strcontains(base64decode(t.user_data), "${var.image} -role ${local.fleets[name].role_list}\n")])
    error_message = "A fleet runs something else than the image with its roles."
  }
  assert {
    condition     = alltrue([for g in aws_autoscaling_group.fleet : g.launch_template[0].version == tostring(aws_launch_template.fleet[trimprefix(g.name, "${local.prefix}-")].latest_version) && g.instance_refresh[0].preferences[0].auto_rollback])
    error_message = "A new image would not replace instances, or not go back by itself."
  }
}

# From the inside out each wait is longer than what it waits for.
run "every_fleet_drains_longer_than_its_tasks" {
  assert {
    condition = alltrue([for name, t in aws_launch_template.fleet :
      tonumber(regex("WINDLASS_DRAIN=([0-9]+)s", base64decode(t.user_data))[0]) == var.fleets[name].drain_seconds &&
      tonumber(regex("docker stop --time ([0-9]+) ", base64decode(t.user_data))[0]) >= var.fleets[name].drain_seconds + 15 &&
      tonumber(regex("TimeoutStopSec=([0-9]+)", base64decode(t.user_data))[0]) > tonumber(regex("docker stop --time ([0-9]+) ", base64decode(t.user_data))[0])
    ])
    error_message = "Docker or systemd ends the program before its tasks have ended."
  }
  assert {
    condition = alltrue([for name, t in aws_launch_template.fleet :
      aws_autoscaling_lifecycle_hook.fleet["${name}-drain"].heartbeat_timeout >= 30 + local.fleets[name].deregistration_seconds + tonumber(regex("TimeoutStopSec=([0-9]+)", base64decode(t.user_data))[0])
    ])
    error_message = "The group ends an instance before it has drained."
  }
  assert {
    condition = alltrue([for name in keys(var.fleets) :
      aws_autoscaling_lifecycle_hook.fleet["${name}-drain"].lifecycle_transition == "autoscaling:EC2_INSTANCE_TERMINATING" &&
      length([for h in aws_autoscaling_group.fleet[name].initial_lifecycle_hook : h if h.lifecycle_transition == "autoscaling:EC2_INSTANCE_TERMINATING"]) == 1
    ])
    error_message = "A fleet does not drain."
  }
  assert {
    condition     = aws_lb_target_group.this.deregistration_delay == tostring(local.deregistration_seconds) && local.deregistration_seconds > 60 && aws_lb.this.idle_timeout > 60 && aws_lb.this.idle_timeout < 75
    error_message = "The load balancer cuts off what waits for a result, or finds connections that the program has closed."
  }
}

run "alarms" {
  assert {
    condition     = alltrue([for a in concat(values(aws_cloudwatch_metric_alarm.this), values(aws_cloudwatch_metric_alarm.rollback)) : a.alarm_actions == toset([aws_sns_topic.alarms.arn]) && length(a.alarm_description) > 20])
    error_message = "An alarm tells nobody, or not what it means."
  }
  assert {
    condition     = length(setsubtract(["load-balancer-errors", "slow-requests", "oldest-task", "no-log-lines", "log-lines-behind", "dropped-log-lines"], keys(aws_cloudwatch_metric_alarm.this))) == 0
    error_message = "An alarm is missing."
  }
  # A group waits for these two, so they stand before it, and what is missing then is no trouble.
  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.rollback) == ["server-errors", "unhealthy-instances"] && alltrue([for a in aws_cloudwatch_metric_alarm.rollback : a.treat_missing_data == "notBreaching"])
    error_message = "An alarm that rolls back is missing, or on before there is an instance."
  }
  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : a.evaluate_low_sample_count_percentiles == "ignore" if a.extended_statistic != null])
    error_message = "One slow request on a quiet day is an alarm."
  }
  assert {
    condition     = alltrue([for kind in ["memory", "evictions", "cpu"] : length([for key in keys(aws_cloudwatch_metric_alarm.this) : key if startswith(key, "${var.redis.id}-") && endswith(key, "-${kind}")]) == var.redis.nodes * var.redis.shards])
    error_message = "A node of Redis is not watched."
  }
  assert {
    condition     = length([for key in keys(aws_cloudwatch_metric_alarm.this) : key if endswith(key, "-below-minimum")]) == length(var.fleets)
    error_message = "A fleet is not watched."
  }
}
