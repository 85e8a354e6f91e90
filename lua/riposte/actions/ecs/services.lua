--- Remedies for ECS services.
local recreation = require("riposte.services").recreation

local services = {}

local function service_of(on, params)
  local output = on.ecs:describe_services { cluster = params.cluster, services = { params.service }, include = { "TAGS" } }
  return output.services and output.services[1]
end

local function is_over(service)
  return not service or service.status ~= "ACTIVE"
end

--- Run none of a service's tasks: its desired count becomes zero. A daemon service has none to set: it is deleted instead.
services.stop_service = {
  about = "Set a service's desired count to zero.",
  params = { cluster = "string", service = "string", known = "table?" },
  undo = "the desired count is as before",
  check = function(on, params)
    local service = params.known or service_of(on, params)
    if is_over(service) then return nil, "the service is gone" end
    if service.schedulingStrategy == "DAEMON" then return nil, "a daemon service has no desired count" end
    if service.desiredCount == 0 then return nil, "the desired count is zero" end
    return service
  end,
  change = function(on, params, service)
    on.ecs:update_service({ cluster = params.cluster, service = params.service, desiredCount = 0 }, { prior = service })
  end,
}

--- Delete a service: scaled to zero, then deleted. `force` (unless it is false) deletes it while tasks still run; they are
--- stopped by ECS. `known` is the service as it was described a moment ago, `definition` its task definition ({definition = …,
--- tags = …}) where that is deregistered too. With `wait = false` the service may still be draining.
services.delete_service = {
  about = "Scale a service to zero and delete it.",
  params = {
    cluster = "string", service = "string", force = "boolean?", wait = "boolean?", known = "table?", definition = "table?",
  },
  undo = "the service is created again as it was",
  check = function(on, params)
    local service = params.known or service_of(on, params)
    if is_over(service) then return nil, "the service is gone" end
    return service
  end,
  change = function(on, params, service)
    on.actions.ecs.stop_service { cluster = params.cluster, service = params.service, known = service }
    on.ecs:delete_service(
      { cluster = params.cluster, service = params.service, force = params.force ~= false },
      { prior = service, undo = recreation(service, params.definition) }
    )
  end,
  proof = function(on, params)
    if params.wait == false then return true end
    local service = service_of(on, params)
    return not service or service.status == "INACTIVE"
  end,
  patience = { timeout = "10m", every = "3s" },
}

return services
