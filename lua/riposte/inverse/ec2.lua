--- Inverses of EC2's changes.
local inverse = require "riposte.inverse"
local rules = require "riposte.rules"

local ec2 = {}

-- Instances ---------------------------------------------------------------------------------------------------------

-- DescribeInstanceAttribute's name for what ModifyInstanceAttribute sets, and whether its value is wrapped.
local ATTRIBUTES = {
  DisableApiTermination = "disableApiTermination",
  DisableApiStop = "disableApiStop",
  SourceDestCheck = "sourceDestCheck",
  EbsOptimized = "ebsOptimized",
  InstanceInitiatedShutdownBehavior = "instanceInitiatedShutdownBehavior",
  InstanceType = "instanceType",
}

function ec2.ModifyInstanceAttribute(change)
  local id = change.params.InstanceId
  if change.params.Groups then
    local output = change:prior_state("describe_instance_attribute", { InstanceId = id, Attribute = "groupSet" })
    local groups = {}
    for i, group in ipairs(output.Groups or {}) do groups[i] = group.GroupId end
    return { change:undo("ModifyInstanceAttribute", { InstanceId = id, Groups = groups }) }
  end
  for member, attribute in pairs(ATTRIBUTES) do
    if change.params[member] ~= nil then
      local output = change:prior_state("describe_instance_attribute", { InstanceId = id, Attribute = attribute })
      return { change:undo("ModifyInstanceAttribute", { InstanceId = id, [member] = output[member] }) }
    end
  end
  return nil, "no inverse for this attribute is known", "unknown"
end

local function state_of(instance)
  return instance.State and instance.State.Name
end

local function is_over(instance)
  return state_of(instance) == "terminated" or state_of(instance) == "shutting-down"
end

function ec2.ModifyInstanceMetadataOptions(change)
  local options = change:prior_state("describe_instances", { InstanceIds = { change.params.InstanceId } },
    function(output)
      local instance = output.Reservations[1] and output.Reservations[1].Instances[1]
      return instance and not is_over(instance) and instance.MetadataOptions
    end)
  local params = inverse.pick(options, {
    "HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "HttpProtocolIpv6", "InstanceMetadataTags",
  })
  params.InstanceId = change.params.InstanceId
  return { change:undo("ModifyInstanceMetadataOptions", params) }
end

function ec2.TerminateInstances()
  return nil, "a terminated instance does not come back; only what was snapshotted is kept"
end

-- The change's instances that are in one of two states.
local function instances_in(change, one, other)
  local ids = {}
  for _, reservation in ipairs(change.read("describe_instances", { InstanceIds = change.params.InstanceIds }).Reservations) do
    for _, instance in ipairs(reservation.Instances) do
      if state_of(instance) == one or state_of(instance) == other then ids[#ids + 1] = instance.InstanceId end
    end
  end
  return ids
end

function ec2.StopInstances(change)
  local ids = instances_in(change, "running", "pending")
  if #ids == 0 then return nil, "none of the instances runs", "same" end
  return { change:undo("StartInstances", { InstanceIds = ids }) }
end

function ec2.StartInstances(change)
  local ids = instances_in(change, "stopped", "stopping")
  if #ids == 0 then return nil, "none of the instances is stopped", "same" end
  return { change:undo("StopInstances", { InstanceIds = ids }) }
end

-- Snapshots ---------------------------------------------------------------------------------------------------------

function ec2.CreateSnapshot(change)
  return { change:undo("DeleteSnapshot", { SnapshotId = inverse.reply "SnapshotId" }) }
end

-- How many snapshots there will be depends on the instance's volumes, and evidence is not what an undo should delete.
function ec2.CreateSnapshots()
  return nil, "snapshots are evidence: delete them by hand when they are not needed any more"
end

function ec2.DeleteSnapshot(change)
  if change.undoing then
    local there = change:is_there("describe_snapshots", { SnapshotIds = { change.params.SnapshotId } })
    if there == false then return nil, "there is no such snapshot", "absent" end
  end
  return nil, "a deleted snapshot does not come back"
end

-- Security groups ---------------------------------------------------------------------------------------------------

function ec2.CreateSecurityGroup(change)
  local there = change:is_there("describe_security_groups", rules.named(change.params.GroupName, change.params.VpcId),
    function(output) return output.SecurityGroups and output.SecurityGroups[1] end)
  if there then return nil, "there is such a group already", "there" end
  return { change:undo("DeleteSecurityGroup", { GroupId = inverse.reply "GroupId" }) }
end

-- Rules: what was authorised is revoked, and the other way round. EC2 takes all that it is asked for, or refuses it.

-- Rules that are named by their ids are read, and made again by what they let through: then they have other ids.
local function undo_by_ids(change, authorize)
  local there = change:prior_state("describe_security_group_rules", { SecurityGroupRuleIds = change.params.SecurityGroupRuleIds },
    function(output) return output.SecurityGroupRules end)
  local described = there.SecurityGroupRules or there
  local permissions = #described > 0 and rules.permissions(described)
  if not permissions then return nil, "what these rules let through was not told", "unknown" end
  return { change:undo(authorize, { GroupId = described[1].GroupId, IpPermissions = permissions }) }
end

for direction, member in pairs { Ingress = "IpPermissions", Egress = "IpPermissionsEgress" } do
  local authorize, revoke = "AuthorizeSecurityGroup" .. direction, "RevokeSecurityGroup" .. direction

  -- Does the group have one of the rules, or all of them? Nil where that can't be told.
  local function has(change, wanted)
    local group_of = rules.group(change.params)
    if not group_of then return nil end
    return change:is_there("describe_security_groups", group_of, function(output)
      local group = output.SecurityGroups and output.SecurityGroups[1]
      local there = rules.among(rules.asked(change.params), group and group[member])
      change.blind = not there
      return wanted(there)
    end)
  end
  local function undo(change, operation)
    local params = inverse.pick(change.params, { "GroupId", "GroupName" })
    params.IpPermissions = rules.asked(change.params)
    return { change:undo(operation, params) }
  end

  ec2[authorize] = function(change)
    if has(change, function(there) return there == "all" or there == "some" end) then
      return nil, "the group has such a rule already", "there"
    end
    return undo(change, revoke)
  end
  ec2[revoke] = function(change)
    if change.params.SecurityGroupRuleIds then return undo_by_ids(change, authorize) end
    if not rules.asked(change.params) then return nil, "rules whose source is a group's name are not read back" end
    if has(change, function(there) return there ~= "none" and there ~= "some" end) == false then
      return nil, "the group has not all of these rules", "absent"
    end
    return undo(change, authorize)
  end
end

-- Tags --------------------------------------------------------------------------------------------------------------

-- The values that the change's tags have now: {resource = {key = value}}.
local function tags_before(change)
  local keys, had = {}, {}
  for i, tag in ipairs(change.params.Tags) do keys[i] = tag.Key end
  local output = change.read("describe_tags", {
    Filters = { { Name = "resource-id", Values = change.params.Resources }, { Name = "key", Values = keys } },
  })
  for _, tag in ipairs(output.Tags or {}) do
    had[tag.ResourceId] = had[tag.ResourceId] or {}
    had[tag.ResourceId][tag.Key] = tag.Value
  end
  return had
end

-- Operations that take back what a change of tags does to each resource: `sort` puts each of the change's tags, given its
-- value now, into {operation = tags}.
local function tags_undo(change, operations, sort)
  local had, undo = tags_before(change), {}
  for _, resource in ipairs(change.params.Resources) do
    local into = {}
    for _, name in ipairs(operations) do into[name] = {} end
    for _, tag in ipairs(change.params.Tags) do sort(into, tag, (had[resource] or {})[tag.Key]) end
    for _, name in ipairs(operations) do
      if #into[name] > 0 then undo[#undo + 1] = change:undo(name, { Resources = { resource }, Tags = into[name] }) end
    end
  end
  if #undo == 0 then return nil, "the tags are so already", "same" end
  return undo
end

function ec2.CreateTags(change)
  return tags_undo(change, { "DeleteTags", "CreateTags" }, function(into, tag, value)
    if not value then
      table.insert(into.DeleteTags, { Key = tag.Key, Value = tag.Value })
    elseif value ~= tag.Value then
      table.insert(into.CreateTags, { Key = tag.Key, Value = value })
    end
  end)
end

-- A tag that is given with its value is deleted only where it has that value.
function ec2.DeleteTags(change)
  if not change.params.Tags then return nil, "all tags are deleted, and none was read" end
  return tags_undo(change, { "CreateTags" }, function(into, tag, value)
    if value and (tag.Value == nil or tag.Value == value) then
      table.insert(into.CreateTags, { Key = tag.Key, Value = value })
    end
  end)
end

return ec2
