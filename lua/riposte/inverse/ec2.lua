--- Inverses of EC2's changes.
local inverse = require "riposte.inverse"

local ec2 = {}

-- DescribeInstanceAttribute's name for what ModifyInstanceAttribute sets, and whether its value is wrapped.
local ATTRIBUTES = {
  DisableApiTermination = "disableApiTermination",
  DisableApiStop = "disableApiStop",
  SourceDestCheck = "sourceDestCheck",
  EbsOptimized = "ebsOptimized",
  InstanceInitiatedShutdownBehavior = "instanceInitiatedShutdownBehavior",
  InstanceType = "instanceType",
}

function ec2.ModifyInstanceAttribute(change)
  local id = change.params.InstanceId
  if change.params.Groups then
    local output = change:prior_state("describe_instance_attribute", { InstanceId = id, Attribute = "groupSet" })
    local groups = {}
    for i, group in ipairs(output.Groups or {}) do groups[i] = group.GroupId end
    return { change:undo("ModifyInstanceAttribute", { InstanceId = id, Groups = groups }) }
  end
  for member, attribute in pairs(ATTRIBUTES) do
    if change.params[member] ~= nil then
      local output = change:prior_state("describe_instance_attribute", { InstanceId = id, Attribute = attribute })
      return { change:undo("ModifyInstanceAttribute", { InstanceId = id, [member] = output[member] }) }
    end
  end
  return nil, "no inverse for this attribute is known"
end

function ec2.ModifyInstanceMetadataOptions(change)
  local options = change:prior_state("describe_instances", { InstanceIds = { change.params.InstanceId } },
    function(output) return output.Reservations[1].Instances[1].MetadataOptions end)
  local params = inverse.pick(options, {
    "HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "HttpProtocolIpv6", "InstanceMetadataTags",
  })
  params.InstanceId = change.params.InstanceId
  return { change:undo("ModifyInstanceMetadataOptions", params) }
end

function ec2.TerminateInstances()
  return nil, "a terminated instance does not come back; only what was snapshotted is kept"
end

function ec2.StopInstances(change)
  return { change:undo("StartInstances", { InstanceIds = change.params.InstanceIds }) }
end

function ec2.StartInstances(change)
  return { change:undo("StopInstances", { InstanceIds = change.params.InstanceIds }) }
end

function ec2.CreateSnapshot(change)
  return { change:undo("DeleteSnapshot", { SnapshotId = inverse.reply "SnapshotId" }) }
end

-- How many snapshots there will be depends on the instance's volumes, and evidence is not what an undo should delete.
function ec2.CreateSnapshots()
  return nil, "snapshots are evidence: delete them by hand when they are not needed any more"
end

function ec2.DeleteSnapshot()
  return nil, "a deleted snapshot does not come back"
end

function ec2.CreateSecurityGroup(change)
  return { change:undo("DeleteSecurityGroup", { GroupId = inverse.reply "GroupId" }) }
end

-- Rules: what was authorised is revoked, and the other way round.
for _, direction in ipairs { "Ingress", "Egress" } do
  local authorize, revoke = "AuthorizeSecurityGroup" .. direction, "RevokeSecurityGroup" .. direction
  local function rules(change)
    return { GroupId = change.params.GroupId, IpPermissions = change.params.IpPermissions }
  end
  ec2[authorize] = function(change) return { change:undo(revoke, rules(change)) } end
  ec2[revoke] = function(change)
    if not change.params.IpPermissions then return nil, "rules that are named by their ids are not read back" end
    return { change:undo(authorize, rules(change)) }
  end
end

-- With the values left out, a tag is deleted only by its key; what it had before comes back.
function ec2.CreateTags(change)
  local before, keys = {}, {}
  for i, tag in ipairs(change.params.Tags) do keys[i] = tag.Key end
  local output = change.read("describe_tags", {
    Filters = { { Name = "resource-id", Values = change.params.Resources }, { Name = "key", Values = keys } },
  })
  local undo = { change:undo("DeleteTags", { Resources = change.params.Resources, Tags = change.params.Tags }) }
  for _, tag in ipairs(output.Tags or {}) do
    before[#before + 1] = change:undo("CreateTags", {
      Resources = { tag.ResourceId },
      Tags = { { Key = tag.Key, Value = tag.Value } },
    })
  end
  return table.move(before, 1, #before, 2, undo)
end

return ec2
