-- A role that may some of what a plan wants.
local ECS = "arn:aws:ecs:us-east-1:123456789012:"

local function document(...)
  return { Version = "2012-10-17", Statement = { ... } }
end

local function allow(action, resource, condition)
  return { Effect = "Allow", Action = action, Resource = resource, Condition = condition }
end

return {
  account = "123456789012",
  caller = "arn:aws:sts::123456789012:assumed-role/Responder/run-1",
  iam = {
    policies = {
      { PolicyName = "limits", PolicyDocument = document(allow({ "ecs:*", "iam:*" }, "*")) },
    },
    roles = {
      {
        RoleName = "Responder", Path = "/security/", AssumeRolePolicyDocument = document(),
        PermissionsBoundary = "arn:aws:iam::123456789012:policy/limits",
        RolePolicyList = {
          { PolicyName = "contain", PolicyDocument = document(
            allow({ "ecs:DeleteCluster", "ecs:UpdateService" }, { ECS .. "cluster/svc-*", ECS .. "service/svc-*" }),
            allow("lambda:DeleteFunction", "*"),
            allow("ecs:StopTask", "*", { ArnEquals = { ["ecs:cluster"] = ECS .. "cluster/svc-1" } }),
            { Effect = "Deny", Action = "iam:Delete*", Resource = "*" },
            allow("iam:*", "*")
          ) },
        },
      },
    },
    users = {
      {
        UserName = "person",
        UserPolicyList = {
          { PolicyName = "own", PolicyDocument = document(
            allow("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:123456789012:instance/i-0aaaaaaaaaaaaaaa1")
          ) },
        },
      },
    },
  },
  ec2 = { instances = { { InstanceId = "i-0aaaaaaaaaaaaaaa1" }, { InstanceId = "i-0aaaaaaaaaaaaaaa2" } } },
}
