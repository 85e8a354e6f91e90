--- Remedies for ECS task definitions. A revision cannot be changed: a corrected one is registered, what runs the bad one is
--- moved to it, and the bad one is deregistered.
local failure = require "riposte.failure"
local revision = require "riposte.revision"
local services = require "riposte.services"

local task_definitions = {}

local function uses(service, arn)
  if service.taskDefinition == arn then return true end
  for _, deployment in ipairs(service.deployments or {}) do
    if deployment.taskDefinition == arn then return true end
  end
  return false
end

-- The services of all clusters that have a revision as theirs or still deploy it.
local function users_of(on, arn)
  local users = {}
  on.run:parallel(on.ecs:pages("list_clusters"), function(cluster)
    for _, service in ipairs(services.of_cluster(on.run, on.ecs, cluster)) do
      if service.status == "ACTIVE" and uses(service, arn) then users[#users + 1] = service end
    end
  end)
  return users
end

local function controller_of(service)
  return (service.deploymentController or {}).type or "ECS"
end

-- The services that ECS itself deploys, and how many others there are, which have to stay on the revision.
local function movable(on, users, from, to)
  local ours, others = {}, 0
  for _, service in ipairs(users) do
    local controller = controller_of(service)
    if controller == "ECS" then
      ours[#ours + 1] = service
    else
      others = others + 1
      on.run:left_alone(service.serviceArn, ("its deployments are made by %s, which has to move it from %s to %s"):format(
        controller, from, to))
    end
  end
  return ours, others
end

-- Move services to a revision. The old one will not be there to move back to: its number is never used again. So the undo
-- of the last move, which is the first to be undone, registers the old definition anew, and each service goes back to the
-- latest of the family, which is that.
local function move(on, users, to, old)
  local last = users[#users]
  local function one(service)
    local back = { "UpdateService",
      { cluster = service.clusterArn, service = service.serviceArn, taskDefinition = old.family } }
    on.ecs:update_service(
      { cluster = service.clusterArn, service = service.serviceArn, taskDefinition = to },
      { undo = service == last and { { "RegisterTaskDefinition", old }, back } or { back } }
    )
  end
  on.run:parallel(table.move(users, 1, #users - 1, 1, {}), one)
  if last then one(last) end
end

local function settle(on, moved, timeout)
  on.run:parallel(moved, function(service)
    on.ecs:wait("services_stable", { cluster = service.clusterArn, services = { service.serviceArn } },
      { timeout = timeout, every = "5s" })
  end)
end

local function corrected(params, definition, tags)
  local request = revision.copy(revision.request_of(definition, tags))
  return params.revise(request) or request
end

--- Replace a task definition's revision with a corrected one. `revise(request)` changes the request (or gives another),
--- which carries over everything that RegisterTaskDefinition takes. Services in all clusters of the region that run the
--- bad revision are moved, and once they are stable (within `timeout`, 10m unless told) the bad one is deregistered;
--- services that CodeDeploy or an external controller deploys are left alone, and the revision with them.
--- Gives `task_definition`, the new revision's ARN, and `services`, those that were moved.
task_definitions.revise_task_definition = {
  about = "Register a corrected revision, move the services to it, deregister the bad one.",
  params = { task_definition = "string", revise = "function", timeout = "string?" },
  undo = "the services are moved back; the bad revision is registered anew; the corrected one is deregistered",
  check = function(on, params)
    local output = on.ecs:describe_task_definition { taskDefinition = params.task_definition, include = { "TAGS" } }
    local definition = output.taskDefinition
    if definition.status ~= "ACTIVE" then return nil, "the revision is deregistered already" end
    local request = corrected(params, definition, output.tags)
    if revision.equal(request, revision.request_of(definition, output.tags)) then return nil, "there is nothing to correct" end
    return { definition = definition, tags = output.tags, request = request }
  end,
  change = function(on, params, state)
    local bad = state.definition.taskDefinitionArn
    local new = on.ecs:register_task_definition(state.request).taskDefinition.taskDefinitionArn
    local old = revision.request_of(state.definition, state.tags)
    local users, others = movable(on, users_of(on, bad), bad, new)
    move(on, users, new, old)
    settle(on, users, params.timeout or "10m")
    local arns = {}
    for i, service in ipairs(users) do arns[i] = service.serviceArn end
    if others == 0 then on.ecs:deregister_task_definition({ taskDefinition = bad }, { prior = old }) end
    state.others = others
    return { task_definition = new, services = arns }
  end,
  proof = function(on, params, state)
    local now = on.ecs:describe_task_definition({ taskDefinition = params.task_definition }).taskDefinition
    return state.others > 0 or now.status == "INACTIVE"
  end,
}

--- Deregister a revision: nothing new is started from it. What runs goes on. `known` is what DescribeTaskDefinition told a
--- moment ago: {definition = …, tags = …}.
task_definitions.deregister_task_definition = {
  about = "Deregister a task definition's revision.",
  params = { task_definition = "string", known = "table?" },
  undo = "the same definition is registered as a new revision",
  check = function(on, params)
    if params.known then return revision.request_of(params.known.definition, params.known.tags) end
    local ok, output = pcall(on.ecs.describe_task_definition, on.ecs,
      { taskDefinition = params.task_definition, include = { "TAGS" } })
    if not ok then
      if failure.is(output, "ClientException") then return nil, "there is no such revision" end
      error(output, 0)
    end
    if output.taskDefinition.status ~= "ACTIVE" then return nil, "the revision is deregistered already" end
    return revision.request_of(output.taskDefinition, output.tags)
  end,
  change = function(on, params, prior)
    on.ecs:deregister_task_definition({ taskDefinition = params.task_definition }, { prior = prior })
  end,
}

return task_definitions
