# Outlives an instance, a zone and a Redis node. Who serves and who works scale apart.
# About 185 USD a month at its minimum. The workflows read this file and nothing else, so put here
# what is yours: see terraform.tfvars.example. With them goes the boundary that bootstrap/ made:
# permissions_boundary = "arn:aws:iam::123456789012:policy/windlass-boundary"
environment = "production"
region      = "eu-central-1" # yours

fleets = {
  web = {
    roles         = ["api", "web", "scheduler"] # Any number of schedulers may run; one leads.
    min           = 2
    max           = 6
    behind_alb    = true
    drain_seconds = 30
    requests      = 6000
  }
  worker = {
    roles          = ["worker"]
    min            = 2
    max            = 20
    drain_seconds  = 300
    concurrency    = 16
    backlog        = 200
    oldest_seconds = 60
  }
}

redis = {
  node_type     = "cache.t4g.small"
  nodes         = 2
  snapshot_days = 7
}

waf                = true
log_retention_days = 365
access_log_days    = 90
