terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # Bucket and region are given to `terraform init`, and the key for another environment than
  # production: see README.md. bootstrap/ makes the bucket, which encrypts by itself.
  backend "s3" {
    key          = "production.tfstate"
    use_lockfile = true
  }
}
