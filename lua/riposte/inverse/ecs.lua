--- Inverses of ECS's changes.
local inverse = require "riposte.inverse"
local revision = require "riposte.revision"
local services = require "riposte.services"

local pick, reply = inverse.pick, inverse.reply

local ecs = {}

local CLUSTER = {
  "clusterName", "tags", "settings", "configuration", "capacityProviders", "defaultCapacityProviderStrategy",
  "serviceConnectDefaults",
}

local function service_before(change)
  return change:prior_state("describe_services", {
    cluster = change.params.cluster,
    services = { change.params.service },
    include = { "TAGS" },
  }, function(output) return output.services[1] end)
end

function ecs.UpdateService(change)
  local service = service_before(change)
  local params = { cluster = change.params.cluster, service = change.params.service }
  local deployed = services.deployment_parts(service)
  for name in pairs(change.params) do
    if params[name] == nil and name ~= "forceNewDeployment" then
      params[name] = service[name] == nil and deployed[name] or service[name]
    end
  end
  return { change:undo("UpdateService", params) }
end

function ecs.DeleteService(change)
  return { change:undo("CreateService", services.request_of(service_before(change))) }
end

function ecs.CreateService(change)
  return {
    change:undo("DeleteService", {
      cluster = change.params.cluster,
      service = change.params.serviceName,
      force = true,
    }),
  }
end

function ecs.DeleteCluster(change)
  local cluster = change:prior_state("describe_clusters", {
    clusters = { change.params.cluster },
    include = { "SETTINGS", "CONFIGURATIONS", "TAGS" },
  }, function(output) return output.clusters[1] end)
  return { change:undo("CreateCluster", pick(cluster, CLUSTER)) }
end

function ecs.CreateCluster(change)
  return { change:undo("DeleteCluster", { cluster = change.params.clusterName or reply "cluster.clusterArn" }) }
end

function ecs.UpdateClusterSettings(change)
  local cluster = change:prior_state("describe_clusters", {
    clusters = { change.params.cluster },
    include = { "SETTINGS" },
  }, function(output) return output.clusters[1] end)
  return {
    change:undo("UpdateClusterSettings", { cluster = change.params.cluster, settings = cluster.settings }),
  }
end

function ecs.RegisterTaskDefinition(change)
  return { change:undo("DeregisterTaskDefinition", { taskDefinition = reply "taskDefinition.taskDefinitionArn" }) }
end

-- A revision's number is never used again, so what comes back is the same definition under the next one.
function ecs.DeregisterTaskDefinition(change)
  local request = change.prior
  if not request then
    local output = change.read("describe_task_definition", {
      taskDefinition = change.params.taskDefinition,
      include = { "TAGS" },
    })
    request = revision.request_of(output.taskDefinition, output.tags)
  end
  return { change:undo("RegisterTaskDefinition", request) }
end

function ecs.DeleteTaskDefinitions()
  return nil, "a deleted task definition does not come back"
end

function ecs.StopTask()
  return nil, "a stopped task does not start again; a service starts another in its place"
end

function ecs.RunTask(change)
  return {
    change:undo("StopTask", { cluster = change.params.cluster, task = reply "tasks.0.taskArn", reason = "undone" }),
  }
end

function ecs.DeregisterContainerInstance()
  return nil, "the container agent has to register the instance again"
end

function ecs.TagResource(change)
  local keys = {}
  for i, tag in ipairs(change.params.tags) do keys[i] = tag.key end
  local before, had = {}, {}
  for _, tag in ipairs(change.read("list_tags_for_resource", { resourceArn = change.params.resourceArn }).tags or {}) do
    had[tag.key] = tag.value
  end
  local new = {}
  for _, key in ipairs(keys) do
    if had[key] then
      before[#before + 1] = { key = key, value = had[key] }
    else
      new[#new + 1] = key
    end
  end
  local undo = {}
  if #new > 0 then
    undo[1] = change:undo("UntagResource", { resourceArn = change.params.resourceArn, tagKeys = new })
  end
  if #before > 0 then
    undo[#undo + 1] = change:undo("TagResource", { resourceArn = change.params.resourceArn, tags = before })
  end
  return undo
end

return ecs
