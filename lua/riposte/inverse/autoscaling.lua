--- Inverses of Auto Scaling's changes.
local inverse = require "riposte.inverse"

local autoscaling = {}

-- What CreateAutoScalingGroup takes and DescribeAutoScalingGroups tells (the Auto Scaling API reference).
local GROUP = {
  "AutoScalingGroupName", "LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy", "MinSize", "MaxSize",
  "DesiredCapacity", "DefaultCooldown", "LoadBalancerNames", "TargetGroupARNs", "HealthCheckType",
  "HealthCheckGracePeriod", "PlacementGroup", "VPCZoneIdentifier", "TerminationPolicies",
  "NewInstancesProtectedFromScaleIn", "CapacityRebalance", "ServiceLinkedRoleARN", "MaxInstanceLifetime", "Context",
  "DesiredCapacityType", "DefaultInstanceWarmup", "TrafficSources", "InstanceMaintenancePolicy",
}

local function group_before(change)
  return change:prior_state("describe_auto_scaling_groups",
    { AutoScalingGroupNames = { change.params.AutoScalingGroupName } },
    function(output)
      local group = output.AutoScalingGroups[1]
      return group and not group.Status and group -- a group with a status is being deleted
    end)
end

function autoscaling.UpdateAutoScalingGroup(change)
  local group, params = group_before(change), {}
  for name in pairs(change.params) do params[name] = group[name] end
  return { change:undo("UpdateAutoScalingGroup", params) }
end

function autoscaling.SetDesiredCapacity(change)
  return {
    change:undo("SetDesiredCapacity", {
      AutoScalingGroupName = change.params.AutoScalingGroupName,
      DesiredCapacity = group_before(change).DesiredCapacity,
    }),
  }
end

-- A launch template is told by its id and its name; only one of them may be given.
local function one_name(template)
  if not template then return nil end
  local name = not template.LaunchTemplateId and template.LaunchTemplateName or nil
  return { LaunchTemplateId = template.LaunchTemplateId, LaunchTemplateName = name, Version = template.Version }
end

function autoscaling.DeleteAutoScalingGroup(change)
  local group = group_before(change)
  local params = inverse.pick(group, GROUP)
  params.LaunchTemplate = one_name(group.LaunchTemplate)
  if not params.VPCZoneIdentifier or params.VPCZoneIdentifier == "" then
    params.VPCZoneIdentifier, params.AvailabilityZones = nil, group.AvailabilityZones
  end
  if group.Tags and #group.Tags > 0 then
    params.Tags = {}
    for i, tag in ipairs(group.Tags) do
      params.Tags[i] = inverse.pick(tag, { "ResourceId", "ResourceType", "Key", "Value", "PropagateAtLaunch" })
    end
  end
  local undo, suspended = { change:undo("CreateAutoScalingGroup", params) }, {}
  for i, each in ipairs(group.SuspendedProcesses or {}) do suspended[i] = each.ProcessName end
  if #suspended > 0 then
    undo[2] = change:undo("SuspendProcesses", {
      AutoScalingGroupName = group.AutoScalingGroupName,
      ScalingProcesses = suspended,
    })
  end
  return undo
end

function autoscaling.CreateAutoScalingGroup(change)
  if pcall(group_before, change) then return nil, "there is such a group already", "there" end
  return {
    change:undo("DeleteAutoScalingGroup", {
      AutoScalingGroupName = change.params.AutoScalingGroupName,
      ForceDelete = true,
    }),
  }
end

-- Every process there is, where a change names none (the Auto Scaling user guide).
local PROCESSES = {
  "Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh",
  "ReplaceUnhealthy", "ScheduledActions",
}

-- The change's processes that were, or were not, suspended before.
local function processes(change, suspended)
  local was = {}
  for _, each in ipairs(group_before(change).SuspendedProcesses or {}) do was[each.ProcessName] = true end
  local named, list = change.params.ScalingProcesses, {}
  for _, name in ipairs(named and #named > 0 and named or PROCESSES) do
    if (was[name] or false) == suspended then list[#list + 1] = name end
  end
  return list
end

local function processes_undo(change, operation, list)
  if #list == 0 then return nil, "its processes are so already", "same" end
  return {
    change:undo(operation, {
      AutoScalingGroupName = change.params.AutoScalingGroupName,
      ScalingProcesses = list,
    }),
  }
end

function autoscaling.SuspendProcesses(change)
  return processes_undo(change, "ResumeProcesses", processes(change, false))
end

function autoscaling.ResumeProcesses(change)
  return processes_undo(change, "SuspendProcesses", processes(change, true))
end

return autoscaling
