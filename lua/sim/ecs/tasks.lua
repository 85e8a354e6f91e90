--- ECS tasks: they come up and stop over some seconds, as on Fargate.
local collection = require "sim.collection"
local ecs = require "sim.ecs.state"
local failure = require "sim.failure"
local paging = require "sim.paging"
local tags = require "sim.tags"
local value = require "sim.value"

local tasks = { operations = {} }
local operations = tasks.operations

local PENDING_MS <const>, RUNNING_MS <const>, STOPPED_MS <const> = 2000, 8000, 4000
local KEPT_MS <const> = 3600 * 1000 -- so long a stopped task can still be described

local function noticed(state, cluster, task)
  local service = task.group and task.group:match "^service:(.+)$"
  service = service and cluster.services:get(service)
  if service then state.reconcile(state, cluster, service) end
end

local function containers_of(state, cluster, task, definition)
  local result = {}
  for i, container in ipairs(definition.containerDefinitions) do
    result[i] = {
      containerArn = ecs.arn(state, ("container/%s/%s/%s"):format(cluster.clusterName, task.id, state.account.ids:uuid())),
      taskArn = task.taskArn, name = container.name, image = container.image, lastStatus = "PENDING",
      networkInterfaces = value.list {}, cpu = tostring(container.cpu or 0),
    }
  end
  return value.list(result)
end

-- The container instance with the fewest tasks, where one is needed.
local function place(cluster, launch_type)
  if launch_type == "FARGATE" then return nil end
  local best, least
  for instance in cluster.instances:each() do
    if instance.status == "ACTIVE" then
      local used = #value.filter(cluster.tasks:all(), function(task)
        return task.containerInstanceArn == instance.containerInstanceArn and task.lastStatus ~= "STOPPED"
      end)
      if not least or used < least then best, least = instance, used end
    end
  end
  return best
end

local function set_status(task, status)
  task.lastStatus = status
  for _, container in ipairs(task.containers) do
    container.lastStatus = status == "RUNNING" and "RUNNING" or status == "STOPPED" and "STOPPED" or "PENDING"
  end
end

local function come_up(state, cluster, task, status)
  if task.desiredStatus ~= "RUNNING" then return end
  set_status(task, status)
  if status == "RUNNING" then
    task.startedAt = state.account:time()
    noticed(state, cluster, task)
  end
end

--- Can a task of this launch type be placed in the cluster now?
function tasks.can_place(cluster, launch_type)
  return launch_type == "FARGATE" or launch_type == "EXTERNAL" or place(cluster, launch_type) ~= nil
end

--- Start a task. `fields`: launchType, group, startedBy, tags, overrides, platformVersion, containerInstance; with
--- `running` it is up already, as at the start of a drill.
function tasks.start(state, cluster, definition, fields, running)
  local account = state.account
  local id = fields.id or account.ids:hex(32)
  local on = fields.containerInstance or place(cluster, fields.launchType)
  local task = {
    id = id,
    taskArn = ecs.arn(state, ("task/%s/%s"):format(cluster.clusterName, id)),
    clusterArn = cluster.clusterArn,
    taskDefinitionArn = definition.taskDefinitionArn,
    containerInstanceArn = on and on.containerInstanceArn,
    launchType = fields.launchType,
    group = fields.group or "family:" .. definition.family,
    startedBy = fields.startedBy,
    desiredStatus = "RUNNING",
    lastStatus = "PROVISIONING",
    cpu = definition.cpu, memory = definition.memory,
    overrides = fields.overrides,
    platformVersion = fields.launchType == "FARGATE" and "1.4.0" or nil,
    enableExecuteCommand = fields.enableExecuteCommand or false,
    createdAt = fields.createdAt or account:time(),
    tags = tags.lower.list(fields.tags),
  }
  task.containers = containers_of(state, cluster, task, definition)
  cluster.tasks:put(id, task)
  if running then
    set_status(task, "RUNNING")
    task.startedAt = task.createdAt
  else
    account:after(PENDING_MS, come_up, state, cluster, task, "PENDING")
    account:after(RUNNING_MS, come_up, state, cluster, task, "RUNNING")
  end
  return task
end

--- Stop a task that runs or comes up. Stopping one twice changes nothing.
function tasks.stop(state, cluster, task, reason, code)
  if task.desiredStatus == "STOPPED" then return end
  local account = state.account
  task.desiredStatus = "STOPPED"
  task.stoppedReason, task.stopCode = reason, code
  task.stoppingAt = account:time()
  task.lastStatus = task.lastStatus == "RUNNING" and "DEACTIVATING" or "DEPROVISIONING"
  account:after(STOPPED_MS, function()
    set_status(task, "STOPPED")
    task.stoppedAt = account:time()
    state.stopped:put(task.id, { task = task, cluster = cluster, at = account.now })
    noticed(state, cluster, task)
  end)
end

-- Tasks that stopped more than an hour ago are forgotten when somebody looks.
local function forget(state)
  for entry in state.stopped:each() do
    if state.account.now - entry.at < KEPT_MS then return end
    entry.cluster.tasks:remove(entry.task.id)
    state.stopped:remove(entry.task.id)
  end
end

function tasks.open(state)
  state.stopped = collection.new()
end

local SHOWN <const> = {
  "taskArn", "clusterArn", "taskDefinitionArn", "containerInstanceArn", "launchType", "group", "startedBy",
  "desiredStatus", "lastStatus", "cpu", "memory", "platformVersion", "enableExecuteCommand", "createdAt", "startedAt",
  "stoppingAt", "stoppedAt", "stoppedReason", "stopCode", "containers",
}

function tasks.describe(task, include)
  local shown = value.pick(task, SHOWN)
  shown.overrides = task.overrides or { containerOverrides = value.list {} }
  shown.attachments, shown.attributes = value.list {}, value.list {}
  shown.version = 1
  shown.tags = ecs.shown_tags(task, include) or value.list {}
  return shown
end

local function launch_type(cluster, p)
  if p.launchType then return p.launchType end
  local strategy = p.capacityProviderStrategy or cluster.defaultCapacityProviderStrategy
  local provider = strategy and strategy[1] and strategy[1].capacityProvider
  return provider and provider:find "^FARGATE" and "FARGATE" or "EC2"
end
tasks.launch_type = launch_type

function operations.RunTask(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  local definition = ecs.usable_definition(state, p.taskDefinition)
  local kind = launch_type(cluster, p)
  if definition.networkMode == "awsvpc" and not p.networkConfiguration then
    failure.raise("InvalidParameterException",
      "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
  end
  if not tasks.can_place(cluster, kind) then
    failure.raise("InvalidParameterException", "No Container Instances were found in your cluster.")
  end
  local started = {}
  for i = 1, p.count or 1 do
    started[i] = tasks.describe(tasks.start(state, cluster, definition, {
      launchType = kind, group = p.group, startedBy = p.startedBy, tags = p.tags, overrides = p.overrides,
      enableExecuteCommand = p.enableExecuteCommand,
    }), { "TAGS" })
  end
  return { tasks = value.list(started), failures = value.list {} }
end

function operations.StartTask(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  local definition = ecs.usable_definition(state, p.taskDefinition)
  local started, failures = {}, {}
  for _, reference in ipairs(p.containerInstances) do
    local instance = cluster.instances:get(ecs.name(reference))
    if instance then
      started[#started + 1] = tasks.describe(tasks.start(state, cluster, definition, {
        launchType = "EC2", containerInstance = instance, group = p.group, startedBy = p.startedBy, tags = p.tags,
        overrides = p.overrides,
      }), { "TAGS" })
    else
      failures[#failures + 1] = { arn = reference, reason = "MISSING" }
    end
  end
  return { tasks = value.list(started), failures = value.list(failures) }
end

function operations.StopTask(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  local task = cluster.tasks:get(ecs.name(p.task))
  if not task then failure.raise("InvalidParameterException", "The referenced task was not found.") end
  tasks.stop(state, cluster, task, p.reason or "Task stopped by user", "UserInitiated")
  return { task = tasks.describe(task) }
end

function operations.DescribeTasks(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  forget(state)
  if #p.tasks > 100 then failure.raise("InvalidParameterException", "Tasks cannot have more than 100 elements.") end
  local found, failures = {}, {}
  for _, reference in ipairs(p.tasks) do
    local task = cluster.tasks:get(ecs.name(reference))
    if task then
      found[#found + 1] = tasks.describe(task, p.include)
    else
      local arn = ecs.arn(state, ("task/%s/%s"):format(cluster.clusterName, ecs.name(reference)))
      failures[#failures + 1] = { arn = arn, reason = "MISSING" }
    end
  end
  return { tasks = value.list(found), failures = value.list(failures) }
end

local function listed(task, p, instance)
  local definition = task.taskDefinitionArn:match "/(.+):%d+$"
  return task.desiredStatus == (p.desiredStatus == "STOPPED" and "STOPPED" or "RUNNING")
    and (not p.serviceName or task.group == "service:" .. ecs.name(p.serviceName))
    and (not p.family or definition == p.family)
    and (not p.startedBy or task.startedBy == p.startedBy)
    and (not p.launchType or task.launchType == p.launchType)
    and (not instance or task.containerInstanceArn == instance.containerInstanceArn)
end

function operations.ListTasks(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  forget(state)
  if p.serviceName then ecs.service(cluster, p.serviceName) end
  local instance = p.containerInstance and cluster.instances:get(ecs.name(p.containerInstance))
  if p.containerInstance and not instance then
    failure.raise("InvalidParameterException", "The referenced container instance was not found.")
  end
  local found = value.filter(cluster.tasks:all(), function(task) return listed(task, p, instance) end)
  local page, token = paging.cut(found, p.nextToken, paging.size(p.maxResults, 100, 100))
  return { taskArns = value.map(page, function(task) return task.taskArn end), nextToken = token }
end

return tasks
