# A role for each fleet. What it may do is what its instances really do: test/aws holds the calls
# that program and user data make against these policies. "*" stands only where AWS knows no
# narrower resource.

locals {
  log_streams = "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:${local.log_groups.app}"

  # The secrets that a fleet's processes read: who serves no strangers needs no admin token, and
  # who handles no inputs no key.
  fleet_secrets = { for name, f in local.fleets : name => concat(
    f.behind_alb ? ["admin-token"] : [],
    ["redis-password"],
    contains(f.roles, "api") || contains(f.roles, "worker") ? ["secrets-key"] : [],
  ) }

  fleet_statements = { for name, f in local.fleets : name => concat(
    [
      {
        Sid      = "ShipLogLinesAndMetrics"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${local.log_streams}:*"]
      },
      {
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = [for secret in local.fleet_secrets[name] : aws_secretsmanager_secret.this[secret].arn]
      },
      {
        Sid       = "DecryptSecrets"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [aws_kms_key.this.arn]
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } }
      },
      {
        Sid    = "ComeAndGo"
        Effect = "Allow"
        Action = concat(
          ["autoscaling:CompleteLifecycleAction"],
          f.spot ? ["autoscaling:TerminateInstanceInAutoScalingGroup"] : [],
        )
        Resource = ["arn:${local.partition}:autoscaling:${var.region}:${local.account_id}:autoScalingGroup:*:autoScalingGroupName/${f.asg_name}"]
      },
      {
        Sid      = "SessionManagerSaysWhoItIs"
        Effect   = "Allow"
        Action   = ["ssm:UpdateInstanceInformation"]
        Resource = ["arn:${local.partition}:ec2:${var.region}:${local.account_id}:instance/*"]
      },
      {
        # These actions have no resource types: AWS takes no other resource than "*".
        Sid      = "SessionManagerChannels"
        Effect   = "Allow"
        Action   = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
        Resource = ["*"]
      },
    ],
    local.ecr == null ? [] : [
      {
        # It has no resource types either.
        Sid      = "EnterRegistry"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        Sid      = "PullImage"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = ["arn:${local.partition}:ecr:${local.ecr.region}:${local.ecr.account}:repository/${local.ecr.repository}"]
      },
    ],
  ) }
}

resource "aws_iam_role" "fleet" {
  for_each = local.fleets

  name                 = "${local.prefix}-${each.key}"
  description          = "Instances of ${local.prefix}-${each.key}"
  permissions_boundary = var.permissions_boundary

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "fleet" {
  for_each = local.fleets

  name = "windlass"
  role = aws_iam_role.fleet[each.key].id

  policy = jsonencode({ Version = "2012-10-17", Statement = local.fleet_statements[each.key] })
}

resource "aws_iam_instance_profile" "fleet" {
  for_each = local.fleets

  name = "${local.prefix}-${each.key}"
  role = aws_iam_role.fleet[each.key].name
}
