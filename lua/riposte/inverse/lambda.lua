--- Inverses of Lambda's changes.
local inverse = require "riposte.inverse"
local policy = require "riposte.policy"

local lambda = {}

local function url_before(change)
  return change:prior_state("get_function_url_config", {
    FunctionName = change.params.FunctionName,
    Qualifier = change.params.Qualifier,
  })
end

local function url_params(change)
  local params = inverse.pick(url_before(change), { "AuthType", "Cors", "InvokeMode" })
  params.FunctionName, params.Qualifier = change.params.FunctionName, change.params.Qualifier
  return params
end

-- The new URL has another address: AWS chooses it.
function lambda.DeleteFunctionUrlConfig(change)
  return { change:undo("CreateFunctionUrlConfig", url_params(change)) }
end

function lambda.CreateFunctionUrlConfig(change)
  local name = { FunctionName = change.params.FunctionName, Qualifier = change.params.Qualifier }
  if change:is_there("get_function_url_config", name) then return nil, "the function has a URL already", "there" end
  return {
    change:undo("DeleteFunctionUrlConfig", {
      FunctionName = change.params.FunctionName,
      Qualifier = change.params.Qualifier,
    }),
  }
end

function lambda.UpdateFunctionUrlConfig(change)
  return { change:undo("UpdateFunctionUrlConfig", url_params(change)) }
end

function lambda.DeleteFunction()
  return nil, "the function's code is gone"
end

function lambda.UpdateFunctionConfiguration(change)
  local before = change:prior_state("get_function_configuration", { FunctionName = change.params.FunctionName })
  local params = {}
  for name in pairs(change.params) do params[name] = before[name] end
  return { change:undo("UpdateFunctionConfiguration", params) }
end

function lambda.PutFunctionConcurrency(change)
  local before = change:prior_state("get_function_concurrency", { FunctionName = change.params.FunctionName })
  local reserved = before.ReservedConcurrentExecutions
  local params = { FunctionName = change.params.FunctionName, ReservedConcurrentExecutions = reserved }
  return { change:undo(reserved and "PutFunctionConcurrency" or "DeleteFunctionConcurrency", params) }
end

function lambda.DeleteFunctionConcurrency(change)
  local before = change:prior_state("get_function_concurrency", { FunctionName = change.params.FunctionName })
  local reserved = before.ReservedConcurrentExecutions
  if not reserved then return nil, "no concurrency is reserved", "same" end
  return {
    change:undo("PutFunctionConcurrency", {
      FunctionName = change.params.FunctionName,
      ReservedConcurrentExecutions = reserved,
    }),
  }
end

function lambda.AddPermission(change)
  local name = { FunctionName = change.params.FunctionName, Qualifier = change.params.Qualifier }
  local there = change:is_there("get_policy", name, function(output)
    return policy.statement(output.Policy, change.params.StatementId)
  end)
  if there then return nil, "the policy has a statement of this name already", "there" end
  return {
    change:undo("RemovePermission", {
      FunctionName = change.params.FunctionName,
      StatementId = change.params.StatementId,
      Qualifier = change.params.Qualifier,
    }),
  }
end

return lambda
