output "backend" {
  description = "For `terraform init` of a deployment. Another environment than production needs -backend-config=key=... too."
  value       = "-backend-config=bucket=${aws_s3_bucket.state.id} -backend-config=region=${var.region}"
}

output "state_bucket" {
  description = "Bucket of the states."
  value       = aws_s3_bucket.state.id
}

output "repository_url" {
  description = "Where images are pushed."
  value       = aws_ecr_repository.this.repository_url
}

output "role_arns" {
  description = "Roles of the workflows: push, plan, apply."
  value       = { for name, r in aws_iam_role.github : name => r.arn }
}

output "permissions_boundary" {
  description = "The deployment's variable permissions_boundary: the apply role makes no role without it."
  value       = aws_iam_policy.boundary.arn
}
