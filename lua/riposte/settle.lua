--- What became of a change whose answer never came: the program ended before it, or the connection did. AWS takes some
--- changes twice without harm, and the engine just sends those again; for the rest the world is read.
---
--- riposte/settle/<service>.lua holds one function an operation: fun(change): verdict, value.
---
---     "happened", reply    with the reply made from what was read
---     "not"                nothing of it is there: it may be made (again)
---     nil, why             can't be told: a person is asked
---
--- `change` has service, operation (AWS's name), params, sent (milliseconds since the epoch, by our clock), started (the same by
--- AWS's clock), read(operation, params), and before: what its inverse saw when it looked, just before it was sent. "there" (what
--- it makes), "absent" (what it changes), "same", or "changes"; nil where nobody looked. It decides where AWS does not tell
--- when a thing was made.
local failure = require "riposte.failure"
local time = require "riposte.time"

local settle = {}

local SERVICES = { autoscaling = true, ec2 = true, ecs = true, iam = true, lambda = true }

-- What takes something away may be sent again without a look: if AWS then says that it is not there, it is done.
local TAKES_AWAY = { "Delete", "Detach", "Remove", "Deactivate", "Disassociate" }

-- AWS's clocks and the engine's may differ by so much.
local SKEW_MS = 5000

-- AWS may still be at what was sent a moment ago: that nothing is there tells something only after a while. And where it
-- cannot be read for a moment, a person could read no more.
local PATIENCE_MS = { ["not"] = 30000, unread = 600000 }
local LOOK_EVERY_MS = 5000

local Change = {}
Change.__index = Change

--- Is a moment that AWS tells ("2025-11-02T14:14:09Z", or seconds) not before the change was sent?
---@return boolean
function Change:is_since(moment)
  local ms = time.ms(moment)
  return ms ~= nil and ms >= self.started - SKEW_MS
end

--- What a read gives, of which `pick` takes the part; nil where AWS says that there is no such thing.
function Change:find(operation, params, pick)
  local ok, output = pcall(self.read, operation, params)
  if ok then
    if pick then output = pick(output) end
    return output or nil
  end
  if failure.is_gone(output) then return nil end
  error(output, 0)
end

--- The verdict where AWS tells what is there and not since when: it is there now, and the inverse looked before.
---@param wanted string what that look showed where AWS had to refuse the change: "there" or "absent"
---@param reply table
function Change:since_the_look(wanted, reply)
  if not self.before then return nil, "it is as it was asked for, but nobody looked whether it was so before" end
  if self.before == wanted then return "not" end
  return "happened", reply
end

--- Is what it is about gone once it is done?
---@param operation string AWS's name
function settle.takes_away(operation)
  for _, verb in ipairs(TAKES_AWAY) do
    if operation:find("^" .. verb .. "%u") then return true end
  end
  return false
end

-- What the service's own function says; its failures are told to a person, "unread" is one that may pass.
local function ask(change)
  local of = SERVICES[change.service] and require("riposte.settle." .. change.service)[change.operation]
  if not of then return nil, "there is no rule that tells from the world whether it happened" end
  local ok, verdict, value = pcall(of, change)
  if ok then return verdict, value end
  return failure.is(verdict) and verdict.retryable and "unread" or nil, "the world could not be read: " .. tostring(verdict)
end

--- What became of a change: "happened" and its reply, "not", "again" (send it again: that it takes away what is not there
--- any more means that it happened), or nil and why it can't be told.
---@param run riposte.Run
---@param change table
---@return string? verdict
---@return any value
function settle.of(run, change)
  setmetatable(change, Change)
  if settle.takes_away(change.operation) then return "again" end
  local since = change.sent
  while true do
    local verdict, value = ask(change)
    local patience = verdict and PATIENCE_MS[verdict]
    if not patience then return verdict, value end
    local now = run:now()
    since = math.min(since, now) -- a clock that was set back makes it no longer
    if now - since >= patience then return verdict == "not" and verdict or nil, value end
    run:sleep(LOOK_EVERY_MS / 1000)
  end
end

return settle
