--- AWS STS: who is calling, and sessions of roles.
local failure = require "sim.failure"
local time = require "sim.time"

local sts = { operations = {}, global = true, throttle = { code = "Throttling", message = "Rate exceeded", status = 400 } }
local operations = sts.operations

function sts.open() end

function operations.GetCallerIdentity(state)
  local account = state.account
  local name = account.caller:match "([^/]+)$"
  local kind = account.caller:match ":user/" and "user" or account.caller:match ":role/" and "role"
  local known = kind and account:service("iam")[kind .. "s"]:get(name)
  return { Account = account.number, Arn = account.caller, UserId = known and known.id or "AIDARIPOSTERIPOSTE" }
end

local function session(account, seconds)
  return {
    AccessKeyId = "ASIA" .. account.ids:upper(16), SecretAccessKey = account.ids:secret(40),
    SessionToken = account.ids:secret(120), Expiration = time.text(account.now + seconds * 1000),
  }
end

function operations.AssumeRole(state, p)
  local account = state.account
  local role = account:service("iam").roles:get(p.RoleArn:match "([^/]+)$")
  if not role or role.arn ~= p.RoleArn then
    failure.raise("AccessDenied",
      ("User: %s is not authorized to perform: sts:AssumeRole on resource: %s"):format(account.caller, p.RoleArn), 403)
  end
  return {
    Credentials = session(account, p.DurationSeconds or 3600),
    AssumedRoleUser = {
      AssumedRoleId = role.id .. ":" .. p.RoleSessionName,
      Arn = account:arn("sts", "", ("assumed-role/%s/%s"):format(role.name, p.RoleSessionName)),
    },
  }
end

function operations.GetAccessKeyInfo(state)
  return { Account = state.account.number }
end

return sts
