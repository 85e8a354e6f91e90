--- AWS's request quotas: a token bucket for each group of operations and region, from the groups of aws/quotas.json.
local quotas = {}
quotas.__index = quotas

-- What the client counts in whole milliseconds may be a hair early here.
local TOLERANCE <const> = 0.01

--- `groups`: service -> list of {group, capacity, refill, operations, when}.
function quotas.new(groups)
  return setmetatable({ groups = groups, found = {}, buckets = {}, used = {} }, quotas)
end

local function matcher(pattern)
  return "^" .. pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

local function names(group, operation)
  for _, pattern in ipairs(group.operations) do
    if operation:find(matcher(pattern)) then return true end
  end
  return false
end

local function unfiltered(params)
  for name in pairs(params) do
    if name == "Filters" or name == "MaxResults" or name:find "Ids$" then return false end
  end
  return true
end

local function candidates(self, service, operation)
  local key = service .. ":" .. operation
  if not self.found[key] then
    local found = {}
    for _, group in ipairs(type(self.groups[service]) == "table" and self.groups[service] or {}) do
      if names(group, operation) then found[#found + 1] = group end
    end
    self.found[key] = found
  end
  return self.found[key]
end

local function group_of(self, service, operation, params)
  for _, group in ipairs(candidates(self, service, operation)) do
    if group.when ~= "unfiltered" or unfiltered(params) then return group end
  end
end

--- Draw for one call; false when AWS would throttle it.
function quotas:draw(service, operation, params, region, now)
  local group = group_of(self, service, operation, params)
  if not group then return true end
  local name = service .. "." .. group.group
  local key = region .. " " .. name
  local bucket = self.buckets[key]
  if not bucket then
    bucket = { name = name, group = group, tokens = group.capacity, at = now, calls = 0, throttled = 0 }
    self.buckets[key] = bucket
    self.used[#self.used + 1] = bucket
  end
  bucket.tokens = math.min(group.capacity, bucket.tokens + (now - bucket.at) / 1000 * group.refill)
  bucket.at = now
  if bucket.tokens < 1 - TOLERANCE then
    bucket.throttled = bucket.throttled + 1
    return false
  end
  bucket.tokens = bucket.tokens - 1
  bucket.calls = bucket.calls + 1
  return true
end

--- {groups = {name = {calls, throttled, capacity, refill, bound_ms}}, bound_ms}. Calls are those that were let
--- through; over several regions, the bound is the largest of them.
function quotas:report()
  local groups, largest = {}, 0
  for _, bucket in ipairs(self.used) do
    local group = bucket.group
    local bound = math.ceil(math.max(0, bucket.calls - group.capacity) * 1000 / group.refill)
    local entry = groups[bucket.name]
      or { calls = 0, throttled = 0, capacity = group.capacity, refill = group.refill, bound_ms = 0 }
    entry.calls, entry.throttled = entry.calls + bucket.calls, entry.throttled + bucket.throttled
    entry.bound_ms = math.max(entry.bound_ms, bound)
    groups[bucket.name] = entry
    largest = math.max(largest, bound)
  end
  return { groups = groups, bound_ms = largest }
end

return quotas
