--- ECS services as data: from what DescribeServices tells to what CreateService wants.
local list = require "riposte.list"
local pick = require("riposte.inverse").pick
local revision = require "riposte.revision"

local services = {}

-- What CreateService takes and DescribeServices tells (the ECS API reference).
local SERVICE = {
  "serviceName", "taskDefinition", "availabilityZoneRebalancing", "loadBalancers", "serviceRegistries", "desiredCount",
  "capacityProviderStrategy", "platformVersion", "deploymentConfiguration", "placementConstraints", "placementStrategy",
  "networkConfiguration", "healthCheckGracePeriodSeconds", "schedulingStrategy", "deploymentController", "tags",
  "enableECSManagedTags", "propagateTags", "enableExecuteCommand",
}

local DESCRIBED_AT_ONCE = 10 -- DescribeServices takes so many

--- All services of a cluster, as DescribeServices gives them.
---@param run riposte.Run
---@param ecs riposte.Client
---@param cluster string
---@return table[]
function services.of_cluster(run, ecs, cluster)
  local found = {}
  local arns = list.all(ecs:pages("list_services", { cluster = cluster, maxResults = 100 }))
  run:parallel(list.batches(arns, DESCRIBED_AT_ONCE), function(batch)
    list.append(found, ecs:describe_services({ cluster = cluster, services = batch, include = { "TAGS" } }).services or {})
  end)
  return found
end

--- What is told by a service's deployment and not by the service: Service Connect, volumes.
---@param service table as DescribeServices gives it
function services.deployment_parts(service)
  local primary = {}
  for _, deployment in ipairs(service.deployments or {}) do
    if deployment.status == "PRIMARY" then primary = deployment end
  end
  return pick(primary, { "serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations" })
end

--- What must be asked of CreateService for the same service again.
---@param service table as DescribeServices gives it
function services.request_of(service)
  local request = pick(service, SERVICE)
  for name, value in pairs(services.deployment_parts(service)) do request[name] = value end
  request.cluster = service.clusterArn
  if not request.capacityProviderStrategy then request.launchType = service.launchType end
  if service.schedulingStrategy == "DAEMON" then request.desiredCount = nil end
  if request.healthCheckGracePeriodSeconds == 0 then request.healthCheckGracePeriodSeconds = nil end
  return request
end

--- How a service is created again whose task definition goes too: the definition first, anew, and the service from it. Nil
--- where the definition stays: the inverse of DeleteService does then.
---@param service table as DescribeServices gives it
---@param known {definition: table, tags: table?}? as DescribeTaskDefinition gives it
---@return {[1]: string, [2]: table}[]? undo for client methods
function services.recreation(service, known)
  if not known then return nil end
  local request = services.request_of(service)
  request.taskDefinition = known.definition.family
  return {
    { "RegisterTaskDefinition", revision.request_of(known.definition, known.tags) },
    { "CreateService", request },
  }
end

return services
