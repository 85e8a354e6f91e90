-- What is done to the account, by the name that the finding has; "undo" takes back what the finding brings in `steps`.
local action = require "riposte.action"
local undo = require "riposte.undo"

local CI, WORKER = { user = "ci" }, { role = "worker" }
local PROTECTED = "i-0aaaaaaaaaaaaaaa2"

local does = {}

function does.deactivate_key(run) run.actions.iam.deactivate_key { user = "ci", key = "AKIAIOSFODNN7EXAMPLE" } end

function does.deny_all(run)
  run.actions.iam.deny_all(CI)
  run.actions.iam.deny_all(WORKER)
end

function does.revoke_sessions(run) run.actions.iam.revoke_sessions(WORKER) end

function does.delete_user(run) run.actions.iam.delete_user { user = "visitor" } end

function does.rotate_role(run) run.actions.iam.rotate_role(WORKER) end

function does.require_imdsv2(run) run.actions.ec2.require_imdsv2 { instance = "i-0aaaaaaaaaaaaaaa1" } end

function does.enable_api_termination(run) run.actions.ec2.enable_api_termination { instance = PROTECTED } end

function does.terminate_instance(run) run.actions.ec2.terminate_instance { instance = PROTECTED, snapshot = true } end

function does.tags(run)
  run.aws.ec2():create_tags {
    Resources = { "i-0aaaaaaaaaaaaaaa1", PROTECTED },
    Tags = { { Key = "stage", Value = "isolated" }, { Key = "case", Value = "7" }, { Key = "team", Value = "app" } },
  }
  run.aws.ec2():delete_tags { Resources = { PROTECTED }, Tags = { { Key = "team" }, { Key = "nothing" } } }
end

function does.halt_group(run) run.actions.autoscaling.halt_group { group = "workers" } end

function does.delete_group(run) run.actions.autoscaling.delete_group { group = "workers" } end

function does.stop_service(run) run.actions.ecs.stop_service { cluster = "app", service = "web" } end

function does.delete_service(run) run.actions.ecs.delete_service { cluster = "app", service = "web" } end

function does.delete_clusters(run) run.actions.ecs.delete_clusters { clusters = { "app", "spare" } } end

function does.delete_cluster(run) run.actions.ecs.delete_cluster { cluster = "app" } end

function does.stop_task(run)
  local ecs = run.aws.ecs()
  for task in ecs:pages("list_tasks", { cluster = "app", family = "idle" }) do
    run.actions.ecs.stop_task { cluster = "app", task = task }
  end
end

function does.revise_task_definition(run)
  run.actions.ecs.revise_task_definition {
    task_definition = "web:1",
    revise = function(request) request.pidMode = nil end,
  }
end

function does.deregister_task_definition(run) run.actions.ecs.deregister_task_definition { task_definition = "idle:1" } end

function does.ecs_tags(run)
  local arn = "arn:aws:ecs:us-east-1:123456789012:cluster/app"
  run.aws.ecs():tag_resource { resourceArn = arn, tags = { { key = "team", value = "x" }, { key = "case", value = "7" } } }
  run.aws.ecs():untag_resource { resourceArn = arn, tagKeys = { "team" } }
end

function does.delete_url(run) run.actions.lambda.delete_url { name = "hook" } end

function does.throttle_function(run)
  run.actions.lambda.throttle_function { name = "hook" }
  run.actions.lambda.throttle_function { name = "free" }
end

function does.delete_function(run) run.actions.lambda.delete_function { name = "free" } end

function does.resolve_finding(run)
  run.aws.securityhub():batch_update_findings {
    FindingIdentifiers = { { Id = "f-1", ProductArn = "arn:aws:securityhub:us-east-1::product/aws/securityhub" } },
    Workflow = { Status = "RESOLVED" },
  }
end

function does.tell_finding(run)
  run:log(run.aws.securityhub():get_findings({}).Findings[1].Workflow.Status)
end

function does.list_actions(run)
  local names = {}
  for _, service in ipairs(action.services) do
    for name in pairs(require("riposte.actions." .. service)) do names[#names + 1] = name end
  end
  table.sort(names)
  run:log(table.concat(names, " "))
end

-- What is made --------------------------------------------------------------------------------------------------------

function does.register(run)
  local definition = run.aws.ecs():describe_task_definition({ taskDefinition = "idle" }).taskDefinition
  local request = require("riposte.revision").request_of(definition)
  request.memory = "1024"
  local made = run.aws.ecs():register_task_definition(request).taskDefinition
  assert(made.revision == 2 and made.memory == "1024", "the answer is that of the revision that was made")
end

function does.deregister_instance(run)
  local ecs = run.aws.ecs()
  for arn in ecs:pages("list_container_instances", { cluster = "machines" }) do
    ecs:deregister_container_instance { cluster = "machines", containerInstance = arn, force = true }
  end
end

function does.snapshot(run)
  local made = run.aws.ec2():create_snapshots {
    InstanceSpecification = { InstanceId = PROTECTED }, Description = "evidence of " .. run.id,
  }
  assert(made.Snapshots[1].SnapshotId:find("^snap%-"), "the answer names the snapshots")
end

function does.snapshot_volume(run)
  local made = run.aws.ec2():create_snapshot { VolumeId = "vol-0aaaaaaaaaaaaaaa1", Description = "evidence of " .. run.id }
  assert(made.SnapshotId:find("^snap%-"), "the answer names the snapshot")
end

function does.create_user(run)
  local made = run.aws.iam():create_user { UserName = "fresh", Path = "/made/" }
  assert(made.User.UserName == "fresh", "the answer is the user's")
end

function does.create_password(run)
  run.aws.iam():create_login_profile { UserName = "ci", Password = "correct-horse-battery" }
end

function does.create_key(run) run.aws.iam():create_access_key { UserName = "visitor" } end

function does.rename_user(run) run.aws.iam():update_user { UserName = "visitor", NewUserName = "guest" } end

function does.create_group(run)
  run.aws.autoscaling():create_auto_scaling_group {
    AutoScalingGroupName = "fresh", MinSize = 0, MaxSize = 0, AvailabilityZones = { "us-east-1a" },
    LaunchTemplate = { LaunchTemplateName = "small", Version = "$Latest" },
  }
end

function does.create_url(run) run.aws.lambda():create_function_url_config { FunctionName = "free", AuthType = "AWS_IAM" } end

function does.create_service(run)
  local made = run.aws.ecs():create_service {
    cluster = "app", serviceName = "fresh", taskDefinition = "web:1", desiredCount = 1, launchType = "FARGATE",
    networkConfiguration = { awsvpcConfiguration = { subnets = { "subnet-0app1" }, assignPublicIp = "DISABLED" } },
  }
  assert(made.service.serviceName == "fresh", "the answer is the service's")
end

function does.add_permission(run)
  local client = run.aws.lambda()
  client:add_permission {
    FunctionName = "hook", StatementId = "topic", Action = "lambda:InvokeFunction", Principal = "sns.amazonaws.com",
  }
  assert(client:get_policy({ FunctionName = "hook" }).Policy:find('"topic"', 1, true), "there is such a statement")
end

function does.remove_permission(run)
  does.add_permission(run)
  run.aws.lambda():remove_permission { FunctionName = "hook", StatementId = "topic" }
  assert(not pcall(function() run.aws.lambda():get_policy { FunctionName = "hook" } end), "the statement is gone")
end

function does.create_security_group(run)
  local ec2 = run.aws.ec2()
  local made = ec2:create_security_group { GroupName = "quarantine", Description = "nothing in, nothing out" }
  assert(ec2:describe_security_groups({ GroupIds = { made.GroupId } }).SecurityGroups[1].GroupName == "quarantine", made.GroupId)
end

local function group_rules(run, member)
  return #run.aws.ec2():describe_security_groups({ GroupIds = { "sg-0guarded" } }).SecurityGroups[1][member]
end

local function rule(port)
  return { IpProtocol = "tcp", FromPort = port, ToPort = port, IpRanges = { { CidrIp = "203.0.113.0/24" } } }
end

function does.authorize(run)
  run.aws.ec2():authorize_security_group_ingress { GroupId = "sg-0guarded", IpPermissions = { rule(22), rule(443) } }
  assert(group_rules(run, "IpPermissions") == 3, "two rules more")
end

function does.authorize_out(run)
  run.aws.ec2():authorize_security_group_egress { GroupId = "sg-0guarded", IpPermissions = { rule(443) } }
  assert(group_rules(run, "IpPermissionsEgress") == 2, "one rule more")
end

function does.revoke(run)
  run.aws.ec2():revoke_security_group_ingress { GroupId = "sg-0guarded", IpPermissions = { rule(80) } }
  assert(group_rules(run, "IpPermissions") == 0, "one rule less")
end

-- The default VPC's groups can be told by their names.
function does.revoke_named(run)
  run.aws.ec2():revoke_security_group_ingress { GroupName = "guarded", IpPermissions = { rule(80) } }
  assert(group_rules(run, "IpPermissions") == 0, "one rule less")
end

function does.authorize_named(run)
  run.aws.ec2():authorize_security_group_ingress { GroupName = "guarded", IpPermissions = { rule(443) } }
  assert(group_rules(run, "IpPermissions") == 2, "one rule more")
end

function does.revoke_by_id(run)
  local ec2, ids = run.aws.ec2(), {}
  local filters = { { Name = "group-id", Values = { "sg-0guarded" } } }
  for each in ec2:pages("describe_security_group_rules", { Filters = filters }) do
    if not each.IsEgress then ids[#ids + 1] = each.SecurityGroupRuleId end
  end
  ec2:revoke_security_group_ingress { GroupId = "sg-0guarded", SecurityGroupRuleIds = ids }
  assert(#ids == 1 and group_rules(run, "IpPermissions") == 0, "one rule less")
end

-- Is refused: the group has the rule.
function does.authorize_again(run)
  local ok, err = pcall(function()
    run.aws.ec2():authorize_security_group_ingress { GroupId = "sg-0guarded", IpPermissions = { rule(80) } }
  end)
  run:log(ok and "made" or err.code)
end

-- A caller that says how it is taken back: nobody has looked whether the rule was there.
function does.authorize_unseen(run)
  local params = { GroupId = "sg-0guarded", IpPermissions = { rule(80) } }
  run.aws.ec2():authorize_security_group_ingress(params, { irreversible = "it stays" })
end

-- Meanwhile ---------------------------------------------------------------------------------------------------------

function does.scale_web(run) run.aws.ecs():update_service { cluster = "app", service = "web", desiredCount = 1 } end

function does.create_visitor(run) run.aws.iam():create_user { UserName = "visitor" } end

function does.change_options(run)
  run.aws.ec2():modify_instance_metadata_options { InstanceId = "i-0aaaaaaaaaaaaaaa1", HttpPutResponseHopLimit = 3 }
end

function does.rewrite_lock(run)
  run.aws.iam():put_role_policy {
    RoleName = "worker", PolicyName = "RiposteDenyAll",
    PolicyDocument = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}',
  }
end

function does.delete_key(run) run.aws.iam():delete_access_key { UserName = "ci", AccessKeyId = "AKIAIOSFODNN7EXAMPLE" } end

function does.replace_url(run) run.aws.lambda():create_function_url_config { FunctionName = "hook", AuthType = "AWS_IAM" } end

function does.raise_group(run)
  run.aws.autoscaling():update_auto_scaling_group { AutoScalingGroupName = "workers", MaxSize = 2 }
end

function does.suppress_finding(run)
  run.aws.securityhub():batch_update_findings {
    FindingIdentifiers = { { Id = "f-1", ProductArn = "arn:aws:securityhub:us-east-1::product/aws/securityhub" } },
    Workflow = { Status = "SUPPRESSED" },
  }
end

return {
  name = "undo",
  trigger = { source = { "riposte.test" } },
  permissions = { "iam:*", "ec2:*", "ecs:*", "autoscaling:*", "lambda:*", "securityhub:*" },
  run = function(finding, run)
    if finding.kind == "undo" then return undo(run, finding.steps) end
    does[finding.kind](run)
  end,
}
