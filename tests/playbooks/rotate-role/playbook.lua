-- Rotates a role that an instance profile, a function and a service use; a second time there is nothing to do.
return {
  name = "rotate-role",
  trigger = { source = { "riposte.test" }, detail = { wanted = { "rotate-role" } } },
  permissions = { "iam:*", "ecs:*", "lambda:*" },
  run = function(_, run)
    local first = run.actions.iam.rotate_role { role = "worker" }
    assert(first.changed and first.role:find("^worker%-r%x+$"), "the fresh role is named after the old one")
    local again = run.actions.iam.rotate_role { role = "worker" }
    assert(not again.changed and again.why == "the role is locked already", "a second rotation does nothing")
  end,
}
