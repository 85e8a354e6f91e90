--- The simulated account: answers AWS operations as AWS does, on a clock that it is told.
---
--- Nothing here asks for the time or for chance: the same seed and the same calls at the same moments give the same
--- replies. C drives it (lua/sim_transport.c): it calls `call`, and `advance` when `next_due` has come.
local agenda = require "sim.agenda"
local failure = require "sim.failure"
local ids = require "sim.ids"
local quotas = require "sim.quotas"
local seed = require "sim.seed"
local time = require "sim.time"
local value = require "sim.value"

local SERVICES <const> = {
  "iam", "sts", "ec2", "ecs", "autoscaling", "lambda", "cloudtrail", "securityhub", "guardduty",
}

local DAY <const> = 24 * 3600 * 1000

local modules = {}
for _, name in ipairs(SERVICES) do modules[name] = require("sim." .. name) end

local Account = {}
Account.__index = Account

--- The state of a service in a region; made when first asked for.
function Account:service(name, region)
  local module = modules[name]
  local place = module.global and "global" or region
  local states = self.states[place]
  if not states then
    states = {}
    self.states[place] = states
    self.places[#self.places + 1] = place
  end
  if not states[name] then
    local state = { account = self, region = module.global and self.region or region, service = name }
    states[name] = state
    module.open(state)
  end
  return states[name]
end

--- The regions that anything was ever asked of, in that order.
function Account:each_state(fn)
  for _, place in ipairs(self.places) do
    for _, name in ipairs(SERVICES) do
      local state = self.states[place][name]
      if state then fn(modules[name], state, place) end
    end
  end
end

--- "arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE"; region "" for what is global.
function Account:arn(service, region, resource)
  return ("arn:%s:%s:%s:%s:%s"):format(self.partition, service, region, self.number, resource)
end

--- Now, as AWS's replies have it.
function Account:time()
  return time.text(self.now)
end

--- Call fn(...) in `ms` milliseconds.
function Account:after(ms, fn, ...)
  self.agenda:add(self.now + ms, fn, ...)
end

--- Let happen what is due by `now`.
function Account:advance(now)
  local entry = self.agenda:take(now)
  while entry do
    self.now = math.max(self.now, entry.at)
    entry.fn(table.unpack(entry.arguments, 1, entry.arguments.n))
    entry = self.agenda:take(now)
  end
  self.now = math.max(self.now, now)
end

--- When the next thing happens by itself, or nil.
function Account:next_due()
  return self.agenda:next()
end

local function refused(err)
  return nil, { code = err.code, message = err.message, status = err.status }
end

local function answer(self, service, operation, params, region)
  local module = modules[service]
  local handler = module and module.operations[operation]
  if not handler then
    failure.raise("NotImplemented",
      ("The simulated account does not know %s:%s; docs/SIMULATED-ACCOUNT.md lists what it knows."):format(service, operation),
      501)
  end
  if not self.quotas:draw(service, operation, params, region, self.now) then
    local throttle = module.throttle or {}
    failure.raise(throttle.code or "ThrottlingException", throttle.message or "Rate exceeded", throttle.status)
  end
  local state = self:service(service, region)
  return handler(state, params) or {}
end

--- Answer one call at the moment `now`: the output, or nil and {code, message, status}; then the milliseconds the
--- answer takes, and its request id.
function Account:call(now, service, operation, params, region, account)
  self:advance(now)
  local latency, request = self.ids:between(self.latency.least, self.latency.most), self.ids:uuid()
  local ok, output, err = xpcall(function()
    if account ~= "" and account ~= self.number then
      failure.raise("AccessDenied",
        ("The simulated account is %s; there is no account %s behind it."):format(self.number, account), 403)
    end
    return answer(self, service, operation, params or {}, region)
  end, function(why)
    return failure.is(why) and why or debug.traceback(tostring(why), 2)
  end)
  if not ok then
    if not failure.is(output) then error(output, 0) end
    output, err = refused(output)
  end
  return output, err, latency, request
end

--- ARN -> fields, of all that is in the account.
function Account:snapshot(now)
  self:advance(now)
  local all = {}
  self:each_state(function(module, state)
    if module.snapshot then module.snapshot(state, function(arn, fields) all[arn] = value.copy(fields) end) end
  end)
  return all
end

function Account:quota_report()
  return self.quotas:report()
end

local function read_sections(account, cursor, region)
  for _, name in ipairs(SERVICES) do
    local module = modules[name]
    local section = cursor:below(name)
    if section then
      if module.global and region ~= account.region then cursor:mistake(name, "is global: it belongs at the top") end
      if not module.seed then cursor:mistake(name, "there is nothing to seed in it") end
      module.seed(account:service(name, region), section)
      section:finish()
    end
  end
end

local function read_seed(account, cursor)
  read_sections(account, cursor, account.region)
  local regions = cursor:below "regions"
  if not regions then return end
  local names = {}
  for name in pairs(regions.from) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if not name:find "^%l%l[%-%l]*%-%l+%-%d$" then regions:mistake(name, "is no region's name") end
    if name == account.region then regions:mistake(name, "is the account's own region: its sections belong at the top") end
    local below = regions:below(name)
    read_sections(account, below, name)
    below:finish()
  end
end

--- Whether a trait of AWS's is left out.
local function is_left_out(cursor, name)
  local trait = cursor:text(name, "aws")
  if trait ~= "aws" and trait ~= "none" then cursor:mistake(name, 'expected "aws" or "none"') end
  return trait == "none"
end

local sim = {}

--- The account that `given` (docs/DRILLS.md) describes, at the moment `now`, with the quotas of aws/quotas.json.
--- Returns nil and what is wrong in the seed, with its path.
function sim.new(given, now, groups)
  local account = setmetatable({
    now = now, started = now, yesterday = time.text(now - DAY), agenda = agenda.new(), quotas = quotas.new(groups),
    states = {}, places = {},
  }, Account)
  local ok, err = xpcall(function()
    local cursor = seed.cursor(account, given, "")
    account.number = cursor:required "account"
    if not account.number:find "^%d%d%d%d%d%d%d%d%d%d%d%d$" then cursor:mistake("account", "expected twelve digits") end
    account.region = cursor:text("region", "us-east-1")
    account.partition = cursor:text("partition", "aws")
    account.ids = ids.new(cursor:text("seed", account.number))
    account.caller = cursor:text("caller", ("arn:%s:iam::%s:role/Riposte"):format(account.partition, account.number))
    account.latency = is_left_out(cursor, "latency") and { least = 0, most = 0 } or { least = 40, most = 120 }
    if is_left_out(cursor, "quotas") then account.quotas = quotas.new {} end
    read_seed(account, cursor)
    cursor:finish()
  end, function(why)
    return seed.is_mistake(why) and why or debug.traceback(tostring(why), 2)
  end)
  if ok then return account end
  return nil, seed.is_mistake(err) and err.message or err
end

--- {service = names of the operations it knows, sorted}.
function sim.operations()
  local known = {}
  for _, service in ipairs(SERVICES) do
    local names = {}
    for name in pairs(modules[service].operations) do names[#names + 1] = name end
    table.sort(names)
    known[service] = value.list(names)
  end
  return known
end

return sim
