--- Spans of time as people write them: 5 (seconds), "500ms", "5s", "2m", "1h", "1d".
local duration = {}

local MS = { ms = 1, s = 1000, m = 60000, h = 3600000, d = 86400000 }

--- Milliseconds, a whole number. Raises an error that names `what` when it is no span of time.
---@param span number|string
---@param what string for the error: the parameter it came from
---@return integer
function duration.ms(span, what)
  local ms
  if type(span) == "number" then
    ms = span * 1000
  elseif type(span) == "string" then
    local number, unit = span:match("^%s*(%d+%.?%d*)%s*(%a+)%s*$")
    if number and MS[unit] then ms = tonumber(number) * MS[unit] end
  end
  if not ms or ms ~= ms or ms < 0 or ms > 366 * MS.d then
    error(("%s: expected seconds or a span like \"5s\", \"2m\", \"1h\", got %s"):format(what, tostring(span)), 3)
  end
  return ms // 1 | 0
end

return duration
