--- Inverses of GuardDuty's changes.
local guardduty = {}

function guardduty.ArchiveFindings(change)
  return { change:undo("UnarchiveFindings", change.params) }
end

function guardduty.UnarchiveFindings(change)
  return { change:undo("ArchiveFindings", change.params) }
end

function guardduty.UpdateFindingsFeedback()
  return nil, "feedback is only ever written over"
end

return guardduty
