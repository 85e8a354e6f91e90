-- The account at 14:24: the shop's own things, and what was made with ci-deploy's stolen key since 14:02.
local campaign = require "campaign"
local shop = require "shop"

return {
  account = "123456789012",
  region = "us-east-1",
  iam = {
    users = { shop.users[1], shop.users[2], shop.users[3], campaign.user },
    roles = campaign.with(shop.roles, { campaign.role }),
    instanceProfiles = shop.instance_profiles,
  },
  ecs = {
    taskDefinitions = campaign.with(shop.task_definitions, campaign.task_definitions),
    clusters = campaign.with(shop.clusters, campaign.clusters),
  },
  ec2 = {
    instances = campaign.with(shop.instances, campaign.instances),
    launchTemplates = campaign.with(shop.launch_templates, campaign.launch_templates),
  },
  autoscaling = { groups = campaign.with(shop.groups, campaign.groups) },
  lambda = { functions = campaign.with(shop.functions, campaign.functions) },
  guardduty = { DetectorId = "12abc34d567e8fa901bc2d34e56789f0", findings = { campaign.finding } },
  cloudtrail = { events = campaign.events },
}
