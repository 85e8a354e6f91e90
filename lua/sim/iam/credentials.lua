--- IAM users' credentials: access keys, console passwords, MFA devices.
local failure = require "sim.failure"
local iam = require "sim.iam.state"
local value = require "sim.value"

local credentials = { operations = {} }
local operations = credentials.operations

local KEYS_MOST <const> = 2

function credentials.make_key(state, user, fields)
  local id = fields.AccessKeyId or "AKIA" .. state.account.ids:upper(16)
  return state.keys:put(id, {
    AccessKeyId = id, UserName = user.name, Status = fields.Status or "Active",
    CreateDate = fields.CreateDate or state.account:time(), last_used = fields.LastUsed,
  })
end

function credentials.keys_of(state, user)
  return value.filter(state.keys:all(), function(key) return key.UserName == user.name end)
end

function credentials.describe_key(key)
  return value.pick(key, { "AccessKeyId", "UserName", "Status", "CreateDate" })
end

-- The user that a call means: without UserName, the one whose key it names, else the caller.
local function user_of(state, p)
  if p.UserName then return iam.find(state, "user", p.UserName) end
  local key = p.AccessKeyId and state.keys:get(p.AccessKeyId)
  local caller = state.account.caller:match ":user/.-([^/]+)$"
  local name = key and key.UserName or caller
  if not name then failure.raise("ValidationError", "Must specify userName when calling with non-User credentials") end
  return iam.find(state, "user", name)
end

local function key_of(state, p)
  local user = user_of(state, p)
  local key = state.keys:get(p.AccessKeyId)
  if not key or key.UserName ~= user.name then
    iam.no_such(("The Access Key with id %s cannot be found."):format(p.AccessKeyId))
  end
  return key
end

function operations.CreateAccessKey(state, p)
  local user = user_of(state, p)
  if #credentials.keys_of(state, user) >= KEYS_MOST then
    iam.limit(("Cannot exceed quota for AccessKeysPerUser: %d"):format(KEYS_MOST))
  end
  local shown = credentials.describe_key(credentials.make_key(state, user, {}))
  shown.SecretAccessKey = state.account.ids:secret(40)
  return { AccessKey = shown }
end

function operations.UpdateAccessKey(state, p)
  if p.Status ~= "Active" and p.Status ~= "Inactive" then
    failure.raise("ValidationError", "Status must be Active or Inactive")
  end
  key_of(state, p).Status = p.Status
end

function operations.DeleteAccessKey(state, p)
  state.keys:remove(key_of(state, p).AccessKeyId)
end

function operations.ListAccessKeys(state, p)
  local output = iam.page(credentials.keys_of(state, user_of(state, p)), p, "AccessKeyMetadata")
  output.AccessKeyMetadata = value.map(output.AccessKeyMetadata, credentials.describe_key)
  return output
end

function operations.GetAccessKeyLastUsed(state, p)
  local key = state.keys:get(p.AccessKeyId)
  if not key then failure.raise("AccessDenied", "Access key does not exist in this account.", 403) end
  return { UserName = key.UserName, AccessKeyLastUsed = key.last_used or { ServiceName = "N/A", Region = "N/A" } }
end

-- Console passwords ---------------------------------------------------------------------------------------------------

local function login_of(state, p)
  local user = user_of(state, p)
  if not user.login then iam.no_such(("Login Profile for User %s cannot be found."):format(user.name)) end
  return user.login, user
end

local function describe_login(user)
  return { UserName = user.name, CreateDate = user.login.CreateDate, PasswordResetRequired = user.login.reset or false }
end

function operations.GetLoginProfile(state, p)
  local _, user = login_of(state, p)
  return { LoginProfile = describe_login(user) }
end

function operations.CreateLoginProfile(state, p)
  local user = user_of(state, p)
  if user.login then iam.exists(("Login Profile for user %s already exists."):format(user.name)) end
  user.login = { CreateDate = state.account:time(), reset = p.PasswordResetRequired }
  return { LoginProfile = describe_login(user) }
end

function operations.UpdateLoginProfile(state, p)
  local login = login_of(state, p)
  if p.PasswordResetRequired ~= nil then login.reset = p.PasswordResetRequired end
end

function operations.DeleteLoginProfile(state, p)
  local _, user = login_of(state, p)
  user.login = nil
end

-- MFA devices ---------------------------------------------------------------------------------------------------------

function operations.ListMFADevices(state, p)
  local user = user_of(state, p)
  local output = iam.page(user.mfa, p, "MFADevices")
  output.MFADevices = value.map(output.MFADevices, function(serial)
    return { UserName = user.name, SerialNumber = serial, EnableDate = user.CreateDate }
  end)
  return output
end

function operations.DeactivateMFADevice(state, p)
  local user = user_of(state, p)
  if not value.contains(user.mfa, p.SerialNumber) then
    iam.no_such(("MFA Device with serial number %s does not exist."):format(p.SerialNumber))
  end
  user.mfa = value.filter(user.mfa, function(serial) return serial ~= p.SerialNumber end)
end

-- What a user may have that the simulated account never gives him: AWS's lists are empty.
for operation, result in pairs {
  ListSigningCertificates = "Certificates", ListSSHPublicKeys = "SSHPublicKeys",
} do
  operations[operation] = function(state, p)
    user_of(state, p)
    return { [result] = value.list {}, IsTruncated = false }
  end
end

function operations.ListServiceSpecificCredentials(state, p)
  user_of(state, p)
  return { ServiceSpecificCredentials = value.list {} }
end

return credentials
