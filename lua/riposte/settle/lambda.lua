--- Lambda: whether a change happened whose answer never came.
local agree = require "riposte.agree"

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

return lambda
