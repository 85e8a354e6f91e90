-- Waits, the clock, chance, a failure that is expected, and changes whose parameters come from them.
return {
  name = "fault-waits",
  about = "What a second try would see differently.",
  trigger = { source = { "aws.guardduty" }, detail = { type = { "Fault:Test/Waits", "Fault:Test/All" } } },
  permissions = { "ec2:CreateTags", "ec2:Describe*", "iam:DeleteUser", "iam:Get*", "iam:List*" },

  run = function(finding, run)
    local ec2, iam = run.aws.ec2(), run.aws.iam()
    local function tag(key, value)
      ec2:create_tags { Resources = { "i-" .. finding.id }, Tags = { { Key = run.id .. "/" .. key, Value = tostring(value) } } }
    end
    tag("began", run:now())
    run:sleep(run:random(4))
    tag("uuid", run:uuid())
    local ok, err = pcall(iam.delete_user, iam, { UserName = "nobody-" .. finding.id })
    if not ok and err.retryable then error(err, 0) end
    tag("failure", ok and "it was gone" or err.code)
    run:wait_until(function()
      return #ec2:describe_tags({ Filters = { { Name = "resource-id", Values = { "i-" .. finding.id } } } }).Tags >= 3
    end, { every = "1s" })
    run:sleep("2s")
    run:log("waited", { until_ms = run:now() })
    tag("ended", run:now())
  end,
}
