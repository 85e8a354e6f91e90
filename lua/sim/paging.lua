--- Lists in pages, with tokens that stay good while things come and go between two pages.
local collection = require "sim.collection"
local failure = require "sim.failure"
local value = require "sim.value"

local paging = {}

local function after(items, token, refuse)
  local kind, place = token:match "^([op])(%x+)$"
  if not kind then refuse() end
  place = tonumber(place, 16)
  if kind == "p" then return place + 1 end
  for i, item in ipairs(items) do
    if collection.order(item) > place then return i end
  end
  return #items + 1
end

--- The page of `items` that `token` (nil: the first) leads to, at most `size` long, and the token of the next or nil.
--- `refuse()` raises the service's own error for a token that is none.
function paging.cut(items, token, size, refuse)
  local first = 1
  if token and token ~= "" then first = after(items, token, refuse or paging.refuse) end
  local page = value.list(table.move(items, first, math.min(first + size - 1, #items), 1, {}))
  local last = first + size - 1
  if last >= #items or size < 1 then return page, nil end
  local order = type(items[last]) == "table" and collection.order(items[last])
  return page, order and ("o%08x"):format(order) or ("p%08x"):format(last)
end

function paging.refuse()
  failure.raise("InvalidParameterException", "Invalid token.")
end

--- A page size as asked for, at most `most`; `default` where none is.
function paging.size(asked, default, most)
  return math.max(1, math.min(asked or default, most))
end

return paging
