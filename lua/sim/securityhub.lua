--- AWS Security Hub: findings, in ASFF and in OCSF, and what is written to them.
local collection = require "sim.collection"
local paging = require "sim.paging"
local value = require "sim.value"

local securityhub = {
  operations = {}, throttle = { code = "TooManyRequestsException", message = "Too Many Requests", status = 429 },
}
local operations = securityhub.operations

function securityhub.open(state)
  state.findings, state.findings_v2 = collection.new(), collection.new()
end

local function key(identifier)
  return identifier.ProductArn .. " " .. identifier.Id
end

local PLAIN <const> = { "VerificationState", "Confidence", "Criticality", "Types", "UserDefinedFields", "RelatedFindings" }

local function update(state, finding, p)
  for _, name in ipairs(PLAIN) do
    if p[name] ~= nil then finding[name] = p[name] end
  end
  for _, name in ipairs { "Workflow", "Severity" } do
    for field, new in pairs(p[name] or {}) do
      finding[name] = finding[name] or {}
      finding[name][field] = new
    end
  end
  if p.Note then
    finding.Note = { Text = p.Note.Text, UpdatedBy = p.Note.UpdatedBy, UpdatedAt = state.account:time() }
  end
  finding.UpdatedAt = state.account:time()
end

function operations.BatchUpdateFindings(state, p)
  local processed, unprocessed = {}, {}
  for _, identifier in ipairs(p.FindingIdentifiers) do
    local finding = state.findings:get(key(identifier))
    if finding then
      update(state, finding, p)
      processed[#processed + 1] = identifier
    else
      unprocessed[#unprocessed + 1] = {
        FindingIdentifier = identifier, ErrorCode = "FindingNotFound",
        ErrorMessage = "The finding could not be found in Security Hub.",
      }
    end
  end
  return { ProcessedFindings = value.list(processed), UnprocessedFindings = value.list(unprocessed) }
end

-- String filters ------------------------------------------------------------------------------------------------------

local COMPARE <const> = {
  EQUALS = function(found, wanted) return found == wanted end,
  PREFIX = function(found, wanted) return found:sub(1, #wanted) == wanted end,
  CONTAINS = function(found, wanted) return found:find(wanted, 1, true) ~= nil end,
}

local PATHS <const> = {
  ProductArn = { "ProductArn" }, AwsAccountId = { "AwsAccountId" }, Id = { "Id" }, GeneratorId = { "GeneratorId" },
  Region = { "Region" }, Title = { "Title" }, SeverityLabel = { "Severity", "Label" }, RecordState = { "RecordState" },
  WorkflowStatus = { "Workflow", "Status" }, ComplianceStatus = { "Compliance", "Status" }, ProductName = { "ProductName" },
  ComplianceSecurityControlId = { "Compliance", "SecurityControlId" }, Description = { "Description" },
}

local function text_at(finding, path)
  for _, name in ipairs(path) do finding = type(finding) == "table" and finding[name] or nil end
  return tostring(finding or "")
end

-- Values that must be met are alternatives, values that must not be all count: as AWS joins them.
local function passes_filter(text, filters)
  local any, wanted = false, false
  for _, filter in ipairs(filters) do
    local negative, name = filter.Comparison:match "^(NOT_?)(.*)$"
    name = name or filter.Comparison
    local met = COMPARE[name] and COMPARE[name](text, filter.Value)
    if negative then
      if met then return false end
    else
      any, wanted = any or met, true
    end
  end
  return any or not wanted
end

local function passes(finding, filters)
  for name, list in pairs(filters or {}) do
    local path = PATHS[name]
    if path and not passes_filter(text_at(finding, path), list) then return false end
    if name == "ResourceId" and not value.find(finding.Resources, function(resource)
      return passes_filter(resource.Id or "", list)
    end) then return false end
    if name == "Type" and not value.find(finding.Types, function(each) return passes_filter(each, list) end) then return false end
  end
  return true
end

function operations.GetFindings(state, p)
  local found = value.filter(state.findings:all(), function(finding) return passes(finding, p.Filters) end)
  local page, token = paging.cut(found, p.NextToken, paging.size(p.MaxResults, 10, 100))
  return { Findings = page, NextToken = token }
end

-- OCSF ----------------------------------------------------------------------------------------------------------------

local STATUS <const> = {
  [0] = "Unknown", "New", "In Progress", "Suppressed", "Resolved", "Archived", "Deleted", [99] = "Other",
}

local function metadata_uid(finding)
  return finding.metadata and finding.metadata.uid
end

local function update_v2(state, finding, p)
  if p.StatusId then finding.status_id, finding.status = p.StatusId, STATUS[p.StatusId] end
  if p.SeverityId then finding.severity_id = p.SeverityId end
  if p.Comment then finding.comment = p.Comment end
  finding.metadata = finding.metadata or {}
  finding.metadata.modified_time = state.account.now
end

local function same_finding(finding, identifier)
  local metadata = finding.metadata or {}
  return identifier.FindingInfoUid == (finding.finding_info or {}).uid
    and identifier.CloudAccountUid == ((finding.cloud or {}).account or {}).uid
    and identifier.MetadataProductUid == (metadata.product or {}).uid
end

function operations.BatchUpdateFindingsV2(state, p)
  local processed, unprocessed = {}, {}
  local function apply(entry, test)
    local _, finding = value.find(state.findings_v2:all(), test)
    if finding then
      update_v2(state, finding, p)
      processed[#processed + 1] = entry
    else
      entry.ErrorCode, entry.ErrorMessage = "ResourceNotFoundException", "The finding could not be found in Security Hub."
      unprocessed[#unprocessed + 1] = entry
    end
  end
  for _, uid in ipairs(p.MetadataUids or {}) do
    apply({ MetadataUid = uid }, function(finding) return metadata_uid(finding) == uid end)
  end
  for _, identifier in ipairs(p.FindingIdentifiers or {}) do
    apply({ FindingIdentifier = identifier }, function(finding) return same_finding(finding, identifier) end)
  end
  return { ProcessedFindings = value.list(processed), UnprocessedFindings = value.list(unprocessed) }
end

function operations.GetFindingsV2(state, p)
  local page, token = paging.cut(state.findings_v2:all(), p.NextToken, paging.size(p.MaxResults, 20, 100))
  return { Findings = page, NextToken = token }
end

function securityhub.seed(state, cursor)
  for i, finding in ipairs(cursor:raw("findings", "table") or {}) do
    local path = ("findings[%d]"):format(i)
    if type(finding) ~= "table" or not finding.Id or not finding.ProductArn then
      cursor:mistake(path, "expected an ASFF finding with Id and ProductArn")
    end
    state.findings:put(key(finding), value.copy(finding))
  end
  for i, finding in ipairs(cursor:raw("findingsV2", "table") or {}) do
    local path = ("findingsV2[%d]"):format(i)
    if type(finding) ~= "table" or type(finding.metadata) ~= "table" then
      cursor:mistake(path, "expected an OCSF finding with metadata")
    end
    state.findings_v2:put(metadata_uid(finding) or path, value.copy(finding))
  end
end

return securityhub
