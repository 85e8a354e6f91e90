-- ECS.3: a task definition shares the host's process namespace with its containers, which then see and may signal every
-- process of the host. The remedy is a corrected revision in which a task's containers share a namespace of their own
-- ("task", so that sidecars that look at their neighbours go on working), the services moved to it, and the bad revision
-- deregistered. All of it can be undone.
return {
  name = "ecs-3-host-pid",
  about = "ECS.3: give a task definition its own process namespace, and move its services.",
  trigger = {
    source = { "aws.securityhub" },
    ["detail-type"] = { "Security Hub Findings - Imported" },
    detail = {
      findings = {
        Compliance = { SecurityControlId = { "ECS.3" }, Status = { "FAILED" } },
        RecordState = { "ACTIVE" },
        Workflow = { Status = { "NEW", "NOTIFIED" } },
      },
    },
  },
  permissions = {
    "ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition", "ecs:TagResource",
    "ecs:ListClusters", "ecs:ListServices", "ecs:DescribeServices", "ecs:UpdateService",
    "iam:PassRole",
    "securityhub:BatchUpdateFindings",
  },
  limits = { changes = 200, time = "30m" },
  lock = function(finding) return finding.account .. "/" .. finding.region .. "/ecs" end,

  run = function(finding, run)
    for resource in finding:resources("ecs-task-definition") do
      local revised = run.actions.ecs.revise_task_definition {
        task_definition = resource.arn,
        revise = function(request)
          if request.pidMode == "host" then request.pidMode = "task" end
        end,
      }
      if revised.changed then
        finding:resolve(("%s replaces it, with pidMode task; %d services moved: see run %s"):format(
          revised.task_definition, #revised.services, run.id))
      else
        finding:resolve(("Nothing to correct (%s): see run %s"):format(revised.why, run.id))
      end
    end
  end,
}
