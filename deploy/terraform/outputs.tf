output "url" {
  description = "Where the page and the API are."
  value       = local.tls ? "https://${coalesce(var.domain_name, aws_lb.this.dns_name)}" : "http://${aws_lb.this.dns_name}"
}

output "load_balancer" {
  description = "The load balancer's own name, for a CNAME where the DNS is not Route 53, and for smoke tests."
  value       = aws_lb.this.dns_name
}

output "log_group" {
  description = "Where the program's lines are."
  value       = local.log_groups.app
}

output "dashboard" {
  description = "The dashboard in the console."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${local.prefix}"
}

output "alarms_topic" {
  description = "The topic of all alarms, for a chat or a pager to subscribe to beside alarm_emails."
  value       = aws_sns_topic.alarms.arn
}

output "admin_token_command" {
  description = "Prints the admin token to who may read it."
  value       = "aws secretsmanager get-secret-value --region ${var.region} --secret-id ${aws_secretsmanager_secret.this["admin-token"].name} --query SecretString --output text"
}

output "groups" {
  description = "The auto scaling group of each fleet."
  value       = { for name, g in aws_autoscaling_group.fleet : name => g.name }
}

output "watch_deploy" {
  description = "Shows how far the replacement of a fleet's instances is."
  value = { for name, g in aws_autoscaling_group.fleet : name =>
    "aws autoscaling describe-instance-refreshes --region ${var.region} --auto-scaling-group-name ${g.name} --max-records 1"
  }
}

output "redis" {
  description = "The replication group's name in the console."
  value       = aws_elasticache_replication_group.this.id
}

output "image" {
  description = "The image that is deployed: what a rollback and a plan without a change name."
  value       = var.image
}
