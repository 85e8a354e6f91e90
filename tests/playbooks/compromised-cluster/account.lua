local ACTOR = "arn:aws:iam::123456789012:user/ci-deploy"
local NETWORK = { awsvpcConfiguration = { subnets = { "subnet-0shop1" } } }

local function definition(family, image, fields)
  local result = {
    family = family, networkMode = "awsvpc", requiresCompatibilities = { "FARGATE" }, cpu = "256", memory = "512",
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

local metrics = service("metrics", "metrics", "2025-11-02T14:06:00Z", ACTOR)

return {
  account = "123456789012",
  iam = {
    users = { { UserName = "ci-deploy", AccessKeys = { { AccessKeyId = "AKIAIOSFODNN7EXAMPLE", Status = "Active" } } } },
  },
  ecs = {
    taskDefinitions = {
      definition("web", "shop/web:4.2"),
      definition("metrics", "yenik65958/secret:user", { registeredAt = "2025-11-02T14:05:00Z", registeredBy = ACTOR }),
    },
    clusters = {
      { clusterName = "shop", services = { service("web", "web", "2025-08-20T10:00:00Z"), metrics } },
      { clusterName = "elsewhere", services = { metrics } },
    },
  },
  guardduty = {
    DetectorId = "12abc34d567e8fa901bc2d34e56789f0",
    findings = { { Id = "c4b9e1f0a7d84c1e9a3f5b6d7e8f9012", Type = "AttackSequence:ECS/CompromisedCluster" } },
  },
}
