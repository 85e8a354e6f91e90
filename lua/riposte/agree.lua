--- Does the world still say what was once asked for? Parameters of a request beside what AWS tells now, as AWS itself
--- takes values for the same: a name and the ARN that ends in it, policy documents however they are written, lists in any
--- order, members that nobody gave at AWS's defaults.
local json = require "riposte.json"
local policy = require "riposte.policy"

local agree = {}

-- Of these lists a part may be looked at: the rest was so before, and is not what an undo takes back.
local PARTIAL = {
  Tags = true, tags = true, TagKeys = true, tagKeys = true, Resources = true, InstanceIds = true, ScalingProcesses = true,
  FindingIdentifiers = true, FindingIds = true, settings = true,
}

-- Maps whose keys are a user's own: one more is a difference. Elsewhere it is a default.
local WHOLE = { Variables = true, UserDefinedFields = true, dockerLabels = true }

local same

local function is_list(value)
  return type(value) == "table" and (#value > 0 or next(value) == nil)
end

-- "web" and "arn:aws:ecs:…:service/shop/web"; "hook" and "arn:aws:lambda:…:function:hook".
local function names(arn, name)
  if not arn:find("^arn:") or #name == 0 then return false end
  local before = arn:sub(-#name - 1, -#name - 1)
  return arn:sub(-#name) == name and (before == "/" or before == ":")
end

local function document(text)
  if not text:find("^%s*[{%[]") and not text:find("^%%7B") then return nil end
  return json.decode(policy.text(text))
end

local function same_text(a, b)
  if a == b or names(a, b) or names(b, a) then return true end
  local one, other = document(a), document(b)
  return type(one) == "table" and type(other) == "table" and same(one, other, true) and same(other, one, true)
end

local function any(list, fits)
  for _, each in ipairs(list) do
    if fits(each) then return true end
  end
  return false
end

-- In any order; with `partial`, `now` may lack some.
local function same_list(given, now, partial)
  for _, found in ipairs(now) do
    if not any(given, function(wanted) return same(wanted, found) end) then return false end
  end
  if partial then return true end
  for _, wanted in ipairs(given) do
    if not any(now, function(found) return same(wanted, found) end) then return false end
  end
  return #given == #now
end

-- What was given is so now. What AWS does not tell is as good as an empty or false one.
local function same_members(given, now, whole)
  for name, value in pairs(given) do
    local found = now[name]
    if found == nil then
      if not (value == false or type(value) == "table" and next(value) == nil) then return false end
    elseif not same(value, found, whole or WHOLE[name]) then
      return false
    end
  end
  if whole then
    for name in pairs(now) do
      if given[name] == nil then return false end
    end
  end
  return true
end

-- The journal keeps a digest in a secret's place, or seals it where it must come back.
local function is_mark(value)
  return type(value) == "string" and (value:find("^%(secret %x+%.%x+%)$") or value:find("^%(sealed ")) ~= nil
end

--- Set where the engine can tell whether a secret that it keeps and a value are the same: fun(a, b): boolean. Elsewhere a
--- mark agrees with everything.
---@type (fun(a: any, b: any): boolean)?
agree.same_secret = nil

function same(given, now, whole)
  if agree.same_secret and (is_mark(given) or is_mark(now)) then return agree.same_secret(given, now) end
  if is_mark(given) then return true end
  if type(given) == "string" and type(now) == "string" then return same_text(given, now) end
  if type(given) ~= "table" or type(now) ~= "table" then return given == now end
  if is_list(given) and is_list(now) then return same_list(given, now) end
  return same_members(given, now, whole)
end

local function text_of(value)
  if type(value) == "table" then return "something else" end
  local text = tostring(value)
  return #text <= 80 and text or text:sub(1, 77) .. "..."
end

--- Does this text only stand for a secret?
agree.is_mark = is_mark

--- Are the parameters that were given so now? Only those that `now` tells are looked at.
---@param given table parameters of a request
---@param now table the same parameters, as the world has them
---@return boolean
---@return string? why "desiredCount is 3, and was set to 0"
function agree.params(given, now)
  local names_of = {}
  for name in pairs(given) do names_of[#names_of + 1] = name end
  table.sort(names_of)
  for _, name in ipairs(names_of) do
    local wanted, found = given[name], now[name]
    local fits = found == nil
    if not fits and PARTIAL[name] and is_list(wanted) and is_list(found) then
      fits = same_list(wanted, found, true)
    elseif not fits then
      fits = same(wanted, found, WHOLE[name])
    end
    if not fits and (is_mark(wanted) or is_mark(found)) then
      return false, name .. " is another secret now than it was set to"
    elseif not fits then
      return false, ("%s is %s now, and was set to %s"):format(name, text_of(found), text_of(wanted))
    end
  end
  return true
end

--- Is each member that was given so in what AWS describes, members of members included?
---@param given table
---@param now table
---@return boolean
function agree.described(given, now)
  return same_members(given, now)
end

return agree
