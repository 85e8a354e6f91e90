--- Lambda: whether a change happened whose answer never came.
local agree = require "riposte.agree"
local policy = require "riposte.policy"

local lambda = {}

function lambda.CreateFunctionUrlConfig(change)
  local url = change:find("get_function_url_config", {
    FunctionName = change.params.FunctionName,
    Qualifier = change.params.Qualifier,
  })
  if not url or not change:is_since(url.CreationTime) then return "not" end
  local ok, why = agree.params(change.params, url)
  if not ok then return nil, "there is another URL, made since: " .. why end
  return "happened", url
end

-- A policy has one statement of a name, and Lambda refuses a second one; when it was added nobody tells.
function lambda.AddPermission(change)
  local name = { FunctionName = change.params.FunctionName, Qualifier = change.params.Qualifier }
  local statement = change:find("get_policy", name, function(output)
    return policy.statement(output.Policy, change.params.StatementId)
  end)
  if not statement then return "not" end
  if statement.Action ~= change.params.Action then
    return nil, "there is another statement of this name, for " .. tostring(statement.Action)
  end
  return change:since_the_look("there", {}) -- the statement's text, which the reply would have, is AWS's own
end

return lambda
