-- Ten services at once, in fibers that share variables: what comes after depends on the order of the answers.
return {
  name = "fault-parallel",
  about = "Changes in fibers.",
  trigger = { source = { "aws.guardduty" }, detail = { type = { "Fault:Test/Parallel", "Fault:Test/All" } } },
  permissions = { "ecs:ListServices", "ecs:Describe*", "ecs:*Service", "ec2:CreateTags", "ec2:Describe*" },
  lock = function(finding) return finding.account end,

  run = function(finding, run)
    local ec2, ecs, cluster, order = run.aws.ec2(), run.aws.ecs(), "shop-" .. finding.id, {}
    run:parallel(ecs:pages("list_services", { cluster = cluster }), function(service)
      ecs:update_service { cluster = cluster, service = service, desiredCount = 0 }
      order[#order + 1] = service:match("[^-]+$")
      ec2:create_tags {
        Resources = { "i-" .. finding.id },
        Tags = { { Key = run.id .. "/" .. #order, Value = table.concat(order, " ") } },
      }
      ecs:delete_service { cluster = cluster, service = service }
    end)
    run:evidence("order", order)
    ec2:create_tags { Resources = { "i-" .. finding.id }, Tags = { { Key = run.id, Value = table.concat(order, " ") } } }
  end,
}
