--- JMESPath, the query language of AWS's pagination and waiter models (https://jmespath.org/specification.html): its
--- grammar but for slices, and the functions that those models and playbooks use.
---
--- Expressions are compiled once into closures. JSON's null is Lua's nil, so a null inside a list ends up left out.
local jmespath = {}

-- Tokens ------------------------------------------------------------------------------------------------------------

local SYMBOLS = { "||", "&&", "==", "!=", "<=", ">=", "[]", "[?", ".", "*", "[", "]", "{", "}", "(", ")", ",", ":", "|",
  "<", ">", "!", "@", "&" }

local function fail(source, at, what)
  error(("JMESPath %q, character %d: %s"):format(source, at, what), 0)
end

-- A JSON literal between backquotes: AWS's models hold numbers, strings, booleans and null there.
local function literal(source, at, text)
  text = text:gsub("\\`", "`"):match("^%s*(.-)%s*$")
  local words = { ["true"] = true, ["false"] = false }
  if text == "null" then return nil end
  if words[text] ~= nil then return words[text] end
  if tonumber(text) then return tonumber(text) end
  local quoted = text:match('^"(.*)"$')
  if quoted then return (quoted:gsub("\\(.)", "%1")) end
  if text:find('^[%[{"]') then fail(source, at, "only numbers, strings, booleans and null are literals here") end
  return text
end

local function quoted_end(source, at, quote)
  local i = at + 1
  while i <= #source do
    local c = source:sub(i, i)
    if c == "\\" then
      i = i + 2
    elseif c == quote then
      return i
    else
      i = i + 1
    end
  end
  fail(source, at, "the quote is not closed")
end

local function next_token(source, at)
  local c = source:sub(at, at)
  local name = source:match("^[%a_][%w_]*", at)
  if name then return { type = "name", value = name, at = at }, at + #name end
  local number = source:match("^%-?%d+", at)
  if number then return { type = "number", value = tonumber(number), at = at }, at + #number end
  if c == '"' or c == "'" or c == "`" then
    local stop = quoted_end(source, at, c)
    local text = source:sub(at + 1, stop - 1)
    if c == '"' then return { type = "name", value = (text:gsub("\\(.)", "%1")), quoted = true, at = at }, stop + 1 end
    if c == "'" then return { type = "literal", value = (text:gsub("\\'", "'")), at = at }, stop + 1 end
    return { type = "literal", value = literal(source, at, text), at = at }, stop + 1
  end
  for _, symbol in ipairs(SYMBOLS) do
    if source:sub(at, at + #symbol - 1) == symbol then return { type = symbol, at = at }, at + #symbol end
  end
  fail(source, at, "unexpected " .. c)
end

local function tokens_of(source)
  local tokens, at = {}, 1
  while true do
    at = source:find("%S", at)
    if not at then break end
    tokens[#tokens + 1], at = next_token(source, at)
  end
  tokens[#tokens + 1] = { type = "end", at = #source + 1 }
  return tokens
end

-- Values ------------------------------------------------------------------------------------------------------------

local function is_list(value)
  return type(value) == "table" and (#value > 0 or next(value) == nil)
end

local function truthy(value)
  if value == nil or value == false or value == "" then return false end
  return type(value) ~= "table" or next(value) ~= nil
end

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not equal(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function project(list, of)
  local results = {}
  for _, value in ipairs(list) do
    local result = of(value)
    if result ~= nil then results[#results + 1] = result end
  end
  return results
end

local function sorted(list, key)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy, function(a, b) return key(a) < key(b) end)
  return copy
end

local function sorted_keys(object)
  local keys = {}
  for key in pairs(object) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function itself(value)
  return value
end

local FUNCTIONS = {
  length = function(value)
    if type(value) == "string" then return utf8.len(value) or #value end
    if type(value) ~= "table" then error("JMESPath: length() of what is no text, list or object", 0) end
    return #(is_list(value) and value or sorted_keys(value))
  end,
  contains = function(within, value)
    if type(within) == "string" then return within:find(value, 1, true) ~= nil end
    for _, each in ipairs(within or {}) do
      if equal(each, value) then return true end
    end
    return false
  end,
  starts_with = function(text, start) return text:sub(1, #start) == start end,
  ends_with = function(text, stop) return stop == "" or text:sub(-#stop) == stop end,
  keys = sorted_keys,
  values = function(object) return project(sorted_keys(object), function(key) return object[key] end) end,
  sort = function(list) return sorted(list, itself) end,
  sort_by = function(list, key) return sorted(list, key) end,
  max_by = function(list, key) return sorted(list, key)[#list] end,
  min_by = function(list, key) return sorted(list, key)[1] end,
  max = function(list) return sorted(list, itself)[#list] end,
  min = function(list) return sorted(list, itself)[1] end,
  join = function(glue, list) return table.concat(list, glue) end,
  not_null = function(...)
    for i = 1, select("#", ...) do
      if select(i, ...) ~= nil then return (select(i, ...)) end
    end
  end,
  reverse = function(list)
    local result = {}
    for i = #list, 1, -1 do result[#result + 1] = list[i] end
    return result
  end,
  to_string = tostring,
  to_number = tonumber,
}

local COMPARE = {
  ["=="] = equal,
  ["!="] = function(a, b) return not equal(a, b) end,
  ["<"] = function(a, b) if type(a) == "number" and type(b) == "number" then return a < b end end,
  ["<="] = function(a, b) if type(a) == "number" and type(b) == "number" then return a <= b end end,
  [">"] = function(a, b) if type(a) == "number" and type(b) == "number" then return a > b end end,
  [">="] = function(a, b) if type(a) == "number" and type(b) == "number" then return a >= b end end,
}

-- Grammar: precedence climbing, each node a function of the current value ---------------------------------------------

local POWER = { ["|"] = 1, ["||"] = 2, ["&&"] = 3, ["=="] = 5, ["!="] = 5, ["<"] = 5, ["<="] = 5, [">"] = 5, [">="] = 5,
  ["[]"] = 9, ["*"] = 20, ["[?"] = 21, ["."] = 40, ["["] = 55 }
-- What binds less than this ends a projection's right side.
local PROJECTION_STOP = 10

local Parser = {}
Parser.__index = Parser

function Parser:peek() return self.tokens[self.i] end

function Parser:take(kind)
  local token = self.tokens[self.i]
  if kind and token.type ~= kind then
    fail(self.source, token.at, "expected " .. kind .. ", found " .. token.type)
  end
  self.i = self.i + 1
  return token
end

-- What is applied to each element of a projection.
function Parser:projected()
  local token = self:peek()
  if (POWER[token.type] or 0) < PROJECTION_STOP then return itself end
  if token.type == "." then
    self:take()
    return self:dotted(POWER["."] - 20)
  end
  return self:climb(itself, PROJECTION_STOP)
end

function Parser:dotted(power)
  local token = self:peek()
  if token.type == "*" then
    self:take()
    return self:wildcard(itself)
  end
  if token.type == "[" then return self:multi_list() end
  if token.type == "{" then return self:multi_hash() end
  return self:expression(power)
end

function Parser:wildcard(left)
  local right = self:projected()
  return function(value)
    local object = left(value)
    if type(object) ~= "table" or is_list(object) and #object > 0 then return nil end
    return project(FUNCTIONS.values(object), right)
  end
end

function Parser:list_projection(left, keep)
  local right = self:projected()
  return function(value)
    local list = left(value)
    if not is_list(list) then return nil end
    return project(list, function(each) if keep(each) then return right(each) end end)
  end
end

function Parser:flatten(left)
  local right = self:projected()
  return function(value)
    local list, flat = left(value), {}
    if not is_list(list) then return nil end
    for _, each in ipairs(list) do
      if type(each) == "table" and is_list(each) then
        table.move(each, 1, #each, #flat + 1, flat)
      else
        flat[#flat + 1] = each
      end
    end
    return project(flat, right)
  end
end

function Parser:bracket(left)
  local token = self:take()
  if token.type == "number" then
    self:take("]")
    local index = token.value
    return function(value)
      local list = left(value)
      if type(list) ~= "table" then return nil end
      return list[index < 0 and #list + index + 1 or index + 1]
    end
  end
  if token.type == "*" then
    self:take("]")
    return self:list_projection(left, function() return true end)
  end
  fail(self.source, token.at, "expected an index or *")
end

function Parser:filter(left)
  local condition = self:expression(0)
  self:take("]")
  return self:list_projection(left, function(each) return truthy(condition(each)) end)
end

function Parser:multi_list()
  self:take("[")
  local parts = {}
  repeat
    parts[#parts + 1] = self:expression(0)
    local token = self:take()
    if token.type ~= "," and token.type ~= "]" then fail(self.source, token.at, "expected , or ]") end
  until token.type == "]"
  return function(value)
    if value == nil then return nil end
    return project(parts, function(part) return part(value) end)
  end
end

function Parser:multi_hash()
  self:take("{")
  local parts = {}
  repeat
    local key = self:take("name").value
    self:take(":")
    parts[#parts + 1] = { key = key, of = self:expression(0) }
    local token = self:take()
    if token.type ~= "," and token.type ~= "}" then fail(self.source, token.at, "expected , or }") end
  until token.type == "}"
  return function(value)
    if value == nil then return nil end
    local result = {}
    for _, part in ipairs(parts) do result[part.key] = part.of(value) end
    return result
  end
end

function Parser:call(name, at)
  local fn, arguments = FUNCTIONS[name], {}
  if not fn then fail(self.source, at, "there is no function " .. name) end
  self:take("(")
  while self:peek().type ~= ")" do
    local by_name = self:peek().type == "&"
    if by_name then self:take() end
    local argument = self:expression(0)
    arguments[#arguments + 1] = by_name and function() return argument end or argument
    if self:peek().type ~= ")" then self:take(",") end
  end
  self:take(")")
  return function(value)
    local values = {}
    for i, argument in ipairs(arguments) do values[i] = argument(value) end
    return fn(table.unpack(values, 1, #arguments))
  end
end

local PREFIX = {
  name = function(self, token)
    if not token.quoted and self:peek().type == "(" then return self:call(token.value, token.at) end
    local key = token.value
    return function(value) if type(value) == "table" then return value[key] end end
  end,
  literal = function(_, token) return function() return token.value end end,
  ["@"] = function() return itself end,
  ["*"] = function(self) return self:wildcard(itself) end,
  ["[]"] = function(self) return self:flatten(itself) end,
  ["[?"] = function(self) return self:filter(itself) end,
  ["!"] = function(self)
    local of = self:expression(45)
    return function(value) return not truthy(of(value)) end
  end,
  ["("] = function(self)
    local inner = self:expression(0)
    self:take(")")
    return inner
  end,
  ["{"] = function(self)
    self.i = self.i - 1
    return self:multi_hash()
  end,
  ["["] = function(self)
    local kind = self:peek().type
    if kind == "number" or kind == "*" then return self:bracket(itself) end
    self.i = self.i - 1
    return self:multi_list()
  end,
}

local INFIX = {
  ["."] = function(self, left)
    if self:peek().type == "*" then
      self:take()
      return self:wildcard(left)
    end
    local right = self:dotted(POWER["."])
    return function(value)
      local inner = left(value)
      if inner == nil then return nil end
      return right(inner)
    end
  end,
  ["|"] = function(self, left)
    local right = self:expression(POWER["|"])
    return function(value) return right(left(value)) end
  end,
  ["||"] = function(self, left)
    local right = self:expression(POWER["||"])
    return function(value)
      local first = left(value)
      if truthy(first) then return first end
      return right(value)
    end
  end,
  ["&&"] = function(self, left)
    local right = self:expression(POWER["&&"])
    return function(value)
      local first = left(value)
      if not truthy(first) then return first end
      return right(value)
    end
  end,
  ["["] = function(self, left) return self:bracket(left) end,
  ["[]"] = function(self, left) return self:flatten(left) end,
  ["[?"] = function(self, left) return self:filter(left) end,
}

for symbol, compare in pairs(COMPARE) do
  INFIX[symbol] = function(self, left)
    local right = self:expression(POWER[symbol])
    return function(value) return compare(left(value), right(value)) end
  end
end

function Parser:climb(left, power)
  while true do
    local token = self:peek()
    if (POWER[token.type] or 0) <= power or not INFIX[token.type] then return left end
    self:take()
    left = INFIX[token.type](self, left)
  end
end

function Parser:expression(power)
  local token = self:take()
  local prefix = PREFIX[token.type]
  if not prefix then fail(self.source, token.at, "unexpected " .. token.type) end
  return self:climb(prefix(self, token), power)
end

local compiled = {}

--- The value that `expression` finds in `value`, or nil. Raises an error that names the character for a bad expression.
---@param expression string
---@param value any
function jmespath.search(expression, value)
  local find = compiled[expression]
  if not find then
    local parser = setmetatable({ source = expression, tokens = tokens_of(expression), i = 1 }, Parser)
    find = parser:expression(0)
    parser:take("end")
    compiled[expression] = find
  end
  return find(value)
end

return jmespath
