--- IAM's policy simulation: what the policies of a user or role say about an action on a resource.
local failure = require "sim.failure"
local iam = require "sim.iam.state"
local policies = require "sim.iam.policies"
local policy = require "sim.policy"
local value = require "sim.value"

local simulation = { operations = {} }

local function list_of(field)
  if type(field) == "string" then return { field } end
  return field or {}
end

local function glob(pattern)
  return "^" .. pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

local function any(patterns, text)
  for _, pattern in ipairs(list_of(patterns)) do
    if text:find(glob(pattern)) then return true end
  end
  return false
end

local function lower(patterns)
  return value.map(list_of(patterns), string.lower)
end

local function names_action(statement, action)
  if statement.Action then return any(lower(statement.Action), action:lower()) end
  return not any(lower(statement.NotAction), action:lower())
end

local function names_resource(statement, resource)
  if statement.Resource then return any(statement.Resource, resource) end
  return not any(statement.NotResource, resource)
end

-- The keys of a statement's conditions: no context is given here, so a statement that has some does not hold.
local function context_keys(statement, into)
  for _, keys in pairs(statement.Condition or {}) do
    for key in pairs(keys) do into[key] = true end
  end
end

local function is_list(statements)
  return #statements > 0
end

-- What documents say: "allowed", "explicitDeny" or "implicitDeny", and the context keys that it may depend on.
local function evaluate(documents, action, resource, keys)
  local allowed = false
  for _, text in ipairs(documents) do
    local statements = (policy.table(text) or {}).Statement or {}
    for _, statement in ipairs(is_list(statements) and statements or { statements }) do
      if statement.Effect and names_action(statement, action) and names_resource(statement, resource) then
        if statement.Condition then
          context_keys(statement, keys)
        elseif statement.Effect == "Deny" then
          return "explicitDeny"
        else
          allowed = true
        end
      end
    end
  end
  return allowed and "allowed" or "implicitDeny"
end

local function managed_document(state, arn)
  local managed = policies.find(state, arn)
  local _, version = value.find(managed.versions, function(each) return each.VersionId == managed.DefaultVersionId end)
  return version.Document
end

local function add_documents(state, principal, documents)
  for _, each in ipairs(principal.inline) do documents[#documents + 1] = each.PolicyDocument end
  for _, arn in ipairs(principal.attached) do documents[#documents + 1] = managed_document(state, arn) end
  for _, name in ipairs(principal.groups) do add_documents(state, iam.find(state, "group", name), documents) end
  return documents
end

--- What the policies of a user or role say: a decision, the boundary's own (nil where there is none), and missing keys.
function simulation.decide(state, principal, action, resource)
  local keys, bound = {}, nil
  local decision = evaluate(add_documents(state, principal, {}), action, resource, keys)
  if principal.boundary then
    bound = evaluate({ managed_document(state, principal.boundary) }, action, resource, keys)
    if bound == "explicitDeny" or decision == "allowed" then decision = bound end
  end
  local missing = {}
  for key in pairs(keys) do missing[#missing + 1] = key end
  return decision, bound, value.sorted(missing)
end

--- The user, role or group of an ARN, or nil.
function simulation.principal(state, arn)
  for _, kind in ipairs { "users", "roles", "groups" } do
    for principal in state[kind]:each() do
      if principal.arn == arn then return principal end
    end
  end
end

--- The user or role that calls, a session's role; nil where the account has no such one.
function simulation.caller(account)
  local state = account:service "iam"
  local role = account.caller:match ":assumed%-role/([^/]+)/"
  return role and state.roles:get(role) or simulation.principal(state, account.caller)
end

local function result_of(state, principal, action, resource)
  local decision, bound, missing = simulation.decide(state, principal, action, resource)
  return {
    EvalActionName = action, EvalResourceName = resource, EvalDecision = decision, MatchedStatements = value.list {},
    MissingContextValues = decision == "implicitDeny" and missing or value.list {},
    PermissionsBoundaryDecisionDetail = bound and { AllowedByPermissionsBoundary = bound == "allowed" } or nil,
  }
end

function simulation.operations.SimulatePrincipalPolicy(state, p)
  local principal = simulation.principal(state, p.PolicySourceArn)
  if not principal then iam.no_such(("The entity with ARN %s cannot be found."):format(p.PolicySourceArn)) end
  local results = {}
  for _, action in ipairs(p.ActionNames) do
    if not action:find "^[%w%-]+:[%w%*%?]+$" then
      failure.raise("InvalidInput", "Invalid Action: " .. action)
    end
    for _, resource in ipairs(p.ResourceArns or { "*" }) do
      results[#results + 1] = result_of(state, principal, action, resource)
    end
  end
  return iam.page(results, p, "EvaluationResults")
end

return simulation
