# Certificate and name. Where both are elsewhere, nothing is made here.

locals {
  make_certificate = var.certificate_arn == null && var.hosted_zone_name != null
  certificate_arn  = local.make_certificate ? aws_acm_certificate_validation.this[0].certificate_arn : var.certificate_arn
}

data "aws_route53_zone" "this" {
  count = var.hosted_zone_name == null ? 0 : 1

  name         = var.hosted_zone_name
  private_zone = false # ACM looks at the public DNS alone.
}

resource "aws_acm_certificate" "this" {
  count = local.make_certificate ? 1 : 0

  domain_name       = var.domain_name
  validation_method = "DNS"

  options {
    certificate_transparency_logging_preference = "ENABLED"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# One name, so one record, whose name is known only when the certificate is there: its key is not.
resource "aws_route53_record" "validation" {
  for_each = local.make_certificate ? toset([var.domain_name]) : toset([])

  zone_id         = data.aws_route53_zone.this[0].zone_id
  name            = one(aws_acm_certificate.this[0].domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.this[0].domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.this[0].domain_validation_options).resource_record_value]
  ttl             = 60
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  count = local.make_certificate ? 1 : 0

  certificate_arn         = aws_acm_certificate.this[0].arn
  validation_record_fqdns = [for r in aws_route53_record.validation : r.fqdn]

  # Ten times what it takes. What keeps it waiting longer will not end by waiting: README.md,
  # "The certificate stays in validation".
  timeouts {
    create = "15m"
  }
}

resource "aws_route53_record" "app" {
  count = var.hosted_zone_name == null ? 0 : 1

  zone_id = data.aws_route53_zone.this[0].zone_id
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = false
  }
}
