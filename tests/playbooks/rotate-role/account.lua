local TRUST = {
  Version = "2012-10-17",
  Statement = { { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = { "ec2.amazonaws.com" } } } },
}

local function definition(family, role)
  return {
    family = family, revision = 1, taskRoleArn = role, networkMode = "awsvpc", requiresCompatibilities = { "FARGATE" },
    cpu = "256", memory = "512", containerDefinitions = { { name = family, image = family .. ":1" } },
  }
end

local NETWORK = { awsvpcConfiguration = { subnets = { "subnet-0app1" } } }

local function service(name)
  return {
    serviceName = name, taskDefinition = name .. ":1", desiredCount = 1, launchType = "FARGATE", networkConfiguration = NETWORK,
  }
end

return {
  account = "123456789012",
  iam = {
    roles = {
      {
        RoleName = "worker", AssumeRolePolicyDocument = TRUST, Tags = { team = "app" },
        AttachedManagedPolicies = { "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" },
        RolePolicyList = {
          { PolicyName = "queue", PolicyDocument = {
            Version = "2012-10-17", Statement = { { Effect = "Allow", Action = "sqs:*", Resource = "*" } },
          } },
        },
      },
      { RoleName = "other", AssumeRolePolicyDocument = TRUST },
    },
    instanceProfiles = { { InstanceProfileName = "worker", Roles = { "worker" } } },
  },
  lambda = {
    functions = {
      { FunctionName = "thumbnails", Role = "worker", Runtime = "python3.12", Handler = "index.handler" },
      { FunctionName = "reports", Role = "other", Runtime = "python3.12", Handler = "index.handler" },
    },
  },
  ecs = {
    taskDefinitions = { definition("jobs", "worker"), definition("web", "other") },
    clusters = { { clusterName = "app", services = { service("jobs"), service("web") } } },
  },
}
