--- What an attack is, told from a finding, and the rule by which something is held to be of it.
---
--- From the finding come the attack's credentials (users, keys, roles), its images, what it names, and when it began.
--- Everything else in the account is judged by evidence:
---
---   1. What was there before the attack began is the account's own, whatever else points at it.
---   2. Made with the attack's credentials since then (AWS's own record of the maker: CloudTrail, createdBy, registeredBy),
---      running an image that is the attack's, or part of something that is of the attack: it is of the attack.
---   3. Made by somebody else: it is not.
---   4. Where nobody is named as its maker and CloudTrail can't be read, two marks are needed: it came into being since
---      the attack began, and it looks like the attack's own (`marks`, which the one who asks for the verdict gives).
---   5. Otherwise it is left alone.
local time = require "riposte.time"

local module = {}

local Attack = {}
Attack.__index = Attack

local function is_text(value)
  return type(value) == "string" and value ~= ""
end

-- A field of a finding's resource, at its top or one level down ("image" of data.container).
local function field(data, name)
  if type(data) ~= "table" then return nil end
  if data[name] ~= nil then return data[name] end
  local keys = {}
  for key, value in pairs(data) do
    if type(value) == "table" then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    if type(data[key]) == "table" and data[key][name] ~= nil then return data[key][name] end
  end
end

--- The credentials are the attack's: a user's name, a role's, a key's id.
function Attack:add_user(name, why)
  if is_text(name) and not self.users[name] then
    self.users[name] = why
    self.user_list[#self.user_list + 1] = name
  end
end

function Attack:add_role(name, why)
  if is_text(name) and not self.roles[name] then
    self.roles[name] = why
    self.role_list[#self.role_list + 1] = name
  end
end

function Attack:add_key(id, user)
  if is_text(id) and not self.keys[id] then
    self.keys[id] = user or true
    self.key_list[#self.key_list + 1] = { id = id, user = user }
  end
end

local function add_principal(attack, kind, name, key, why)
  if kind == "IAMUser" then
    attack:add_user(name, why)
    attack:add_key(key, name)
  elseif kind == "AssumedRole" or kind == "Role" then
    attack:add_role(name, why)
    attack:add_key(key)
  end
end

local function read_actor(attack, actor)
  local user, session = actor.user, actor.session or {}
  local began = time.ms(session.createdTime)
  if user and began and began < attack.began then attack.began = began end
  if not user then return end
  local issuer = type(session.issuer) == "string" and session.issuer:match(":role/.-([^/]+)$")
  add_principal(attack, user.type, issuer or user.name, user.credentialUid, "the finding names it as the actor")
end

local function read_image(attack, image)
  if is_text(image) then attack.images[image] = "the finding names it" end
end

local function read_resource(attack, resource)
  local data = resource.data
  if resource.type == "iam-access-key" then
    add_principal(attack, field(data, "userType") or "IAMUser", field(data, "userName") or resource.name,
      resource.id or field(data, "accessKeyId"), "the finding names its access key")
  elseif resource.type == "ec2-instance" then
    local id = tostring(resource.id or resource.arn or ""):match("i%-%x+")
    if id then attack.instances[id] = true end
  elseif resource.type == "ecs-cluster" and is_text(resource.arn) then
    attack.clusters[resource.arn] = true
  elseif resource.type == "ecs-task" and is_text(resource.arn) then
    attack.tasks[resource.arn] = true
  end
  local containers = field(data, "containers")
  for _, each in ipairs(type(containers) == "table" and containers or {}) do read_image(attack, field(each, "image")) end
  read_image(attack, field(data, "image"))
end

--- The attack that a finding tells of.
function module.of(finding, run)
  local attack = setmetatable({
    run = run,
    region = finding.region,
    began = time.ms(finding.first_seen) or time.ms(finding.last_seen) or run:now(),
    users = {}, user_list = {}, roles = {}, role_list = {}, keys = {}, key_list = {},
    images = {}, clusters = {}, tasks = {}, instances = {},
    made = {}, trail_known = false,
    said = {}, answered = {}, seen = {},
  }, Attack)
  for _, actor in ipairs(finding.actors or {}) do read_actor(attack, actor) end
  for resource in finding:resources() do read_resource(attack, resource) end
  return attack
end

--- Is a principal ("arn:aws:iam::…:user/ci-deploy", "…:assumed-role/worker/session") one of the attack's?
function Attack:is_actor(principal)
  if type(principal) ~= "string" then return false end
  local user = principal:match(":user/.-([^/]+)$")
  if user then return self.users[user] ~= nil end
  local role = principal:match(":assumed%-role/([^/]+)") or principal:match(":role/.-([^/]+)$")
  return role ~= nil and self.roles[role] ~= nil
end

--- Who made the thing of this kind and name, as far as CloudTrail tells: {by, event, at} or nil.
function Attack:maker(kind, name)
  return self.made[kind .. " " .. name]
end

local function join(facts)
  return table.concat(facts, "; ")
end

-- What AWS's own records say about who made it.
local function facts_of(attack, thing)
  local facts = { table.unpack(thing.proof or {}) }
  local made = attack:maker(thing.kind, thing.name)
  if made then
    facts[#facts + 1] = ("made by %s (CloudTrail: %s at %s)"):format(made.by, made.event, time.text(made.at))
  end
  if attack:is_actor(thing.by) and thing.created and thing.created >= attack.began then
    facts[#facts + 1] = ("made by %s at %s"):format(thing.by, time.text(thing.created))
  end
  return facts
end

--- Is `thing` of the attack? {kind, name, what = ARN or id for people, created = ms?, by = principal?, proof = facts?,
--- marks = facts?} -> boolean, and the facts it rests on.
---@return boolean
---@return string why
function Attack:judge(thing)
  if thing.created and thing.created < self.began then
    return false, ("it was there before the attack began: since %s"):format(time.text(thing.created))
  end
  local facts = facts_of(self, thing)
  if #facts > 0 then return true, join(facts) end
  if type(thing.by) == "string" and thing.by ~= "" then return false, "made by " .. thing.by end
  if self.trail_known then return false, "nothing ties it to the attack, not even CloudTrail" end
  local marks = thing.marks or {}
  if thing.created and #marks > 0 then
    return true, ("came into being at %s, since the attack began; %s; CloudTrail can't be asked who made it"):format(
      time.text(thing.created), join(marks))
  end
  return false, #marks > 0 and "only this points at it: " .. join(marks) or "nothing ties it to the attack"
end

local LEFT_ALONE_MOST = 100

--- Say once that something is left alone, and why.
function Attack:leave(what, why)
  if self.said[what] then return false end
  self.said[what] = true
  self.run:left_alone(what, why)
  return true
end

--- Divide things into those of the attack, each with its verdict's facts in `why`, and the rest, which is said to be left
--- alone. Both are kept as evidence.
function Attack:sift(things)
  local ours, left, more = {}, 0, 0
  for _, thing in ipairs(things) do
    local of, why = self:judge(thing)
    thing.why = why
    if of then
      ours[#ours + 1] = thing
    else
      if left == LEFT_ALONE_MOST then
        more = more + 1
      elseif self:leave(thing.what, why) then
        left = left + 1
      end
    end
  end
  if more > 0 then self:leave(("%d more of kind %s"):format(more, things[1].kind), "for such reasons") end
  return ours
end

--- Keep why things are held to be of the attack.
function Attack:keep_evidence(name, things)
  if #things == 0 then return end
  local list = {}
  for i, thing in ipairs(things) do list[i] = { what = thing.what, why = thing.why } end
  self.run:evidence(name, list)
end

return module
