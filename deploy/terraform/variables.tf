# What the deployment is, in the order in which somebody who sets it up asks. envs/ has two whole
# sets of answers.

variable "name" {
  description = "First part of the name of everything."
  type        = string
  default     = "windlass"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.name)) && !endswith(var.name, "-")
    error_message = "name: 2 to 16 of a-z, 0-9 and -, beginning with a letter, not ending with -."
  }
  validation {
    condition     = !startswith("${var.name}-", "internal-")
    error_message = "name: AWS keeps load balancers' names that begin with internal- to itself; take another first part."
  }
}

variable "environment" {
  description = "Second part of the name of everything, such as production. Each environment has a state of its own."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,11}$", var.environment)) && !endswith(var.environment, "-")
    error_message = "environment: 2 to 12 of a-z, 0-9 and -, beginning with a letter, not ending with -."
  }
}

variable "region" {
  description = "AWS region of everything, such as eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: the code of a region, such as eu-central-1."
  }
}

variable "image" {
  description = "The program's image by digest: registry/repository@sha256:... A new digest is a deploy. A tag could mean something else tomorrow, so none is taken."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image: name it by digest, registry/repository@sha256:<64 hex digits>; `docker buildx imagetools inspect IMAGE` shows the digest."
  }
  validation {
    condition     = !var.private_endpoints || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.${var.region}\\.", var.image))
    error_message = "image: with private_endpoints instances reach no registry but ECR of this region; push the image there."
  }
}

# Who reaches it, and by which name.

variable "domain_name" {
  description = "Name that people type, such as tasks.example.org: gives HTTPS. Null means the load balancer's own name, and HTTP unless certificate_arn is given."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain_name))
    error_message = "domain_name: a host name in small letters without https:// and without dot at its end, such as tasks.example.org."
  }
}

variable "hosted_zone_name" {
  description = "Public Route 53 zone that domain_name is in, such as example.org. Null means that the DNS is elsewhere: then certificate_arn is needed, and you point the name at the output load_balancer."
  type        = string
  default     = null

  validation {
    condition     = var.hosted_zone_name == null || try(var.domain_name == var.hosted_zone_name || endswith(var.domain_name, ".${var.hosted_zone_name}"), false)
    error_message = "hosted_zone_name: domain_name must be given and end with it; it has no dot at its end, such as example.org."
  }
}

variable "certificate_arn" {
  description = "A certificate of ACM in this region. Null means that one is made for domain_name and validated by DNS in hosted_zone_name."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:acm:${var.region}:[0-9]{12}:certificate/[0-9a-f-]{36}$", var.certificate_arn))
    error_message = "certificate_arn: the ARN of a certificate of ACM in the same region, arn:aws:acm:REGION:ACCOUNT:certificate/ID."
  }
  validation {
    condition     = var.domain_name == null || var.hosted_zone_name != null || var.certificate_arn != null
    error_message = "certificate_arn: domain_name needs it, or hosted_zone_name so that a certificate can be validated."
  }
  validation {
    condition     = var.certificate_arn != null || try(length(var.domain_name) <= 64, true)
    error_message = "certificate_arn: ACM makes certificates for names of at most 64 characters; take a shorter domain_name, or bring a certificate."
  }
}

variable "ingress_cidrs" {
  description = "Networks that reach the load balancer on 80 and 443. The world, unless you say less: over plain HTTP tokens can be read on the way."
  type        = set(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.ingress_cidrs) > 0 && alltrue([for c in var.ingress_cidrs : try(cidrsubnet(c, 0, 0) == c && can(cidrnetmask(c)), false)])
    error_message = "ingress_cidrs: at least one IPv4 network by its first address, such as 203.0.113.0/24, or 203.0.113.7/32 for one address."
  }
  validation {
    condition     = length(var.ingress_cidrs) <= 30
    error_message = "ingress_cidrs: at most 30, because a security group takes 60 rules and each network needs two; put smaller ones together."
  }
}

variable "internal" {
  description = "Whether the load balancer has private addresses alone, for people in the VPC and by VPN or peering. Changing it makes a new load balancer."
  type        = bool
  default     = false
}

variable "oidc" {
  description = "Sign-in in front of the page by an OpenID Connect provider; requests with a bearer token pass, the program checks them. roles says who may what: docs/access.md. Its client's secret is oidc_client_secret. Null means none."
  type = object({
    issuer                 = string
    authorization_endpoint = string
    token_endpoint         = string
    user_info_endpoint     = string
    client_id              = string
    scope                  = optional(string, "openid")
    session_hours          = optional(number, 12)
    roles                  = optional(string, "viewer=*")
  })
  default = null

  validation {
    condition     = var.oidc == null || var.domain_name != null || var.certificate_arn != null
    error_message = "oidc: sign-in needs HTTPS; give domain_name or certificate_arn."
  }
  validation {
    condition     = var.oidc == null || !var.private_endpoints
    error_message = "oidc: the program fetches the load balancer's keys from AWS's public address, which private_endpoints cuts off."
  }
  validation {
    condition = var.oidc == null || alltrue([
      for url in try([var.oidc.issuer, var.oidc.authorization_endpoint, var.oidc.token_endpoint, var.oidc.user_info_endpoint], []) :
      startswith(url, "https://")
    ])
    error_message = "oidc: issuer and endpoints are https:// addresses; the provider's /.well-known/openid-configuration lists them."
  }
  validation {
    condition     = var.oidc == null || try(var.oidc.client_id != "" && contains(split(" ", var.oidc.scope), "openid"), false)
    error_message = "oidc: client_id is what the provider calls this client, and scope has openid among its words, such as \"openid email\"."
  }
  validation {
    condition     = var.oidc == null || try(var.oidc.session_hours >= 1 && var.oidc.session_hours <= 168 && floor(var.oidc.session_hours) == var.oidc.session_hours, false)
    error_message = "oidc: session_hours is a whole number from 1 to 168."
  }
  validation {
    condition     = var.oidc == null || can(regex("^(viewer|submitter|operator|admin)=([^=,]+=[^=,]+|\\*)(,(viewer|submitter|operator|admin)=([^=,]+=[^=,]+|\\*))*$", var.oidc.roles))
    error_message = "oidc: roles is a comma list of role=claim=value, or role=* for everybody, with the roles viewer, submitter, operator and admin, such as \"admin=groups=platform,viewer=*\"."
  }
}

variable "oidc_client_secret" {
  description = "The OpenID Connect client's secret. Give it as TF_VAR_oidc_client_secret, not in a file."
  type        = string
  default     = null
  sensitive   = true

  validation {
    # Workflows hand an empty one on where there is none.
    condition     = (var.oidc == null) == (try(length(var.oidc_client_secret), 0) == 0)
    error_message = "oidc_client_secret: give it with oidc, and only then; for the workflows it is the repository's secret OIDC_CLIENT_SECRET."
  }
}

variable "waf" {
  description = "A web application firewall in front of the load balancer: AWS's lists of bad addresses, common attacks and known bad inputs, and a rate for each address. About 11 USD a month."
  type        = bool
  default     = false
}

variable "waf_rate" {
  description = "Requests that one address may send in five minutes before the firewall blocks it."
  type        = number
  default     = 6000

  validation {
    condition     = var.waf_rate >= 10 && var.waf_rate <= 2000000000 && floor(var.waf_rate) == var.waf_rate
    error_message = "waf_rate: a whole number of requests in five minutes, 10 to 2,000,000,000."
  }
}

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

# Where it runs.

variable "vpc_id" {
  description = "VPC of everything. Null means the region's default VPC."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_id == null || can(regex("^vpc-[0-9a-f]{8,17}$", var.vpc_id))
    error_message = "vpc_id: an id, such as vpc-0123456789abcdef0, not a name."
  }
}

variable "subnet_ids" {
  description = "Subnets of load balancer, instances and Redis, in two zones or more. Null means the default VPC's own, one a zone."
  type        = set(string)
  default     = null

  validation {
    condition     = (var.subnet_ids == null) == (var.vpc_id == null)
    error_message = "subnet_ids: give it with vpc_id, and only then."
  }
  validation {
    condition     = alltrue([for s in coalesce(var.subnet_ids, []) : can(regex("^subnet-[0-9a-f]{8,17}$", s))])
    error_message = "subnet_ids: ids, such as subnet-0123456789abcdef0, not names."
  }
  validation {
    condition     = try(length(var.subnet_ids) >= 2, var.subnet_ids == null)
    error_message = "subnet_ids: a load balancer needs two subnets or more, in different zones."
  }
}

variable "private_endpoints" {
  description = "No public addresses and no way to the internet: instances reach AWS by endpoints in the VPC, and tasks reach egress_allow alone. About 117 USD a month in two zones. Take a VPC of its own: the endpoints answer this deployment alone."
  type        = bool
  default     = false
}

variable "ssh_cidr" {
  description = "The one address that may use SSH, such as 203.0.113.7/32. Null means no SSH: Session Manager always works."
  type        = string
  default     = null

  validation {
    condition     = var.ssh_cidr == null || can(cidrnetmask(var.ssh_cidr)) && endswith(coalesce(var.ssh_cidr, "-"), "/32")
    error_message = "ssh_cidr: one IPv4 address with /32, such as 203.0.113.7/32."
  }
}

variable "ssh_key_name" {
  description = "EC2 key pair for SSH. Null means none."
  type        = string
  default     = null

  validation {
    condition     = var.ssh_key_name == null || var.ssh_cidr != null
    error_message = "ssh_key_name: without ssh_cidr nobody could use it."
  }
  validation {
    condition     = var.ssh_key_name != ""
    error_message = "ssh_key_name: the name of a key pair of EC2; leave it out for none."
  }
}

variable "ami_ids" {
  description = "Amazon Linux 2023 images to stay with, by architecture: {arm64 = \"ami-...\"}. What is not named is the newest at each apply, so that a refresh brings patches."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for k, v in var.ami_ids : contains(["arm64", "x86_64"], k) && can(regex("^ami-[0-9a-f]{8,17}$", v))])
    error_message = "ami_ids: ids by arm64 or x86_64, such as {arm64 = \"ami-0123456789abcdef0\"}."
  }
}

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

# Keeping and watching.

variable "log_retention_days" {
  description = "How long CloudWatch keeps log lines."
  type        = number
  default     = 14

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: one of the periods that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731 and so on."
  }
}

variable "access_log_days" {
  description = "How long the load balancer's access logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = var.access_log_days >= 1 && floor(var.access_log_days) == var.access_log_days
    error_message = "access_log_days: a whole number from 1 on."
  }
}

variable "alarm_emails" {
  description = "Who hears of alarms. Each confirms once by mail."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for a in var.alarm_emails : can(regex("^[^@\\s,;<>]+@[^@\\s,;<>]+\\.[^@\\s,;<>.]+$", a))])
    error_message = "alarm_emails: one bare mail address each, such as ops@example.org, without a name beside it."
  }
}

variable "alarm_limits" {
  description = "Where alarms begin: server errors a minute, seconds of the slowest 1% of requests (a client that waits for its result waits too), seconds that a task has waited, percent of Redis's memory and CPU, seconds that replicas and log lines are behind."
  type = object({
    errors         = optional(number, 5)
    p99_seconds    = optional(number, 10)
    oldest_seconds = optional(number, 300)
    redis_memory   = optional(number, 80)
    redis_cpu      = optional(number, 80)
    replica_lag    = optional(number, 10)
    log_lag        = optional(number, 300)
  })
  default = {}

  validation {
    condition     = alltrue([for name, limit in var.alarm_limits : limit >= 0])
    error_message = "alarm_limits: none is below 0."
  }
  validation {
    condition     = alltrue([for percent in [var.alarm_limits.redis_memory, var.alarm_limits.redis_cpu] : percent >= 1 && percent <= 99])
    error_message = "alarm_limits: redis_memory and redis_cpu are percents from 1 to 99."
  }
}

variable "rollback_by_alarms" {
  description = "Whether a deploy goes back when the alarms for server errors or unhealthy instances are on. Apply with false to bring a cure out while they are: else no deploy begins."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Whether `destroy` is refused by the load balancer, and leaves a last snapshot of Redis, the access logs and secrets that can be got back for 30 days. Apply with false before you destroy."
  type        = bool
  default     = true
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds every role made here, where an organisation asks for one. Null means none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/", var.permissions_boundary))
    error_message = "permissions_boundary: the ARN of an IAM policy."
  }
}

variable "tags" {
  description = "Tags of everything, beside Application, Environment and ManagedBy."
  type        = map(string)
  default     = {}

  validation {
    condition = length(var.tags) <= 40 && alltrue([for k, v in var.tags :
      can(regex("^[A-Za-z0-9 +=._:/@-]{1,128}$", k)) && can(regex("^[A-Za-z0-9 +=._:/@-]{0,256}$", v)) && !startswith(lower(k), "aws:")
    ])
    error_message = "tags: at most 40; names of 1 to 128 and values of up to 256 letters, digits, spaces and + = . _ : / @ -; names do not begin with aws:."
  }
  validation {
    condition     = length(setintersection(keys(var.tags), ["Application", "Environment", "ManagedBy", "Name"])) == 0
    error_message = "tags: Application, Environment, ManagedBy and Name are set already."
  }
}
