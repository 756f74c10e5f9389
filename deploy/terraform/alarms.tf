resource "aws_sns_topic" "alarms" {
  name              = "${local.prefix}-alarms"
  kms_master_key_id = aws_kms_key.this.arn
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

locals {
  alb_dimensions    = { LoadBalancer = aws_lb.this.arn_suffix }
  target_dimensions = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.this.arn_suffix }
  own_dimensions    = { Environment = local.prefix }

  # A refresh that sets one of these off is rolled back.
  rollback_alarms = ["server-errors", "unhealthy-instances"]

  # One line of words for who is woken: what it means, and where to look. minutes is how long it
  # must last. missing: what no data means.
  alarms = merge(
    {
      server-errors = {
        text      = "The program answers with 5xx. Look at the errors on the dashboard."
        namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.target_dimensions
        stat      = "Sum", above = var.alarm_limits.errors, minutes = 2
      }
      load-balancer-errors = {
        text      = "The load balancer answers with 5xx itself: no instance took the request."
        namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", dimensions = local.alb_dimensions
        stat      = "Sum", above = var.alarm_limits.errors, minutes = 2
      }
      unhealthy-instances = {
        text      = "An instance does not answer on /livez. See README.md, \"Targets are unhealthy\"."
        namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", dimensions = local.target_dimensions
        stat      = "Maximum", above = 0, minutes = 5
      }
      slow-requests = {
        text      = "The slowest 1% of requests take long."
        namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", dimensions = local.target_dimensions
        stat      = "p99", above = var.alarm_limits.p99_seconds, minutes = 5
      }
      oldest-task = {
        text      = "Tasks wait too long, or nobody says how long: then no scheduler leads, or it cannot ship. Add workers, serve the queue that nobody serves, or look at the scheduler's log."
        namespace = local.namespace, metric = "OldestPendingAge", dimensions = local.own_dimensions
        stat      = "Maximum", above = var.alarm_limits.oldest_seconds, minutes = 5, missing = "breaching"
      }
      no-log-lines = {
        text      = "No log line arrived for a quarter of an hour: the program does not run, or cannot ship."
        namespace = "AWS/Logs", metric = "IncomingLogEvents", dimensions = { LogGroupName = local.log_groups.app }
        stat      = "Sum", below = 1, minutes = 15, missing = "breaching"
      }
      log-lines-behind = {
        text      = "Log lines wait on an instance's disk: CloudWatch is slow there, or does not take them. Its `docker logs` say why."
        namespace = local.namespace, metric = "LogOldestUnshipped", dimensions = local.own_dimensions
        stat      = "Maximum", above = var.alarm_limits.log_lag, minutes = 5
      }
      dropped-log-lines = {
        text      = "Log lines were dropped: CloudWatch was away for longer than the spool lasts."
        namespace = local.namespace, metric = "LogLinesDropped", dimensions = local.own_dimensions
        stat      = "Sum", above = 0, minutes = 1
      }
    },
    # The least minimum that any hour has: a night with fewer instances wakes nobody.
    { for name, f in local.fleets : "${name}-below-minimum" => {
      text      = "The fleet has fewer instances than its minimum. Look at the group's activity in the EC2 console."
      namespace = "AWS/AutoScaling", metric = "GroupInServiceInstances", dimensions = { AutoScalingGroupName = f.asg_name }
      stat      = "Minimum", below = f.least, minutes = 10, missing = "breaching"
    } if f.least > 0 },
    merge([for node in local.redis_nodes : {
      "${node}-memory" = {
        text      = "Redis is nearly full. A full one refuses new tasks. Take a larger node_type, or keep ended tasks for less time."
        namespace = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", dimensions = { CacheClusterId = node }
        stat      = "Maximum", above = var.alarm_limits.redis_memory, minutes = 5
      }
      "${node}-evictions" = {
        text      = "Redis threw keys away: its maxmemory-policy is not noeviction. Tasks may be lost."
        namespace = "AWS/ElastiCache", metric = "Evictions", dimensions = { CacheClusterId = node }
        stat      = "Sum", above = 0, minutes = 1
      }
      "${node}-cpu" = {
        text      = "Redis's one core is busy. Take a larger node_type, or more shards."
        namespace = "AWS/ElastiCache", metric = "EngineCPUUtilization", dimensions = { CacheClusterId = node }
        stat      = "Average", above = var.alarm_limits.redis_cpu, minutes = 5
      }
    }]...),
    merge([for node in local.redis_nodes : {
      "${node}-replication-lag" = {
        text      = "A replica is behind: a failover now would lose that much."
        namespace = "AWS/ElastiCache", metric = "ReplicationLag", dimensions = { CacheClusterId = node }
        stat      = "Maximum", above = var.alarm_limits.replica_lag, minutes = 5
      }
    } if var.redis.nodes > 1]...),
  )
}

# Those that a refresh looks at are there before the groups. All others come after them, and go
# before them: a missing metric means trouble, and on the first day and the last it would not.
resource "aws_cloudwatch_metric_alarm" "rollback" {
  for_each = { for name, alarm in local.alarms : name => alarm if contains(local.rollback_alarms, name) }

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.stat
  period              = 60
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.minutes
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

moved {
  from = aws_cloudwatch_metric_alarm.this["server-errors"]
  to   = aws_cloudwatch_metric_alarm.rollback["server-errors"]
}

moved {
  from = aws_cloudwatch_metric_alarm.this["unhealthy-instances"]
  to   = aws_cloudwatch_metric_alarm.rollback["unhealthy-instances"]
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { for name, alarm in local.alarms : name => alarm if !contains(local.rollback_alarms, name) }

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.stat, "p") ? null : each.value.stat
  extended_statistic  = startswith(each.value.stat, "p") ? each.value.stat : null
  period              = 60
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.minutes
  comparison_operator = can(each.value.above) ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = try(each.value.above, each.value.below)
  treat_missing_data  = try(each.value.missing, "notBreaching")
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  # The slowest 1% of three requests is one client that waits for its result.
  evaluate_low_sample_count_percentiles = startswith(each.value.stat, "p") ? "ignore" : null

  depends_on = [aws_autoscaling_group.fleet]
}
