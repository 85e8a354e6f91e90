--- Inverses of Security Hub's changes.
local securityhub = {}

-- The members of BatchUpdateFindings that a finding tells back, each under the same name.
local TOLD = { "Workflow", "Severity", "Confidence", "Criticality", "VerificationState", "UserDefinedFields" }

-- What was just read is handed along as a list: as many, in the same order.
local function finding_before(change, identifier, i)
  if change.prior then return change.prior[i] or change.prior end
  local output = change.read("get_findings", {
    Filters = {
      Id = { { Value = identifier.Id, Comparison = "EQUALS" } },
      ProductArn = { { Value = identifier.ProductArn, Comparison = "EQUALS" } },
    },
    MaxResults = 1,
  })
  return output.Findings and output.Findings[1]
end

-- The note is written over and not taken away again: Security Hub has no operation for that.
function securityhub.BatchUpdateFindings(change)
  local undo = {}
  for i, identifier in ipairs(change.params.FindingIdentifiers) do
    local finding = finding_before(change, identifier, i)
    local params, any = { FindingIdentifiers = { identifier } }, false
    for _, name in ipairs(TOLD) do
      if finding and change.params[name] ~= nil and finding[name] ~= nil then
        params[name] = name == "Severity" and { Label = finding.Severity.Label } or finding[name]
        any = true
      end
    end
    if finding and finding.Note then
      params.Note, any = { Text = finding.Note.Text, UpdatedBy = finding.Note.UpdatedBy }, true
    end
    if any then undo[#undo + 1] = change:undo("BatchUpdateFindings", params) end
  end
  if #undo == 0 then return nil, "Security Hub does not tell what the finding was before" end
  return undo
end

-- OCSF's findings, which are documents: what there was before is in a finding that is answered, or is read.
function securityhub.BatchUpdateFindingsV2(change)
  local uids = change.params.MetadataUids or {}
  if #uids ~= 1 then return nil, "what several findings were before is not read" end
  local finding = change:prior_state("get_findings_v2", {
    Filters = {
      CompositeFilters = {
        { StringFilters = { { FieldName = "metadata.uid", Filter = { Value = uids[1], Comparison = "EQUALS" } } } },
      },
    },
  }, function(output)
    for _, each in ipairs(output.Findings or {}) do
      if each.metadata and each.metadata.uid == uids[1] then return each end
    end
  end)
  local params = { MetadataUids = uids }
  params.StatusId = change.params.StatusId and finding.status_id
  params.SeverityId = change.params.SeverityId and finding.severity_id
  params.Comment = change.params.Comment and finding.comment
  if not next(params, next(params)) then return nil, "Security Hub does not tell what the finding was before" end
  return { change:undo("BatchUpdateFindingsV2", params) }
end

return securityhub
