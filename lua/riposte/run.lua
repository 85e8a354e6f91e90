--- What a playbook calls `run`: its clients, fibers, waits, notes and actions. Everything the world can see goes
--- through `perform`, the engine's one door; see docs/PLAYBOOKS.md for how to use it.
local aws = require "riposte.aws"
local failure = require "riposte.failure"

-- Most runs need little of the rest: it is loaded when it is first asked for.
local require = require
local function ms(span, what) return require("riposte.duration").ms(span, what) end

local Run = {}

-- run.actions, once it is asked for.
function Run.__index(run, name)
  if name ~= "actions" or rawget(run, "aws") == nil then return Run[name] end
  local actions = require("riposte.action").bind(run)
  rawset(run, "actions", actions)
  return actions
end

Run.__name = "run"
Run.__metatable = "run"

-- What the engine gave each run, and what only the library may touch.
local hidden = setmetatable({}, { __mode = "k" })

local module = {}

--- Called by riposte.start.
function module.new(primitives, about)
  local run = {}
  for key, value in pairs(about) do run[key] = value end
  local rehearsal = about.mode ~= "enforce"
  hidden[run] = { primitives = primitives, rehearsal = rehearsal, planned = 0 }
  setmetatable(run, Run)
  if about.undo then require("riposte.agree").same_secret = primitives.same end
  run.aws = aws.clients(run, {
    perform = primitives.perform,
    apart = primitives.apart,
    wait = primitives.wait,
    operation = primitives.operation,
    check = primitives.check,
    where = primitives.where,
    by_library = primitives.by_library,
    waiter = primitives.waiter,
    planned = function() hidden[run].planned = hidden[run].planned + 1 end,
  })
  return run
end

local function perform(run, kind, request)
  local ok, value, planned = hidden[run].primitives.perform(kind, request)
  if not ok then error(failure.new(value), 0) end
  return value, planned
end

--- Has this rehearsal planned any change yet? Always false when changes are made.
---@return boolean
function Run:has_planned()
  return hidden[self].planned > 0
end

-- Fibers ------------------------------------------------------------------------------------------------------------

local PARALLEL_LIMIT = 100

local function items_of(items)
  if type(items) == "function" then return items end
  if type(items) ~= "table" then error("run:parallel: expected a list or an iterator, got " .. type(items), 3) end
  local i = 0
  return function()
    i = i + 1
    return items[i]
  end
end

--- Call fn(item, index) for every item, several at once, each in a fiber of its own. Returns when all are done.
---
--- Without `keep_going` the first failure stops new items from being started; those under way finish, then that failure
--- is raised. With it everything runs and the failures are returned.
---@param items table|function a list, or an iterator (as client:pages gives)
---@param fn fun(item: any, index: integer): any
---@param options {limit: integer?, keep_going: boolean?}? `limit`: how many at once, 100 unless told
---@return any[] results in the order of the items; false where fn returned nothing or failed
---@return {index: integer, item: any, error: any}[] failures in the order of the items
function Run:parallel(items, fn, options)
  options = options or {}
  local limit, keep_going = options.limit or PARALLEL_LIMIT, options.keep_going
  if math.type(limit) ~= "integer" or limit < 1 then error("run:parallel: limit: expected a whole number from 1", 2) end
  local next_item = items_of(items)
  local spawn, wait = hidden[self].primitives.spawn, hidden[self].primitives.wait
  local results, failures, started, running, ended = {}, {}, {}, 0, false
  local count, broken, first = 0, nil, nil
  while true do
    while not ended and running < limit do
      local ok, item = pcall(next_item)
      if not ok then broken = { error = item } end
      if not ok or item == nil then
        ended = true
      else
        count, running = count + 1, running + 1
        started[spawn(fn, item, count)] = { index = count, item = item }
        results[count] = false
      end
    end
    if running == 0 then break end
    local child, ok, result = wait()
    local which = started[child]
    started[child], running = nil, running - 1
    if ok then
      if result ~= nil then results[which.index] = result end
    else
      which.error = result
      failures[#failures + 1] = which
      first = first or which
      if not keep_going then ended = true end
    end
  end
  if broken then error(broken.error, 0) end
  if first and not keep_going then error(first.error, 0) end
  table.sort(failures, function(a, b) return a.index < b.index end)
  return results, failures
end

--- Run fn; every step within it carries the phase's name in the record. Returns what fn returns.
---@param name string
---@param fn fun(): ...
function Run:phase(name, fn)
  local phase = hidden[self].primitives.phase
  local before = phase(name)
  local results = table.pack(pcall(fn))
  phase(before)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- Time, chance, identity --------------------------------------------------------------------------------------------

--- Wait; others go on.
---@param span number|string seconds, or "500ms", "5s", "2m", "1h"
function Run:sleep(span)
  perform(self, "sleep", { ms = ms(span, "run:sleep") })
end

--- Milliseconds since 1970-01-01T00:00:00Z.
---@return integer
function Run:now()
  return perform(self, "now", {})
end

--- A whole number from 1 to `most`.
---@param most integer
---@return integer
function Run:random(most)
  if math.type(most) ~= "integer" or most < 1 then error("run:random: expected a whole number from 1", 2) end
  return perform(self, "random", { most = most })
end

--- A random (version 4) UUID.
---@return string
function Run:uuid()
  return perform(self, "uuid", {})
end

--- Call fn until it returns something true, and return that. In a rehearsal that has planned changes it looks once and
--- takes the wait as over: what it waits for is on its way only when changes are made.
---@param fn fun(): any
---@param options {timeout: number|string?, every: number|string?, what: string?}? 5m, 2s, for the error
function Run:wait_until(fn, options)
  options = options or {}
  local timeout = ms(options.timeout or "5m", "run:wait_until: timeout")
  local every = ms(options.every or "2s", "run:wait_until: every")
  local started
  while true do
    local result = fn()
    if result then return result end
    if hidden[self].rehearsal and self:has_planned() then return true end
    local now = self:now()
    started = math.min(started or now, now) -- a clock that is set back makes it no longer
    if now + every - started > timeout then
      error(failure.new {
        code = "WaitTimeout",
        message = ("waited %g s for %s"):format(timeout / 1000, options.what or "a condition"),
      }, 0)
    end
    perform(self, "sleep", { ms = every })
  end
end

-- For the record ----------------------------------------------------------------------------------------------------

--- A line in the run's record and in the log.
---@param text string
---@param fields table?
function Run:log(text, fields)
  if fields ~= nil and type(fields) ~= "table" then error("run:log: fields: expected a table, got " .. type(fields), 2) end
  perform(self, "log", { text = tostring(text), fields = fields })
end

--- Keep a value as evidence for what is decided on it.
---@param name string
---@param value any anything JSON can hold
function Run:evidence(name, value)
  perform(self, "evidence", { name = tostring(name), value = value })
end

--- Say what was looked at and left as it is, and why: a responder wants to know both.
---@param what string an ARN or a name
---@param why string
function Run:left_alone(what, why)
  perform(self, "left-alone", { what = tostring(what), why = tostring(why) })
end

return module
