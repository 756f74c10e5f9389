# Workers follow the backlog, which the leading scheduler publishes; those who serve follow requests.
# A fleet with queues of its own looks at these, all others at what waits in queues that somebody
# serves: a task that nobody will ever take must not hold all the instances there can be.
# What is missing moves nothing: no metric is filled with zeros.

locals {
  by_backlog = { for name, f in local.fleets : name => f if f.backlog != null && f.max > f.min }
  by_age     = { for name, f in local.fleets : name => f if f.oldest_seconds != null && f.max > f.min }
  # What waits and since when, by the ids that the expressions below have for it.
  waiting = { for name, f in local.fleets : name => f.queues == null ? {
    q0 = { backlog = "ServedBacklog", age = "ServedOldestPendingAge", dimensions = { Environment = local.prefix } }
    } : { for i, queue in keys(f.queues) :
    "q${i}" => { backlog = "Backlog", age = "OldestPendingAge", dimensions = { Environment = local.prefix, Queue = queue } }
  } }

  by_requests = { for name, f in local.fleets : name => f if f.requests != null && f.max > f.min }

  minimums = merge([for name, f in local.fleets : { for key, m in f.minimums : "${name}-${key}" => merge(m, { fleet = name, max = f.max }) }]...)
}

resource "aws_autoscaling_policy" "backlog" {
  for_each = local.by_backlog

  name                   = "backlog"
  autoscaling_group_name = aws_autoscaling_group.fleet[each.key].name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = each.value.backlog

    customized_metric_specification {
      dynamic "metrics" {
        for_each = local.waiting[each.key]
        content {
          id          = metrics.key
          label       = "Tasks that wait"
          return_data = false
          metric_stat {
            stat = "Maximum"
            metric {
              namespace   = local.namespace
              metric_name = metrics.value.backlog
              dynamic "dimensions" {
                for_each = metrics.value.dimensions
                content {
                  name  = dimensions.key
                  value = dimensions.value
                }
              }
            }
          }
        }
      }
      metrics {
        id          = "instances"
        label       = "Instances in service"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = "AWS/AutoScaling"
            metric_name = "GroupInServiceInstances"
            dimensions {
              name  = "AutoScalingGroupName"
              value = aws_autoscaling_group.fleet[each.key].name
            }
          }
        }
      }
      metrics {
        id          = "each"
        label       = "Tasks that wait for each instance"
        expression  = replace("IF(instances > 0, (backlog) / instances, backlog)", "backlog", join(" + ", keys(local.waiting[each.key])))
        return_data = true
      }
    }
  }
}

# The age only adds: an old task says that there are too few workers, a young one says nothing.
resource "aws_autoscaling_policy" "age" {
  for_each = local.by_age

  name                   = "oldest-task"
  autoscaling_group_name = aws_autoscaling_group.fleet[each.key].name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value     = each.value.oldest_seconds
    disable_scale_in = each.value.backlog != null

    customized_metric_specification {
      dynamic "metrics" {
        for_each = local.waiting[each.key]
        content {
          id          = metrics.key
          label       = "Seconds that the oldest has waited"
          return_data = length(local.waiting[each.key]) == 1
          metric_stat {
            stat = "Maximum"
            metric {
              namespace   = local.namespace
              metric_name = metrics.value.age
              dynamic "dimensions" {
                for_each = metrics.value.dimensions
                content {
                  name  = dimensions.key
                  value = dimensions.value
                }
              }
            }
          }
        }
      }
      dynamic "metrics" {
        for_each = length(local.waiting[each.key]) == 1 ? [] : ["MAX([${join(", ", keys(local.waiting[each.key]))}])"]
        content {
          id          = "oldest"
          label       = "Seconds that the oldest of all has waited"
          expression  = metrics.value
          return_data = true
        }
      }
    }
  }
}

resource "aws_autoscaling_policy" "requests" {
  for_each = local.by_requests

  name                   = "requests"
  autoscaling_group_name = aws_autoscaling_group.fleet[each.key].name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = each.value.requests

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = "${aws_lb.this.arn_suffix}/${aws_lb_target_group.this.arn_suffix}"
    }
  }

  # Until a listener sends to the target group, AWS does not know the pair.
  depends_on = [aws_lb_listener.http, aws_lb_listener.https]
}

resource "aws_autoscaling_schedule" "minimum" {
  for_each = local.minimums

  scheduled_action_name  = each.key
  autoscaling_group_name = aws_autoscaling_group.fleet[each.value.fleet].name
  min_size               = each.value.min
  max_size               = each.value.max
  desired_capacity       = -1 # As it is, within the bounds.
  recurrence             = each.value.cron
  time_zone              = each.value.time_zone
}
