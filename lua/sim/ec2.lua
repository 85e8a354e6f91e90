--- Amazon EC2: the parts put together, its seed, and what it shows of itself.
local attributes = require "sim.ec2.attributes"
local failure = require "sim.failure"
local instances = require "sim.ec2.instances"
local network = require "sim.ec2.network"
local rules = require "sim.ec2.rules"
local simulation = require "sim.iam.simulation"
local state_of = require "sim.ec2.state"
local storage = require "sim.ec2.storage"
local tags = require "sim.tags"
local templates = require "sim.ec2.templates"
local value = require "sim.value"

local ec2 = { operations = {}, throttle = { code = "RequestLimitExceeded", message = "Request limit exceeded.", status = 503 } }

-- A dry run asks whether the caller may, which is known where it is a user or role of the account.
local function authorize(state, name, p)
  local account = state.account
  local principal = simulation.caller(account)
  if not principal then return end
  local action = "ec2:" .. name
  local ids = p.InstanceIds or { p.InstanceId }
  local resources = value.map(ids, function(id) return state_of.arn(state, "instance", id) end)
  if #resources == 0 then resources = { "*" } end
  for _, resource in ipairs(resources) do
    if simulation.decide(account:service "iam", principal, action, resource) ~= "allowed" then
      failure.raise("UnauthorizedOperation", ("You are not authorized to perform this operation. User: %s is not "
        .. "authorized to perform: %s on resource: %s"):format(account.caller, action, resource), 403)
    end
  end
end

for _, part in ipairs { instances, attributes, storage, network, rules, templates } do
  for name, operation in pairs(part.operations) do
    ec2.operations[name] = function(state, p)
      if p.DryRun then authorize(state, name, p) end
      return operation(state, p)
    end
  end
end

function ec2.open(state)
  state_of.open(state)
  network.open(state)
  function state.template_data(reference) return templates.data(state, reference) end
end

-- The seed ------------------------------------------------------------------------------------------------------------

local function known(state, cursor, name, list)
  local id = cursor:text(name)
  if id and not state[list]:get(id) then cursor:mistake(name, "there is no " .. id) end
  return id
end

local function seed_profile(state, cursor)
  local name = cursor:text "IamInstanceProfile"
  if not name then return nil end
  local profile = state.account:service("iam").profiles:get(name:match "([^/]+)$")
  if not profile then cursor:mistake("IamInstanceProfile", "there is no instance profile " .. name) end
  return profile
end

local INSTANCE <const> = {
  "ImageId", "InstanceType", "MetadataOptions", "BlockDeviceMappings", "KeyName", "UserData", "PrivateIpAddress",
  "PublicIpAddress", "Placement", "InstanceLifecycle", "Monitoring",
}

local function seed_instance(state, cursor)
  local fields = cursor:pick(INSTANCE, {})
  fields.InstanceId = cursor:text "InstanceId"
  if fields.InstanceId and state.instances:get(fields.InstanceId) then cursor:mistake("InstanceId", "is there already") end
  fields.State = cursor:text("State", "running")
  if fields.State ~= "running" and fields.State ~= "stopped" then cursor:mistake("State", "expected running or stopped") end
  fields.Tags, fields.SubnetId = cursor:tags "Tags", known(state, cursor, "SubnetId", "subnets")
  fields.DisableApiTermination = cursor:flag("disableApiTermination", false)
  fields.DisableApiStop = cursor:flag("disableApiStop", false)
  fields.SecurityGroupIds = cursor:texts "SecurityGroups"
  for _, id in ipairs(fields.SecurityGroupIds) do
    if not state.groups:get(id) then cursor:mistake("SecurityGroups", "there is no " .. id) end
  end
  fields.profile = seed_profile(state, cursor)
  instances.make(state, fields, cursor:time "LaunchTime")
end

local function seed_network(state, cursor)
  cursor:each("vpcs", function(below)
    local fields = below:pick({ "VpcId", "CidrBlock" }, {})
    fields.Tags = below:tags "Tags"
    network.make_vpc(state, fields)
  end)
  cursor:each("subnets", function(below)
    local fields = below:pick({ "SubnetId", "CidrBlock", "AvailabilityZone" }, {})
    below:required "VpcId"
    fields.VpcId, fields.Tags = known(state, below, "VpcId", "vpcs"), below:tags "Tags"
    network.make_subnet(state, fields)
  end)
  cursor:each("securityGroups", function(below)
    local fields = below:pick({ "GroupId", "Description", "IpPermissions", "IpPermissionsEgress" }, {})
    fields.GroupName, fields.Tags = below:required "GroupName", below:tags "Tags"
    fields.VpcId = known(state, below, "VpcId", "vpcs") or state.vpcs:all()[1].VpcId
    network.make_group(state, fields)
  end)
end

local function seed_volume(state, cursor)
  local id = cursor:text("VolumeId") or state_of.new_id(state, "vol")
  state.volumes:put(id, {
    VolumeId = id, Size = cursor:number("Size", 8), VolumeType = cursor:text("VolumeType", "gp3"),
    Encrypted = cursor:flag("Encrypted", false), SnapshotId = "",
    AvailabilityZone = cursor:text("AvailabilityZone", state.region .. "a"),
    CreateTime = cursor:time "CreateTime", State = "available", MultiAttachEnabled = false, Attachments = value.list {},
    Tags = cursor:tags "Tags",
  })
end

local function seed_snapshot(state, cursor)
  local id = cursor:text("SnapshotId") or state_of.new_id(state, "snap")
  state.snapshots:put(id, {
    SnapshotId = id, VolumeId = cursor:text("VolumeId", "vol-ffffffff"), VolumeSize = cursor:number("VolumeSize", 8),
    Encrypted = cursor:flag("Encrypted", false), State = "completed", Progress = "100%", StartTime = cursor:time "StartTime",
    OwnerId = state.account.number, Description = cursor:text("Description", ""), StorageTier = "standard",
    Tags = cursor:tags "Tags",
  })
end

function ec2.seed(state, cursor)
  seed_network(state, cursor)
  cursor:each("launchTemplates", function(below)
    local fields = below:pick({ "LaunchTemplateId", "VersionDescription" }, {})
    fields.LaunchTemplateName, fields.CreatedBy = below:required "LaunchTemplateName", below:text "CreatedBy"
    fields.LaunchTemplateData = below:raw("LaunchTemplateData", "table") or {}
    fields.CreateTime, fields.Tags = below:time "CreateTime", below:tags "Tags"
    templates.make(state, fields)
  end)
  cursor:each("instances", function(below) seed_instance(state, below) end)
  cursor:each("volumes", function(below) seed_volume(state, below) end)
  cursor:each("snapshots", function(below) seed_snapshot(state, below) end)
end

-- The snapshot --------------------------------------------------------------------------------------------------------

local MOVING <const> = { "StartTime", "Progress", "StateTransitionReason" }

function ec2.snapshot(state, put)
  for _, kind in ipairs(state_of.KINDS) do
    for thing in state[kind.collection]:each() do
      local shown = value.copy(thing)
      if kind.type == "instance" then
        shown = value.copy(instances.describe(state, thing))
        shown.DisableApiTermination, shown.DisableApiStop = thing.disableApiTermination, thing.disableApiStop
      elseif kind.type == "launch-template" then
        shown = value.copy(templates.describe(thing))
      end
      for _, name in ipairs(MOVING) do shown[name] = nil end
      shown.Tags = tags.upper.list(thing.Tags)
      if thing.state ~= "terminated" and not state.given[thing] then
        put(state_of.arn(state, kind.type, thing[kind.id]), shown)
      end
    end
  end
end

return ec2
