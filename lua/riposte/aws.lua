--- Clients for AWS: boto3's method names, AWS's own parameters. What an operation is comes from the API models, through
--- the engine; what a change would leave behind is known to riposte.inverse, and in a rehearsal to riposte.foresee.
local failure = require "riposte.failure"

-- Most runs need little of the rest: it is loaded when it is first asked for.
local require = require
local function library(name) return require("riposte." .. name) end

local module = {}

local Client = {}
local state_of = setmetatable({}, { __mode = "k" })

-- `state` tells where the playbook has got to: an error that nobody catches is reported with its line.
local function raise(state, fields)
  local err = failure.new(fields)
  err.where = err.where or state.engine.where()
  error(err, 0)
end

local function request_of(state, operation, params)
  return {
    service = state.service,
    operation = operation.name,
    params = params,
    region = state.region,
    account = state.account,
  }
end

local function read(state, operation, params)
  local engine = state.engine
  local ok, value = engine.perform("aws", request_of(state, operation, params))
  if not ok then raise(state, value) end
  if engine.world then
    value = engine.world:apply(state.service, operation.name, params, value, state.region, state.account)
  end
  return value
end

local operation_of

-- What takes the change back is worked out before it is made: afterwards the prior state is gone. What that look showed is
-- told too, where there was one: "there", "same", "absent", or else "changes".
local function undo_of(state, operation, params, options)
  local asked = {
    service = state.service,
    operation = operation.name,
    params = params,
    region = state.region,
    account = state.account,
    prior = options.prior,
    given = options.undo,
    by_playbook = options.undo and not state.engine.by_library() or nil,
    irreversible = options.irreversible,
    read = function(name, wanted)
      return read(state, operation_of(state, name), wanted)
    end,
  }
  local undo, why, moot = library("inverse").of(asked)
  local looked = options.looked or not (options.undo or options.irreversible)
  if asked.blind or moot == "unread" or moot == "unknown" then looked = false end
  return undo, why, looked and (moot or "changes") or nil
end

-- What became of a change is put on record, for the undo too.
local function note_on(state, operation, params, step)
  return function(happened, reply)
    local request = request_of(state, operation, params)
    state.engine.perform("settled", { step = step, request = request, happened = happened, reply = reply })
  end
end

-- A change whose answers never come is sent so often, at growing distances.
local AGAIN_MOST = 5

-- A change that was sent and whose answer never came, for the `tries`-th time.
local function settled(state, operation, params, before, uncertain, tries, again)
  local note = note_on(state, operation, params, uncertain.step)
  local verdict, found = library("settle").of(state.run, {
    service = state.service,
    operation = operation.name,
    params = params,
    before = before,
    sent = uncertain.started_ms,
    started = uncertain.started_ms + (uncertain.clock_off_ms or 0),
    read = function(reading, wanted) return read(state, operation_of(state, reading), wanted) end,
  })
  if verdict == "happened" then
    note(true, found)
    return true, found
  end
  if not verdict then -- the run ends here, until a person has looked
    local name = state.service .. ":" .. operation.name
    state.engine.perform("park", { step = uncertain.step, operation = name, params = params, known = found })
  end
  if verdict == "not" then note(false) end
  if tries > AGAIN_MOST then
    uncertain.retryable = true -- the whole run may be made again too
    return false, uncertain
  end
  if tries > 1 then state.run:sleep(2 ^ tries) end
  local ok, value, planned = again()
  if verdict == "again" then
    local gone = not ok and failure.is_gone(failure.new(value))
    note(gone, gone and {} or nil)
    if gone then return true, {} end
  end
  return ok, value, planned
end

local function make(state, operation, params, undo, why, before, tries)
  local ok, value, planned = state.engine.perform("aws", request_of(state, operation, params), undo, why)
  if ok then return ok, value, planned end
  if value.sent_before and library("settle").takes_away(operation.name) and failure.is_gone(failure.new(value)) then
    note_on(state, operation, params, value.step)(true, {}) -- AWS took it twice, and has said so the second time
    return true, {}
  end
  if value.code ~= "Uncertain" then return ok, value, planned end
  tries = tries + 1
  return settled(state, operation, params, before, value, tries, function()
    return make(state, operation, params, undo, why, before, tries)
  end)
end

-- As the parameters are now, and as the door will see them: while their inverse is read another fiber may change them.
-- An empty list keeps its mark as one; what holds itself is refused by the door as it is.
local function fixed(value, within)
  if type(value) ~= "table" or next(value) == nil or within[value] then return value end
  local copy = {}
  within[value] = true
  for key, each in next, value do copy[key] = fixed(each, within) end
  within[value] = nil
  return copy
end

local function change(state, operation, params, options)
  local engine = state.engine
  params = fixed(params, {})
  -- What the model refuses is refused by the door: no inverse is worked out for it. In an undo secrets are still sealed.
  local undo, why, before
  if state.run.undo or not engine.check(state.service, operation.name, params) then
    undo, why, before = undo_of(state, operation, params, options)
  end
  local ok, value, planned = make(state, operation, params, undo, why, before, 0)
  if not ok then raise(state, value) end
  if planned then
    engine.planned()
    engine.world = engine.world or library("foresee").new()
    engine.world:planned(state.service, operation.name, params, value, state.region, state.account)
  end
  return value, planned
end

function operation_of(state, name)
  local operation = state.operations[name]
  if not operation then
    local problem
    operation, problem = state.engine.operation(state.service, name)
    if not operation then error(state.engine.where() .. problem, 0) end
    state.operations[name] = operation
  end
  return operation
end

-- EC2 only says whether it would do what it is asked for in a dry run.
local function is_dry_run(state, params)
  return state.service == "ec2" and type(params) == "table" and rawget(params, "DryRun") == true
end

local function call(state, operation, params, options)
  if operation.read or is_dry_run(state, params) then return read(state, operation, params or {}) end
  return change(state, operation, params or {}, options or {})
end

-- Pages -------------------------------------------------------------------------------------------------------------

local function list(value)
  return type(value) == "table" and value or { value }
end

local function copy(params)
  local result = {}
  for key, value in pairs(params or {}) do result[key] = value end
  return result
end

-- The parameters that lead to the next page, or nil when this was the last.
local function next_page(paging, params, output)
  if paging.more_results and not library("jmespath").search(paging.more_results, output) then return nil end
  local tokens, following, found = list(paging.output_token), copy(params), false
  for i, input in ipairs(list(paging.input_token)) do
    local token = library("jmespath").search(tokens[i], output)
    if token == "" or type(token) == "table" and next(token) == nil then token = nil end
    found = found or token ~= nil
    following[input] = token
  end
  return found and following or nil
end

-- One page: its items, and the parameters that lead on from it.
local function page_of(state, operation, params)
  local paging = operation.pages
  local output = call(state, operation, params)
  local after = next_page(paging, params, output)
  if after then -- a service that hands out the same token for ever must not hold a run for ever
    local same = true
    for _, input in ipairs(list(paging.input_token)) do same = same and after[input] == params[input] end
    if same then error(operation.name .. ": the service gave the same page token twice", 0) end
  end
  local keys = list(paging.result_key)
  if #keys > 1 then return { items = { output }, after = after } end
  return { items = library("jmespath").search(keys[1], output) or {}, after = after }
end

-- A page that is on its way, in a fiber of its own; what goes wrong on it is told to who asks for its items.
local function fetch_ahead(state, operation, params)
  local ahead = { params = params }
  ahead.fiber = state.engine.apart(function() ahead.ok, ahead.page = pcall(page_of, state, operation, params) end)
  return ahead
end

--- Iterate over all items of a paginated operation; over its pages whole, where they have more than one list of items
--- (`iam:list_entities_for_policy`: groups, users and roles). While the items of one page are handed out the next is on its way,
--- and no more than that one.
---@param name string boto3's method name: "list_services"
---@param params table?
---@return fun(): any
function Client:pages(name, params)
  local state = state_of[self]
  local operation = operation_of(state, name)
  if not operation.pages then error(operation.name .. " has no pages: call client:" .. name .. " itself", 2) end
  local wanted, ahead = copy(params), nil -- the page that follows: by its parameters, or on its way
  local items, i = {}, 0
  local function turn(page)
    items, i, wanted, ahead = page.items, 0, nil, nil
    if page.after then ahead = fetch_ahead(state, operation, page.after) end
  end
  return function()
    while i >= #items do
      local arriving = ahead
      if arriving then
        state.engine.wait(arriving.fiber)
        if ahead == arriving then -- else another fiber that shares this iterator has turned the page
          wanted, ahead = arriving.params, nil -- where it failed, it can be asked for again
          if not arriving.ok then error(arriving.page, 0) end
          turn(arriving.page)
        end
      elseif wanted then
        turn(page_of(state, operation, wanted))
      else
        return nil
      end
    end
    i = i + 1
    return items[i]
  end
end

-- Waiters -----------------------------------------------------------------------------------------------------------

--- Wait as boto3's waiter of that name does ("services_stable"). In a rehearsal that has planned changes it looks once.
---@param name string
---@param params table?
---@param options {timeout: number|string?, every: number|string?}? the waiter's own unless told
function Client:wait(name, params, options)
  local state = state_of[self]
  options = options or {}
  local waiter, problem = state.engine.waiter(state.service, name)
  if not waiter then error(state.engine.where() .. problem, 0) end
  local operation = operation_of(state, waiter.operation)
  local every = options.every or waiter.delay
  local timeout = options.timeout or (library("duration").ms(every, "every") / 1000 * waiter.maxAttempts)
  return state.run:wait_until(function()
    local ok, result = pcall(call, state, operation, params)
    if not ok and not failure.is(result) then error(result, 0) end
    local verdict = library("waiter").verdict(waiter.acceptors, ok, result)
    if verdict == "failure" then
      raise(state, {
        code = "WaiterFailed",
        operation = state.service .. ":" .. operation.name,
        message = "what " .. name .. " waits for cannot come any more",
      })
    end
    if verdict then return verdict == "success" end
    if not ok then error(result, 0) end
    return false
  end, { timeout = timeout, every = every, what = state.service .. " " .. name })
end

-- Making clients ----------------------------------------------------------------------------------------------------

local class = { __name = "AWS client", __metatable = "AWS client" }

function class.__index(self, name)
  if Client[name] then return Client[name] end
  local state = state_of[self]
  local operation = operation_of(state, name)
  -- options.prior: the resource as it was just read, so that the inverse need not read it again; options.undo: the
  -- inverse itself, {{operation, params}, …}, or options.irreversible: why there is none, where the caller knows better.
  local method = function(_, params, options) return call(state, operation, params, options) end
  rawset(self, name, method)
  return method
end

--- run.aws: run.aws.ecs() is a client for the finding's account and region, run.aws.ecs{region=…, account=…} for another.
--- `engine` holds perform, apart, wait, operation and waiter; the foreseen world is put there once a change is planned.
function module.clients(run, engine)
  return setmetatable({}, {
    __metatable = "AWS clients",
    __index = function(clients, service)
      local operations = {}
      local function new(options)
        options = options or {}
        local client = {}
        state_of[client] = {
          run = run,
          engine = engine,
          service = service,
          operations = operations,
          region = options.region or run.region,
          account = options.account or run.account,
        }
        return setmetatable(client, class)
      end
      rawset(clients, service, new)
      return new
    end,
  })
end

return module
