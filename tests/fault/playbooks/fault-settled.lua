-- Changes that happen again when they are sent again: the world tells whether they happened.
local function has(read)
  local ok, output = pcall(read)
  return ok and output
end

return {
  name = "fault-settled",
  about = "Changes that are settled by reading.",
  trigger = { source = { "aws.guardduty" }, detail = { type = { "Fault:Test/Settled", "Fault:Test/All" } } },
  permissions = { "ecs:*TaskDefinition", "ec2:CreateSnapshot", "ec2:DescribeSnapshots", "iam:*User" },

  run = function(finding, run)
    local ec2, ecs, iam = run.aws.ec2(), run.aws.ecs(), run.aws.iam()
    local definition
    for i = 1, 2 do
      local family = ("scanner-%s-%d"):format(finding.id, i)
      definition = has(function() return ecs:describe_task_definition { taskDefinition = family } end)
        or ecs:register_task_definition { family = family, containerDefinitions = { { name = "scan", image = "scan:" .. i } } }
    end
    run:evidence("definition", definition.taskDefinition.taskDefinitionArn)
    local name = "evidence of " .. finding.id
    local filters = { { Name = "description", Values = { name } } }
    if #ec2:describe_snapshots({ Filters = filters }).Snapshots == 0 then
      ec2:create_snapshot { VolumeId = "vol-1", Description = name }
    end
    local user = "watch-" .. finding.id
    if not has(function() return iam:get_user { UserName = user } end) then iam:create_user { UserName = user } end
  end,
}
