--- Task definitions as data: from what DescribeTaskDefinition tells to what RegisterTaskDefinition wants.
local revision = {}

-- All that RegisterTaskDefinition takes and DescribeTaskDefinition tells (the ECS API reference); tags come beside.
local CARRIED = {
  "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes", "placementConstraints",
  "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode", "proxyConfiguration", "inferenceAccelerators",
  "ephemeralStorage", "runtimePlatform", "enableFaultInjection",
}

--- What must be asked of RegisterTaskDefinition for the same definition again.
---@param definition table as DescribeTaskDefinition gives it
---@param tags table?
function revision.request_of(definition, tags)
  local request = {}
  for _, name in ipairs(CARRIED) do request[name] = definition[name] end
  if tags and #tags > 0 then request.tags = tags end
  return request
end

--- A copy that can be changed without changing the original.
function revision.copy(value)
  if type(value) ~= "table" or next(value) == nil then return value end -- an empty list keeps its mark as a list
  local result = {}
  if #value > 0 then
    for i, each in ipairs(value) do result[i] = revision.copy(each) end
  else
    for key, each in pairs(value) do result[key] = revision.copy(each) end
  end
  return result
end

--- Are they the same, member by member?
function revision.equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not revision.equal(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

return revision
