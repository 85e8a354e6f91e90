--- Taking a run back: a run of its own, whose changes are the inverses of another's, the last change first. docs/UNDO.md
--- tells what people may expect of it.
---
--- The engine hands `steps`, the changes that a run made, in the order in which they are to be taken back:
---
---     step          "2.7/3", as the record calls it
---     service, operation, params, region, account, reply      the change, and what AWS answered
---     undo          {{service, operation, params, region, account}, …} in their order, or nil. Secrets in it are sealed: the
---                   engine opens them when the operation is made
---     irreversible  why there is none
---
--- A change is taken back only where the world still is as that change left it. The world itself is asked: what would the
--- inverse change, if it were made now? Its own inverse (riposte.inverse, read now) must be the change that it takes back.
local agree = require "riposte.agree"
local failure = require "riposte.failure"
local inverse = require "riposte.inverse"

local SHOWN = 200 -- characters of a name

-- "ecs:UpdateService cluster=shop service=web (step 2.7/3)"
local function name_of(step, operation)
  local names = {}
  for key, value in pairs(operation.params or {}) do
    if type(value) == "string" and #value <= SHOWN and not value:find("[%c{]") and not agree.is_mark(value) then
      names[#names + 1] = key .. "=" .. value
    end
  end
  table.sort(names)
  local text = ("%s:%s %s"):format(operation.service, operation.operation, table.concat(names, " "))
  return ("%s (step %s)"):format(text:sub(1, SHOWN), step.step)
end

local function client_of(run, operation)
  return run.aws[operation.service] { region = operation.region, account = operation.account }
end

-- What an operation would change if it were made now.
local function effect_of(run, operation)
  local client = client_of(run, operation)
  return inverse.of {
    service = operation.service,
    operation = operation.operation,
    params = operation.params,
    region = operation.region,
    account = operation.account,
    undoing = true,
    read = function(name, params) return client[name](client, params) end,
  }
end

local function of_operation(list, operation)
  local found = {}
  for _, each in ipairs(list) do
    if each.operation == operation then found[#found + 1] = each end
  end
  return found
end

-- What only a reply would tell is not compared.
local function all_agree(given, list)
  for _, each in ipairs(list) do
    local ok, why = agree.params(given, inverse.filled(each.params))
    if not ok then return false, why end
  end
  return #list > 0
end

-- What is not there may come with an operation before this one, or would have come with what this rehearsal only planned.
local function may_come(run, moot, after)
  return moot == "absent" and (after or run.mode ~= "enforce" and run:has_planned())
end

-- "go", "done" (it is so already), "leave" or "fail", why, and what takes the inverse back itself; of a failure whether it may
-- pass. `after`: is there an operation that goes before it?
local function judge(run, step, operation, after)
  local effect, why, moot, passes = effect_of(run, operation)
  if effect then
    -- It would set what it sets to what it is.
    if all_agree(operation.params, of_operation(effect, operation.operation)) then return "done", "it is so already" end
    local back = of_operation(effect, step.operation)
    if #back > 0 then
      local ok, difference = all_agree(step.params, back)
      if not ok then return "leave", "somebody changed it since: " .. difference end
    elseif #of_operation(effect, operation.operation) > 0 then
      return "leave", "something else is in its place"
    end
    return "go", nil, effect
  end
  if moot == "same" then return "done", why end
  if moot == "unread" then return "fail", why, nil, passes end
  if (moot == "absent" and not may_come(run, moot, after)) or moot == "there" then return "leave", why end
  return "go", why
end

-- The client's second argument: what takes back this change was read just now, and need not be again.
local function options_of(verdict)
  if not verdict.effect then return { irreversible = verdict.why } end
  local undo = {}
  for i, each in ipairs(verdict.effect) do undo[i] = { each.operation, each.params } end
  return { undo = undo, looked = true }
end

-- A change that AWS refuses since the world is another by now is not a failure of the undo.
local function refused_by_world(err)
  return failure.is_gone(err) or failure.is_taken(err) or failure.is_other_state(err)
end

local function perform(run, step, verdicts)
  for _, verdict in ipairs(verdicts) do
    if verdict.what == "go" then
      local operation = verdict.operation
      local client = client_of(run, operation)
      local ok, err = pcall(client[operation.operation], client, operation.params, options_of(verdict))
      if not ok then
        if not failure.is(err) then error(err, 0) end
        if not refused_by_world(err) then return name_of(step, operation) .. ": " .. tostring(err), err.retryable end
        run:left_alone(name_of(step, operation), tostring(err))
        return nil
      end
    end
  end
end

-- Take one change back. Returns what failed, and whether it may pass.
local function take_back(run, step)
  if not step.undo or #step.undo == 0 then
    run:left_alone(name_of(step, step), "cannot be taken back: " .. (step.irreversible or "no inverse of it is known"))
    return nil
  end
  local verdicts, anything = {}, false
  for i, operation in ipairs(inverse.filled(step.undo, step.reply)) do
    local what, why, effect, passes = judge(run, step, operation, anything)
    if what == "fail" and step.outcome == "uncertain" then what, why = "leave", "whether it was made is not known: " .. why end
    if what == "fail" then return name_of(step, operation) .. ": " .. why, passes end
    if what == "leave" then
      run:left_alone(name_of(step, operation), why)
      return nil
    end
    verdicts[i], anything = { operation = operation, what = what, why = why, effect = effect }, anything or what == "go"
  end
  if not anything then
    run:left_alone(name_of(step, step.undo[1]), verdicts[1].why)
    return nil
  end
  return perform(run, step, verdicts)
end

--- Take back what a run did; what fails does not stop the rest. Raises a failure `UndoIncomplete` that lists what failed;
--- where any of it may pass, the whole is done again.
---@param run riposte.Run
---@param steps table[]
return function(run, steps)
  local failed, any_passes = {}, false
  for _, step in ipairs(steps) do
    local why, passes = take_back(run, step)
    failed[#failed + 1], any_passes = why, any_passes or passes or false
  end
  if #failed == 0 then return end
  error(failure.new {
    code = "UndoIncomplete",
    retryable = any_passes,
    message = ("%d of %d changes could not be taken back:\n  %s"):format(#failed, #steps, table.concat(failed, "\n  ")),
  }, 0)
end
