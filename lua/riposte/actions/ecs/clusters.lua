--- Remedies for ECS clusters: gone, with all that is in them.
---
--- ECS deletes a cluster only when it is empty: no services, no tasks, no container instances. Many clusters are a race
--- against one quota, the cluster modifications (20 at once, then one a second): a cluster is deleted as soon as it is
--- empty, while others are still being emptied, and one DescribeClusters for up to a hundred tells which are.
local failure = require "riposte.failure"

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

local function batches(list, size)
  local i = 1 - size
  return function()
    i = i + size
    if i <= #list then return table.move(list, i, math.min(i + size - 1, #list), 1, {}) end
  end
end

-- The clusters of these names or ARNs that are there, as ECS describes them.
local function describe(on, names)
  local found = {}
  for batch in batches(names, BATCH) do
    for _, cluster in ipairs(on.ecs:describe_clusters({ clusters = batch, include = DESCRIBED }).clusters or {}) do
      if cluster.status ~= "INACTIVE" then found[#found + 1] = cluster end
    end
  end
  return found
end

local function services_in(on, cluster)
  local arns, services = {}, {}
  for arn in on.ecs:pages("list_services", { cluster = cluster, maxResults = 100 }) do arns[#arns + 1] = arn end
  for batch in batches(arns, 10) do
    local output = on.ecs:describe_services { cluster = cluster, services = batch, include = { "TAGS" } }
    for _, service in ipairs(output.services or {}) do services[#services + 1] = service end
  end
  return services
end

local function stop_tasks(on, cluster)
  on.run:parallel(on.ecs:pages("list_tasks", { cluster = cluster, desiredStatus = "RUNNING" }), function(task)
    on.actions.ecs.stop_task { cluster = cluster, task = task, wait = false }
  end)
end

local function deregister_instances(on, cluster)
  on.run:parallel(on.ecs:pages("list_container_instances", { cluster = cluster }), function(instance)
    on.ecs:deregister_container_instance { cluster = cluster, containerInstance = instance, force = true }
  end)
end

-- `phase` tells a playbook's own names for the three things that happen here.
local function empty(on, cluster, phase)
  local arn = cluster.clusterArn
  local services = services_in(on, arn)
  on.run:phase(phase.recreation, function()
    on.run:parallel(services, function(service)
      on.actions.ecs.stop_service { cluster = arn, service = service.serviceArn, known = service }
    end)
  end)
  on.run:phase(phase.running, function()
    -- What ECS counts needs no asking; a task that started in this moment is stopped with its service.
    if cluster.runningTasksCount + cluster.pendingTasksCount > 0 then stop_tasks(on, arn) end
  end)
  on.run:phase(phase.leftovers, function()
    on.run:parallel(services, function(service)
      on.actions.ecs.delete_service { cluster = arn, service = service.serviceArn, known = service, wait = false }
    end)
    if cluster.registeredContainerInstancesCount > 0 then deregister_instances(on, arn) end
  end)
end

local function is_empty(cluster)
  return cluster.activeServicesCount == 0 and cluster.runningTasksCount == 0 and cluster.pendingTasksCount == 0
    and cluster.registeredContainerInstancesCount == 0
end

local function delete(on, cluster)
  on.run:wait_until(function()
    local ok, err = pcall(on.ecs.delete_cluster, on.ecs, { cluster = cluster.clusterArn }, { prior = cluster })
    if not ok and not failure.is(err, table.unpack(NOT_EMPTY)) then error(err, 0) end
    return ok
  end, { timeout = "5m", every = "3s", what = cluster.clusterArn .. " to be empty" })
end

-- Give each cluster once, as it becomes empty; those that could not be emptied (`broken`) are not waited for.
local function as_they_empty(on, found, emptied)
  local waiting, ready, started = {}, {}, on.run:now()
  for _, cluster in ipairs(found) do waiting[#waiting + 1] = cluster end

  -- Once emptied by us, ECS is asked whether it counts nothing any more.
  local function look()
    local asked = {}
    for _, cluster in ipairs(waiting) do
      if emptied[cluster.clusterArn] == "done" then
        asked[#asked + 1] = cluster.clusterArn
      end
    end
    local now = {}
    if #asked > 0 and on.run.mode == "enforce" then
      for batch in batches(asked, BATCH) do
        for _, each in ipairs(on.ecs:describe_clusters({ clusters = batch }).clusters or {}) do
          now[each.clusterArn] = is_empty(each)
        end
      end
    else
      for _, arn in ipairs(asked) do now[arn] = true end
    end
    local rest = {}
    for _, cluster in ipairs(waiting) do
      local arn = cluster.clusterArn
      if now[arn] then
        ready[#ready + 1] = cluster
      elseif emptied[arn] ~= "broken" then
        rest[#rest + 1] = cluster
      end
    end
    waiting = rest
  end

  local given = 0
  return function()
    while given == #ready and #waiting > 0 do
      look()
      if given == #ready and #waiting > 0 then
        if on.run:now() - started > PATIENCE_MS then return nil end
        on.run:sleep("200ms")
      end
    end
    given = given + 1
    return ready[given]
  end
end

local PHASES = { recreation = "recreation", running = "running", leftovers = "leftovers" }

--- Delete clusters with all that is in them: services to zero, tasks stopped, services deleted, container instances
--- deregistered, then the clusters. `clusters` are names or ARNs; one that is gone already is passed over. `phases` names
--- the parts in the record ({recreation = …, running = …, leftovers = …}).
clusters.delete_clusters = {
  about = "Delete clusters with all that is in them, as fast as the request quotas allow.",
  params = { clusters = "table", phases = "table?" },
  undo = "the clusters and services are created again as they were; standalone tasks are not",
  check = function(on, params)
    local found = describe(on, params.clusters)
    if #found == 0 then return nil, "the clusters are gone" end
    return found
  end,
  change = function(on, params, found)
    local run, emptied, phases = on.run, {}, params.phases or PHASES
    local broken
    local function empty_all()
      local _, failures = run:parallel(found, function(cluster)
        local ok, err = pcall(empty, on, cluster, phases)
        emptied[cluster.clusterArn] = ok and "done" or "broken"
        if not ok then error(err, 0) end
      end, { keep_going = true })
      broken = failures[1]
    end
    local function delete_all()
      run:phase(phases.leftovers, function()
        run:parallel(as_they_empty(on, found, emptied), function(cluster) delete(on, cluster) end)
      end)
    end
    if run.mode == "enforce" then
      run:parallel({ empty_all, delete_all }, function(part) part() end)
    else -- in a rehearsal nothing takes time: there is nothing to wait for side by side
      empty_all()
      delete_all()
    end
    if broken then error(broken.error, 0) end
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
  change = function(on, params) return on.actions.ecs.delete_clusters { clusters = { params.cluster } } end,
}

return clusters
