--- Remedies for stolen credentials: keys off, everything denied, sessions revoked.
local failure = require "riposte.failure"
local policy = require "riposte.policy"
local time = require "riposte.time"

local locks = {}

-- The user that a key belongs to, and whether it is active; nil when there is no such key.
local function key_of(on, params)
  for key in on.iam:pages("list_access_keys", { UserName = params.user }) do
    if key.AccessKeyId == params.key then return key end
  end
end

--- Deactivate an access key. The user keeps it, so that its history stays readable and it can be turned on again.
locks.deactivate_key = {
  about = "Deactivate a user's access key.",
  params = { user = "string", key = "string" },
  undo = "the key is activated",
  check = function(on, params)
    local key = key_of(on, params)
    if not key then return nil, "the user has no such key" end
    if key.Status ~= "Active" then return nil, "the key is inactive" end
    return key
  end,
  change = function(on, params, key)
    on.iam:update_access_key(
      { UserName = params.user, AccessKeyId = params.key, Status = "Inactive" },
      { prior = key }
    )
  end,
  proof = function(on, params) return (key_of(on, params) or {}).Status ~= "Active" end,
}

-- Whose inline policies are meant, and the operations for them.
local function principal(params)
  if (params.user == nil) == (params.role == nil) then error("expected a user or a role", 0) end
  if params.user then return "UserName", params.user, "get_user_policy", "put_user_policy" end
  return "RoleName", params.role, "get_role_policy", "put_role_policy"
end

-- The document of an inline policy, or nil.
local function document_of(on, params, name)
  local field, who, get = principal(params)
  local ok, output = pcall(on.iam[get], on.iam, { [field] = who, PolicyName = name })
  if ok then return policy.text(output.PolicyDocument) end
  if failure.is(output, "NoSuchEntity", "NoSuchEntityException") then return nil end
  error(output, 0)
end

local function put(on, params, name, document, prior)
  local field, who, _, operation = principal(params)
  on.iam[operation](on.iam, { [field] = who, PolicyName = name, PolicyDocument = document },
    { prior = { PolicyDocument = prior } })
end

--- Deny a user or a role everything, at once and whatever else allows it: an inline policy, RiposteDenyAll.
locks.deny_all = {
  about = "Deny a user or a role everything.",
  params = { user = "string?", role = "string?" },
  undo = "the policy is deleted",
  check = function(on, params)
    local document = document_of(on, params, policy.DENY_ALL)
    if document and policy.same(document, policy.deny_all) then return nil, "everything is denied already" end
    return { document = document }
  end,
  change = function(on, params, state) put(on, params, policy.DENY_ALL, policy.deny_all, state.document) end,
  proof = function(on, params) return document_of(on, params, policy.DENY_ALL) ~= nil end,
}

--- Deny all that comes with temporary credentials issued before now (or before `before`, milliseconds): an inline policy,
--- AWSRevokeOlderSessions. A user's long-term keys are not meant by it: deactivate them.
locks.revoke_sessions = {
  about = "Revoke a role's or user's sessions that were issued before now.",
  params = { user = "string?", role = "string?", before = "number?" },
  undo = "the policy is deleted, or as it was before",
  check = function(on, params)
    local before = params.before or on.run:now()
    local document = document_of(on, params, policy.REVOKE)
    local told = document and time.ms(document:match('"aws:TokenIssueTime"%s*:%s*"([^"]+)"'))
    if told and told >= before // 1000 * 1000 then return nil, "the sessions are revoked already" end
    return { before = before, document = document }
  end,
  change = function(on, params, state)
    put(on, params, policy.REVOKE, policy.deny_issued_before(state.before), state.document)
  end,
  proof = function(on, params) return document_of(on, params, policy.REVOKE) ~= nil end,
}

return locks
