--- What a playbook calls `finding`: the normalised finding (docs/FINDINGS.md) with what can be done to it.
local failure = require "riposte.failure"

-- Most runs tell a finding's service nothing: that is loaded when it is first needed.
local require = require

local module = {}

local data_of = setmetatable({}, { __mode = "k" })
local event_of = setmetatable({}, { __mode = "k" }) -- a function that gives it, until it was asked for
local run_of = setmetatable({}, { __mode = "k" })

local Finding = {}

--- Iterate over the finding's resources, all or those of one type ("ecs-cluster").
---@param kind string?
---@return fun(): table?
function Finding:resources(kind)
  local list, i = data_of[self].resources, 0
  return function()
    while list[i + 1] do
      i = i + 1
      if not kind or list[i].type == kind then return list[i] end
    end
  end
end

-- The event is large, and many runs need nothing of it: it becomes a table when it is first asked for.
local function event(self)
  if type(event_of[self]) == "function" then event_of[self] = event_of[self]() end
  return event_of[self]
end

-- What was done about a finding stays done though its service does not take the word for it.
local function tell(self, resolved, text)
  local form, run = data_of[self].form, run_of[self]
  local feedback = require("riposte.feedback")
  text = feedback.text(text)
  if not feedback.is_told(form) then return run:log(text, { note = "a " .. form .. " event has no finding to update" }) end
  local ok, err = pcall(feedback.update, run, form, event(self), resolved, text)
  if ok then return end
  if not failure.is(err) then error(err, 0) end
  run:log(text, { note = "the finding could not be updated: " .. tostring(err) })
end

--- Say at its source that the finding is dealt with: Security Hub's workflow becomes RESOLVED with `text` as the note;
--- GuardDuty gets `text` as feedback and archives the finding. Other events have nothing to update: `text` is logged.
---@param text string
function Finding:resolve(text)
  tell(self, true, text)
end

--- Say at its source that people should look: Security Hub's workflow becomes NOTIFIED, GuardDuty gets a comment.
---@param text string
function Finding:notify(text)
  tell(self, false, text)
end

local class = { __name = "finding", __metatable = "finding" }

function class.__index(self, key)
  if Finding[key] then return Finding[key] end
  if key == "event" then return event(self) end
  if key == "detail" then return event(self).detail end
  return data_of[self][key]
end

function class.__newindex()
  error("a finding cannot be changed: keep what you work out in a variable of your own", 2)
end

--- Called by riposte.start. `event_giver` gives the finding's event.
function module.new(data, event_giver, run)
  local finding = setmetatable({}, class)
  data_of[finding], event_of[finding], run_of[finding] = data, event_giver, run
  return finding
end

return module
