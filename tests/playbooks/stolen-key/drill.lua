local IAM = "arn:aws:iam::123456789012:"

return {
  name = "stolen-key",
  about = "A key in somebody else's hands is turned off and its user locked; another user is not touched.",
  account = "account.lua",
  start = "2025-11-02T14:24:00Z",
  playbooks = { "../../../playbooks/guardduty/iam-key-exfiltrated.lua" },
  events = { "finding.json" },
  expect = {
    runs = { ["iam-key-exfiltrated"] = "done" },
    kept = { IAM .. "user/alice*" },
    changed = {
      [IAM .. "user/ci-deploy"] = { UserName = "ci-deploy" },
      [IAM .. "user/ci-deploy/access-key/AKIAIOSFODNN7EXAMPLE"] = { Status = "Inactive" },
    },
    untouched = true,
    order = { "credentials" },
  },
}
