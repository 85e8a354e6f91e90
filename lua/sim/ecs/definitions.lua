--- ECS task definitions: families, revisions, and what becomes of them.
local ecs = require "sim.ecs.state"
local failure = require "sim.failure"
local paging = require "sim.paging"
local tags = require "sim.tags"
local value = require "sim.value"

local definitions = { operations = {} }
local operations = definitions.operations

definitions.FIELDS = {
  "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes", "placementConstraints",
  "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode", "proxyConfiguration", "inferenceAccelerators",
  "ephemeralStorage", "runtimePlatform", "enableFaultInjection",
}

-- What AWS writes into a container's definition where nothing was said.
local function complete_container(container)
  local full = value.copy(container)
  full.cpu = full.cpu or 0
  if full.essential == nil then full.essential = true end
  for _, name in ipairs { "environment", "mountPoints", "portMappings", "volumesFrom", "systemControls" } do
    full[name] = full[name] or value.list {}
  end
  return full
end

function definitions.make(state, fields, revision, status)
  local definition = value.pick(fields, definitions.FIELDS)
  definition.containerDefinitions = value.map(fields.containerDefinitions, complete_container)
  for _, name in ipairs { "volumes", "placementConstraints" } do definition[name] = definition[name] or value.list {} end
  revision = revision or (state.revisions[fields.family] or 0) + 1
  state.revisions[fields.family] = math.max(revision, state.revisions[fields.family] or 0)
  definition.revision = revision
  definition.status = status or "ACTIVE"
  definition.compatibilities = value.list { "EC2", "FARGATE" }
  if definition.networkMode ~= "awsvpc" then definition.compatibilities = value.list { "EXTERNAL", "EC2" } end
  definition.registeredAt = fields.registeredAt or state.account:time()
  definition.registeredBy = fields.registeredBy or state.account.caller
  definition.taskDefinitionArn = ecs.arn(state, ("task-definition/%s:%d"):format(fields.family, revision))
  definition.tags = tags.lower.list(fields.tags)
  return state.definitions:put(fields.family .. ":" .. revision, definition)
end

function definitions.describe(definition)
  local shown = {}
  for name, field in pairs(definition) do shown[name] = field end
  shown.tags = nil
  return shown
end

-- Fargate's own rules; AWS names the first that is broken.
local function check(p)
  if #p.containerDefinitions == 0 then
    failure.raise("ClientException", "Container list cannot be empty.")
  end
  if not value.contains(p.requiresCompatibilities, "FARGATE") then return end
  if p.networkMode ~= "awsvpc" then
    failure.raise("ClientException", "Fargate only supports network mode ‘awsvpc’.")
  end
  if not p.cpu then failure.raise("ClientException", "Fargate requires that 'cpu' be defined at the task level.") end
  if not p.memory then
    failure.raise("ClientException", "Fargate requires that 'memory' be defined at the task level.")
  end
  if p.pidMode == "host" then
    failure.raise("ClientException", "Fargate only supports pidMode 'task'.")
  end
end

function operations.RegisterTaskDefinition(state, p)
  check(p)
  local definition = definitions.make(state, p)
  return { taskDefinition = definitions.describe(definition), tags = #definition.tags > 0 and definition.tags or nil }
end

local function find(state, reference)
  local definition = ecs.find_definition(state, reference)
  if not definition then failure.raise("ClientException", "Unable to describe task definition.") end
  return definition
end

function operations.DescribeTaskDefinition(state, p)
  local definition = find(state, p.taskDefinition)
  return { taskDefinition = definitions.describe(definition), tags = ecs.shown_tags(definition, p.include) }
end

function operations.DeregisterTaskDefinition(state, p)
  if not p.taskDefinition:find ":%d+$" then
    failure.raise("ClientException", "Invalid revision number. Number: " .. ecs.name(p.taskDefinition))
  end
  local definition = find(state, p.taskDefinition)
  if definition.status == "ACTIVE" then
    definition.status = "INACTIVE"
    definition.deregisteredAt = state.account:time()
  end
  return { taskDefinition = definitions.describe(definition) }
end

function operations.DeleteTaskDefinitions(state, p)
  local deleted, failures = {}, {}
  for _, reference in ipairs(p.taskDefinitions) do
    local definition = state.definitions:get(ecs.name(reference))
    if not definition then
      failures[#failures + 1] = { arn = reference, reason = "The specified task definition was not found." }
    elseif definition.status == "ACTIVE" then
      failures[#failures + 1] = {
        arn = definition.taskDefinitionArn,
        reason = "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
      }
    else
      definition.status = "DELETE_IN_PROGRESS"
      definition.deleteRequestedAt = state.account:time()
      state.account:after(5000, function()
        state.definitions:remove(definition.family .. ":" .. definition.revision)
      end)
      deleted[#deleted + 1] = definitions.describe(definition)
    end
  end
  return { taskDefinitions = value.list(deleted), failures = value.list(failures) }
end

function operations.ListTaskDefinitions(state, p)
  local status = p.status or "ACTIVE"
  local found = value.filter(state.definitions:all(), function(definition)
    return definition.status == status and (not p.familyPrefix or definition.family == p.familyPrefix)
  end)
  table.sort(found, function(a, b)
    if a.family ~= b.family then return a.family < b.family end
    return a.revision < b.revision
  end)
  local arns = value.map(found, function(definition) return definition.taskDefinitionArn end)
  if p.sort == "DESC" then
    for i = 1, #arns // 2 do arns[i], arns[#arns - i + 1] = arns[#arns - i + 1], arns[i] end
  end
  local page, token = paging.cut(arns, p.nextToken, paging.size(p.maxResults, 100, 100))
  return { taskDefinitionArns = page, nextToken = token }
end

function operations.ListTaskDefinitionFamilies(state, p)
  local active, families = {}, {}
  for definition in state.definitions:each() do
    if active[definition.family] == nil then families[#families + 1] = definition.family end
    active[definition.family] = active[definition.family] or definition.status == "ACTIVE"
  end
  local found = value.filter(value.sorted(families), function(family)
    local fits = family:sub(1, #(p.familyPrefix or "")) == (p.familyPrefix or "")
    return fits and (p.status == "ALL" or not p.status or active[family] == (p.status == "ACTIVE"))
  end)
  local page, token = paging.cut(found, p.nextToken, paging.size(p.maxResults, 100, 100))
  return { families = page, nextToken = token }
end

return definitions
