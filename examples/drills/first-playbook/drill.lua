-- Security Hub names a service whose tasks have public addresses. Its neighbour has none and stays as it is.
local ECS = "arn:aws:ecs:eu-west-1:123456789012:"

return {
  name = "first-playbook",
  about = "ECS.2: the service named gives its tasks public addresses no more; its neighbour stays.",
  account = "account.lua",
  start = "2025-11-10T06:13:00Z",
  mode = "enforce",
  playbooks = { "../../playbooks/first-playbook.lua" },
  events = { "finding.json" },
  expect = {
    runs = { ["first-playbook"] = "done" },
    kept = { ECS .. "service/shop/worker" },
    changed = {
      [ECS .. "service/shop/web"] = {
        status = "ACTIVE",
        networkConfiguration = { awsvpcConfiguration = { subnets = { "subnet-0shop1" }, assignPublicIp = "DISABLED" } },
      },
      [ECS .. "task/shop/*"] = {},
    },
    created = { ECS .. "task/shop/*" },
    untouched = true,
  },
}
