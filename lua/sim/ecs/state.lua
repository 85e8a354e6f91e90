--- What ECS holds in one region, and how its parts find each other by names and ARNs.
local collection = require "sim.collection"
local failure = require "sim.failure"
local tags = require "sim.tags"

local ecs = {}

function ecs.open(state)
  state.clusters = collection.new() -- by name
  state.definitions = collection.new() -- by "family:revision"
  state.revisions = {} -- family -> the last revision that was made
  state.providers = collection.new() -- by name
  state.settings = {}
end

function ecs.arn(state, resource)
  return state.account:arn("ecs", state.region, resource)
end

--- The last word of an ARN, or the name itself.
function ecs.name(reference)
  return reference:match "([^/]+)$" or reference
end

--- The active cluster that a call means; ClusterNotFoundException where there is none.
function ecs.cluster(state, reference)
  local cluster = state.clusters:get(ecs.name(reference or "default"))
  if not cluster or cluster.status == "INACTIVE" then
    failure.raise("ClusterNotFoundException", "Cluster not found.")
  end
  return cluster
end

function ecs.service(cluster, reference)
  local service = cluster.services:get(ecs.name(reference))
  if not service then failure.raise("ServiceNotFoundException", "Service not found.") end
  return service
end

--- "family", "family:3" or an ARN: the task definition, or nil. Without a revision, the latest active one.
function ecs.find_definition(state, reference)
  local name = ecs.name(reference)
  if name:find ":%d+$" then return state.definitions:get(name) end
  for revision = state.revisions[name] or 0, 1, -1 do
    local definition = state.definitions:get(name .. ":" .. revision)
    if definition and definition.status == "ACTIVE" then return definition end
  end
end

--- One that a task may be started from.
function ecs.usable_definition(state, reference)
  local definition = ecs.find_definition(state, reference)
  if not definition then failure.raise("ClientException", "TaskDefinition not found.") end
  if definition.status ~= "ACTIVE" then failure.raise("ClientException", "TaskDefinition is inactive") end
  return definition
end

--- The resource that an ARN names, for its tags.
function ecs.tagged(state, arn)
  local kind, rest = arn:match "^arn:[^:]+:ecs:[^:]*:%d+:([%l%-]+)/(.+)$"
  if not kind then failure.raise("InvalidParameterException", "The specified ARN is invalid: " .. arn) end
  local parent, name = rest:match "^([^/]+)/(.+)$"
  local cluster = state.clusters:get(parent or rest)
  local found
  if kind == "cluster" then found = cluster
  elseif kind == "task-definition" then found = state.definitions:get(rest)
  elseif kind == "capacity-provider" then found = state.providers:get(rest)
  elseif cluster and kind == "service" then found = cluster.services:get(name)
  elseif cluster and kind == "task" then found = cluster.tasks:get(name)
  elseif cluster and kind == "container-instance" then found = cluster.instances:get(name)
  end
  if not found or found.status == "INACTIVE" and kind == "cluster" then
    failure.raise("InvalidParameterException", "The specified resource was not found: " .. arn)
  end
  return found
end

--- Does a reply show tags? Only where `include` asks for them.
function ecs.shown_tags(thing, include)
  for _, wanted in ipairs(include or {}) do
    if wanted == "TAGS" then return tags.lower.list(thing.tags) end
  end
end

return ecs
