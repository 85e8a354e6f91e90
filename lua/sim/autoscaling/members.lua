--- The instances of Auto Scaling groups: how they are launched, lost and let go.
local instances = require "sim.ec2.instances"
local value = require "sim.value"

local members = {}

local NOTICE_MS <const> = 5000

--- EC2 in the same region.
function members.ec2(state)
  return state.account:service("ec2", state.region)
end

--- An instance as a member of its group.
function members.new(state, group, instance, lifecycle)
  return {
    InstanceId = instance.InstanceId, InstanceType = instance.InstanceType, HealthStatus = "Healthy",
    AvailabilityZone = instance.Placement.AvailabilityZone, LifecycleState = lifecycle,
    ProtectedFromScaleIn = group.fields.NewInstancesProtectedFromScaleIn or false,
    LaunchConfigurationName = group.fields.LaunchConfigurationName, LaunchTemplate = group.fields.LaunchTemplate,
    since = state.account.now,
  }
end

--- RunInstances' fields for the group's next instances.
function members.launch_fields(state, group)
  local ec2 = members.ec2(state)
  local configuration = state.configurations:get(group.fields.LaunchConfigurationName)
  local reference = group.fields.LaunchTemplate
    or (group.fields.MixedInstancesPolicy and group.fields.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification)
  local fields = value.copy(configuration or reference and ec2.template_data(reference) or {})
  local profile = fields.IamInstanceProfile
  if type(profile) == "string" then
    profile = profile:find "^arn:" and { Arn = profile } or { Name = profile }
  end
  fields.profile = instances.profile(ec2, profile)
  fields.SecurityGroupIds = fields.SecurityGroupIds or fields.SecurityGroups
  fields.SubnetId = group.subnets[1]
  fields.Placement = { AvailabilityZone = group.fields.AvailabilityZones and group.fields.AvailabilityZones[1] }
  fields.MetadataOptions = fields.MetadataOptions or nil
  fields.DisableApiTermination = group.protects or fields.DisableApiTermination
  fields.Tags = { { Key = "aws:autoscaling:groupName", Value = group.name } }
  for _, tag in ipairs(group.tags) do
    if tag.PropagateAtLaunch then table.insert(fields.Tags, { Key = tag.Key, Value = tag.Value }) end
  end
  return fields
end

local function launch(state, group, count)
  for _, instance in ipairs(instances.launch(members.ec2(state), members.launch_fields(state, group), count)) do
    local member = group.members:put(instance.InstanceId, members.new(state, group, instance, "Pending"))
    state.account:after(12000, function()
      if member.LifecycleState == "Pending" then member.LifecycleState = "InService" end
    end)
  end
end

--- Take an instance out of the group and terminate it.
function members.release(state, group, member)
  if member.LifecycleState == "Terminating" then return end
  member.LifecycleState = "Terminating"
  local instance = members.ec2(state).instances:get(member.InstanceId)
  -- Auto Scaling terminates what it owns whatever disableApiTermination says.
  if instance then instances.terminate(members.ec2(state), instance) end
  state.account:after(20000, function() group.members:remove(member.InstanceId) end)
end

--- Is this process of the group suspended?
function members.suspended(group, process)
  return value.contains(group.suspended, process)
end

local function living(group)
  return value.filter(group.members:all(), function(member) return member.LifecycleState ~= "Terminating" end)
end

local function look(state, group)
  group.looking = false
  if state.groups:get(group.name) ~= group then return end
  local alive = living(group)
  if #alive < group.desired and not members.suspended(group, "Launch") and not group.deleting then
    launch(state, group, group.desired - #alive)
  elseif #alive > group.desired and not members.suspended(group, "Terminate") then
    local excess = #alive - group.desired
    for _, member in ipairs(alive) do
      if excess > 0 and (not member.ProtectedFromScaleIn or group.deleting) then
        members.release(state, group, member)
        excess = excess - 1
      end
    end
  end
end

--- The group will look soon at how many instances it has.
function members.reconcile(state, group)
  if group.looking then return end
  group.looking = true
  state.account:after(NOTICE_MS, look, state, group)
end

--- EC2 tells that an instance goes: its group will replace it.
function members.lost(state, id)
  for group in state.groups:each() do
    local member = group.members:get(id)
    if member and member.LifecycleState ~= "Terminating" then
      member.LifecycleState = "Terminating"
      member.HealthStatus = "Unhealthy"
      if not members.suspended(group, "ReplaceUnhealthy") then members.reconcile(state, group) end
      state.account:after(20000, function() group.members:remove(id) end)
    end
  end
end

return members
