locals {
  redis_cluster = var.redis.shards > 1
  redis_family  = "${var.redis.engine}${split(".", var.redis.version)[0]}"
  redis_url = local.redis_cluster ? (
    "rediss+cluster://${aws_elasticache_replication_group.this.configuration_endpoint_address}:6379"
    ) : (
    "rediss://${aws_elasticache_replication_group.this.primary_endpoint_address}:6379/0"
  )

  # Its nodes by the names that metrics have.
  redis_nodes = toset(flatten([
    for shard in range(1, var.redis.shards + 1) : [
      for node in range(1, var.redis.nodes + 1) :
      local.redis_cluster ? format("%s-%04d-%03d", var.redis.id, shard, node) : format("%s-%03d", var.redis.id, node)
    ]
  ]))
}

# The passwords are made here, of two random ids, because this needs no second provider and shows
# in no log: data.aws_secretsmanager_random_password prints its value. They are in the state, so
# guard the state and plan files like passwords.
#
# Redis's goes by two secrets: "next" is made first, Redis learns it, and only then it is what
# instances read. So no instance ever has a password that Redis does not know yet.

# These are descriptions; KICS takes them for the secrets.
locals {
  secrets = {
    # kics-scan ignore-line
    admin-token = "What the page and the API ask for"
    # kics-scan ignore-line
    redis-password      = "What instances show to Redis"
    redis-password-next = "What Redis is told; redis-password follows"
    secrets-key         = "Seals stored secrets and those in inputs; without it they are lost"
  }
}

resource "aws_secretsmanager_secret" "this" {
  for_each = local.secrets

  #checkov:skip=CKV2_AWS_57:rotated by redis_token_version and admin_token_version, and the key by hand, because Redis and the instances have to follow in order
  name                    = "${var.name}/${var.environment}/${each.key}"
  description             = each.value
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = var.deletion_protection ? 30 : 0
}

resource "terraform_data" "admin_token_version" {
  input = var.admin_token_version
}

resource "terraform_data" "redis_token_version" {
  input = var.redis_token_version
}

resource "aws_secretsmanager_secret_version" "admin" {
  secret_id     = aws_secretsmanager_secret.this["admin-token"].id
  secret_string = sha256("${uuid()}${uuid()}")

  lifecycle {
    ignore_changes        = [secret_string]
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.admin_token_version]
  }
}

# It is never made again: what it has sealed would be lost. docs/secrets.md says how a new key is
# put before it.
resource "aws_secretsmanager_secret_version" "secrets_key" {
  secret_id     = aws_secretsmanager_secret.this["secrets-key"].id
  secret_string = base64sha256("${uuid()}${uuid()}")

  lifecycle {
    ignore_changes = [secret_string, version_stages]
  }
}

resource "aws_secretsmanager_secret_version" "redis_next" {
  secret_id     = aws_secretsmanager_secret.this["redis-password-next"].id
  secret_string = sha256("${uuid()}${uuid()}")

  lifecycle {
    ignore_changes        = [secret_string]
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.redis_token_version]
  }
}

resource "aws_secretsmanager_secret_version" "redis" {
  secret_id     = aws_secretsmanager_secret.this["redis-password"].id
  secret_string = aws_secretsmanager_secret_version.redis_next.secret_string

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_elasticache_replication_group.this]
}

resource "aws_elasticache_subnet_group" "this" {
  name        = var.redis.id
  description = "Subnets of ${var.redis.id}"
  subnet_ids  = local.subnet_ids
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.redis.id}-${local.redis_family}${local.redis_cluster ? "-cluster" : ""}"
  family      = local.redis_family
  description = "Redis keeps tasks: it says that it is full, and forgets none"

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }

  dynamic "parameter" {
    for_each = local.redis_cluster ? ["yes"] : []
    content {
      name  = "cluster-enabled"
      value = parameter.value
    }
  }

  lifecycle {
    create_before_destroy = true # Its family is in its name.
  }
}

# A group of one node too: only groups have a password, and they grow in place.
resource "aws_elasticache_replication_group" "this" {
  replication_group_id = var.redis.id
  description          = "Tasks of ${local.prefix}"
  engine               = var.redis.engine
  engine_version       = var.redis.version
  node_type            = var.redis.node_type
  port                 = 6379

  num_cache_clusters      = local.redis_cluster ? null : var.redis.nodes
  num_node_groups         = local.redis_cluster ? var.redis.shards : null
  replicas_per_node_group = local.redis_cluster ? var.redis.nodes - 1 : null
  #checkov:skip=CKV2_AWS_50:one node has nothing to fail over to; two or more do
  automatic_failover_enabled = var.redis.nodes > 1
  multi_az_enabled           = var.redis.nodes > 1

  subnet_group_name    = aws_elasticache_subnet_group.this.name
  security_group_ids   = [aws_security_group.this["redis"].id]
  parameter_group_name = aws_elasticache_parameter_group.this.name

  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.this.arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  auth_token                 = aws_secretsmanager_secret_version.redis_next.secret_string
  auth_token_update_strategy = var.redis_old_token ? "ROTATE" : "SET"

  snapshot_name             = var.redis.snapshot_name
  snapshot_retention_limit  = var.redis.snapshot_days
  snapshot_window           = var.redis.snapshot_days > 0 ? var.redis.snapshot_window : null
  final_snapshot_identifier = var.deletion_protection ? "${var.redis.id}-last" : null

  maintenance_window         = var.redis.maintenance_window
  auto_minor_version_upgrade = true
  apply_immediately          = true

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.this["redis"].name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "slow-log"
  }
}
