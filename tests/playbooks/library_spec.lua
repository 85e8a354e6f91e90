-- What the library promises where no account is needed: run in the sandbox by test_library.c. Each case is a function that
-- raises what is wrong.
local agree = require "riposte.agree"
local attack = require "riposte.attack"
local failure = require "riposte.failure"
local foresee = require "riposte.foresee"
local inverse = require "riposte.inverse"
local json = require "riposte.json"
local policy = require "riposte.policy"
local revision = require "riposte.revision"
local rules = require "riposte.rules"
local time = require "riposte.time"
local take_back = require "riposte.undo"

local function same(found, expected)
  if not revision.equal(found, expected) then
    error(("expected %s, found %s"):format(tostring(expected), tostring(found)), 2)
  end
end

-- An inverse, with a world in which each read gives what `told` has for it.
local function undo_of(service, operation, params, told, prior)
  return inverse.of {
    service = service, operation = operation, params = params, region = "us-east-1", account = "123456789012", prior = prior,
    read = function(name)
      local reply = told and told[name]
      if not reply then error(failure.new { code = "NoSuchEntity", message = name }, 0) end
      return reply
    end,
  }
end

local function finding(fields)
  fields.resources = function() return function() end end
  return fields
end

local function new_attack(fields)
  local its = attack.of(finding { first_seen = "2025-11-02T14:02:31Z", region = "us-east-1", actors = {} }, {})
  for name, value in pairs(fields or {}) do its[name] = value end
  return its
end

local BEFORE, SINCE = time.ms "2025-11-02T14:00:00Z", time.ms "2025-11-02T14:05:00Z"

local cases = {}

function cases.times_are_read_and_written_as_aws_does()
  same(time.text(0), "1970-01-01T00:00:00Z")
  same(time.ms "2024-02-29T23:59:59.250+01:00", time.ms "2024-02-29T22:59:59Z" + 250)
  same(time.text(time.ms "2025-11-02T14:14:09Z"), "2025-11-02T14:14:09Z")
  same(time.ms "2025-11-02T14:14:09.000+0000", time.ms "2025-11-02T14:14:09Z")
  same(time.ms "yesterday", nil)
  same(time.ms(12), 12000)
end

function cases.json_gives_values_or_a_reason_never_an_error()
  same(json.decode '{"a":[1,2.5e3,{"b":null,"c":true}],"s":"\\u00e9\\ud83d\\ude00"}',
    { a = { 1, 2500.0, { c = true } }, s = "é😀" })
  for _, broken in ipairs { '{"a":}', "[1,2", '"x', '"abc" x', ("["):rep(50), "", '"\\q"' } do
    local value, why = json.decode(broken)
    assert(value == nil and type(why) == "string", broken)
  end
end

function cases.a_policy_is_the_same_however_iam_encodes_it()
  local encoded = policy.deny_all:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
  assert(policy.same(encoded, policy.deny_all))
  assert(policy.deny_issued_before(SINCE):find('"aws:TokenIssueTime":"2025-11-02T14:05:00Z"', 1, true))
end

function cases.a_new_inline_policy_is_undone_by_deleting_it()
  local undo = undo_of("iam", "PutUserPolicy", { UserName = "u", PolicyName = "p", PolicyDocument = "{}" })
  same(undo[1].operation, "DeleteUserPolicy")
  same(undo[1].params, { UserName = "u", PolicyName = "p" })
end

function cases.an_inline_policy_that_was_there_comes_back()
  local undo = undo_of("iam", "PutUserPolicy", { UserName = "u", PolicyName = "p", PolicyDocument = "{}" },
    { get_user_policy = { PolicyDocument = "%7B%22a%22%3A1%7D" } })
  same(undo[1].operation, "PutUserPolicy")
  same(undo[1].params.PolicyDocument, '{"a":1}')
end

function cases.an_updated_service_gets_back_only_what_was_changed()
  local undo = undo_of("ecs", "UpdateService", { cluster = "c", service = "s", desiredCount = 0 },
    { describe_services = {
      services = { { status = "ACTIVE", desiredCount = 7, taskDefinition = "web:4", propagateTags = "NONE" } },
    } })
  same(undo[1].params, { cluster = "c", service = "s", desiredCount = 7 })
end

function cases.a_deleted_service_is_created_again_with_its_tags_and_network()
  local service = {
    serviceName = "web", clusterArn = "arn:c", taskDefinition = "web:4", desiredCount = 3, launchType = "FARGATE",
    tags = { { key = "team", value = "shop" } }, networkConfiguration = { awsvpcConfiguration = { subnets = { "s" } } },
    loadBalancers = {}, status = "ACTIVE", runningCount = 3,
  }
  local undo = undo_of("ecs", "DeleteService", { cluster = "c", service = "web" }, nil, service)
  same(undo[1], {
    service = "ecs", operation = "CreateService", region = "us-east-1", account = "123456789012",
    params = {
      cluster = "arn:c", serviceName = "web", taskDefinition = "web:4", desiredCount = 3, launchType = "FARGATE",
      tags = service.tags, networkConfiguration = service.networkConfiguration,
    },
  })
end

function cases.what_the_reply_tells_is_left_for_the_engine()
  local undo = undo_of("ecs", "RegisterTaskDefinition", { family = "web" })
  same(undo[1].params, { taskDefinition = { ["$reply"] = "taskDefinition.taskDefinitionArn" } })
end

function cases.what_cannot_be_undone_says_why()
  for _, each in ipairs { { "ec2", "TerminateInstances" }, { "ecs", "StopTask" }, { "lambda", "DeleteFunction" },
    { "s3", "DeleteObject" } } do
    local undo, why = undo_of(each[1], each[2], {})
    assert(undo == nil and type(why) == "string" and #why > 0, each[2])
  end
end

function cases.a_change_is_made_though_what_was_before_cannot_be_read()
  local undo, why, moot = inverse.of {
    service = "iam", operation = "DeleteUser", params = { UserName = "u" },
    read = function() error(failure.new { code = "AccessDenied", message = "no" }, 0) end,
  }
  assert(undo == nil and why:find("could not be read", 1, true) and moot == "unread")
end

function cases.an_error_that_is_raised_again_stays_the_same_error()
  local err = failure.new { code = "AccessDenied", message = "no" }
  assert(failure.new(err) == err)
end

function cases.a_change_of_what_is_not_there_has_no_undo()
  local _, why, moot = undo_of("iam", "DeleteUser", { UserName = "u" })
  assert(moot == "absent" and why:find("not there", 1, true))
end

function cases.secrets_that_only_marks_stand_for_agree_as_the_engine_says()
  local mark = "(sealed 2.7/3 QUJD)"
  agree.same_secret = function(given, now) return given == mark and now == "x" end
  assert(agree.params({ env = { { name = "T", value = mark } } }, { env = { { name = "T", value = "x" } } }))
  local fits, why = agree.params({ token = mark }, { token = "hush" })
  agree.same_secret = nil
  assert(not fits and why == "token is another secret now than it was set to", why)
  assert(agree.params({ token = mark }, { token = "hush" }))
end

function cases.the_world_agrees_as_aws_takes_values_for_the_same()
  local arn = "arn:aws:ecs:us-east-1:1:service/shop/web"
  assert(agree.params({ service = "web", desiredCount = 0 }, { service = arn, desiredCount = 0 }))
  assert(agree.params({ Doc = '{"a":[1,2],"b":"x"}' }, { Doc = "%7B%22b%22:%22x%22,%22a%22:%5B2,1%5D%7D" }))
  local a, b = { key = "a", value = "1" }, { key = "b", value = "2" }
  assert(agree.params({ tags = { a, b } }, { tags = { b } }))
  assert(agree.params({ Groups = { "sg-1", "sg-2" } }, { Groups = { "sg-2", "sg-1" } }))
  assert(agree.params({ defs = { { name = "c" } } }, { defs = { { name = "c", essential = true, env = {} } } }))
  assert(agree.params({ env = "(secret 00ff.12ab)" }, { env = { { name = "TOKEN", value = "x" } } }))
  assert(agree.params({ net = { ids = { "s" }, public = false } }, { net = { ids = { "s" }, more = 1 } }))
  for _, each in ipairs {
    { { service = "eb" }, { service = arn } },
    { { Doc = '{"a":1}' }, { Doc = '{"a":1,"b":2}' } },
    { { tags = { a } }, { tags = { { key = "a", value = "2" } } } },
    { { Groups = { "sg-1" } }, { Groups = { "sg-1", "sg-2" } } },
    { { Groups = { "sg-1", "sg-2" } }, { Groups = { "sg-1" } } },
    { { net = { public = true } }, { net = {} } },
    { { Environment = { Variables = { a = "1" } } }, { Environment = { Variables = { a = "1", b = "2" } } } },
  } do
    local ok, why = agree.params(each[1], each[2])
    assert(not ok and why:find(" now, and was set to ", 1, true), next(each[1]))
  end
end

function cases.only_processes_that_ran_are_resumed()
  local undo = undo_of("autoscaling", "SuspendProcesses",
    { AutoScalingGroupName = "g", ScalingProcesses = { "Launch", "Terminate" } }, nil,
    { SuspendedProcesses = { { ProcessName = "Launch" } } })
  same(undo[1].params, { AutoScalingGroupName = "g", ScalingProcesses = { "Terminate" } })
end

function cases.a_rehearsal_sees_what_it_planned()
  local world = foresee.new()
  world:planned("ecs", "DeleteService", { cluster = "arn:x:cluster/c", service = "web" }, {}, "us-east-1", "1")
  local listed = { serviceArns = { "arn:x:service/c/web", "arn:x:service/c/api" } }
  same(world:apply("ecs", "ListServices", { cluster = "c" }, listed, "us-east-1", "1").serviceArns, { "arn:x:service/c/api" })
  local elsewhere = { serviceArns = { "arn:x:service/c/web" } }
  same(#world:apply("ecs", "ListServices", { cluster = "c" }, elsewhere, "eu-west-1", "1").serviceArns, 1)
  world:planned("iam", "UpdateAccessKey", { AccessKeyId = "AKIA", Status = "Inactive" }, {}, "us-east-1", "1")
  local keys = { AccessKeyMetadata = { { AccessKeyId = "AKIA", Status = "Active" } } }
  same(world:apply("iam", "ListAccessKeys", {}, keys, "eu-west-1", "1").AccessKeyMetadata[1].Status, "Inactive")
end

function cases.what_was_there_before_is_never_of_the_attack()
  local of, why = new_attack():judge {
    kind = "group", name = "g", what = "g", created = BEFORE, proof = { "the finding names it" }, marks = { "GPU" },
  }
  assert(not of and why:find("before the attack began", 1, true))
end

function cases.what_somebody_else_made_since_is_left_alone()
  local alice = "arn:aws:iam::1:user/alice"
  local of, why = new_attack():judge { kind = "service", name = "s", what = "s", created = SINCE, by = alice }
  assert(not of and why == "made by arn:aws:iam::1:user/alice")
end

function cases.what_the_actor_made_since_is_of_the_attack()
  local its = new_attack()
  its:add_user("ci-deploy", "named")
  assert(its:judge { kind = "service", name = "s", what = "s", created = SINCE, by = "arn:aws:iam::1:user/ci-deploy" })
  assert(not its:judge { kind = "service", name = "s", what = "s", created = SINCE, by = "arn:aws:iam::1:user/ci" })
end

function cases.one_mark_is_not_enough_and_cloudtrail_outweighs_marks()
  local thing = { kind = "instance", name = "i", what = "i", created = SINCE }
  assert(not new_attack():judge(thing), "only new")
  thing.marks = { "p3.8xlarge" }
  assert(new_attack():judge(thing), "new, and looks like it")
  assert(not new_attack({ trail_known = true }):judge(thing), "CloudTrail is there and does not name it")
end

function cases.a_task_definition_carries_over_all_that_can_be_registered()
  local definition = {
    taskDefinitionArn = "arn", revision = 3, status = "ACTIVE", compatibilities = { "EC2" }, registeredBy = "x",
    family = "f", pidMode = "host", runtimePlatform = { cpuArchitecture = "ARM64" },
    containerDefinitions = { { name = "c", environment = {} } },
    ephemeralStorage = { sizeInGiB = 30 }, enableFaultInjection = false,
  }
  same(revision.request_of(definition, { { key = "a", value = "b" } }), {
    family = "f", containerDefinitions = definition.containerDefinitions, pidMode = "host", enableFaultInjection = false,
    runtimePlatform = { cpuArchitecture = "ARM64" }, ephemeralStorage = { sizeInGiB = 30 }, tags = { { key = "a", value = "b" } },
  })
end

-- Taking back an UpdateService, in a world in which the operation `fails` does so for this reason.
local function undo_in(fails, err)
  local steps = { {
    step = "1", service = "ecs", operation = "UpdateService", params = { cluster = "c", service = "s", desiredCount = 0 },
    undo = { { service = "ecs", operation = "UpdateService", params = { cluster = "c", service = "s", desiredCount = 3 } } },
  } }
  local client = {
    describe_services = function() return { services = { { status = "ACTIVE", desiredCount = 0 } } } end,
    UpdateService = function() return {} end,
  }
  client[fails] = function() error(failure.new(err), 0) end
  local run = { mode = "enforce", aws = { ecs = function() return client end } }
  local _, raised = pcall(take_back, run, steps)
  return raised
end

function cases.an_undo_that_fails_for_a_while_is_done_again()
  for _, operation in ipairs { "describe_services", "UpdateService" } do
    local err = undo_in(operation, { code = "InternalFailure", message = "no", retryable = true })
    assert(failure.is(err, "UndoIncomplete") and err.retryable, operation)
    err = undo_in(operation, { code = "AccessDenied", message = "no" })
    assert(failure.is(err, "UndoIncomplete") and not err.retryable, operation)
  end
end

local function let_in(source, protocol, port)
  local permission = { IpProtocol = protocol or "tcp", FromPort = port or 22, ToPort = port or 22 }
  if source:find(":", 1, true) then
    permission.Ipv6Ranges = { { CidrIpv6 = source } }
  else
    permission.IpRanges = { { CidrIp = source, Description = "why" } }
  end
  return permission
end

function cases.rules_of_security_groups_are_compared_one_by_one()
  local has = { {
    IpProtocol = "tcp", FromPort = 22, ToPort = 22, IpRanges = { { CidrIp = "10.1.0.0/16" }, { CidrIp = "203.0.113.7/32" } },
    Ipv6Ranges = { { CidrIpv6 = "2001:db8:0:1::/64" } }, UserIdGroupPairs = { { GroupId = "sg-1", UserId = "1" } },
  }, { IpProtocol = "-1", IpRanges = { { CidrIp = "0.0.0.0/0" } } } }
  local function among(...) return rules.among({ ... }, has) end
  same(among(let_in "203.0.113.7/32"), "all")
  same(among(let_in "10.1.2.3/16"), "all") -- EC2 keeps the network
  same(among(let_in("10.1.0.0/16", "6")), "all") -- and protocols by their names
  same(among(let_in "2001:DB8:0:1:0:0:0:9/64"), "all")
  same(among(let_in "2001:db8::/64"), "none")
  same(among(let_in "203.0.113.8/32"), "none")
  same(among(let_in("10.1.0.0/16", "tcp", 23)), "none")
  same(among(let_in "10.1.0.0/16", let_in "10.2.0.0/16"), "some")
  same(among(let_in("0.0.0.0/0", "-1")), "all") -- ports are not told where all are
  same(among { IpProtocol = "tcp", FromPort = 22, ToPort = 22, UserIdGroupPairs = { { GroupId = "sg-1" } } }, "all")
  same(rules.among(has, nil), "none")
  assert(among { IpProtocol = "tcp", UserIdGroupPairs = { { GroupName = "web" } } } == nil, "a group by its name")
  assert(rules.among(rules.asked { SecurityGroupRuleIds = { "sgr-1" } }, has) == nil, "rules by their ids")
  same(rules.among(rules.asked { IpProtocol = "tcp", FromPort = 22, ToPort = 22, CidrIp = "10.1.0.0/16" }, has), "all")
end

local results = {}
for name, case in pairs(cases) do
  local ok, err = pcall(case)
  results[name] = ok and "ok" or tostring(err)
end
return results
