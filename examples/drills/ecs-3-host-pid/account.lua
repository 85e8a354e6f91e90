local TRUST = {
  Version = "2012-10-17",
  Statement = { { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = { "ecs-tasks.amazonaws.com" } } } },
}

local function definition(family, revision, image, fields)
  local result = {
    family = family, revision = revision, networkMode = "awsvpc", requiresCompatibilities = { "EC2" },
    cpu = "256", memory = "512", taskRoleArn = "monitor", executionRoleArn = "monitor", tags = { team = "platform" },
    containerDefinitions = {
      {
        name = family, image = image, essential = true, environment = { { name = "LEVEL", value = "info" } },
        logConfiguration = { logDriver = "awslogs", options = { ["awslogs-group"] = "/ecs/" .. family } },
      },
    },
  }
  for key, value in pairs(fields or {}) do result[key] = value end
  return result
end

local NETWORK = { awsvpcConfiguration = { subnets = { "subnet-0tools1" }, assignPublicIp = "DISABLED" } }

local function service(name, task_definition, count)
  return { serviceName = name, taskDefinition = task_definition, desiredCount = count, launchType = "EC2",
    networkConfiguration = NETWORK, tags = { team = "platform" } }
end

return {
  account = "123456789012",
  region = "eu-west-1",
  iam = { roles = { { RoleName = "monitor", AssumeRolePolicyDocument = TRUST } } },
  ec2 = { instances = { { InstanceId = "i-0c0ffee0000000001" }, { InstanceId = "i-0c0ffee0000000002" } } },
  ecs = {
    taskDefinitions = {
      definition("monitor", 6, "monitor:1.0"),
      definition("monitor", 7, "monitor:1.1", { pidMode = "host" }),
      definition("profiler", 1, "profiler:2.0", { pidMode = "host" }),
      definition("web", 1, "web:4.2"),
    },
    clusters = {
      {
        clusterName = "tools",
        containerInstances = { { ec2InstanceId = "i-0c0ffee0000000001" } },
        services = { service("monitor", "monitor:7", 2), service("profiler", "profiler:1", 1) },
      },
      {
        clusterName = "shop",
        containerInstances = { { ec2InstanceId = "i-0c0ffee0000000002" } },
        services = { service("monitor", "monitor:7", 1), service("web", "web:1", 3) },
      },
    },
  },
  securityhub = {
    findings = {
      {
        Id = "arn:aws:securityhub:eu-west-1:123456789012:security-control/ECS.3/finding/2b5e1c44-5a0f-4d3c-9f6d-0d1f6a0f5c11",
        ProductArn = "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        Workflow = { Status = "NEW" },
      },
    },
  },
}
