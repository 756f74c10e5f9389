# The real provider plans every option, on and off. It checks what mocks let pass, and it asks AWS
# for nothing but what is answered here. Run with each profile.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.this
  values = { account_id = "123456789012" }
}
override_data {
  target = data.aws_vpc.this
  values = { id = "vpc-0123456789abcdef0", cidr_block = "172.31.0.0/16" }
}
override_data {
  target = data.aws_subnets.default
  values = { ids = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"] }
}
override_data {
  target = data.aws_subnet.this
  values = { availability_zone = "eu-central-1a" }
}
override_data {
  target = data.aws_ec2_instance_type_offerings.fleet
  values = { locations = ["eu-central-1a", "eu-central-1b"] }
}
override_data {
  target = data.aws_route_tables.this
  values = { ids = ["rtb-0123456789abcdef0"] }
}
override_data {
  target = data.aws_ssm_parameter.ami
  values = { insecure_value = "ami-0123456789abcdef0" }
}
override_data {
  target = data.aws_route53_zone.this
  values = { zone_id = "Z0123456789ABCDEFGHIJ" }
}

variables {
  region = "eu-central-1"
  image  = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/windlass@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "as_the_profile_says" {
  command = plan
  assert {
    condition     = length(aws_lb_listener.https) == 0 && length(aws_lb_listener.http.default_action) == 1 && aws_lb_listener.http.default_action[0].type == "forward"
    error_message = "Without a name it is not plain HTTP."
  }
  assert {
    condition     = length(aws_wafv2_web_acl.this) == (var.waf ? 1 : 0)
    error_message = "The firewall is not as the profile says."
  }
}

run "own_name_and_certificate" {
  command = plan
  variables {
    domain_name      = "tasks.example.org"
    hosted_zone_name = "example.org"
  }
  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.https[0].ssl_policy == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    error_message = "HTTP does not lead to HTTPS."
  }
  assert {
    condition     = length(aws_route53_record.validation) == 1 && length(aws_route53_record.app) == 1 && length(aws_acm_certificate.this) == 1
    error_message = "Name or certificate is missing."
  }
}

run "certificate_and_dns_elsewhere" {
  command = plan
  variables {
    domain_name     = "tasks.example.org"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
  }
  assert {
    condition     = length(aws_acm_certificate.this) == 0 && length(aws_route53_record.app) == 0 && length(aws_lb_listener.https) == 1
    error_message = "It makes a certificate or a record, or no HTTPS."
  }
}

run "sign_in" {
  command = plan
  variables {
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    oidc = {
      issuer                 = "https://id.example.org"
      authorization_endpoint = "https://id.example.org/authorize"
      token_endpoint         = "https://id.example.org/token"
      user_info_endpoint     = "https://id.example.org/userinfo"
      client_id              = "windlass"
    }
    oidc_client_secret = "not a secret"
  }
  assert {
    condition     = [for a in aws_lb_listener.https[0].default_action : a.type] == ["authenticate-oidc", "forward"] && length(aws_lb_listener_rule.bearer) == 1
    error_message = "People do not sign in, or programs have to."
  }
}

run "firewall_on" {
  command = plan
  variables {
    waf = true
  }
  assert {
    condition     = length(aws_wafv2_web_acl.this[0].rule) == 4 && length(aws_wafv2_web_acl_association.this) == 1 && aws_cloudwatch_log_group.this["waf"].name == "aws-waf-logs-${local.prefix}"
    error_message = "The firewall is not whole."
  }
}

run "firewall_off" {
  command = plan
  variables {
    waf = false
  }
  assert {
    condition     = length(aws_wafv2_web_acl.this) + length(aws_wafv2_web_acl_association.this) + length(aws_wafv2_web_acl_logging_configuration.this) == 0
    error_message = "Something of the firewall is left."
  }
}

run "private" {
  command = plan
  variables {
    private_endpoints = true
    egress_allow      = ["10.1.0.0/16"]
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 8 && length(aws_vpc_endpoint.s3) == 1
    error_message = "An endpoint is missing."
  }
  assert {
    condition     = alltrue([for r in aws_vpc_security_group_egress_rule.this : r.cidr_ipv4 == null || r.cidr_ipv4 == "10.1.0.0/16"])
    error_message = "There is a way to the internet."
  }
  assert {
    condition     = alltrue([for t in aws_launch_template.fleet : t.network_interfaces[0].associate_public_ip_address == "false"])
    error_message = "An instance has a public address."
  }
}

run "vpc_of_its_own" {
  command = plan
  variables {
    vpc_id     = "vpc-0123456789abcdef0"
    subnet_ids = ["subnet-0cccccccccccccccc", "subnet-0dddddddddddddddd", "subnet-0eeeeeeeeeeeeeeee"]
  }
  assert {
    condition     = length(data.aws_subnets.default) == 0 && length(aws_lb.this.subnets) == 3
    error_message = "It does not take the subnets that are named."
  }
}

run "ssh_for_one_address" {
  command = plan
  variables {
    ssh_cidr     = "203.0.113.7/32"
    ssh_key_name = "me"
  }
  assert {
    condition     = [for r in aws_vpc_security_group_ingress_rule.this : r.cidr_ipv4 if r.from_port == 22] == ["203.0.113.7/32"]
    error_message = "SSH is not open to the one address alone."
  }
}

run "redis_cluster" {
  command = plan
  variables {
    redis = { shards = 3, nodes = 2, node_type = "cache.m7g.large", engine = "redis", version = "7.1" }
  }
  assert {
    condition     = aws_elasticache_replication_group.this.num_node_groups == 3 && aws_elasticache_replication_group.this.replicas_per_node_group == 1 && aws_elasticache_replication_group.this.automatic_failover_enabled
    error_message = "It is no cluster that fails over."
  }
  assert {
    condition     = contains(local.redis_nodes, "devops-redis-0003-002") && length(local.redis_nodes) == 6
    error_message = "The cluster's nodes are not watched."
  }
}

run "redis_of_two_nodes" {
  command = plan
  variables {
    redis = { nodes = 2, node_type = "cache.t4g.small", version = "8.0" }
  }
  assert {
    condition     = aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.num_cache_clusters == 2 && aws_elasticache_parameter_group.this.family == "valkey8"
    error_message = "Two nodes do not fail over."
  }
}

run "new_passwords" {
  command = plan
  variables {
    redis_token_version = 2
    redis_old_token     = false
    admin_token_version = 2
  }
  assert {
    condition     = aws_elasticache_replication_group.this.auth_token_update_strategy == "SET"
    error_message = "The old password stays valid."
  }
}

run "spot_workers_by_the_clock" {
  command = plan
  variables {
    fleets = {
      web = { roles = ["api", "web", "scheduler"], instance_type = "c7i.large", min = 2, max = 4, behind_alb = true, requests = 3000 }
      worker = {
        roles    = ["worker"], min = 1, max = 8, spot = true, drain_seconds = 90, backlog = 50, oldest_seconds = 30
        minimums = { morning = { min = 4, cron = "0 8 * * MON-FRI", time_zone = "Europe/Berlin" } }
      }
    }
  }
  assert {
    condition     = keys(data.aws_ssm_parameter.ami) == ["arm64", "x86_64"]
    error_message = "An instance gets the system of another architecture."
  }
  assert {
    condition     = aws_launch_template.fleet["worker"].instance_market_options[0].market_type == "spot" && aws_autoscaling_group.fleet["worker"].capacity_rebalance
    error_message = "Workers are not on spot instances."
  }
  assert {
    condition     = keys(aws_autoscaling_policy.backlog) == ["worker"] && keys(aws_autoscaling_policy.age) == ["worker"] && keys(aws_autoscaling_policy.requests) == ["web"] && keys(aws_autoscaling_schedule.minimum) == ["worker-morning"]
    error_message = "Scaling is not as the fleets say."
  }
}

run "workers_with_queues_of_their_own" {
  command = plan
  variables {
    fleets = {
      web     = { roles = ["api", "web", "scheduler"], min = 1, max = 2, behind_alb = true }
      worker  = { roles = ["worker"], min = 1, max = 4, backlog = 50, oldest_seconds = 60 }
      reports = { roles = ["worker"], min = 0, max = 4, backlog = 5, oldest_seconds = 60, queues = { reports = 1 } }
      mail    = { roles = ["worker"], min = 1, max = 4, backlog = 5, oldest_seconds = 60, queues = { mail = 3, sms = 1 } }
    }
  }
  assert {
    condition = { for name, p in aws_autoscaling_policy.backlog : name => [
      for m in p.target_tracking_configuration[0].customized_metric_specification[0].metrics :
      m.expression if m.return_data
      ] } == {
      worker  = ["IF(instances > 0, (q0) / instances, q0)"]
      reports = ["IF(instances > 0, (q0) / instances, q0)"]
      mail    = ["IF(instances > 0, (q0 + q1) / instances, q0 + q1)"]
    }
    error_message = "A fleet does not share what waits for it among its instances."
  }
  assert {
    condition = { for name, p in aws_autoscaling_policy.age : name => flatten([
      for m in p.target_tracking_configuration[0].customized_metric_specification[0].metrics :
      compact(concat(flatten([for s in m.metric_stat : [for x in s.metric : concat([x.metric_name], [for d in x.dimensions : d.value])]]), [m.expression]))
      ]) } == {
      worker  = ["ServedOldestPendingAge", local.prefix]
      reports = ["OldestPendingAge", local.prefix, "reports"]
      mail    = ["OldestPendingAge", local.prefix, "mail", "OldestPendingAge", local.prefix, "sms", "MAX([q0, q1])"]
    }
    error_message = "A fleet looks at what others, or nobody, will take."
  }
  assert {
    condition     = local.fleet_environment["mail"].WINDLASS_QUEUES == "mail=3,sms=1" && !contains(keys(local.fleet_environment["worker"]), "WINDLASS_QUEUES")
    error_message = "A fleet's workers do not serve its queues."
  }
}

run "a_zone_without_the_type" {
  command = plan
  override_data {
    target = data.aws_subnet.this["subnet-0bbbbbbbbbbbbbbbb"]
    values = { availability_zone = "eu-central-1e" }
  }
  assert {
    condition     = alltrue([for g in aws_autoscaling_group.fleet : g.vpc_zone_identifier == toset(["subnet-0aaaaaaaaaaaaaaaa"])]) && length(aws_lb.this.subnets) == 2
    error_message = "A group starts instances where there are none of the type."
  }
}

run "a_type_that_there_is_not" {
  command = plan
  override_data {
    target = data.aws_ec2_instance_type_offerings.fleet
    values = { locations = [] }
  }
  expect_failures = [aws_autoscaling_group.fleet]
}

run "inside_alone" {
  command = plan
  variables {
    internal = true
  }
  assert {
    condition     = aws_lb.this.internal
    error_message = "The load balancer has public addresses."
  }
}

run "a_cure_while_alarms_are_on" {
  command = plan
  variables {
    rollback_by_alarms = false
  }
  assert {
    condition     = alltrue([for g in aws_autoscaling_group.fleet : length(g.instance_refresh[0].preferences[0].alarm_specification) == 0 && g.instance_refresh[0].preferences[0].auto_rollback])
    error_message = "Alarms would keep the cure from coming out."
  }
}

run "fewer_instances_at_night" {
  command = plan
  variables {
    fleets = {
      web    = { roles = ["api", "web", "scheduler"], min = 3, max = 4, behind_alb = true, minimums = { night = { min = 1, cron = "0 22 * * *" } } }
      worker = { roles = ["worker"], min = 2, max = 8, minimums = { night = { min = 0, cron = "0 22 * * *" }, day = { min = 4, cron = "0 6 * * *" } } }
    }
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["web-below-minimum"].threshold == 1 && !contains(keys(aws_cloudwatch_metric_alarm.this), "worker-below-minimum")
    error_message = "An alarm goes off each night."
  }
}

run "image_from_another_registry" {
  command = plan
  variables {
    image = "ghcr.io/example/windlass@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }
  assert {
    condition     = alltrue(flatten([for s in local.fleet_statements : [for one in s : !strcontains(jsonencode(one.Action), "ecr:")]]))
    error_message = "Roles may use a registry that nobody needs."
  }
}

run "everything_else" {
  command = plan
  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
    ami_ids              = { arm64 = "ami-0fedcba9876543210" }
    alarm_emails         = ["ops@example.org"]
    ingress_cidrs        = ["203.0.113.0/24", "198.51.100.0/24"]
    egress_ports         = [80, 443]
    options              = { WINDLASS_RETENTION = "720h" }
    tags                 = { Team = "devops" }
    deletion_protection  = false
  }
  assert {
    condition     = alltrue([for r in aws_iam_role.fleet : r.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"])
    error_message = "A role has no boundary."
  }
  assert {
    condition     = alltrue([for t in aws_launch_template.fleet : t.image_id == "ami-0fedcba9876543210"])
    error_message = "An instance takes another system than the one that is pinned."
  }
  assert {
    condition     = aws_s3_bucket.access_logs.force_destroy && alltrue([for s in aws_secretsmanager_secret.this : s.recovery_window_in_days == 0]) && alltrue([for g in aws_autoscaling_group.fleet : g.force_delete]) && !aws_lb.this.enable_deletion_protection && aws_elasticache_replication_group.this.final_snapshot_identifier == null
    error_message = "destroy would leave something."
  }
}

run "protected" {
  command = plan
  variables {
    deletion_protection = true
  }
  assert {
    condition     = !aws_s3_bucket.access_logs.force_destroy && alltrue([for s in aws_secretsmanager_secret.this : s.recovery_window_in_days == 30]) && aws_lb.this.enable_deletion_protection && aws_elasticache_replication_group.this.final_snapshot_identifier == "devops-redis-last"
    error_message = "destroy would take something for good."
  }
}
