# What runs.

variable "fleets" {
  description = <<-END
    The groups of instances, by name. Each has:
    roles: what its processes do: api, web, worker, scheduler.
    instance_type: t4g.small and the like; Graviton types get the arm64 system.
    min, max: how many instances. min 2 in a fleet behind the load balancer outlives a zone.
    behind_alb: gets requests; then it has the roles api and web.
    drain_seconds: how long running tasks may go on when an instance leaves, before they are handed back and run elsewhere. Take more than your tasks need.
    concurrency: tasks that run at once on an instance; null means what the program takes.
    queues: the queues that its workers serve, with weights, such as {reports = 1}; scaling looks at these. Null means the option WINDLASS_QUEUES, or what the program takes; scaling then looks at every queue that a worker serves.
    backlog: waiting tasks for each instance that workers are kept at by scaling: what an instance ends in the time that you accept to wait. Null means no scaling by backlog.
    oldest_seconds: age of the oldest waiting task that adds workers. Null means no scaling by age.
    requests: requests a minute for each instance that the fleet is kept at by scaling. Null means none.
    warmup_seconds: how long a new instance does not count yet.
    minimums: other minimums by the clock, such as {morning = {min = 4, cron = "0 8 * * MON-FRI", time_zone = "Europe/Berlin"}}. An apply sets the fleet's own minimum until the next one, and a plan meanwhile shows the difference.
    spot: spot instances, cheaper and taken away with two minutes' notice.
    volume_gb: size of the encrypted disk.
  END
  type = map(object({
    roles          = set(string)
    instance_type  = optional(string, "t4g.small")
    min            = number
    max            = number
    behind_alb     = optional(bool, false)
    drain_seconds  = optional(number, 120)
    concurrency    = optional(number)
    queues         = optional(map(number))
    backlog        = optional(number)
    oldest_seconds = optional(number)
    requests       = optional(number)
    warmup_seconds = optional(number, 120)
    spot           = optional(bool, false)
    volume_gb      = optional(number, 16)
    minimums = optional(map(object({
      min       = number
      cron      = string
      time_zone = optional(string, "Etc/UTC")
    })), {})
  }))

  validation {
    condition     = alltrue([for name, f in var.fleets : can(regex("^[a-z][a-z0-9]{0,11}$", name))])
    error_message = "fleets: a fleet's name is 1 to 12 of a-z and 0-9, beginning with a letter."
  }
  validation {
    condition = alltrue([for f in var.fleets :
      length(f.roles) > 0 && length(setsubtract(f.roles, ["api", "web", "worker", "scheduler"])) == 0
    ])
    error_message = "fleets: roles are one or more of api, web, worker, scheduler."
  }
  validation {
    condition     = length(setsubtract(["api", "web", "worker", "scheduler"], flatten([for f in var.fleets : f.roles]))) == 0
    error_message = "fleets: each of the roles api, web, worker and scheduler must run somewhere."
  }
  validation {
    condition     = alltrue([for f in var.fleets : f.behind_alb == (contains(f.roles, "api") || contains(f.roles, "web")) && contains(f.roles, "api") == contains(f.roles, "web")])
    error_message = "fleets: behind_alb is for fleets with both of the roles api and web, and all such fleets have it: the load balancer sends every path to every instance behind it."
  }
  validation {
    condition     = alltrue([for f in var.fleets : f.min >= 0 && f.max >= 1 && f.min <= f.max && floor(f.min) == f.min && floor(f.max) == f.max])
    error_message = "fleets: min and max are whole numbers, 0 <= min <= max and max >= 1."
  }
  validation {
    condition     = alltrue([for f in var.fleets : f.min >= 1 || !(f.behind_alb || contains(f.roles, "scheduler"))])
    error_message = "fleets: min is 1 or more where the role api, web or scheduler runs; workers alone may rest at 0 only if something else publishes the backlog."
  }
  validation {
    condition     = alltrue([for f in var.fleets : f.drain_seconds >= 10 && f.drain_seconds <= 3600 && floor(f.drain_seconds) == f.drain_seconds])
    error_message = "fleets: drain_seconds is a whole number from 10 to 3600."
  }
  validation {
    condition     = alltrue([for f in var.fleets : !f.spot || f.drain_seconds + (f.behind_alb ? 65 : 0) <= 90])
    error_message = "fleets: spot instances go two minutes after their notice: drain_seconds is at most 90, or 25 behind the load balancer."
  }
  validation {
    condition     = alltrue([for f in var.fleets : (f.backlog == null && f.oldest_seconds == null) || contains(f.roles, "worker")])
    error_message = "fleets: backlog and oldest_seconds scale workers; the fleet lacks the role worker."
  }
  validation {
    condition     = alltrue([for f in var.fleets : alltrue([for n in [f.backlog, f.oldest_seconds, f.requests] : try(n > 0, n == null)])])
    error_message = "fleets: backlog, oldest_seconds and requests are what is aimed for, so more than 0; leave one out to scale without it."
  }
  validation {
    condition     = alltrue([for f in var.fleets : f.queues == null || contains(f.roles, "worker")])
    error_message = "fleets: queues are for workers; the fleet lacks the role worker."
  }
  validation {
    condition = alltrue([for f in var.fleets : try(
      length(f.queues) >= 1 && length(f.queues) <= 8 && alltrue([for name, weight in f.queues :
        can(regex("^[a-z0-9_-]{1,64}$", name)) && weight >= 1 && weight <= 1000 && floor(weight) == weight
      ]), f.queues == null
    )])
    error_message = "fleets: queues are 1 to 8 names of a-z, 0-9, _ and -, each with a weight from 1 to 1000, such as {reports = 1}."
  }
  validation {
    condition     = alltrue([for f in var.fleets : f.requests == null || f.behind_alb])
    error_message = "fleets: requests scales fleets behind the load balancer."
  }
  validation {
    condition     = alltrue([for f in var.fleets : try(f.concurrency >= 1 && f.concurrency <= 10000 && floor(f.concurrency) == f.concurrency, f.concurrency == null)])
    error_message = "fleets: concurrency is a whole number from 1 to 10000."
  }
  validation {
    condition     = alltrue([for f in var.fleets : f.volume_gb >= 8 && f.volume_gb <= 1024 && floor(f.volume_gb) == f.volume_gb])
    error_message = "fleets: volume_gb is a whole number from 8 to 1024; the spool of log lines takes up to 1 GB of it."
  }
  validation {
    condition     = alltrue([for f in var.fleets : f.warmup_seconds >= 0 && f.warmup_seconds <= 3600 && floor(f.warmup_seconds) == f.warmup_seconds])
    error_message = "fleets: warmup_seconds is a whole number from 0 to 3600."
  }
  validation {
    condition     = alltrue([for f in var.fleets : can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", f.instance_type)) && !can(regex("^(cache|db)\\.", f.instance_type))])
    error_message = "fleets: instance_type is one of EC2's, such as t4g.small."
  }
  validation {
    condition     = alltrue(flatten([for f in var.fleets : [for m in f.minimums : m.min >= 0 && m.min <= f.max && floor(m.min) == m.min]]))
    error_message = "fleets: a minimum by the clock is a whole number from 0 to the fleet's max."
  }
  validation {
    condition     = alltrue(flatten([for f in var.fleets : [for m in f.minimums : m.min >= 1 || !(f.behind_alb || contains(f.roles, "scheduler"))]]))
    error_message = "fleets: a minimum by the clock is 1 or more where the role api, web or scheduler runs: with 0 nobody would answer."
  }
  validation {
    condition = alltrue(flatten([for f in var.fleets : [for key, m in f.minimums :
      can(regex("^[a-z0-9-]{1,32}$", key)) && can(regex("^[0-9A-Za-z*,/-]+( [0-9A-Za-z*,/-]+){4}$", m.cron)) && can(regex("^(UTC|[A-Za-z]+(/[A-Za-z0-9_+-]+)+)$", m.time_zone))
    ]]))
    error_message = "fleets: minimums have names of a-z, 0-9 and -, a cron of five parts (minute, hour, day, month, weekday), such as \"0 8 * * MON-FRI\", and a time_zone such as Europe/Berlin."
  }
}

variable "options" {
  description = "Other options of the program, by variable: `windlass -h` lists them. Such as {WINDLASS_RETENTION = \"720h\", WINDLASS_QUEUES = \"critical=6,default=3\"}."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for k, v in var.options : can(regex("^WINDLASS_[A-Z0-9_]+$", k)) && !can(regex("[\\r\\n]", v))])
    error_message = "options: names are WINDLASS_..., values have one line."
  }
  validation {
    condition     = length(join("", concat(keys(var.options), values(var.options)))) <= 4000
    error_message = "options: at most 4,000 characters in all, because EC2 takes no more than 16 KB of user data."
  }
  validation {
    condition     = alltrue([for k, v in var.options : !can(regex("(TOKEN|PASSWORD|SECRET|KEY)$", k))])
    error_message = "options: a secret does not belong into user data; it would be readable on the instance and in the console."
  }
  validation {
    condition = length(setintersection(keys(var.options), [
      "WINDLASS_ROLE", "WINDLASS_LISTEN", "WINDLASS_BACKEND_URL", "WINDLASS_REDIS_URL", "WINDLASS_REDIS_USERNAME", "WINDLASS_REDIS_PASSWORD_FILE", "WINDLASS_REDIS_CA_FILE",
      "WINDLASS_LOG_GROUP", "WINDLASS_LOG_SPOOL_DIR", "WINDLASS_LOG_FORMAT", "WINDLASS_METRICS_STREAM", "WINDLASS_ENVIRONMENT", "WINDLASS_DRAIN", "WINDLASS_CONCURRENCY",
      "WINDLASS_SECRETS_KEY_FILE", "WINDLASS_ADMIN_TOKEN_FILE", "WINDLASS_TRUSTED_PROXIES", "WINDLASS_EGRESS_ALLOW",
      "WINDLASS_OIDC_SIGNERS", "WINDLASS_OIDC_ISSUER", "WINDLASS_OIDC_CLIENT", "WINDLASS_OIDC_ROLES",
    ])) == 0
    error_message = "options: what follows from other variables is said by these: roles, drain_seconds and concurrency of fleets, redis, oidc, egress_allow; addresses, log group, spool and files of secrets are this deployment's own."
  }
}

variable "egress_ports" {
  description = "Ports that tasks may call. 443 is needed for AWS itself; add 80 for sites that still answer there."
  type        = set(number)
  default     = [443]

  validation {
    condition     = contains(var.egress_ports, 443) && alltrue([for p in var.egress_ports : p >= 1 && p <= 65535 && floor(p) == p])
    error_message = "egress_ports: port numbers from 1 to 65535, 443 among them."
  }
}

variable "egress_allow" {
  description = "Private networks that tasks may call, such as 10.1.0.0/16, on egress_ports. The program refuses all others."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.egress_allow : try(cidrsubnet(c, 0, 0) == c && can(cidrnetmask(c)) && tonumber(split("/", c)[1]) >= 8, false)])
    error_message = "egress_allow: IPv4 networks by their first address and no wider than /8, such as 10.1.0.0/16. Public addresses need no entry, and 0.0.0.0/0 would let tasks into everything."
  }
}
