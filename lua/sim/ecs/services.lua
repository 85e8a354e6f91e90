--- ECS services: they keep as many tasks as they want, and move to a new deployment before the old one stops.
local ecs = require "sim.ecs.state"
local failure = require "sim.failure"
local paging = require "sim.paging"
local tags = require "sim.tags"
local tasks = require "sim.ecs.tasks"
local value = require "sim.value"

local services = { operations = {} }
local operations = services.operations

local NOTICE_MS <const> = 1000 -- so long after a change the scheduler looks

services.FIELDS = {
  "loadBalancers", "serviceRegistries", "launchType", "capacityProviderStrategy", "platformVersion",
  "deploymentConfiguration", "placementConstraints", "placementStrategy", "networkConfiguration",
  "healthCheckGracePeriodSeconds", "schedulingStrategy", "deploymentController", "enableECSManagedTags", "propagateTags",
  "enableExecuteCommand", "availabilityZoneRebalancing",
}

-- A change to one of these makes a new deployment.
local DEPLOYING <const> = {
  "taskDefinition", "networkConfiguration", "platformVersion", "capacityProviderStrategy", "loadBalancers",
  "serviceRegistries", "enableExecuteCommand",
}

local function new_deployment(state, service)
  local now = state.account:time()
  for _, old in ipairs(service.deployments) do old.status = "ACTIVE" end
  table.insert(service.deployments, 1, {
    id = ("ecs-svc/%019d"):format(state.account.ids:between(1, 9000000000000000000)),
    status = "PRIMARY", taskDefinition = service.taskDefinition, createdAt = now, updatedAt = now,
    networkConfiguration = service.networkConfiguration, rolloutState = "IN_PROGRESS",
    rolloutStateReason = "ECS deployment in progress.",
  })
end

local function own_tasks(cluster, service)
  return value.filter(cluster.tasks:all(), function(task)
    return task.group == "service:" .. service.serviceName and task.lastStatus ~= "STOPPED"
  end)
end

local function of_deployment(found, deployment, test)
  return value.filter(found, function(task)
    return task.startedBy == deployment.id and task.desiredStatus == "RUNNING" and (not test or test(task))
  end)
end

local function is_running(task) return task.lastStatus == "RUNNING" end

local function wanted(cluster, service)
  if service.status ~= "ACTIVE" then return 0 end
  if service.schedulingStrategy ~= "DAEMON" then return service.desiredCount end
  return cluster.instances:size()
end

local function launch(state, cluster, service, running)
  if not tasks.can_place(cluster, service.launchType or "EC2") then return false end
  local definition = ecs.find_definition(state, service.taskDefinition)
  local task = tasks.start(state, cluster, definition, {
    launchType = service.launchType, group = "service:" .. service.serviceName, startedBy = service.deployments[1].id,
    tags = service.propagateTags == "SERVICE" and service.tags or nil, createdAt = running and service.createdAt,
    enableExecuteCommand = service.enableExecuteCommand,
  }, running)
  return task ~= nil
end

local function scale(state, cluster, service)
  local want = wanted(cluster, service)
  local found = own_tasks(cluster, service)
  local current = of_deployment(found, service.deployments[1])
  for _ = #current + 1, want do
    if not launch(state, cluster, service) then break end
  end
  for i = want + 1, #current do
    tasks.stop(state, cluster, current[i], "Scaling activity initiated by (deployment " .. service.deployments[1].id .. ")",
      "ServiceSchedulerInitiated")
  end
  if #of_deployment(found, service.deployments[1], is_running) < want then return end
  for i = 2, #service.deployments do
    for _, task in ipairs(of_deployment(found, service.deployments[i])) do
      tasks.stop(state, cluster, task, "Scaling activity initiated by (deployment " .. task.startedBy .. ")",
        "ServiceSchedulerInitiated")
    end
  end
end

local function settle(cluster, service)
  local found = own_tasks(cluster, service)
  local primary = service.deployments[1]
  local current = #of_deployment(found, primary, is_running)
  if service.status == "DRAINING" and #found == 0 then
    service.status = "INACTIVE"
    service.deployments = value.list {}
  elseif #found == current and current == wanted(cluster, service) then
    service.deployments = value.list { primary }
    primary.rolloutState = "COMPLETED"
    primary.rolloutStateReason = "ECS deployment " .. primary.id .. " completed."
  end
end

local function look(state, cluster, service)
  service.look_at = nil
  if service.status == "INACTIVE" then return end
  scale(state, cluster, service)
  settle(cluster, service)
end

--- The service's scheduler will look soon. Many changes at one moment are one look.
function services.reconcile(state, cluster, service)
  if service.look_at or service.status == "INACTIVE" then return end
  service.look_at = state.account.now + NOTICE_MS
  state.account:after(NOTICE_MS, look, state, cluster, service)
end

--- A service in the account, from CreateService's fields; with `running`, its tasks are up already.
function services.make(state, cluster, fields, definition, running)
  local name = fields.serviceName
  local service = value.pick(fields, services.FIELDS)
  service.serviceName = name
  service.serviceArn = ecs.arn(state, ("service/%s/%s"):format(cluster.clusterName, name))
  service.status = "ACTIVE"
  service.taskDefinition = definition.taskDefinitionArn
  service.desiredCount = fields.desiredCount or 0
  service.launchType = tasks.launch_type(cluster, fields)
  service.schedulingStrategy = fields.schedulingStrategy or "REPLICA"
  service.deploymentController = fields.deploymentController or { type = "ECS" }
  service.deploymentConfiguration = fields.deploymentConfiguration
    or { maximumPercent = 200, minimumHealthyPercent = 100 }
  if service.launchType == "FARGATE" then service.platformVersion = fields.platformVersion or "LATEST" end
  service.createdAt = fields.createdAt or state.account:time()
  service.createdBy = fields.createdBy or state.account.caller
  service.tags = tags.lower.list(fields.tags)
  service.deployments = value.list {}
  new_deployment(state, service)
  cluster.services:remove(name)
  cluster.services:put(name, service)
  if running then
    for _ = 1, wanted(cluster, service) do
      if not launch(state, cluster, service, true) then break end
    end
    settle(cluster, service)
  end
  return service
end

local function counts(found)
  local running = #value.filter(found, is_running)
  local pending = #value.filter(found, function(task) return task.desiredStatus == "RUNNING" and not is_running(task) end)
  return running, pending
end

local function describe_deployment(service, deployment, found)
  local own = value.filter(found, function(task) return task.startedBy == deployment.id end)
  local shown = value.copy(deployment)
  shown.runningCount, shown.pendingCount = counts(own)
  shown.failedTasks = 0
  shown.desiredCount = deployment.status == "PRIMARY" and service.desiredCount or 0
  shown.launchType, shown.platformVersion = service.launchType, service.platformVersion
  return shown
end

function services.describe(cluster, service, include)
  local found = own_tasks(cluster, service)
  local shown = value.pick(service, services.FIELDS)
  value.pick(service, {
    "serviceName", "serviceArn", "status", "taskDefinition", "desiredCount", "createdAt", "createdBy",
  }, shown)
  shown.clusterArn = cluster.clusterArn
  shown.runningCount, shown.pendingCount = counts(found)
  shown.deployments = value.map(service.deployments, function(deployment)
    return describe_deployment(service, deployment, found)
  end)
  for _, name in ipairs { "loadBalancers", "serviceRegistries", "placementConstraints", "placementStrategy" } do
    shown[name] = shown[name] or value.list {}
  end
  shown.events = value.list {}
  shown.enableECSManagedTags = service.enableECSManagedTags or false
  shown.enableExecuteCommand = service.enableExecuteCommand or false
  shown.propagateTags = service.propagateTags or "NONE"
  shown.tags = ecs.shown_tags(service, include)
  return shown
end

local function check_network(definition, configuration)
  if definition.networkMode == "awsvpc" and not configuration then
    failure.raise("InvalidParameterException",
      "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
  end
end

function operations.CreateService(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  local old = cluster.services:get(p.serviceName)
  if old and old.status ~= "INACTIVE" then
    local draining = old.status == "DRAINING"
    failure.raise("InvalidParameterException", draining
      and "Unable to Start a service that is still Draining." or "Creation of service was not idempotent.")
  end
  local definition = ecs.usable_definition(state, p.taskDefinition or "")
  check_network(definition, p.networkConfiguration)
  local service = services.make(state, cluster, p, definition)
  services.reconcile(state, cluster, service)
  return { service = services.describe(cluster, service, { "TAGS" }) }
end

function operations.DescribeServices(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  if #p.services > 10 then failure.raise("InvalidParameterException", "Services cannot have more than 10 elements.") end
  local found, failures = {}, {}
  for _, reference in ipairs(p.services) do
    local service = cluster.services:get(ecs.name(reference))
    if service then
      found[#found + 1] = services.describe(cluster, service, p.include)
    else
      local arn = ecs.arn(state, ("service/%s/%s"):format(cluster.clusterName, ecs.name(reference)))
      failures[#failures + 1] = { arn = arn, reason = "MISSING" }
    end
  end
  return { services = value.list(found), failures = value.list(failures) }
end

function operations.ListServices(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  local found = value.filter(cluster.services:all(), function(service)
    return service.status ~= "INACTIVE"
      and (not p.launchType or service.launchType == p.launchType)
      and (not p.schedulingStrategy or service.schedulingStrategy == p.schedulingStrategy)
  end)
  local page, token = paging.cut(found, p.nextToken, paging.size(p.maxResults, 10, 100))
  return { serviceArns = value.map(page, function(service) return service.serviceArn end), nextToken = token }
end

function operations.UpdateService(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  local service = ecs.service(cluster, p.service)
  if service.status ~= "ACTIVE" then failure.raise("ServiceNotActiveException", "Service was not ACTIVE.") end
  if p.taskDefinition then
    local definition = ecs.usable_definition(state, p.taskDefinition)
    check_network(definition, p.networkConfiguration or service.networkConfiguration)
    p.taskDefinition = definition.taskDefinitionArn
  end
  local deploys = p.forceNewDeployment
  for _, name in ipairs(DEPLOYING) do deploys = deploys or p[name] ~= nil and p[name] ~= service[name] end
  for _, name in ipairs(services.FIELDS) do
    if p[name] ~= nil then service[name] = p[name] end
  end
  service.taskDefinition = p.taskDefinition or service.taskDefinition
  service.desiredCount = p.desiredCount or service.desiredCount
  if deploys then new_deployment(state, service) end
  services.reconcile(state, cluster, service)
  return { service = services.describe(cluster, service, { "TAGS" }) }
end

function operations.DeleteService(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  local service = ecs.service(cluster, p.service)
  if service.status == "INACTIVE" then failure.raise("ServiceNotFoundException", "Service not found.") end
  if service.status == "ACTIVE" and service.desiredCount > 0 and service.schedulingStrategy == "REPLICA" and not p.force then
    failure.raise("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
  end
  service.status, service.desiredCount = "DRAINING", 0
  services.reconcile(state, cluster, service)
  return { service = services.describe(cluster, service, { "TAGS" }) }
end

return services
