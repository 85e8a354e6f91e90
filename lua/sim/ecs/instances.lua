--- ECS container instances, capacity providers, tags and account settings.
local ecs = require "sim.ecs.state"
local failure = require "sim.failure"
local paging = require "sim.paging"
local tags = require "sim.tags"
local tasks = require "sim.ecs.tasks"
local value = require "sim.value"

local instances = { operations = {} }
local operations = instances.operations

function instances.make(state, cluster, fields)
  local id = state.account.ids:hex(32)
  return cluster.instances:put(id, {
    id = id,
    containerInstanceArn = ecs.arn(state, ("container-instance/%s/%s"):format(cluster.clusterName, id)),
    ec2InstanceId = fields.ec2InstanceId,
    status = fields.status or "ACTIVE",
    registeredAt = fields.registeredAt or state.account:time(),
    tags = tags.lower.list(fields.tags),
  })
end

function instances.describe(cluster, instance, include)
  local shown = value.pick(instance, { "containerInstanceArn", "ec2InstanceId", "status", "registeredAt" })
  local here = value.filter(cluster.tasks:all(), function(task)
    return task.containerInstanceArn == instance.containerInstanceArn and task.lastStatus ~= "STOPPED"
  end)
  shown.runningTasksCount = #value.filter(here, function(task) return task.lastStatus == "RUNNING" end)
  shown.pendingTasksCount = #here - shown.runningTasksCount
  shown.agentConnected, shown.version = true, 1
  shown.attributes, shown.attachments = value.list {}, value.list {}
  shown.tags = ecs.shown_tags(instance, include) or value.list {}
  return shown
end

local function find(cluster, reference)
  local instance = cluster.instances:get(ecs.name(reference))
  if not instance then
    failure.raise("InvalidParameterException", "The referenced container instance was not found.")
  end
  return instance
end

local function each_of(state, cluster, references, fn)
  local found, failures = {}, {}
  for _, reference in ipairs(references) do
    local instance = cluster.instances:get(ecs.name(reference))
    if instance then
      found[#found + 1] = fn(instance)
    else
      local arn = ecs.arn(state, ("container-instance/%s/%s"):format(cluster.clusterName, ecs.name(reference)))
      failures[#failures + 1] = { arn = arn, reason = "MISSING" }
    end
  end
  return { containerInstances = value.list(found), failures = value.list(failures) }
end

function operations.ListContainerInstances(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  local found = value.filter(cluster.instances:all(), function(instance)
    return not p.status or instance.status == p.status
  end)
  local page, token = paging.cut(found, p.nextToken, paging.size(p.maxResults, 100, 100))
  local arns = value.map(page, function(instance) return instance.containerInstanceArn end)
  return { containerInstanceArns = arns, nextToken = token }
end

function operations.DescribeContainerInstances(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  return each_of(state, cluster, p.containerInstances, function(instance)
    return instances.describe(cluster, instance, p.include)
  end)
end

local function stop_tasks(state, cluster, instance, reason)
  for task in cluster.tasks:each() do
    if task.containerInstanceArn == instance.containerInstanceArn then
      tasks.stop(state, cluster, task, reason, "ServiceSchedulerInitiated")
    end
  end
end

function operations.UpdateContainerInstancesState(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  return each_of(state, cluster, p.containerInstances, function(instance)
    instance.status = p.status
    if p.status == "DRAINING" then
      for task in cluster.tasks:each() do -- only tasks of services move; others stay until they end
        if task.containerInstanceArn == instance.containerInstanceArn and task.group:find "^service:" then
          tasks.stop(state, cluster, task, "Container instance is draining", "ServiceSchedulerInitiated")
        end
      end
    end
    return instances.describe(cluster, instance)
  end)
end

function operations.DeregisterContainerInstance(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  local instance = find(cluster, p.containerInstance)
  local busy = value.find(cluster.tasks:all(), function(task)
    return task.containerInstanceArn == instance.containerInstanceArn and task.lastStatus == "RUNNING"
  end)
  if busy and not p.force then
    failure.raise("InvalidParameterException", "Found running tasks on the instance.")
  end
  stop_tasks(state, cluster, instance, "Container instance was deregistered")
  cluster.instances:remove(instance.id)
  instance.status = "INACTIVE"
  return { containerInstance = instances.describe(cluster, instance) }
end

--- An EC2 instance is gone: its agent is, and with it the container instance.
function instances.lost(state, ec2_id)
  for cluster in state.clusters:each() do
    for instance in cluster.instances:each() do
      if instance.ec2InstanceId == ec2_id then
        stop_tasks(state, cluster, instance, "Host EC2 (instance " .. ec2_id .. ") terminated.")
        cluster.instances:remove(instance.id)
      end
    end
  end
end

-- Tags ----------------------------------------------------------------------------------------------------------------

function operations.TagResource(state, p)
  local thing = ecs.tagged(state, p.resourceArn)
  local all = tags.lower.set(thing.tags, p.tags)
  if #all > 50 then failure.raise("InvalidParameterException", "Too many tags: a resource can have 50.") end
  thing.tags = all
end

function operations.UntagResource(state, p)
  local thing = ecs.tagged(state, p.resourceArn)
  thing.tags = tags.lower.remove(thing.tags, p.tagKeys)
end

function operations.ListTagsForResource(state, p)
  return { tags = ecs.tagged(state, p.resourceArn).tags }
end

-- Capacity providers --------------------------------------------------------------------------------------------------

local function provider_of(state, reference)
  local provider = state.providers:get(ecs.name(reference))
  if not provider then
    failure.raise("ClientException", "The specified capacity provider does not exist. Specify a valid name or ARN.")
  end
  return provider
end

function operations.CreateCapacityProvider(state, p)
  if state.providers:get(p.name) then
    failure.raise("ClientException", "The specified capacity provider already exists.")
  end
  return { capacityProvider = state.providers:put(p.name, {
    capacityProviderArn = ecs.arn(state, "capacity-provider/" .. p.name), name = p.name, status = "ACTIVE",
    autoScalingGroupProvider = p.autoScalingGroupProvider, tags = tags.lower.list(p.tags),
  }) }
end

function operations.UpdateCapacityProvider(state, p)
  local provider = provider_of(state, p.name)
  local merged = value.copy(provider.autoScalingGroupProvider or {})
  for name, field in pairs(p.autoScalingGroupProvider or {}) do merged[name] = field end
  provider.autoScalingGroupProvider = merged
  return { capacityProvider = provider }
end

function operations.DeleteCapacityProvider(state, p)
  local provider = provider_of(state, p.capacityProvider)
  for cluster in state.clusters:each() do
    if cluster.status == "ACTIVE" and value.contains(cluster.capacityProviders, provider.name) then
      failure.raise("ClientException", "The specified capacity provider is in use and cannot be removed.")
    end
  end
  state.providers:remove(provider.name)
  provider.status = "INACTIVE"
  return { capacityProvider = provider }
end

function operations.DescribeCapacityProviders(state, p)
  local all = {}
  for _, name in ipairs { "FARGATE", "FARGATE_SPOT" } do
    all[#all + 1] = {
      capacityProviderArn = ecs.arn(state, "capacity-provider/" .. name), name = name, status = "ACTIVE",
      tags = value.list {},
    }
  end
  for provider in state.providers:each() do all[#all + 1] = provider end
  local failures = value.list {}
  if p.capacityProviders then
    local known = all
    all = {}
    for _, reference in ipairs(p.capacityProviders) do
      local _, provider = value.find(known, function(each) return each.name == ecs.name(reference) end)
      if provider then all[#all + 1] = provider else failures[#failures + 1] = { arn = reference, reason = "MISSING" } end
    end
  end
  local page, token = paging.cut(all, p.nextToken, paging.size(p.maxResults, 10, 10))
  return { capacityProviders = page, failures = failures, nextToken = token }
end

-- Account settings ----------------------------------------------------------------------------------------------------

local function set(state, p)
  local setting = { name = p.name, value = p.value, principalArn = p.principalArn or state.account.caller, type = "user" }
  state.settings[p.name] = setting
  return { setting = setting }
end
operations.PutAccountSetting, operations.PutAccountSettingDefault = set, set

function operations.ListAccountSettings(state, p)
  local names = {}
  for name in pairs(state.settings) do
    if not p.name or p.name == name then names[#names + 1] = name end
  end
  return { settings = value.map(value.sorted(names), function(name) return state.settings[name] end) }
end

return instances
