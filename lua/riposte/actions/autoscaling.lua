--- Remedies for Auto Scaling groups.
local autoscaling = {}

local function group_of(on, name)
  local output = on.autoscaling:describe_auto_scaling_groups { AutoScalingGroupNames = { name } }
  return output.AutoScalingGroups and output.AutoScalingGroups[1]
end

--- Take a group to zero and keep it there: its processes are suspended, so that it neither replaces nor rebalances, and
--- its sizes are zero. Its instances stay until they are terminated or the group is deleted.
autoscaling.halt_group = {
  about = "Suspend a group's processes and set its sizes to zero.",
  params = { group = "string" },
  undo = "the sizes are as before, and the processes that ran are resumed",
  check = function(on, params)
    local group = group_of(on, params.group)
    if not group then return nil, "the group is gone" end
    if group.MaxSize == 0 and #(group.SuspendedProcesses or {}) > 0 then return nil, "the group is halted already" end
    return group
  end,
  change = function(on, params, group)
    -- Suspending comes first: a group scaled in would terminate instances that may be wanted as evidence.
    on.autoscaling:suspend_processes({ AutoScalingGroupName = params.group }, { prior = group })
    on.autoscaling:update_auto_scaling_group(
      { AutoScalingGroupName = params.group, MinSize = 0, MaxSize = 0, DesiredCapacity = 0 },
      { prior = group }
    )
  end,
  proof = function(on, params)
    local group = group_of(on, params.group)
    return not group or group.MaxSize == 0
  end,
}

--- Delete a group: halted first, so that nothing is launched meanwhile, then deleted by force, with its instances. Their
--- termination protection does not hold AWS back here; it does where an instance is terminated by itself. With
--- `wait = false` it is enough that the deletion is under way.
autoscaling.delete_group = {
  about = "Delete a group with its instances.",
  params = { group = "string", wait = "boolean?" },
  undo = "the group is created again as it was; its instances are new ones",
  check = function(on, params)
    local group = group_of(on, params.group)
    if not group then return nil, "the group is gone" end
    if group.Status then return nil, "the group is being deleted" end
    return group
  end,
  change = function(on, params, group)
    on.actions.autoscaling.halt_group { group = params.group }
    on.autoscaling:delete_auto_scaling_group(
      { AutoScalingGroupName = params.group, ForceDelete = true },
      { prior = group }
    )
  end,
  proof = function(on, params)
    local group = group_of(on, params.group)
    return not group or (params.wait == false and group.Status ~= nil)
  end,
  patience = { timeout = "10m", every = "5s" },
}

return autoscaling
