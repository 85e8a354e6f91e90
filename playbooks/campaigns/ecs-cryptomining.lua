-- A cryptomining campaign in ECS, as in November 2025: stolen keys, dozens of clusters with miners, protected GPU instances
-- in Auto Scaling groups, functions with public URLs, users that send mail.
--
-- The order matters. Credentials come first, so that nothing new is made; then what would start things again; then what
-- runs; then what is left; then a look whether anything came back. ECS lets 20 clusters go at once and then one a second,
-- so clusters begin to go as soon as the first is empty, while the rest of it is still being stopped.
--
-- What is held to be of the campaign is told by riposte/attack.lua; what is not is left alone, with the reason. It answers
-- attack sequences. guardduty/ecs-compromised-cluster.lua answers single findings too, contains only what they name, and
-- has the same lock: where both answer a sequence, the second finds done what the first did.
local attacks = require "riposte.attack"
local containers = require "riposte.attack.containers"
local credentials = require "riposte.attack.credentials"
local functions = require "riposte.attack.functions"
local identities = require "riposte.attack.identities"
local machines = require "riposte.attack.machines"
local trail = require "riposte.attack.trail"

local ROUNDS = 3 -- so often at most what came back is answered
local BREATH = "10s" -- after what was done, before the look whether anything came back

local function call(fn) return fn() end

-- Everything that the verdicts rest on, read side by side.
local function read(attack)
  local world = {}
  attack.run:parallel({
    function() trail.read(attack) end,
    function() world.containers = containers.read(attack) end,
    function() world.machines = machines.read(attack) end,
    function() world.functions = functions.read(attack) end,
    function() world.identities = identities.read(attack) end,
  }, call)
  containers.read_unused(attack, world.containers)
  return world
end

local function judge(attack, world)
  return {
    containers = containers.judge(attack, world.containers),
    machines = machines.judge(attack, world.machines),
    functions = functions.judge(attack, world.functions),
    identities = identities.judge(attack, world.identities),
  }
end

-- Users and roles that the attack made, and the sessions that its keys led to.
local function lock_found(attack, found)
  for _, user in ipairs(found.identities.users) do attack:add_user(user.name, user.why) end
  for _, role in ipairs(found.identities.roles) do attack:add_role(role.name, role.why) end
  for _, user in ipairs(found.identities.users) do
    for key in attack.run.aws.iam():pages("list_access_keys", { UserName = user.name }) do
      attack:add_key(key.AccessKeyId, user.name)
    end
  end
  credentials.lock(attack)
end

local function names_of(things)
  local names = {}
  for i, thing in ipairs(things) do names[i] = thing.name end
  return names
end

local function contain_containers(run, found)
  local arns, known, definitions = {}, {}, {}
  for i, thing in ipairs(found.clusters) do arns[i], known[thing.what] = thing.what, thing.known end
  for _, thing in ipairs(found.definitions) do definitions[thing.name] = thing.known end
  run:parallel({
    function() run.actions.ecs.delete_clusters { clusters = arns, known = known, definitions = definitions } end,
    function() -- in clusters that stay
      run:parallel(found.services, function(thing)
        local service = thing.known
        run:phase("recreation", function()
          run.actions.ecs.stop_service { cluster = service.clusterArn, service = thing.name, known = service }
        end)
        run:phase("leftovers", function()
          run.actions.ecs.delete_service {
            cluster = service.clusterArn, service = thing.name, definition = definitions[service.taskDefinition],
          }
        end)
      end)
      run:phase("running", function()
        run:parallel(found.tasks, function(thing)
          run.actions.ecs.stop_task { cluster = thing.known.clusterArn, task = thing.name }
        end)
      end)
    end,
  }, call)
end

local function contain_machines(run, found)
  run:phase("recreation", function()
    run:parallel(names_of(found.groups), function(group) run.actions.autoscaling.halt_group { group = group } end)
  end)
  run:phase("running", function()
    run:parallel(names_of(found.instances), function(id)
      run.actions.ec2.terminate_instance { instance = id, wait = false }
    end)
  end)
end

local function delete_groups(run, found)
  run:phase("leftovers", function()
    run:parallel(names_of(found.groups), function(group) run.actions.autoscaling.delete_group { group = group } end)
  end)
end

-- What costs nothing while it lies there goes last.
local function clear(run, found)
  run:phase("leftovers", function()
    run:parallel({
      function()
        run:parallel(found.functions.functions, function(thing)
          run.actions.lambda.delete_url { name = thing.name }
          run.actions.lambda.delete_function { name = thing.name }
        end)
        run:parallel(found.functions.urls, function(url) run.actions.lambda.delete_url { name = url.name } end)
      end,
      function()
        run:parallel(names_of(found.identities.users), function(user) run.actions.iam.delete_user { user = user } end)
      end,
      function()
        run:parallel(found.containers.definitions, function(thing)
          run.actions.ecs.deregister_task_definition { task_definition = thing.name, known = thing.known }
        end)
      end,
    }, call)
  end)
end

-- What was not dealt with before: everything is answered once, also while it is still on its way out.
local function fresh(attack, found)
  local total = 0
  for _, part in pairs(found) do
    for kind, things in pairs(part) do
      part[kind] = {}
      for _, thing in ipairs(things) do
        if not attack.answered[thing.what] then
          attack.answered[thing.what] = true
          table.insert(part[kind], thing)
          total = total + 1
        end
      end
    end
  end
  return found, total
end

local contain

-- What came back, or was made while the rest of it went.
local function look_again(attack, round)
  local run = attack.run
  if run.mode ~= "enforce" or round == ROUNDS then return 0 end
  local back, count = run:phase("proof", function()
    run:sleep(BREATH)
    return fresh(attack, judge(attack, read(attack)))
  end)
  return count == 0 and 0 or count + contain(attack, back, round + 1)
end

-- Clusters and groups take as long as a quota or their instances want. Meanwhile the rest is done, and looked at again.
-- Gives how many more things that brought.
function contain(attack, found, round)
  local run, more = attack.run, 0
  run:parallel({
    function() contain_containers(run, found.containers) end,
    function()
      run:parallel({
        function() run:phase("credentials", function() lock_found(attack, found) end) end,
        function() contain_machines(run, found.machines) end,
      }, call)
      run:parallel({
        function() delete_groups(run, found.machines) end,
        function()
          clear(run, found)
          more = look_again(attack, round)
        end,
      }, call)
    end,
  }, call)
  return more
end

-- Is there a cluster now that was not there when it was looked last?
local function any_new_cluster(attack)
  for arn in attack.run.aws.ecs():pages("list_clusters", { maxResults = 100 }) do
    if not attack.seen[arn] then return true end
  end
  return false
end

return {
  name = "ecs-cryptomining",
  about = "Contain a cryptomining campaign in ECS: what the finding names, and the rest of it in account and region.",
  trigger = {
    source = { "aws.guardduty" },
    ["detail-type"] = { "GuardDuty Finding" },
    detail = { type = { { prefix = "AttackSequence:ECS/" } } },
  },
  permissions = {
    "ecs:List*", "ecs:Describe*", "ecs:UpdateService", "ecs:DeleteService", "ecs:StopTask", "ecs:DeleteCluster",
    "ecs:DeregisterContainerInstance", "ecs:DeregisterTaskDefinition",
    "ec2:DescribeInstances", "ec2:DescribeInstanceAttribute", "ec2:ModifyInstanceAttribute", "ec2:TerminateInstances",
    "autoscaling:DescribeAutoScalingGroups", "autoscaling:SuspendProcesses", "autoscaling:UpdateAutoScalingGroup",
    "autoscaling:DeleteAutoScalingGroup",
    "lambda:ListFunctions", "lambda:GetFunctionConfiguration", "lambda:GetFunctionUrlConfig",
    "lambda:DeleteFunctionUrlConfig", "lambda:DeleteFunction",
    "iam:List*", "iam:Get*", "iam:UpdateAccessKey", "iam:PutUserPolicy", "iam:PutRolePolicy", "iam:DeleteUser*",
    "iam:DeleteAccessKey", "iam:DeleteLoginProfile", "iam:DetachUserPolicy", "iam:RemoveUserFromGroup",
    "iam:DeactivateMFADevice", "iam:DeleteSigningCertificate", "iam:DeleteSSHPublicKey",
    "cloudtrail:LookupEvents",
    "guardduty:ArchiveFindings", "guardduty:UpdateFindingsFeedback",
  },
  limits = { changes = 5000, time = "1h" },
  lock = function(finding) return finding.account .. "/" .. finding.region .. "/ecs" end,

  run = function(finding, run)
    local attack = attacks.of(finding, run)
    run:evidence("the attack", {
      began = attack.began, users = attack.users, roles = attack.roles, keys = names_of(attack.key_list), images = attack.images,
    })
    local world
    run:parallel({
      function() run:phase("credentials", function() credentials.lock(attack) end) end,
      function() world = read(attack) end,
    }, call)
    local found, total = fresh(attack, judge(attack, world))
    total = total + contain(attack, found, 1)
    run:phase("proof", function()
      if run.mode == "enforce" and any_new_cluster(attack) then
        local back, count = fresh(attack, judge(attack, read(attack)))
        total = total + count + contain(attack, back, ROUNDS)
      end
      finding:resolve(("%d things of the campaign were contained: see run %s"):format(total, run.id))
    end)
  end,
}
