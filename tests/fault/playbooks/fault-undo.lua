-- A change of each kind that an undo takes back: inverses that are repeated, that carry a token, that are settled by
-- reading, and that take away.
local function has(read)
  local ok, output = pcall(read)
  if not ok and output.retryable then error(output, 0) end
  return ok and output
end

return {
  name = "fault-undo",
  about = "Changes that are taken back.",
  trigger = { source = { "aws.guardduty" }, detail = { type = { "Fault:Test/Undo" } } },
  permissions = {
    "ec2:*Tags", "ec2:CreateSnapshot", "ec2:DescribeSnapshots", "ecs:*Service*", "ecs:*TaskDefinition", "iam:*User",
  },

  run = function(finding, run)
    local ec2, ecs, iam = run.aws.ec2(), run.aws.ecs(), run.aws.iam()
    local cluster, family, name = "shop-" .. finding.id, "scanner-" .. finding.id, "evidence of " .. finding.id
    ec2:create_tags { Resources = { "i-" .. finding.id }, Tags = { { Key = "finding", Value = finding.id } } }
    if #ec2:describe_snapshots({ Filters = { { Name = "description", Values = { name } } } }).Snapshots == 0 then
      ec2:create_snapshot { VolumeId = "vol-1", Description = name }
    end
    if not has(function() return ecs:describe_task_definition { taskDefinition = family } end) then
      ecs:register_task_definition { family = family, containerDefinitions = { { name = "scan", image = "scan:1" } } }
    end
    ecs:update_service { cluster = cluster, service = "web-1", desiredCount = 0 }
    if has(function() return ecs:describe_services({ cluster = cluster, services = { "web-2" } }).services[1] end) then
      ecs:delete_service { cluster = cluster, service = "web-2" }
    end
    if has(function() return iam:get_user { UserName = "suspect-" .. finding.id } end) then
      iam:delete_user { UserName = "suspect-" .. finding.id }
    end
    if not has(function() return iam:get_user { UserName = "watch-" .. finding.id } end) then
      iam:create_user { UserName = "watch-" .. finding.id }
    end
  end,
}
