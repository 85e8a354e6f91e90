--- What of an attack is in Lambda: functions, and public URLs of functions.
local failure = require "riposte.failure"
local time = require "riposte.time"

local functions = {}

local function url_of(lambda, name)
  local ok, output = pcall(lambda.get_function_url_config, lambda, { FunctionName = name })
  if ok then return output end
  if failure.is(output) then return nil end -- none, or an emulator without URLs
  error(output, 0)
end

--- Read the functions that were changed since the attack began, with their URLs: {functions = {{configuration, url}, …}}.
--- What was not changed since is not the attack's.
function functions.read(attack)
  local lambda = attack.run.aws.lambda { region = attack.region }
  local recent, world = {}, { functions = {} }
  for configuration in lambda:pages("list_functions") do
    local modified = time.ms(configuration.LastModified)
    if not modified or modified >= attack.began then recent[#recent + 1] = configuration end
  end
  world.functions = attack.run:parallel(recent, function(configuration)
    return { configuration = configuration, url = url_of(lambda, configuration.FunctionName) }
  end)
  return world
end

local function role_of(configuration)
  return (configuration.Role or ""):match("([^/]+)$")
end

-- Lambda tells when a function was last changed, not when it was made: only a role that is as new makes it a new one. Asked
-- where CloudTrail can't tell.
local function new_role(attack, name)
  local ok, output = pcall(attack.run.aws.iam().get_role, attack.run.aws.iam(), { RoleName = name })
  if not ok and not failure.is(output) then error(output, 0) end
  local created = ok and time.ms(output.Role.CreateDate)
  if created and created >= attack.began then return { "its role " .. name .. " is as new" } end
end

local function thing_of(attack, each)
  local configuration, proof = each.configuration, {}
  local role = role_of(configuration)
  local made = role and attack:maker("role", role)
  if made then proof[1] = "its role " .. role .. " was made by " .. made.by end
  return {
    kind = "function", name = configuration.FunctionName, what = configuration.FunctionArn, known = each, proof = proof,
    created = time.ms(configuration.LastModified),
    marks = not attack.trail_known and role and new_role(attack, role) or nil,
  }
end

--- Which functions are of the attack, and which URLs the attack made for others' functions: {functions, urls}.
function functions.judge(attack, world)
  local things, urls = {}, {}
  for i, each in ipairs(world.functions) do things[i] = thing_of(attack, each) end
  local found = { functions = attack:sift(things), urls = {} }
  local ours = {}
  for _, thing in ipairs(found.functions) do ours[thing.name] = true end
  for _, each in ipairs(world.functions) do
    local name = each.configuration.FunctionName
    local made = attack:maker("url", name)
    if each.url and made and not ours[name] then
      urls[#urls + 1] = { name = name, what = each.url.FunctionUrl, why = "made by " .. made.by }
    end
  end
  found.urls = urls
  attack:keep_evidence("functions of the attack", found.functions)
  attack:keep_evidence("function URLs of the attack", urls)
  return found
end

return functions
