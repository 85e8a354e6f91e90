-- Changes that a client token protects, also where the whole run is made again.
return {
  name = "fault-tokens",
  about = "Changes that a client token protects.",
  trigger = { source = { "aws.guardduty" }, detail = { type = { "Fault:Test/Tokens", "Fault:Test/All" } } },
  permissions = { "ec2:CreateVolume", "ecs:RunTask" },

  run = function(finding, run)
    local ec2, ecs = run.aws.ec2(), run.aws.ecs()
    for i = 1, 2 do
      local name = ("%s-%d"):format(finding.id, i)
      ecs:run_task { cluster = "main", taskDefinition = "scanner", startedBy = name }
      ec2:create_volume {
        AvailabilityZone = "us-east-1a",
        Size = 1,
        TagSpecifications = { { ResourceType = "volume", Tags = { { Key = "finding", Value = name } } } },
      }
    end
  end,
}
