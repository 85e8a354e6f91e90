--- What IAM would tell after planned changes.
local changes, reads = {}, {}

function changes.UpdateAccessKey(scope, params)
  scope:set("key", params.AccessKeyId, { Status = params.Status })
end

function changes.DeleteAccessKey(scope, params)
  scope:remove("key", params.AccessKeyId)
end

function reads.ListAccessKeys(scope, _, value)
  scope:drop("key", value.AccessKeyMetadata, function(key) return key.AccessKeyId end)
  for _, key in ipairs(value.AccessKeyMetadata or {}) do scope:amend("key", key.AccessKeyId, key) end
end

function changes.DeleteUser(scope, params)
  scope:remove("user", params.UserName)
end

function reads.ListUsers(scope, _, value)
  scope:drop("user", value.Users, function(user) return user.UserName end)
end

for _, kind in ipairs { "User", "Role" } do
  local field = kind .. "Name"
  local inline, attached = "inline-" .. kind, "attached-" .. kind

  local function inline_name(params, name) return params[field] .. "/" .. name end

  changes["Put" .. kind .. "Policy"] = function(scope, params)
    scope.gone[inline .. " " .. inline_name(params, params.PolicyName)] = nil
    scope:set("new-" .. inline, params[field], { [params.PolicyName] = true })
    scope:set(inline, inline_name(params, params.PolicyName), { PolicyDocument = params.PolicyDocument })
  end
  changes["Delete" .. kind .. "Policy"] = function(scope, params)
    scope:remove(inline, inline_name(params, params.PolicyName))
  end
  changes["Detach" .. kind .. "Policy"] = function(scope, params)
    scope:remove(attached, inline_name(params, params.PolicyArn))
  end

  reads["List" .. kind .. "Policies"] = function(scope, params, value)
    local new, listed = scope:amend("new-" .. inline, params[field], {}), {}
    for _, name in ipairs(value.PolicyNames or {}) do listed[name] = true end
    local names = {}
    for name in pairs(new) do
      if not listed[name] then names[#names + 1] = name end
    end
    table.sort(names)
    for _, name in ipairs(names) do table.insert(value.PolicyNames, name) end
    scope:drop(inline, value.PolicyNames, function(name) return inline_name(params, name) end)
  end
  reads["Get" .. kind .. "Policy"] = function(scope, params, value)
    scope:amend(inline, inline_name(params, params.PolicyName), value)
  end
  reads["ListAttached" .. kind .. "Policies"] = function(scope, params, value)
    scope:drop(attached, value.AttachedPolicies, function(each) return inline_name(params, each.PolicyArn) end)
  end
end

return { changes = changes, reads = reads }
