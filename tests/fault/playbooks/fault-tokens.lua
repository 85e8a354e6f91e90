-- Changes that carry a client token. A second try of the whole run has other tokens, so it looks first.
return {
  name = "fault-tokens",
  about = "Changes that a client token protects.",
  trigger = { source = { "aws.guardduty" }, detail = { type = { "Fault:Test/Tokens", "Fault:Test/All" } } },
  permissions = { "ec2:CreateVolume", "ec2:DescribeVolumes", "ecs:RunTask", "ecs:ListTasks" },

  run = function(finding, run)
    local ec2, ecs = run.aws.ec2(), run.aws.ecs()
    for i = 1, 2 do
      local name = ("%s-%d"):format(finding.id, i)
      if #ecs:list_tasks({ cluster = "main", startedBy = name }).taskArns == 0 then
        ecs:run_task { cluster = "main", taskDefinition = "scanner", startedBy = name }
      end
      if #ec2:describe_volumes({ Filters = { { Name = "tag:finding", Values = { name } } } }).Volumes == 0 then
        ec2:create_volume {
          AvailabilityZone = "us-east-1a",
          Size = 1,
          TagSpecifications = { { ResourceType = "volume", Tags = { { Key = "finding", Value = name } } } },
        }
      end
    end
  end,
}
