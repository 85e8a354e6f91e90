--- Inverses of ECS's changes.
local agree = require "riposte.agree"
local failure = require "riposte.failure"
local inverse = require "riposte.inverse"
local revision = require "riposte.revision"
local services = require "riposte.services"

local pick, reply = inverse.pick, inverse.reply

local ecs = {}

-- Services ----------------------------------------------------------------------------------------------------------

local function active_service(output)
  local service = output.services and output.services[1]
  return service and service.status == "ACTIVE" and service
end

local function describe_service(change, name)
  return { cluster = change.params.cluster, services = { name }, include = { "TAGS" } }
end

local function service_before(change)
  return change:prior_state("describe_services", describe_service(change, change.params.service), active_service)
end

function ecs.UpdateService(change)
  local service = service_before(change)
  local params, any = { cluster = change.params.cluster, service = change.params.service }, false
  local deployed = services.deployment_parts(service)
  for name in pairs(change.params) do
    if params[name] == nil and name ~= "forceNewDeployment" then
      params[name], any = service[name] == nil and deployed[name] or service[name], true
    end
  end
  if not any then return nil, "a new deployment of the same is not taken back" end
  return { change:undo("UpdateService", params) }
end

function ecs.DeleteService(change)
  return { change:undo("CreateService", services.request_of(service_before(change))) }
end

function ecs.CreateService(change)
  local asked = describe_service(change, change.params.serviceName)
  if change:is_there("describe_services", asked, active_service) then
    return nil, "there is such a service already", "there"
  end
  return {
    change:undo("DeleteService", {
      cluster = change.params.cluster,
      service = change.params.serviceName,
      force = true,
    }),
  }
end

-- Clusters ----------------------------------------------------------------------------------------------------------

local CLUSTER = {
  "clusterName", "tags", "settings", "configuration", "capacityProviders", "defaultCapacityProviderStrategy",
  "serviceConnectDefaults",
}

local function active_cluster(output)
  local cluster = output.clusters and output.clusters[1]
  return cluster and cluster.status ~= "INACTIVE" and cluster
end

local function describe_cluster(name)
  return { clusters = { name }, include = { "SETTINGS", "CONFIGURATIONS", "TAGS" } }
end

local function cluster_before(change)
  return change:prior_state("describe_clusters", describe_cluster(change.params.cluster), active_cluster)
end

function ecs.DeleteCluster(change)
  return { change:undo("CreateCluster", pick(cluster_before(change), CLUSTER)) }
end

-- ECS answers for a cluster that is there as if it had made it.
function ecs.CreateCluster(change)
  local name = change.params.clusterName or "default"
  if change:is_there("describe_clusters", describe_cluster(name), active_cluster) then
    return nil, "there is such a cluster already", "there"
  end
  return { change:undo("DeleteCluster", { cluster = name }) }
end

function ecs.UpdateClusterSettings(change)
  return {
    change:undo("UpdateClusterSettings", {
      cluster = change.params.cluster,
      settings = cluster_before(change).settings,
    }),
  }
end

-- Task definitions --------------------------------------------------------------------------------------------------

local function describe_definition(change, name)
  local ok, output = pcall(change.read, "describe_task_definition", { taskDefinition = name, include = { "TAGS" } })
  if ok then return output.taskDefinition, output.tags end
  if failure.is(output, "ClientException") then return nil end
  error(output, 0)
end

function ecs.RegisterTaskDefinition(change)
  if change.undoing then -- the latest active revision of the family may say it already
    local latest, tags = describe_definition(change, change.params.family)
    if latest and agree.described(change.params, revision.request_of(latest, tags)) then
      return nil, latest.taskDefinitionArn .. " is the same definition", "same"
    end
  end
  return { change:undo("DeregisterTaskDefinition", { taskDefinition = reply "taskDefinition.taskDefinitionArn" }) }
end

-- A revision's number is never used again, so what comes back is the same definition under the next one.
function ecs.DeregisterTaskDefinition(change)
  local request = change.prior
  if not request then
    local definition, tags = describe_definition(change, change.params.taskDefinition)
    if not definition or definition.status ~= "ACTIVE" then
      return nil, "the revision is deregistered already", "absent"
    end
    request = revision.request_of(definition, tags)
  end
  return { change:undo("RegisterTaskDefinition", request) }
end

function ecs.DeleteTaskDefinitions()
  return nil, "a deleted task definition does not come back"
end

-- Tasks -------------------------------------------------------------------------------------------------------------

function ecs.StopTask(change)
  if change.undoing then
    local there = change:is_there("describe_tasks", { cluster = change.params.cluster, tasks = { change.params.task } },
      function(output)
        local task = output.tasks and output.tasks[1]
        return task and task.desiredStatus ~= "STOPPED"
      end)
    if there == false then return nil, "the task is stopped", "absent" end
  end
  return nil, "a stopped task does not start again; a service starts another in its place"
end

function ecs.RunTask(change)
  if (change.params.count or 1) > 1 then return nil, "which of the tasks came up is told by none of its parameters" end
  return {
    change:undo("StopTask", { cluster = change.params.cluster, task = reply "tasks.0.taskArn", reason = "undone" }),
  }
end

function ecs.DeregisterContainerInstance()
  return nil, "the container agent has to register the instance again"
end

-- Tags --------------------------------------------------------------------------------------------------------------

local function tags_before(change)
  local had = {}
  for _, tag in ipairs(change.read("list_tags_for_resource", { resourceArn = change.params.resourceArn }).tags or {}) do
    had[tag.key] = tag.value
  end
  return had
end

local function tags_undo(change, removed, set)
  local undo = {}
  if #removed > 0 then
    undo[1] = change:undo("UntagResource", { resourceArn = change.params.resourceArn, tagKeys = removed })
  end
  if #set > 0 then
    undo[#undo + 1] = change:undo("TagResource", { resourceArn = change.params.resourceArn, tags = set })
  end
  if #undo == 0 then return nil, "the tags are so already", "same" end
  return undo
end

function ecs.TagResource(change)
  local had, before, new = tags_before(change), {}, {}
  for _, tag in ipairs(change.params.tags) do
    local value = had[tag.key]
    if not value then
      new[#new + 1] = tag.key
    elseif value ~= tag.value then
      before[#before + 1] = { key = tag.key, value = value }
    end
  end
  return tags_undo(change, new, before)
end

function ecs.UntagResource(change)
  local had, before = tags_before(change), {}
  for _, key in ipairs(change.params.tagKeys) do
    if had[key] then before[#before + 1] = { key = key, value = had[key] } end
  end
  return tags_undo(change, {}, before)
end

return ecs
