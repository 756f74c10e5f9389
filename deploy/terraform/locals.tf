locals {
  prefix     = "${var.name}-${var.environment}"
  account_id = data.aws_caller_identity.this.account_id
  partition  = data.aws_partition.this.partition

  tags = merge(var.tags, {
    Application = var.name
    Environment = var.environment
    ManagedBy   = "terraform"
  })

  port = 8000
  uid  = 65532 # of the image's user
  tls  = var.domain_name != null || var.certificate_arn != null

  # What is in the image's name when it lies in ECR: else null.
  ecr = try(
    regex("^(?P<registry>(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?)/(?P<repository>[^:@]+)(?::[^@]+)?@", var.image),
    null
  )

  # The end of an instance, from the inside out. Each wait is longer than the one in it: the
  # program's own drain (fleets.drain_seconds), then 10 s for open requests and 5 s for log lines;
  # Docker's stop; systemd's; the group's hook.
  # The load balancer ends what it has sent within deregistration_seconds: the longest request
  # waits 60 s for its task's result. It closes quiet connections before the program does (75 s),
  # and after the longest request.
  deregistration_seconds = 65
  idle_seconds           = 70
  boot_seconds           = 300

  fleets = { for name, f in var.fleets : name => merge(f, {
    asg_name               = "${local.prefix}-${name}"
    least                  = min(f.min, [for m in f.minimums : m.min]...)
    architecture           = can(regex("^[a-z]+[0-9]+[a-z]*g", f.instance_type)) ? "arm64" : "x86_64"
    listen                 = f.behind_alb ? "0.0.0.0:${local.port}" : "127.0.0.1:${local.port}"
    role_list              = join(",", [for r in ["api", "web", "worker", "scheduler"] : r if contains(f.roles, r)])
    deregistration_seconds = f.behind_alb ? local.deregistration_seconds : 0
    stop_seconds           = f.drain_seconds + 20
    hook_seconds           = (f.behind_alb ? local.deregistration_seconds : 0) + f.drain_seconds + 95
  }) }

  launch_hook = "launch"
  drain_hook  = "drain"

  # What the program publishes: internal/metric.
  namespace = "Windlass"
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
