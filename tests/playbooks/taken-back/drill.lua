local IAM, ECS = "arn:aws:iam::123456789012:", "arn:aws:ecs:us-east-1:123456789012:"

return {
  name = "taken-back",
  about = "A run of many changes is undone, through the door and by the record: the account is as before, but for the names "
    .. "that AWS gives anew.",
  account = "../undo/account.lua",
  start = "2025-11-02T14:24:00Z",
  playbooks = { "playbook.lua" },
  events = { "event.json" },
  undo = true,
  expect = {
    runs = { ["taken-back"] = "done", undo = "done" },
    created = { ECS .. "task/*", ECS .. "task-definition/web:*", "*:instance/*", "*:volume/*" },
    gone = {},
    changed = {
      [IAM .. "user/guests/visitor"] = {
        Path = "/guests/", GroupList = { "people" }, Tags = { { Key = "team", Value = "app" } },
      },
      [ECS .. "task-definition/web:1"] = { status = "INACTIVE" },
      [ECS .. "task-definition/web:2"] = { status = "INACTIVE" },
      [ECS .. "task-definition/web:3"] = { status = "ACTIVE", pidMode = "task" },
      [ECS .. "service/app/*"] = { taskDefinition = ECS .. "task-definition/web:3", desiredCount = 2 },
      [ECS .. "task/app/*"] = { lastStatus = "RUNNING" },
    },
    untouched = true,
  },
}
