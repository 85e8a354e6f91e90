--- EC2 volumes and snapshots, and the tags of everything.
local ec2 = require "sim.ec2.state"
local failure = require "sim.failure"
local tags = require "sim.tags"
local value = require "sim.value"

local storage = { operations = {} }
local operations = storage.operations

local SNAPSHOT_MS <const> = 30000

operations.DescribeVolumes = ec2.describer("volumes", "VolumeIds", "Volumes", {
  ["volume-id"] = ec2.field "VolumeId", status = ec2.field "State", encrypted = ec2.field "Encrypted",
  ["attachment.instance-id"] = function(volume)
    return value.map(volume.Attachments, function(attachment) return attachment.InstanceId end)
  end,
})

function operations.DeleteVolume(state, p)
  ec2.dry_run(p)
  local volume = ec2.find(state, "volumes", p.VolumeId)
  if volume.State == "in-use" then
    failure.raise("VolumeInUse", ("Volume %s is currently attached to %s"):format(p.VolumeId, volume.Attachments[1].InstanceId))
  end
  state.volumes:remove(p.VolumeId)
end

local function snapshot_of(state, volume, p)
  local id = ec2.new_id(state, "snap")
  local snapshot = state.snapshots:put(id, {
    SnapshotId = id, VolumeId = volume.VolumeId, VolumeSize = volume.Size, Encrypted = volume.Encrypted, State = "pending",
    Progress = "0%", StartTime = state.account:time(), OwnerId = state.account.number, Description = p.Description or "",
    StorageTier = "standard", Tags = ec2.specified_tags(p, "snapshot"),
  })
  state.account:after(SNAPSHOT_MS, function() snapshot.State, snapshot.Progress = "completed", "100%" end)
  return snapshot
end

-- CreateSnapshot answers without the storage tier.
local function fresh(snapshot)
  local shown = value.copy(snapshot)
  shown.StorageTier = nil
  return shown
end

function operations.CreateSnapshot(state, p)
  ec2.dry_run(p)
  return fresh(snapshot_of(state, ec2.find(state, "volumes", p.VolumeId), p))
end

function operations.CreateSnapshots(state, p)
  ec2.dry_run(p)
  local instance = ec2.find(state, "instances", p.InstanceSpecification.InstanceId)
  return { Snapshots = value.map(instance.BlockDeviceMappings, function(mapping)
    local shown = fresh(snapshot_of(state, ec2.find(state, "volumes", mapping.Ebs.VolumeId), p))
    return shown
  end) }
end

operations.DescribeSnapshots = ec2.describer("snapshots", "SnapshotIds", "Snapshots", {
  ["snapshot-id"] = ec2.field "SnapshotId", ["volume-id"] = ec2.field "VolumeId", status = ec2.field "State",
  ["owner-id"] = ec2.field "OwnerId", description = ec2.field "Description",
})

function operations.DeleteSnapshot(state, p)
  ec2.dry_run(p)
  ec2.find(state, "snapshots", p.SnapshotId)
  state.snapshots:remove(p.SnapshotId)
end

-- Tags ----------------------------------------------------------------------------------------------------------------

function operations.CreateTags(state, p)
  ec2.dry_run(p)
  for _, id in ipairs(p.Resources) do ec2.any(state, id) end
  for _, id in ipairs(p.Resources) do
    local thing = ec2.any(state, id)
    thing.Tags = tags.upper.set(thing.Tags, p.Tags)
  end
end

function operations.DeleteTags(state, p)
  ec2.dry_run(p)
  for _, id in ipairs(p.Resources) do
    local thing = ec2.any(state, id)
    thing.Tags = value.filter(thing.Tags, function(tag)
      return p.Tags and not value.find(p.Tags, function(named)
        return named.Key == tag.Key and (named.Value == nil or named.Value == tag.Value)
      end)
    end)
  end
end

operations.DescribeTags = function(state, p)
  local all = {}
  for _, kind in ipairs(ec2.KINDS) do
    for thing in state[kind.collection]:each() do
      for _, tag in ipairs(thing.Tags or {}) do
        all[#all + 1] = { ResourceId = thing[kind.id], ResourceType = kind.type, Key = tag.Key, Value = tag.Value }
      end
    end
  end
  local page, token = ec2.page(ec2.filter(all, p.Filters, {
    ["resource-id"] = ec2.field "ResourceId", ["resource-type"] = ec2.field "ResourceType", key = ec2.field "Key",
    value = ec2.field "Value",
  }), p)
  return { Tags = page, NextToken = token }
end

return storage
