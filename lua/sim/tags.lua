--- Tags, kept as a list of {key, value} in AWS's spelling of the service: {Key, Value} or {key, value}.
local value = require "sim.value"

local tags = {}

--- Tools for one spelling.
function tags.spelled(key, val)
  local own = {}

  --- A list from a list, or from {name = text} sorted by name.
  function own.list(given)
    local result = {}
    if given and #given > 0 then
      for i, tag in ipairs(given) do result[i] = { [key] = tag[key], [val] = tag[val] or "" } end
    else
      for name, text in pairs(given or {}) do result[#result + 1] = { [key] = name, [val] = tostring(text) } end
      table.sort(result, function(a, b) return a[key] < b[key] end)
    end
    return value.list(result)
  end

  --- The list with tags added or replaced.
  function own.set(list, added)
    local result = own.list(list)
    for _, tag in ipairs(added or {}) do
      local at = value.find(result, function(old) return old[key] == tag[key] end)
      result[at or #result + 1] = { [key] = tag[key], [val] = tag[val] or "" }
    end
    return result
  end

  --- The list without the tags of these names.
  function own.remove(list, names)
    return value.filter(list, function(tag) return not value.contains(names, tag[key]) end)
  end

  function own.get(list, name)
    local _, tag = value.find(list, function(each) return each[key] == name end)
    return tag and tag[val]
  end

  return own
end

tags.upper = tags.spelled("Key", "Value")
tags.lower = tags.spelled("key", "value")

return tags
