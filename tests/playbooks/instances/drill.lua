local EC2, GROUP = "arn:aws:ec2:us-east-1:123456789012:", "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:"

return {
  name = "instances",
  about = "Remedies for instances and groups do what they say, once.",
  account = "account.lua",
  start = "2025-11-02T14:24:00Z",
  playbooks = { "playbook.lua" },
  events = { "event.json" },
  expect = {
    runs = { instances = "done" },
    gone = {
      EC2 .. "instance/i-0aaaaaaaaaaaaaaa3", EC2 .. "volume/vol-0aaaaaaaaaaaaaaa3",
      EC2 .. "instance/i-0aaaaaaaaaaaaaaa5", EC2 .. "volume/vol-0aaaaaaaaaaaaaaa5",
      GROUP .. "autoScalingGroupName/deleted",
    },
    kept = { EC2 .. "instance/i-0aaaaaaaaaaaaaaa4", GROUP .. "autoScalingGroupName/kept" },
    created = { EC2 .. "snapshot/snap-*" },
    changed = {
      [EC2 .. "instance/i-0aaaaaaaaaaaaaaa1"] = { InstanceId = "i-0aaaaaaaaaaaaaaa1" },
      [EC2 .. "instance/i-0aaaaaaaaaaaaaaa2"] = { DisableApiTermination = false },
      [GROUP .. "autoScalingGroupName/halted"] = { MinSize = 0, MaxSize = 0, DesiredCapacity = 0 },
    },
    untouched = true,
  },
}
