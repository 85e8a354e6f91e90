--- Inverses of IAM's changes.
local inverse = require "riposte.inverse"
local policy = require "riposte.policy"

local reply = inverse.reply

local iam = {}

-- Access keys -------------------------------------------------------------------------------------------------------

local function key_of(change)
  for _, key in ipairs(change.read("list_access_keys", { UserName = change.params.UserName }).AccessKeyMetadata or {}) do
    if key.AccessKeyId == change.params.AccessKeyId then return key end
  end
end

function iam.UpdateAccessKey(change)
  local params = change.params
  local key = change.prior or key_of(change)
  if not key then return nil, "the user has no such key", "absent" end
  return { change:undo("UpdateAccessKey", { UserName = params.UserName, AccessKeyId = params.AccessKeyId, Status = key.Status }) }
end

function iam.CreateAccessKey(change)
  return {
    change:undo("DeleteAccessKey", { UserName = change.params.UserName, AccessKeyId = reply "AccessKey.AccessKeyId" }),
  }
end

function iam.DeleteAccessKey(change)
  if change.undoing and not key_of(change) then return nil, "the user has no such key", "absent" end
  return nil, "a deleted key does not come back"
end

-- Policies of users, roles and groups ------------------------------------------------------------------------------------

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
    if not document then return nil, "there is no such policy", "absent" end
    return { change:undo(put, with_document(change, document)) }
  end

  -- IAM attaches and detaches without a word about what was so already.
  local function is_attached(change)
    return change:is_there("list_attached_" .. lower .. "_policies", { [field] = change.params[field], MaxItems = 1000 },
      function(output)
        for _, each in ipairs(output.AttachedPolicies or {}) do
          if each.PolicyArn == change.params.PolicyArn then return true end
        end
      end)
  end

  iam[attach] = function(change)
    if is_attached(change) then return nil, "the policy is attached already", "same" end
    return { change:undo(detach, change.params) }
  end
  iam[detach] = function(change)
    if is_attached(change) == false then return nil, "the policy is not attached", "absent" end
    return { change:undo(attach, change.params) }
  end
end

-- Users and their groups ----------------------------------------------------------------------------------------------

local function is_member(change)
  return change:is_there("list_groups_for_user", { UserName = change.params.UserName, MaxItems = 1000 }, function(output)
    for _, group in ipairs(output.Groups or {}) do
      if group.GroupName == change.params.GroupName then return true end
    end
  end)
end

function iam.AddUserToGroup(change)
  if is_member(change) then return nil, "the user is in the group already", "same" end
  return { change:undo("RemoveUserFromGroup", change.params) }
end

function iam.RemoveUserFromGroup(change)
  if is_member(change) == false then return nil, "the user is not in the group", "absent" end
  return { change:undo("AddUserToGroup", change.params) }
end

local function boundary(entity)
  return entity.PermissionsBoundary and entity.PermissionsBoundary.PermissionsBoundaryArn
end

function iam.CreateUser(change)
  if change:is_there("get_user", { UserName = change.params.UserName }) then
    return nil, "there is such a user already", "there"
  end
  return { change:undo("DeleteUser", { UserName = change.params.UserName }) }
end

function iam.DeleteUser(change)
  local user = change:prior_state("get_user", { UserName = change.params.UserName },
    function(output) return output.User end)
  local params = inverse.pick(user, { "UserName", "Path", "Tags" })
  params.PermissionsBoundary = boundary(user)
  return { change:undo("CreateUser", params) }
end

local function password(change)
  return change:is_there("get_login_profile", { UserName = change.params.UserName })
end

function iam.CreateLoginProfile(change)
  if password(change) then return nil, "the user has a password already", "there" end
  return { change:undo("DeleteLoginProfile", { UserName = change.params.UserName }) }
end

function iam.DeleteLoginProfile(change)
  if change.undoing and password(change) == false then return nil, "the user has no password", "absent" end
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

-- Roles and instance profiles -----------------------------------------------------------------------------------------

local function role_before(change)
  return change:prior_state("get_role", { RoleName = change.params.RoleName },
    function(output) return output.Role end)
end

function iam.CreateRole(change)
  if change:is_there("get_role", { RoleName = change.params.RoleName }) then
    return nil, "there is such a role already", "there"
  end
  return { change:undo("DeleteRole", { RoleName = change.params.RoleName }) }
end

function iam.DeleteRole(change)
  local role = role_before(change)
  local params = inverse.pick(role, { "RoleName", "Path", "Description", "MaxSessionDuration", "Tags" })
  params.AssumeRolePolicyDocument = policy.text(role.AssumeRolePolicyDocument)
  params.PermissionsBoundary = boundary(role)
  return { change:undo("CreateRole", params) }
end

function iam.UpdateAssumeRolePolicy(change)
  local document = policy.text(role_before(change).AssumeRolePolicyDocument)
  return { change:undo("UpdateAssumeRolePolicy", { RoleName = change.params.RoleName, PolicyDocument = document }) }
end

local function is_in_profile(change)
  return change:is_there("get_instance_profile", { InstanceProfileName = change.params.InstanceProfileName },
    function(output)
      for _, role in ipairs(output.InstanceProfile.Roles or {}) do
        if role.RoleName == change.params.RoleName then return true end
      end
    end)
end

function iam.AddRoleToInstanceProfile(change)
  if is_in_profile(change) then return nil, "the role is in the profile already", "same" end
  return { change:undo("RemoveRoleFromInstanceProfile", change.params) }
end

function iam.RemoveRoleFromInstanceProfile(change)
  if is_in_profile(change) == false then return nil, "the role is not in the profile", "absent" end
  return { change:undo("AddRoleToInstanceProfile", change.params) }
end

return iam
