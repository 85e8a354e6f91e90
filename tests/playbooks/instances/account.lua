local function instance(id, fields)
  local result = {
    InstanceId = id, InstanceType = "t3.micro",
    BlockDeviceMappings = { { DeviceName = "/dev/xvda", Ebs = { VolumeId = "vol-" .. id:sub(3), VolumeSize = 8 } } },
  }
  for key, value in pairs(fields or {}) do result[key] = value end
  return result
end

local function group(name, instances)
  return {
    AutoScalingGroupName = name, MinSize = #instances, MaxSize = 4, DesiredCapacity = #instances, Instances = instances,
    LaunchTemplate = { LaunchTemplateName = "small", Version = "$Latest" }, AvailabilityZones = { "us-east-1a" },
  }
end

return {
  account = "123456789012",
  ec2 = {
    instances = {
      instance("i-0aaaaaaaaaaaaaaa1", { MetadataOptions = { HttpTokens = "optional", HttpPutResponseHopLimit = 2 } }),
      instance("i-0aaaaaaaaaaaaaaa2", { disableApiTermination = true }),
      instance("i-0aaaaaaaaaaaaaaa3", { disableApiTermination = true }),
      instance("i-0aaaaaaaaaaaaaaa4"),
      instance("i-0aaaaaaaaaaaaaaa5", { disableApiTermination = true }),
    },
    launchTemplates = {
      { LaunchTemplateName = "small", LaunchTemplateData = { ImageId = "ami-0aaaaaaaaaaaaaaaa", InstanceType = "t3.micro" } },
    },
  },
  autoscaling = {
    groups = { group("halted", {}), group("deleted", { "i-0aaaaaaaaaaaaaaa5" }), group("kept", { "i-0aaaaaaaaaaaaaaa4" }) },
  },
}
