--- Moments: milliseconds since 1970-01-01T00:00:00Z, as run:now gives them, and RFC 3339 text, as AWS writes them.
local time = {}

local DAY = 86400

-- Days since 1970-01-01 in the proleptic Gregorian calendar, and back (Howard Hinnant, "chrono-Compatible Low-Level
-- Date Algorithms": years are counted from March, so that the leap day is the last of its year).
local function days_of(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = year // 400
  local of_era = year - era * 400
  local of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
end

local function date_of(days)
  days = days + 719468
  local era = days // 146097
  local of_era = days - era * 146097
  local year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
  local of_year = of_era - (365 * year + year // 4 - year // 100)
  local month = (5 * of_year + 2) // 153
  local day = of_year - (153 * month + 2) // 5 + 1
  month = month < 10 and month + 3 or month - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

--- "2025-11-02T14:14:09Z"; what is less than a second is cut off.
---@param ms integer
---@return string
function time.text(ms)
  local seconds = ms // 1000
  local year, month, day = date_of(seconds // DAY)
  local rest = seconds % DAY
  return ("%04d-%02d-%02dT%02d:%02d:%02dZ"):format(year, month, day, rest // 3600, rest % 3600 // 60, rest % 60)
end

--- Milliseconds of an RFC 3339 time, of a number of seconds, or nil when it is neither.
---@param moment any
---@return integer?
function time.ms(moment)
  if type(moment) == "number" then return (moment * 1000) // 1 | 0 end
  if type(moment) ~= "string" or #moment > 40 then return nil end
  local year, month, day, hour, minute, second, rest =
    moment:match("^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(.*)$")
  if not year then return nil end
  local fraction, zone = rest:match("^(%.?%d*)(.*)$")
  local sign, zone_hour, zone_minute = zone:match("^([+-])(%d%d):?(%d%d)$")
  if not sign and zone ~= "Z" and zone ~= "z" then return nil end
  local days = days_of(tonumber(year), tonumber(month), tonumber(day))
  local seconds = days * DAY + hour * 3600 + minute * 60 + second
  if sign then
    local offset = zone_hour * 3600 + zone_minute * 60
    seconds = sign == "+" and seconds - offset or seconds + offset
  end
  local ms = #fraction > 1 and tonumber("0" .. fraction) * 1000 or 0
  return (seconds * 1000 + ms) // 1 | 0
end

return time
