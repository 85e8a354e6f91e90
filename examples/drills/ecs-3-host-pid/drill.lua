-- A monitoring agent shares the host's process namespace. Two clusters run it; another family that does the same is not
-- named by the finding and stays as it is.
local TASK_DEFINITION = "arn:aws:ecs:eu-west-1:123456789012:task-definition/"

return {
  name = "ecs-3-host-pid",
  about = "Security Hub names a task definition that shares the host's processes: a corrected revision takes its place.",
  account = "account.lua",
  start = "2025-11-10T06:13:00Z",
  mode = "enforce",
  playbooks = { "../../../playbooks/securityhub/ecs-3-host-pid.lua" },
  events = { "finding.json" },
  expect = {
    runs = { ["ecs-3-host-pid"] = "done" },
    created = {
      "arn:aws:ecs:eu-west-1:123456789012:task/*",
    },
    kept = {
      TASK_DEFINITION .. "monitor:6",
      TASK_DEFINITION .. "profiler:1",
      "arn:aws:ecs:eu-west-1:123456789012:service/tools/profiler",
      "arn:aws:ecs:eu-west-1:123456789012:service/shop/web",
    },
    changed = {
      [TASK_DEFINITION .. "monitor:7"] = { status = "INACTIVE" },
      [TASK_DEFINITION .. "monitor:8"] = {
        status = "ACTIVE", pidMode = "task", cpu = "256", memory = "512", networkMode = "awsvpc",
        taskRoleArn = "arn:aws:iam::123456789012:role/monitor",
      },
      ["arn:aws:ecs:eu-west-1:123456789012:service/*/monitor"] = {
        status = "ACTIVE", taskDefinition = TASK_DEFINITION .. "monitor:8",
      },
      ["arn:aws:ecs:eu-west-1:123456789012:task/*"] = { lastStatus = "RUNNING" },
    },
    untouched = true,
    contained_within = 600000,
  },
}
