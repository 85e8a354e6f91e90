--- ECS clusters.
local collection = require "sim.collection"
local ecs = require "sim.ecs.state"
local failure = require "sim.failure"
local paging = require "sim.paging"
local tags = require "sim.tags"
local value = require "sim.value"

local clusters = { operations = {} }
local operations = clusters.operations

--- A cluster in the account, from CreateCluster's fields.
function clusters.make(state, fields)
  local name = fields.clusterName or "default"
  return state.clusters:put(name, {
    clusterArn = ecs.arn(state, "cluster/" .. name),
    clusterName = name,
    status = "ACTIVE",
    configuration = fields.configuration,
    settings = fields.settings or value.list { { name = "containerInsights", value = "disabled" } },
    capacityProviders = fields.capacityProviders or value.list {},
    defaultCapacityProviderStrategy = fields.defaultCapacityProviderStrategy or value.list {},
    serviceConnectDefaults = fields.serviceConnectDefaults,
    tags = tags.lower.list(fields.tags),
    services = collection.new(),
    tasks = collection.new(),
    instances = collection.new(),
  })
end

local function count(things, fn)
  return #value.filter(things:all(), fn)
end

-- What ECS tells of a cluster with include = STATISTICS: the counts by launch type, and the services that drain.
local function statistics(cluster)
  local list = {}
  for _, kind in ipairs { { "EC2", "EC2" }, { "FARGATE", "Fargate" } } do
    local function services(status)
      return count(cluster.services, function(service)
        return service.status == status and service.launchType == kind[1]
      end)
    end
    local function tasks(running)
      return count(cluster.tasks, function(task)
        return task.launchType == kind[1] and task.desiredStatus == "RUNNING" and (task.lastStatus == "RUNNING") == running
      end)
    end
    list[#list + 1] = { name = "running" .. kind[2] .. "TasksCount", value = tostring(tasks(true)) }
    list[#list + 1] = { name = "pending" .. kind[2] .. "TasksCount", value = tostring(tasks(false)) }
    list[#list + 1] = { name = "active" .. kind[2] .. "ServiceCount", value = tostring(services("ACTIVE")) }
    list[#list + 1] = { name = "draining" .. kind[2] .. "ServiceCount", value = tostring(services("DRAINING")) }
  end
  return value.list(list)
end

function clusters.describe(cluster, include)
  local shown = value.pick(cluster, {
    "clusterArn", "clusterName", "status", "capacityProviders", "defaultCapacityProviderStrategy",
    "serviceConnectDefaults",
  })
  shown.registeredContainerInstancesCount = cluster.instances:size()
  shown.runningTasksCount = count(cluster.tasks, function(task) return task.lastStatus == "RUNNING" end)
  shown.pendingTasksCount = count(cluster.tasks, function(task)
    return task.desiredStatus == "RUNNING" and task.lastStatus ~= "RUNNING"
  end)
  shown.activeServicesCount = count(cluster.services, function(service) return service.status == "ACTIVE" end)
  local asked = {}
  for _, name in ipairs(include or {}) do asked[name] = true end
  shown.statistics = asked.STATISTICS and statistics(cluster) or value.list {}
  shown.settings = asked.SETTINGS and cluster.settings or value.list {}
  shown.tags = asked.TAGS and cluster.tags or value.list {}
  if asked.CONFIGURATIONS then shown.configuration = cluster.configuration end
  return shown
end

local ALL <const> = { "SETTINGS", "TAGS", "CONFIGURATIONS" }

function operations.CreateCluster(state, p)
  local old = state.clusters:get(p.clusterName or "default")
  if old and old.status == "ACTIVE" then return { cluster = clusters.describe(old, ALL) } end
  if old then state.clusters:remove(old.clusterName) end
  return { cluster = clusters.describe(clusters.make(state, p), ALL) }
end

function operations.DescribeClusters(state, p)
  local found, failures = {}, {}
  for _, reference in ipairs(p.clusters or { "default" }) do
    local cluster = state.clusters:get(ecs.name(reference))
    if cluster then
      found[#found + 1] = clusters.describe(cluster, p.include)
    else
      failures[#failures + 1] = { arn = ecs.arn(state, "cluster/" .. ecs.name(reference)), reason = "MISSING" }
    end
  end
  return { clusters = value.list(found), failures = value.list(failures) }
end

function operations.ListClusters(state, p)
  local active = value.filter(state.clusters:all(), function(cluster) return cluster.status == "ACTIVE" end)
  local page, token = paging.cut(active, p.nextToken, paging.size(p.maxResults, 100, 100))
  return { clusterArns = value.map(page, function(cluster) return cluster.clusterArn end), nextToken = token }
end

-- The order in which AWS looks for what is left in a cluster.
local function refuse_if_used(cluster)
  if count(cluster.instances, function() return true end) > 0 then
    failure.raise("ClusterContainsContainerInstancesException",
      "The Cluster cannot be deleted while Container Instances are active or draining.")
  end
  if count(cluster.services, function(service) return service.status ~= "INACTIVE" end) > 0 then
    failure.raise("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
  end
  if count(cluster.tasks, function(task) return task.lastStatus ~= "STOPPED" end) > 0 then
    failure.raise("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
  end
end

function operations.DeleteCluster(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  refuse_if_used(cluster)
  cluster.status = "INACTIVE"
  return { cluster = clusters.describe(cluster, ALL) }
end

local function set_settings(cluster, settings)
  local merged = value.copy(cluster.settings)
  for _, setting in ipairs(settings or {}) do
    local at = value.find(merged, function(old) return old.name == setting.name end)
    merged[at or #merged + 1] = setting
  end
  cluster.settings = merged
end

function operations.UpdateCluster(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  set_settings(cluster, p.settings)
  cluster.configuration = p.configuration or cluster.configuration
  cluster.serviceConnectDefaults = p.serviceConnectDefaults or cluster.serviceConnectDefaults
  return { cluster = clusters.describe(cluster, ALL) }
end

function operations.UpdateClusterSettings(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  set_settings(cluster, p.settings)
  return { cluster = clusters.describe(cluster, ALL) }
end

function operations.PutClusterCapacityProviders(state, p)
  local cluster = ecs.cluster(state, p.cluster)
  for _, name in ipairs(p.capacityProviders) do
    if not name:find "^FARGATE" and not state.providers:get(name) then
      failure.raise("InvalidParameterException", "The specified capacity provider '" .. name .. "' was not found.")
    end
  end
  cluster.capacityProviders = p.capacityProviders
  cluster.defaultCapacityProviderStrategy = p.defaultCapacityProviderStrategy
  return { cluster = clusters.describe(cluster, ALL) }
end

return clusters
