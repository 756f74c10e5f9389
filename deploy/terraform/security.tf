# Who may talk to whom. Groups are named by each other, never by the addresses of instances:
#
#   world -> alb :80, :443    alb -> app :8000    app -> redis :6379    app -> AWS and tasks :443
#
# A rule is a line in one of the two maps.

locals {
  security_groups = merge({
    alb   = "The load balancer."
    app   = "Instances that run Windlass."
    redis = "Redis. Reached by the instances alone."
  }, var.private_endpoints ? { endpoints = "AWS by the VPC. Reached by the instances alone." } : {})

  # From outside, and from groups.
  ingress = merge(
    { for pair in setproduct(var.ingress_cidrs, [80, 443]) : "alb-${pair[1]}-${pair[0]}" => {
      group = "alb", port = pair[1], cidr = pair[0], description = "Who may use Windlass"
    } if pair[1] == 80 || local.tls },
    {
      app-from-alb   = { group = "app", port = local.port, from = "alb", description = "Requests and health checks" }
      redis-from-app = { group = "redis", port = 6379, from = "app", description = "Tasks" }
    },
    var.private_endpoints ? {
      endpoints-from-app = { group = "endpoints", port = 443, from = "app", description = "AWS by the VPC" }
    } : {},
    var.ssh_cidr == null ? {} : {
      app-ssh = { group = "app", port = 22, cidr = var.ssh_cidr, description = "SSH for one address" }
    },
  )

  egress = merge(
    {
      alb-to-app   = { group = "alb", port = local.port, to = "app", description = "Requests and health checks" }
      app-to-redis = { group = "app", port = 6379, to = "redis", description = "Tasks" }
    },
    var.oidc == null ? {} : {
      alb-to-oidc = { group = "alb", port = 443, cidr = "0.0.0.0/0", description = "The sign-in provider" }
    },
    var.private_endpoints ? {
      app-to-endpoints = { group = "app", port = 443, to = "endpoints", description = "AWS by the VPC" }
      app-to-s3        = { group = "app", port = 443, prefix_list = aws_vpc_endpoint.s3[0].prefix_list_id, description = "Packages and image layers" }
      } : { for port in var.egress_ports : "app-to-world-${port}" => {
        group = "app", port = port, cidr = "0.0.0.0/0", description = port == 443 ? "AWS, and what tasks call" : "What tasks call"
    } },
    { for pair in setproduct(var.egress_allow, var.egress_ports) : "app-to-${pair[0]}-${pair[1]}" => {
      group = "app", port = pair[1], cidr = pair[0], description = "Private networks that tasks may call"
    } },
  )
}

resource "aws_security_group" "this" {
  for_each = local.security_groups

  # AWS adds the end of the name, so that there is never a second one of the same name.
  name_prefix            = "${local.prefix}-${each.key}-"
  description            = each.value
  vpc_id                 = local.vpc_id
  revoke_rules_on_delete = true

  tags = { Name = "${local.prefix}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = local.ingress

  security_group_id            = aws_security_group.this[each.value.group].id
  description                  = each.value.description
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  cidr_ipv4                    = try(each.value.cidr, null)
  referenced_security_group_id = try(aws_security_group.this[each.value.from].id, null)
}

resource "aws_vpc_security_group_egress_rule" "this" {
  for_each = local.egress

  security_group_id            = aws_security_group.this[each.value.group].id
  description                  = each.value.description
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  cidr_ipv4                    = try(each.value.cidr, null)
  prefix_list_id               = try(each.value.prefix_list, null)
  referenced_security_group_id = try(aws_security_group.this[each.value.to].id, null)
}
