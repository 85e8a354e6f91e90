--- IAM users, roles and groups: how they are made, changed and removed.
local failure = require "sim.failure"
local iam = require "sim.iam.state"
local policy = require "sim.policy"
local tags = require "sim.tags"
local value = require "sim.value"

local principals = { operations = {} }
local operations = principals.operations

--- A user, role or group in the account.
function principals.make(state, kind, fields)
  local about = iam.KINDS[kind]
  local name = fields[about.name]
  return state[about.list]:put(name, {
    kind = kind, name = name, Path = fields.Path or "/", id = fields[about.id] or iam.new_id(state, about.prefix),
    arn = iam.arn(state, kind, fields.Path, name), CreateDate = fields.CreateDate or state.account:time(),
    trust = fields.AssumeRolePolicyDocument, Description = fields.Description,
    MaxSessionDuration = kind == "role" and (fields.MaxSessionDuration or 3600) or nil,
    boundary = fields.PermissionsBoundary, last_used = fields.RoleLastUsed, tags = tags.upper.list(fields.Tags),
    inline = {}, attached = {}, groups = {}, login = nil, mfa = {},
  })
end

--- As its Get operation gives it; `brief` as lists and Create do, without tags and last use.
function principals.describe(principal, brief)
  local about = iam.KINDS[principal.kind]
  local shown = {
    Path = principal.Path, [about.name] = principal.name, [about.id] = principal.id, Arn = principal.arn,
    CreateDate = principal.CreateDate, Description = principal.Description, MaxSessionDuration = principal.MaxSessionDuration,
    AssumeRolePolicyDocument = policy.encoded(principal.trust),
  }
  if brief then return shown end
  if principal.boundary then
    shown.PermissionsBoundary = { PermissionsBoundaryType = "Policy", PermissionsBoundaryArn = principal.boundary }
  end
  if principal.kind == "role" then shown.RoleLastUsed = principal.last_used or {} end
  if principal.kind == "user" then shown.PasswordLastUsed = principal.login and principal.login.last_used end
  if #principal.tags > 0 then shown.Tags = principal.tags end
  return shown
end

local function create(kind, result)
  return function(state, p)
    local about = iam.KINDS[kind]
    local name = p[about.name]
    if state[about.list]:get(name) then
      iam.exists(("%s with name %s already exists."):format(kind:gsub("^%l", string.upper), name))
    end
    if kind == "role" and not policy.table(p.AssumeRolePolicyDocument) then
      failure.raise("MalformedPolicyDocument", "This policy contains invalid Json")
    end
    local shown = principals.describe(principals.make(state, kind, p), kind == "group")
    shown.RoleLastUsed = nil
    return { [result] = shown }
  end
end

operations.CreateUser, operations.CreateRole, operations.CreateGroup =
  create("user", "User"), create("role", "Role"), create("group", "Group")

function operations.CreateServiceLinkedRole(state, p)
  local service = p.AWSServiceName:match "^([^.]+)"
  local name = "AWSServiceRoleFor" .. service:gsub("^%l", string.upper) .. (p.CustomSuffix and "_" .. p.CustomSuffix or "")
  if state.roles:get(name) then
    failure.raise("InvalidInput",
      ("Service role name %s has been taken in this account, please try a different suffix."):format(name))
  end
  local role = principals.make(state, "role", {
    RoleName = name, Path = "/aws-service-role/" .. p.AWSServiceName .. "/", Description = p.Description,
    AssumeRolePolicyDocument = policy.text {
      Version = "2012-10-17",
      Statement = { { Effect = "Allow", Principal = { Service = p.AWSServiceName }, Action = "sts:AssumeRole" } },
    },
  })
  return { Role = principals.describe(role, true) }
end

local function caller_user(state)
  return state.account.caller:match ":user/.-([^/]+)$"
end

function operations.GetUser(state, p)
  return { User = principals.describe(iam.find(state, "user", p.UserName or caller_user(state))) }
end

function operations.GetRole(state, p)
  return { Role = principals.describe(iam.find(state, "role", p.RoleName)) }
end

local function lister(kind, result)
  return function(state, p)
    local found = iam.under(value.sorted(state[iam.KINDS[kind].list]:all(), "name"), p.PathPrefix)
    local names = value.map(found, function(each) return each.name end)
    -- Tokens by place in the order of creation would not fit a list by name: pages are cut on the names.
    local output = iam.page(names, p, result)
    output[result] = value.map(output[result], function(name)
      return principals.describe(state[iam.KINDS[kind].list]:get(name), true)
    end)
    return output
  end
end

operations.ListUsers, operations.ListRoles, operations.ListGroups =
  lister("user", "Users"), lister("role", "Roles"), lister("group", "Groups")

-- Removing: AWS names what is in the way, one thing at a time ---------------------------------------------------------

local function refuse_with_policies(principal)
  if #principal.attached > 0 then iam.conflict "Cannot delete entity, must detach all policies first." end
  if #principal.inline > 0 then iam.conflict "Cannot delete entity, must delete policies first." end
end

function operations.DeleteUser(state, p)
  local user = iam.find(state, "user", p.UserName)
  if value.find(state.keys:all(), function(key) return key.UserName == user.name end) then
    iam.conflict "Cannot delete entity, must delete access keys first."
  end
  if user.login then iam.conflict "Cannot delete entity, must delete login profile first." end
  if #user.mfa > 0 then iam.conflict "Cannot delete entity, must delete MFA device first." end
  if #user.groups > 0 then iam.conflict "Cannot delete entity, must remove users from group first." end
  refuse_with_policies(user)
  state.users:remove(user.name)
end

function operations.DeleteRole(state, p)
  local role = iam.find(state, "role", p.RoleName)
  if role.Path:find "^/aws%-service%-role/" then
    failure.raise("UnmodifiableEntity",
      ("Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS"):format(role.name))
  end
  if value.find(state.profiles:all(), function(profile) return value.contains(profile.roles, role.name) end) then
    iam.conflict "Cannot delete entity, must remove roles from instance profile first."
  end
  refuse_with_policies(role)
  state.roles:remove(role.name)
end

function operations.DeleteGroup(state, p)
  local group = iam.find(state, "group", p.GroupName)
  if value.find(state.users:all(), function(user) return value.contains(user.groups, group.name) end) then
    iam.conflict "Cannot delete entity, must remove users from group first."
  end
  refuse_with_policies(group)
  state.groups:remove(group.name)
end

-- Changing ------------------------------------------------------------------------------------------------------------

local function refuse_protected(role)
  if role.Path:find "^/aws%-service%-role/" then
    failure.raise("UnmodifiableEntity",
      ("Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS"):format(role.name))
  end
end
principals.refuse_protected = refuse_protected

function operations.UpdateAssumeRolePolicy(state, p)
  local role = iam.find(state, "role", p.RoleName)
  refuse_protected(role)
  if not policy.table(p.PolicyDocument) then
    failure.raise("MalformedPolicyDocument", "This policy contains invalid Json")
  end
  role.trust = p.PolicyDocument
end

function operations.UpdateRole(state, p)
  local role = iam.find(state, "role", p.RoleName)
  refuse_protected(role)
  role.Description = p.Description or role.Description
  role.MaxSessionDuration = p.MaxSessionDuration or role.MaxSessionDuration
end

function operations.UpdateRoleDescription(state, p)
  local role = iam.find(state, "role", p.RoleName)
  role.Description = p.Description
  return { Role = principals.describe(role, true) }
end

local function boundary(kind, set)
  return function(state, p)
    local principal = iam.find(state, kind, p[iam.KINDS[kind].name])
    if not set and not principal.boundary then
      iam.no_such(("The %s with name %s does not have a permissions boundary."):format(kind, principal.name))
    end
    principal.boundary = set and p.PermissionsBoundary or nil
  end
end

operations.PutUserPermissionsBoundary, operations.DeleteUserPermissionsBoundary = boundary("user", true), boundary("user", false)
operations.PutRolePermissionsBoundary, operations.DeleteRolePermissionsBoundary = boundary("role", true), boundary("role", false)

--- TagX, UntagX and ListXTags for things that `find(state, p)` leads to.
function principals.tagging(word, find)
  operations["Tag" .. word] = function(state, p)
    local thing = find(state, p)
    local all = tags.upper.set(thing.tags, p.Tags)
    if #all > 50 then iam.limit "The number of tags has reached the maximum limit." end
    thing.tags = all
  end
  operations["Untag" .. word] = function(state, p)
    local thing = find(state, p)
    thing.tags = tags.upper.remove(thing.tags, p.TagKeys)
  end
  operations["List" .. word .. "Tags"] = function(state, p)
    local sorted = value.map(find(state, p).tags, function(tag) return { Key = tag.Key, Value = tag.Value } end)
    return iam.page(sorted, p, "Tags")
  end
end

principals.tagging("User", function(state, p) return iam.find(state, "user", p.UserName) end)
principals.tagging("Role", function(state, p) return iam.find(state, "role", p.RoleName) end)

-- Groups' members -----------------------------------------------------------------------------------------------------

function operations.AddUserToGroup(state, p)
  local group, user = iam.find(state, "group", p.GroupName), iam.find(state, "user", p.UserName)
  if not value.contains(user.groups, group.name) then table.insert(user.groups, group.name) end
end

function operations.RemoveUserFromGroup(state, p)
  local group, user = iam.find(state, "group", p.GroupName), iam.find(state, "user", p.UserName)
  user.groups = value.filter(user.groups, function(name) return name ~= group.name end)
end

function operations.GetGroup(state, p)
  local group = iam.find(state, "group", p.GroupName)
  local members = value.filter(state.users:all(), function(user) return value.contains(user.groups, group.name) end)
  local output = iam.page(members, p, "Users")
  output.Users = value.map(output.Users, function(user) return principals.describe(user, true) end)
  output.Group = principals.describe(group, true)
  return output
end

function operations.ListGroupsForUser(state, p)
  local user = iam.find(state, "user", p.UserName)
  local output = iam.page(user.groups, p, "Groups")
  output.Groups = value.map(output.Groups, function(name) return principals.describe(state.groups:get(name), true) end)
  return output
end

return principals
