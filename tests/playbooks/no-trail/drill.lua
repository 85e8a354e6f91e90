-- CloudTrail has nothing of the key yet: who made a thing is known only where ECS tells. A new thing that looks like the
-- campaign goes; one that is only new, or only looks like it, stays.
local ECS, IAM, EC2 = "arn:aws:ecs:us-east-1:123456789012:", "arn:aws:iam::123456789012:", "arn:aws:ec2:us-east-1:123456789012:"
local GROUP = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/"
local FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"

return {
  name = "no-trail",
  about = "Without CloudTrail two marks are needed: made since the attack began, and the campaign's own look.",
  account = "account.lua",
  start = "2025-11-02T14:24:00Z",
  playbooks = { "../../../playbooks/campaigns/ecs-cryptomining.lua" },
  events = { "finding.json" },
  expect = {
    runs = { ["ecs-cryptomining"] = "done" },
    gone = {
      ECS .. "cluster/svc-*", ECS .. "service/svc-*", ECS .. "task/svc-*",
      GROUP .. "asg-miner", EC2 .. "instance/i-0a1b2c3d4e5f60718",
      FUNCTION .. "gen*", IAM .. "user/mail-relay*",
    },
    kept = {
      ECS .. "cluster/shop", ECS .. "cluster/new-but-empty", ECS .. "service/shop/web", GROUP .. "render-farm",
      EC2 .. "instance/i-0feed000000000001", EC2 .. "instance/i-0feed000000000002", FUNCTION .. "shop-webhook*",
      IAM .. "user/bob", IAM .. "role/*",
    },
    changed = {
      [ECS .. "task-definition/td-9f31:1"] = { status = "INACTIVE" },
      [IAM .. "user/ci-deploy"] = { UserName = "ci-deploy" },
      [IAM .. "user/ci-deploy/access-key/AKIAIOSFODNN7EXAMPLE"] = { Status = "Inactive" },
      [EC2 .. "volume/*"] = {},
    },
    untouched = true,
  },
}
