--- IAM policies: inline and attached ones of users, roles and groups; managed ones and their versions.
local failure = require "sim.failure"
local iam = require "sim.iam.state"
local policy = require "sim.policy"
local principals = require "sim.iam.principals"
local tags = require "sim.tags"
local value = require "sim.value"

local policies = { operations = {} }
local operations = policies.operations

local ATTACHED_MOST <const>, VERSIONS_MOST <const> = 10, 5
local INLINE_MOST <const> = { user = 2048, role = 10240, group = 5120 } -- characters, white space not counted

local function check_document(text)
  if not policy.table(text) then
    failure.raise("MalformedPolicyDocument", "Syntax errors in policy.")
  end
end

-- Managed policies ----------------------------------------------------------------------------------------------------

function policies.make(state, fields)
  local arn = iam.arn(state, "policy", fields.Path, fields.PolicyName)
  local now = fields.CreateDate or state.account:time()
  return state.policies:put(arn, {
    Arn = arn, PolicyName = fields.PolicyName, PolicyId = iam.new_id(state, "ANPA"), Path = fields.Path or "/",
    Description = fields.Description, CreateDate = now, UpdateDate = now, DefaultVersionId = "v1",
    tags = tags.upper.list(fields.Tags), last = 1,
    versions = { { VersionId = "v1", Document = fields.PolicyDocument, CreateDate = now } },
  })
end

local ALLOW_ALL <const> = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'

--- Of this account or AWS's own, which exist whether listed or not.
function policies.find(state, arn)
  local found = state.policies:get(arn)
  if not found and arn:find "^arn:[^:]+:iam::aws:policy/" then
    local name, path = arn:match "([^/]+)$", arn:match ":policy(/.*/)[^/]+$" or "/"
    return {
      Arn = arn, PolicyName = name, PolicyId = "ANPAAWSMANAGEDPOLICY", Path = path, DefaultVersionId = "v1", aws = true,
      CreateDate = state.account.yesterday, UpdateDate = state.account.yesterday, tags = value.list {},
      versions = { { VersionId = "v1", Document = ALLOW_ALL, CreateDate = state.account.yesterday } },
    }
  end
  if not found then iam.no_such(("Policy %s does not exist or is not attachable."):format(arn)) end
  return found
end

function policies.attachments(state, arn)
  local found = {}
  for _, kind in ipairs { "group", "user", "role" } do
    for principal in state[iam.KINDS[kind].list]:each() do
      if value.contains(principal.attached, arn) then found[#found + 1] = principal end
    end
  end
  return found
end

function policies.describe(state, managed, brief)
  local shown = value.pick(managed, { "Arn", "PolicyName", "PolicyId", "Path", "CreateDate", "UpdateDate", "DefaultVersionId" })
  shown.AttachmentCount, shown.PermissionsBoundaryUsageCount = #policies.attachments(state, managed.Arn), 0
  shown.IsAttachable = true
  if not brief then
    shown.Description = managed.Description
    if #managed.tags > 0 then shown.Tags = managed.tags end
  end
  return shown
end

function operations.CreatePolicy(state, p)
  if state.policies:get(iam.arn(state, "policy", p.Path, p.PolicyName)) then
    iam.exists(("A policy called %s already exists. Duplicate names are not allowed."):format(p.PolicyName))
  end
  check_document(p.PolicyDocument)
  return { Policy = policies.describe(state, policies.make(state, p)) }
end

function operations.GetPolicy(state, p)
  return { Policy = policies.describe(state, policies.find(state, p.PolicyArn)) }
end

local function own(state, arn)
  local managed = policies.find(state, arn)
  if managed.aws then failure.raise("AccessDenied", "Policy is managed by AWS and cannot be changed.", 403) end
  return managed
end

function operations.DeletePolicy(state, p)
  local managed = own(state, p.PolicyArn)
  if #policies.attachments(state, p.PolicyArn) > 0 then iam.conflict "Cannot delete a policy attached to entities." end
  if #managed.versions > 1 then
    iam.conflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
      .. "The default version is deleted with the policy.")
  end
  state.policies:remove(p.PolicyArn)
end

function operations.ListPolicies(state, p)
  local found = iam.under(p.Scope == "AWS" and {} or state.policies:all(), p.PathPrefix)
  if p.OnlyAttached then
    found = value.filter(found, function(each) return #policies.attachments(state, each.Arn) > 0 end)
  end
  local output = iam.page(found, p, "Policies")
  output.Policies = value.map(output.Policies, function(each) return policies.describe(state, each, true) end)
  return output
end

local function version_of(managed, id)
  local at, version = value.find(managed.versions, function(each) return each.VersionId == id end)
  if not version then iam.no_such(("Policy %s version %s does not exist or is not attachable."):format(managed.Arn, id)) end
  return version, at
end

local function describe_version(managed, version, with_document)
  return {
    VersionId = version.VersionId, IsDefaultVersion = version.VersionId == managed.DefaultVersionId,
    CreateDate = version.CreateDate, Document = with_document and policy.encoded(version.Document) or nil,
  }
end

function operations.GetPolicyVersion(state, p)
  local managed = policies.find(state, p.PolicyArn)
  return { PolicyVersion = describe_version(managed, version_of(managed, p.VersionId), true) }
end

function operations.ListPolicyVersions(state, p)
  local managed = policies.find(state, p.PolicyArn)
  local output = iam.page(managed.versions, p, "Versions")
  output.Versions = value.map(output.Versions, function(version) return describe_version(managed, version) end)
  return output
end

function operations.CreatePolicyVersion(state, p)
  local managed = own(state, p.PolicyArn)
  check_document(p.PolicyDocument)
  if #managed.versions >= VERSIONS_MOST then
    iam.limit "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."
  end
  managed.last = managed.last + 1
  local version = { VersionId = "v" .. managed.last, Document = p.PolicyDocument, CreateDate = state.account:time() }
  table.insert(managed.versions, 1, version)
  if p.SetAsDefault then managed.DefaultVersionId = version.VersionId end
  return { PolicyVersion = describe_version(managed, version) }
end

function operations.DeletePolicyVersion(state, p)
  local managed = own(state, p.PolicyArn)
  local version, at = version_of(managed, p.VersionId)
  if version.VersionId == managed.DefaultVersionId then iam.conflict "Cannot delete the default version of a policy." end
  table.remove(managed.versions, at)
end

function operations.SetDefaultPolicyVersion(state, p)
  local managed = own(state, p.PolicyArn)
  managed.DefaultVersionId = version_of(managed, p.VersionId).VersionId
end

function operations.ListEntitiesForPolicy(state, p)
  policies.find(state, p.PolicyArn)
  local output = iam.page(policies.attachments(state, p.PolicyArn), p, "found")
  local found = output.found
  output.found = nil
  for kind, list in pairs { user = "PolicyUsers", role = "PolicyRoles", group = "PolicyGroups" } do
    local about = iam.KINDS[kind]
    output[list] = value.map(found, function(principal)
      return principal.kind == kind and { [about.name] = principal.name, [about.id] = principal.id } or nil
    end)
  end
  return output
end

principals.tagging("Policy", function(state, p) return own(state, p.PolicyArn) end)
for _, name in ipairs { "TagPolicy", "UntagPolicy", "ListPolicyTags" } do
  operations[name] = principals.operations[name]
end

-- Inline and attached policies of users, roles and groups -------------------------------------------------------------

local function inline_size(principal)
  local size = 0
  for _, each in ipairs(principal.inline) do size = size + #each.PolicyDocument:gsub("%s", "") end
  return size
end

local function inline(kind, word)
  local about = iam.KINDS[kind]
  local function principal_of(state, p) return iam.find(state, kind, p[about.name]) end
  local function find(principal, name)
    local at, found = value.find(principal.inline, function(each) return each.PolicyName == name end)
    if not found then iam.no_such(("The %s policy with name %s cannot be found."):format(kind, name)) end
    return found, at
  end

  operations["Put" .. word .. "Policy"] = function(state, p)
    local principal = principal_of(state, p)
    if kind == "role" then principals.refuse_protected(principal) end
    check_document(p.PolicyDocument)
    local before = principal.inline
    local at = value.find(before, function(each) return each.PolicyName == p.PolicyName end)
    principal.inline = value.copy(before)
    principal.inline[at or #before + 1] = { PolicyName = p.PolicyName, PolicyDocument = p.PolicyDocument }
    if inline_size(principal) > INLINE_MOST[kind] then
      principal.inline = before
      iam.limit(("Maximum policy size of %d bytes exceeded for %s %s"):format(INLINE_MOST[kind], kind, principal.name))
    end
  end
  operations["Get" .. word .. "Policy"] = function(state, p)
    local principal = principal_of(state, p)
    local found = find(principal, p.PolicyName)
    return {
      [about.name] = principal.name, PolicyName = found.PolicyName, PolicyDocument = policy.encoded(found.PolicyDocument),
    }
  end
  operations["Delete" .. word .. "Policy"] = function(state, p)
    local principal = principal_of(state, p)
    local _, at = find(principal, p.PolicyName)
    table.remove(principal.inline, at)
  end
  operations["List" .. word .. "Policies"] = function(state, p)
    local names = value.map(principal_of(state, p).inline, function(each) return each.PolicyName end)
    return iam.page(value.sorted(names), p, "PolicyNames")
  end
end

local function attached(kind, word)
  local about = iam.KINDS[kind]
  local function principal_of(state, p) return iam.find(state, kind, p[about.name]) end

  operations["Attach" .. word .. "Policy"] = function(state, p)
    local principal = principal_of(state, p)
    if kind == "role" then principals.refuse_protected(principal) end
    policies.find(state, p.PolicyArn)
    if value.contains(principal.attached, p.PolicyArn) then return end
    if #principal.attached >= ATTACHED_MOST then
      iam.limit(("Cannot exceed quota for PoliciesPer%s: %d"):format(word, ATTACHED_MOST))
    end
    table.insert(principal.attached, p.PolicyArn)
  end
  operations["Detach" .. word .. "Policy"] = function(state, p)
    local principal = principal_of(state, p)
    if not value.contains(principal.attached, p.PolicyArn) then
      iam.no_such(("Policy %s was not found."):format(p.PolicyArn))
    end
    principal.attached = value.filter(principal.attached, function(arn) return arn ~= p.PolicyArn end)
  end
  operations["ListAttached" .. word .. "Policies"] = function(state, p)
    local output = iam.page(principal_of(state, p).attached, p, "AttachedPolicies")
    output.AttachedPolicies = value.map(output.AttachedPolicies, policies.reference)
    return output
  end
end

function policies.reference(arn)
  return { PolicyName = arn:match "([^/]+)$", PolicyArn = arn }
end

for kind, word in pairs { user = "User", role = "Role", group = "Group" } do
  inline(kind, word)
  attached(kind, word)
end

return policies
