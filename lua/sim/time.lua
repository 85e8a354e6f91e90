--- Moments: milliseconds since the epoch, and the text AWS's replies have.
local time = {}

--- "2025-11-02T14:14:09Z", with a fraction only where there is one.
function time.text(ms)
  local seconds, rest = ms // 1000, ms % 1000
  local whole = os.date("!%Y-%m-%dT%H:%M:%S", seconds)
  return rest == 0 and whole .. "Z" or ("%s.%03dZ"):format(whole, rest)
end

-- Days since the epoch of a date of the proleptic Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local era = year // 400
  local of_era = year - era * 400
  local of_year = (153 * (month - 3) + 2) // 5 + day - 1
  return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
end

--- Milliseconds of an RFC 3339 text in UTC, or of a number of seconds; nil if it is neither.
function time.parse(moment)
  if math.type(moment) then return math.tointeger(moment * 1000 // 1) end
  if type(moment) ~= "string" then return nil end
  local y, mo, d, h, mi, s, fraction = moment:match "^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(%.?%d*)[Zz]$"
  if not y or tonumber(mo) < 1 or tonumber(mo) > 12 then return nil end
  local seconds = days(y // 1, mo // 1, d // 1) * 86400 + h * 3600 + mi * 60 + s
  local ms = #fraction > 1 and tonumber("0" .. fraction) * 1000 // 1 or 0
  return math.tointeger(seconds * 1000 + ms)
end

return time
