# Workflows enter without a key: GitHub says which repository and which part of it asks, and AWS
# gives credentials for an hour. Three roles: push images, plan, apply.

locals {
  issuer       = "token.actions.githubusercontent.com"
  provider_arn = try(coalesce(var.github_oidc_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn)), null)
  repository   = "repo:${coalesce(var.github_repository, "-")}"

  # Who gets which role, by GitHub's subject. Each is whole: no wildcard lets a branch or a fork in.
  # A pull request from a fork gets no token from GitHub.
  subjects = { for role, subjects in {
    push  = ["${local.repository}:ref:refs/heads/main"]
    plan  = concat(var.github_plan_pull_requests ? ["${local.repository}:pull_request"] : [], ["${local.repository}:ref:refs/heads/main"])
    apply = [for e in sort(var.github_environments) : "${local.repository}:environment:${e}"]
  } : role => subjects if var.github_repository != null }

  state_statements = [
    {
      Sid      = "FindState"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [aws_s3_bucket.state.arn]
    },
    {
      Sid      = "Lock"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
      Resource = ["${aws_s3_bucket.state.arn}/*.tflock"]
    },
    {
      Sid      = "StateKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [aws_kms_key.this.arn]
    },
  ]

  # What of IAM a deployment makes.
  own_iam = ["role/${var.name}-*", "instance-profile/${var.name}-*"]

  statements = {
    push = [
      {
        # It has no resource types: AWS takes no other resource.
        Sid      = "EnterRegistry"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        Sid    = "PushImage"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
          "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = [aws_ecr_repository.this.arn]
      },
    ]
    plan = concat(local.state_statements, [
      {
        Sid      = "ReadState"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${aws_s3_bucket.state.arn}/*.tfstate"]
      },
      {
        # A plan compares the secrets with the state. AWS's ReadOnlyAccess reads no secret.
        Sid      = "CompareSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = ["arn:${local.partition}:secretsmanager:${var.region}:${local.account_id}:secret:${var.name}/*"]
      },
      {
        # The deployment's key is made later, so it is named by who uses it and for what.
        Sid       = "DecryptSecrets"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = ["arn:${local.partition}:kms:${var.region}:${local.account_id}:key/*"]
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } }
      },
    ])
    apply = concat(local.state_statements, [
      {
        Sid      = "WriteState"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = ["${aws_s3_bucket.state.arn}/*.tfstate"]
      },
      {
        # Roles of ours alone, and only within the boundary: else who may make roles may do all.
        Sid       = "MakeRolesWithinTheBoundary"
        Effect    = "Allow"
        Action    = ["iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary"]
        Resource  = ["arn:${local.partition}:iam::${local.account_id}:role/${var.name}-*"]
        Condition = { StringEquals = { "iam:PermissionsBoundary" = aws_iam_policy.boundary.arn } }
      },
      {
        Sid    = "KeepRoles"
        Effect = "Allow"
        Action = [
          "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:DeleteRole",
          "iam:GetInstanceProfile", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
          "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:RemoveRoleFromInstanceProfile",
          "iam:TagInstanceProfile", "iam:TagRole", "iam:UntagInstanceProfile", "iam:UntagRole",
        ]
        Resource = [for part in local.own_iam : "arn:${local.partition}:iam::${local.account_id}:${part}"]
      },
      {
        # The workflows' own roles have such names too, and are not to change themselves.
        Sid      = "NotTheWorkflowsOwn"
        Effect   = "Deny"
        Action   = ["iam:AddRoleToInstanceProfile", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource = ["arn:${local.partition}:iam::${local.account_id}:role/${var.name}-github-*"]
      },
      {
        Sid       = "HandRolesToInstances"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = ["arn:${local.partition}:iam::${local.account_id}:role/${var.name}-*"]
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
    ])
  }

  # Reading the whole account is how Terraform refreshes; making things of a dozen services is how
  # it applies. Neither of AWS's policies can change IAM.
  managed = {
    plan  = "arn:${local.partition}:iam::aws:policy/ReadOnlyAccess"
    apply = "arn:${local.partition}:iam::aws:policy/PowerUserAccess"
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.github_repository != null && var.github_oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "github" {
  for_each = local.subjects

  name        = "${var.name}-github-${each.key}"
  description = "Workflows of ${var.github_repository} that ${each.key}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = each.value
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "github" {
  for_each = { for role, statements in local.statements : role => statements if contains(keys(local.subjects), role) }

  name   = "workflow"
  role   = aws_iam_role.github[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_iam_role_policy_attachment" "github" {
  for_each = { for role, policy in local.managed : role => policy if contains(keys(local.subjects), role) }

  role       = aws_iam_role.github[each.key].name
  policy_arn = each.value
}

# The most that a fleet may ever be given. The deployment's own policies give each fleet less.
resource "aws_iam_policy" "boundary" {
  name        = "${var.name}-boundary"
  description = "The most that instances of ${var.name} may be given"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:${local.partition}:logs:*:${local.account_id}:log-group:/${var.name}/*"]
      },
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = ["arn:${local.partition}:secretsmanager:*:${local.account_id}:secret:${var.name}/*"]
      },
      {
        Sid       = "SecretsKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = ["arn:${local.partition}:kms:*:${local.account_id}:key/*"]
        Condition = { StringLike = { "kms:ViaService" = "secretsmanager.*.amazonaws.com" } }
      },
      {
        Sid      = "ComeAndGo"
        Effect   = "Allow"
        Action   = ["autoscaling:CompleteLifecycleAction", "autoscaling:TerminateInstanceInAutoScalingGroup"]
        Resource = ["arn:${local.partition}:autoscaling:*:${local.account_id}:autoScalingGroup:*:autoScalingGroupName/${var.name}-*"]
      },
      {
        Sid      = "SessionManagerSaysWhoItIs"
        Effect   = "Allow"
        Action   = ["ssm:UpdateInstanceInformation"]
        Resource = ["arn:${local.partition}:ec2:*:${local.account_id}:instance/*"]
      },
      {
        # Neither these nor the next have resource types.
        Sid      = "SessionManagerChannels"
        Effect   = "Allow"
        Action   = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
        Resource = ["*"]
      },
      {
        Sid      = "EnterRegistry"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        Sid      = "PullImage"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = ["arn:${local.partition}:ecr:*:${local.account_id}:repository/${var.name}"]
      },
    ]
  })
}
