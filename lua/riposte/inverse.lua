--- What takes a change back: for an operation and its parameters, the operations that bring back what was before.
---
--- riposte/inverse/<service>.lua holds one function an operation: fun(change): undo | nil, why. `undo` is a list made with
--- change:undo; `why` tells people why there is none. change:prior_state tells what was before: what the caller read a
--- moment ago (the client method's second argument, {prior = …}), or what is read now. What only the change's reply tells
--- is written {["$reply"] = "path.in.the.reply"}: the engine fills it in.
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

--- What was before: what the caller has just read, else what `operation` reads now (of which `pick` takes the part).
function Change:prior_state(operation, params, pick)
  if self.prior then return self.prior end
  local output = self.read(operation, params)
  return pick and pick(output) or output
end

--- The same, but nil where AWS says that there was nothing.
function Change:prior_if_any(operation, params, pick)
  if self.prior then return self.prior end
  local ok, output = pcall(self.read, operation, params)
  if ok then return pick and pick(output) or output end
  if failure.is(output, "NoSuchEntity", "ResourceNotFoundException", "ClusterNotFoundException") then return nil end
  error(output, 0)
end

--- A value that the change's reply will tell.
function inverse.reply(path)
  return { ["$reply"] = path }
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

-- What the caller says takes it back: {{operation, params}, …}.
local function given(change)
  local undo = {}
  for i, each in ipairs(change.given) do undo[i] = change:undo(each[1], each[2]) end
  return undo
end

--- Called before each change; `change` has service, operation (AWS's name), params, region, account, read(operation,
--- params) and, where the caller has them, prior, given and irreversible. Returns the undo, or nil and why there is none.
function inverse.of(change)
  setmetatable(change, Change)
  if change.irreversible then return nil, change.irreversible end
  if change.given then return given(change) end
  local of = SERVICES[change.service] and require("riposte.inverse." .. change.service)[change.operation]
  if not of then return nil, "no inverse of this operation is known" end
  local ok, undo, why = pcall(of, change)
  if ok then return undo, why end
  -- AWS refused, or told something that does not fit. To contain an attack matters more than to be able to take it
  -- back; the record says what was lost.
  return nil, "what was before could not be read: " .. tostring(undo)
end

return inverse
