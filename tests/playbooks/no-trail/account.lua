local ACTOR = "arn:aws:iam::123456789012:user/ci-deploy"
local NETWORK = { awsvpcConfiguration = { subnets = { "subnet-0shop1" } } }
local TRUST = {
  Version = "2012-10-17",
  Statement = { { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = { "lambda.amazonaws.com" } } } },
}

local function definition(family, image, fields)
  local result = {
    family = family, revision = 1, networkMode = "awsvpc", requiresCompatibilities = { "FARGATE" }, cpu = "256", memory = "512",
    containerDefinitions = { { name = family, image = image } },
  }
  for key, value in pairs(fields or {}) do result[key] = value end
  return result
end

local function service(name, family, at, by)
  return {
    serviceName = name, taskDefinition = family, desiredCount = 2, launchType = "FARGATE", networkConfiguration = NETWORK,
    createdAt = at, createdBy = by,
  }
end

local function instance(id, at)
  return { InstanceId = id, InstanceType = "p3.8xlarge", LaunchTime = at }
end

local function group(name, at, instances)
  return {
    AutoScalingGroupName = name, MinSize = 0, MaxSize = 9, DesiredCapacity = #instances, Instances = instances, CreatedTime = at,
    LaunchTemplate = { LaunchTemplateName = "gpu", Version = "$Latest" }, AvailabilityZones = { "us-east-1a" },
  }
end

local function fn(name, role)
  return {
    FunctionName = name, Role = role, Runtime = "python3.12", Handler = "index.handler", LastModified = "2025-11-02T14:09:00Z",
    FunctionUrlConfig = { AuthType = "NONE" },
  }
end

return {
  account = "123456789012",
  iam = {
    users = {
      { UserName = "ci-deploy", CreateDate = "2024-03-01T08:00:00Z",
        AccessKeys = { { AccessKeyId = "AKIAIOSFODNN7EXAMPLE", Status = "Active" } } },
      { UserName = "mail-relay-91", CreateDate = "2025-11-02T14:10:00Z", LoginProfile = true,
        AttachedManagedPolicies = { "arn:aws:iam::aws:policy/AmazonSESFullAccess" } },
      { UserName = "bob", CreateDate = "2025-11-02T14:10:00Z" },
    },
    roles = {
      { RoleName = "functions", CreateDate = "2024-03-01T08:00:00Z", AssumeRolePolicyDocument = TRUST },
      { RoleName = "gen-role", CreateDate = "2025-11-02T14:09:00Z", AssumeRolePolicyDocument = TRUST },
    },
  },
  ecs = {
    taskDefinitions = {
      definition("web", "shop/web:4.2"),
      definition("td-9f31", "yenik65958/secret:user", { registeredAt = "2025-11-02T14:05:00Z", registeredBy = ACTOR }),
    },
    clusters = {
      { clusterName = "shop", services = { service("web", "web", "2025-08-20T10:00:00Z") } },
      { clusterName = "svc-9f31", services = { service("worker", "td-9f31", "2025-11-02T14:06:00Z", ACTOR) } },
      { clusterName = "svc-9f32", services = { service("worker", "td-9f31", "2025-11-02T14:06:00Z", ACTOR) } },
      { clusterName = "new-but-empty" },
    },
  },
  ec2 = {
    instances = {
      instance("i-0a1b2c3d4e5f60718", "2025-11-02T14:07:00Z"),
      instance("i-0feed000000000001", "2025-10-02T14:07:00Z"),
      instance("i-0feed000000000002", "2025-11-02T14:08:00Z"),
    },
    launchTemplates = {
      { LaunchTemplateName = "gpu", LaunchTemplateData = { ImageId = "ami-0aaaaaaaaaaaaaaaa", InstanceType = "p3.8xlarge" } },
    },
  },
  autoscaling = {
    groups = {
      group("render-farm", "2025-02-01T08:00:00Z", { "i-0feed000000000001", "i-0feed000000000002" }),
      group("asg-miner", "2025-11-02T14:06:00Z", { "i-0a1b2c3d4e5f60718" }),
    },
  },
  lambda = { functions = { fn("gen", "gen-role"), fn("shop-webhook", "functions") } },
  guardduty = {
    DetectorId = "12abc34d567e8fa901bc2d34e56789f0",
    findings = { { Id = "c4b9e1f0a7d84c1e9a3f5b6d7e8f9012", Type = "AttackSequence:ECS/CompromisedCluster" } },
  },
}
