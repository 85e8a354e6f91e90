--- Remedies for users that should not be there.
local failure = require "riposte.failure"

local users = {}

local function user_of(on, name)
  local ok, output = pcall(on.iam.get_user, on.iam, { UserName = name })
  if ok then return output.User end
  if failure.is(output, "NoSuchEntity", "NoSuchEntityException") then return nil end
  error(output, 0)
end

-- All that must go before IAM deletes a user (the IAM user guide, "Deleting an IAM user"): how it is listed, what of each
-- item the deletion is told, how it is deleted, and under what name a list of them tells the inverse what was there.
local PARTS = {
  { list = "list_access_keys", delete = "delete_access_key", field = "AccessKeyId" },
  { list = "list_user_policies", delete = "delete_user_policy", field = "PolicyName" },
  { list = "list_attached_user_policies", delete = "detach_user_policy", field = "PolicyArn", prior = "AttachedPolicies" },
  { list = "list_groups_for_user", delete = "remove_user_from_group", field = "GroupName", prior = "Groups" },
  { list = "list_mfa_devices", delete = "deactivate_mfa_device", field = "SerialNumber" },
  { list = "list_signing_certificates", delete = "delete_signing_certificate", field = "CertificateId" },
  { list = "list_ssh_public_keys", delete = "delete_ssh_public_key", field = "SSHPublicKeyId" },
}

-- What can't be listed is not held against the rest: if anything is left, IAM refuses to delete the user.
local function items_of(on, name, part)
  local items = {}
  local ok, err = pcall(function()
    for item in on.iam:pages(part.list, { UserName = name }) do items[#items + 1] = item end
  end)
  if not ok then
    if not failure.is(err) then error(err, 0) end
    on.run:log(part.list .. " of " .. name .. " can't be asked", { why = tostring(err) })
  end
  return items
end

local function delete_part(on, name, part)
  for _, item in ipairs(items_of(on, name, part)) do
    local params = { UserName = name }
    params[part.field] = type(item) == "table" and item[part.field] or item
    on.iam[part.delete](on.iam, params, { prior = part.prior and { [part.prior] = { item } } })
  end
end

local function has_password(on, name)
  local ok, err = pcall(on.iam.get_login_profile, on.iam, { UserName = name })
  if not ok and not failure.is(err, "NoSuchEntity", "NoSuchEntityException") then error(err, 0) end
  return ok
end

--- Delete a user with its keys, password, policies, group memberships, devices and certificates. Keys and password are
--- gone for good; the user and its policies can be made again.
users.delete_user = {
  about = "Delete a user with all that belongs to it.",
  params = { user = "string" },
  undo = "the user and its policies are created again; its keys, password and certificates are not",
  check = function(on, params)
    local user = user_of(on, params.user)
    if not user then return nil, "the user is gone" end
    return user
  end,
  change = function(on, params, user)
    if has_password(on, params.user) then on.iam:delete_login_profile { UserName = params.user } end
    on.run:parallel(PARTS, function(part) delete_part(on, params.user, part) end)
    on.iam:delete_user({ UserName = params.user }, { prior = user })
  end,
  proof = function(on, params) return not user_of(on, params.user) end,
}

return users
