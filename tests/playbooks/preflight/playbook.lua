-- Asks about the changes that the finding brings, and tells the verdicts.
local preflight = require "riposte.preflight"

return {
  name = "preflight",
  trigger = { source = { "riposte.test" } },
  permissions = { "iam:*", "sts:*", "ec2:*" },
  run = function(finding, run)
    for _, each in ipairs(preflight(run, finding.changes)) do
      run:log(("%s %s %s"):format(each.step, each.verdict, each.why))
    end
  end,
}
