--- What will happen by itself, and when: tasks that stop, instances that come up.
local agenda = {}
agenda.__index = agenda

function agenda.new()
  return setmetatable({ entries = {}, count = 0 }, agenda)
end

--- Call fn(...) at the moment `at`; what is due at the same moment comes in the order in which it was added.
function agenda:add(at, fn, ...)
  self.count = self.count + 1
  local entries = self.entries
  local low, high = 1, #entries + 1
  while low < high do
    local middle = (low + high) // 2
    if entries[middle].at <= at then low = middle + 1 else high = middle end
  end
  table.insert(entries, low, { at = at, fn = fn, arguments = table.pack(...) })
end

--- When the next thing is due, or nil.
function agenda:next()
  return self.entries[1] and self.entries[1].at
end

--- Take the next thing if it is due at `now`.
function agenda:take(now)
  if #self.entries > 0 and self.entries[1].at <= now then return table.remove(self.entries, 1) end
end

return agenda
