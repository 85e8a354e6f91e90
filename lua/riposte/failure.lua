--- Errors that a playbook can look into: tables with `code`, `message`, `operation`, `status`, `request_id`,
--- `retryable` and `fields`, which read as one line where text is wanted.
local failure = {}

local class = { __name = "AWS error", __metatable = "AWS error" }

function class.__tostring(err)
  local where = err.operation and err.operation .. ": " or ""
  return where .. tostring(err.code) .. ": " .. tostring(err.message)
end

--- Make an error of these fields, to be raised with `error(…, 0)`.
---@param fields {code: string, message: string, operation: string?, status: integer?, request_id: string?, fields: table?}
function failure.new(fields)
  fields.retryable = fields.retryable == true
  return setmetatable(fields, class)
end

--- Is it such an error, and (when codes are given) has it one of them?
---@param err any what pcall caught
---@param ... string codes
---@return boolean
function failure.is(err, ...)
  if type(err) ~= "table" or getmetatable(err) ~= "AWS error" then return false end
  if select("#", ...) == 0 then return true end
  for i = 1, select("#", ...) do
    if err.code == select(i, ...) then return true end
  end
  return false
end

return failure
