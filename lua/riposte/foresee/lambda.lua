--- What Lambda would tell after planned changes.
local changes, reads = {}, {}

-- A function is named by its name, its ARN, or an ARN with a qualifier behind.
local function function_name(name)
  return name:match("function:([^:]+)") or name
end

function changes.DeleteFunction(scope, params)
  scope:remove("function", function_name(params.FunctionName))
end

function changes.DeleteFunctionUrlConfig(scope, params)
  scope:remove("url", function_name(params.FunctionName))
end

function changes.PutFunctionConcurrency(scope, params)
  scope:set("concurrency", function_name(params.FunctionName), {
    ReservedConcurrentExecutions = params.ReservedConcurrentExecutions,
  })
end

function reads.ListFunctions(scope, _, value)
  scope:drop("function", value.Functions, function(each) return each.FunctionName end)
end

function reads.ListFunctionUrlConfigs(scope, _, value)
  scope:drop("url", value.FunctionUrlConfigs, function(each) return function_name(each.FunctionArn) end)
end

function reads.GetFunctionConcurrency(scope, params, value)
  scope:amend("concurrency", function_name(params.FunctionName), value)
end

return { changes = changes, reads = reads }
