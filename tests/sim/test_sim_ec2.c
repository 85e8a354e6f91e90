/* EC2 and Auto Scaling in the simulated account: protection, what comes back, what goes with an instance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lua/sim_transport.h"
#include "tests/sim/account.h"

#define EC2 "arn:aws:ec2:us-east-1:111122223333:"
#define ONE "i-00000000000000001"
#define TWO "i-00000000000000002"

static const char SEED[] =
    "{\"account\": \"111122223333\","
    " \"iam\": {\"roles\": [{\"RoleName\": \"w\", \"AssumeRolePolicyDocument\": {\"Statement\": []}}],"
    "   \"instanceProfiles\": [{\"InstanceProfileName\": \"w\", \"Roles\": [\"w\"]}, {\"InstanceProfileName\": \"v\"}]},"
    " \"ec2\": {\"instances\": ["
    "   {\"InstanceId\": \"" ONE
    "\", \"disableApiTermination\": true, \"IamInstanceProfile\": \"w\","
    "    \"Tags\": {\"team\": \"x\"}},"
    "   {\"InstanceId\": \"" TWO
    "\", \"Placement\": {\"AvailabilityZone\": \"us-east-1b\"}}],"
    "  \"launchTemplates\": [{\"LaunchTemplateName\": \"gpu\", \"LaunchTemplateData\": {\"ImageId\": \"ami-1\","
    "    \"InstanceType\": \"g5.xlarge\"}}]},"
    " \"autoscaling\": {\"groups\": [{\"AutoScalingGroupName\": \"miners\", \"MinSize\": 1, \"MaxSize\": 9,"
    "    \"DesiredCapacity\": 2, \"LaunchTemplate\": {\"LaunchTemplateName\": \"gpu\", \"Version\": \"$Latest\"},"
    "    \"Tags\": {\"team\": \"m\"}}]}}";

static int setup(void **state)
{
    static account a;
    account_open(&a, SEED);
    *state = &a;
    return 0;
}

static int teardown(void **state)
{
    account_close(*state);
    return 0;
}

static void test_a_protected_instance_is_not_terminated(void **state)
{
    account *a = *state;
    account_fails(a, "OperationNotPermitted", "ec2", "terminate_instances", "{\"InstanceIds\": [\"" ONE "\"]}");
    account_do(a, "ec2", "modify_instance_attribute",
               "{\"InstanceId\": \"" ONE "\", \"DisableApiTermination\": {\"Value\": false}}");
    json_t *gone = account_call(a, "ec2", "terminate_instances", "{\"InstanceIds\": [\"" ONE "\"]}");
    assert_string_equal(text_at(gone, "TerminatingInstances.0.CurrentState.Name"), "shutting-down");
    account_wait(a, 20000);
    account_lacks(a, EC2 "instance/" ONE);
    json_t *left = account_call(a, "ec2", "describe_instances", "{\"InstanceIds\": [\"" ONE "\"]}");
    assert_string_equal(text_at(left, "Reservations.0.Instances.0.State.Name"), "terminated");
    json_decref(gone);
    json_decref(left);
}

static void test_protection_holds_its_zone_only(void **state)
{
    account *a = *state;
    account_fails(a, "OperationNotPermitted", "ec2", "terminate_instances",
                  "{\"InstanceIds\": [\"" ONE "\", \"" TWO "\"]}");
    account_wait(a, 20000);
    account_has(a, EC2 "instance/" ONE, "State.Name", "\"running\"");
    account_lacks(a, EC2 "instance/" TWO);
}

static void test_a_dry_run_tells_that_it_would_have_worked(void **state)
{
    assert_int_equal(account_fails(*state, "DryRunOperation", "ec2", "terminate_instances",
                                   "{\"InstanceIds\": [\"" TWO "\"], \"DryRun\": true}"),
                     412);
    account_has(*state, EC2 "instance/" TWO, "State.Name", "\"running\"");
}

static void test_unknown_instances_and_filters_are_told(void **state)
{
    account_fails(*state, "InvalidInstanceID.NotFound", "ec2", "describe_instances", "{\"InstanceIds\": [\"i-9\"]}");
    account_fails(*state, "InvalidParameterValue", "ec2", "describe_instances",
                  "{\"Filters\": [{\"Name\": \"colour\", \"Values\": [\"red\"]}]}");
}

static void test_instances_are_found_by_tag_and_state(void **state)
{
    account *a = *state;
    json_t *found = account_call(a, "ec2", "describe_instances",
                                 "{\"Filters\": [{\"Name\": \"tag:team\", \"Values\": [\"x*\"]},"
                                 " {\"Name\": \"instance-state-name\", \"Values\": [\"running\"]}]}");
    assert_int_equal(json_array_size(json_object_get(found, "Reservations")), 1);
    assert_string_equal(text_at(found, "Reservations.0.Instances.0.InstanceId"), ONE);
    json_decref(found);
}

static void test_metadata_options_change_and_show(void **state)
{
    account *a = *state;
    account_do(a, "ec2", "modify_instance_metadata_options",
               "{\"InstanceId\": \"" ONE "\", \"HttpTokens\": \"required\", \"HttpPutResponseHopLimit\": 1}");
    account_has(a, EC2 "instance/" ONE, "MetadataOptions.HttpTokens", "\"required\"");
    json_t *attribute = account_call(a, "ec2", "describe_instance_attribute",
                                     "{\"InstanceId\": \"" ONE "\", \"Attribute\": \"disableApiTermination\"}");
    assert_true(json_is_true(value_at(attribute, "DisableApiTermination.Value")));
    json_decref(attribute);
}

static void test_a_snapshot_of_a_volume_completes(void **state)
{
    account *a = *state;
    json_t *volumes =
        account_call(a, "ec2", "describe_volumes",
                     "{\"Filters\": [{\"Name\": \"attachment.instance-id\", \"Values\": [\"" ONE "\"]}]}");
    json_t *made =
        account_call(a, "ec2", "create_snapshot",
                     "{\"VolumeId\": \"%s\", \"Description\": \"evidence\", \"TagSpecifications\":"
                     " [{\"ResourceType\": \"snapshot\", \"Tags\": [{\"Key\": \"run\", \"Value\": \"1\"}]}]}",
                     text_at(volumes, "Volumes.0.VolumeId"));
    assert_string_equal(text_at(made, "State"), "pending");
    account_wait(a, 60000);
    json_t *done =
        account_call(a, "ec2", "describe_snapshots", "{\"SnapshotIds\": [\"%s\"]}", text_at(made, "SnapshotId"));
    assert_string_equal(text_at(done, "Snapshots.0.State"), "completed");
    account_fails(a, "VolumeInUse", "ec2", "delete_volume", "{\"VolumeId\": \"%s\"}",
                  text_at(volumes, "Volumes.0.VolumeId"));
    json_decref(volumes);
    json_decref(made);
    json_decref(done);
}

static void test_an_instance_has_one_profile_at_a_time(void **state)
{
    account *a = *state;
    account_fails(a, "IncorrectState", "ec2", "associate_iam_instance_profile",
                  "{\"InstanceId\": \"" ONE "\", \"IamInstanceProfile\": {\"Name\": \"v\"}}");
    json_t *held = account_call(a, "ec2", "describe_iam_instance_profile_associations",
                                "{\"Filters\": [{\"Name\": \"instance-id\", \"Values\": [\"" ONE "\"]}]}");
    const char *id = text_at(held, "IamInstanceProfileAssociations.0.AssociationId");
    account_do(a, "ec2", "replace_iam_instance_profile_association",
               "{\"AssociationId\": \"%s\", \"IamInstanceProfile\": {\"Name\": \"v\"}}", id);
    account_fails(a, "NoSuchAssociation", "ec2", "disassociate_iam_instance_profile", "{\"AssociationId\": \"%s\"}",
                  id);
    account_has(a, EC2 "instance/" ONE, "IamInstanceProfile.Arn", "\"arn:aws:iam::111122223333:instance-profile/v\"");
    json_decref(held);
}

static void test_tags_and_groups_and_templates_answer(void **state)
{
    account *a = *state;
    account_do(a, "ec2", "create_tags",
               "{\"Resources\": [\"" ONE "\"], \"Tags\": [{\"Key\": \"a\", \"Value\": \"b\"}]}");
    account_do(a, "ec2", "delete_tags", "{\"Resources\": [\"" ONE "\"], \"Tags\": [{\"Key\": \"team\"}]}");
    json_t *tags = account_call(a, "ec2", "describe_tags",
                                "{\"Filters\": [{\"Name\": \"resource-id\", \"Values\": [\"" ONE "\"]}]}");
    assert_int_equal(json_array_size(json_object_get(tags, "Tags")), 1);
    account_do(a, "ec2", "describe_launch_templates", "{\"LaunchTemplateNames\": [\"gpu\"]}");
    account_do(
        a, "ec2", "create_launch_template_version",
        "{\"LaunchTemplateName\": \"gpu\", \"SourceVersion\": \"1\", \"LaunchTemplateData\": {\"KeyName\": \"k\"}}");
    json_t *versions = account_call(a, "ec2", "describe_launch_template_versions",
                                    "{\"LaunchTemplateName\": \"gpu\", \"Versions\": [\"$Latest\"]}");
    assert_string_equal(text_at(versions, "LaunchTemplateVersions.0.LaunchTemplateData.ImageId"), "ami-1");
    json_t *group =
        account_call(a, "ec2", "create_security_group", "{\"GroupName\": \"q\", \"Description\": \"quarantine\"}");
    account_do(a, "ec2", "authorize_security_group_ingress",
               "{\"GroupId\": \"%s\", \"IpPermissions\": [{\"IpProtocol\": \"tcp\", \"FromPort\": 22, \"ToPort\": 22,"
               " \"IpRanges\": [{\"CidrIp\": \"0.0.0.0/0\"}]}]}",
               text_at(group, "GroupId"));
    account_do(a, "ec2", "describe_security_groups", "{}");
    account_do(a, "ec2", "describe_vpcs", "{}");
    account_do(a, "ec2", "describe_subnets", "{}");
    account_do(a, "ec2", "describe_regions", "{}");
    account_do(a, "ec2", "describe_instance_status", "{}");
    account_do(a, "ec2", "stop_instances", "{\"InstanceIds\": [\"" TWO "\"]}");
    account_wait(a, 20000);
    account_do(a, "ec2", "start_instances", "{\"InstanceIds\": [\"" TWO "\"]}");
    json_t *run =
        account_call(a, "ec2", "run_instances",
                     "{\"LaunchTemplate\": {\"LaunchTemplateName\": \"gpu\"}, \"MinCount\": 1, \"MaxCount\": 2}");
    assert_int_equal(json_array_size(json_object_get(run, "Instances")), 2);
    json_decref(tags);
    json_decref(versions);
    json_decref(group);
    json_decref(run);
}

#define DOOR "\"IpPermissions\": [{\"IpProtocol\": \"tcp\", \"FromPort\": 22, \"ToPort\": 22, \"IpRanges\": ["
#define HERE "{\"CidrIp\": \"198.51.100.0/24\"}"
#define THERE "{\"CidrIp\": \"203.0.113.0/24\"}"

static json_t *rules_of(account *a, const char *group)
{
    return account_call(a, "ec2", "describe_security_group_rules",
                        "{\"Filters\": [{\"Name\": \"group-id\", \"Values\": [\"%s\"]}]}", group);
}

static void test_a_rule_of_a_group_has_an_id_and_goes_by_it(void **state)
{
    static const char ID[] = "SecurityGroupRules.0.SecurityGroupRuleId";
    account *a = *state;
    json_t *made =
        account_call(a, "ec2", "create_security_group", "{\"GroupName\": \"door\", \"Description\": \"of rules\"}");
    const char *group = text_at(made, "GroupId");
    account_do(a, "ec2", "authorize_security_group_ingress",
               "{\"GroupName\": \"door\", " DOOR HERE ", " THERE "]}]}"); /* of the default VPC: by its name */
    json_t *before = rules_of(a, group);
    assert_int_equal(json_array_size(value_at(before, "SecurityGroupRules")), 3); /* and what is let out */
    assert_string_equal(text_at(before, "SecurityGroupRules.0.CidrIpv4"), "198.51.100.0/24");
    account_do(a, "ec2", "revoke_security_group_ingress", "{\"GroupId\": \"%s\", \"SecurityGroupRuleIds\": [\"%s\"]}",
               group, text_at(before, ID));
    account_fails(a, "InvalidSecurityGroupRuleId.NotFound", "ec2", "describe_security_group_rules",
                  "{\"SecurityGroupRuleIds\": [\"%s\"]}", text_at(before, ID));
    account_fails(a, "InvalidSecurityGroupRuleId.NotFound", "ec2", "revoke_security_group_ingress",
                  "{\"GroupId\": \"%s\", \"SecurityGroupRuleIds\": [\"%s\"]}", group, text_at(before, ID));
    json_t *after = rules_of(a, group);
    assert_string_equal(text_at(after, ID), text_at(before, "SecurityGroupRules.1.SecurityGroupRuleId"));
    account_do(a, "ec2", "revoke_security_group_ingress", "{\"GroupId\": \"%s\", " DOOR THERE "]}]}", group);
    account_do(a, "ec2", "authorize_security_group_ingress", "{\"GroupId\": \"%s\", " DOOR THERE "]}]}", group);
    json_t *again = rules_of(a, group);
    assert_string_equal(text_at(again, "SecurityGroupRules.0.CidrIpv4"), "203.0.113.0/24");
    assert_string_not_equal(text_at(again, ID), text_at(after, ID));
    account_fails(a, "InvalidGroup.NotFound", "ec2", "describe_security_groups", "{\"GroupNames\": [\"gate\"]}");
    json_decref(made);
    json_decref(before);
    json_decref(after);
    json_decref(again);
}

/* Auto Scaling. */

static json_t *miners(account *a)
{
    return account_call(a, "autoscaling", "describe_auto_scaling_groups", "{\"AutoScalingGroupNames\": [\"miners\"]}");
}

static void test_a_group_replaces_an_instance_that_was_terminated(void **state)
{
    account *a = *state;
    json_t *before = miners(a);
    const char *id = text_at(before, "AutoScalingGroups.0.Instances.0.InstanceId");
    account_do(a, "ec2", "terminate_instances", "{\"InstanceIds\": [\"%s\"]}", id);
    account_wait(a, 60000);
    json_t *after = miners(a);
    assert_int_equal(json_array_size(value_at(after, "AutoScalingGroups.0.Instances")), 2);
    assert_string_not_equal(text_at(after, "AutoScalingGroups.0.Instances.0.InstanceId"), id);
    assert_string_not_equal(text_at(after, "AutoScalingGroups.0.Instances.1.InstanceId"), id);
    json_decref(before);
    json_decref(after);
}

static void test_a_group_with_instances_is_deleted_only_by_force(void **state)
{
    account *a = *state;
    account_fails(a, "ResourceInUse", "autoscaling", "delete_auto_scaling_group",
                  "{\"AutoScalingGroupName\": \"miners\"}");
    account_do(a, "autoscaling", "delete_auto_scaling_group",
               "{\"AutoScalingGroupName\": \"miners\", \"ForceDelete\": true}");
    account_wait(a, 60000);
    json_t *after = miners(a);
    assert_int_equal(json_array_size(json_object_get(after, "AutoScalingGroups")), 0);
    json_decref(after);
}

static void test_a_group_at_zero_empties_and_goes(void **state)
{
    account *a = *state;
    account_fails(a, "ValidationError", "autoscaling", "set_desired_capacity",
                  "{\"AutoScalingGroupName\": \"miners\", \"DesiredCapacity\": 0}");
    account_do(a, "autoscaling", "update_auto_scaling_group",
               "{\"AutoScalingGroupName\": \"miners\", \"MinSize\": 0, \"MaxSize\": 0, \"DesiredCapacity\": 0}");
    account_wait(a, 60000);
    account_do(a, "autoscaling", "delete_auto_scaling_group", "{\"AutoScalingGroupName\": \"miners\"}");
    account_wait(a, 10000);
    account_fails(a, "ValidationError", "autoscaling", "set_desired_capacity",
                  "{\"AutoScalingGroupName\": \"miners\", \"DesiredCapacity\": 0}");
}

static void test_a_group_whose_launches_are_suspended_replaces_nothing(void **state)
{
    account *a = *state;
    account_do(a, "autoscaling", "suspend_processes",
               "{\"AutoScalingGroupName\": \"miners\", \"ScalingProcesses\": [\"Launch\"]}");
    json_t *before = miners(a);
    account_do(a, "ec2", "terminate_instances", "{\"InstanceIds\": [\"%s\"]}",
               text_at(before, "AutoScalingGroups.0.Instances.0.InstanceId"));
    account_wait(a, 60000);
    json_t *after = miners(a);
    assert_int_equal(json_array_size(value_at(after, "AutoScalingGroups.0.Instances")), 1);
    json_decref(before);
    json_decref(after);
}

static void test_groups_tags_and_configurations_answer(void **state)
{
    account *a = *state;
    account_do(a, "autoscaling", "create_launch_configuration",
               "{\"LaunchConfigurationName\": \"c\", \"ImageId\": \"ami-1\", \"InstanceType\": \"t3.micro\"}");
    account_do(a, "autoscaling", "create_auto_scaling_group",
               "{\"AutoScalingGroupName\": \"g\", \"LaunchConfigurationName\": \"c\", \"MinSize\": 1, \"MaxSize\": 1,"
               " \"AvailabilityZones\": [\"us-east-1a\"]}");
    account_fails(a, "ResourceInUse", "autoscaling", "delete_launch_configuration",
                  "{\"LaunchConfigurationName\": \"c\"}");
    account_do(a, "autoscaling", "describe_launch_configurations", "{}");
    account_do(a, "autoscaling", "describe_auto_scaling_instances", "{}");
    json_t *tags = account_call(a, "autoscaling", "describe_tags",
                                "{\"Filters\": [{\"Name\": \"auto-scaling-group\", \"Values\": [\"miners\"]}]}");
    assert_string_equal(text_at(tags, "Tags.0.Value"), "m");
    account_wait(a, 30000);
    json_t *made =
        account_call(a, "autoscaling", "describe_auto_scaling_groups", "{\"AutoScalingGroupNames\": [\"g\"]}");
    assert_string_equal(text_at(made, "AutoScalingGroups.0.Instances.0.LifecycleState"), "InService");
    json_decref(tags);
    json_decref(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_protected_instance_is_not_terminated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_protection_holds_its_zone_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_dry_run_tells_that_it_would_have_worked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_instances_and_filters_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instances_are_found_by_tag_and_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metadata_options_change_and_show, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_snapshot_of_a_volume_completes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_instance_has_one_profile_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tags_and_groups_and_templates_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_rule_of_a_group_has_an_id_and_goes_by_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_group_replaces_an_instance_that_was_terminated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_group_with_instances_is_deleted_only_by_force, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_group_at_zero_empties_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_group_whose_launches_are_suspended_replaces_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_groups_tags_and_configurations_answer, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
