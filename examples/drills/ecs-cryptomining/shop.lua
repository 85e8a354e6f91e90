-- The account's own: a web shop on ECS, its workers, people and jobs. Some of it looks like the campaign: GPU instances in a
-- group, protected instances, a function with a public URL, a user who sends mail, a service deployed while the attack was
-- going on. Who made it and when tells them apart.
local shop = {}

local TRUST = {
  Version = "2012-10-17",
  Statement = { { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = { "ecs-tasks.amazonaws.com" } } } },
}

local ADMIN = "arn:aws:iam::123456789012:user/alice"

shop.users = {
  {
    UserName = "ci-deploy", CreateDate = "2024-03-01T08:00:00Z", Tags = { team = "platform" },
    AccessKeys = { { AccessKeyId = "AKIAIOSFODNN7EXAMPLE", Status = "Active", CreateDate = "2024-03-01T08:00:00Z" } },
    AttachedManagedPolicies = { "arn:aws:iam::aws:policy/AdministratorAccess" },
  },
  {
    UserName = "alice", CreateDate = "2023-01-10T09:00:00Z", LoginProfile = true,
    AccessKeys = { { AccessKeyId = "AKIAALICEEXAMPLE0001", Status = "Active", CreateDate = "2025-06-01T09:00:00Z" } },
    MFADevices = { "arn:aws:iam::123456789012:mfa/alice" },
    AttachedManagedPolicies = { "arn:aws:iam::aws:policy/AdministratorAccess" },
  },
  {
    UserName = "newsletter", CreateDate = "2024-09-12T09:00:00Z",
    AccessKeys = { { AccessKeyId = "AKIANEWSLETTER000001", Status = "Active", CreateDate = "2024-09-12T09:00:00Z" } },
    AttachedManagedPolicies = { "arn:aws:iam::aws:policy/AmazonSESFullAccess" },
  },
}

shop.roles = {
  { RoleName = "shop-task", CreateDate = "2024-03-01T08:00:00Z", AssumeRolePolicyDocument = TRUST,
    AttachedManagedPolicies = { "arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess" } },
  { RoleName = "shop-worker", CreateDate = "2024-03-01T08:00:00Z", AssumeRolePolicyDocument = TRUST },
  { RoleName = "functions", CreateDate = "2024-03-01T08:00:00Z", AssumeRolePolicyDocument = TRUST },
}

shop.instance_profiles = { { InstanceProfileName = "shop-worker", Roles = { "shop-worker" } } }

local function definition(family, image, at, by)
  return {
    family = family, registeredAt = at or "2025-08-20T10:00:00Z", registeredBy = by or ADMIN,
    networkMode = "awsvpc", requiresCompatibilities = { "FARGATE" }, cpu = "512", memory = "1024",
    taskRoleArn = "shop-task", executionRoleArn = "shop-task",
    containerDefinitions = { { name = family, image = image, essential = true } },
  }
end

shop.task_definitions = {
  definition("web", "123456789012.dkr.ecr.us-east-1.amazonaws.com/web:4.2"),
  definition("api", "123456789012.dkr.ecr.us-east-1.amazonaws.com/api:7.0"),
  definition("etl", "123456789012.dkr.ecr.us-east-1.amazonaws.com/etl:1.9"),
  -- deployed in the middle of the attack, by somebody who has nothing to do with it
  definition("search", "123456789012.dkr.ecr.us-east-1.amazonaws.com/search:2.0", "2025-11-02T14:08:00Z"),
}

local NETWORK = { awsvpcConfiguration = { subnets = { "subnet-0shop1", "subnet-0shop2" }, assignPublicIp = "DISABLED" } }

local function service(name, family, count, at)
  return {
    serviceName = name, taskDefinition = family, desiredCount = count, launchType = "FARGATE",
    networkConfiguration = NETWORK, createdBy = ADMIN, createdAt = at or "2025-08-20T10:05:00Z",
  }
end

shop.clusters = {
  { clusterName = "shop", tags = { team = "shop" }, services = { service("web", "web", 3), service("api", "api", 4) } },
  { clusterName = "shop-eu-mirror", services = { service("web", "web", 2) } },
  { clusterName = "shop-search", services = { service("search", "search", 2, "2025-11-02T14:09:00Z") } },
  { clusterName = "data-lake", services = { service("etl", "etl", 1) } },
  {
    -- The attack put a service of its own into a cluster of the shop.
    clusterName = "staging",
    services = {
      service("web", "web", 1),
      {
        serviceName = "sync-agent", taskDefinition = "td-9f31:1", desiredCount = 2, launchType = "FARGATE",
        networkConfiguration = NETWORK, createdBy = "arn:aws:iam::123456789012:user/ci-deploy",
        createdAt = "2025-11-02T14:07:00Z",
      },
    },
  },
  { clusterName = "default" },
}

shop.launch_templates = {
  { LaunchTemplateName = "shop-worker", CreateTime = "2025-02-01T08:00:00Z", CreatedBy = ADMIN,
    LaunchTemplateData = { ImageId = "ami-0aaaaaaaaaaaaaaaa", InstanceType = "m6i.large" } },
  { LaunchTemplateName = "render", CreateTime = "2025-02-01T08:00:00Z", CreatedBy = ADMIN,
    LaunchTemplateData = { ImageId = "ami-0aaaaaaaaaaaaaaaa", InstanceType = "g5.2xlarge" } },
}

local function instance(id, kind, fields)
  local result = {
    InstanceId = id, InstanceType = kind, ImageId = "ami-0aaaaaaaaaaaaaaaa", LaunchTime = "2025-09-01T06:00:00Z",
    IamInstanceProfile = "shop-worker",
  }
  for key, value in pairs(fields or {}) do result[key] = value end
  return result
end

shop.instances = {
  instance("i-0feed000000000001", "m6i.large"),
  instance("i-0feed000000000002", "m6i.large"),
  instance("i-0feed000000000003", "g5.2xlarge"),
  instance("i-0feed000000000004", "g5.2xlarge"),
  instance("i-0feed000000000005", "r6i.2xlarge", { disableApiTermination = true, Tags = { Name = "database" } }),
  -- scaled out while the attack was going on
  instance("i-0feed000000000006", "m6i.large", { LaunchTime = "2025-11-02T14:10:00Z" }),
}

shop.groups = {
  {
    AutoScalingGroupName = "shop-workers", MinSize = 2, MaxSize = 10, DesiredCapacity = 3, CreatedTime = "2025-02-01T08:00:00Z",
    LaunchTemplate = { LaunchTemplateName = "shop-worker", Version = "$Latest" }, AvailabilityZones = { "us-east-1a" },
    Instances = { "i-0feed000000000001", "i-0feed000000000002", "i-0feed000000000006" },
  },
  {
    AutoScalingGroupName = "render-farm", MinSize = 0, MaxSize = 4, DesiredCapacity = 2, CreatedTime = "2025-02-01T08:00:00Z",
    LaunchTemplate = { LaunchTemplateName = "render", Version = "$Latest" }, AvailabilityZones = { "us-east-1a" },
    Instances = { "i-0feed000000000003", "i-0feed000000000004" },
  },
}

shop.functions = {
  {
    FunctionName = "shop-webhook", Role = "functions", Runtime = "python3.12", Handler = "index.handler",
    LastModified = "2025-11-02T14:12:00Z", FunctionUrlConfig = { AuthType = "NONE" },
  },
  {
    FunctionName = "invoice-pdf", Role = "functions", Runtime = "nodejs22.x", Handler = "index.handler",
    LastModified = "2025-05-01T10:00:00Z",
  },
}

return shop
