terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # Bucket, key and region are given to `terraform init`: see README.md. bootstrap/ makes the bucket.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
