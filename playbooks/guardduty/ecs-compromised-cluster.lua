-- A compromised ECS cluster: contain what the finding names, and nothing else. Its credentials are locked; a cluster that
-- the attack made goes; from a cluster of the account's own only the attack's services and tasks go, and the tasks that the
-- finding names are stopped, whoever started them.
--
-- It answers attack sequences and single runtime findings in ECS. campaigns/ecs-cryptomining.lua answers attack sequences
-- too and sweeps the account; both have the same lock, and what one did the other finds done.
local attacks = require "riposte.attack"
local containers = require "riposte.attack.containers"
local credentials = require "riposte.attack.credentials"
local trail = require "riposte.attack.trail"

local function call(fn) return fn() end

local function sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function cluster_of(task)
  return task:match(":task/([^/]+)/")
end

-- The clusters that the finding names, and those of the tasks that it names.
local function clusters_of(attack)
  local set = {}
  for arn in pairs(attack.clusters) do set[arn:match("([^/]+)$")] = true end
  for arn in pairs(attack.tasks) do set[cluster_of(arn) or "default"] = true end
  return sorted(set)
end

local function contain(run, found)
  local arns, known = {}, {}
  for i, thing in ipairs(found.clusters) do arns[i], known[thing.what] = thing.what, thing.known end
  if #arns > 0 then run.actions.ecs.delete_clusters { clusters = arns, known = known } end
  run:parallel(found.services, function(thing)
    run:phase("recreation", function()
      run.actions.ecs.delete_service { cluster = thing.known.clusterArn, service = thing.name }
    end)
  end)
  run:parallel(found.tasks, function(thing)
    run:phase("running", function()
      run.actions.ecs.stop_task { cluster = thing.known.clusterArn, task = thing.name, wait = false }
    end)
  end)
end

-- What runs and is named as compromised does not go on, whoever started it: a service starts a clean one in its place.
local function stop_named(attack)
  local run = attack.run
  run:phase("running", function()
    run:parallel(sorted(attack.tasks), function(task)
      run.actions.ecs.stop_task { cluster = cluster_of(task), task = task, reason = "Compromised: see " .. run.id }
    end)
  end)
end

return {
  name = "ecs-compromised-cluster",
  about = "Contain an ECS cluster that GuardDuty calls compromised: what the finding names, and nothing else.",
  trigger = {
    source = { "aws.guardduty" },
    ["detail-type"] = { "GuardDuty Finding" },
    detail = {
      ["$or"] = {
        { type = { { prefix = "AttackSequence:ECS/" } } },
        { resource = { resourceType = { "ECSCluster" } }, severity = { { numeric = { ">=", 7 } } } },
      },
    },
  },
  permissions = {
    "ecs:List*", "ecs:Describe*", "ecs:UpdateService", "ecs:DeleteService", "ecs:StopTask", "ecs:DeleteCluster",
    "ecs:DeregisterContainerInstance",
    "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed", "iam:GetUserPolicy", "iam:GetRolePolicy", "iam:UpdateAccessKey",
    "iam:PutUserPolicy", "iam:PutRolePolicy",
    "cloudtrail:LookupEvents",
    "guardduty:ArchiveFindings", "guardduty:UpdateFindingsFeedback",
  },
  limits = { changes = 500, time = "20m" },
  lock = function(finding) return finding.account .. "/" .. finding.region .. "/ecs" end,

  run = function(finding, run)
    local attack, world = attacks.of(finding, run), nil
    local names = clusters_of(attack)
    run:parallel({
      function() run:phase("credentials", function() credentials.lock(attack) end) end,
      function() trail.read(attack) end,
      function() world = containers.read(attack, names) end,
    }, call)
    local found = containers.judge(attack, world)
    contain(run, found)
    stop_named(attack)
    run:phase("proof", function()
      finding:resolve(("%d clusters, %d services and %d tasks were contained: see run %s"):format(
        #found.clusters, #found.services, #found.tasks, run.id))
    end)
  end,
}
