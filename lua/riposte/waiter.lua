--- What a waiter's acceptors say to one reply, as botocore reads them.
local jmespath = require "riposte.jmespath"

local waiter = {}

local function each_equals(values, expected)
  if type(values) ~= "table" or #values == 0 then return false end
  for _, value in ipairs(values) do
    if value ~= expected then return false end
  end
  return true
end

local function any_equals(values, expected)
  for _, value in ipairs(type(values) == "table" and values or {}) do
    if value == expected then return true end
  end
  return false
end

-- No acceptor asks which of the 2xx statuses a success had.
local function status_of(ok, result)
  if ok then return 200 end
  return result.status
end

local function accepts(acceptor, ok, result)
  local matcher, expected = acceptor.matcher, acceptor.expected
  if matcher == "status" then return status_of(ok, result) == expected end
  if matcher == "error" then
    if type(expected) == "boolean" then return ok ~= expected end
    return not ok and result.code == expected
  end
  if not ok then return false end
  local value = jmespath.search(acceptor.argument, result)
  if matcher == "pathAll" then return each_equals(value, expected) end
  if matcher == "pathAny" then return any_equals(value, expected) end
  if matcher == "path" then return value == expected end
  error("there is no matcher " .. tostring(matcher), 0)
end

--- The state of the first acceptor that takes the reply ("success", "failure", "retry"); nil: none does.
---@param acceptors table[] the model's
---@param ok boolean did the call succeed?
---@param result table its output, or its failure
---@return string?
function waiter.verdict(acceptors, ok, result)
  for _, acceptor in ipairs(acceptors) do
    if accepts(acceptor, ok, result) then return acceptor.state end
  end
end

return waiter
