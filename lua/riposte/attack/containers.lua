--- What of an attack is in ECS: clusters, services, tasks, task definitions.
---
--- A definition is of the attack by who registered it or by its image; a service or task by who made it or by its
--- definition; a cluster when all that is in it is, or when it is empty and was made by the attack's credentials. A cluster
--- that also holds something else is not touched, but for the attack's services and tasks in it.
local list = require "riposte.list"
local services = require "riposte.services"
local time = require "riposte.time"

local containers = {}

local function short(arn)
  return arn:match("([^/]+)$") or arn
end

-- Reading -----------------------------------------------------------------------------------------------------------

local function tasks_in(run, ecs, cluster)
  local tasks = {}
  local arns = list.all(ecs:pages("list_tasks", { cluster = cluster }))
  run:parallel(list.batches(arns, 100), function(batch)
    list.append(tasks, ecs:describe_tasks({ cluster = cluster, tasks = batch }).tasks or {})
  end)
  return tasks
end

-- Does ECS count what is in clusters? An emulator may leave the counts at zero; then every cluster is asked.
local function counts_kept(clusters)
  for _, cluster in ipairs(clusters) do
    if cluster.activeServicesCount > 0 then return true end
  end
  return false
end

local function read_cluster(run, ecs, cluster, counted)
  local arn, entry = cluster.clusterArn, { cluster = cluster, services = {}, tasks = {} }
  local parts = {} -- what ECS counts as none is not asked for: each list costs a request of a quota
  if not counted or cluster.activeServicesCount > 0 then
    parts[#parts + 1] = function() entry.services = services.of_cluster(run, ecs, arn) end
  end
  if not counted or cluster.runningTasksCount + cluster.pendingTasksCount > 0 then
    parts[#parts + 1] = function() entry.tasks = tasks_in(run, ecs, arn) end
  end
  run:parallel(parts, function(part) part() end)
  return entry
end

local function definitions_of(entries)
  local arns, seen = {}, {}
  local function add(arn)
    if arn and not seen[arn] then
      arns[#arns + 1], seen[arn] = arn, true
    end
  end
  for _, entry in ipairs(entries) do
    for _, service in ipairs(entry.services) do add(service.taskDefinition) end
    for _, task in ipairs(entry.tasks) do add(task.taskDefinitionArn) end
  end
  return arns
end

local function describe_definition(ecs, into, arn)
  local output = ecs:describe_task_definition { taskDefinition = arn, include = { "TAGS" } }
  into[arn] = { definition = output.taskDefinition, tags = output.tags }
end

--- Read clusters of the region, all or those named, with what is in them: {entries = {{cluster, services, tasks}, …},
--- definitions = {ARN = {definition, tags}}}.
---@param names string[]?
function containers.read(attack, names)
  local run = attack.run
  local ecs = run.aws.ecs { region = attack.region }
  local clusters = {}
  names = names or list.all(ecs:pages("list_clusters", { maxResults = 100 }))
  for _, name in ipairs(names) do attack.seen[name] = true end
  for batch in list.batches(names, 100) do
    local output = ecs:describe_clusters { clusters = batch, include = { "SETTINGS", "CONFIGURATIONS", "TAGS" } }
    for _, cluster in ipairs(output.clusters or {}) do
      if cluster.status ~= "INACTIVE" then clusters[#clusters + 1] = cluster end
    end
  end
  local world = { entries = {}, definitions = {} }
  local counted = counts_kept(clusters)
  world.entries = run:parallel(clusters, function(cluster) return read_cluster(run, ecs, cluster, counted) end)
  run:parallel(definitions_of(world.entries), function(arn) describe_definition(ecs, world.definitions, arn) end)
  return world
end

--- Read the revisions that CloudTrail says were made by the attack and that nothing runs.
function containers.read_unused(attack, world)
  local ecs = attack.run.aws.ecs { region = attack.region }
  local arns = {}
  for key in pairs(attack.made) do
    local arn = key:match("^task%-definition (arn:.+)$")
    if arn and not world.definitions[arn] then arns[#arns + 1] = arn end
  end
  table.sort(arns)
  attack.run:parallel(arns, function(arn) describe_definition(ecs, world.definitions, arn) end, { keep_going = true })
end

-- Judging -----------------------------------------------------------------------------------------------------------

-- An image that a revision from before the attack runs is the account's own, even when the finding names it: then it is
-- the workload that was taken over, and nothing that runs it is rogue for that alone.
local function own_images(attack, world)
  for _, each in pairs(world.definitions) do
    local registered = time.ms(each.definition.registeredAt)
    for _, container in ipairs(each.definition.containerDefinitions or {}) do
      if registered and registered < attack.began then attack.images[container.image] = nil end
    end
  end
end

local function image_facts(attack, definition)
  local facts = {}
  for _, container in ipairs(definition.containerDefinitions or {}) do
    if attack.images[container.image] then facts[#facts + 1] = "its image is " .. container.image end
  end
  return facts
end

local function definition_thing(attack, arn, each)
  local definition = each.definition
  return {
    kind = "task-definition", name = arn, what = arn, known = each,
    created = time.ms(definition.registeredAt), by = definition.registeredBy, proof = image_facts(attack, definition),
  }
end

local function definition_proof(rogue, arn)
  return rogue[arn] and { "it runs " .. short(arn) .. ", which is the attack's: " .. rogue[arn] } or {}
end

local function service_thing(service, rogue)
  return {
    kind = "service", name = service.serviceArn, what = service.serviceArn, known = service,
    created = time.ms(service.createdAt), by = service.createdBy, proof = definition_proof(rogue, service.taskDefinition),
  }
end

local function task_thing(attack, task, rogue)
  local proof = definition_proof(rogue, task.taskDefinitionArn)
  for _, container in ipairs(task.containers or {}) do
    if attack.images[container.image] then proof[#proof + 1] = "its image is " .. container.image end
  end
  return {
    kind = "task", name = task.taskArn, what = task.taskArn, known = task, created = time.ms(task.createdAt), proof = proof,
  }
end

-- The attack's part of what a cluster holds, and what of it is somebody else's.
local function judge_contents(attack, entry, rogue)
  local ours, others = { services = {}, tasks = {} }, nil
  local group_is_ours = {}
  for _, service in ipairs(entry.services) do
    local thing = service_thing(service, rogue)
    local of, why = attack:judge(thing)
    thing.why = why
    if of then
      ours.services[#ours.services + 1], group_is_ours["service:" .. service.serviceName] = thing, true
    else
      others = others or (short(service.serviceArn) .. ": " .. why)
    end
  end
  for _, task in ipairs(entry.tasks) do
    if not group_is_ours[task.group or ""] then
      local thing = task_thing(attack, task, rogue)
      local of, why = attack:judge(thing)
      thing.why = why
      if of then
        ours.tasks[#ours.tasks + 1] = thing
      else
        others = others or (short(task.taskArn) .. ": " .. why)
      end
    end
  end
  return ours, others
end

-- ECS does not tell who made a cluster: CloudTrail does, and where it can't be asked, what is in the cluster has to.
local function cluster_thing(attack, entry, ours)
  local arn, proof = entry.cluster.clusterArn, {}
  local first = ours.services[1] or ours.tasks[1]
  if first and not attack.trail_known then proof[1] = "all that is in it is of the attack: " .. first.why end
  local name = entry.cluster.clusterName
  local made = attack:maker("cluster", arn)
  if made then attack.made["cluster " .. name] = made end
  return { kind = "cluster", name = name, what = arn, known = entry, proof = proof, contents = ours }
end

--- Which clusters, services, tasks and task definitions are of the attack: {clusters, services, tasks, definitions}, each
--- a list of things with `why`. The services and tasks are those in clusters that stay.
function containers.judge(attack, world)
  own_images(attack, world)
  local rogue, things = {}, {}
  for arn, each in pairs(world.definitions) do
    if each.definition.status == "ACTIVE" then things[#things + 1] = definition_thing(attack, arn, each) end
  end
  table.sort(things, function(a, b) return a.name < b.name end)
  local found = { clusters = {}, services = {}, tasks = {}, definitions = attack:sift(things) }
  for _, thing in ipairs(found.definitions) do rogue[thing.name] = thing.why end

  local clusters, of = {}, {}
  for _, entry in ipairs(world.entries) do
    local ours, others = judge_contents(attack, entry, rogue)
    if others then
      attack:leave(entry.cluster.clusterArn, "it holds what is not of the attack: " .. others)
      list.append(found.services, ours.services)
      list.append(found.tasks, ours.tasks)
    else
      clusters[#clusters + 1] = cluster_thing(attack, entry, ours)
    end
  end
  found.clusters = attack:sift(clusters)
  for _, thing in ipairs(found.clusters) do of[thing] = true end
  for _, thing in ipairs(clusters) do
    if not of[thing] then
      list.append(found.services, thing.contents.services)
      list.append(found.tasks, thing.contents.tasks)
    end
  end
  for _, kind in ipairs { "clusters", "services", "tasks", "definitions" } do
    attack:keep_evidence("ECS " .. kind .. " of the attack", found[kind])
  end
  return found
end

return containers
