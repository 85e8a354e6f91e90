--- Things by key, in the order in which they came: what an account iterates must not depend on Lua's hashing.
local collection = {}
collection.__index = collection

local order_of = setmetatable({}, { __mode = "k" })
local count = 0

function collection.new()
  return setmetatable({ by_key = {}, keys = {}, gaps = 0 }, collection)
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

-- Keys of things that went are left behind and swept when they are the most of all.
local function sweep(self)
  local kept, seen = {}, {}
  for i = #self.keys, 1, -1 do
    local key = self.keys[i]
    if self.by_key[key] ~= nil and not seen[key] then
      seen[key] = true
      kept[#kept + 1] = key
    end
  end
  self.keys, self.gaps = {}, 0
  for i = #kept, 1, -1 do self.keys[#self.keys + 1] = kept[i] end
end

function collection:remove(key)
  local thing = self.by_key[key]
  if thing == nil then return nil end
  self.by_key[key] = nil
  sweep(self)
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
