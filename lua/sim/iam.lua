--- AWS IAM: the parts put together, its seed, and what it shows of itself.
local credentials = require "sim.iam.credentials"
local policies = require "sim.iam.policies"
local principals = require "sim.iam.principals"
local profiles = require "sim.iam.profiles"
local simulation = require "sim.iam.simulation"
local state_of = require "sim.iam.state"
local value = require "sim.value"

local iam = { global = true, operations = {}, throttle = { code = "Throttling", message = "Rate exceeded", status = 400 } }

for _, part in ipairs { principals, credentials, policies, profiles, simulation } do
  for name, operation in pairs(part.operations) do iam.operations[name] = operation end
end

iam.open = state_of.open

-- The seed ------------------------------------------------------------------------------------------------------------

local function seed_policies(state, cursor, principal, list)
  cursor:each(list, function(below)
    local document = below:document "PolicyDocument"
    if not document then below:mistake("PolicyDocument", "is missing") end
    table.insert(principal.inline, { PolicyName = below:required "PolicyName", PolicyDocument = document })
  end)
  for i, arn in ipairs(cursor:raw("AttachedManagedPolicies", "table") or {}) do
    arn = type(arn) == "table" and arn.PolicyArn or arn
    local path = ("AttachedManagedPolicies[%d]"):format(i)
    if type(arn) ~= "string" then cursor:mistake(path, "expected a policy's name or ARN") end
    if not arn:find "^arn:" then arn = state_of.arn(state, "policy", "/", arn) end
    if not state.policies:get(arn) and not arn:find ":iam::aws:policy/" then
      cursor:mistake(path, "there is no policy " .. arn)
    end
    table.insert(principal.attached, arn)
  end
end

local function seed_principal(state, cursor, kind)
  local about = state_of.KINDS[kind]
  local name = cursor:required(about.name)
  if state[about.list]:get(name) then cursor:mistake(about.name, "is there already") end
  local fields = cursor:pick({ "Path", about.id, "PermissionsBoundary" }, { [about.name] = name })
  fields.CreateDate, fields.Tags = cursor:time "CreateDate", cursor:tags "Tags"
  if kind == "role" then
    fields.AssumeRolePolicyDocument = cursor:document "AssumeRolePolicyDocument"
    if not fields.AssumeRolePolicyDocument then cursor:mistake("AssumeRolePolicyDocument", "is missing") end
    cursor:pick({ "Description", "MaxSessionDuration", "RoleLastUsed" }, fields)
  end
  local principal = principals.make(state, kind, fields)
  seed_policies(state, cursor, principal, about.inline)
  return principal
end

local function seed_key(state, user, cursor)
  local fields = cursor:pick({ "AccessKeyId", "Status" }, {})
  fields.CreateDate = cursor:time "CreateDate"
  local used = cursor:below "LastUsed"
  if used then
    fields.LastUsed = {
      LastUsedDate = used:time "LastUsedDate", ServiceName = used:text("ServiceName", "N/A"), Region = used:text("Region", "N/A"),
    }
    used:finish()
  end
  credentials.make_key(state, user, fields)
end

local function seed_user(state, cursor)
  local user = seed_principal(state, cursor, "user")
  cursor:each("AccessKeys", function(below) seed_key(state, user, below) end)
  for i, name in ipairs(cursor:texts "GroupList") do
    if not state.groups:get(name) then cursor:mistake(("GroupList[%d]"):format(i), "there is no group " .. name) end
    table.insert(user.groups, name)
  end
  if cursor:raw "LoginProfile" then user.login = { CreateDate = user.CreateDate } end
  user.mfa = cursor:texts "MFADevices"
end

local function seed_profile(state, cursor)
  local fields = { InstanceProfileName = cursor:required "InstanceProfileName", Path = cursor:text "Path" }
  fields.Roles, fields.Tags = cursor:texts "Roles", cursor:tags "Tags"
  fields.CreateDate = cursor:time "CreateDate"
  for i, role in ipairs(fields.Roles) do
    fields.Roles[i] = role:match "([^/]+)$"
    if not state.roles:get(fields.Roles[i]) then cursor:mistake(("Roles[%d]"):format(i), "there is no role " .. role) end
  end
  profiles.make(state, fields)
end

function iam.seed(state, cursor)
  state.aliases = cursor:texts "accountAliases"
  cursor:each("policies", function(below)
    local fields = below:pick({ "Path", "Description" }, { PolicyName = below:required "PolicyName" })
    fields.PolicyDocument, fields.Tags = below:document "PolicyDocument", below:tags "Tags"
    if not fields.PolicyDocument then below:mistake("PolicyDocument", "is missing") end
    fields.CreateDate = below:time "CreateDate"
    policies.make(state, fields)
  end)
  cursor:each("groups", function(below) seed_principal(state, below, "group") end)
  cursor:each("users", function(below) seed_user(state, below) end)
  cursor:each("roles", function(below) seed_principal(state, below, "role") end)
  cursor:each("instanceProfiles", function(below) seed_profile(state, below) end)
end

-- The snapshot --------------------------------------------------------------------------------------------------------

function iam.snapshot(state, put)
  for _, list in ipairs { "users", "roles", "groups" } do
    for principal in state[list]:each() do
      local shown = profiles.detail(state, principal, false)
      shown.CreateDate, shown.RoleLastUsed, shown.InstanceProfileList = nil, nil, nil
      put(principal.arn, shown)
      if principal.kind == "user" then profiles.show_credentials(state, principal, put) end
    end
  end
  for managed in state.policies:each() do
    local _, version = value.find(managed.versions, function(each) return each.VersionId == managed.DefaultVersionId end)
    put(managed.Arn, {
      PolicyName = managed.PolicyName, Path = managed.Path, DefaultVersionId = managed.DefaultVersionId,
      Document = version.Document, Tags = managed.tags,
    })
  end
  for profile in state.profiles:each() do
    put(profile.Arn, {
      InstanceProfileName = profile.InstanceProfileName, Path = profile.Path, Roles = value.list(value.copy(profile.roles)),
      Tags = profile.tags,
    })
  end
end

return iam
