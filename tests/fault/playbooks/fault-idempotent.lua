-- Changes that AWS takes twice without harm, and one that takes away.
return {
  name = "fault-idempotent",
  about = "Changes that may be sent again.",
  trigger = { source = { "aws.guardduty" }, detail = { type = { "Fault:Test/Idempotent", "Fault:Test/All" } } },
  permissions = { "ec2:CreateTags", "ec2:DeleteTags", "ec2:Describe*", "ecs:*Cluster*", "iam:PutUserPolicy", "iam:Get*" },

  run = function(finding, run)
    local ec2, ecs, iam = run.aws.ec2(), run.aws.ecs(), run.aws.iam()
    local cluster = ("quarantine-%s-%s"):format(finding.id, run.id) -- a second run makes, and takes away, one of its own
    ec2:create_tags { Resources = { "i-" .. finding.id }, Tags = { { Key = "finding", Value = finding.id } } }
    ecs:create_cluster { clusterName = cluster }
    iam:put_user_policy { UserName = "suspect", PolicyName = finding.id, PolicyDocument = '{"Statement":[]}' }
    ec2:delete_tags { Resources = { "i-" .. finding.id }, Tags = { { Key = "finding" } } }
    ecs:delete_cluster { cluster = cluster }
  end,
}
