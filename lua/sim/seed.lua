--- Reading a seed: every mistake is told with its path.
local policy = require "sim.policy"
local tags = require "sim.tags"
local time = require "sim.time"
local value = require "sim.value"

local seed = {}
local Cursor = {}
Cursor.__index = Cursor

local class = { __name = "seed mistake" }

--- Stop with a mistake at `path`.
function seed.mistake(path, message)
  error(setmetatable({ message = (path ~= "" and path .. ": " or "") .. message }, class), 0)
end

function seed.is_mistake(err)
  return getmetatable(err) == class
end

--- Look into the table at `path`. `account` supplies times and ids.
function seed.cursor(account, from, path)
  if type(from) ~= "table" then seed.mistake(path, "expected a table, found a " .. type(from)) end
  return setmetatable({ account = account, from = from, path = path, used = {} }, Cursor)
end

--- The path of a field.
function Cursor:at(name)
  return self.path == "" and name or self.path .. "." .. name
end

function Cursor:mistake(name, message)
  seed.mistake(name and self:at(name) or self.path, message)
end

--- The field as it stands, checked to be of a Lua type if one is given.
function Cursor:raw(name, expected)
  local found = self.from[name]
  self.used[name] = true
  if found ~= nil and expected and type(found) ~= expected then
    self:mistake(name, ("expected a %s, found a %s"):format(expected, type(found)))
  end
  return found
end

function Cursor:text(name, default)
  local found = self:raw(name, "string")
  if found == nil then return default end
  return found
end

function Cursor:required(name)
  local found = self:raw(name, "string")
  if found == nil or found == "" then self:mistake(name, "is missing") end
  return found
end

function Cursor:number(name, default)
  local found = self:raw(name, "number")
  if found == nil then return default end
  return found
end

function Cursor:flag(name, default)
  local found = self:raw(name, "boolean")
  if found == nil then return default end
  return found
end

--- A moment as AWS's text; a day before the account's first moment unless given.
function Cursor:time(name)
  local found = self:raw(name)
  if found == nil then return self.account.yesterday end
  local ms = time.parse(found)
  if not ms then self:mistake(name, "expected a time such as 2025-11-02T14:24:00Z") end
  return time.text(ms)
end

--- A policy document as JSON text.
function Cursor:document(name)
  local found = self:raw(name)
  if type(found) == "table" then return policy.text(found) end
  if found ~= nil and type(found) ~= "string" then self:mistake(name, "expected a table or JSON text") end
  return found
end

--- Tags in AWS's spelling of the service, "upper" or "lower".
function Cursor:tags(name, spelling)
  local found = self:raw(name, "table") or {}
  local key = spelling == "lower" and "key" or "Key"
  for i, tag in ipairs(found) do
    if type(tag) ~= "table" or type(tag[key]) ~= "string" then
      seed.mistake(("%s[%d]"):format(self:at(name), i), "expected a tag with " .. key)
    end
  end
  return tags[spelling or "upper"].list(found)
end

--- A list of plain texts.
function Cursor:texts(name)
  local found = self:raw(name, "table") or {}
  for i, item in ipairs(found) do
    if type(item) ~= "string" then seed.mistake(("%s[%d]"):format(self:at(name), i), "expected a text") end
  end
  return value.list(table.move(found, 1, #found, 1, {}))
end

--- A table below, as a cursor; nil where there is none.
function Cursor:below(name)
  local found = self:raw(name, "table")
  return found and seed.cursor(self.account, found, self:at(name))
end

--- Call fn(cursor) for each entry of a list of tables; entries must use all their fields.
function Cursor:each(name, fn)
  local found = self:raw(name, "table") or {}
  if next(found) ~= nil and #found == 0 then self:mistake(name, "expected a list") end
  for i, item in ipairs(found) do
    local cursor = seed.cursor(self.account, item, ("%s[%d]"):format(self:at(name), i))
    fn(cursor)
    cursor:finish()
  end
end

--- Copies of the fields that `names` lists, as they stand, into `into`.
function Cursor:pick(names, into)
  for _, name in ipairs(names) do into[name] = self:raw(name) end
  return into
end

--- Complain about a field that nobody asked for.
function Cursor:finish()
  local unknown = {}
  for name in pairs(self.from) do
    if not self.used[name] then unknown[#unknown + 1] = tostring(name) end
  end
  table.sort(unknown)
  if unknown[1] then self:mistake(unknown[1], "there is no such field here; docs/DRILLS.md lists them") end
end

return seed
