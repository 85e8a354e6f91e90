-- EC2.8: an instance answers metadata requests without a session token, so that a server-side request forgery, or a
-- container, can take its role's credentials. The remedy is IMDSv2 with a hop limit of one, which also keeps containers on
-- a bridge network from the instance's role. Software older than 2019's SDKs stops getting credentials: so `approve`.
return {
  name = "ec2-8-imdsv2",
  about = "EC2.8: require IMDSv2 of an instance, and keep its metadata from containers.",
  trigger = {
    source = { "aws.securityhub" },
    ["detail-type"] = { "Security Hub Findings - Imported" },
    detail = {
      findings = {
        Compliance = { SecurityControlId = { "EC2.8" }, Status = { "FAILED" } },
        RecordState = { "ACTIVE" },
        Workflow = { Status = { "NEW", "NOTIFIED" } },
      },
    },
  },
  permissions = {
    "ec2:DescribeInstances", "ec2:ModifyInstanceMetadataOptions", "securityhub:BatchUpdateFindings",
  },
  mode = "approve",
  limits = { changes = 10, time = "10m" },
  lock = function(finding) return finding.account .. "/" .. finding.region .. "/" .. finding.id end,

  run = function(finding, run)
    for resource in finding:resources("ec2-instance") do
      run.actions.ec2.require_imdsv2 { instance = resource.id:match("i%-%x+"), hop_limit = 1 }
    end
    finding:resolve("IMDSv2 is required, with a hop limit of 1: see run " .. run.id)
  end,
}
