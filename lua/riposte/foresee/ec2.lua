--- What EC2 would tell after planned changes.
local changes, reads = {}, {}

function changes.TerminateInstances(scope, params)
  for _, id in ipairs(params.InstanceIds) do scope:set("instance", id, { State = { Code = 48, Name = "terminated" } }) end
end

function changes.StopInstances(scope, params)
  for _, id in ipairs(params.InstanceIds) do scope:set("instance", id, { State = { Code = 80, Name = "stopped" } }) end
end

function changes.ModifyInstanceAttribute(scope, params)
  scope:set("attributes", params.InstanceId, {
    DisableApiTermination = params.DisableApiTermination,
    DisableApiStop = params.DisableApiStop,
  })
end

function changes.ModifyInstanceMetadataOptions(scope, params)
  scope:set("metadata", params.InstanceId, {
    HttpTokens = params.HttpTokens,
    HttpEndpoint = params.HttpEndpoint,
    HttpPutResponseHopLimit = params.HttpPutResponseHopLimit,
  })
end

function reads.DescribeInstances(scope, _, value)
  for _, reservation in ipairs(value.Reservations or {}) do
    for _, instance in ipairs(reservation.Instances or {}) do
      scope:amend("instance", instance.InstanceId, instance)
      if instance.MetadataOptions then scope:amend("metadata", instance.InstanceId, instance.MetadataOptions) end
    end
  end
end

function reads.DescribeInstanceAttribute(scope, params, value)
  local told = scope:amend("attributes", params.InstanceId, {})
  for _, name in ipairs { "DisableApiTermination", "DisableApiStop" } do
    if value[name] and told[name] then value[name] = told[name] end
  end
end

return { changes = changes, reads = reads }
