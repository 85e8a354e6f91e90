--- EC2: whether a change happened whose answer never came.
local ec2 = {}

-- Snapshots of one's own with the description that was asked for, since then.
local function snapshots_of(change, more)
  local filters = { { Name = "description", Values = { change.params.Description } }, more }
  local found = {}
  for _, each in ipairs(change.read("describe_snapshots", { OwnerIds = { "self" }, Filters = filters }).Snapshots or {}) do
    if change:is_since(each.StartTime) then found[#found + 1] = each end
  end
  return found
end

local NO_DESCRIPTION = "without a description its snapshots are told from nobody else's"

-- All of an instance's volumes are snapshotted, or none is.
function ec2.CreateSnapshots(change)
  if not change.params.Description then return nil, NO_DESCRIPTION end
  local found = snapshots_of(change)
  if #found == 0 then return "not" end
  return "happened", { Snapshots = found }
end

function ec2.CreateSnapshot(change)
  if not change.params.Description then return nil, NO_DESCRIPTION end
  local found = snapshots_of(change, { Name = "volume-id", Values = { change.params.VolumeId } })
  if #found == 0 then return "not" end
  if #found > 1 then return nil, ("%d snapshots of the volume have this description"):format(#found) end
  return "happened", found[1]
end

return ec2
