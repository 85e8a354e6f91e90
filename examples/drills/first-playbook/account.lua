local function service(name, public)
  return {
    serviceName = name, taskDefinition = "web:1", desiredCount = 2, launchType = "FARGATE",
    networkConfiguration = { awsvpcConfiguration = { subnets = { "subnet-0shop1" }, assignPublicIp = public } },
  }
end

return {
  account = "123456789012",
  region = "eu-west-1",
  ecs = {
    taskDefinitions = {
      {
        family = "web", revision = 1, networkMode = "awsvpc", requiresCompatibilities = { "FARGATE" },
        cpu = "256", memory = "512", containerDefinitions = { { name = "web", image = "web:4.2", essential = true } },
      },
    },
    clusters = {
      { clusterName = "shop", services = { service("web", "ENABLED"), service("worker", "DISABLED") } },
    },
  },
  securityhub = {
    findings = {
      {
        Id = "arn:aws:securityhub:eu-west-1:123456789012:security-control/ECS.2/finding/7c1f0d9e-3a52-4b6e-8d61-5f0b9c2a4e10",
        ProductArn = "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        Workflow = { Status = "NEW" },
      },
    },
  },
}
