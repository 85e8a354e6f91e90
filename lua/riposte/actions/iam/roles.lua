--- Remedies for roles whose credentials are stolen while workloads need them.
local list = require "riposte.list"
local policy = require "riposte.policy"
local services = require "riposte.services"

local roles = {}

local NAME_MAX = 64 -- a role's name (the IAM API reference)

-- A role as it would have to be created again, without the locks that are put on the old one.
local function read_role(on, name)
  local role = on.iam:get_role({ RoleName = name }).Role
  local documents, locked = {}, false
  for inline in on.iam:pages("list_role_policies", { RoleName = name }) do
    locked = locked or inline == policy.DENY_ALL
    if inline ~= policy.DENY_ALL and inline ~= policy.REVOKE then
      local output = on.iam:get_role_policy { RoleName = name, PolicyName = inline }
      documents[#documents + 1] = { name = inline, document = policy.text(output.PolicyDocument) }
    end
  end
  return {
    role = role,
    locked = locked,
    documents = documents,
    attached = list.all(on.iam:pages("list_attached_role_policies", { RoleName = name })),
    profiles = list.all(on.iam:pages("list_instance_profiles_for_role", { RoleName = name })),
  }
end

-- A name that says where it came from, and that a second rotation does not make longer.
local function fresh_name(on, name)
  local base = name:gsub("%-r%x%x%x%x%x%x%x%x$", "")
  return base:sub(1, NAME_MAX - 10) .. "-r" .. on.run:uuid():sub(1, 8)
end

local function create(on, name, found)
  local role = found.role
  local output = on.iam:create_role {
    Path = role.Path,
    RoleName = name,
    AssumeRolePolicyDocument = policy.text(role.AssumeRolePolicyDocument),
    Description = role.Description,
    MaxSessionDuration = role.MaxSessionDuration,
    PermissionsBoundary = (role.PermissionsBoundary or {}).PermissionsBoundaryArn,
    Tags = role.Tags and #role.Tags > 0 and role.Tags or nil,
  }
  for _, each in ipairs(found.attached) do
    on.iam:attach_role_policy({ RoleName = name, PolicyArn = each.PolicyArn }, { prior = { AttachedPolicies = {} } })
  end
  for _, each in ipairs(found.documents) do
    on.iam:put_role_policy({ RoleName = name, PolicyName = each.name, PolicyDocument = each.document }, { prior = {} })
  end
  return output.Role.Arn
end

-- An instance profile holds one role: running instances get the new one's credentials when theirs are renewed.
local function replace_in_profiles(on, found, old, new)
  for _, profile in ipairs(found.profiles) do
    local name = profile.InstanceProfileName
    on.iam:remove_role_from_instance_profile({ InstanceProfileName = name, RoleName = old },
      { prior = { InstanceProfile = profile } })
    on.iam:add_role_to_instance_profile({ InstanceProfileName = name, RoleName = new },
      { prior = { InstanceProfile = { Roles = {} } } })
  end
end

local function replace_in_functions(on, old, new)
  for each in on.lambda:pages("list_functions") do
    if each.Role == old then
      on.lambda:update_function_configuration({ FunctionName = each.FunctionName, Role = new }, { prior = each })
    end
  end
end

-- The task definitions that services run, each once.
local function definitions_in_use(on)
  local arns, seen = {}, {}
  for cluster in on.ecs:pages("list_clusters") do
    for _, service in ipairs(services.of_cluster(on.run, on.ecs, cluster)) do
      local arn = service.taskDefinition
      if service.status == "ACTIVE" and arn and not seen[arn] then
        arns[#arns + 1], seen[arn] = arn, true
      end
    end
  end
  return arns
end

local function replace_in_task_definitions(on, old, new)
  on.run:parallel(definitions_in_use(on), function(arn)
    on.actions.ecs.revise_task_definition {
      task_definition = arn,
      revise = function(request)
        if request.taskRoleArn == old then request.taskRoleArn = new end
        if request.executionRoleArn == old then request.executionRoleArn = new end
      end,
    }
  end)
end

--- Put a fresh role in the place of one whose credentials are stolen: the same trust, policies, boundary and tags. It takes
--- over in instance profiles, in Lambda functions, and in the task definitions that services run; then the old one is
--- locked: its sessions are revoked and everything is denied to it. Gives `role` and `arn`, the new one's.
---
--- Trust policies and resource policies elsewhere that name the old role's ARN are not rewritten: they are the account's
--- own to look at, and the run says so.
roles.rotate_role = {
  about = "Put a fresh role in a role's place wherever it is used, then lock the old one.",
  params = { role = "string" },
  undo = "each place gets the old role back, its locks are taken off, and the fresh role is deleted",
  check = function(on, params)
    local found = read_role(on, params.role)
    if (found.role.Path or ""):find("^/aws%-service%-role/") then
      return nil, "a service-linked role is AWS's own: it cannot be replaced"
    end
    if found.locked then return nil, "the role is locked already" end
    return found
  end,
  change = function(on, params, found)
    local name = fresh_name(on, params.role)
    local arn = create(on, name, found)
    replace_in_profiles(on, found, params.role, name)
    replace_in_functions(on, found.role.Arn, arn)
    replace_in_task_definitions(on, found.role.Arn, arn)
    on.actions.iam.revoke_sessions { role = params.role }
    on.actions.iam.deny_all { role = params.role }
    on.run:log("policies elsewhere may name the old role", { old = found.role.Arn, new = arn })
    return { role = name, arn = arn }
  end,
}

return roles
