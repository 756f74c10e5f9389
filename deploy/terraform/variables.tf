# What the deployment is, in the order in which somebody who sets it up asks; what runs is in
# variables_fleets.tf, Redis in variables_redis.tf. envs/ has two whole sets of answers.

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
