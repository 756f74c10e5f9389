# Redis.

variable "redis" {
  description = <<-END
    The ElastiCache replication group:
    id: its name in the console.
    engine, version: valkey (7.2, 8.0) or redis (7.0, 7.1).
    node_type: cache.t3.micro is the smallest.
    nodes: in each shard. 2 or more survive a node and a zone.
    shards: more than 1 makes it a cluster. It cannot be changed from 1 later without a new group.
    snapshot_days: how long daily snapshots are kept; 0 means none.
    snapshot_name: a snapshot to begin from. Null means empty.
    snapshot_window, maintenance_window: UTC, an hour in which it may be slower.
  END
  type = object({
    id                 = optional(string, "devops-redis")
    engine             = optional(string, "valkey")
    version            = optional(string, "7.2")
    node_type          = optional(string, "cache.t3.micro")
    nodes              = optional(number, 1)
    shards             = optional(number, 1)
    snapshot_days      = optional(number, 1)
    snapshot_name      = optional(string)
    snapshot_window    = optional(string, "03:00-04:00")
    maintenance_window = optional(string, "sun:04:30-sun:05:30")
  })
  default = {}

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,35}$", var.redis.id)) && !endswith(var.redis.id, "-") && !strcontains(var.redis.id, "--")
    error_message = "redis: id is 1 to 36 of a-z, 0-9 and -, beginning with a letter, without -- or - at its end."
  }
  validation {
    condition     = contains(["valkey 7.2", "valkey 8.0", "redis 7.0", "redis 7.1"], "${var.redis.engine} ${var.redis.version}")
    error_message = "redis: engine and version are valkey 7.2 or 8.0, or redis 7.0 or 7.1."
  }
  validation {
    condition     = can(regex("^cache\\.[a-z][a-z0-9]*\\.[a-z0-9]+$", var.redis.node_type)) && !startswith(var.redis.node_type, "cache.t1.")
    error_message = "redis: node_type is one of ElastiCache's, such as cache.t4g.small; cache.t1 has neither encryption nor snapshots."
  }
  validation {
    condition     = alltrue([for n in [var.redis.nodes, var.redis.shards, var.redis.snapshot_days] : floor(n) == n])
    error_message = "redis: nodes, shards and snapshot_days are whole numbers."
  }
  validation {
    condition     = var.redis.nodes >= 1 && var.redis.nodes <= 6 && var.redis.shards >= 1 && var.redis.shards <= 90
    error_message = "redis: nodes is 1 to 6, shards 1 to 90."
  }
  validation {
    condition     = var.redis.nodes * var.redis.shards <= 90
    error_message = "redis: nodes times shards is at most 90, which is what AWS gives an account without asking."
  }
  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", var.redis.snapshot_window))
    error_message = "redis: snapshot_window is hh:mm-hh:mm in UTC, an hour or more, such as 03:00-04:00."
  }
  validation {
    condition     = can(regex("^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$", var.redis.maintenance_window))
    error_message = "redis: maintenance_window is ddd:hh:mm-ddd:hh:mm in UTC, an hour or more, such as sun:04:30-sun:05:30."
  }
  validation {
    # hh:mm as the number hhmm. A window over midnight is left to AWS.
    condition = var.redis.snapshot_days == 0 || try(
      tonumber(replace(split("-", var.redis.snapshot_window)[0], ":", "")) >= tonumber(replace(substr(var.redis.maintenance_window, 14, 5), ":", "")) ||
      tonumber(replace(split("-", var.redis.snapshot_window)[1], ":", "")) <= tonumber(replace(substr(var.redis.maintenance_window, 4, 5), ":", "")),
      true
    )
    error_message = "redis: snapshot_window and maintenance_window must not overlap."
  }
  validation {
    condition     = var.redis.shards == 1 || var.redis.nodes >= 2
    error_message = "redis: a cluster needs 2 nodes or more in each shard, so that it can fail over."
  }
  validation {
    condition     = var.redis.snapshot_days >= 0 && var.redis.snapshot_days <= 35
    error_message = "redis: snapshot_days is 0 to 35."
  }
}

variable "redis_token_version" {
  description = "Raise it to give Redis a new password. The old one stays valid until redis_old_token is false."
  type        = number
  default     = 1

  validation {
    condition     = var.redis_token_version >= 1 && floor(var.redis_token_version) == var.redis_token_version
    error_message = "redis_token_version: a whole number from 1 on; each new password needs a greater one."
  }
}

variable "redis_old_token" {
  description = "Whether the password before the last one is valid too. Set it to false when every instance has the new one, ten minutes after a rotation."
  type        = bool
  default     = true
}

variable "admin_token_version" {
  description = "Raise it to make a new admin token. Instances are replaced so that they read it."
  type        = number
  default     = 1

  validation {
    condition     = var.admin_token_version >= 1 && floor(var.admin_token_version) == var.admin_token_version
    error_message = "admin_token_version: a whole number from 1 on; each new password needs a greater one."
  }
}
