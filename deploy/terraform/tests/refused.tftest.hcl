# What cannot work is refused before anything is made, by a sentence that says what to do.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "test"
  region      = "eu-central-1"
  image       = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/windlass@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  fleets      = { all = { roles = ["api", "web", "worker", "scheduler"], min = 1, max = 1, behind_alb = true } }
}

run "names" {
  command = plan
  variables {
    name        = "Windlass!"
    environment = "a name that is much too long"
    region      = "Frankfurt"
  }
  expect_failures = [var.name, var.environment, var.region]
}

run "image_by_tag" {
  command = plan
  variables {
    image = "windlass:latest"
  }
  expect_failures = [var.image]
}

run "foreign_image_without_internet" {
  command = plan
  variables {
    image             = "ghcr.io/example/windlass@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    private_endpoints = true
  }
  expect_failures = [var.image]
}

run "domain_without_certificate" {
  command = plan
  variables {
    domain_name = "tasks.example.org"
  }
  expect_failures = [var.certificate_arn]
}

run "zone_of_another_domain" {
  command = plan
  variables {
    domain_name      = "tasks.example.org"
    hosted_zone_name = "example.com"
  }
  expect_failures = [var.hosted_zone_name]
}

run "ssh_for_a_network" {
  command = plan
  variables {
    ssh_cidr = "203.0.113.0/24"
  }
  expect_failures = [var.ssh_cidr]
}

run "ssh_for_the_world" {
  command = plan
  variables {
    ssh_cidr = "0.0.0.0/0"
  }
  expect_failures = [var.ssh_cidr]
}

run "sign_in_without_tls" {
  command = plan
  variables {
    oidc = {
      issuer                 = "https://id.example.org"
      authorization_endpoint = "https://id.example.org/authorize"
      token_endpoint         = "http://id.example.org/token"
      user_info_endpoint     = "https://id.example.org/userinfo"
      client_id              = "windlass"
    }
  }
  expect_failures = [var.oidc]
}

run "sign_in_without_secret" {
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
  }
  expect_failures = [var.oidc_client_secret]
}

run "role_that_runs_nowhere" {
  command = plan
  variables {
    fleets = { all = { roles = ["api", "web", "worker"], min = 1, max = 1, behind_alb = true } }
  }
  expect_failures = [var.fleets]
}

run "api_without_load_balancer" {
  command = plan
  variables {
    fleets = { all = { roles = ["api", "web", "worker", "scheduler"], min = 1, max = 1 } }
  }
  expect_failures = [var.fleets]
}

run "spot_that_drains_too_long" {
  command = plan
  variables {
    fleets = {
      web    = { roles = ["api", "web", "scheduler"], min = 1, max = 1, behind_alb = true }
      worker = { roles = ["worker"], min = 0, max = 4, spot = true, drain_seconds = 300 }
    }
  }
  expect_failures = [var.fleets]
}

run "more_at_least_than_at_most" {
  command = plan
  variables {
    fleets = { all = { roles = ["api", "web", "worker", "scheduler"], min = 3, max = 1, behind_alb = true } }
  }
  expect_failures = [var.fleets]
}

run "secret_among_options" {
  command = plan
  variables {
    options = { WINDLASS_ADMIN_TOKEN = "no" }
  }
  expect_failures = [var.options]
}

run "cluster_that_cannot_fail_over" {
  command = plan
  variables {
    redis = { shards = 2, nodes = 1 }
  }
  expect_failures = [var.redis]
}

run "one_subnet" {
  command = plan
  variables {
    vpc_id     = "vpc-0123456789abcdef0"
    subnet_ids = ["subnet-0aaaaaaaaaaaaaaaa"]
  }
  expect_failures = [var.subnet_ids]
}

run "retention_that_cloudwatch_does_not_know" {
  command = plan
  variables {
    log_retention_days = 100
  }
  expect_failures = [var.log_retention_days]
}

# Each of the following runs gives one wrong value to many variables at once, and each of them has
# to say so. fleets and redis have more rules than the others, so they set the number of runs.

run "parts_of_a_whole" {
  command = plan
  variables {
    fleets              = { all = { roles = ["api", "web", "worker", "scheduler"], min = 1, max = 1, behind_alb = true, drain_seconds = 30.5 } }
    redis               = { nodes = 1.5 }
    waf_rate            = 100.5
    access_log_days     = 1.5
    redis_token_version = 1.5
    admin_token_version = 0
    egress_ports        = [443, 80.5]
    certificate_arn     = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    oidc_client_secret  = "not a secret"
    oidc = {
      issuer                 = "https://id.example.org"
      authorization_endpoint = "https://id.example.org/authorize"
      token_endpoint         = "https://id.example.org/token"
      user_info_endpoint     = "https://id.example.org/userinfo"
      client_id              = "windlass"
      session_hours          = 0.5
    }
  }
  expect_failures = [var.fleets, var.redis, var.waf_rate, var.access_log_days, var.redis_token_version, var.admin_token_version, var.egress_ports, var.oidc]
}

run "nothing_to_aim_for" {
  command = plan
  variables {
    fleets             = { all = { roles = ["api", "web", "worker", "scheduler"], min = 1, max = 2, behind_alb = true, backlog = 0 } }
    redis              = { node_type = "cache.huge" }
    alarm_limits       = { errors = -1 }
    alarm_emails       = ["Ops <ops@example.org>"]
    ingress_cidrs      = ["203.0.113.7/24"]
    egress_allow       = ["0.0.0.0/0"]
    options            = { WINDLASS_LISTEN = ":9" }
    tags               = { "aws:team" = "devops" }
    certificate_arn    = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    oidc_client_secret = "not a secret"
    oidc = {
      issuer                 = "https://id.example.org"
      authorization_endpoint = "https://id.example.org/authorize"
      token_endpoint         = "https://id.example.org/token"
      user_info_endpoint     = "https://id.example.org/userinfo"
      client_id              = "windlass"
      roles                  = "king=*"
    }
  }
  expect_failures = [var.fleets, var.redis, var.alarm_limits, var.alarm_emails, var.ingress_cidrs, var.egress_allow, var.options, var.tags, var.oidc]
}

run "what_aws_does_not_have" {
  command = plan
  variables {
    name            = "internal"
    fleets          = { all = { roles = ["api", "web", "worker", "scheduler"], min = 1, max = 1, behind_alb = true, instance_type = "cache.t3.micro" } }
    redis           = { snapshot_window = "at night" }
    alarm_limits    = { redis_memory = 800 }
    alarm_emails    = ["ops@localhost"]
    ingress_cidrs   = ["::/0"]
    egress_allow    = ["10.1.2.3/16"]
    tags            = { Application = "other" }
    ami_ids         = { arm64 = "ami-" }
    vpc_id          = "default"
    subnet_ids      = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"]
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/"
  }
  expect_failures = [
    var.name, var.fleets, var.redis, var.alarm_limits, var.alarm_emails, var.ingress_cidrs, var.egress_allow, var.tags, var.ami_ids,
    var.vpc_id, var.certificate_arn,
  ]
}

run "hours_that_are_none" {
  command = plan
  variables {
    fleets            = { all = { roles = ["api", "web", "worker", "scheduler"], min = 1, max = 2, behind_alb = true, minimums = { morning = { min = 2, cron = "every morning" } } } }
    redis             = { maintenance_window = "sunday" }
    ingress_cidrs     = [for i in range(31) : "10.${i}.0.0/16"]
    vpc_id            = "vpc-0123456789abcdef0"
    subnet_ids        = ["public a", "public b"]
    private_endpoints = true
    image             = "123456789012.dkr.ecr.us-east-1.amazonaws.com/windlass@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }
  expect_failures = [var.fleets, var.redis, var.ingress_cidrs, var.subnet_ids, var.image]
}

run "an_outage_by_the_clock" {
  command = plan
  variables {
    fleets           = { all = { roles = ["api", "web", "worker", "scheduler"], min = 1, max = 1, behind_alb = true, minimums = { night = { min = 0, cron = "0 22 * * *" } } } }
    redis            = { snapshot_window = "04:00-05:00", maintenance_window = "sun:04:30-sun:05:30" }
    domain_name      = "this-name-is-much-longer-than-any-certificate-of-acm-takes.example.org"
    hosted_zone_name = "example.org"
  }
  expect_failures = [var.fleets, var.redis, var.certificate_arn]
}

run "time_zone_that_is_none" {
  command = plan
  variables {
    fleets      = { all = { roles = ["api", "web", "worker", "scheduler"], min = 1, max = 2, behind_alb = true, minimums = { morning = { min = 2, cron = "0 8 * * *", time_zone = "Berlin" } } } }
    redis       = { nodes = 6, shards = 90 }
    domain_name = "a-label-that-has-sixty-four-characters-is-one-too-long-for-dns00.example.org"
  }
  expect_failures = [var.fleets, var.redis, var.domain_name]
}

run "queues_without_workers" {
  command = plan
  variables {
    fleets = {
      web    = { roles = ["api", "web", "scheduler"], min = 1, max = 1, behind_alb = true, queues = { mail = 1 } }
      worker = { roles = ["worker"], min = 1, max = 4 }
    }
    domain_name      = "tasks.example.org"
    hosted_zone_name = "example.org."
  }
  expect_failures = [var.fleets, var.hosted_zone_name]
}

run "queue_of_no_weight" {
  command = plan
  variables {
    fleets             = { all = { roles = ["api", "web", "worker", "scheduler"], min = 1, max = 1, behind_alb = true, queues = { mail = 0 } } }
    options            = { WINDLASS_EGRESS_HOSTS = join(",", [for i in range(400) : "host${i}.example.org"]) } # more than user data takes
    certificate_arn    = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    oidc_client_secret = "not a secret"
    oidc = {
      issuer                 = "https://id.example.org"
      authorization_endpoint = "https://id.example.org/authorize"
      token_endpoint         = "https://id.example.org/token"
      user_info_endpoint     = "https://id.example.org/userinfo"
      client_id              = "windlass"
      scope                  = "email"
    }
  }
  expect_failures = [var.fleets, var.options, var.oidc]
}
