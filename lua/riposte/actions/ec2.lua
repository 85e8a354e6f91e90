--- Remedies for EC2 instances.
local failure = require "riposte.failure"

local ec2 = {}

local function instance_of(on, id)
  local ok, output = pcall(on.ec2.describe_instances, on.ec2, { InstanceIds = { id } })
  if not ok then
    if failure.is(output, "InvalidInstanceID.NotFound") then return nil end
    error(output, 0)
  end
  local reservation = output.Reservations and output.Reservations[1]
  return reservation and reservation.Instances[1]
end

local function is_over(instance)
  local state = instance and instance.State and instance.State.Name
  return not instance or state == "terminated" or state == "shutting-down"
end

local function protected(on, id)
  local output = on.ec2:describe_instance_attribute { InstanceId = id, Attribute = "disableApiTermination" }
  return (output.DisableApiTermination or {}).Value == true
end

--- Turn termination protection off, so that TerminateInstances works again: attackers turn it on to stay.
ec2.enable_api_termination = {
  about = "Turn an instance's termination protection off.",
  params = { instance = "string" },
  undo = "protection is turned on again",
  check = function(on, params)
    if protected(on, params.instance) then return {} end
    return nil, "termination protection is off"
  end,
  change = function(on, params)
    on.ec2:modify_instance_attribute(
      { InstanceId = params.instance, DisableApiTermination = { Value = false } },
      { prior = { DisableApiTermination = { Value = true } } }
    )
  end,
  proof = function(on, params) return not protected(on, params.instance) end,
}

--- Demand IMDSv2's session tokens, and let a reply travel `hop_limit` hops: with 1, a container on a bridge network does
--- not reach the instance's role.
ec2.require_imdsv2 = {
  about = "Demand IMDSv2 of an instance, and keep its metadata from containers.",
  params = { instance = "string", hop_limit = "number?" },
  undo = "the metadata options are as before",
  check = function(on, params)
    local instance = instance_of(on, params.instance)
    if is_over(instance) then return nil, "the instance is gone" end
    local options = instance.MetadataOptions or {}
    if options.HttpTokens == "required" and options.HttpPutResponseHopLimit == (params.hop_limit or 1) then
      return nil, "IMDSv2 is required already"
    end
    return options
  end,
  change = function(on, params, options)
    on.ec2:modify_instance_metadata_options({
      InstanceId = params.instance,
      HttpTokens = "required",
      HttpEndpoint = "enabled",
      HttpPutResponseHopLimit = params.hop_limit or 1,
    }, { prior = options })
  end,
  proof = function(on, params)
    local options = (instance_of(on, params.instance) or {}).MetadataOptions or {}
    return options.HttpTokens == "required" and options.HttpPutResponseHopLimit == (params.hop_limit or 1)
      and options.State ~= "pending"
  end,
}

local function snapshot(on, params)
  return on.ec2:create_snapshots({
    InstanceSpecification = { InstanceId = params.instance },
    Description = ("Evidence of %s, kept by %s"):format(params.instance, on.run.id),
    CopyTagsFromSource = "volume",
  })
end

--- Terminate an instance, its termination protection off first where it is on. With `snapshot = true` its volumes are
--- snapshotted before, as evidence. It cannot be undone: what was on its disks is gone. With `wait = false` it is enough
--- that the instance is shutting down.
ec2.terminate_instance = {
  about = "Terminate an instance, protected or not; with evidence if wanted.",
  params = { instance = "string", snapshot = "boolean?", wait = "boolean?" },
  undo = "none: a terminated instance does not come back; snapshots stay",
  check = function(on, params)
    if is_over(instance_of(on, params.instance)) then return nil, "the instance is gone" end
    return {}
  end,
  change = function(on, params)
    local result = {}
    if params.snapshot then
      result.snapshots = {}
      for _, each in ipairs(snapshot(on, params).Snapshots or {}) do
        result.snapshots[#result.snapshots + 1] = each.SnapshotId
      end
    end
    if protected(on, params.instance) then
      on.ec2:modify_instance_attribute(
        { InstanceId = params.instance, DisableApiTermination = { Value = false } },
        { irreversible = "the instance is terminated next" }
      )
    end
    on.ec2:terminate_instances { InstanceIds = { params.instance } }
    return result
  end,
  proof = function(on, params)
    local instance = instance_of(on, params.instance)
    if params.wait == false then return is_over(instance) end
    return not instance or instance.State.Name == "terminated"
  end,
  patience = { timeout = "10m", every = "5s" },
}

return ec2
