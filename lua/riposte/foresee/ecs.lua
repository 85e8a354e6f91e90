--- What ECS would tell after planned changes.
local short = require("riposte.foresee").short

local changes, reads = {}, {}

local function cluster_of(params)
  return short(params.cluster or "default")
end

local function service_name(cluster, service)
  return short(cluster) .. "/" .. short(service)
end

-- The fields of UpdateService that DescribeServices tells under the same name.
local SERVICE_FIELDS = {
  "desiredCount", "taskDefinition", "networkConfiguration", "platformVersion", "deploymentConfiguration",
  "enableExecuteCommand", "capacityProviderStrategy",
}

function changes.UpdateService(scope, params)
  local fields = {}
  for _, name in ipairs(SERVICE_FIELDS) do fields[name] = params[name] end
  scope:set("service", service_name(cluster_of(params), params.service), fields)
end

function changes.DeleteService(scope, params)
  scope:remove("service", service_name(cluster_of(params), params.service))
end

function changes.DeleteCluster(scope, params)
  scope:remove("cluster", cluster_of(params))
end

function changes.StopTask(scope, params)
  scope:remove("task", short(params.task))
end

function changes.DeregisterContainerInstance(scope, params)
  scope:remove("container-instance", short(params.containerInstance))
end

function changes.DeregisterTaskDefinition(scope, params)
  scope:remove("task-definition", short(params.taskDefinition))
end

function reads.ListServices(scope, params, value)
  scope:drop("service", value.serviceArns, function(arn) return service_name(cluster_of(params), arn) end)
end

function reads.DescribeServices(scope, params, value)
  for _, service in ipairs(value.services or {}) do
    local name = service_name(cluster_of(params), service.serviceArn)
    scope:amend("service", name, service)
    if service.desiredCount == 0 then service.runningCount, service.pendingCount = 0, 0 end
    if scope:is_gone("service", name) then
      service.status, service.desiredCount, service.runningCount, service.pendingCount = "INACTIVE", 0, 0, 0
    end
  end
end

function reads.ListClusters(scope, _, value)
  scope:drop("cluster", value.clusterArns, short)
end

function reads.DescribeClusters(scope, _, value)
  for _, cluster in ipairs(value.clusters or {}) do
    if scope:is_gone("cluster", short(cluster.clusterArn)) then cluster.status = "INACTIVE" end
  end
end

function reads.ListTasks(scope, params, value)
  if params.desiredStatus ~= "STOPPED" then scope:drop("task", value.taskArns, short) end
end

function reads.DescribeTasks(scope, _, value)
  for _, task in ipairs(value.tasks or {}) do
    if scope:is_gone("task", short(task.taskArn)) then task.desiredStatus, task.lastStatus = "STOPPED", "STOPPED" end
  end
end

function reads.ListContainerInstances(scope, _, value)
  scope:drop("container-instance", value.containerInstanceArns, short)
end

function reads.ListTaskDefinitions(scope, params, value)
  if params.status ~= "INACTIVE" then scope:drop("task-definition", value.taskDefinitionArns, short) end
end

function reads.DescribeTaskDefinition(scope, _, value)
  local definition = value.taskDefinition
  if definition and scope:is_gone("task-definition", short(definition.taskDefinitionArn)) then
    definition.status = "INACTIVE"
  end
end

return { changes = changes, reads = reads }
