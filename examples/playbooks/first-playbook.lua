-- A first playbook: Security Hub says that an ECS service gives its tasks public addresses (ECS.2); it gets none any more.
return {
  name = "first-playbook",
  about = "ECS.2: take the public addresses from a service's tasks.",
  trigger = {
    source = { "aws.securityhub" },
    detail = { findings = { Compliance = { SecurityControlId = { "ECS.2" }, Status = { "FAILED" } } } },
  },
  permissions = { "ecs:DescribeServices", "ecs:UpdateService", "securityhub:BatchUpdateFindings" },

  run = function(finding, run)
    local ecs = run.aws.ecs()
    for resource in finding:resources("ecs-service") do
      local cluster = resource.arn:match(":service/([^/]+)/")
      local service = ecs:describe_services({ cluster = cluster, services = { resource.arn } }).services[1]
      local network = service.networkConfiguration.awsvpcConfiguration
      if network.assignPublicIp == "ENABLED" then
        network.assignPublicIp = "DISABLED"
        ecs:update_service {
          cluster = cluster,
          service = resource.arn,
          networkConfiguration = { awsvpcConfiguration = network },
        }
        ecs:wait("services_stable", { cluster = cluster, services = { resource.arn } })
      end
    end
    finding:resolve("Its tasks have no public addresses any more: see run " .. run.id)
  end,
}
