# The default VPC, or the one that is named. Nothing of it is changed but by private_endpoints.

data "aws_vpc" "this" {
  id      = var.vpc_id
  default = var.vpc_id == null ? true : null
}

data "aws_subnets" "default" {
  count = var.subnet_ids == null ? 1 : 0

  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.this.id]
  }
  filter {
    name   = "default-for-az"
    values = ["true"]
  }
}

data "aws_subnet" "this" {
  for_each = toset(local.subnet_ids)
  id       = each.key
}

# Not every zone has every type: us-east-1e has no t4g, and instances would fail there again and again.
data "aws_ec2_instance_type_offerings" "fleet" {
  for_each      = toset([for f in var.fleets : f.instance_type])
  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = [each.key]
  }
}

locals {
  vpc_id     = data.aws_vpc.this.id
  subnet_ids = var.subnet_ids == null ? data.aws_subnets.default[0].ids : tolist(var.subnet_ids)

  fleet_subnets = { for name, f in var.fleets : name => [
    for id in local.subnet_ids : id
    if contains(data.aws_ec2_instance_type_offerings.fleet[f.instance_type].locations, data.aws_subnet.this[id].availability_zone)
  ] }

  # What instances ask of AWS: packages and image layers come from S3, by a gateway of its own.
  endpoints = var.private_endpoints ? toset([
    "autoscaling", "ec2messages", "ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages",
  ]) : toset([])
}

data "aws_route_tables" "this" {
  count  = var.private_endpoints ? 1 : 0
  vpc_id = local.vpc_id
}

resource "aws_vpc_endpoint" "s3" {
  count = var.private_endpoints ? 1 : 0

  vpc_id            = local.vpc_id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = data.aws_route_tables.this[0].ids

  tags = { Name = "${local.prefix}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.endpoints

  vpc_id              = local.vpc_id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = local.subnet_ids
  security_group_ids  = [aws_security_group.this["endpoints"].id]
  private_dns_enabled = true

  tags = { Name = "${local.prefix}-${each.key}" }
}
