--- Rules of security groups: IpPermissions one by one, as EC2 itself takes two for the same.
local rules = {}

local PROTOCOLS = { ["1"] = "icmp", ["6"] = "tcp", ["17"] = "udp", ["58"] = "icmpv6" }

-- EC2 keeps the network of a range: 10.1.2.3/16 is 10.1.0.0/16.
local function ipv4(text)
  local a, b, c, d, bits = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)/(%d+)$")
  if not a then return text end
  local mask = ~(0xffffffff >> math.min(bits // 1 | 0, 32))
  local address = (a // 1 << 24 | b // 1 << 16 | c // 1 << 8 | d // 1) & mask
  return ("%d.%d.%d.%d/%d"):format(address >> 24 & 255, address >> 16 & 255, address >> 8 & 255, address & 255, bits)
end

local function groups_of(text)
  local groups = {}
  for each in text:gmatch("%x+") do groups[#groups + 1] = tonumber(each, 16) end
  return groups
end

local function ipv6(text)
  local address, bits = text:match("^([%x:]+)/(%d+)$")
  if not address then return text end
  local front, back = address:match("^(.-)::(.*)$")
  local groups, rest = groups_of(front or address), groups_of(back or "")
  while #groups + #rest < 8 do groups[#groups + 1] = 0 end
  table.move(rest, 1, #rest, #groups + 1, groups)
  for i = 1, 8 do
    local kept = math.max(0, math.min(16, bits - (i - 1) * 16)) // 1 | 0
    groups[i] = ("%x"):format(groups[i] & ~(0xffff >> kept) & 0xffff)
  end
  return table.concat(groups, ":", 1, 8) .. "/" .. bits
end

-- Whom a rule lets through: a permission's lists, and the member that tells; a group is told by its id.
local SOURCES = {
  { list = "IpRanges", name = "CidrIp", as = ipv4 },
  { list = "Ipv6Ranges", name = "CidrIpv6", as = ipv6 },
  { list = "PrefixListIds", name = "PrefixListId" },
  { list = "UserIdGroupPairs", name = "GroupId" },
}

local function ports(permission, protocol)
  if protocol == "-1" then return "" end
  return ("%s-%s"):format(permission.FromPort or -1, permission.ToPort or -1)
end

-- Each rule as one text, and whether one is told in another way.
local function keys_of(permissions)
  local keys, others = {}, false
  for _, permission in ipairs(permissions or {}) do
    local protocol = tostring(permission.IpProtocol):lower()
    protocol = PROTOCOLS[protocol] or protocol
    for _, source in ipairs(SOURCES) do
      for _, each in ipairs(permission[source.list] or {}) do
        local whom = each[source.name]
        if whom and source.as then whom = source.as(whom) end
        if whom then keys[#keys + 1] = ("%s %s %s %s"):format(protocol, ports(permission, protocol), source.name, whom) end
        others = others or not whom
      end
    end
  end
  return keys, others
end

--- The rules that an AuthorizeSecurityGroup… or RevokeSecurityGroup… is about, as IpPermissions; nil where it names them by
--- their ids, or their source by a group's name.
---@param params table
---@return table[]? permissions
function rules.asked(params)
  if params.IpPermissions then return params.IpPermissions end
  if not params.CidrIp then return nil end
  return {
    {
      IpProtocol = params.IpProtocol, FromPort = params.FromPort, ToPort = params.ToPort,
      IpRanges = { { CidrIp = params.CidrIp } },
    },
  }
end

--- What DescribeSecurityGroups is asked with for the group that such a change names: by its id, or by its name, which
--- is that of one in the default VPC. Nil where it names none.
---@param params table
---@return table?
function rules.group(params)
  if params.GroupId then return { GroupIds = { params.GroupId } } end
  return params.GroupName and rules.named(params.GroupName)
end

--- What DescribeSecurityGroups is asked with for a group by its name in a VPC (nil: the default one).
---@param name string
---@param vpc string?
---@return table
function rules.named(name, vpc)
  if not vpc then return { GroupNames = { name } } end
  return { Filters = { { Name = "group-name", Values = { name } }, { Name = "vpc-id", Values = { vpc } } } }
end

-- A permission for one rule as DescribeSecurityGroupRules tells it; nil where it tells no source that is known here.
local function permission_of(rule)
  local permission = { IpProtocol = rule.IpProtocol }
  if rule.IpProtocol ~= "-1" then permission.FromPort, permission.ToPort = rule.FromPort, rule.ToPort end
  local other = rule.ReferencedGroupInfo
  if rule.CidrIpv4 then
    permission.IpRanges = { { CidrIp = rule.CidrIpv4, Description = rule.Description } }
  elseif rule.CidrIpv6 then
    permission.Ipv6Ranges = { { CidrIpv6 = rule.CidrIpv6, Description = rule.Description } }
  elseif rule.PrefixListId then
    permission.PrefixListIds = { { PrefixListId = rule.PrefixListId, Description = rule.Description } }
  elseif other and other.GroupId then
    permission.UserIdGroupPairs = { { GroupId = other.GroupId, UserId = other.UserId, Description = rule.Description } }
  else
    return nil
  end
  return permission
end

--- The IpPermissions that make rules again; nil where one of them can't be told so.
---@param described table[] as DescribeSecurityGroupRules gives them
---@return table[]?
function rules.permissions(described)
  local permissions = {}
  for i, rule in ipairs(described) do
    permissions[i] = permission_of(rule)
    if not permissions[i] then return nil end
  end
  return permissions
end

--- Are these rules among those that a group has? Nil where that can't be told.
---@param asked table[]? IpPermissions
---@param has table[]? IpPermissions, as DescribeSecurityGroups gives them
---@return "all" | "some" | "none" | nil
function rules.among(asked, has)
  local wanted, others = keys_of(asked)
  if others or #wanted == 0 then return nil end
  local found, there = {}, 0
  for _, key in ipairs((keys_of(has))) do found[key] = true end
  for _, key in ipairs(wanted) do there = there + (found[key] and 1 or 0) end
  return there == #wanted and "all" or there > 0 and "some" or "none"
end

return rules
