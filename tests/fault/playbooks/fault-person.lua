-- A change that cannot be told from the world by any rule: where its answer never came, a person must look.
return {
  name = "fault-person",
  about = "A change that only a person can settle.",
  trigger = { source = { "aws.guardduty" }, detail = { type = { "Fault:Test/Person", "Fault:Test/All" } } },
  permissions = { "ec2:AllocateAddress", "ec2:DescribeAddresses" },

  run = function(finding, run)
    local ec2 = run.aws.ec2()
    if #ec2:describe_addresses({ Filters = { { Name = "tag:finding", Values = { finding.id } } } }).Addresses > 0 then return end
    ec2:allocate_address {
      Domain = "vpc",
      TagSpecifications = { { ResourceType = "elastic-ip", Tags = { { Key = "finding", Value = finding.id } } } },
    }
  end,
}
