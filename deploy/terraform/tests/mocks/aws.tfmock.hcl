# What AWS would have made up. Mocked values are random words otherwise, and the provider's own
# checks of ARNs run on them.

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}
mock_data "aws_partition" {
  defaults = { partition = "aws" }
}
mock_data "aws_vpc" {
  defaults = { id = "vpc-0123456789abcdef0", cidr_block = "172.31.0.0/16" }
}
mock_data "aws_subnets" {
  defaults = { ids = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"] }
}
mock_data "aws_subnet" {
  defaults = { availability_zone = "eu-central-1a" }
}
mock_data "aws_ec2_instance_type_offerings" {
  defaults = { locations = ["eu-central-1a", "eu-central-1b"] }
}
mock_data "aws_route_tables" {
  defaults = { ids = ["rtb-0123456789abcdef0"] }
}
mock_data "aws_ssm_parameter" {
  defaults = { insecure_value = "ami-0123456789abcdef0" }
}
mock_data "aws_route53_zone" {
  defaults = { zone_id = "Z0123456789ABCDEFGHIJ" }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    domain_validation_options = [{
      domain_name           = "tasks.example.org"
      resource_record_name  = "_x.tasks.example.org"
      resource_record_type  = "CNAME"
      resource_record_value = "_y.acm-validations.aws."
    }]
  }
}
mock_resource "aws_acm_certificate_validation" {
  defaults = { certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000" }
}
mock_resource "aws_lb" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/windlass/0123456789abcdef"
    arn_suffix = "app/windlass/0123456789abcdef"
    dns_name   = "windlass-0.eu-central-1.elb.amazonaws.com"
    zone_id    = "Z215JYRZR1TBD5"
  }
}
mock_resource "aws_lb_target_group" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/windlass/0123456789abcdef"
    arn_suffix = "targetgroup/windlass/0123456789abcdef"
  }
}
mock_resource "aws_lb_listener" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/windlass/0123456789abcdef/0123456789abcdef" }
}
mock_resource "aws_kms_key" {
  defaults = {
    arn    = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    key_id = "00000000-0000-0000-0000-000000000000"
  }
}
mock_resource "aws_secretsmanager_secret" {
  defaults = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:windlass-AbCdEf" }
}
mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/windlass" }
}
mock_resource "aws_cloudwatch_metric_alarm" {
  defaults = { arn = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:windlass" }
}
mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:windlass" }
}
mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::windlass-access-logs" }
}
mock_resource "aws_iam_instance_profile" {
  defaults = { arn = "arn:aws:iam::123456789012:instance-profile/windlass" }
}
mock_resource "aws_launch_template" {
  defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
}
mock_resource "aws_wafv2_web_acl" {
  defaults = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/windlass/00000000-0000-0000-0000-000000000000" }
}
mock_resource "aws_elasticache_replication_group" {
  defaults = {
    primary_endpoint_address       = "devops-redis.abc.ng.0001.euc1.cache.amazonaws.com"
    configuration_endpoint_address = "devops-redis.abc.clustercfg.euc1.cache.amazonaws.com"
  }
}
mock_resource "aws_vpc_endpoint" {
  defaults = { prefix_list_id = "pl-0123456789abcdef0" }
}
