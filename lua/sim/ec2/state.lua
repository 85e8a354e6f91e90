--- What EC2 holds in one region; filters, ids and errors that all of it shares.
local collection = require "sim.collection"
local failure = require "sim.failure"
local paging = require "sim.paging"
local tags = require "sim.tags"
local value = require "sim.value"

local ec2 = {}

--- The kinds of things that have tags: the prefix of their ids, and DescribeTags' word for them.
ec2.KINDS = {
  { collection = "instances", id = "InstanceId", prefix = "i", type = "instance", code = "InvalidInstanceID" },
  { collection = "volumes", id = "VolumeId", prefix = "vol", type = "volume", code = "InvalidVolume" },
  { collection = "snapshots", id = "SnapshotId", prefix = "snap", type = "snapshot", code = "InvalidSnapshot" },
  { collection = "vpcs", id = "VpcId", prefix = "vpc", type = "vpc", code = "InvalidVpcID" },
  { collection = "subnets", id = "SubnetId", prefix = "subnet", type = "subnet", code = "InvalidSubnetID" },
  { collection = "groups", id = "GroupId", prefix = "sg", type = "security-group", code = "InvalidGroup" },
  {
    collection = "templates", id = "LaunchTemplateId", prefix = "lt", type = "launch-template",
    code = "InvalidLaunchTemplateId",
  },
}

local WORDS <const> = {
  instances = "instance", volumes = "volume", snapshots = "snapshot", vpcs = "vpc", subnets = "subnet",
  groups = "security group", templates = "launch template",
}

local by_collection, by_prefix = {}, {}
for _, kind in ipairs(ec2.KINDS) do
  by_collection[kind.collection] = kind
  by_prefix[kind.prefix] = kind
end

function ec2.open(state)
  for _, kind in ipairs(ec2.KINDS) do state[kind.collection] = collection.new() end
  state.associations = collection.new()
end

function ec2.new_id(state, prefix)
  return prefix .. "-" .. state.account.ids:hex(17)
end

function ec2.arn(state, kind, id)
  return state.account:arn("ec2", state.region, kind .. "/" .. id)
end

--- The thing of that id; AWS's NotFound error for its kind where there is none.
function ec2.find(state, name, id)
  local kind = by_collection[name]
  local found = state[name]:get(id)
  if found then return found end
  local all = id
  failure.raise(kind.code .. ".NotFound", ("The %s ID '%s' does not exist"):format(WORDS[name], all))
end

--- The things of these ids, all of them or an error.
function ec2.find_all(state, name, ids)
  return value.map(ids, function(id) return ec2.find(state, name, id) end)
end

--- Any thing with tags, by its id.
function ec2.any(state, id)
  local kind = by_prefix[id:match "^(%l+)%-" or ""]
  local found = kind and state[kind.collection]:get(id)
  if not found then failure.raise("InvalidID", ("The ID '%s' is not valid"):format(id)) end
  return found, kind
end

--- Stop where only the right to a change is asked for.
function ec2.dry_run(p)
  if p.DryRun then failure.raise("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412) end
end

local function glob(pattern)
  return "^" .. pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

local function matches(found, values)
  if type(found) == "table" then
    for _, each in ipairs(found) do
      if matches(each, values) then return true end
    end
    return false
  end
  if found == nil then return false end
  for _, wanted in ipairs(values) do
    if tostring(found):find(glob(wanted)) then return true end
  end
  return false
end

local function tag_filter(thing, name, values)
  local wanted = name:match "^tag:(.*)$"
  if wanted then return matches(tags.upper.get(thing.Tags, wanted), values) end
  local keys = value.map(thing.Tags or {}, function(tag) return tag.Key end)
  return matches(keys, values)
end

--- The things that pass AWS's Filters. `fields`: filter name -> function(thing) -> value or list of values.
function ec2.filter(things, filters, fields)
  local kept = things
  for _, filter in ipairs(filters or {}) do
    local name, values = filter.Name, filter.Values or {}
    local is_tag = name:find "^tag:" or name == "tag-key"
    if not is_tag and not fields[name] then
      failure.raise("InvalidParameterValue", ("The filter '%s' is invalid"):format(name))
    end
    kept = value.filter(kept, function(thing)
      if is_tag then return tag_filter(thing, name, values) end
      return matches(fields[name](thing), values)
    end)
  end
  return kept
end

--- A page as EC2 gives it: everything at once unless MaxResults asks for pages.
function ec2.page(things, p)
  return paging.cut(things, p.NextToken, p.MaxResults or 1000, function()
    failure.raise("InvalidParameterValue", "Invalid value for 'NextToken'")
  end)
end

--- The tags that TagSpecifications ask for on things of a type.
function ec2.specified_tags(p, type_name)
  local all = value.list {}
  for _, specification in ipairs(p.TagSpecifications or {}) do
    if specification.ResourceType == type_name then all = tags.upper.set(all, specification.Tags) end
  end
  return all
end

--- DescribeX for a simple kind: by ids, by filters, in pages. Shows each as it is kept.
function ec2.describer(name, ids, result, fields)
  return function(state, p)
    local things = p[ids] and ec2.find_all(state, name, p[ids]) or state[name]:all()
    local page, token = ec2.page(ec2.filter(things, p.Filters, fields), p)
    return { [result] = page, NextToken = token }
  end
end

--- A filter on a field as it stands.
function ec2.field(name)
  return function(thing) return thing[name] end
end

return ec2
