-- What the campaign made with the stolen key: 53 clusters, most with a service of ten miners, eight still empty; task
-- definitions of one image; groups of protected GPU instances; a function that anyone can call; a user who sends mail.
local campaign = {}

local ACTOR, KEY = "arn:aws:iam::123456789012:user/ci-deploy", "AKIAIOSFODNN7EXAMPLE"
local CLUSTERS, EMPTY, DEFINITIONS, GROUPS, INSTANCES = 53, 8, 12, 3, 6

--- Lists put together.
function campaign.with(...)
  local all = {}
  for _, list in ipairs { ... } do
    for _, each in ipairs(list) do all[#all + 1] = each end
  end
  return all
end

campaign.events = {}

local function event(name, source, minute, second, kind, resource, request)
  campaign.events[#campaign.events + 1] = {
    EventName = name, EventSource = source .. ".amazonaws.com", Username = "ci-deploy", AccessKeyId = KEY, ReadOnly = "false",
    EventTime = ("2025-11-02T14:%02d:%02dZ"):format(minute, second),
    Resources = { { ResourceType = kind, ResourceName = resource } },
    CloudTrailEvent = { requestParameters = request, sourceIPAddress = "198.51.100.77", userAgent = "Boto3/1.28" },
  }
end

-- The finding names the first of each: svc-9f31 and td-9f31.
local function name_of(prefix, i)
  return ("%s%04x"):format(prefix, 0x9f30 + i)
end

campaign.task_definitions = {}
for i = 1, DEFINITIONS do
  local family = name_of("td-", i)
  campaign.task_definitions[i] = {
    family = family, revision = 1, registeredBy = ACTOR, registeredAt = ("2025-11-02T14:03:%02dZ"):format(i),
    networkMode = "awsvpc", requiresCompatibilities = { "FARGATE" }, cpu = "16384", memory = "32768",
    containerDefinitions = { { name = "worker", image = "yenik65958/secret:user", essential = true } },
  }
  event("RegisterTaskDefinition", "ecs", 3, i, "AWS::ECS::TaskDefinition",
    "arn:aws:ecs:us-east-1:123456789012:task-definition/" .. family .. ":1", { family = family })
end

campaign.clusters = {}
for i = 1, CLUSTERS do
  local name = name_of("svc-", i)
  local cluster = { clusterName = name, services = {} }
  event("CreateCluster", "ecs", 4, i, "AWS::ECS::Cluster", name, { clusterName = name })
  if i <= CLUSTERS - EMPTY then
    cluster.services[1] = {
      serviceName = name_of("worker-", i), taskDefinition = name_of("td-", (i - 1) % DEFINITIONS + 1) .. ":1",
      desiredCount = 10, launchType = "FARGATE", createdBy = ACTOR, createdAt = ("2025-11-02T14:05:%02dZ"):format(i),
      networkConfiguration = { awsvpcConfiguration = { subnets = { "subnet-0shop1" }, assignPublicIp = "ENABLED" } },
    }
    event("CreateService", "ecs", 5, i, "AWS::ECS::Service", name_of("worker-", i), { cluster = name })
  end
  campaign.clusters[i] = cluster
end

campaign.launch_templates = {
  { LaunchTemplateName = "gpu-fast", CreateTime = "2025-11-02T14:06:00Z", CreatedBy = ACTOR,
    LaunchTemplateData = { ImageId = "ami-0bbbbbbbbbbbbbbbb", InstanceType = "p3.8xlarge" } },
}

campaign.instances, campaign.groups = {}, {}
for g = 1, GROUPS do
  local name, ids = "asg-miner-" .. g, {}
  for i = 1, INSTANCES do
    local id = ("i-0a1b2c3d4e5f60%03x"):format(0x717 + (g - 1) * INSTANCES + i)
    ids[i] = id
    campaign.instances[#campaign.instances + 1] = {
      InstanceId = id, InstanceType = "p3.8xlarge", ImageId = "ami-0bbbbbbbbbbbbbbbb", disableApiTermination = true,
      LaunchTime = ("2025-11-02T14:07:%02dZ"):format(i), Tags = { Name = "asg-miner" },
      BlockDeviceMappings = { { DeviceName = "/dev/xvda", Ebs = { VolumeId = "vol-" .. id:sub(3), VolumeSize = 100 } } },
    }
    event("ModifyInstanceAttribute", "ec2", 8, i, "AWS::EC2::Instance", id, { instanceId = id })
  end
  campaign.groups[g] = {
    AutoScalingGroupName = name, MinSize = INSTANCES, MaxSize = 999, DesiredCapacity = INSTANCES,
    CreatedTime = "2025-11-02T14:06:30Z", AvailabilityZones = { "us-east-1a" }, Instances = ids,
    LaunchTemplate = { LaunchTemplateName = "gpu-fast", Version = "$Latest" },
  }
  event("CreateAutoScalingGroup", "autoscaling", 6, 30, "AWS::AutoScaling::AutoScalingGroup", name,
    { autoScalingGroupName = name })
end

campaign.functions = {
  {
    FunctionName = "gen-3b7c", Role = "gen-3b7c-role", Runtime = "python3.12", Handler = "index.handler",
    LastModified = "2025-11-02T14:09:30Z", FunctionUrlConfig = { AuthType = "NONE" },
  },
}
campaign.role = {
  RoleName = "gen-3b7c-role", CreateDate = "2025-11-02T14:09:00Z",
  AssumeRolePolicyDocument = {
    Version = "2012-10-17",
    Statement = { { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = { "lambda.amazonaws.com" } } } },
  },
  AttachedManagedPolicies = { "arn:aws:iam::aws:policy/AdministratorAccess" },
}
event("CreateRole", "iam", 9, 0, "AWS::IAM::Role", "gen-3b7c-role", { roleName = "gen-3b7c-role" })
event("CreateFunction20150331", "lambda", 9, 30, "AWS::Lambda::Function", "gen-3b7c", { functionName = "gen-3b7c" })

campaign.user = {
  UserName = "mail-relay-91", CreateDate = "2025-11-02T14:10:00Z",
  AccessKeys = { { AccessKeyId = "AKIAMAILRELAY0000001", Status = "Active", CreateDate = "2025-11-02T14:10:05Z" } },
  AttachedManagedPolicies = { "arn:aws:iam::aws:policy/AmazonSESFullAccess" },
}
event("CreateUser", "iam", 10, 0, "AWS::IAM::User", "mail-relay-91", { userName = "mail-relay-91" })

campaign.finding = { Id = "c4b9e1f0a7d84c1e9a3f5b6d7e8f9012", Type = "AttackSequence:ECS/CompromisedCluster" }

return campaign
