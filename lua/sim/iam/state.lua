--- What IAM holds; names, errors and pages that all of it shares.
local collection = require "sim.collection"
local failure = require "sim.failure"
local paging = require "sim.paging"

local iam = {}

--- The kinds of principals that have policies: collection, word in messages, prefix of ids, and what fields are called.
iam.KINDS = {
  user = { list = "users", word = "user", name = "UserName", id = "UserId", prefix = "AIDA", inline = "UserPolicyList" },
  role = { list = "roles", word = "role", name = "RoleName", id = "RoleId", prefix = "AROA", inline = "RolePolicyList" },
  group = { list = "groups", word = "group", name = "GroupName", id = "GroupId", prefix = "AGPA", inline = "GroupPolicyList" },
}

function iam.open(state)
  for _, list in ipairs { "users", "roles", "groups", "policies", "profiles" } do state[list] = collection.new() end
  state.keys = collection.new() -- by access key id
end

function iam.arn(state, kind, path, name)
  return state.account:arn("iam", "", kind .. (path or "/") .. name)
end

function iam.no_such(message)
  failure.raise("NoSuchEntity", message, 404)
end

function iam.conflict(message)
  failure.raise("DeleteConflict", message, 409)
end

function iam.exists(message)
  failure.raise("EntityAlreadyExists", message, 409)
end

function iam.limit(message)
  failure.raise("LimitExceeded", message, 409)
end

--- The user, role or group of that name; NoSuchEntity where there is none.
function iam.find(state, kind, name)
  local found = state[iam.KINDS[kind].list]:get(name)
  if not found then iam.no_such(("The %s with name %s cannot be found."):format(kind, tostring(name))) end
  return found
end

--- A page as IAM gives it: {IsTruncated, Marker} and the list under `name`.
function iam.page(items, p, name)
  local page, token = paging.cut(items, p.Marker, paging.size(p.MaxItems, 100, 1000), function()
    failure.raise("ValidationError", "Invalid Marker.")
  end)
  return { [name] = page, IsTruncated = token ~= nil, Marker = token }
end

--- Things under a path.
function iam.under(items, prefix)
  local found = {}
  for _, item in ipairs(items) do
    if item.Path:sub(1, #(prefix or "/")) == (prefix or "/") then found[#found + 1] = item end
  end
  return found
end

function iam.new_id(state, prefix)
  return prefix .. state.account.ids:upper(17)
end

return iam
