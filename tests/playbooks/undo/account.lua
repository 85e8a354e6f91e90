-- A bit of everything that the shipped actions change.
local TRUST = {
  Version = "2012-10-17",
  Statement = { { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = { "ec2.amazonaws.com" } } } },
}
local INLINE = { Version = "2012-10-17", Statement = { { Effect = "Allow", Action = "sqs:*", Resource = "*" } } }
local READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"

local function definition(family, fields)
  local result = {
    family = family, taskRoleArn = "worker", networkMode = "awsvpc", requiresCompatibilities = { "FARGATE" }, cpu = "256",
    memory = "512", containerDefinitions = { { name = family, image = family .. ":1" } }, tags = { team = "app" },
  }
  for key, value in pairs(fields or {}) do result[key] = value end
  return result
end

local function service(name, fields)
  local result = {
    serviceName = name, taskDefinition = "web:1", desiredCount = 2, launchType = "FARGATE", tags = { team = "app" },
    networkConfiguration = { awsvpcConfiguration = { subnets = { "subnet-0app1" }, assignPublicIp = "DISABLED" } },
  }
  for key, value in pairs(fields or {}) do result[key] = value end
  return result
end

local function instance(id, fields)
  local result = {
    InstanceId = id, InstanceType = "t3.micro",
    BlockDeviceMappings = { { DeviceName = "/dev/xvda", Ebs = { VolumeId = "vol-" .. id:sub(3), VolumeSize = 8 } } },
  }
  for key, value in pairs(fields or {}) do result[key] = value end
  return result
end

return {
  account = "123456789012",
  iam = {
    groups = { { GroupName = "people" } },
    users = {
      {
        UserName = "ci", Tags = { team = "app" }, GroupList = { "people" }, AttachedManagedPolicies = { READ_ONLY },
        AccessKeys = { { AccessKeyId = "AKIAIOSFODNN7EXAMPLE" } },
      },
      {
        UserName = "visitor", Path = "/guests/", Tags = { team = "app" }, GroupList = { "people" },
        AttachedManagedPolicies = { READ_ONLY }, UserPolicyList = { { PolicyName = "queue", PolicyDocument = INLINE } },
        PermissionsBoundary = READ_ONLY,
      },
    },
    roles = {
      {
        RoleName = "worker", AssumeRolePolicyDocument = TRUST, Tags = { team = "app" },
        AttachedManagedPolicies = { READ_ONLY }, RolePolicyList = { { PolicyName = "queue", PolicyDocument = INLINE } },
      },
    },
    instanceProfiles = { { InstanceProfileName = "worker", Roles = { "worker" } } },
  },
  ecs = {
    taskDefinitions = { definition("web", { pidMode = "task" }), definition("idle") },
    clusters = {
      {
        clusterName = "app", tags = { team = "app" }, settings = { { name = "containerInsights", value = "enabled" } },
        services = { service("web"), service("api") },
        tasks = { { taskDefinition = "idle", count = 1 } },
      },
      { clusterName = "spare" },
      { clusterName = "machines", containerInstances = { { ec2InstanceId = "i-0aaaaaaaaaaaaaaa1" } } },
    },
  },
  ec2 = {
    instances = {
      instance("i-0aaaaaaaaaaaaaaa1", { MetadataOptions = { HttpTokens = "optional", HttpPutResponseHopLimit = 2 } }),
      instance("i-0aaaaaaaaaaaaaaa2", { disableApiTermination = true, Tags = { team = "app", stage = "test" } }),
    },
    securityGroups = {
      {
        GroupId = "sg-0guarded", GroupName = "guarded", Description = "of the undo tests",
        IpPermissions = { { IpProtocol = "tcp", FromPort = 80, ToPort = 80, IpRanges = { { CidrIp = "203.0.113.0/24" } } } },
      },
    },
    launchTemplates = {
      { LaunchTemplateName = "small", LaunchTemplateData = { ImageId = "ami-0aaaaaaaaaaaaaaaa", InstanceType = "t3.micro" } },
    },
  },
  autoscaling = {
    groups = {
      {
        AutoScalingGroupName = "workers", MinSize = 1, MaxSize = 4, DesiredCapacity = 2, AvailabilityZones = { "us-east-1a" },
        LaunchTemplate = { LaunchTemplateName = "small", Version = "$Latest" }, SuspendedProcesses = { "HealthCheck" },
        Tags = { team = "app" },
      },
    },
  },
  lambda = {
    functions = {
      {
        FunctionName = "hook", Role = "worker", Runtime = "python3.12", Handler = "index.handler",
        ReservedConcurrentExecutions = 5, FunctionUrlConfig = { AuthType = "NONE" },
      },
      { FunctionName = "free", Role = "worker", Runtime = "python3.12", Handler = "index.handler" },
    },
  },
  securityhub = {
    findings = {
      {
        Id = "f-1", ProductArn = "arn:aws:securityhub:us-east-1::product/aws/securityhub", AwsAccountId = "123456789012",
        Title = "ECS.3", Workflow = { Status = "NEW" }, RecordState = "ACTIVE",
      },
    },
  },
}
