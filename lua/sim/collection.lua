--- Things by key, in the order in which they came: what an account iterates must not depend on Lua's hashing.
local collection = {}
collection.__index = collection

local order_of = setmetatable({}, { __mode = "k" })
local count = 0

function collection.new()
  return setmetatable({ by_key = {}, keys = {} }, collection)
end

--- The place of a thing in the order in which all things came, which stays when others go; nil for other values.
function collection.order(thing)
  return order_of[thing]
end

function collection:get(key)
  return self.by_key[key]
end

function collection:put(key, thing)
  if self.by_key[key] == nil then
    self.keys[#self.keys + 1] = key
    count = count + 1
    order_of[thing] = count
  end
  self.by_key[key] = thing
  return thing
end

function collection:remove(key)
  local thing = self.by_key[key]
  if thing == nil then return nil end
  self.by_key[key] = nil
  for i, each in ipairs(self.keys) do
    if each == key then
      table.remove(self.keys, i)
      break
    end
  end
  return thing
end

function collection:size()
  return #self.keys
end

--- The things in order, in a new sequence.
function collection:all()
  local things = {}
  for i, key in ipairs(self.keys) do things[i] = self.by_key[key] end
  return things
end

--- Iterate over a copy, so that things may come and go meanwhile.
function collection:each()
  local things, i = self:all(), 0
  return function()
    i = i + 1
    return things[i]
  end
end

return collection
