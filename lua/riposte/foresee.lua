--- The foreseen world of a rehearsal: what reads would tell if the planned changes had been made, where that is simple to
--- tell. A deleted thing is gone from lists and descriptions, a set field is set; what AWS would do by itself (start tasks,
--- launch instances, choose addresses) is not guessed.
---
--- riposte/foresee/<service>.lua holds `changes`, one function an operation that notes what was planned, and `reads`, one an
--- operation that corrects a reply. Both get a `scope`: what was noted for this service in this account and region.
local foresee = {}

local SERVICES = { autoscaling = true, ec2 = true, ecs = true, iam = true, lambda = true }

local Scope = {}
Scope.__index = Scope

--- Note that a thing is gone ("service", "shop/web").
function Scope:remove(kind, name)
  self.gone[kind .. " " .. name] = true
  self.fields[kind .. " " .. name] = nil
end

function Scope:is_gone(kind, name)
  return self.gone[kind .. " " .. name] == true
end

--- Note that fields of a thing are set.
function Scope:set(kind, name, fields)
  local key = kind .. " " .. name
  self.fields[key] = self.fields[key] or {}
  for field, value in pairs(fields) do self.fields[key][field] = value end
end

--- Set what was noted in `thing`, and give it.
function Scope:amend(kind, name, thing)
  for field, value in pairs(self.fields[kind .. " " .. name] or {}) do thing[field] = value end
  return thing
end

--- Take what is gone out of a list, in place; `name_of` tells the name of an item.
function Scope:drop(kind, list, name_of)
  for i = #(list or {}), 1, -1 do
    if self:is_gone(kind, name_of(list[i])) then table.remove(list, i) end
  end
end

local World = {}
World.__index = World

function World:scope(service, region, account)
  local key = service .. " " .. tostring(account) .. " " .. tostring(region)
  local scope = self.scopes[key]
  if not scope then
    scope = setmetatable({ gone = {}, fields = {} }, Scope)
    self.scopes[key] = scope
  end
  return scope
end

local function rules_of(service)
  return SERVICES[service] and require("riposte.foresee." .. service)
end

-- IAM is one world for all regions.
local function region_of(service, region)
  return service == "iam" and "" or region
end

--- A change was planned. `value` is its made-up reply.
function World:planned(service, operation, params, value, region, account)
  local rules = rules_of(service)
  local note = rules and rules.changes[operation]
  if note then note(self:scope(service, region_of(service, region), account), params, value) end
end

--- The reply of a read, as it would be after what was planned; `value` itself is changed.
function World:apply(service, operation, params, value, region, account)
  local rules = rules_of(service)
  local correct = rules and rules.reads[operation]
  if correct then correct(self:scope(service, region_of(service, region), account), params, value) end
  return value
end

function foresee.new()
  return setmetatable({ scopes = {} }, World)
end

--- The last part of an ARN, or the name itself: calls and replies name the same thing either way.
---@param name string
---@return string
function foresee.short(name)
  return name:match("([^/]+)$") or name
end

return foresee
