--- Inverses of GuardDuty's changes.
local guardduty = {}

-- Archiving and its opposite differ in the flag that was before. Where a finding is answered it was not archived: only an
-- undo has to look.
local function flag_undo(change, operation, archived)
  if change.undoing then
    local ids = {}
    local output = change.read("get_findings", { DetectorId = change.params.DetectorId, FindingIds = change.params.FindingIds })
    for _, finding in ipairs(output.Findings or {}) do
      if (finding.Service and finding.Service.Archived or false) ~= archived then ids[#ids + 1] = finding.Id end
    end
    if #ids == 0 then return nil, archived and "it is archived" or "it is not archived", "same" end
    return { change:undo(operation, { DetectorId = change.params.DetectorId, FindingIds = ids }) }
  end
  return { change:undo(operation, change.params) }
end

function guardduty.ArchiveFindings(change)
  return flag_undo(change, "UnarchiveFindings", true)
end

function guardduty.UnarchiveFindings(change)
  return flag_undo(change, "ArchiveFindings", false)
end

function guardduty.UpdateFindingsFeedback()
  return nil, "feedback is only ever written over"
end

return guardduty
