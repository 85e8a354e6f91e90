--- What takes a change back: for an operation and its parameters, the operations that bring back what was before.
---
--- riposte/inverse/<service>.lua holds one function an operation: fun(change): undo | nil, why, moot. `undo` is a list made
--- with change:undo; `why` tells people why there is none; `moot` that the change would change nothing: "absent" (what it
--- changes is not there), "there" (what it makes is there already), "same" (it is so already). change:prior_state tells what
--- was before: what the caller read a moment ago (the client method's second argument, {prior = …}), or what is read now.
--- What only the change's reply tells is written {["$reply"] = "path.in.the.reply"}: the engine fills it in.
---
--- riposte.undo asks the same functions whether a change may still be taken back: it is the world's own answer to "what
--- would the inverse change?" (docs/UNDO.md). change.undoing is set then: worth a read that a change itself is not.
local failure = require "riposte.failure"

local inverse = {}

local SERVICES = {
  autoscaling = true, ec2 = true, ecs = true, guardduty = true, iam = true, lambda = true, securityhub = true,
}

local Change = {}
Change.__index = Change

--- One operation of an undo. `service` is the change's own unless told.
function Change:undo(operation, params, service)
  return {
    service = service or self.service,
    operation = operation,
    params = params,
    region = self.region,
    account = self.account,
  }
end

--- What was before: what the caller has just read, else what `operation` reads now (of which `pick` takes the part). A
--- change of what is not there is moot.
function Change:prior_state(operation, params, pick)
  if self.prior then return self.prior end
  local before = self.read(operation, params)
  if pick then before = pick(before) end
  if not before then error(failure.new { code = "NotFound", message = "it is not there" }, 0) end
  return before
end

--- The same, but nil where AWS says that there was nothing.
function Change:prior_if_any(operation, params, pick)
  if self.prior then return self.prior end
  local ok, output = pcall(self.read, operation, params)
  if ok then return pick and pick(output) or output end
  if failure.is_gone(output) then return nil end
  error(output, 0)
end

--- Is it there? Nil where that can't be told (change.blind is set then). With `prior` the caller has told what was there.
---@return boolean?
function Change:is_there(operation, params, pick)
  local ok, output = true, self.prior
  if not output then ok, output = pcall(self.read, operation, params) end
  if not ok then
    if failure.is_gone(output) then return false end
    self.blind = true
    return nil
  end
  return not pick or (pick(output) or nil) ~= nil
end

--- A value that the change's reply will tell.
function inverse.reply(path)
  return { ["$reply"] = path }
end

--- `value` with what the reply tells in its place; nil where the reply does not tell it.
---@param value any of an undo
---@param reply table? the change's
function inverse.filled(value, reply)
  if type(value) ~= "table" or next(value) == nil then return value end -- an empty list keeps its mark as a list
  local path = value["$reply"]
  if not path then
    local result = {}
    for key, each in pairs(value) do result[key] = inverse.filled(each, reply) end
    return result
  end
  for name in path:gmatch("[^.]+") do
    if type(reply) ~= "table" then return nil end
    local index = math.tointeger(tonumber(name))
    reply = reply[index and index + 1 or name]
  end
  return reply
end

--- The members of `from` that `names` lists, where they are set: an empty list or map is as good as none.
function inverse.pick(from, names)
  local picked = {}
  for _, name in ipairs(names) do
    local value = from[name]
    if value ~= nil and (type(value) ~= "table" or next(value) ~= nil) then picked[name] = value end
  end
  return picked
end

-- What the caller says takes it back: {{operation, params}, …}. The engine holds it to what the playbook's header declares.
local function given(change)
  local undo = {}
  for i, each in ipairs(change.given) do
    undo[i] = change:undo(each[1], each[2])
    undo[i].given = change.by_playbook
  end
  return undo
end

--- Called before each change; `change` has service, operation (AWS's name), params, region, account, read(operation,
--- params) and, where the caller has them, prior, given, irreversible and undoing. Returns the undo, or nil, why there is
--- none, and whether the change is moot; "unknown" and "unread" where nothing can be said about it, the latter with
--- whether a later read may tell.
---@return table[]? undo
---@return string? why
---@return string? moot
---@return boolean? passes
function inverse.of(change)
  setmetatable(change, Change)
  if change.irreversible then return nil, change.irreversible end
  if change.given then return given(change) end
  local of = SERVICES[change.service] and require("riposte.inverse." .. change.service)[change.operation]
  if not of then return nil, "no inverse of this operation is known", "unknown" end
  local ok, undo, why, moot = pcall(of, change)
  if ok then return undo, why, moot end
  if failure.is_gone(undo) then return nil, "what it changes is not there: " .. tostring(undo), "absent" end
  -- AWS refused, or told something that does not fit. To contain an attack matters more than to be able to take it
  -- back; the record says what was lost.
  return nil, "what was before could not be read: " .. tostring(undo), "unread",
    failure.is(undo) and undo.retryable
end

return inverse
