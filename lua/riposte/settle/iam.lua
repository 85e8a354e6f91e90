--- IAM: whether a change happened whose answer never came.
local agree = require "riposte.agree"

local iam = {}

-- A user or role of that name which is older than the change was in its way: IAM refused it, and does again.
for _, kind in ipairs { "User", "Role" } do
  iam["Create" .. kind] = function(change)
    local name = kind .. "Name"
    local found = change:find("get_" .. kind:lower(), { [name] = change.params[name] }, function(output) return output[kind] end)
    if not found or not change:is_since(found.CreateDate) then return "not" end
    local boundary = found.PermissionsBoundary and found.PermissionsBoundary.PermissionsBoundaryArn
    local now = setmetatable({ PermissionsBoundary = boundary }, { __index = found })
    local ok, why = agree.params(change.params, now)
    if not ok then return nil, "there is another of this name, made since: " .. why end
    return "happened", { [kind] = found }
  end
end

function iam.CreateLoginProfile(change)
  local found = change:find("get_login_profile", { UserName = change.params.UserName },
    function(output) return output.LoginProfile end)
  if not found or not change:is_since(found.CreateDate) then return "not" end
  return "happened", { LoginProfile = found }
end

-- A key that was made can be used by nobody: its secret was in the answer only.
function iam.CreateAccessKey(change)
  for _, key in ipairs(change.read("list_access_keys", { UserName = change.params.UserName }).AccessKeyMetadata or {}) do
    if change:is_since(key.CreateDate) then
      return nil, ("the key %s was made, and its secret is lost with the answer: delete it"):format(key.AccessKeyId)
    end
  end
  return "not"
end

function iam.AddRoleToInstanceProfile(change)
  local profile = change:find("get_instance_profile", { InstanceProfileName = change.params.InstanceProfileName },
    function(output) return output.InstanceProfile end)
  for _, role in ipairs(profile and profile.Roles or {}) do
    if role.RoleName == change.params.RoleName then return "happened", {} end
  end
  return "not"
end

return iam
