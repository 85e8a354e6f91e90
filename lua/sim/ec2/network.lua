--- EC2 networks as far as they are needed around instances: VPCs, subnets, security groups, zones.
local ec2 = require "sim.ec2.state"
local failure = require "sim.failure"
local rules = require "sim.ec2.rules"
local tags = require "sim.tags"
local value = require "sim.value"

local network = { operations = {} }
local operations = network.operations

function network.make_vpc(state, fields)
  local id = fields.VpcId or ec2.new_id(state, "vpc")
  state.vpcs:put(id, {
    VpcId = id, CidrBlock = fields.CidrBlock or "10.0.0.0/16", State = "available", IsDefault = fields.IsDefault or false,
    InstanceTenancy = "default", OwnerId = state.account.number, Tags = tags.upper.list(fields.Tags),
  })
  network.make_group(state, { GroupName = "default", VpcId = id, Description = "default VPC security group" })
  return id
end

function network.make_subnet(state, fields)
  local id = fields.SubnetId or ec2.new_id(state, "subnet")
  return state.subnets:put(id, {
    SubnetId = id, VpcId = fields.VpcId, CidrBlock = fields.CidrBlock or "10.0.0.0/24", State = "available",
    AvailabilityZone = fields.AvailabilityZone or state.region .. "a", DefaultForAz = fields.DefaultForAz or false,
    MapPublicIpOnLaunch = fields.DefaultForAz or false, OwnerId = state.account.number,
    SubnetArn = ec2.arn(state, "subnet", id), Tags = tags.upper.list(fields.Tags),
  })
end

function network.make_group(state, fields)
  local id = fields.GroupId or ec2.new_id(state, "sg")
  return state.groups:put(id, {
    GroupId = id, GroupName = fields.GroupName, VpcId = fields.VpcId, Description = fields.Description or fields.GroupName,
    OwnerId = state.account.number, SecurityGroupArn = ec2.arn(state, "security-group", id),
    IpPermissions = fields.IpPermissions or value.list {}, Tags = tags.upper.list(fields.Tags),
    IpPermissionsEgress = fields.IpPermissionsEgress
      or value.list { { IpProtocol = "-1", IpRanges = value.list { { CidrIp = "0.0.0.0/0" } } } },
  })
end

--- The default VPC of a fresh region. It is no part of a snapshot: regions come to be when they are first asked for.
function network.open(state)
  local vpc = network.make_vpc(state, { CidrBlock = "172.31.0.0/16", IsDefault = true })
  for i, zone in ipairs { "a", "b", "c" } do
    network.make_subnet(state, {
      VpcId = vpc, CidrBlock = ("172.31.%d.0/20"):format((i - 1) * 16), AvailabilityZone = state.region .. zone,
      DefaultForAz = true,
    })
  end
  state.given = {}
  for _, list in ipairs { "vpcs", "subnets", "groups" } do
    for thing in state[list]:each() do state.given[thing] = true end
  end
end

operations.DescribeVpcs = ec2.describer("vpcs", "VpcIds", "Vpcs", {
  ["vpc-id"] = ec2.field "VpcId", ["is-default"] = ec2.field "IsDefault", isDefault = ec2.field "IsDefault",
  cidr = ec2.field "CidrBlock", state = ec2.field "State",
})

operations.DescribeSubnets = ec2.describer("subnets", "SubnetIds", "Subnets", {
  ["vpc-id"] = ec2.field "VpcId", ["subnet-id"] = ec2.field "SubnetId", ["default-for-az"] = ec2.field "DefaultForAz",
  ["availability-zone"] = ec2.field "AvailabilityZone",
})

local describe_groups = ec2.describer("groups", "GroupIds", "SecurityGroups", {
  ["group-id"] = ec2.field "GroupId", ["group-name"] = ec2.field "GroupName", ["vpc-id"] = ec2.field "VpcId",
  description = ec2.field "Description",
})

function operations.DescribeSecurityGroups(state, p)
  if not p.GroupNames then return describe_groups(state, p) end
  local asked = value.copy(p)
  asked.GroupIds = value.map(p.GroupNames, function(name) return rules.group_of(state, { GroupName = name }).GroupId end)
  return describe_groups(state, asked)
end

function operations.CreateSecurityGroup(state, p)
  ec2.dry_run(p)
  local vpc = p.VpcId or rules.default_vpc(state)
  ec2.find(state, "vpcs", vpc)
  if rules.named(state, p.GroupName, vpc) then
    failure.raise("InvalidGroup.Duplicate",
      ("The security group '%s' already exists for VPC '%s'"):format(p.GroupName, vpc))
  end
  local group = network.make_group(state, {
    GroupName = p.GroupName, Description = p.Description, VpcId = vpc, Tags = ec2.specified_tags(p, "security-group"),
  })
  return { GroupId = group.GroupId, Tags = group.Tags, SecurityGroupArn = group.SecurityGroupArn }
end

function operations.DeleteSecurityGroup(state, p)
  ec2.dry_run(p)
  local group = ec2.find(state, "groups", p.GroupId or "")
  if group.GroupName == "default" then
    failure.raise("CannotDelete", ("the specified group: \"%s\" name: \"default\" cannot be deleted by a user"):format(p.GroupId))
  end
  for instance in state.instances:each() do
    local member = value.find(instance.SecurityGroups, function(each) return each.GroupId == p.GroupId end)
    if member and instance.state ~= "terminated" then
      failure.raise("DependencyViolation", ("resource %s has a dependent object"):format(p.GroupId))
    end
  end
  state.groups:remove(p.GroupId)
  return { Return = true, GroupId = p.GroupId }
end

local function permission_key(permission)
  local ranges = value.map(permission.IpRanges or {}, function(range) return range.CidrIp end)
  local groups = value.map(permission.UserIdGroupPairs or {}, function(pair) return pair.GroupId or "" end)
  return table.concat({
    permission.IpProtocol or "", tostring(permission.FromPort), tostring(permission.ToPort), table.concat(ranges, ","),
    table.concat(groups, ","),
  }, " ")
end

local function permissions_of(p)
  if p.IpPermissions then return p.IpPermissions end
  return value.list { {
    IpProtocol = p.IpProtocol, FromPort = p.FromPort, ToPort = p.ToPort,
    IpRanges = p.CidrIp and value.list { { CidrIp = p.CidrIp } } or nil,
  } }
end

local function authorize(field)
  return function(state, p)
    ec2.dry_run(p)
    local group = rules.group_of(state, p)
    local all = value.copy(group[field])
    for _, permission in ipairs(permissions_of(p)) do
      local key = permission_key(permission)
      if value.find(all, function(each) return permission_key(each) == key end) then
        failure.raise("InvalidPermission.Duplicate", "the specified rule already exists")
      end
      all[#all + 1] = permission
    end
    group[field] = all
    return { Return = true }
  end
end

local function revoke(field)
  return function(state, p)
    ec2.dry_run(p)
    local group = rules.group_of(state, p)
    if p.SecurityGroupRuleIds then
      rules.revoke(state, group, field == "IpPermissionsEgress", p.SecurityGroupRuleIds)
      return { Return = true }
    end
    local gone = {}
    for _, permission in ipairs(permissions_of(p)) do
      local key = permission_key(permission)
      if not value.find(group[field], function(each) return permission_key(each) == key end) then
        failure.raise("InvalidPermission.NotFound", "the specified rule does not exist in this security group")
      end
      gone[key] = true
    end
    group[field] = value.filter(group[field], function(each) return not gone[permission_key(each)] end)
    rules.forget(state)
    return { Return = true }
  end
end

operations.AuthorizeSecurityGroupIngress = authorize "IpPermissions"
operations.AuthorizeSecurityGroupEgress = authorize "IpPermissionsEgress"
operations.RevokeSecurityGroupIngress = revoke "IpPermissions"
operations.RevokeSecurityGroupEgress = revoke "IpPermissionsEgress"

function operations.DescribeAvailabilityZones(state)
  return { AvailabilityZones = value.map({ "a", "b", "c" }, function(letter)
    return { ZoneName = state.region .. letter, RegionName = state.region, State = "available", ZoneType = "availability-zone" }
  end) }
end

local REGIONS <const> = {
  "eu-north-1", "ap-south-1", "eu-west-3", "eu-west-2", "eu-west-1", "ap-northeast-3", "ap-northeast-2", "ap-northeast-1",
  "ca-central-1", "sa-east-1", "ap-southeast-1", "ap-southeast-2", "eu-central-1", "us-east-1", "us-east-2", "us-west-1",
  "us-west-2",
}

function operations.DescribeRegions(_, p)
  local names = p.RegionNames or REGIONS
  return { Regions = value.map(names, function(name)
    return { RegionName = name, Endpoint = ("ec2.%s.amazonaws.com"):format(name), OptInStatus = "opt-in-not-required" }
  end) }
end

return network
