local IAM, ECS = "arn:aws:iam::123456789012:", "arn:aws:ecs:us-east-1:123456789012:"

return {
  name = "rotate-role",
  about = "A fresh role takes an old one's place wherever it is used; the old one is locked.",
  account = "account.lua",
  start = "2025-11-02T14:24:00Z",
  playbooks = { "playbook.lua" },
  events = { "event.json" },
  expect = {
    runs = { ["rotate-role"] = "done" },
    created = { ECS .. "task/*" },
    kept = { IAM .. "role/other", "arn:aws:lambda:us-east-1:123456789012:function:reports", ECS .. "service/app/web" },
    changed = {
      [IAM .. "role/worker"] = { Path = "/" },
      [IAM .. "role/worker-r*"] = {
        AttachedManagedPolicies = {
          { PolicyName = "AmazonS3ReadOnlyAccess", PolicyArn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" },
        },
      },
      [IAM .. "instance-profile/worker"] = { InstanceProfileName = "worker" },
      ["arn:aws:lambda:us-east-1:123456789012:function:thumbnails"] = { FunctionName = "thumbnails" },
      [ECS .. "task-definition/jobs:1"] = { status = "INACTIVE" },
      [ECS .. "task-definition/jobs:2"] = { status = "ACTIVE" },
      [ECS .. "service/app/jobs"] = { taskDefinition = ECS .. "task-definition/jobs:2" },
      [ECS .. "task/app/*"] = { lastStatus = "RUNNING" },
    },
    untouched = true,
  },
}
