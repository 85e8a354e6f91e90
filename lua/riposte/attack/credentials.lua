--- An attack's credentials, taken out of its hands: keys off, users and roles denied everything, sessions revoked.
local failure = require "riposte.failure"

local credentials = {}

-- The user of a key that nobody named; temporary keys (ASIA…) are not a user's to deactivate: their sessions are revoked.
local function user_of(run, key)
  if key.user then return key.user end
  if not key.id:find("^AKIA") then return nil end
  local ok, output = pcall(run.aws.iam().get_access_key_last_used, run.aws.iam(), { AccessKeyId = key.id })
  if not ok and not failure.is(output) then error(output, 0) end
  return ok and output.UserName or nil
end

local function missing(err)
  return failure.is(err, "NoSuchEntity", "NoSuchEntityException")
end

-- What is named but not there (any more) is no reason to stop.
local function unless_missing(run, what, fn)
  local ok, err = pcall(fn)
  if ok then return end
  if not missing(err) then error(err, 0) end
  run:left_alone(what, "it is not there: " .. tostring(err))
end

--- Lock what `attack` has learnt of credentials so far and what was not locked before: all of it at once. A role that the
--- attack only assumed with stolen keys keeps its permissions: workloads may need them; its sessions are revoked.
function credentials.lock(attack)
  local run, jobs, iam = attack.run, {}, attack.run.actions.iam
  attack.locked = attack.locked or {}
  local function once(what, fn)
    if attack.locked[what] then return end
    attack.locked[what] = true
    jobs[#jobs + 1] = function() unless_missing(run, what, fn) end
  end
  for _, key in ipairs(attack.key_list) do
    once("key " .. key.id, function()
      local user = user_of(run, key)
      if user and key.id:find("^AKIA") then iam.deactivate_key { user = user, key = key.id } end
    end)
  end
  for _, user in ipairs(attack.user_list) do
    once("user " .. user, function() iam.deny_all { user = user } end)
    once("sessions of user " .. user, function() iam.revoke_sessions { user = user } end)
  end
  for _, role in ipairs(attack.role_list) do
    once("sessions of role " .. role, function() iam.revoke_sessions { role = role } end)
    if not attack.roles[role]:find("^assumed with ") then
      once("role " .. role, function() iam.deny_all { role = role } end)
    end
  end
  run:parallel(jobs, function(job) job() end)
end

return credentials
