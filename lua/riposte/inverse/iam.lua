--- Inverses of IAM's changes.
local inverse = require "riposte.inverse"
local policy = require "riposte.policy"

local reply = inverse.reply

local iam = {}

-- Access keys.

function iam.UpdateAccessKey(change)
  local params = change.params
  local status = change.prior and change.prior.Status
  if not status then
    for _, key in ipairs(change.read("list_access_keys", { UserName = params.UserName }).AccessKeyMetadata or {}) do
      if key.AccessKeyId == params.AccessKeyId then status = key.Status end
    end
  end
  if not status then return nil, "the key's status before is not known" end
  return {
    change:undo("UpdateAccessKey", { UserName = params.UserName, AccessKeyId = params.AccessKeyId, Status = status }),
  }
end

function iam.CreateAccessKey(change)
  return {
    change:undo("DeleteAccessKey", { UserName = change.params.UserName, AccessKeyId = reply "AccessKey.AccessKeyId" }),
  }
end

function iam.DeleteAccessKey()
  return nil, "a deleted key does not come back"
end

-- Policies and memberships of users, roles and groups.

for _, kind in ipairs { "User", "Role", "Group" } do
  local field, lower = kind .. "Name", kind:lower()
  local put, delete = "Put" .. kind .. "Policy", "Delete" .. kind .. "Policy"
  local attach, detach = "Attach" .. kind .. "Policy", "Detach" .. kind .. "Policy"

  local function document_before(change)
    local prior = change:prior_if_any("get_" .. lower .. "_policy", {
      [field] = change.params[field],
      PolicyName = change.params.PolicyName,
    })
    return prior and prior.PolicyDocument and policy.text(prior.PolicyDocument)
  end

  local function with_document(change, document)
    return { [field] = change.params[field], PolicyName = change.params.PolicyName, PolicyDocument = document }
  end

  iam[put] = function(change)
    local document = document_before(change)
    if document then return { change:undo(put, with_document(change, document)) } end
    return { change:undo(delete, with_document(change)) }
  end
  iam[delete] = function(change)
    local document = document_before(change)
    if not document then return nil, "there was no such policy" end
    return { change:undo(put, with_document(change, document)) }
  end
  iam[attach] = function(change) return { change:undo(detach, change.params) } end
  iam[detach] = function(change) return { change:undo(attach, change.params) } end
end

function iam.AddUserToGroup(change)
  return { change:undo("RemoveUserFromGroup", change.params) }
end

function iam.RemoveUserFromGroup(change)
  return { change:undo("AddUserToGroup", change.params) }
end

-- Users.

function iam.CreateUser(change)
  return { change:undo("DeleteUser", { UserName = change.params.UserName }) }
end

local function boundary(entity)
  return entity.PermissionsBoundary and entity.PermissionsBoundary.PermissionsBoundaryArn
end

function iam.DeleteUser(change)
  local user = change:prior_state("get_user", { UserName = change.params.UserName },
    function(output) return output.User end)
  local params = inverse.pick(user, { "UserName", "Path", "Tags" })
  params.PermissionsBoundary = boundary(user)
  return { change:undo("CreateUser", params) }
end

function iam.CreateLoginProfile(change)
  return { change:undo("DeleteLoginProfile", { UserName = change.params.UserName }) }
end

function iam.DeleteLoginProfile()
  return nil, "the password is gone: its user has to be given another"
end

function iam.DeactivateMFADevice()
  return nil, "the device's owner has to pair it again"
end

function iam.DeleteSigningCertificate()
  return nil, "the certificate has to be uploaded again by its owner"
end

function iam.DeleteSSHPublicKey()
  return nil, "the key has to be uploaded again by its owner"
end

-- Roles and instance profiles.

function iam.CreateRole(change)
  return { change:undo("DeleteRole", { RoleName = change.params.RoleName }) }
end

function iam.DeleteRole(change)
  local role = change:prior_state("get_role", { RoleName = change.params.RoleName },
    function(output) return output.Role end)
  local params = inverse.pick(role, { "RoleName", "Path", "Description", "MaxSessionDuration", "Tags" })
  params.AssumeRolePolicyDocument = policy.text(role.AssumeRolePolicyDocument)
  params.PermissionsBoundary = boundary(role)
  return { change:undo("CreateRole", params) }
end

function iam.UpdateAssumeRolePolicy(change)
  local role = change:prior_state("get_role", { RoleName = change.params.RoleName },
    function(output) return output.Role end)
  return {
    change:undo("UpdateAssumeRolePolicy", {
      RoleName = change.params.RoleName,
      PolicyDocument = policy.text(role.AssumeRolePolicyDocument),
    }),
  }
end

function iam.AddRoleToInstanceProfile(change)
  return { change:undo("RemoveRoleFromInstanceProfile", change.params) }
end

function iam.RemoveRoleFromInstanceProfile(change)
  return { change:undo("AddRoleToInstanceProfile", change.params) }
end

return iam
