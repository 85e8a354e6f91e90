--- Errors that AWS answers with: raised inside operations, caught where the call came in.
local failure = {}

local class = { __name = "AWS error" }

--- Raise the error. `status` is HTTP's, 400 unless given.
function failure.raise(code, message, status)
  error(setmetatable({ code = code, message = message, status = status or 400 }, class), 0)
end

function failure.is(value)
  return getmetatable(value) == class
end

return failure
