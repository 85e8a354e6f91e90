--- The rules of security groups: permissions are kept as they were given, and each source in one is a rule with an id.
local ec2 = require "sim.ec2.state"
local failure = require "sim.failure"
local value = require "sim.value"

local rules = { operations = {} }
local operations = rules.operations

local DIRECTIONS <const> = { { field = "IpPermissions", egress = false }, { field = "IpPermissionsEgress", egress = true } }

-- A permission's lists, the member that tells a source in one, and a rule's name for it.
local SOURCES <const> = {
  { list = "IpRanges", name = "CidrIp", told = "CidrIpv4" },
  { list = "Ipv6Ranges", name = "CidrIpv6", told = "CidrIpv6" },
  { list = "PrefixListIds", name = "PrefixListId", told = "PrefixListId" },
  { list = "UserIdGroupPairs", name = "GroupId" },
}

--- The id of the region's default VPC.
function rules.default_vpc(state)
  local _, vpc = value.find(state.vpcs:all(), function(each) return each.IsDefault end)
  return vpc.VpcId
end

--- The group of that name in a VPC, or nil.
function rules.named(state, name, vpc)
  local _, group = value.find(state.groups:all(), function(each) return each.GroupName == name and each.VpcId == vpc end)
  return group
end

--- The group that a request names by its id, or by its name in the default VPC.
function rules.group_of(state, p)
  if p.GroupId or not p.GroupName then return ec2.find(state, "groups", p.GroupId or "") end
  local vpc = rules.default_vpc(state)
  local group = rules.named(state, p.GroupName, vpc)
  if group then return group end
  failure.raise("InvalidGroup.NotFound",
    ("The security group '%s' does not exist in default VPC '%s'"):format(p.GroupName, vpc))
end

local function rule_of(group, egress, permission, source, each)
  local rule = {
    GroupId = group.GroupId, GroupOwnerId = group.OwnerId, IsEgress = egress, IpProtocol = permission.IpProtocol,
    FromPort = permission.FromPort or -1, ToPort = permission.ToPort or -1, Description = each.Description,
    Tags = value.list {},
  }
  if source.told then
    rule[source.told] = each[source.name]
  else
    rule.ReferencedGroupInfo = { GroupId = each.GroupId, UserId = each.UserId or group.OwnerId }
  end
  return rule
end

-- fn(rule, key, direction, permission, source, each) for each rule of a group; the key is the rule's alone.
local function each_rule(group, fn)
  for _, direction in ipairs(DIRECTIONS) do
    for _, permission in ipairs(group[direction.field]) do
      for _, source in ipairs(SOURCES) do
        for _, each in ipairs(permission[source.list] or {}) do
          local rule = rule_of(group, direction.egress, permission, source, each)
          local key = ("%s %s %s %s %s %s %s"):format(group.GroupId, direction.egress, rule.IpProtocol, rule.FromPort,
            rule.ToPort, source.name, each[source.name])
          fn(rule, key, direction, permission, source, each)
        end
      end
    end
  end
end

--- Called when rules went: one that comes again has another id.
function rules.forget(state)
  local ids, kept = state.rule_ids or {}, {}
  for group in state.groups:each() do
    each_rule(group, function(_, key) kept[key] = ids[key] end)
  end
  state.rule_ids = kept
end

--- All rules of a group, with their ids.
function rules.all(state, group)
  state.rule_ids = state.rule_ids or {}
  local all = {}
  each_rule(group, function(rule, key)
    state.rule_ids[key] = state.rule_ids[key] or ec2.new_id(state, "sgr")
    rule.SecurityGroupRuleId = state.rule_ids[key]
    all[#all + 1] = rule
  end)
  return all
end

local function missing(id)
  failure.raise("InvalidSecurityGroupRuleId.NotFound", ("The security group rule ID '%s' does not exist"):format(id))
end

--- Take rules out of a group by their ids: all of them, or an error.
function rules.revoke(state, group, egress, ids)
  local there, gone = {}, {}
  for _, rule in ipairs(rules.all(state, group)) do
    if rule.IsEgress == egress then there[rule.SecurityGroupRuleId] = true end
  end
  for _, id in ipairs(ids) do
    if not there[id] then missing(id) end
    gone[id] = true
  end
  local left = {} -- permission -> its sources that stay
  each_rule(group, function(_, key, direction, permission, source, each)
    left[permission] = left[permission] or {}
    if direction.egress == egress and gone[state.rule_ids[key]] then return end
    local list = left[permission][source.list] or value.list {}
    list[#list + 1] = each
    left[permission][source.list] = list
  end)
  local field = egress and "IpPermissionsEgress" or "IpPermissions"
  local kept = value.list {}
  for _, permission in ipairs(group[field]) do
    if not left[permission] or next(left[permission]) then
      local copy = value.copy(permission)
      for _, source in ipairs(SOURCES) do copy[source.list] = left[permission] and left[permission][source.list] end
      kept[#kept + 1] = copy
    end
  end
  group[field] = kept
  rules.forget(state)
end

local FILTERS <const> = {
  ["group-id"] = ec2.field "GroupId", ["security-group-rule-id"] = ec2.field "SecurityGroupRuleId",
}

function operations.DescribeSecurityGroupRules(state, p)
  local all, known = value.list {}, {}
  for group in state.groups:each() do
    for _, rule in ipairs(rules.all(state, group)) do
      all[#all + 1] = rule
      known[rule.SecurityGroupRuleId] = rule
    end
  end
  if p.SecurityGroupRuleIds then
    all = value.map(p.SecurityGroupRuleIds, function(id) return known[id] or missing(id) end)
  end
  local page, token = ec2.page(ec2.filter(all, p.Filters, FILTERS), p)
  return { SecurityGroupRules = page, NextToken = token }
end

return rules
