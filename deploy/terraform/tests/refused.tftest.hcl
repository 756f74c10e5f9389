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
