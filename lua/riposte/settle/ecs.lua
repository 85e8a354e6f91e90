--- ECS: whether a change happened whose answer never came.
local agree = require "riposte.agree"
local failure = require "riposte.failure"
local revision = require "riposte.revision"
local services = require "riposte.services"

local ecs = {}

local REVISIONS_MOST = 20

local function describe(change, name)
  local ok, output = pcall(change.read, "describe_task_definition", { taskDefinition = name, include = { "TAGS" } })
  if ok then return output end
  if failure.is(output, "ClientException") then return nil end
  error(output, 0)
end

-- Revisions are numbered: from the latest back to the first that is older than the change.
function ecs.RegisterTaskDefinition(change)
  local output = describe(change, change.params.family)
  for _ = 1, REVISIONS_MOST do
    if not output or not change:is_since(output.taskDefinition.registeredAt) then return "not" end
    local definition = output.taskDefinition
    if agree.described(change.params, revision.request_of(definition, output.tags)) then return "happened", output end
    if definition.revision <= 1 then return "not" end
    output = describe(change, ("%s:%d"):format(definition.family, definition.revision - 1))
  end
  return nil, ("more than %d revisions of %s were registered since"):format(REVISIONS_MOST, change.params.family)
end

-- A cluster has one service of a name: one that is older was in the way, and AWS refused the change.
function ecs.CreateService(change)
  local service = change:find("describe_services", {
    cluster = change.params.cluster,
    services = { change.params.serviceName },
    include = { "TAGS" },
  }, function(output) return output.services and output.services[1] end)
  if not service or service.status ~= "ACTIVE" or not change:is_since(service.createdAt) then return "not" end
  local ok, why = agree.params(change.params, services.request_of(service))
  if not ok then return nil, "there is another service of this name, made since: " .. why end
  return "happened", { service = service }
end

function ecs.DeregisterContainerInstance(change)
  local instance = change:find("describe_container_instances", {
    cluster = change.params.cluster,
    containerInstances = { change.params.containerInstance },
  }, function(output) return output.containerInstances and output.containerInstances[1] end)
  if instance and instance.status ~= "INACTIVE" then return "not" end
  return "happened", { containerInstance = instance }
end

return ecs
