--- Lists and iterators.
local list = {}

--- All that an iterator gives, in a list.
---@param iterator fun(): any
---@return any[]
function list.all(iterator)
  local all = {}
  for each in iterator do all[#all + 1] = each end
  return all
end

--- Iterate over a list in parts of at most `size`: many operations take only so many names at once.
---@param from any[]
---@param size integer
---@return fun(): any[]?
function list.batches(from, size)
  local i = 1 - size
  return function()
    i = i + size
    if i <= #from then return table.move(from, i, math.min(i + size - 1, #from), 1, {}) end
  end
end

--- Put what `from` holds behind what `to` holds.
function list.append(to, from)
  return table.move(from, 1, #from, #to + 1, to)
end

return list
