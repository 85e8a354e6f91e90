--- What Auto Scaling would tell after planned changes.
local changes, reads = {}, {}

function changes.DeleteAutoScalingGroup(scope, params)
  scope:remove("group", params.AutoScalingGroupName)
end

function changes.UpdateAutoScalingGroup(scope, params)
  scope:set("group", params.AutoScalingGroupName, {
    MinSize = params.MinSize,
    MaxSize = params.MaxSize,
    DesiredCapacity = params.DesiredCapacity,
  })
end

function changes.SuspendProcesses(scope, params)
  local suspended = {}
  for i, name in ipairs(params.ScalingProcesses or { "Launch", "Terminate" }) do
    suspended[i] = { ProcessName = name, SuspensionReason = "planned" }
  end
  scope:set("group", params.AutoScalingGroupName, { SuspendedProcesses = suspended })
end

function reads.DescribeAutoScalingGroups(scope, _, value)
  scope:drop("group", value.AutoScalingGroups, function(group) return group.AutoScalingGroupName end)
  for _, group in ipairs(value.AutoScalingGroups or {}) do scope:amend("group", group.AutoScalingGroupName, group) end
end

return { changes = changes, reads = reads }
