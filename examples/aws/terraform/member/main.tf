# The role that Riposte assumes to act in an account: one for every member account.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "engine_role_arn" {
  type        = string
  description = "The engine's role (output engine_role_arn of ../engine)"
}

variable "external_id" {
  type        = string
  description = "accounts.external_id of the configuration; a long random text"
  sensitive   = true
}

variable "role_name" {
  type        = string
  description = "The last part of accounts.role of the configuration"
  default     = "riposte"
}

variable "protected_tag" {
  type        = object({ key = string, value = string })
  description = "Resources with this tag are out of reach, whatever Riposte's own configuration says"
  default     = { key = "riposte", value = "keep" }
}

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}

locals {
  own_arn = "arn:${data.aws_partition.here.partition}:iam::${data.aws_caller_identity.here.account_id}:role/${var.role_name}"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [var.engine_role_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
  statement {
    actions = ["sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = [var.engine_role_arn]
    }
  }
}

data "aws_iam_policy_document" "playbooks" {
  # As `riposte policy` prints it for the playbooks that come along: print it for your own.
  statement {
    sid = "RipostePlaybooks"
    actions = [
      "autoscaling:DeleteAutoScalingGroup",
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:SuspendProcesses",
      "autoscaling:UpdateAutoScalingGroup",
      "cloudtrail:LookupEvents",
      "ec2:DescribeInstanceAttribute",
      "ec2:DescribeInstances",
      "ec2:ModifyInstanceAttribute",
      "ec2:ModifyInstanceMetadataOptions",
      "ec2:TerminateInstances",
      "ecs:DeleteCluster",
      "ecs:DeleteService",
      "ecs:DeregisterContainerInstance",
      "ecs:DeregisterTaskDefinition",
      "ecs:Describe*",
      "ecs:List*",
      "ecs:RegisterTaskDefinition",
      "ecs:StopTask",
      "ecs:TagResource",
      "ecs:UpdateService",
      "guardduty:ArchiveFindings",
      "guardduty:UpdateFindingsFeedback",
      "iam:DeactivateMFADevice",
      "iam:DeleteAccessKey",
      "iam:DeleteLoginProfile",
      "iam:DeleteSSHPublicKey",
      "iam:DeleteSigningCertificate",
      "iam:DeleteUser*",
      "iam:DetachUserPolicy",
      "iam:Get*",
      "iam:List*",
      "iam:PassRole",
      "iam:PutRolePolicy",
      "iam:PutUserPolicy",
      "iam:RemoveUserFromGroup",
      "iam:UpdateAccessKey",
      "lambda:DeleteFunction",
      "lambda:DeleteFunctionUrlConfig",
      "lambda:GetFunctionConfiguration",
      "lambda:GetFunctionUrlConfig",
      "lambda:ListFunctions",
      "securityhub:BatchUpdateFindings",
    ]
    resources = ["*"]
  }
  statement {
    sid       = "RiposteLooksAtTags"
    actions   = ["autoscaling:DescribeTags", "ec2:DescribeTags", "lambda:ListTags"]
    resources = ["*"]
  }
  statement {
    sid    = "RiposteSparesItself"
    effect = "Deny"
    actions = [
      "iam:Add*", "iam:Attach*", "iam:Create*", "iam:Deactivate*", "iam:Delete*", "iam:Detach*", "iam:PassRole",
      "iam:Put*", "iam:Remove*", "iam:Update*",
    ]
    resources = [local.own_arn, var.engine_role_arn]
  }
  statement {
    sid    = "RiposteSparesWhatIsProtected"
    effect = "Deny"
    not_actions = [
      "autoscaling:Describe*", "cloudtrail:LookupEvents", "ec2:Describe*", "ecs:Describe*", "ecs:List*", "iam:Get*",
      "iam:List*", "lambda:Get*", "lambda:List*",
    ]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${var.protected_tag.key}"
      values   = [var.protected_tag.value]
    }
  }
}

resource "aws_iam_role" "riposte" {
  name                 = var.role_name
  description          = "Riposte answers security findings with it"
  max_session_duration = 3600
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "playbooks" {
  name   = "playbooks"
  role   = aws_iam_role.riposte.id
  policy = data.aws_iam_policy_document.playbooks.json
}

output "role_arn" {
  value = aws_iam_role.riposte.arn
}
