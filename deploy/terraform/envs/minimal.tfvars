# The smallest that heals itself: one instance with every role in a group of one, one Redis node.
# About 68 USD a month. HTTP unless you give domain_name: see terraform.tfvars.example.
environment = "minimal"
region      = "eu-central-1" # yours

fleets = {
  all = {
    roles      = ["api", "web", "worker", "scheduler"]
    min        = 1
    max        = 1
    behind_alb = true
  }
}

redis = {
  node_type = "cache.t3.micro"
}

deletion_protection = false
