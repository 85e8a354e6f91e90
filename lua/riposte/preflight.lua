--- Are the planned changes allowed? Asked without making them: EC2 checks the right to an operation when it is called with
--- DryRun; for the rest IAM simulates the policies of the principal that would act.
---
--- The engine hands `changes`, the lines of the plan: {step, service, operation, params, region, account, action (IAM's),
--- resources (ARNs, as far as they are known), dry_run (EC2 has it for this operation), unknown (the parameters hold
--- values that other changes bring)}. The answer has one entry for each: {step, verdict, why}.
local failure = require "riposte.failure"
local list = require "riposte.list"

local EC2_AT_ONCE = 20
local RESOURCES_AT_ONCE = 50 -- of one simulation

-- EC2 ---------------------------------------------------------------------------------------------------------------

-- EC2's errors where nothing else stands in the way (the EC2 API reference, "Client error codes").
local EC2_VERDICTS = { DryRunOperation = "allowed", UnauthorizedOperation = "denied" }

local function ask_ec2(run, change)
  if change.unknown then return "unknown", "it acts on what another change brings first" end
  local params = {}
  for name, value in pairs(change.params) do params[name] = value end
  params.DryRun = true
  local ec2 = run.aws.ec2 { region = change.region, account = change.account }
  local ok, err = pcall(ec2[change.operation], ec2, params)
  if ok then return "unknown", "EC2 gave no answer to a dry run" end
  if not failure.is(err) then error(err, 0) end
  return EC2_VERDICTS[err.code] or "unknown", ("EC2's dry run: %s: %s"):format(err.code, err.message)
end

-- IAM ---------------------------------------------------------------------------------------------------------------

-- A session's ARN names its role without its path: IAM knows the whole.
local function role_arn(iam, arn)
  local partition, account, name = arn:match("^arn:([^:]+):sts::(%d+):assumed%-role/([^/]+)/")
  if not name then return arn end
  local ok, output = pcall(iam.get_role, iam, { RoleName = name })
  if ok then return output.Role.Arn end
  if not failure.is(output) then error(output, 0) end
  return ("arn:%s:iam::%s:role/%s"):format(partition, account, name)
end

-- Who acts in an account, as IAM simulates it; nil and why where it can't.
local function principal_of(run, account)
  local ok, output = pcall(function()
    return run.aws.sts({ account = account }):get_caller_identity({}).Arn
  end)
  if not ok then
    if not failure.is(output) then error(output, 0) end
    return nil, "who acts is not known: " .. tostring(output)
  end
  if output:find(":root$") then return nil, "IAM does not simulate the account's root user" end
  return role_arn(run.aws.iam { account = account }, output)
end

local function add_result(results, resource, decision, result)
  local details, organization = result.PermissionsBoundaryDecisionDetail, result.OrganizationsDecisionDetail
  local missing = result.MissingContextValues or {}
  local why = decision
  if details and details.AllowedByPermissionsBoundary == false then
    why = why .. ", by the permissions boundary"
  elseif organization and organization.AllowedByOrganizations == false then
    why = why .. ", by the organization's policies"
  elseif #missing > 0 then
    why = why .. ", depending on " .. table.concat(missing, ", ")
  end
  results[resource] = { decision = decision, why = why, depends = #missing > 0 }
end

-- {resource = {decision, why, depends}} for one action; "*" stands for no resource in particular.
local function simulate(run, account, principal, action, resources)
  local iam, results = run.aws.iam { account = account }, {}
  for batch in list.batches(resources, RESOURCES_AT_ONCE) do
    local params = { PolicySourceArn = principal, ActionNames = { action }, ResourceArns = batch }
    for result in iam:pages("simulate_principal_policy", params) do
      add_result(results, result.EvalResourceName or "*", result.EvalDecision, result)
      for _, each in ipairs(result.ResourceSpecificResults or {}) do
        add_result(results, each.EvalResourceName, each.EvalResourceDecision, each)
      end
    end
  end
  return results
end

local function resources_of(change)
  return #(change.resources or {}) > 0 and change.resources or { "*" }
end

-- A change names more resources than its action is about (a service's cluster beside the service): one that is allowed
-- counts. A policy may allow a resource whose ARN the plan does not tell: that "*" is not allowed tells nothing then.
local function conclude(change, results)
  local worst
  for _, resource in ipairs(resources_of(change)) do
    local result = results[resource] or { decision = "none", why = "no answer" }
    local text = ("IAM's simulation of %s on %s: %s"):format(change.action, resource, result.why)
    if result.decision == "explicitDeny" then return "denied", text end
    if result.decision == "allowed" then return "allowed", text end
    local unsure = resource == "*" or result.depends or result.decision ~= "implicitDeny"
    worst = { unsure and "unknown" or "denied", text }
  end
  return worst[1], worst[2]
end

-- Changes of one action in one account: asked together.
local function ask_iam(run, group, principal, why)
  if not principal then
    for _, entry in ipairs(group.entries) do entry.verdict, entry.why = "unknown", why end
    return
  end
  local resources, seen = {}, {}
  for _, entry in ipairs(group.entries) do
    for _, resource in ipairs(resources_of(entry.change)) do
      if not seen[resource] then resources[#resources + 1], seen[resource] = resource, true end
    end
  end
  local ok, results = pcall(simulate, run, group.account, principal, group.action, resources)
  if not ok and not failure.is(results) then error(results, 0) end
  for _, entry in ipairs(group.entries) do
    if ok then
      entry.verdict, entry.why = conclude(entry.change, results)
    else
      entry.verdict, entry.why = "unknown", "IAM's simulation: " .. tostring(results)
    end
  end
end

local function group_by_action(entries)
  local groups, by_key = {}, {}
  for _, entry in ipairs(entries) do
    local key = tostring(entry.change.account) .. " " .. entry.change.action
    local group = by_key[key]
    if not group then
      group = { account = entry.change.account, action = entry.change.action, entries = {} }
      groups[#groups + 1], by_key[key] = group, group
    end
    table.insert(group.entries, entry)
  end
  return groups
end

local function ask_all_iam(run, entries)
  local principals = {}
  local groups = group_by_action(entries)
  for _, group in ipairs(groups) do
    local account = tostring(group.account)
    principals[account] = principals[account] or table.pack(principal_of(run, group.account))
  end
  run:parallel(groups, function(group)
    local principal = principals[tostring(group.account)]
    ask_iam(run, group, principal[1], principal[2])
  end)
end

--- What would be refused if the plan were carried out.
---@param run riposte.Run
---@param changes table[]
---@return {step: string, verdict: "allowed"|"denied"|"unknown", why: string}[] in the order of the changes
return function(run, changes)
  local entries, by_ec2, by_iam = {}, {}, {}
  for i, change in ipairs(changes) do
    entries[i] = { change = change }
    local to = change.dry_run and by_ec2 or by_iam
    to[#to + 1] = entries[i]
  end
  run:parallel(by_ec2, function(entry) entry.verdict, entry.why = ask_ec2(run, entry.change) end, { limit = EC2_AT_ONCE })
  ask_all_iam(run, by_iam)
  local verdicts = {}
  for i, entry in ipairs(entries) do
    verdicts[i] = { step = entry.change.step, verdict = entry.verdict, why = entry.why }
  end
  return verdicts
end
