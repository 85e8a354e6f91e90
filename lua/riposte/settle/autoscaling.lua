--- Auto Scaling: whether a change happened whose answer never came.
local autoscaling = {}

function autoscaling.CreateAutoScalingGroup(change)
  local group = change:find("describe_auto_scaling_groups",
    { AutoScalingGroupNames = { change.params.AutoScalingGroupName } },
    function(output) return output.AutoScalingGroups and output.AutoScalingGroups[1] end)
  if not group or not change:is_since(group.CreatedTime) then return "not" end
  return "happened", {}
end

return autoscaling
