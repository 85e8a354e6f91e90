--- What CloudTrail tells of an attack's credentials: what was made with them, which sessions they led to.
---
--- LookupEvents gives the management events of 90 days by key or by user name, two calls a second, so it is asked for the
--- attack's own credentials only, since the attack began. Where it can't be asked (no permission, an emulator without it) or
--- has nothing yet (events come some minutes late) the run says so, and the evidence is what else there is.
local failure = require "riposte.failure"
local json = require "riposte.json"
local time = require "riposte.time"

local trail = {}

local PAGES_MOST = 60 -- 3,000 events of one key: past it, what came first is known well enough
local KEYS_MOST = 20

-- Event -> kind of thing made, and where the event tells its name: in the request or in the response.
local MAKES = {
  CreateCluster = { kind = "cluster", of = "requestParameters", field = "clusterName" },
  RegisterTaskDefinition = { kind = "task-definition", of = "responseElements", within = "taskDefinition",
    field = "taskDefinitionArn" },
  CreateAutoScalingGroup = { kind = "group", of = "requestParameters", field = "autoScalingGroupName" },
  CreateLaunchTemplate = { kind = "launch-template", of = "requestParameters", within = "CreateLaunchTemplateRequest",
    field = "LaunchTemplateName" },
  CreateLaunchConfiguration = { kind = "launch-configuration", of = "requestParameters",
    field = "launchConfigurationName" },
  CreateFunction20150331 = { kind = "function", of = "requestParameters", field = "functionName" },
  CreateFunction20150331v2 = { kind = "function", of = "requestParameters", field = "functionName" },
  CreateFunctionUrlConfig = { kind = "url", of = "requestParameters", field = "functionName" },
  CreateUser = { kind = "user", of = "requestParameters", field = "userName" },
  CreateRole = { kind = "role", of = "requestParameters", field = "roleName" },
  CreateLoginProfile = { kind = "login-profile", of = "requestParameters", field = "userName" },
}

-- LookupEvents' own list of resources, where the event itself does not tell.
local RESOURCES = {
  ["AWS::ECS::Cluster"] = "cluster",
  ["AWS::ECS::TaskDefinition"] = "task-definition",
  ["AWS::AutoScaling::AutoScalingGroup"] = "group",
  ["AWS::EC2::LaunchTemplate"] = "launch-template",
  ["AWS::EC2::Instance"] = "instance",
  ["AWS::Lambda::Function"] = "function",
  ["AWS::IAM::User"] = "user",
  ["AWS::IAM::Role"] = "role",
}

local function note(attack, kind, name, made)
  if type(name) == "string" and name ~= "" then attack.made[kind .. " " .. name] = made end
end

local function table_of(value)
  return type(value) == "table" and value or {}
end

local function note_instances(attack, detail, made)
  local set = table_of(table_of(detail.responseElements).instancesSet)
  for _, item in ipairs(table_of(set.items)) do note(attack, "instance", table_of(item).instanceId, made) end
end

-- Credentials that the attack's credentials were turned into.
local function follow(attack, name, detail, by)
  local request, response = table_of(detail.requestParameters), table_of(detail.responseElements)
  if name == "AssumeRole" then
    local role = type(request.roleArn) == "string" and request.roleArn:match(":role/.-([^/]+)$")
    attack:add_role(role, "assumed with " .. by)
    attack:add_key(table_of(response.credentials).accessKeyId)
  elseif name == "GetSessionToken" or name == "GetFederationToken" then
    attack:add_key(table_of(response.credentials).accessKeyId)
  elseif name == "CreateAccessKey" then
    local key = table_of(response.accessKey)
    attack:add_key(key.accessKeyId, key.userName or request.userName)
  end
end

local function read_event(attack, event, by)
  attack.trail_known = true
  local at = time.ms(event.EventTime)
  local detail = table_of(json.decode(event.CloudTrailEvent or "{}"))
  if not at or at < attack.began or detail.errorCode then return end
  local name = event.EventName or ""
  local made = { by = by, event = name, at = at }
  local makes = MAKES[name]
  if makes then
    local part = table_of(detail[makes.of])
    if makes.within then part = table_of(part[makes.within]) end
    note(attack, makes.kind, part[makes.field], made)
  end
  if name == "RunInstances" then note_instances(attack, detail, made) end
  if makes or name == "RunInstances" then
    for _, resource in ipairs(event.Resources or {}) do
      local kind = RESOURCES[resource.ResourceType]
      -- Only what the event makes: a function's event names its role too.
      if kind and (makes and makes.kind == kind or name == "RunInstances" and kind == "instance") then
        note(attack, kind, resource.ResourceName, made)
      end
    end
  end
  follow(attack, name, detail, by)
end

local function read_key(attack, key)
  local by = "key " .. key.id
  local params = {
    LookupAttributes = { { AttributeKey = "AccessKeyId", AttributeValue = key.id } },
    StartTime = time.text(attack.began),
    MaxResults = 50,
  }
  local cloudtrail = attack.run.aws.cloudtrail { region = attack.region }
  for _ = 1, PAGES_MOST do
    local output = cloudtrail:lookup_events(params)
    for _, event in ipairs(output.Events or {}) do read_event(attack, event, by) end
    if not output.NextToken or output.NextToken == "" then return end
    params.NextToken = output.NextToken
  end
  attack.run:log("CloudTrail holds more events of a key than were read", { key = key.id, read = PAGES_MOST * 50 })
end

--- Read what the attack's keys did, and what the keys did that they led to. `attack.made` tells it afterwards.
function trail.read(attack)
  local i = 0
  while attack.key_list[i + 1] and i < KEYS_MOST do
    local first = i + 1
    i = math.min(#attack.key_list, KEYS_MOST)
    local keys = table.move(attack.key_list, first, i, 1, {})
    local ok, err = pcall(attack.run.parallel, attack.run, keys, function(key) read_key(attack, key) end)
    if not ok then
      if not failure.is(err) then error(err, 0) end
      attack.trail_known = false
      attack.run:log("CloudTrail can't be asked: evidence is what else there is", { why = tostring(err) })
      return
    end
  end
  if not attack.trail_known then attack.run:log("CloudTrail knows nothing of the attack's keys (yet)") end
end

return trail
