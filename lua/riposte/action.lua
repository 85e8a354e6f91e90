--- Actions: remedies made of operations. run.actions.ecs.delete_service{cluster = …, service = …} looks whether there is
--- anything to do, does it, and waits until it is so; calling it again changes nothing. docs/ACTIONS.md lists them all.
---
--- An action is a table in riposte/actions/<service>.lua:
---
---     about    what it does, one line
---     params   {name = "string" | "string?" | "number?" | "boolean?" | "table?" | "function?"}: "?" for what may be left out
---     check    fun(on, params): state | nil, why    reads; nil when there is nothing to do
---     change   fun(on, params, state): table?       what the caller gets back, beside `changed`
---     proof    fun(on, params, state): boolean      reads; is it so now? (not asked in a rehearsal)
---     patience {timeout, every}?                    for the proof, when 5m and 2s do not fit
---     undo     what takes it back, for people: the inverses themselves are those of its operations (riposte.inverse)
---
--- `on.run` is the run, `on.ecs` (any service) a client in the account and region that the caller named, `on.actions` the
--- other actions there.
local action = {}

local SERVICES = { "autoscaling", "ec2", "ecs", "iam", "lambda" }
local EVERYWHERE = { account = "string?", region = "string?" }

local function check_params(name, def, params)
  if type(params) ~= "table" then error(name .. ": expected a table of parameters, as in " .. name .. "{…}", 4) end
  local known = {}
  for key, kind in pairs(EVERYWHERE) do known[key] = kind end
  for key, kind in pairs(def.params) do known[key] = kind end
  for key in pairs(params) do
    if not known[key] then
      local names = {}
      for each in pairs(def.params) do names[#names + 1] = each end
      table.sort(names)
      error(("%s: there is no parameter %s: it takes %s"):format(name, tostring(key), table.concat(names, ", ")), 4)
    end
  end
  for key, kind in pairs(known) do
    local wanted, optional = kind:match("^(%a+)(%??)$")
    local value = params[key]
    if value == nil and optional == "" then error(("%s: %s: expected a %s, it is missing"):format(name, key, wanted), 4) end
    if value ~= nil and type(value) ~= wanted then
      error(("%s: %s: expected a %s, got a %s"):format(name, key, wanted, type(value)), 4)
    end
  end
end

-- Where an action works: clients and actions of one account and region.
local function place(run, params)
  local where = { account = params.account, region = params.region }
  local actions = setmetatable({}, {
    __index = function(_, service)
      return setmetatable({}, {
        __index = function(_, name)
          return function(given)
            given.account, given.region = where.account, where.region
            return run.actions[service][name](given)
          end
        end,
      })
    end,
  })
  return setmetatable({ run = run, actions = actions }, {
    __index = function(on, service)
      local client = run.aws[service](where)
      rawset(on, service, client)
      return client
    end,
  })
end

local function perform(run, name, def, params)
  check_params(name, def, params)
  local on = place(run, params)
  local state, why = def.check(on, params)
  if not state then return { changed = false, why = why or "nothing to do" } end
  local result = def.change(on, params, state) or {}
  result.changed = result.changed ~= false
  if run.mode == "enforce" and def.proof then
    local patience = def.patience or {}
    run:wait_until(function() return def.proof(on, params, state) end, {
      timeout = patience.timeout,
      every = patience.every,
      what = name .. " to be done",
    })
  end
  return result
end

local function service_actions(run, service)
  local definitions = require("riposte.actions." .. service)
  return setmetatable({}, {
    __metatable = "actions",
    __index = function(actions, name)
      local def = definitions[name]
      local full = service .. "." .. tostring(name)
      if not def then error("there is no action " .. full .. ": docs/ACTIONS.md lists them", 2) end
      local call = function(params)
        local result = perform(run, full, def, params) -- no tail call: a mistake in the parameters is the caller's line
        return result
      end
      rawset(actions, name, call)
      return call
    end,
  })
end

--- run.actions: a table of services, each a table of actions. An action gives {changed = boolean, why = string?, …} and
--- raises the AWS error that stopped it.
function action.bind(run)
  local bound = {}
  for _, service in ipairs(SERVICES) do bound[service] = service_actions(run, service) end
  return setmetatable(bound, {
    __index = function(_, service) error("there are no actions for " .. tostring(service), 2) end,
  })
end

--- The services that have actions, in order.
action.services = SERVICES

return action
