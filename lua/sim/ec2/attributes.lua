--- What of an EC2 instance can be asked for and changed: attributes, metadata options, its instance profile.
local ec2 = require "sim.ec2.state"
local failure = require "sim.failure"
local instances = require "sim.ec2.instances"
local value = require "sim.value"

local attributes = { operations = {} }
local operations = attributes.operations

local READ <const> = {
  disableApiTermination = function(i) return "DisableApiTermination", { Value = i.disableApiTermination } end,
  disableApiStop = function(i) return "DisableApiStop", { Value = i.disableApiStop } end,
  instanceInitiatedShutdownBehavior = function(i) return "InstanceInitiatedShutdownBehavior", { Value = i.shutdown } end,
  instanceType = function(i) return "InstanceType", { Value = i.InstanceType } end,
  userData = function(i) return "UserData", { Value = i.userData } end,
  sourceDestCheck = function(i) return "SourceDestCheck", { Value = i.SourceDestCheck } end,
  ebsOptimized = function(i) return "EbsOptimized", { Value = i.EbsOptimized } end,
  rootDeviceName = function(i) return "RootDeviceName", { Value = i.RootDeviceName } end,
  blockDeviceMapping = function(i) return "BlockDeviceMappings", i.BlockDeviceMappings end,
  groupSet = function(i) return "Groups", i.SecurityGroups end,
  productCodes = function(i) return "ProductCodes", i.ProductCodes end,
}

function operations.DescribeInstanceAttribute(state, p)
  ec2.dry_run(p)
  local instance = ec2.find(state, "instances", p.InstanceId)
  local read = READ[p.Attribute]
  if not read then
    failure.raise("InvalidParameterValue", ("Value (%s) for parameter attribute is invalid."):format(p.Attribute))
  end
  local name, found = read(instance)
  return { InstanceId = instance.InstanceId, [name] = found }
end

local function attribute_value(given)
  if type(given) == "table" then return given.Value end
  return given
end

local function truth(given)
  local found = attribute_value(given)
  if type(found) == "string" then return found:lower() == "true" end
  return found
end

-- The old form: Attribute names it, Value has it as text.
local function spelled_out(p)
  if not p.Attribute then return p end
  local name = p.Attribute:gsub("^%l", string.upper)
  return { InstanceId = p.InstanceId, [name] = { Value = p.Value } }
end

local function only_stopped(instance, name)
  if instance.state ~= "stopped" then
    failure.raise("IncorrectInstanceState",
      ("The instance '%s' is not in the 'stopped' state. Its %s cannot be changed."):format(instance.InstanceId, name))
  end
end

function operations.ModifyInstanceAttribute(state, p)
  ec2.dry_run(p)
  local instance = ec2.find(state, "instances", p.InstanceId)
  if instance.state == "terminated" then
    failure.raise("IncorrectInstanceState", ("The instance '%s' is terminated."):format(instance.InstanceId))
  end
  local changes = spelled_out(p)
  if changes.InstanceType then only_stopped(instance, "instanceType") end
  if changes.UserData then only_stopped(instance, "userData") end
  if changes.DisableApiTermination ~= nil then instance.disableApiTermination = truth(changes.DisableApiTermination) end
  if changes.DisableApiStop ~= nil then instance.disableApiStop = truth(changes.DisableApiStop) end
  if changes.SourceDestCheck ~= nil then instance.SourceDestCheck = truth(changes.SourceDestCheck) end
  if changes.EbsOptimized ~= nil then instance.EbsOptimized = truth(changes.EbsOptimized) end
  instance.InstanceType = attribute_value(changes.InstanceType) or instance.InstanceType
  instance.userData = attribute_value(changes.UserData) or instance.userData
  instance.shutdown = attribute_value(changes.InstanceInitiatedShutdownBehavior) or instance.shutdown
  if changes.Groups then
    instance.SecurityGroups = value.map(changes.Groups, function(id)
      return { GroupId = id, GroupName = ec2.find(state, "groups", id).GroupName }
    end)
  end
end

local OPTIONS <const> = {
  "HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "HttpProtocolIpv6", "InstanceMetadataTags",
}

function operations.ModifyInstanceMetadataOptions(state, p)
  ec2.dry_run(p)
  local instance = ec2.find(state, "instances", p.InstanceId)
  if instance.state == "terminated" or instance.state == "shutting-down" then
    failure.raise("IncorrectInstanceState", ("The instance '%s' is not in a valid state."):format(instance.InstanceId))
  end
  local options = value.copy(instance.MetadataOptions)
  for _, name in ipairs(OPTIONS) do
    if p[name] ~= nil then options[name] = p[name] end
  end
  options.State = "applied"
  instance.MetadataOptions = options
  local answered = value.copy(options)
  answered.State = "pending"
  return { InstanceId = instance.InstanceId, InstanceMetadataOptions = answered }
end

-- Instance profiles ---------------------------------------------------------------------------------------------------

local FILTERS <const> = { ["instance-id"] = ec2.field "InstanceId", state = ec2.field "State" }

function operations.DescribeIamInstanceProfileAssociations(state, p)
  local all = state.associations:all()
  if p.AssociationIds then
    all = value.filter(all, function(each) return value.contains(p.AssociationIds, each.AssociationId) end)
  end
  local page, token = ec2.page(ec2.filter(all, p.Filters, FILTERS), p)
  return { IamInstanceProfileAssociations = page, NextToken = token }
end

function operations.AssociateIamInstanceProfile(state, p)
  local instance = ec2.find(state, "instances", p.InstanceId)
  if instance.association then
    failure.raise("IncorrectState", ("There is an existing association for instance %s"):format(instance.InstanceId))
  end
  local shown = value.copy(instances.associate(state, instance, instances.profile(state, p.IamInstanceProfile)))
  shown.State = "associating"
  return { IamInstanceProfileAssociation = shown }
end

local function association_of(state, id)
  local association = state.associations:get(id)
  if not association then
    failure.raise("NoSuchAssociation", ("An invalid association-id of '%s' was given"):format(id))
  end
  return association, state.instances:get(association.InstanceId)
end

function operations.DisassociateIamInstanceProfile(state, p)
  local association, instance = association_of(state, p.AssociationId)
  state.associations:remove(p.AssociationId)
  instance.association = nil
  local shown = value.copy(association)
  shown.State = "disassociating"
  return { IamInstanceProfileAssociation = shown }
end

function operations.ReplaceIamInstanceProfileAssociation(state, p)
  local _, instance = association_of(state, p.AssociationId)
  local profile = instances.profile(state, p.IamInstanceProfile)
  state.associations:remove(p.AssociationId)
  local shown = value.copy(instances.associate(state, instance, profile))
  shown.State = "associating"
  return { IamInstanceProfileAssociation = shown }
end

return attributes
