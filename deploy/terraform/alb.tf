resource "aws_lb" "this" {
  #checkov:skip=CKV2_AWS_28:the firewall is the variable waf; on in production
  #checkov:skip=CKV2_AWS_76:the group against Log4j is in waf.tf, in a map that checkov does not follow
  #checkov:skip=CKV2_AWS_20:it redirects where there is a certificate
  name               = local.prefix
  load_balancer_type = "application"
  internal           = var.internal #trivy:ignore:AVD-AWS-0053 Unless internal is set it is there for people outside.
  security_groups    = [aws_security_group.this["alb"].id]
  subnets            = local.subnet_ids

  idle_timeout               = local.idle_seconds
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = var.deletion_protection #checkov:skip=CKV_AWS_150:the variable's default is true

  access_logs {
    bucket  = aws_s3_bucket.access_logs.id
    prefix  = "alb"
    enabled = true
  }

  # It tries to write into the bucket at once.
  depends_on = [aws_s3_bucket_policy.access_logs]
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; from there it is the VPC and one security group
  name        = local.prefix
  port        = local.port
  protocol    = "HTTP"
  target_type = "instance"
  vpc_id      = local.vpc_id

  deregistration_delay          = local.deregistration_seconds
  load_balancing_algorithm_type = "least_outstanding_requests"

  # Whether the process is well. It never asks Redis: else an outage of Redis would have the
  # whole fleet replaced, over and over.
  health_check {
    path                = "/livez"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "http" {
  #checkov:skip=CKV_AWS_2:without a name there is no certificate; with one it redirects
  #checkov:skip=CKV_AWS_103:the same
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP" #trivy:ignore:AVD-AWS-0054 Without a name there is no certificate; with one it redirects.

  routing_http_response_server_enabled = false

  dynamic "default_action" {
    for_each = local.tls ? [] : [1]
    content {
      type             = "forward"
      target_group_arn = aws_lb_target_group.this.arn
    }
  }

  dynamic "default_action" {
    for_each = local.tls ? [1] : []
    content {
      type = "redirect"
      redirect {
        port        = "443"
        protocol    = "HTTPS"
        status_code = "HTTP_301"
      }
    }
  }
}

resource "aws_lb_listener" "https" {
  count = local.tls ? 1 : 0

  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = local.certificate_arn
  # TLS 1.3, and 1.2 with forward secrecy; keys that quantum computers do not open later.
  ssl_policy = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

  routing_http_response_server_enabled                         = false
  routing_http_response_strict_transport_security_header_value = "max-age=31536000"

  dynamic "default_action" {
    for_each = var.oidc == null ? [] : [var.oidc]
    content {
      type  = "authenticate-oidc"
      order = 1
      authenticate_oidc {
        issuer                     = default_action.value.issuer
        authorization_endpoint     = default_action.value.authorization_endpoint
        token_endpoint             = default_action.value.token_endpoint
        user_info_endpoint         = default_action.value.user_info_endpoint
        client_id                  = default_action.value.client_id
        client_secret              = var.oidc_client_secret
        scope                      = default_action.value.scope
        session_timeout            = default_action.value.session_hours * 3600
        on_unauthenticated_request = "authenticate"
      }
    }
  }

  default_action {
    type             = "forward"
    order            = var.oidc == null ? null : 2
    target_group_arn = aws_lb_target_group.this.arn
  }
}

# The program's metrics ask for no token. They are for those who are in the VPC.
resource "aws_lb_listener_rule" "metrics" {
  listener_arn = local.tls ? aws_lb_listener.https[0].arn : aws_lb_listener.http.arn
  priority     = 1

  condition {
    path_pattern {
      values = ["/metrics", "/metrics/*"]
    }
  }

  action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "not here"
      status_code  = "404"
    }
  }
}

# Programs do not sign in: the API checks their tokens.
resource "aws_lb_listener_rule" "bearer" {
  count = var.oidc == null ? 0 : 1

  listener_arn = aws_lb_listener.https[0].arn
  priority     = 10

  condition {
    http_header {
      http_header_name = "Authorization"
      values           = ["Bearer *"]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

# Access logs. The load balancer writes with S3's own key and no other. KICS asks for logging and
# versions of this bucket too: the reasons against are those for checkov.

# kics-scan ignore-block
resource "aws_s3_bucket" "access_logs" {
  #checkov:skip=CKV_AWS_18:a bucket of logs that is logged would fill another one
  #checkov:skip=CKV_AWS_21:nothing in it is ever overwritten
  #checkov:skip=CKV_AWS_144:not worth a copy in another region
  #checkov:skip=CKV_AWS_145:the load balancer can write with S3's own key only
  #checkov:skip=CKV2_AWS_62:nobody waits for new access logs
  bucket        = "${local.prefix}-access-logs-${local.account_id}"
  force_destroy = !var.deletion_protection
}

resource "aws_s3_bucket_public_access_block" "access_logs" {
  bucket                  = aws_s3_bucket.access_logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256" #trivy:ignore:AVD-AWS-0132 The load balancer can write with S3's own key only.
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    id     = "expire"
    status = "Enabled"
    filter {}

    expiration {
      days = var.access_log_days
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "LoadBalancerWrites"
        Effect    = "Allow"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.access_logs.arn}/alb/AWSLogs/${local.account_id}/*"
      },
      {
        Sid       = "OnlyByTLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.access_logs.arn, "${aws_s3_bucket.access_logs.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.access_logs]
}
