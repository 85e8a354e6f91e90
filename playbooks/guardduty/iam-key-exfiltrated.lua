-- A user's access key is used by somebody else. The key is turned off, the user denied everything, and sessions that were
-- made with it are revoked: all of it can be undone in a minute when the user turns out to have been on a journey.
local attacks = require "riposte.attack"
local credentials = require "riposte.attack.credentials"

return {
  name = "iam-key-exfiltrated",
  about = "Lock a user or role whose credentials GuardDuty sees in somebody else's hands.",
  trigger = {
    source = { "aws.guardduty" },
    ["detail-type"] = { "GuardDuty Finding" },
    detail = {
      type = {
        { prefix = "UnauthorizedAccess:IAMUser/" },
        { prefix = "CredentialAccess:IAMUser/" },
        { prefix = "Exfiltration:IAMUser/" },
        { prefix = "AttackSequence:IAM/" },
      },
      severity = { { numeric = { ">=", 7 } } },
    },
  },
  permissions = {
    "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed", "iam:GetUserPolicy", "iam:GetRolePolicy", "iam:UpdateAccessKey",
    "iam:PutUserPolicy", "iam:PutRolePolicy",
    "guardduty:ArchiveFindings", "guardduty:UpdateFindingsFeedback",
  },
  limits = { changes = 50, time = "5m" },
  lock = function(finding) return finding.account .. "/iam" end,

  run = function(finding, run)
    local attack = attacks.of(finding, run)
    if #attack.user_list + #attack.role_list == 0 then
      run:left_alone(finding.id, "the finding names no user or role: the account's root user can't be locked from inside")
      return finding:notify("Its credentials can't be locked: see run " .. run.id)
    end
    run:phase("credentials", function() credentials.lock(attack) end)
    finding:notify(("%d users and %d roles are locked: see run %s"):format(#attack.user_list, #attack.role_list, run.id))
  end,
}
