--- Inverses of Security Hub's changes.
local securityhub = {}

-- The members of BatchUpdateFindings that a finding tells back, each under the same name.
local TOLD = { "Workflow", "Severity", "Confidence", "Criticality", "VerificationState", "UserDefinedFields" }

local function finding_before(change, identifier)
  if change.prior then return change.prior end
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
  for _, identifier in ipairs(change.params.FindingIdentifiers) do
    local finding = finding_before(change, identifier)
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

return securityhub
