--- EC2 Auto Scaling: groups keep as many instances as they want, until they are told not to.
local collection = require "sim.collection"
local failure = require "sim.failure"
local instances = require "sim.ec2.instances"
local members = require "sim.autoscaling.members"
local paging = require "sim.paging"
local value = require "sim.value"

local autoscaling = { operations = {}, throttle = { code = "Throttling", message = "Rate exceeded", status = 400 } }
local operations = autoscaling.operations

local DELETE_MS <const> = 5000

function autoscaling.open(state)
  state.groups, state.configurations = collection.new(), collection.new()
  function state.instance_lost(id) members.lost(state, id) end
end

local function invalid(message)
  failure.raise("ValidationError", message)
end

local function find(state, name)
  local group = state.groups:get(name)
  if not group then invalid "AutoScalingGroup name not found - AutoScalingGroup not found" end
  return group
end

-- Groups --------------------------------------------------------------------------------------------------------------

local FIELDS <const> = {
  "LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy", "DefaultCooldown", "AvailabilityZones",
  "LoadBalancerNames", "TargetGroupARNs", "HealthCheckType", "HealthCheckGracePeriod", "PlacementGroup",
  "VPCZoneIdentifier", "TerminationPolicies", "NewInstancesProtectedFromScaleIn", "ServiceLinkedRoleARN",
  "MaxInstanceLifetime", "CapacityRebalance", "Context", "DesiredCapacityType", "DefaultInstanceWarmup",
}

local function group_tags(name, given)
  return value.map(given or {}, function(tag)
    return {
      ResourceId = name, ResourceType = "auto-scaling-group", Key = tag.Key, Value = tag.Value or "",
      PropagateAtLaunch = tag.PropagateAtLaunch or false,
    }
  end)
end

local function place(group, state)
  group.subnets = {}
  for id in (group.fields.VPCZoneIdentifier or ""):gmatch "[^,%s]+" do
    table.insert(group.subnets, id)
  end
  if not group.fields.AvailabilityZones then
    local subnet = group.subnets[1] and members.ec2(state).subnets:get(group.subnets[1])
    group.fields.AvailabilityZones = value.list { subnet and subnet.AvailabilityZone or state.region .. "a" }
  end
end

local function make(state, name, p)
  local group = {
    name = name, fields = value.pick(p, FIELDS), min = p.MinSize, max = p.MaxSize, desired = p.DesiredCapacity or p.MinSize,
    members = collection.new(), suspended = value.list {}, tags = group_tags(name, p.Tags),
    created = p.CreatedTime or state.account:time(),
    arn = state.account:arn("autoscaling", state.region,
      ("autoScalingGroup:%s:autoScalingGroupName/%s"):format(state.account.ids:uuid(), name)),
  }
  place(group, state)
  return state.groups:put(name, group)
end

local DEFAULTS <const> = {
  DefaultCooldown = 300, HealthCheckType = "EC2", HealthCheckGracePeriod = 0, NewInstancesProtectedFromScaleIn = false,
}

local function describe(group)
  local shown = {}
  for name, default in pairs(DEFAULTS) do shown[name] = default end
  for name, field in pairs(group.fields) do shown[name] = field end
  shown.TerminationPolicies = shown.TerminationPolicies or value.list { "Default" }
  shown.LoadBalancerNames = shown.LoadBalancerNames or value.list {}
  shown.TargetGroupARNs = shown.TargetGroupARNs or value.list {}
  shown.AutoScalingGroupName, shown.AutoScalingGroupARN = group.name, group.arn
  shown.MinSize, shown.MaxSize, shown.DesiredCapacity = group.min, group.max, group.desired
  shown.CreatedTime, shown.Tags = group.created, group.tags
  shown.Status = group.deleting and "Delete in progress" or nil
  shown.EnabledMetrics = value.list {}
  shown.SuspendedProcesses = value.map(group.suspended, function(process)
    return { ProcessName = process, SuspensionReason = "User suspended" }
  end)
  shown.Instances = value.map(group.members:all(), function(member)
    return value.pick(member, {
      "InstanceId", "InstanceType", "HealthStatus", "AvailabilityZone", "LifecycleState", "ProtectedFromScaleIn",
      "LaunchConfigurationName", "LaunchTemplate",
    })
  end)
  return shown
end

local function check_sizes(group)
  if group.min > group.max then
    invalid(("Max bound, %d, must be greater than or equal to min bound, %d"):format(group.max, group.min))
  end
  if group.desired < group.min or group.desired > group.max then
    invalid(("Desired capacity:%d must be between the specified min size:%d and max size:%d")
      :format(group.desired, group.min, group.max))
  end
end

local function check_source(state, p)
  if p.LaunchConfigurationName and not state.configurations:get(p.LaunchConfigurationName) then
    invalid "Launch configuration name not found - Launch configuration not found"
  end
  if p.LaunchTemplate then members.ec2(state).template_data(p.LaunchTemplate) end
end

function operations.CreateAutoScalingGroup(state, p)
  local name = p.AutoScalingGroupName
  if state.groups:get(name) then
    failure.raise("AlreadyExists",
      "AutoScalingGroup by this name already exists - A group with the name " .. name .. " already exists")
  end
  check_sizes { min = p.MinSize, max = p.MaxSize, desired = p.DesiredCapacity or p.MinSize }
  check_source(state, p)
  if not (p.LaunchConfigurationName or p.LaunchTemplate or p.MixedInstancesPolicy or p.InstanceId) then
    invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
      .. "MixedInstancesPolicy parameter.")
  end
  members.reconcile(state, make(state, name, p))
end

local FILTERS <const> = {
  ["tag-key"] = function(tag) return tag.Key end, ["tag-value"] = function(tag) return tag.Value end,
}

local function passes(group, filters)
  for _, filter in ipairs(filters or {}) do
    local read = FILTERS[filter.Name]
    local wanted = filter.Name:match "^tag:(.+)$"
    if not read and not wanted then
      invalid(("Filter type %s is not correct. Allowed Filter types are: tag-key tag-value tag:<key>"):format(filter.Name))
    end
    local fits = value.find(group.tags, function(tag)
      if wanted then return tag.Key == wanted and value.contains(filter.Values, tag.Value) end
      return value.contains(filter.Values, read(tag))
    end)
    if not fits then return false end
  end
  return true
end

local function page(items, p, default, most)
  return paging.cut(items, p.NextToken, paging.size(p.MaxRecords, default, most), function()
    failure.raise("InvalidNextToken", "The token '" .. p.NextToken .. "' is invalid")
  end)
end

function operations.DescribeAutoScalingGroups(state, p)
  local names = p.AutoScalingGroupNames
  local found = value.filter(state.groups:all(), function(group)
    return (not names or #names == 0 or value.contains(names, group.name)) and passes(group, p.Filters)
  end)
  local groups, token = page(found, p, 50, 100)
  return { AutoScalingGroups = value.map(groups, describe), NextToken = token }
end

function operations.DescribeAutoScalingInstances(state, p)
  local all = {}
  for group in state.groups:each() do
    for member in group.members:each() do
      if not p.InstanceIds or #p.InstanceIds == 0 or value.contains(p.InstanceIds, member.InstanceId) then
        local shown = value.pick(member, {
          "InstanceId", "InstanceType", "AvailabilityZone", "LifecycleState", "ProtectedFromScaleIn",
          "LaunchConfigurationName", "LaunchTemplate",
        })
        shown.HealthStatus = member.HealthStatus:upper()
        shown.AutoScalingGroupName = group.name
        all[#all + 1] = shown
      end
    end
  end
  local found, token = page(all, p, 50, 50)
  return { AutoScalingInstances = found, NextToken = token }
end

function operations.UpdateAutoScalingGroup(state, p)
  local group = find(state, p.AutoScalingGroupName)
  local min, max = p.MinSize or group.min, p.MaxSize or group.max
  -- A desired capacity that was not given follows the bounds.
  local desired = p.DesiredCapacity or math.max(min, math.min(group.desired, max))
  check_sizes { min = min, max = max, desired = desired }
  check_source(state, p)
  if p.LaunchTemplate then group.fields.LaunchConfigurationName = nil end
  if p.LaunchConfigurationName then group.fields.LaunchTemplate = nil end
  for _, name in ipairs(FIELDS) do
    if p[name] ~= nil then group.fields[name] = p[name] end
  end
  group.min, group.max, group.desired = min, max, desired
  place(group, state)
  members.reconcile(state, group)
end

function operations.SetDesiredCapacity(state, p)
  local group = find(state, p.AutoScalingGroupName)
  if p.DesiredCapacity < group.min then
    invalid(("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.")
      :format(p.DesiredCapacity, group.min))
  elseif p.DesiredCapacity > group.max then
    invalid(("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.")
      :format(p.DesiredCapacity, group.max))
  end
  group.desired = p.DesiredCapacity
  members.reconcile(state, group)
end

function operations.DeleteAutoScalingGroup(state, p)
  local group = find(state, p.AutoScalingGroupName)
  if not p.ForceDelete and group.members:size() > 0 then
    failure.raise("ResourceInUse",
      "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")
  end
  group.deleting, group.min, group.desired = true, 0, 0
  for member in group.members:each() do members.release(state, group, member) end
  state.account:after(group.members:size() > 0 and 25000 or DELETE_MS, function()
    if state.groups:get(group.name) == group then state.groups:remove(group.name) end
  end)
end

local PROCESSES <const> = {
  "Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh",
  "ReplaceUnhealthy", "ScheduledActions",
}

function operations.SuspendProcesses(state, p)
  local group = find(state, p.AutoScalingGroupName)
  for _, process in ipairs(p.ScalingProcesses or PROCESSES) do
    if not members.suspended(group, process) then table.insert(group.suspended, process) end
  end
end

function operations.ResumeProcesses(state, p)
  local group = find(state, p.AutoScalingGroupName)
  group.suspended = value.filter(group.suspended, function(process)
    return p.ScalingProcesses and not value.contains(p.ScalingProcesses, process)
  end)
  members.reconcile(state, group)
end

function operations.SetInstanceProtection(state, p)
  local group = find(state, p.AutoScalingGroupName)
  for _, id in ipairs(p.InstanceIds) do
    local member = group.members:get(id)
    if not member then invalid(("The instance %s is not part of Auto Scaling group %s."):format(id, group.name)) end
    member.ProtectedFromScaleIn = p.ProtectedFromScaleIn
  end
end

function operations.TerminateInstanceInAutoScalingGroup(state, p)
  for group in state.groups:each() do
    local member = group.members:get(p.InstanceId)
    if member then
      if p.ShouldDecrementDesiredCapacity then
        if group.desired - 1 < group.min then
          invalid(("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate "
            .. "group's min size constraint."):format(group.min))
        end
        group.desired = group.desired - 1
      end
      members.release(state, group, member)
      members.reconcile(state, group)
      return { Activity = {
        ActivityId = state.account.ids:uuid(), AutoScalingGroupName = group.name, StatusCode = "InProgress", Progress = 0,
        Cause = "instance was taken out of service in response to a user request", StartTime = state.account:time(),
        Description = "Terminating EC2 instance: " .. p.InstanceId,
      } }
    end
  end
  invalid(("Instance Id not found - No managed instance found for instance ID: %s"):format(p.InstanceId))
end

local function detach(state, p)
  local group = find(state, p.AutoScalingGroupName)
  for _, id in ipairs(p.InstanceIds) do
    if group.members:remove(id) and p.ShouldDecrementDesiredCapacity then
      group.desired = math.max(group.min, group.desired - 1)
    end
  end
  members.reconcile(state, group)
  return { Activities = value.list {} }
end
operations.DetachInstances = detach

-- Tags ----------------------------------------------------------------------------------------------------------------

function operations.CreateOrUpdateTags(state, p)
  for _, tag in ipairs(p.Tags) do
    local group = find(state, tag.ResourceId)
    local at = value.find(group.tags, function(old) return old.Key == tag.Key end)
    group.tags[at or #group.tags + 1] = group_tags(group.name, { tag })[1]
  end
end

function operations.DeleteTags(state, p)
  for _, tag in ipairs(p.Tags) do
    local group = find(state, tag.ResourceId)
    group.tags = value.filter(group.tags, function(old) return old.Key ~= tag.Key end)
  end
end

local TAG_FILTERS <const> = {
  ["auto-scaling-group"] = "ResourceId", key = "Key", value = "Value", ["propagate-at-launch"] = "PropagateAtLaunch",
}

function operations.DescribeTags(state, p)
  local all = {}
  for group in state.groups:each() do
    for _, tag in ipairs(group.tags) do
      local fits = true
      for _, filter in ipairs(p.Filters or {}) do
        local field = TAG_FILTERS[filter.Name]
        if not field then invalid(("Filter type %s is not correct."):format(filter.Name)) end
        fits = fits and value.contains(filter.Values, tostring(tag[field]))
      end
      if fits then all[#all + 1] = tag end
    end
  end
  local found, token = page(all, p, 50, 100)
  return { Tags = found, NextToken = token }
end

-- Launch configurations -----------------------------------------------------------------------------------------------

local function make_configuration(state, fields)
  local name = fields.LaunchConfigurationName
  local configuration = value.copy(fields)
  configuration.LaunchConfigurationARN = state.account:arn("autoscaling", state.region,
    ("launchConfiguration:%s:launchConfigurationName/%s"):format(state.account.ids:uuid(), name))
  configuration.CreatedTime = fields.CreatedTime or state.account:time()
  configuration.InstanceId = nil
  for _, list in ipairs { "SecurityGroups", "ClassicLinkVPCSecurityGroups", "BlockDeviceMappings" } do
    configuration[list] = configuration[list] or value.list {}
  end
  return state.configurations:put(name, configuration)
end

function operations.CreateLaunchConfiguration(state, p)
  if state.configurations:get(p.LaunchConfigurationName) then
    failure.raise("AlreadyExists", "Launch Configuration by this name already exists - "
      .. "A launch configuration already exists with the name " .. p.LaunchConfigurationName)
  end
  make_configuration(state, p)
end

function operations.DescribeLaunchConfigurations(state, p)
  local names = p.LaunchConfigurationNames
  local found = value.filter(state.configurations:all(), function(each)
    return not names or #names == 0 or value.contains(names, each.LaunchConfigurationName)
  end)
  local configurations, token = page(found, p, 50, 100)
  return { LaunchConfigurations = configurations, NextToken = token }
end

function operations.DeleteLaunchConfiguration(state, p)
  local name = p.LaunchConfigurationName
  if not state.configurations:get(name) then
    invalid("Launch configuration name not found - Launch configuration " .. name .. " not found")
  end
  if value.find(state.groups:all(), function(group) return group.fields.LaunchConfigurationName == name end) then
    failure.raise("ResourceInUse",
      "Cannot delete launch configuration " .. name .. " because it is attached to an AutoScalingGroup")
  end
  state.configurations:remove(name)
end

-- Nothing scales by itself here.
function operations.DescribePolicies() return { ScalingPolicies = value.list {} } end

function operations.DescribeScalingActivities() return { Activities = value.list {} } end

-- The seed ------------------------------------------------------------------------------------------------------------

local CONFIGURATION <const> = {
  "ImageId", "InstanceType", "KeyName", "SecurityGroups", "UserData", "IamInstanceProfile", "BlockDeviceMappings",
  "MetadataOptions", "SpotPrice", "EbsOptimized", "AssociatePublicIpAddress",
}

local function seed_members(state, group, cursor)
  local ec2 = members.ec2(state)
  for i, id in ipairs(cursor:texts "Instances") do
    local instance = ec2.instances:get(id)
    if not instance then cursor:mistake(("Instances[%d]"):format(i), "there is no instance " .. id) end
    group.members:put(id, members.new(state, group, instance, "InService"))
  end
  local fields = members.launch_fields(state, group)
  fields.State = "running"
  for _ = group.members:size() + 1, group.desired do
    local instance = instances.make(ec2, fields, group.created)
    group.members:put(instance.InstanceId, members.new(state, group, instance, "InService"))
  end
end

local function seed_group(state, cursor)
  local name = cursor:required "AutoScalingGroupName"
  local p = cursor:pick(FIELDS, {})
  p.MinSize, p.MaxSize = cursor:number("MinSize", 0), cursor:number "MaxSize"
  p.DesiredCapacity = cursor:number("DesiredCapacity", p.MinSize)
  p.MaxSize = p.MaxSize or p.DesiredCapacity
  p.CreatedTime = cursor:time "CreatedTime"
  local propagate = {}
  for _, tag in ipairs(cursor:raw("Tags", "table") or {}) do propagate[tag.Key] = tag.PropagateAtLaunch end
  p.Tags = cursor:tags "Tags"
  for _, tag in ipairs(p.Tags) do tag.PropagateAtLaunch = propagate[tag.Key] end
  if state.groups:get(name) then cursor:mistake("AutoScalingGroupName", "is there already") end
  if p.LaunchConfigurationName and not state.configurations:get(p.LaunchConfigurationName) then
    cursor:mistake("LaunchConfigurationName", "there is no launch configuration " .. p.LaunchConfigurationName)
  end
  local ok, err = pcall(check_source, state, p)
  if not ok then cursor:mistake("LaunchTemplate", err.message or tostring(err)) end
  ok, err = pcall(check_sizes, { min = p.MinSize, max = p.MaxSize, desired = p.DesiredCapacity })
  if not ok then cursor:mistake("DesiredCapacity", err.message or tostring(err)) end
  local group = make(state, name, p)
  group.suspended = cursor:texts "SuspendedProcesses"
  group.protects = cursor:flag "disableApiTermination"
  seed_members(state, group, cursor)
  group.protects = nil -- of the first instances only: the next ones come as their template says
end

function autoscaling.seed(state, cursor)
  cursor:each("launchConfigurations", function(below)
    local fields = below:pick(CONFIGURATION, { LaunchConfigurationName = below:required "LaunchConfigurationName" })
    fields.CreatedTime = below:time "CreatedTime"
    make_configuration(state, fields)
  end)
  cursor:each("groups", function(below) seed_group(state, below) end)
end

function autoscaling.snapshot(state, put)
  for group in state.groups:each() do
    local shown = describe(group)
    shown.CreatedTime = nil
    put(group.arn, shown)
  end
  for configuration in state.configurations:each() do
    local shown = value.copy(configuration)
    shown.CreatedTime = nil
    put(configuration.LaunchConfigurationARN, shown)
  end
end

return autoscaling
