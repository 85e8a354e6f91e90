# Where findings wait for Riposte (rules, queue, dead-letter queue, alarms), and the role that it runs as.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "engine_role_name" {
  type    = string
  default = "riposte-engine"
}

variable "member_role_name" {
  type        = string
  description = "role_name of ../member"
  default     = "riposte"
}

variable "runs_on" {
  type        = string
  description = "What runs the engine: ec2.amazonaws.com or ecs-tasks.amazonaws.com"
  default     = "ec2.amazonaws.com"
}

variable "organization_id" {
  type        = string
  description = "Only roles of accounts of this organization are assumed (o-...)"
}

variable "alarm_topic_arns" {
  type        = list(string)
  description = "Topics that are told when findings can't be dealt with"
  default     = []
}

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}

locals {
  partition = data.aws_partition.here.partition
  account   = data.aws_caller_identity.here.account_id
  rules = {
    guardduty = {
      source      = ["aws.guardduty"]
      detail-type = ["GuardDuty Finding"]
    }
    securityhub = {
      source      = ["aws.securityhub"]
      detail-type = ["Security Hub Findings - Imported", "Security Hub Findings - Custom Action"]
    }
  }
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "riposte-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "findings" {
  name                       = "riposte"
  message_retention_seconds  = 1209600
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 60
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 5
  })
}

data "aws_iam_policy_document" "queue" {
  for_each = { findings = aws_sqs_queue.findings.arn, dead_letters = aws_sqs_queue.dead_letters.arn }
  statement {
    sid       = "RulesSend"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.findings : rule.arn]
    }
  }
  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "findings" {
  queue_url = aws_sqs_queue.findings.id
  policy    = data.aws_iam_policy_document.queue["findings"].json
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy    = data.aws_iam_policy_document.queue["dead_letters"].json
}

resource "aws_cloudwatch_event_rule" "findings" {
  for_each      = local.rules
  name          = "riposte-${each.key}"
  event_pattern = jsonencode(each.value)
}

resource "aws_cloudwatch_event_target" "findings" {
  for_each  = local.rules
  rule      = aws_cloudwatch_event_rule.findings[each.key].name
  target_id = "queue"
  arn       = aws_sqs_queue.findings.arn
  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "riposte-dead-letters"
  alarm_description   = "Findings that Riposte could not take in lie in the dead-letter queue"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}

resource "aws_cloudwatch_metric_alarm" "queue_age" {
  alarm_name          = "riposte-queue-age"
  alarm_description   = "Findings wait for over ten minutes; does the engine run?"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.findings.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 600
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = [var.runs_on]
    }
  }
}

# As `riposte policy --engine` prints it for a configuration with this queue and these roles.
data "aws_iam_policy_document" "engine" {
  statement {
    sid       = "RiposteActsElsewhere"
    actions   = ["sts:AssumeRole", "sts:TagSession"]
    resources = ["arn:${local.partition}:iam::*:role/${var.member_role_name}"]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceOrgID"
      values   = [var.organization_id]
    }
  }
  statement {
    sid       = "RiposteReadsQueues"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"]
    resources = ["arn:${local.partition}:sqs:*:${local.account}:riposte"]
  }
}

resource "aws_iam_role" "engine" {
  name               = var.engine_role_name
  description        = "Riposte runs as this role"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "engine" {
  name   = "engine"
  role   = aws_iam_role.engine.id
  policy = data.aws_iam_policy_document.engine.json
}

resource "aws_iam_instance_profile" "engine" {
  count = var.runs_on == "ec2.amazonaws.com" ? 1 : 0
  name  = var.engine_role_name
  role  = aws_iam_role.engine.name
}

output "queue_url" {
  description = "For the list sqs of the configuration"
  value       = aws_sqs_queue.findings.url
}

output "engine_role_arn" {
  description = "For ../member"
  value       = aws_iam_role.engine.arn
}
