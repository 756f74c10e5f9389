variable "name" {
  description = "First part of the name of everything; the same as the deployment's."
  type        = string
  default     = "windlass"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.name)) && !endswith(var.name, "-")
    error_message = "name: 2 to 16 of a-z, 0-9 and -, beginning with a letter, not ending with -."
  }
}

variable "region" {
  description = "AWS region of state and images, such as eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: the code of a region, such as eu-central-1."
  }
}

variable "github_repository" {
  description = "Whose workflows may push, plan and apply: owner/repository. Null makes no role for workflows."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.github_repository))
    error_message = "github_repository: owner/repository, without wildcards."
  }
}

variable "github_environments" {
  description = "Environments of the repository whose jobs may apply. Protect them there by reviewers."
  type        = set(string)
  default     = ["production"]

  validation {
    condition     = length(var.github_environments) > 0 && alltrue([for e in var.github_environments : can(regex("^[A-Za-z0-9_.-]+$", e))])
    error_message = "github_environments: at least one name of letters, digits, _, . and -, without wildcards."
  }
}

variable "github_plan_pull_requests" {
  description = "Whether pull requests of the repository's own branches are planned. A plan reads the state, so the passwords: who may push a branch can then read them. False leaves the plans of main."
  type        = bool
  default     = true
}

variable "github_oidc_provider_arn" {
  description = "The account's OIDC provider for GitHub, if it has one: there can be only one. Null makes it."
  type        = string
  default     = null

  validation {
    condition     = var.github_oidc_provider_arn == null || can(regex(":oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.github_oidc_provider_arn))
    error_message = "github_oidc_provider_arn: ends with oidc-provider/token.actions.githubusercontent.com."
  }
}

variable "images_kept" {
  description = "How many manifests the registry keeps. A push for two platforms with bills of materials, provenance and signature is about eight. What runs must be among them: without it no instance can start."
  type        = number
  default     = 800

  validation {
    condition     = var.images_kept >= 80 && floor(var.images_kept) == var.images_kept
    error_message = "images_kept: a whole number from 80 on, which is about ten pushes."
  }
}

variable "tags" {
  description = "Tags of everything, beside Application and ManagedBy."
  type        = map(string)
  default     = {}
}
