--- Amazon ECS: the parts put together, its seed, and what it shows of itself.
local clusters = require "sim.ecs.clusters"
local definitions = require "sim.ecs.definitions"
local instances = require "sim.ecs.instances"
local services = require "sim.ecs.services"
local state_of = require "sim.ecs.state"
local tasks = require "sim.ecs.tasks"
local value = require "sim.value"

local ecs = { operations = {}, throttle = { code = "ThrottlingException", message = "Rate exceeded", status = 400 } }

for _, part in ipairs { clusters, definitions, tasks, services, instances } do
  for name, operation in pairs(part.operations) do ecs.operations[name] = operation end
end

function ecs.open(state)
  state_of.open(state)
  tasks.open(state)
  state.reconcile = services.reconcile
  function state.instance_lost(id) instances.lost(state, id) end
end

-- The seed ------------------------------------------------------------------------------------------------------------

local function seed_role(state, cursor, name)
  local given = cursor:text(name)
  if given and not given:find "^arn:" then return state.account:arn("iam", "", "role/" .. given) end
  return given
end

local function seed_definition(state, cursor)
  local family = cursor:required "family"
  if #(cursor:raw("containerDefinitions", "table") or {}) == 0 then cursor:mistake("containerDefinitions", "is missing") end
  local fields = cursor:pick(definitions.FIELDS, {})
  for _, name in ipairs { "taskRoleArn", "executionRoleArn" } do fields[name] = seed_role(state, cursor, name) end
  fields.registeredAt, fields.registeredBy = cursor:time "registeredAt", cursor:text "registeredBy"
  fields.tags = cursor:tags("tags", "lower")
  local revision = cursor:number "revision"
  if revision and state.definitions:get(family .. ":" .. revision) then cursor:mistake("revision", "is there already") end
  definitions.make(state, fields, revision, cursor:text "status")
end

local function find_definition(state, cursor)
  local reference = cursor:required "taskDefinition"
  local definition = state_of.find_definition(state, reference)
  if not definition then cursor:mistake("taskDefinition", "there is no task definition " .. reference) end
  return definition
end

local function seed_service(state, cluster, cursor)
  local fields = cursor:pick(services.FIELDS, {})
  fields.serviceName = cursor:required "serviceName"
  fields.desiredCount = cursor:number("desiredCount", 1)
  fields.createdAt, fields.createdBy = cursor:time "createdAt", cursor:text "createdBy"
  fields.tags = cursor:tags("tags", "lower")
  if cluster.services:get(fields.serviceName) then cursor:mistake("serviceName", "is there already") end
  services.make(state, cluster, fields, find_definition(state, cursor), true)
end

local function seed_tasks(state, cluster, cursor)
  local definition = find_definition(state, cursor)
  local fields = cursor:pick({ "startedBy", "group", "overrides" }, {})
  fields.tags = cursor:tags("tags", "lower")
  fields.createdAt = cursor:time "createdAt"
  local default = definition.networkMode == "awsvpc" and "FARGATE" or tasks.launch_type(cluster, {})
  fields.launchType = cursor:text("launchType", default)
  for _ = 1, cursor:number("count", 1) do tasks.start(state, cluster, definition, fields, true) end
end

local function seed_cluster(state, cursor)
  local fields = cursor:pick({
    "settings", "configuration", "capacityProviders", "defaultCapacityProviderStrategy", "serviceConnectDefaults",
  }, {})
  fields.clusterName, fields.tags = cursor:required "clusterName", cursor:tags("tags", "lower")
  if state.clusters:get(fields.clusterName) then cursor:mistake("clusterName", "is there already") end
  local cluster = clusters.make(state, fields)
  cursor:each("containerInstances", function(below)
    local instance = below:pick({ "status" }, { ec2InstanceId = below:required "ec2InstanceId" })
    instance.registeredAt, instance.tags = below:time "registeredAt", below:tags("tags", "lower")
    instances.make(state, cluster, instance)
  end)
  cursor:each("services", function(below) seed_service(state, cluster, below) end)
  cursor:each("tasks", function(below) seed_tasks(state, cluster, below) end)
end

function ecs.seed(state, cursor)
  cursor:each("taskDefinitions", function(below) seed_definition(state, below) end)
  cursor:each("clusters", function(below) seed_cluster(state, below) end)
end

-- The snapshot --------------------------------------------------------------------------------------------------------

local MOVING <const> = { "createdAt", "startedAt", "stoppingAt", "registeredAt", "deregisteredAt", "events" }

local function still(fields)
  for _, name in ipairs(MOVING) do fields[name] = nil end
  return fields
end

local function show_cluster(cluster, put)
  local include = { "TAGS", "SETTINGS", "CONFIGURATIONS" }
  put(cluster.clusterArn, clusters.describe(cluster, include))
  for service in cluster.services:each() do
    if service.status ~= "INACTIVE" then
      local shown = still(services.describe(cluster, service, include))
      shown.deployments = nil -- the primary one has what the service has
      put(service.serviceArn, shown)
    end
  end
  for task in cluster.tasks:each() do
    if task.lastStatus ~= "STOPPED" then put(task.taskArn, still(tasks.describe(task, include))) end
  end
  for instance in cluster.instances:each() do
    put(instance.containerInstanceArn, still(instances.describe(cluster, instance, include)))
  end
end

function ecs.snapshot(state, put)
  for cluster in state.clusters:each() do
    if cluster.status == "ACTIVE" then show_cluster(cluster, put) end
  end
  for definition in state.definitions:each() do
    local shown = still(definitions.describe(definition))
    shown.tags = value.copy(definition.tags)
    put(definition.taskDefinitionArn, shown)
  end
  for provider in state.providers:each() do put(provider.capacityProviderArn, provider) end
end

return ecs
