--- EC2: whether a change happened whose answer never came.
local rules = require "riposte.rules"

local ec2 = {}

-- Snapshots of one's own with the description that was asked for, since then.
local function snapshots_of(change, more)
  local filters = { { Name = "description", Values = { change.params.Description } }, more }
  local found = {}
  for _, each in ipairs(change.read("describe_snapshots", { OwnerIds = { "self" }, Filters = filters }).Snapshots or {}) do
    if change:is_since(each.StartTime) then found[#found + 1] = each end
  end
  return found
end

local NO_DESCRIPTION = "without a description its snapshots are told from nobody else's"

-- All of an instance's volumes are snapshotted, or none is.
function ec2.CreateSnapshots(change)
  if not change.params.Description then return nil, NO_DESCRIPTION end
  local found = snapshots_of(change)
  if #found == 0 then return "not" end
  return "happened", { Snapshots = found }
end

function ec2.CreateSnapshot(change)
  if not change.params.Description then return nil, NO_DESCRIPTION end
  local found = snapshots_of(change, { Name = "volume-id", Values = { change.params.VolumeId } })
  if #found == 0 then return "not" end
  if #found > 1 then return nil, ("%d snapshots of the volume have this description"):format(#found) end
  return "happened", found[1]
end

-- A group's name is its VPC's alone, and EC2 refuses a second one; when a group was made it does not tell.
function ec2.CreateSecurityGroup(change)
  local params = change.params
  local found = change:find("describe_security_groups", rules.named(params.GroupName, params.VpcId),
    function(output) return output.SecurityGroups end) or {}
  if #found == 0 then return "not" end
  local group = found[1]
  if group.Description ~= params.Description then return nil, "there is another group of this name: " .. group.GroupId end
  return change:since_the_look("there", { GroupId = group.GroupId, Tags = group.Tags, SecurityGroupArn = group.SecurityGroupArn })
end

-- EC2 takes all rules that it is asked for or, where one is there (or is not) already, refuses them all; when a rule was made
-- it does not tell.
for direction, member in pairs { Ingress = "IpPermissions", Egress = "IpPermissionsEgress" } do
  local function there(change)
    local group_of = rules.group(change.params)
    if not group_of then return nil end
    local group = change:find("describe_security_groups", group_of,
      function(output) return output.SecurityGroups and output.SecurityGroups[1] end)
    if not group then return "gone" end
    return rules.among(rules.asked(change.params), group[member])
  end
  -- By a filter: it gives those that are there, where by their ids one that is not would be an error.
  local function there_by_ids(change)
    local filter = { Name = "security-group-rule-id", Values = change.params.SecurityGroupRuleIds }
    local found = change.read("describe_security_group_rules", { Filters = { filter } }).SecurityGroupRules or {}
    return #found == 0 and "none" or "some"
  end
  local UNKNOWN = "rules whose source is a group's name are not read back"

  ec2["AuthorizeSecurityGroup" .. direction] = function(change)
    local now = there(change)
    if not now then return nil, UNKNOWN end
    if now ~= "all" then return "not" end
    return change:since_the_look("there", { Return = true })
  end
  ec2["RevokeSecurityGroup" .. direction] = function(change)
    local now = (change.params.SecurityGroupRuleIds and there_by_ids or there)(change)
    if not now then return nil, UNKNOWN end
    if now ~= "none" then return "not" end
    return change:since_the_look("absent", { Return = true })
  end
end

return ec2
