--- IAM instance profiles, and the account as a whole.
local credentials = require "sim.iam.credentials"
local iam = require "sim.iam.state"
local policies = require "sim.iam.policies"
local policy = require "sim.policy"
local principals = require "sim.iam.principals"
local tags = require "sim.tags"
local value = require "sim.value"

local profiles = { operations = {} }
local operations = profiles.operations

function profiles.make(state, fields)
  return state.profiles:put(fields.InstanceProfileName, {
    InstanceProfileName = fields.InstanceProfileName, InstanceProfileId = iam.new_id(state, "AIPA"), Path = fields.Path or "/",
    Arn = iam.arn(state, "instance-profile", fields.Path, fields.InstanceProfileName),
    CreateDate = fields.CreateDate or state.account:time(), roles = fields.Roles or {}, tags = tags.upper.list(fields.Tags),
  })
end

function profiles.describe(state, profile, brief)
  local shown = value.pick(profile, { "InstanceProfileName", "InstanceProfileId", "Path", "Arn", "CreateDate" })
  shown.Roles = value.map(profile.roles, function(name) return principals.describe(state.roles:get(name), true) end)
  if not brief and #profile.tags > 0 then shown.Tags = profile.tags end
  return shown
end

local function find(state, name)
  local profile = state.profiles:get(name)
  if not profile then iam.no_such(("Instance Profile %s cannot be found."):format(name)) end
  return profile
end

function operations.CreateInstanceProfile(state, p)
  if state.profiles:get(p.InstanceProfileName) then
    iam.exists(("Instance Profile %s already exists."):format(p.InstanceProfileName))
  end
  local fields = value.copy(p)
  return { InstanceProfile = profiles.describe(state, profiles.make(state, fields)) }
end

function operations.GetInstanceProfile(state, p)
  return { InstanceProfile = profiles.describe(state, find(state, p.InstanceProfileName)) }
end

function operations.DeleteInstanceProfile(state, p)
  local profile = find(state, p.InstanceProfileName)
  if #profile.roles > 0 then iam.conflict "Cannot delete entity, must remove roles from instance profile first." end
  state.profiles:remove(profile.InstanceProfileName)
end

function operations.AddRoleToInstanceProfile(state, p)
  local profile, role = find(state, p.InstanceProfileName), iam.find(state, "role", p.RoleName)
  if #profile.roles > 0 then iam.limit "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1" end
  profile.roles = value.list { role.name }
end

function operations.RemoveRoleFromInstanceProfile(state, p)
  local profile, role = find(state, p.InstanceProfileName), iam.find(state, "role", p.RoleName)
  if not value.contains(profile.roles, role.name) then
    iam.no_such(("The role with name %s cannot be found in instance profile %s."):format(role.name, profile.InstanceProfileName))
  end
  profile.roles = value.list {}
end

local function shown_page(state, found, p)
  local output = iam.page(found, p, "InstanceProfiles")
  output.InstanceProfiles = value.map(output.InstanceProfiles, function(each) return profiles.describe(state, each, true) end)
  return output
end

function operations.ListInstanceProfiles(state, p)
  return shown_page(state, iam.under(state.profiles:all(), p.PathPrefix), p)
end

function operations.ListInstanceProfilesForRole(state, p)
  local role = iam.find(state, "role", p.RoleName)
  local found = value.filter(state.profiles:all(), function(each) return value.contains(each.roles, role.name) end)
  return shown_page(state, found, p)
end

principals.tagging("InstanceProfile", function(state, p) return find(state, p.InstanceProfileName) end)
for _, name in ipairs { "TagInstanceProfile", "UntagInstanceProfile", "ListInstanceProfileTags" } do
  operations[name] = principals.operations[name]
end

-- The account ---------------------------------------------------------------------------------------------------------

local function inline_list(principal, encode)
  return value.map(principal.inline, function(each)
    local document = encode and policy.encoded(each.PolicyDocument) or each.PolicyDocument
    return { PolicyName = each.PolicyName, PolicyDocument = document }
  end)
end

--- As GetAccountAuthorizationDetails has it; documents as plain text unless `encode`.
function profiles.detail(state, principal, encode)
  local about = iam.KINDS[principal.kind]
  local shown = {
    Path = principal.Path, [about.name] = principal.name, [about.id] = principal.id, Arn = principal.arn,
    CreateDate = principal.CreateDate, AttachedManagedPolicies = value.map(principal.attached, policies.reference),
    [about.inline] = inline_list(principal, encode),
  }
  if principal.kind == "group" then return shown end
  shown.Tags = principal.tags
  if principal.boundary then
    shown.PermissionsBoundary = { PermissionsBoundaryType = "Policy", PermissionsBoundaryArn = principal.boundary }
  end
  if principal.kind == "user" then
    shown.GroupList = value.list(value.copy(principal.groups))
  else
    shown.AssumeRolePolicyDocument = encode and policy.encoded(principal.trust) or principal.trust
    shown.RoleLastUsed = principal.last_used or {}
    shown.InstanceProfileList = value.map(state.profiles:all(), function(profile)
      return value.contains(profile.roles, principal.name) and profiles.describe(state, profile, true) or nil
    end)
  end
  return shown
end

local function detail_policy(state, managed)
  local shown = policies.describe(state, managed, true)
  shown.PolicyVersionList = value.map(managed.versions, function(version)
    return {
      VersionId = version.VersionId, IsDefaultVersion = version.VersionId == managed.DefaultVersionId,
      CreateDate = version.CreateDate, Document = policy.encoded(version.Document),
    }
  end)
  return shown
end

local DETAILS <const> = {
  { filter = "User", list = "users", result = "UserDetailList" },
  { filter = "Group", list = "groups", result = "GroupDetailList" },
  { filter = "Role", list = "roles", result = "RoleDetailList" },
  { filter = "LocalManagedPolicy", list = "policies", result = "Policies" },
}

function operations.GetAccountAuthorizationDetails(state, p)
  local all, place = {}, {}
  for _, about in ipairs(DETAILS) do
    if not p.Filter or #p.Filter == 0 or value.contains(p.Filter, about.filter) then
      for _, thing in ipairs(state[about.list]:all()) do
        all[#all + 1] = ("%s %s"):format(about.result, thing.name or thing.Arn)
        place[all[#all]] = { about = about, thing = thing }
      end
    end
  end
  local output = iam.page(all, p, "page")
  local page = output.page
  output.page = nil
  for _, about in ipairs(DETAILS) do output[about.result] = value.list {} end
  for _, key in ipairs(page) do
    local about, thing = place[key].about, place[key].thing
    table.insert(output[about.result],
      about.list == "policies" and detail_policy(state, thing) or profiles.detail(state, thing, true))
  end
  return output
end

function operations.GetAccountSummary(state)
  return { SummaryMap = {
    Users = state.users:size(), Roles = state.roles:size(), Groups = state.groups:size(), Policies = state.policies:size(),
    InstanceProfiles = state.profiles:size(), AccessKeysPerUserQuota = 2, AccountMFAEnabled = 1,
  } }
end

function operations.ListAccountAliases(state)
  return { AccountAliases = value.list(value.copy(state.aliases or {})), IsTruncated = false }
end

--- Everything of a user that stands on its own in a snapshot.
function profiles.show_credentials(state, user, put)
  for _, key in ipairs(credentials.keys_of(state, user)) do
    local shown = credentials.describe_key(key)
    shown.CreateDate = nil
    put(user.arn .. "/access-key/" .. key.AccessKeyId, shown)
  end
  if user.login then
    put(user.arn .. "/login-profile", { UserName = user.name, PasswordResetRequired = user.login.reset or false })
  end
end

return profiles
