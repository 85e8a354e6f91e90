-- What is planned depends on the world: services that are started between a plan and its approval are in no plan yet.
return {
  name = "fault-plan",
  about = "Changes that a person approves.",
  trigger = { source = { "aws.guardduty" }, detail = { type = { "Fault:Test/Plan" } } },
  permissions = { "ecs:ListServices", "ecs:Describe*", "ecs:UpdateService", "ecs:RunTask" },

  run = function(finding, run)
    local ecs, cluster = run.aws.ecs(), "shop-" .. finding.id
    for service in ecs:pages("list_services", { cluster = cluster }) do
      local told = ecs:describe_services { cluster = cluster, services = { service } }
      if told.services[1].desiredCount > 0 then
        ecs:update_service { cluster = cluster, service = service, desiredCount = 0 }
      end
    end
    ecs:run_task { cluster = "main", taskDefinition = "scanner", startedBy = finding.id }
  end,
}
