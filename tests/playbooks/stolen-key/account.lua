local function user(name, key)
  return { UserName = name, AccessKeys = { { AccessKeyId = key, Status = "Active" } } }
end

return {
  account = "123456789012",
  iam = { users = { user("ci-deploy", "AKIAIOSFODNN7EXAMPLE"), user("alice", "AKIAALICEEXAMPLE0001") } },
  guardduty = {
    DetectorId = "12abc34d567e8fa901bc2d34e56789f0",
    findings = { { Id = "9ab3c1f0a7d84c1e9a3f5b6d7e8f9077", Type = "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom" } },
  },
}
