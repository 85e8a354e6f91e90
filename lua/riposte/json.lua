--- JSON text that comes inside a reply (CloudTrail's events) to Lua values. What it holds may be an attacker's: anything
--- that is not JSON, or is nested deeper than 32, is nil and a reason, never an error.
local json = {}

local DEPTH = 32
local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }
local WORDS = { ["true"] = true, ["false"] = false }

local value_at

local function skip(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

local function fail(at, what)
  error({ reason = ("byte %d: %s"):format(at, what) }, 0)
end

local function unescape(text, from, to)
  local high
  return (text:sub(from, to):gsub("\\(.)(%x?%x?%x?%x?)", function(letter, hex)
    if letter ~= "u" then return (ESCAPES[letter] or fail(from, "no such escape")) .. hex end
    if #hex ~= 4 then fail(from, "expected four hexadecimal digits") end
    local code = tonumber(hex, 16)
    if code >= 0xD800 and code < 0xDC00 then
      high = code
      return ""
    end
    if code >= 0xDC00 and code < 0xE000 then
      if not high then fail(from, "half of a surrogate pair") end
      code, high = 0x10000 + (high - 0xD800) * 0x400 + code - 0xDC00, nil
    end
    return utf8.char(code)
  end))
end

local function string_at(text, at)
  local from = at + 1
  local i = from
  while true do
    i = text:find('["\\]', i)
    if not i then fail(at, "the string has no end") end
    if text:sub(i, i) == '"' then break end
    i = i + 2
  end
  return unescape(text, from, i - 1), i + 1
end

-- Members until the closing bracket: `one` reads one and gives where it ends.
local function members(text, at, close, one)
  at = skip(text, at + 1)
  if text:sub(at, at) == close then return at + 1 end
  while true do
    at = skip(text, one(at))
    local c = text:sub(at, at)
    if c == close then return at + 1 end
    if c ~= "," then fail(at, "expected , or " .. close) end
    at = skip(text, at + 1)
  end
end

local function object_at(text, at, depth)
  local object = {}
  return object, members(text, at, "}", function(from)
    if text:sub(from, from) ~= '"' then fail(from, "expected a name") end
    local key, colon = string_at(text, from)
    colon = skip(text, colon)
    if text:sub(colon, colon) ~= ":" then fail(colon, "expected :") end
    local value, stop = value_at(text, skip(text, colon + 1), depth)
    object[key] = value
    return stop
  end)
end

local function array_at(text, at, depth)
  local array, count = {}, 0
  return array, members(text, at, "]", function(from)
    local value, stop = value_at(text, from, depth)
    count = count + 1
    array[count] = value
    return stop
  end)
end

function value_at(text, at, depth)
  if depth > DEPTH then fail(at, "nested too deep") end
  local c = text:sub(at, at)
  if c == '"' then return string_at(text, at) end
  if c == "{" then return object_at(text, at, depth + 1) end
  if c == "[" then return array_at(text, at, depth + 1) end
  local number = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  if number and tonumber(number) then return tonumber(number), at + #number end
  local word = text:match("^%a+", at)
  if word and WORDS[word] ~= nil then return WORDS[word], at + #word end
  if word == "null" then return nil, at + 4 end
  fail(at, "expected a value")
end

--- The value of a JSON text, or nil and why it is none. null is nil.
---@param text string
---@return any value
---@return string? why
function json.decode(text)
  local ok, value, stop = pcall(value_at, text, skip(text, 1), 0)
  if not ok then
    if type(value) == "table" and value.reason then return nil, value.reason end
    error(value, 0)
  end
  if skip(text, stop) <= #text then return nil, ("byte %d: there is more behind the value"):format(stop) end
  return value
end

return json
