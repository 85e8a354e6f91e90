--- Remedies for Lambda functions.
local failure = require "riposte.failure"

local lambda = {}

-- What `read` gives, or nil where AWS says that there is no such thing.
local function found(read, client, params)
  local ok, output = pcall(read, client, params)
  if ok then return output end
  if failure.is(output, "ResourceNotFoundException") then return nil end
  error(output, 0)
end

local function with_qualifier(params)
  return { FunctionName = params.name, Qualifier = params.qualifier }
end

--- Delete a function's public URL: nobody reaches it from outside any more. The function stays.
lambda.delete_url = {
  about = "Delete a function's URL.",
  params = { name = "string", qualifier = "string?" },
  undo = "a URL with the same settings is created: AWS gives it another address",
  check = function(on, params)
    local url = found(on.lambda.get_function_url_config, on.lambda, with_qualifier(params))
    if not url then return nil, "the function has no URL" end
    return url
  end,
  change = function(on, params, url)
    on.lambda:delete_function_url_config(with_qualifier(params), { prior = url })
  end,
  proof = function(on, params)
    return not found(on.lambda.get_function_url_config, on.lambda, with_qualifier(params))
  end,
}

--- Stop a function without losing it: no invocation is let through.
lambda.throttle_function = {
  about = "Reserve no concurrency for a function, so that it cannot run.",
  params = { name = "string" },
  undo = "the reserved concurrency is as before",
  check = function(on, params)
    local prior = on.lambda:get_function_concurrency { FunctionName = params.name }
    if prior.ReservedConcurrentExecutions == 0 then return nil, "the function cannot run already" end
    return prior
  end,
  change = function(on, params, prior)
    on.lambda:put_function_concurrency(
      { FunctionName = params.name, ReservedConcurrentExecutions = 0 },
      { prior = prior }
    )
  end,
  proof = function(on, params)
    local now = on.lambda:get_function_concurrency { FunctionName = params.name }
    return now.ReservedConcurrentExecutions == 0
  end,
}

--- Delete a function. It cannot be undone: its code is gone.
lambda.delete_function = {
  about = "Delete a function with its versions and its code.",
  params = { name = "string" },
  undo = "none: the code is gone",
  check = function(on, params)
    local configuration =
      found(on.lambda.get_function_configuration, on.lambda, { FunctionName = params.name })
    if not configuration then return nil, "the function is gone" end
    return configuration
  end,
  change = function(on, params) on.lambda:delete_function { FunctionName = params.name } end,
  proof = function(on, params)
    return not found(on.lambda.get_function_configuration, on.lambda, { FunctionName = params.name })
  end,
}

return lambda
