# Who may enter, and what for.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_kms_key" {
    defaults = {
      arn    = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
      key_id = "00000000-0000-0000-0000-000000000000"
    }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::windlass-state-123456789012" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/windlass-boundary" }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }
  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:eu-central-1:123456789012:repository/windlass" }
  }
}

variables {
  region            = "eu-central-1"
  github_repository = "example/windlass"
}

run "who_enters" {
  assert {
    condition = alltrue([for r in aws_iam_role.github :
      alltrue([for s in flatten([jsondecode(r.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"]]) : startswith(s, "repo:example/windlass:") && !strcontains(s, "*")]) &&
      jsondecode(r.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    ])
    error_message = "A role lets another repository in, or any branch."
  }
  assert {
    condition     = jsondecode(aws_iam_role.github["apply"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example/windlass:environment:production"]
    error_message = "Something else than the environment may apply."
  }
}

run "what_for" {
  assert {
    condition     = alltrue(flatten([for p in concat(values(aws_iam_role_policy.github), [aws_iam_policy.boundary]) : [for s in jsondecode(p.policy).Statement : [for a in s.Action : !strcontains(a, "*")]]]))
    error_message = "A policy has an action with *."
  }
  assert {
    condition = alltrue(flatten([for p in concat(values(aws_iam_role_policy.github), [aws_iam_policy.boundary]) : [
      for s in jsondecode(p.policy).Statement : [for r in s.Resource : r != "*"]
      if !contains(["EnterRegistry", "SessionManagerChannels"], s.Sid)
    ]]))
    error_message = "A policy has the resource * where AWS knows a narrower one."
  }
  assert {
    condition = alltrue([for s in jsondecode(aws_iam_role_policy.github["apply"].policy).Statement :
      s.Condition.StringEquals["iam:PermissionsBoundary"] == aws_iam_policy.boundary.arn if contains(s.Action, "iam:CreateRole")
    ])
    error_message = "The apply role may make roles that may do everything."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.github["plan"].policy, "iam:") && length([for s in jsondecode(aws_iam_role_policy.github["plan"].policy).Statement : s if contains(s.Action, "s3:PutObject") && s.Resource != ["${aws_s3_bucket.state.arn}/*.tflock"]]) == 0
    error_message = "The plan role may change something but the lock."
  }
}

run "state_and_images" {
  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled" && one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    error_message = "States are not versioned and encrypted."
  }
  assert {
    condition     = aws_s3_bucket_public_access_block.state.block_public_acls && aws_s3_bucket_public_access_block.state.block_public_policy && aws_s3_bucket_public_access_block.state.ignore_public_acls && aws_s3_bucket_public_access_block.state.restrict_public_buckets
    error_message = "States could become public."
  }
  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push && aws_ecr_repository.this.encryption_configuration[0].encryption_type == "KMS"
    error_message = "An image's tag may move, or it is not scanned or not encrypted."
  }
}

run "oidc_provider_that_is_there" {
  variables {
    github_oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }
  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "It makes a second one, which AWS refuses."
  }
}

run "without_workflows" {
  variables {
    github_repository = null
  }
  assert {
    condition     = length(aws_iam_role.github) + length(aws_iam_role_policy.github) + length(aws_iam_role_policy_attachment.github) + length(aws_iam_openid_connect_provider.github) == 0 && output.role_arns == {}
    error_message = "Somebody may enter for a repository that there is not."
  }
}

run "no_plan_for_pull_requests" {
  variables {
    github_plan_pull_requests = false
  }
  assert {
    condition     = jsondecode(aws_iam_role.github["plan"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example/windlass:ref:refs/heads/main"]
    error_message = "A branch can read the passwords."
  }
}

run "few_images" {
  command = plan
  variables {
    images_kept = 10
  }
  expect_failures = [var.images_kept]
}

run "wildcard_repository" {
  command = plan
  variables {
    github_repository = "example/*"
  }
  expect_failures = [var.github_repository]
}
