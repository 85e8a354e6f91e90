--- Errors that a playbook can look into: tables with `code`, `message`, `operation`, `status`, `request_id`,
--- `retryable` and `fields`, which read as one line where text is wanted.
local failure = {}

local class = { __name = "AWS error", __metatable = "AWS error" }

function class.__tostring(err)
  local where = err.operation and err.operation .. ": " or ""
  return where .. tostring(err.code) .. ": " .. tostring(err.message)
end

--- Make an error of these fields, to be raised with `error(…, 0)`; what is one already stays as it is.
---@param fields {code: string, message: string, operation: string?, status: integer?, request_id: string?, fields: table?}
function failure.new(fields)
  if failure.is(fields) then return fields end
  fields.retryable = fields.retryable == true
  return setmetatable(fields, class)
end

--- The same error for those who read why a run has failed: with the place in the playbook where it came up, once.
---@param err any what pcall caught
---@param where string "playbook.lua:12: ", or ""
---@return any
function failure.placed(err, where)
  if type(err) ~= "table" then return err end
  if not failure.is(err) then
    if err.code or err.message or where == "" then return err end
    return where .. "the error that was raised is a table without code or message"
  end
  err.message, err.where = (err.where or "") .. tostring(err.message), nil
  return err
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

-- How AWS's services say that a thing is not there, and that it is there already: as patterns, since the words are many.
local GONE = { "^NoSuch", "NotFound", "^ServiceNotActiveException$", "^InvalidID$" }
local TAKEN = { "AlreadyExist", "%.Duplicate$", "^ResourceConflictException$", "^EntityExists" }
local OTHER_STATE = { "^IncorrectInstanceState$", "^ClusterContains", "^DependencyViolation$", "^DeleteConflict$" }

local function has_code(err, patterns)
  if not failure.is(err) then return false end
  for _, pattern in ipairs(patterns) do
    if tostring(err.code):find(pattern) then return true end
  end
  return false
end

--- Does AWS say that there is no such thing?
---@return boolean
function failure.is_gone(err) return has_code(err, GONE) end

--- Does AWS say that there is such a thing already?
---@return boolean
function failure.is_taken(err) return has_code(err, TAKEN) end

--- Does AWS say that the thing is not in the state for it: something else is in it, or it is on its way out?
---@return boolean
function failure.is_other_state(err) return has_code(err, OTHER_STATE) end

return failure
