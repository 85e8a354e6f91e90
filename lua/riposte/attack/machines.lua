--- What of an attack is in EC2 and Auto Scaling: groups and instances.
local list = require "riposte.list"
local time = require "riposte.time"

local machines = {}

local ALIVE = { "pending", "running", "stopping", "stopped" }

--- Read the groups and the instances that are there: {groups, instances}.
function machines.read(attack)
  local run, world = attack.run, {}
  local where = { region = attack.region }
  run:parallel({
    function()
      world.groups = list.all(run.aws.autoscaling(where):pages("describe_auto_scaling_groups", { MaxRecords = 100 }))
    end,
    function()
      world.instances = {}
      local filters = { { Name = "instance-state-name", Values = ALIVE } }
      for reservation in run.aws.ec2(where):pages("describe_instances", { Filters = filters, MaxResults = 1000 }) do
        list.append(world.instances, reservation.Instances or {})
      end
    end,
  }, function(part) part() end)
  return world
end

local function tag_of(instance, key)
  for _, tag in ipairs(instance.Tags or {}) do
    if tag.Key == key then return tag.Value end
  end
end

-- GPU and machine-learning families, and the largest sizes: what miners take.
local function is_miners_type(kind)
  return kind:find("^[pg]%d") ~= nil or kind:find("^trn%d") ~= nil or kind:find("^inf%d") ~= nil
    or (tonumber(kind:match("(%d+)xlarge$") or "") or 0) >= 8
end

local function marks_of(instance_type)
  if instance_type and is_miners_type(instance_type) then
    return { instance_type .. " is of the kind that miners take" }
  end
end

local function template_of(group)
  local mixed = group.MixedInstancesPolicy and group.MixedInstancesPolicy.LaunchTemplate
  return group.LaunchTemplate or (mixed and mixed.LaunchTemplateSpecification)
end

local function group_thing(attack, group)
  local proof, kind = {}, nil
  for _, member in ipairs(group.Instances or {}) do
    if attack.instances[member.InstanceId] then
      proof[#proof + 1] = "it holds " .. member.InstanceId .. ", which the finding names"
    end
    kind = kind or member.InstanceType
  end
  local template = template_of(group)
  for _, name in ipairs { template and template.LaunchTemplateName, template and template.LaunchTemplateId } do
    local made = attack:maker("launch-template", name)
    if made then proof[#proof + 1] = "its launch template was made by " .. made.by end
  end
  return {
    kind = "group", name = group.AutoScalingGroupName, what = group.AutoScalingGroupARN, known = group,
    created = time.ms(group.CreatedTime), proof = proof, marks = marks_of(kind),
  }
end

local function instance_thing(attack, instance, groups)
  local id, proof = instance.InstanceId, {}
  local group = tag_of(instance, "aws:autoscaling:groupName") or groups.holds[id]
  local ours = group and groups.ours[group]
  if ours then proof[#proof + 1] = "it is of the group " .. group .. ", which is the attack's" end
  if attack.instances[id] then proof[#proof + 1] = "the finding names it" end
  return {
    kind = "instance", name = id, what = id, known = instance, created = time.ms(instance.LaunchTime), proof = proof,
    by = group and not ours and "the group " .. group .. ", which is not the attack's" or nil,
    marks = marks_of(instance.InstanceType),
  }
end

--- Which groups and instances are of the attack: {groups, instances}, each a list of things with `why`.
function machines.judge(attack, world)
  local things, groups = {}, { ours = {}, holds = {} }
  for i, group in ipairs(world.groups) do things[i] = group_thing(attack, group) end
  local found = { groups = attack:sift(things) }
  for _, thing in ipairs(found.groups) do groups.ours[thing.name] = true end
  for _, group in ipairs(world.groups) do
    for _, member in ipairs(group.Instances or {}) do groups.holds[member.InstanceId] = group.AutoScalingGroupName end
  end
  things = {}
  for i, instance in ipairs(world.instances) do things[i] = instance_thing(attack, instance, groups) end
  found.instances = attack:sift(things)
  attack:keep_evidence("Auto Scaling groups of the attack", found.groups)
  attack:keep_evidence("instances of the attack", found.instances)
  return found
end

return machines
