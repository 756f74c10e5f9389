# A fleet is a launch template and a group. A new image makes a new version of the template, and
# that makes the group replace its instances, one by one, each drained, and go back by itself when
# the new ones are not well.

data "aws_ssm_parameter" "ami" {
  for_each = toset([for f in local.fleets : f.architecture if !contains(keys(var.ami_ids), f.architecture)])
  name     = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${each.key}"
}

locals {
  # Not .value: that counts as a secret and hides the plan.
  ami_ids = merge({ for a, p in data.aws_ssm_parameter.ami : a => p.insecure_value }, var.ami_ids)

  fleet_environment = { for name, f in local.fleets : name => merge(
    var.options,
    {
      AWS_REGION                   = var.region
      WINDLASS_LISTEN              = f.listen
      WINDLASS_REDIS_URL           = local.redis_url
      WINDLASS_REDIS_PASSWORD_FILE = "/run/windlass/redis-password"
      WINDLASS_LOG_GROUP           = aws_cloudwatch_log_group.this["app"].name
      WINDLASS_LOG_SPOOL_DIR       = "/var/lib/windlass/log-spool"
      WINDLASS_LOG_FORMAT          = "json"
      WINDLASS_ENVIRONMENT         = local.prefix # a dimension of the metrics: scaling and alarms name it
      WINDLASS_DRAIN               = "${f.drain_seconds}s"
    },
    contains(local.fleet_secrets[name], "secrets-key") ? { WINDLASS_SECRETS_KEY_FILE = "/run/windlass/secrets-key" } : {},
    f.behind_alb ? {
      WINDLASS_ADMIN_TOKEN_FILE = "/run/windlass/admin-token"
      # The load balancer's addresses; its security group is the only one that is let in.
      WINDLASS_TRUSTED_PROXIES = join(",", distinct(concat([data.aws_vpc.this.cidr_block], data.aws_vpc.this.cidr_block_associations[*].cidr_block)))
    } : {},
    f.behind_alb && var.oidc != null ? {
      WINDLASS_OIDC_SIGNERS = aws_lb.this.arn
      WINDLASS_OIDC_ISSUER  = var.oidc.issuer
      WINDLASS_OIDC_CLIENT  = var.oidc.client_id
      WINDLASS_OIDC_ROLES   = var.oidc.roles
    } : {},
    f.concurrency == null ? {} : { WINDLASS_CONCURRENCY = tostring(f.concurrency) },
    f.queues == null ? {} : { WINDLASS_QUEUES = join(",", [for name, weight in f.queues : "${name}=${weight}"]) },
    length(var.egress_allow) == 0 ? {} : { WINDLASS_EGRESS_ALLOW = join(",", sort(var.egress_allow)) },
  ) }
}

resource "aws_launch_template" "fleet" {
  for_each = local.fleets

  name                   = local.fleets[each.key].asg_name
  description            = "Instances of ${each.value.asg_name}: ${each.value.role_list}"
  update_default_version = true
  image_id               = local.ami_ids[each.value.architecture]
  instance_type          = each.value.instance_type
  key_name               = var.ssh_key_name

  iam_instance_profile {
    arn = aws_iam_instance_profile.fleet[each.key].arn
  }

  # The metadata service answers with a token alone, and one hop away: what it says stays on the
  # instance. The container shares the instance's network.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled"
  }

  # With AWS's own key: see logs.tf.
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_type           = "gp3"
      volume_size           = each.value.volume_gb
      encrypted             = true
      delete_on_termination = true
    }
  }

  # A default VPC has no way out but a public address; what may come in is the load balancer.
  network_interfaces {
    associate_public_ip_address = !var.private_endpoints #checkov:skip=CKV_AWS_88:without private_endpoints a public address is the only way to AWS; nothing but the load balancer comes in
    security_groups             = [aws_security_group.this["app"].id]
    delete_on_termination       = true
  }

  dynamic "instance_market_options" {
    for_each = each.value.spot ? [1] : []
    content {
      market_type = "spot"
    }
  }

  monitoring {
    enabled = false # Scaling looks at requests and backlog, not at CPU.
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])
    content {
      resource_type = tag_specifications.key
      tags          = merge(local.tags, { Name = each.value.asg_name })
    }
  }

  user_data = base64encode(templatefile("${path.module}/templates/user_data.sh.tftpl", {
    fleet                  = each.value.asg_name
    roles                  = each.value.role_list
    image                  = var.image
    ecr_registry           = try(local.ecr.registry, null)
    region                 = var.region
    uid                    = local.uid
    environment            = local.fleet_environment[each.key]
    secrets                = { for secret in local.fleet_secrets[each.key] : secret => aws_secretsmanager_secret.this[secret].arn }
    admin_token_version    = each.value.behind_alb ? var.admin_token_version : 0
    asg_name               = each.value.asg_name
    launch_hook            = local.launch_hook
    drain_hook             = local.drain_hook
    deregistration_seconds = each.value.deregistration_seconds
    stop_seconds           = each.value.stop_seconds
    boot_seconds           = local.boot_seconds
    spot                   = each.value.spot
  }))
}

locals {
  hooks = { for h in flatten([for name, f in local.fleets : [
    # An instance serves when the program answers, and else is given back.
    { fleet = name, name = local.launch_hook, transition = "autoscaling:EC2_INSTANCE_LAUNCHING", seconds = local.boot_seconds + 120, otherwise = "ABANDON" },
    # An instance goes when its requests and tasks have ended.
    { fleet = name, name = local.drain_hook, transition = "autoscaling:EC2_INSTANCE_TERMINATING", seconds = f.hook_seconds, otherwise = "CONTINUE" },
  ]]) : "${h.fleet}-${h.name}" => h }
}

# The hooks for good: those of the group itself would not follow when drain_seconds changes.
resource "aws_autoscaling_lifecycle_hook" "fleet" {
  for_each = local.hooks

  name                   = each.value.name
  autoscaling_group_name = aws_autoscaling_group.fleet[each.value.fleet].name
  lifecycle_transition   = each.value.transition
  heartbeat_timeout      = each.value.seconds
  default_result         = each.value.otherwise
}

resource "aws_autoscaling_group" "fleet" {
  for_each = local.fleets

  name                = each.value.asg_name
  min_size            = each.value.min
  max_size            = each.value.max
  vpc_zone_identifier = local.fleet_subnets[each.key]
  target_group_arns   = each.value.behind_alb ? [aws_lb_target_group.this.arn] : []

  # By number: with $Latest a new version would start no refresh, and could not be rolled back.
  launch_template {
    id      = aws_launch_template.fleet[each.key].id
    version = aws_launch_template.fleet[each.key].latest_version
  }

  health_check_type         = each.value.behind_alb ? "ELB" : "EC2"
  health_check_grace_period = 60 # From the end of the launch hook, when the program answers.
  default_instance_warmup   = each.value.warmup_seconds
  max_instance_lifetime     = 30 * 24 * 3600 # No instance grows older than its patches.
  capacity_rebalance        = each.value.spot
  force_delete              = !var.deletion_protection # Else destroy waits for every drain.

  # Scaling looks at GroupInServiceInstances, an alarm too.
  enabled_metrics = ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupMinSize", "GroupMaxSize", "GroupPendingInstances", "GroupTerminatingInstances"]

  # The first instances too wait for the hooks: see aws_autoscaling_lifecycle_hook.
  dynamic "initial_lifecycle_hook" {
    for_each = { for h in local.hooks : h.name => h if h.fleet == each.key }
    content {
      name                 = initial_lifecycle_hook.value.name
      lifecycle_transition = initial_lifecycle_hook.value.transition
      heartbeat_timeout    = initial_lifecycle_hook.value.seconds
      default_result       = initial_lifecycle_hook.value.otherwise
    }
  }

  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage       = 100
      max_healthy_percentage       = each.value.min > 1 ? 150 : 200
      instance_warmup              = each.value.warmup_seconds
      auto_rollback                = true
      skip_matching                = true
      scale_in_protected_instances = "Wait"
      standby_instances            = "Wait"

      dynamic "alarm_specification" {
        for_each = var.rollback_by_alarms ? [1] : []
        content {
          alarms = [for a in aws_cloudwatch_metric_alarm.rollback : a.alarm_name]
        }
      }
    }
  }

  dynamic "tag" {
    for_each = merge(local.tags, { Name = each.value.asg_name })
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    # The first is scaling's affair. The second counts when a group is made, and never again.
    ignore_changes = [desired_capacity, initial_lifecycle_hook]

    precondition {
      condition     = length(local.fleet_subnets[each.key]) > 0
      error_message = "fleets: none of the subnets' zones has instances of the type ${each.value.instance_type}; `aws ec2 describe-instance-type-offerings --location-type availability-zone` lists what there is."
    }
  }

  timeouts {
    delete = "60m" # With deletion_protection every instance drains first.
  }

  # What instances need from their first moment to the end of their drain.
  depends_on = [
    aws_vpc_security_group_ingress_rule.this,
    aws_vpc_security_group_egress_rule.this,
    aws_vpc_endpoint.interface,
    aws_iam_role_policy.fleet,
    aws_secretsmanager_secret_version.admin,
    aws_secretsmanager_secret_version.redis,
    aws_secretsmanager_secret_version.secrets_key,
    aws_elasticache_replication_group.this,
    aws_lb_listener.http,
    aws_lb_listener.https,
  ]
}
