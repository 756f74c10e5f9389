# One screen, read from the top: is it well, and if not, where. Rows follow a task's way: alarms,
# requests, waiting, running, Redis, and the errors of the log.

locals {
  own = { for metric in ["Backlog", "OldestPendingAge", "Workers", "SlotsUsed", "SlotsFree", "LeaderPresent", "AttemptsStarted", "RedisLatency", "SweeperRepairs"] :
    metric => [local.namespace, metric, "Environment", local.prefix]
  }
  alb_metric    = ["LoadBalancer", aws_lb.this.arn_suffix]
  target_metric = ["TargetGroup", aws_lb_target_group.this.arn_suffix, "LoadBalancer", aws_lb.this.arn_suffix]

  # title, metrics, and how they are added up within a period.
  graphs = [
    { title = "Requests a minute, and errors", stat = "Sum", metrics = [
      concat(["AWS/ApplicationELB", "RequestCount"], local.alb_metric),
      concat(["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"], local.target_metric),
      concat(["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"], local.alb_metric),
      concat(["AWS/ApplicationELB", "HTTPCode_Target_4XX_Count"], local.target_metric),
    ] },
    { title = "Seconds to an answer", stat = "p99", metrics = [
      concat(["AWS/ApplicationELB", "TargetResponseTime"], local.target_metric, [{ stat = "p50", label = "half" }]),
      concat(["AWS/ApplicationELB", "TargetResponseTime"], local.target_metric, [{ stat = "p99", label = "slowest 1%" }]),
    ] },
    { title = "Instances", stat = "Average", metrics = concat(
      [concat(["AWS/ApplicationELB", "HealthyHostCount"], local.target_metric), concat(["AWS/ApplicationELB", "UnHealthyHostCount"], local.target_metric)],
      [for f in local.fleets : ["AWS/AutoScaling", "GroupInServiceInstances", "AutoScalingGroupName", f.asg_name, { label = f.asg_name }]],
    ) },
    { title = "Tasks that wait", stat = "Maximum", metrics = [local.own.Backlog] },
    { title = "Seconds that the oldest has waited", stat = "Maximum", metrics = [local.own.OldestPendingAge] },
    { title = "Attempts by outcome", stat = "Sum", metrics = concat(
      [local.own.AttemptsStarted],
      [for outcome in ["succeeded", "failed", "canceled", "lost", "released"] : [local.namespace, "AttemptsFinished", "Environment", local.prefix, "Outcome", outcome]],
    ) },
    { title = "Workers and slots", stat = "Average", metrics = [local.own.Workers, local.own.SlotsUsed, local.own.SlotsFree, local.own.LeaderPresent] },
    { title = "Redis: percent of memory and CPU", stat = "Maximum", metrics = concat(
      [for node in local.redis_nodes : ["AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "CacheClusterId", node]],
      [for node in local.redis_nodes : ["AWS/ElastiCache", "EngineCPUUtilization", "CacheClusterId", node]],
    ) },
    { title = "Redis: seconds to an answer, repairs", stat = "Maximum", metrics = [local.own.RedisLatency, concat(local.own.SweeperRepairs, [{ stat = "Sum", yAxis = "right" }])] },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.prefix

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type = "alarm", x = 0, y = 0, width = 24, height = 3
        properties = {
          title  = "Is it well? Red says where it is not"
          alarms = concat([for a in aws_cloudwatch_metric_alarm.rollback : a.arn], [for a in aws_cloudwatch_metric_alarm.this : a.arn])
        }
      }],
      [for i, graph in local.graphs : {
        type = "metric", x = 8 * (i % 3), y = 3 + 5 * floor(i / 3), width = 8, height = 5
        properties = {
          title   = graph.title
          stat    = graph.stat
          metrics = graph.metrics
          period  = 60
          region  = var.region
          view    = "timeSeries"
        }
      }],
      [{
        type = "log", x = 0, y = 18, width = 24, height = 6
        properties = {
          title  = "Errors and warnings of the program"
          region = var.region
          view   = "table"
          query  = "SOURCE '${local.log_groups.app}' | fields @timestamp, level, msg, error | filter level in ['ERROR', 'WARN'] | sort @timestamp desc | limit 50"
        }
      }],
    )
  })
}
