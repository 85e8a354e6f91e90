-- A cluster of the account's own was taken over: the attack put a service of its own beside the account's. That service and
-- the key go; the cluster and all else in it stays, and so does a rogue cluster that the finding does not name.
local ECS, IAM = "arn:aws:ecs:us-east-1:123456789012:", "arn:aws:iam::123456789012:"

return {
  name = "compromised-cluster",
  about = "A cluster of the account's own is compromised: what the attack put into it goes, the rest stays.",
  account = "account.lua",
  start = "2025-11-02T14:24:00Z",
  playbooks = { "../../../playbooks/guardduty/ecs-compromised-cluster.lua" },
  events = { "finding.json" },
  expect = {
    runs = { ["ecs-compromised-cluster"] = "done" },
    gone = { ECS .. "service/shop/metrics" },
    kept = {
      ECS .. "service/shop/web", ECS .. "service/elsewhere/metrics", ECS .. "cluster/elsewhere", ECS .. "task-definition/*",
    },
    changed = {
      [ECS .. "cluster/shop"] = { status = "ACTIVE", activeServicesCount = 1 },
      [ECS .. "task/shop/*"] = { lastStatus = "RUNNING", taskDefinitionArn = ECS .. "task-definition/web:1" },
      [IAM .. "user/ci-deploy"] = { UserName = "ci-deploy" },
      [IAM .. "user/ci-deploy/access-key/AKIAIOSFODNN7EXAMPLE"] = { Status = "Inactive" },
    },
    untouched = true,
    order = { "credentials", "recreation", "proof" },
  },
}
