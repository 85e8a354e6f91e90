-- The remedies for instances and groups, each twice: the second time there is nothing to do.
local function twice(action, params)
  assert(action(params).changed, "the first time it changes something")
  assert(not action(params).changed, "the second time there is nothing to do")
end

return {
  name = "instances",
  trigger = { source = { "riposte.test" }, detail = { wanted = { "instances" } } },
  permissions = { "ec2:*", "autoscaling:*" },
  run = function(_, run)
    twice(run.actions.ec2.require_imdsv2, { instance = "i-0aaaaaaaaaaaaaaa1", hop_limit = 1 })
    twice(run.actions.ec2.enable_api_termination, { instance = "i-0aaaaaaaaaaaaaaa2" })
    twice(run.actions.ec2.terminate_instance, { instance = "i-0aaaaaaaaaaaaaaa3", snapshot = true })
    twice(run.actions.autoscaling.halt_group, { group = "halted" })
    twice(run.actions.autoscaling.delete_group, { group = "deleted" })
    local ok, err = pcall(run.actions.ec2.terminate_instance, { instances = "i-0aaaaaaaaaaaaaaa1" })
    assert(not ok and tostring(err):find("there is no parameter instances", 1, true), "a wrong parameter is told")
  end,
}
