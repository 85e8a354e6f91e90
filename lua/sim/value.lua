--- Small tools for values: lists that stay lists when they are empty, copies, lookups.
local host = require "sim.host"

local value = {}

--- Mark a sequence as an array, so that an empty one is not taken for an object. Returns it.
value.list = host.array

--- A list of what `fn` makes of each item; nil is left out.
function value.map(items, fn)
  local result = {}
  for _, item in ipairs(items) do result[#result + 1] = fn(item) end
  return value.list(result)
end

--- A list of the items that `fn` is true for.
function value.filter(items, fn)
  local result = {}
  for _, item in ipairs(items) do
    if fn(item) then result[#result + 1] = item end
  end
  return value.list(result)
end

--- A deep copy; arrays stay arrays.
function value.copy(original)
  if type(original) ~= "table" then return original end
  local result = {}
  for key, item in pairs(original) do result[key] = value.copy(item) end
  return (#original > 0 or getmetatable(original) == "array") and value.list(result) or result
end

--- The fields of `from` that `names` lists, in a new table, or in `into`.
function value.pick(from, names, into)
  into = into or {}
  for _, name in ipairs(names) do into[name] = from[name] end
  return into
end

function value.contains(items, wanted)
  for _, item in ipairs(items or {}) do
    if item == wanted then return true end
  end
  return false
end

--- The index of the first item that `fn` is true for, and the item.
function value.find(items, fn)
  for i, item in ipairs(items or {}) do
    if fn(item) then return i, item end
  end
end

--- Lua's own order by a field: the order in which AWS lists names.
function value.sorted(items, field)
  local result = {}
  for i, item in ipairs(items) do result[i] = item end
  table.sort(result, function(a, b)
    if field then return a[field] < b[field] end
    return a < b
  end)
  return value.list(result)
end

return value
