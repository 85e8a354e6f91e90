--- Remedies for ECS clusters: gone, with all that is in them.
---
--- ECS deletes a cluster only when it is empty: no services, no tasks, no container instances. Many clusters are a race
--- against one quota, the cluster modifications (20 at once, then one a second): a cluster is deleted as soon as it is
--- empty, while others are still being emptied, and one DescribeClusters for up to a hundred tells which are.
local failure = require "riposte.failure"
local list = require "riposte.list"
local services = require "riposte.services"

local clusters = {}

local PATIENCE_MS = 600000
local BATCH = 100 -- DescribeClusters takes so many
local DESCRIBED = { "SETTINGS", "CONFIGURATIONS", "TAGS" }
local NOT_EMPTY = {
  "ClusterContainsServicesException",
  "ClusterContainsTasksException",
  "ClusterContainsContainerInstancesException",
  "UpdateInProgressException",
}

-- The clusters of these names or ARNs that are there, as ECS describes them.
local function describe(on, names)
  local found = {}
  for batch in list.batches(names, BATCH) do
    for _, cluster in ipairs(on.ecs:describe_clusters({ clusters = batch, include = DESCRIBED }).clusters or {}) do
      if cluster.status ~= "INACTIVE" then found[#found + 1] = cluster end
    end
  end
  return found
end

local function stop_tasks(on, cluster, emptying)
  on.run:parallel(on.ecs:pages("list_tasks", { cluster = cluster, desiredStatus = "RUNNING" }), function(task)
    emptying.stopping = true
    on.actions.ecs.stop_task { cluster = cluster, task = task, wait = false }
  end)
end

local function deregister_instances(on, cluster)
  on.run:parallel(on.ecs:pages("list_container_instances", { cluster = cluster }), function(instance)
    on.ecs:deregister_container_instance { cluster = cluster, containerInstance = instance, force = true }
  end)
end

-- Emptying ----------------------------------------------------------------------------------------------------------

-- Many clusters on their way to be empty: `services` tells those of a cluster where they are known, `phases` how the
-- playbook calls what happens.
local Emptying = {}
Emptying.__index = Emptying

function Emptying:empty(cluster)
  local on, arn = self.on, cluster.clusterArn
  local inside = self.services[arn] or services.of_cluster(on.run, on.ecs, arn)
  on.run:phase(self.phases.recreation, function()
    on.run:parallel(inside, function(service)
      on.actions.ecs.stop_service { cluster = arn, service = service.serviceArn, known = service }
    end)
  end)
  on.run:phase(self.phases.running, function()
    -- What ECS counts as none needs no asking; a task that starts in this moment is stopped with its service.
    if cluster.runningTasksCount + cluster.pendingTasksCount > 0 then stop_tasks(on, arn, self) end
  end)
  on.run:phase(self.phases.leftovers, function()
    on.run:parallel(inside, function(service)
      on.ecs:delete_service(
        { cluster = arn, service = service.serviceArn, force = true },
        { prior = service, undo = services.recreation(service, self.definitions[service.taskDefinition]) }
      )
    end)
    if cluster.registeredContainerInstancesCount > 0 then deregister_instances(on, arn) end
  end)
end

--- Empty all; one that fails does not hold up the others. Gives the first failure.
function Emptying:all(found)
  local _, failures = self.on.run:parallel(found, function(cluster)
    local ok, err = pcall(self.empty, self, cluster)
    self.state[cluster.clusterArn] = ok and "emptied" or "failed"
    if not ok then error(err, 0) end
  end, { keep_going = true })
  self.stopping = true
  return failures[1]
end

-- A service that is being deleted counts until its last task has stopped, but only in the statistics.
local function is_empty(cluster)
  for _, each in ipairs(cluster.statistics or {}) do
    if each.name:find("^draining.*ServiceCount$") and each.value ~= "0" then return false end
  end
  return cluster.activeServicesCount == 0 and cluster.runningTasksCount == 0 and cluster.pendingTasksCount == 0
    and cluster.registeredContainerInstancesCount == 0
end

function Emptying:describe(arns)
  return self.on.ecs:describe_clusters({ clusters = arns, include = { "STATISTICS" } }).clusters or {}
end

-- Which of the emptied clusters ECS counts as empty by now: {ARN = true}.
function Emptying:look(waiting)
  local asked, empty = {}, {}
  for _, cluster in ipairs(waiting) do
    if self.state[cluster.clusterArn] == "emptied" then asked[#asked + 1] = cluster.clusterArn end
  end
  for batch in list.batches(asked, BATCH) do
    for _, each in ipairs(self:describe(batch)) do
      empty[each.clusterArn] = is_empty(each)
    end
  end
  return empty
end

--- An iterator that gives each cluster as it becomes empty. It begins when the first tasks are being stopped: what runs
--- comes before what is left.
function Emptying:as_they_empty(found)
  local run, started = self.on.run, self.on.run:now()
  local waiting, ready, given = table.move(found, 1, #found, 1, {}), {}, 0
  local function sort_out(empty)
    local rest = {}
    for _, cluster in ipairs(waiting) do
      local arn = cluster.clusterArn
      local to = empty[arn] and ready or self.state[arn] ~= "failed" and rest
      if to then to[#to + 1] = cluster end
    end
    waiting = rest
  end
  return function()
    while given == #ready and #waiting > 0 do
      if self.stopping then sort_out(self:look(waiting)) end
      if given == #ready and #waiting > 0 then
        if run:now() - started > PATIENCE_MS then return nil end
        run:sleep(self.stopping and "250ms" or "20ms")
      end
    end
    given = given + 1
    return ready[given]
  end
end

local function delete(on, cluster)
  on.run:wait_until(function()
    local ok, err = pcall(on.ecs.delete_cluster, on.ecs, { cluster = cluster.clusterArn }, { prior = cluster })
    if not ok and not failure.is(err, table.unpack(NOT_EMPTY)) then error(err, 0) end
    return ok
  end, { timeout = "5m", every = "3s", what = cluster.clusterArn .. " to be empty" })
end

-- Actions -----------------------------------------------------------------------------------------------------------

local PHASES = { recreation = "recreation", running = "running", leftovers = "leftovers" }

--- Delete clusters with all that is in them: services to zero, tasks stopped, services deleted, container instances
--- deregistered, then the clusters. `clusters` are names or ARNs; one that is gone already is passed over. `phases` names
--- the parts in the record ({recreation = …, running = …, leftovers = …}). `known` gives what was read a moment ago:
--- {ARN = {cluster = …, services = {…}}} as ECS describes them; `definitions` the task definitions that are deregistered too,
--- {ARN = {definition = …, tags = …}}, so that undoing the services brings them back.
clusters.delete_clusters = {
  about = "Delete clusters with all that is in them, as fast as the request quotas allow.",
  params = { clusters = "table", phases = "table?", known = "table?", definitions = "table?" },
  undo = "the clusters and services are created again as they were; tasks of no service are not",
  check = function(on, params)
    local known, found, unread = params.known or {}, {}, {}
    for _, name in ipairs(params.clusters) do
      if known[name] then
        found[#found + 1] = known[name].cluster
      else
        unread[#unread + 1] = name
      end
    end
    for _, cluster in ipairs(describe(on, unread)) do found[#found + 1] = cluster end
    if #found == 0 then return nil, "the clusters are gone" end
    return found
  end,
  change = function(on, params, found)
    local inside = {}
    for arn, each in pairs(params.known or {}) do inside[arn] = each.services end
    local emptying = setmetatable({
      on = on,
      phases = params.phases or PHASES,
      services = inside,
      definitions = params.definitions or {},
      state = {},
      stopping = false, -- has the first task been told to stop?
    }, Emptying)
    local failed
    local function empty_all() failed = emptying:all(found) end
    local function delete_all()
      on.run:phase(emptying.phases.leftovers, function()
        local ready = on.run.mode == "enforce" and emptying:as_they_empty(found) or found
        on.run:parallel(ready, function(cluster) delete(on, cluster) end)
      end)
    end
    if on.run.mode == "enforce" then
      on.run:parallel({ empty_all, delete_all }, function(part) part() end)
    else -- in a rehearsal nothing takes time: there is nothing to do side by side
      empty_all()
      delete_all()
    end
    if failed then error(failed.error, 0) end
  end,
  proof = function(on, params) return #describe(on, params.clusters) == 0 end,
  patience = { timeout = "10m", every = "2s" },
}

--- Delete one cluster with all that is in it: see delete_clusters.
clusters.delete_cluster = {
  about = "Delete a cluster with all that is in it.",
  params = { cluster = "string" },
  undo = clusters.delete_clusters.undo,
  check = function(on, params)
    if #describe(on, { params.cluster }) == 0 then return nil, "the cluster is gone" end
    return {}
  end,
  change = function(on, params) on.actions.ecs.delete_clusters { clusters = { params.cluster } } end,
}

return clusters
