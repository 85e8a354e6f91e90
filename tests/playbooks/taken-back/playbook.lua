-- Does a bit of everything that can be taken back, in two fibers.
return {
  name = "taken-back",
  trigger = { source = { "riposte.test" }, detail = { wanted = { "taken-back" } } },
  permissions = { "iam:*", "ecs:*", "ec2:*", "lambda:*", "autoscaling:*" },
  run = function(_, run)
    local actions = run.actions
    run:parallel({
      function()
        actions.iam.deactivate_key { user = "ci", key = "AKIAIOSFODNN7EXAMPLE" }
        actions.iam.deny_all { user = "ci" }
        actions.iam.delete_user { user = "visitor" }
        actions.ec2.require_imdsv2 { instance = "i-0aaaaaaaaaaaaaaa1" }
        actions.lambda.throttle_function { name = "free" }
      end,
      function()
        actions.ecs.delete_cluster { cluster = "spare" }
        actions.ecs.revise_task_definition {
          task_definition = "web:1",
          revise = function(request) request.pidMode = nil end,
        }
        actions.autoscaling.halt_group { group = "workers" }
      end,
    }, function(part) part() end)
  end,
}
