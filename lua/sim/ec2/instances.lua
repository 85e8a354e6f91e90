--- EC2 instances: how they come, stop, and go.
local ec2 = require "sim.ec2.state"
local failure = require "sim.failure"
local tags = require "sim.tags"
local value = require "sim.value"

local instances = { operations = {} }
local operations = instances.operations

local CODES <const> = {
  pending = 0, running = 16, ["shutting-down"] = 32, terminated = 48, stopping = 64, stopped = 80,
}
local START_MS <const>, STOP_MS <const>, TERMINATE_MS <const> = 10000, 12000, 15000
local KEPT_MS <const> = 3600 * 1000 -- so long a terminated instance can still be described

local function state_fields(name)
  return { Code = CODES[name], Name = name }
end

local function reference(state, given)
  if not given then return nil end
  local iam = state.account:service("iam")
  local name = given.Name or (given.Arn and given.Arn:match "([^/]+)$")
  local profile = iam.profiles:get(name)
  if not profile or given.Arn and profile.Arn ~= given.Arn then
    failure.raise("InvalidParameterValue",
      ("Value (%s) for parameter iamInstanceProfile is invalid. Invalid IAM Instance Profile name"):format(tostring(name)))
  end
  return profile
end
instances.profile = reference

--- Attach a profile; returns the association.
function instances.associate(state, instance, profile)
  local id = ec2.new_id(state, "iip-assoc")
  instance.association = id
  return state.associations:put(id, {
    AssociationId = id, InstanceId = instance.InstanceId, State = "associated",
    IamInstanceProfile = { Arn = profile.Arn, Id = profile.InstanceProfileId },
  })
end

local function volume_of(state, instance, mapping)
  local ebs = mapping.Ebs
  local id = ebs.VolumeId or ec2.new_id(state, "vol")
  local now = instance.LaunchTime
  state.volumes:put(id, {
    VolumeId = id, Size = ebs.VolumeSize or 8, VolumeType = ebs.VolumeType or "gp3", Encrypted = ebs.Encrypted or false,
    SnapshotId = ebs.SnapshotId or "", AvailabilityZone = instance.Placement.AvailabilityZone, CreateTime = now,
    State = "in-use", MultiAttachEnabled = false, Tags = tags.upper.list(ebs.Tags),
    Attachments = value.list { {
      AttachTime = now, DeleteOnTermination = ebs.DeleteOnTermination ~= false, Device = mapping.DeviceName,
      InstanceId = instance.InstanceId, State = "attached", VolumeId = id,
    } },
  })
  return {
    DeviceName = mapping.DeviceName,
    Ebs = { AttachTime = now, DeleteOnTermination = ebs.DeleteOnTermination ~= false, Status = "attached", VolumeId = id },
  }
end

local function groups_of(state, fields, subnet)
  local ids = fields.SecurityGroupIds
  if not ids or #ids == 0 then
    local _, default = value.find(state.groups:all(), function(group)
      return group.GroupName == "default" and group.VpcId == subnet.VpcId
    end)
    ids = default and { default.GroupId } or {}
  end
  return value.map(ids, function(id)
    local group = ec2.find(state, "groups", id)
    return { GroupId = id, GroupName = group.GroupName }
  end)
end

local function subnet_of(state, fields)
  if fields.SubnetId then return ec2.find(state, "subnets", fields.SubnetId) end
  local zone = fields.Placement and fields.Placement.AvailabilityZone
  local _, subnet = value.find(state.subnets:all(), function(each)
    return each.DefaultForAz and (not zone or each.AvailabilityZone == zone)
  end)
  if not subnet then failure.raise("MissingInput", "No subnets found for the default VPC. Please specify a subnet.") end
  return subnet
end

local METADATA <const> = {
  State = "applied", HttpTokens = "optional", HttpPutResponseHopLimit = 1, HttpEndpoint = "enabled",
  HttpProtocolIpv6 = "disabled", InstanceMetadataTags = "disabled",
}

local function metadata_of(given)
  local options = {}
  for name, default in pairs(METADATA) do options[name] = given and given[name] or default end
  return options
end

--- An instance in the account, from RunInstances' fields (with InstanceId and State where a seed names them).
function instances.make(state, fields, now)
  local ids = state.account.ids
  local id = fields.InstanceId or ec2.new_id(state, "i")
  local subnet = subnet_of(state, fields)
  local private = fields.PrivateIpAddress or ("172.31.%d.%d"):format(ids:between(0, 47), ids:between(4, 250))
  local instance = {
    InstanceId = id, ImageId = fields.ImageId or "ami-" .. ids:hex(17), InstanceType = fields.InstanceType or "t3.micro",
    LaunchTime = now, AmiLaunchIndex = fields.AmiLaunchIndex or 0, Architecture = "x86_64", Hypervisor = "xen",
    VirtualizationType = "hvm", RootDeviceName = "/dev/xvda", RootDeviceType = "ebs", EbsOptimized = false, EnaSupport = true,
    SourceDestCheck = true, StateTransitionReason = "", ClientToken = fields.ClientToken or "",
    KeyName = fields.KeyName, PrivateIpAddress = private, PublicIpAddress = fields.PublicIpAddress,
    PrivateDnsName = ("ip-%s.ec2.internal"):format((private:gsub("%.", "-"))),
    PublicDnsName = fields.PublicIpAddress
      and ("ec2-%s.compute-1.amazonaws.com"):format((fields.PublicIpAddress:gsub("%.", "-"))) or "",
    SubnetId = subnet.SubnetId, VpcId = subnet.VpcId, ProductCodes = value.list {}, NetworkInterfaces = value.list {},
    InstanceLifecycle = fields.InstanceLifecycle,
    SecurityGroups = groups_of(state, fields, subnet),
    Placement = { AvailabilityZone = subnet.AvailabilityZone, GroupName = "", Tenancy = "default" },
    Monitoring = { State = fields.Monitoring and fields.Monitoring.Enabled and "enabled" or "disabled" },
    MetadataOptions = metadata_of(fields.MetadataOptions),
    Tags = tags.upper.list(fields.Tags),
    state = fields.State or "pending", reservation = "r-" .. ids:hex(17),
    disableApiTermination = fields.DisableApiTermination or false, disableApiStop = fields.DisableApiStop or false,
    shutdown = fields.InstanceInitiatedShutdownBehavior or "stop", userData = fields.UserData,
  }
  instance.BlockDeviceMappings = value.map(
    fields.BlockDeviceMappings or { { DeviceName = "/dev/xvda", Ebs = { VolumeSize = 8 } } },
    function(mapping) return mapping.Ebs and volume_of(state, instance, mapping) end)
  if fields.profile then instances.associate(state, instance, fields.profile) end
  return state.instances:put(id, instance)
end

function instances.describe(state, instance)
  local shown = {}
  for name, field in pairs(instance) do
    if name:find "^%u" then shown[name] = field end
  end
  shown.State = state_fields(instance.state)
  local association = instance.association and state.associations:get(instance.association)
  shown.IamInstanceProfile = association and association.IamInstanceProfile
  return shown
end

-- Coming and going ----------------------------------------------------------------------------------------------------

local function up(instance)
  if instance.state == "pending" then instance.state = "running" end
end

local function gone(state, instance)
  instance.state = "terminated"
  instance.PrivateIpAddress, instance.PublicIpAddress = nil, nil
  if instance.association then state.associations:remove(instance.association) end
  instance.association = nil
  for _, mapping in ipairs(instance.BlockDeviceMappings) do
    local volume = state.volumes:get(mapping.Ebs.VolumeId)
    if volume and mapping.Ebs.DeleteOnTermination then
      state.volumes:remove(volume.VolumeId)
    elseif volume then
      volume.State, volume.Attachments = "available", value.list {}
    end
  end
  instance.BlockDeviceMappings = value.list {}
  instance.forgotten_at = state.account.now + KEPT_MS
end

--- Terminate, whatever protects it.
function instances.terminate(state, instance)
  if instance.state == "terminated" or instance.state == "shutting-down" then return end
  local account = state.account
  instance.state = "shutting-down"
  instance.StateTransitionReason = ("User initiated (%s)"):format(account:time())
  account:service("ecs", state.region).instance_lost(instance.InstanceId)
  account:after(TERMINATE_MS, gone, state, instance)
  account:service("autoscaling", state.region).instance_lost(instance.InstanceId)
end

local function forget(state)
  for instance in state.instances:each() do
    if instance.forgotten_at and instance.forgotten_at <= state.account.now then
      state.instances:remove(instance.InstanceId)
    end
  end
end

--- Launch `count` instances together.
function instances.launch(state, fields, count)
  local launched = {}
  for i = 1, count do
    fields.AmiLaunchIndex = i - 1
    launched[i] = instances.make(state, fields, state.account:time())
    launched[i].reservation = launched[1].reservation
    state.account:after(START_MS, up, launched[i])
  end
  return value.list(launched)
end

--- RunInstances' fields with those of its launch template below them.
function instances.with_template(state, p)
  if not p.LaunchTemplate then return p end
  local fields = value.copy(state.template_data(p.LaunchTemplate))
  for name, field in pairs(p) do fields[name] = field end
  return fields
end

function operations.RunInstances(state, p)
  ec2.dry_run(p)
  local fields = instances.with_template(state, p)
  if not fields.ImageId then failure.raise("MissingParameter", "The request must contain the parameter ImageId") end
  fields = value.copy(fields)
  fields.profile = reference(state, fields.IamInstanceProfile)
  fields.Tags = ec2.specified_tags(fields, "instance")
  local launched = instances.launch(state, fields, p.MaxCount)
  return {
    ReservationId = launched[1].reservation, OwnerId = state.account.number, Groups = value.list {},
    Instances = value.map(launched, function(instance) return instances.describe(state, instance) end),
  }
end

local function change_of(instance, was)
  return { InstanceId = instance.InstanceId, PreviousState = state_fields(was), CurrentState = state_fields(instance.state) }
end

local function refuse_terminated(instance)
  if instance.state == "terminated" or instance.state == "shutting-down" then
    failure.raise("IncorrectInstanceState",
      ("The instance '%s' is not in a state from which it can be changed."):format(instance.InstanceId))
  end
end

-- AWS terminates zone by zone: a protected instance keeps all of its zone that were asked for with it.
local function protected_zones(found)
  local zones, first = {}, nil
  for _, instance in ipairs(found) do
    if instance.disableApiTermination and instance.state ~= "terminated" then
      zones[instance.Placement.AvailabilityZone] = true
      first = first or instance
    end
  end
  return zones, first
end

function operations.TerminateInstances(state, p)
  ec2.dry_run(p)
  local found = ec2.find_all(state, "instances", p.InstanceIds)
  local zones, first = protected_zones(found)
  local changes = value.map(found, function(instance)
    local was = instance.state
    if not zones[instance.Placement.AvailabilityZone] then instances.terminate(state, instance) end
    return change_of(instance, was)
  end)
  if first then
    failure.raise("OperationNotPermitted",
      ("The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.")
        :format(first.InstanceId))
  end
  return { TerminatingInstances = changes }
end

function operations.StopInstances(state, p)
  ec2.dry_run(p)
  local found = ec2.find_all(state, "instances", p.InstanceIds)
  for _, instance in ipairs(found) do
    refuse_terminated(instance)
    if instance.disableApiStop then
      failure.raise("OperationNotPermitted",
        ("The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.")
          :format(instance.InstanceId))
    end
  end
  return { StoppingInstances = value.map(found, function(instance)
    local was = instance.state
    if was == "running" or was == "pending" then
      instance.state = "stopping"
      state.account:after(STOP_MS, function()
        if instance.state == "stopping" then instance.state = "stopped" end
      end)
    end
    return change_of(instance, was)
  end) }
end

function operations.StartInstances(state, p)
  ec2.dry_run(p)
  local found = ec2.find_all(state, "instances", p.InstanceIds)
  for _, instance in ipairs(found) do refuse_terminated(instance) end
  return { StartingInstances = value.map(found, function(instance)
    local was = instance.state
    if was == "stopped" then
      instance.state = "pending"
      state.account:after(START_MS, up, instance)
    end
    return change_of(instance, was)
  end) }
end

function operations.RebootInstances(state, p)
  ec2.dry_run(p)
  for _, instance in ipairs(ec2.find_all(state, "instances", p.InstanceIds)) do refuse_terminated(instance) end
end

-- Reading -------------------------------------------------------------------------------------------------------------

local FILTERS <const> = {
  ["instance-id"] = ec2.field "InstanceId", ["instance-type"] = ec2.field "InstanceType", ["image-id"] = ec2.field "ImageId",
  ["vpc-id"] = ec2.field "VpcId", ["subnet-id"] = ec2.field "SubnetId", ["key-name"] = ec2.field "KeyName",
  ["private-ip-address"] = ec2.field "PrivateIpAddress", ["ip-address"] = ec2.field "PublicIpAddress",
  ["reservation-id"] = ec2.field "reservation", ["instance-state-name"] = ec2.field "state",
  ["instance-lifecycle"] = ec2.field "InstanceLifecycle",
  ["instance-state-code"] = function(instance) return CODES[instance.state] end,
  ["availability-zone"] = function(instance) return instance.Placement.AvailabilityZone end,
  ["iam-instance-profile.arn"] = function(instance) return instance.profile_arn end,
  ["instance.group-id"] = function(instance)
    return value.map(instance.SecurityGroups, function(group) return group.GroupId end)
  end,
  ["metadata-options.http-tokens"] = function(instance) return instance.MetadataOptions.HttpTokens end,
}

local function select(state, p)
  forget(state)
  for instance in state.instances:each() do
    local association = instance.association and state.associations:get(instance.association)
    instance.profile_arn = association and association.IamInstanceProfile.Arn
  end
  local all = p.InstanceIds and ec2.find_all(state, "instances", p.InstanceIds) or state.instances:all()
  return ec2.filter(all, p.Filters, FILTERS)
end

function operations.DescribeInstances(state, p)
  local page, token = ec2.page(select(state, p), p)
  local reservations, by_id = {}, {}
  for _, instance in ipairs(page) do
    local reservation = by_id[instance.reservation]
    if not reservation then
      reservation = {
        ReservationId = instance.reservation, OwnerId = state.account.number, Groups = value.list {},
        Instances = value.list {},
      }
      by_id[instance.reservation] = reservation
      reservations[#reservations + 1] = reservation
    end
    table.insert(reservation.Instances, instances.describe(state, instance))
  end
  return { Reservations = value.list(reservations), NextToken = token }
end

function operations.DescribeInstanceStatus(state, p)
  local all = value.filter(select(state, p), function(instance)
    return p.IncludeAllInstances or instance.state == "running"
  end)
  local page, token = ec2.page(all, p)
  return { InstanceStatuses = value.map(page, function(instance)
    local status = { Status = instance.state == "running" and "ok" or "not-applicable", Details = value.list {} }
    return {
      InstanceId = instance.InstanceId, AvailabilityZone = instance.Placement.AvailabilityZone,
      InstanceState = state_fields(instance.state), InstanceStatus = status, SystemStatus = status,
    }
  end), NextToken = token }
end

return instances
