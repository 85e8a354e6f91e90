--- AWS Lambda: functions, their policies, URLs, tags and concurrency.
local collection = require "sim.collection"
local failure = require "sim.failure"
local paging = require "sim.paging"
local policy = require "sim.policy"
local value = require "sim.value"

local lambda = { operations = {}, throttle = { code = "TooManyRequestsException", message = "Rate exceeded", status = 429 } }
local operations = lambda.operations

function lambda.open(state)
  state.functions, state.mappings = collection.new(), collection.new()
end

local function not_found(message)
  failure.raise("ResourceNotFoundException", message, 404)
end

local function arn_of(state, name)
  return state.account:arn("lambda", state.region, "function:" .. name)
end

-- A name, a partial or a full ARN, with or without a qualifier.
local function name_of(reference)
  return reference:match "function:([^:]+)" or reference:match "^([^:]+)"
end

local function find(state, reference)
  local name = name_of(reference)
  local found = state.functions:get(name)
  if not found then not_found("Function not found: " .. arn_of(state, name)) end
  return found
end

local FIELDS <const> = {
  "Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize", "PackageType", "Environment", "Architectures",
  "EphemeralStorage", "TracingConfig", "Layers", "VpcConfig", "KMSKeyArn", "LoggingConfig", "FileSystemConfigs",
}

local function sha_of(state)
  return state.account.ids:secret(43) .. "="
end

local function make(state, name, p)
  local fields = value.pick(p, FIELDS)
  fields.FunctionName, fields.FunctionArn = name, arn_of(state, name)
  fields.Timeout, fields.MemorySize = fields.Timeout or 3, fields.MemorySize or 128
  fields.PackageType, fields.Architectures = fields.PackageType or "Zip", fields.Architectures or value.list { "x86_64" }
  fields.EphemeralStorage = fields.EphemeralStorage or { Size = 512 }
  fields.TracingConfig = fields.TracingConfig or { Mode = "PassThrough" }
  fields.Description = fields.Description or ""
  if type((fields.Layers or {})[1]) == "string" then
    fields.Layers = value.map(fields.Layers, function(arn) return { Arn = arn, CodeSize = 1024 } end)
  end
  fields.CodeSize, fields.CodeSha256, fields.Version = 1024, sha_of(state), "$LATEST"
  fields.LastModified = p.LastModified or state.account:time()
  fields.State, fields.LastUpdateStatus, fields.RevisionId = "Active", "Successful", state.account.ids:uuid()
  return state.functions:put(name, { name = name, fields = fields, tags = value.copy(p.Tags or {}), policy = {} })
end

local function changed(state, it)
  it.fields.LastModified, it.fields.RevisionId = state.account:time(), state.account.ids:uuid()
  return it.fields
end

function operations.CreateFunction(state, p)
  local name = name_of(p.FunctionName)
  if state.functions:get(name) then
    failure.raise("ResourceConflictException", "Function already exist: " .. name, 409)
  end
  local role = state.account:service("iam").roles:get(p.Role:match "([^/]+)$")
  if not role then
    failure.raise("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
  end
  return make(state, name, p).fields
end

function operations.GetFunction(state, p)
  local it = find(state, p.FunctionName)
  local output = {
    Configuration = it.fields,
    Code = { RepositoryType = "S3", Location = ("https://awslambda-%s-tasks.s3.amazonaws.com/%s"):format(state.region, it.name) },
    Concurrency = it.concurrency and { ReservedConcurrentExecutions = it.concurrency } or nil,
  }
  if next(it.tags) then output.Tags = it.tags end
  return output
end

function operations.GetFunctionConfiguration(state, p)
  return find(state, p.FunctionName).fields
end

function operations.ListFunctions(state, p)
  local page, token = paging.cut(state.functions:all(), p.Marker, paging.size(p.MaxItems, 50, 50))
  return { Functions = value.map(page, function(it)
    local shown = value.copy(it.fields)
    shown.State, shown.LastUpdateStatus = nil, nil
    return shown
  end), NextMarker = token }
end

function operations.UpdateFunctionConfiguration(state, p)
  local it = find(state, p.FunctionName)
  for _, name in ipairs(FIELDS) do
    if p[name] ~= nil and name ~= "Layers" then it.fields[name] = p[name] end
  end
  if p.Layers then it.fields.Layers = value.map(p.Layers, function(arn) return { Arn = arn, CodeSize = 1024 } end) end
  return changed(state, it)
end

function operations.UpdateFunctionCode(state, p)
  local it = find(state, p.FunctionName)
  it.fields.CodeSha256 = sha_of(state)
  return changed(state, it)
end

function operations.DeleteFunction(state, p)
  local it = find(state, p.FunctionName)
  state.functions:remove(it.name)
end

-- Concurrency ---------------------------------------------------------------------------------------------------------

function operations.PutFunctionConcurrency(state, p)
  find(state, p.FunctionName).concurrency = p.ReservedConcurrentExecutions
  return { ReservedConcurrentExecutions = p.ReservedConcurrentExecutions }
end

function operations.GetFunctionConcurrency(state, p)
  return { ReservedConcurrentExecutions = find(state, p.FunctionName).concurrency }
end

function operations.DeleteFunctionConcurrency(state, p)
  find(state, p.FunctionName).concurrency = nil
end

-- The resource policy -------------------------------------------------------------------------------------------------

function operations.GetPolicy(state, p)
  local it = find(state, p.FunctionName)
  if #it.policy == 0 then not_found "The resource you requested does not exist." end
  return {
    Policy = policy.text { Version = "2012-10-17", Id = "default", Statement = value.list(value.copy(it.policy)) },
    RevisionId = it.fields.RevisionId,
  }
end

local function condition(p)
  local all = {}
  if p.SourceArn then all.ArnLike = { ["AWS:SourceArn"] = p.SourceArn } end
  local equals = {
    ["AWS:SourceAccount"] = p.SourceAccount, ["lambda:FunctionUrlAuthType"] = p.FunctionUrlAuthType,
    ["aws:PrincipalOrgID"] = p.PrincipalOrgID,
  }
  if next(equals) then all.StringEquals = equals end
  return next(all) and all or nil
end

function operations.AddPermission(state, p)
  local it = find(state, p.FunctionName)
  if value.find(it.policy, function(each) return each.Sid == p.StatementId end) then
    failure.raise("ResourceConflictException",
      ("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.")
        :format(p.StatementId), 409)
  end
  local principal = p.Principal
  if principal:find "%.amazonaws%.com" then
    principal = { Service = principal }
  elseif principal:find "^%d+$" then
    principal = { AWS = ("arn:%s:iam::%s:root"):format(state.account.partition, principal) }
  elseif principal ~= "*" then
    principal = { AWS = principal }
  end
  local statement = {
    Sid = p.StatementId, Effect = "Allow", Principal = principal, Action = p.Action, Resource = it.fields.FunctionArn,
    Condition = condition(p),
  }
  table.insert(it.policy, statement)
  return { Statement = policy.text(statement) }
end

function operations.RemovePermission(state, p)
  local it = find(state, p.FunctionName)
  local at = value.find(it.policy, function(each) return each.Sid == p.StatementId end)
  if not at then
    not_found(("Statement %s is not found in resource policy."):format(p.StatementId))
  end
  table.remove(it.policy, at)
end

-- Function URLs -------------------------------------------------------------------------------------------------------

local function make_url(state, it, p)
  local now = p.CreationTime or state.account:time()
  it.url = {
    FunctionUrl = ("https://%s.lambda-url.%s.on.aws/"):format(state.account.ids:lower(32), state.region),
    FunctionArn = it.fields.FunctionArn, AuthType = p.AuthType, Cors = p.Cors, InvokeMode = p.InvokeMode or "BUFFERED",
    CreationTime = now, LastModifiedTime = now,
  }
  return it.url
end

local function created(url)
  local shown = value.copy(url)
  shown.LastModifiedTime = nil
  return shown
end

local function url_of(state, p)
  local it = find(state, p.FunctionName)
  if not it.url then not_found "The resource you requested does not exist." end
  return it.url, it
end

function operations.CreateFunctionUrlConfig(state, p)
  local it = find(state, p.FunctionName)
  if it.url then
    failure.raise("ResourceConflictException",
      ("Failed to create function url config for [functionArn = %s]. "
        .. "Error message:  FunctionUrlConfig exists for this Lambda function"):format(it.fields.FunctionArn), 409)
  end
  return created(make_url(state, it, p))
end

function operations.GetFunctionUrlConfig(state, p)
  return (url_of(state, p))
end

function operations.ListFunctionUrlConfigs(state, p)
  local it = find(state, p.FunctionName)
  return { FunctionUrlConfigs = value.list { it.url } }
end

function operations.UpdateFunctionUrlConfig(state, p)
  local url = url_of(state, p)
  for _, name in ipairs { "AuthType", "Cors", "InvokeMode" } do
    if p[name] ~= nil then url[name] = p[name] end
  end
  url.LastModifiedTime = state.account:time()
  return url
end

function operations.DeleteFunctionUrlConfig(state, p)
  local _, it = url_of(state, p)
  it.url = nil
end

-- Tags, versions, event sources ---------------------------------------------------------------------------------------

function operations.ListTags(state, p)
  return { Tags = find(state, p.Resource).tags }
end

function operations.TagResource(state, p)
  local it = find(state, p.Resource)
  for key, text in pairs(p.Tags) do it.tags[key] = text end
end

function operations.UntagResource(state, p)
  local it = find(state, p.Resource)
  for _, key in ipairs(p.TagKeys) do it.tags[key] = nil end
end

function operations.ListAliases(state, p)
  find(state, p.FunctionName)
  return { Aliases = value.list {} }
end

function operations.ListVersionsByFunction(state, p)
  return { Versions = value.list { find(state, p.FunctionName).fields } }
end

function operations.ListEventSourceMappings(state, p)
  local name = p.FunctionName and name_of(p.FunctionName)
  local found = value.filter(state.mappings:all(), function(mapping)
    return (not name or name_of(mapping.FunctionArn) == name)
      and (not p.EventSourceArn or mapping.EventSourceArn == p.EventSourceArn)
  end)
  local page, token = paging.cut(found, p.Marker, paging.size(p.MaxItems, 100, 100))
  return { EventSourceMappings = page, NextMarker = token }
end

local function mapping_of(state, p)
  local mapping = state.mappings:get(p.UUID)
  if not mapping then not_found "The resource you requested does not exist." end
  return mapping
end

function operations.UpdateEventSourceMapping(state, p)
  local mapping = mapping_of(state, p)
  if p.Enabled ~= nil then mapping.State = p.Enabled and "Enabled" or "Disabled" end
  return mapping
end

function operations.DeleteEventSourceMapping(state, p)
  local mapping = mapping_of(state, p)
  state.mappings:remove(p.UUID)
  local shown = value.copy(mapping)
  shown.State = "Deleting"
  return shown
end

-- The seed ------------------------------------------------------------------------------------------------------------

local function seed_function(state, cursor)
  local name = cursor:required "FunctionName"
  if state.functions:get(name) then cursor:mistake("FunctionName", "is there already") end
  local fields = cursor:pick(FIELDS, {})
  fields.Role = cursor:required "Role"
  if not state.account:service("iam").roles:get(fields.Role:match "([^/]+)$") then
    cursor:mistake("Role", "there is no role " .. fields.Role)
  end
  if not fields.Role:find "^arn:" then fields.Role = state.account:service("iam").roles:get(fields.Role).arn end
  fields.LastModified = cursor:time "LastModified"
  local it = make(state, name, fields)
  for key, text in pairs(cursor:raw("Tags", "table") or {}) do
    if type(key) ~= "string" then cursor:mistake("Tags", "expected {name = text}") end
    it.tags[key] = tostring(text)
  end
  for i, statement in ipairs(cursor:raw("Policy", "table") or {}) do
    local full = value.copy(statement)
    full.Sid, full.Effect = full.Sid or "statement-" .. i, full.Effect or "Allow"
    full.Resource = full.Resource or it.fields.FunctionArn
    table.insert(it.policy, full)
  end
  local url = cursor:below "FunctionUrlConfig"
  if url then
    make_url(state, it, {
      AuthType = url:required "AuthType", Cors = url:raw "Cors", InvokeMode = url:text "InvokeMode",
      CreationTime = url:time "CreationTime",
    })
    url:finish()
  end
  it.concurrency = cursor:number "ReservedConcurrentExecutions"
  cursor:each("EventSourceMappings", function(below)
    local id = state.account.ids:uuid()
    state.mappings:put(id, {
      UUID = id, EventSourceArn = below:required "EventSourceArn", FunctionArn = it.fields.FunctionArn,
      BatchSize = below:number("BatchSize", 10), State = below:text("State", "Enabled"), LastModified = below:time "LastModified",
    })
  end)
end

function lambda.seed(state, cursor)
  cursor:each("functions", function(below) seed_function(state, below) end)
end

function lambda.snapshot(state, put)
  for it in state.functions:each() do
    local shown = value.copy(it.fields)
    shown.LastModified, shown.RevisionId = nil, nil
    shown.Tags, shown.Policy = value.copy(it.tags), value.list(value.copy(it.policy))
    shown.ReservedConcurrentExecutions = it.concurrency
    put(it.fields.FunctionArn, shown)
    if it.url then
      local url = value.copy(it.url)
      url.CreationTime, url.LastModifiedTime = nil, nil
      put(it.fields.FunctionArn .. "/url", url)
    end
  end
  for mapping in state.mappings:each() do
    put(state.account:arn("lambda", state.region, "event-source-mapping:" .. mapping.UUID),
      value.pick(mapping, { "EventSourceArn", "FunctionArn", "BatchSize", "State" }))
  end
end

return lambda
