/* Findings in one shape, whatever form they came in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/finding/private.h"

static json_t *normalised(const char *event)
{
    json_t *finding = NULL;
    rip_error err;
    if (finding_normalise(event, strlen(event), NULL, &finding, &err) != RIP_OK) fail_msg("%s", err.message);
    return finding;
}

static void expect_fault(const char *event, const char *message)
{
    json_t *finding = NULL;
    rip_error err;
    assert_int_equal(finding_normalise(event, strlen(event), NULL, &finding, &err), RIP_EINVAL);
    assert_null(finding);
    if (!strstr(err.message, message)) fail_msg("%s", err.message);
}

static void expect(const json_t *finding, const char *path, const char *value)
{
    const char *found = field_text(finding, path);
    if (!found || strcmp(found, value) != 0) fail_msg("%s: %s instead of %s", path, found ? found : "nothing", value);
}

static const json_t *resource(const json_t *finding, size_t index)
{
    return json_array_get(json_object_get(finding, "resources"), index);
}

#define GUARDDUTY(detail)                                                                                                                         \
    "{\"source\":\"aws.guardduty\",\"detail-type\":\"GuardDuty Finding\",\"id\":\"event\",\"account\":\"999999999999\",\"region\":\"eu-west-1\"," \
    "\"detail\":{\"id\":\"f\",\"type\":\"T:X/Y\",\"accountId\":\"123456789012\",\"region\":\"us-east-1\",\"severity\":8.5,"                       \
    "\"updatedAt\":\"2026-01-02T00:00:00Z\",\"title\":\"a\\nb\"," detail "}}"

#define HUB(finding)                                                                                                                      \
    "{\"source\":\"aws.securityhub\",\"detail-type\":\"Security Hub Findings - Imported\",\"id\":\"event\",\"account\":\"999999999999\"," \
    "\"region\":\"eu-west-1\",\"detail\":{\"findings\":[{" finding "}]}}"

#define ASFF                                                                                                                               \
    "\"Id\":\"f\",\"ProductArn\":\"arn:aws-us-gov:securityhub:us-gov-west-1::product/aws/securityhub\",\"AwsAccountId\":\"123456789012\"," \
    "\"UpdatedAt\":\"2026-01-02T00:00:00Z\""

static void test_identity_account_and_region_are_the_findings_not_the_envelopes(void **state)
{
    (void)state;
    json_t *finding = normalised(GUARDDUTY("\"service\":{}"));
    expect(finding, "id", "f");
    expect(finding, "version", "2026-01-02T00:00:00Z");
    expect(finding, "account", "123456789012");
    expect(finding, "region", "us-east-1");
    json_decref(finding);
    finding = normalised(HUB(ASFF));
    expect(finding, "id", "f");
    expect(finding, "account", "123456789012");
    expect(finding, "region", "us-gov-west-1");
    expect(finding, "partition", "aws-us-gov");
    json_decref(finding);
}

static void test_a_guardduty_finding_tells_kind_severity_times_and_state(void **state)
{
    (void)state;
    json_t *finding =
        normalised(GUARDDUTY("\"service\":{\"archived\":true,\"eventFirstSeen\":\"t1\",\"eventLastSeen\":\"t2\"}"));
    expect(finding, "form", "guardduty");
    expect(finding, "source", "aws.guardduty");
    expect(finding, "kind", "T:X/Y");
    expect(finding, "title", "a b"); /* one line */
    expect(finding, "severity.label", "HIGH");
    assert_int_equal(json_integer_value(field_get(finding, "severity.score")), 85);
    expect(finding, "first_seen", "t1");
    expect(finding, "last_seen", "t2");
    expect(finding, "record", "ARCHIVED");
    expect(finding, "event.detail.id", "f");
    json_decref(finding);
}

static void test_guardduty_resource_details_become_resources(void **state)
{
    (void)state;
    json_t *finding = normalised(GUARDDUTY(
        "\"resource\":{\"resourceType\":\"AccessKey\",\"accessKeyDetails\":{\"accessKeyId\":\"AKIA1\",\"userName\":\"bob\",\"userType\":\"IAMUser\"},"
        "\"instanceDetails\":{\"instanceId\":\"i-1\",\"tags\":[{\"key\":\"env\",\"value\":\"prod\"}]}}"));
    expect(resource(finding, 0), "type", "iam-access-key");
    expect(resource(finding, 0), "id", "AKIA1");
    expect(resource(finding, 1), "type", "iam-user");
    expect(resource(finding, 1), "arn", "arn:aws:iam::123456789012:user/bob");
    expect(resource(finding, 2), "type", "ec2-instance");
    expect(resource(finding, 2), "arn", "arn:aws:ec2:us-east-1:123456789012:instance/i-1");
    expect(resource(finding, 2), "tags.env", "prod");
    json_decref(finding);
}

static void test_an_ecs_finding_names_cluster_task_and_definition(void **state)
{
    (void)state;
    json_t *finding = normalised(GUARDDUTY(
        "\"resource\":{\"resourceType\":\"ECSCluster\",\"ecsClusterDetails\":{\"name\":\"c\",\"arn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/c\","
        "\"taskDetails\":{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:task/c/1\",\"definitionArn\":\"arn:aws:ecs:us-east-1:123456789012:task-"
        "definition/d:1\",\"containers\":[{\"name\":\"w\",\"image\":\"miner\"}]}}}"));
    expect(resource(finding, 0), "type", "ecs-cluster");
    expect(resource(finding, 1), "type", "ecs-task");
    expect(resource(finding, 2), "type", "ecs-task-definition");
    expect(resource(finding, 3), "type", "container");
    expect(resource(finding, 3), "data.image", "miner");
    json_decref(finding);
}

static void test_an_attack_sequence_brings_resources_actors_endpoints_and_indicators(void **state)
{
    (void)state;
    json_t *finding = normalised(GUARDDUTY(
        "\"service\":{\"detection\":{\"sequence\":{\"actors\":[{\"id\":\"a\"}],\"endpoints\":[{\"ip\":\"198.51.100.1\"}],\"sequenceIndicators\":["
        "{\"key\":\"ATTACK_TACTIC\"}],\"resources\":[{\"uid\":\"arn:aws:ecs:us-east-1:123456789012:cluster/c\",\"name\":\"c\",\"resourceType\":"
        "\"ECS_CLUSTER\",\"tags\":[],\"data\":{\"ecsCluster\":{\"status\":\"ACTIVE\"}}},{\"uid\":\"AKIA1\",\"resourceType\":\"ACCESS_KEY\","
        "\"data\":{\"accessKey\":{\"userName\":\"bob\"}}},{\"uid\":\"x\",\"resourceType\":\"AUTOSCALING_AUTO_SCALING_GROUP\"}]}}}"));
    expect(resource(finding, 0), "type", "ecs-cluster");
    expect(resource(finding, 0), "data.status", "ACTIVE");
    expect(resource(finding, 1), "type", "iam-access-key");
    expect(resource(finding, 1), "data.userName", "bob");
    expect(resource(finding, 2), "type", "autoscaling-group");
    assert_int_equal(json_array_size(json_object_get(finding, "actors")), 1);
    assert_int_equal(json_array_size(json_object_get(finding, "endpoints")), 1);
    assert_int_equal(json_array_size(json_object_get(finding, "indicators")), 1);
    json_decref(finding);
}

static void test_an_asff_finding_tells_control_resources_and_workflow(void **state)
{
    (void)state;
    json_t *finding = normalised(HUB(
        ASFF
        ",\"Compliance\":{\"SecurityControlId\":\"ECS.3\"},\"Severity\":{\"Label\":\"HIGH\"},\"Workflow\":{\"Status\":"
        "\"NOTIFIED\"},\"RecordState\":\"ARCHIVED\",\"Resources\":[{\"Type\":\"AwsEcsTaskDefinition\",\"Id\":\"arn:aws:"
        "ecs:us-east-1:1:task-definition/d:1\",\"Tags\":{\"a\":\"b\"},\"Details\":{\"AwsEcsTaskDefinition\":{\"PidMode\":"
        "\"host\"}}}]"));
    expect(finding, "form", "asff");
    expect(finding, "kind", "ECS.3");
    expect(finding, "severity.label", "HIGH");
    assert_int_equal(json_integer_value(field_get(finding, "severity.score")), 70);
    expect(finding, "workflow", "NOTIFIED");
    expect(finding, "record", "ARCHIVED");
    expect(resource(finding, 0), "type", "ecs-task-definition");
    expect(resource(finding, 0), "id", "d:1");
    expect(resource(finding, 0), "tags.a", "b");
    expect(resource(finding, 0), "data.PidMode", "host");
    json_decref(finding);
}

static void test_a_control_is_found_where_older_findings_hold_it(void **state)
{
    (void)state;
    json_t *finding = normalised(HUB(ASFF ",\"ProductFields\":{\"ControlId\":\"EC2.8\"}"));
    expect(finding, "kind", "EC2.8");
    json_decref(finding);
    finding = normalised(HUB(ASFF ",\"ProductFields\":{\"RuleId\":\"1.4\"},\"Types\":[\"t\"]"));
    expect(finding, "kind", "1.4");
    json_decref(finding);
    finding = normalised(HUB(ASFF ",\"Types\":[\"TTPs/Initial Access\"],\"GeneratorId\":\"g\""));
    expect(finding, "kind", "TTPs/Initial Access");
    json_decref(finding);
}

static void test_an_ocsf_finding_reads_like_the_others(void **state)
{
    (void)state;
    json_t *finding = normalised(HUB(
        "\"class_uid\":2003,\"metadata\":{\"uid\":\"m\"},\"finding_info\":{\"uid\":\"o\",\"title\":\"t\",\"modified_time\":1767225600000},"
        "\"compliance\":{\"control\":\"ECS.3\"},\"severity_id\":4,\"status_id\":4,\"cloud\":{\"account\":{\"uid\":\"123456789012\"},\"region\":"
        "\"us-east-1\"},\"resources\":[{\"type\":\"AWS::ECS::TaskDefinition\",\"uid\":\"arn:aws:ecs:us-east-1:1:task-definition/d:1\"}]"));
    expect(finding, "form", "ocsf");
    expect(finding, "id", "o");
    expect(finding, "kind", "ECS.3");
    expect(finding, "version", "2026-01-01T00:00:00.000Z");
    expect(finding, "severity.label", "HIGH");
    expect(finding, "workflow", "RESOLVED");
    expect(resource(finding, 0), "id", "d:1");
    json_decref(finding);
}

static void test_a_type_is_spelt_the_same_whatever_the_form(void **state)
{
    (void)state;
    static const char *const SAME[][3] = {
        {"AwsEcsTaskDefinition", "ECS_TASK_DEFINITION", "ecs-task-definition"},
        {"AwsEc2Instance", "EC2_INSTANCE", "ec2-instance"},
        {"AwsIamAccessKey", "ACCESS_KEY", "iam-access-key"},
        {"AwsS3Bucket", "S3_BUCKET", "s3-bucket"},
        {"AwsAutoScalingAutoScalingGroup", "AUTOSCALING_AUTO_SCALING_GROUP", "autoscaling-group"},
        {"AwsLambdaFunction", "LAMBDA_FUNCTION", "lambda-function"},
        {"AwsEcsCluster", "ECS_CLUSTER", "ecs-cluster"},
        {"AwsCloudTrailTrail", "CLOUDTRAIL_TRAIL", "cloudtrail-trail"},
        {"AwsDynamoDbTable", "DYNAMODB_TABLE", "dynamodb-table"},
    };
    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++) {
        char hub[128], duty[128];
        resource_type(SAME[i][0], hub, sizeof hub);
        resource_type(SAME[i][1], duty, sizeof duty);
        assert_string_equal(hub, SAME[i][2]);
        assert_string_equal(duty, SAME[i][2]);
    }
}

static void test_severity_has_security_hubs_bands(void **state)
{
    (void)state;
    static const struct {
        double score;
        const char *label;
    } BANDS[] = {{0, "INFORMATIONAL"}, {1, "LOW"},       {39.9, "LOW"},     {40, "MEDIUM"},
                 {70, "HIGH"},         {90, "CRITICAL"}, {250, "CRITICAL"}, {-3, "INFORMATIONAL"}};
    for (size_t i = 0; i < sizeof BANDS / sizeof *BANDS; i++) {
        json_t *severity = severity_of(BANDS[i].score);
        assert_string_equal(field_text(severity, "label"), BANDS[i].label);
        assert_in_range(json_integer_value(json_object_get(severity, "score")), 0, 100);
        json_decref(severity);
    }
}

static void test_numbers_beyond_any_scale_or_calendar_are_survived(void **state)
{
    (void)state;
    json_t *finding = normalised(HUB(ASFF ",\"Severity\":{\"Label\":\"HIGH\",\"Normalized\":1e300}"));
    assert_int_equal(json_integer_value(field_get(finding, "severity.score")), 100);
    json_decref(finding);
    finding = normalised(HUB(ASFF ",\"Severity\":{\"Label\":\"HIGH\",\"Normalized\":-1e300}"));
    assert_int_equal(json_integer_value(field_get(finding, "severity.score")), 0);
    json_decref(finding);
    char text[32];
    rip_time_format(INT64_MIN, text);
    rip_time_format(INT64_MAX, text);
    rip_time_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void test_a_cloudtrail_call_is_a_finding_of_its_name(void **state)
{
    (void)state;
    json_t *finding = normalised(
        "{\"source\":\"aws.ec2\",\"detail-type\":\"AWS API Call via CloudTrail\",\"id\":\"e\",\"account\":\"1\",\"region\":\"r\",\"detail\":{\"eventID\":"
        "\"c\",\"eventName\":\"RunInstances\",\"awsRegion\":\"cn-north-1\",\"recipientAccountId\":\"123456789012\",\"resources\":[{\"ARN\":\"arn:aws:s3:::"
        "b\",\"type\":\"AWS::S3::Bucket\"}]}}");
    expect(finding, "form", "cloudtrail");
    expect(finding, "id", "c");
    expect(finding, "kind", "RunInstances");
    expect(finding, "region", "cn-north-1");
    expect(finding, "partition", "aws-cn");
    expect(resource(finding, 0), "type", "s3-bucket");
    json_decref(finding);
}

static void test_any_other_event_is_taken_by_its_envelope(void **state)
{
    (void)state;
    json_t *finding = normalised(
        "{\"source\":\"aws.ec2\",\"detail-type\":\"EC2 Instance State-change Notification\",\"id\":\"e\",\"account\":\"1\",\"region\":"
        "\"us-east-1\",\"time\":\"t\",\"resources\":[\"arn:aws:ec2:us-east-1:1:instance/i-1\"],\"detail\":{}}");
    expect(finding, "form", "event");
    expect(finding, "kind", "EC2 Instance State-change Notification");
    expect(resource(finding, 0), "id", "i-1");
    json_decref(finding);
}

static void test_without_a_time_of_update_the_content_tells_versions_apart(void **state)
{
    (void)state;
    static const char *const EVENTS[] = {
        "{\"source\":\"x\",\"detail-type\":\"y\",\"id\":\"e\",\"account\":\"1\",\"region\":\"r\",\"detail\":{\"a\":1}}",
        "{\"source\":\"x\",\"detail-type\":\"y\",\"id\":\"e\",\"account\":\"1\",\"region\":\"r\",\"detail\":{\"a\":2}}"};
    json_t *first = normalised(EVENTS[0]), *again = normalised(EVENTS[0]), *changed = normalised(EVENTS[1]);
    assert_int_equal(strlen(field_text(first, "version")), 64);
    assert_string_equal(field_text(first, "version"), field_text(again, "version"));
    assert_string_not_equal(field_text(first, "version"), field_text(changed, "version"));
    json_decref(first);
    json_decref(again);
    json_decref(changed);
}

static void test_a_fault_names_the_field_and_what_was_found(void **state)
{
    (void)state;
    expect_fault("{\"source\":\"aws.guardduty\",\"detail-type\":\"GuardDuty Finding\",\"detail\":{\"type\":\"T\"}}",
                 "detail.id: expected text, found nothing");
    expect_fault("{\"source\":\"aws.guardduty\",\"detail-type\":\"GuardDuty Finding\",\"detail\":{\"id\":7}}",
                 "detail.id: expected text, found a number");
    expect_fault(
        "{\"source\":\"aws.securityhub\",\"detail-type\":\"Security Hub Findings - Imported\",\"detail\":{\"findings\":[{\"Id\":\"f\"}]}}",
        "detail.findings[0].AwsAccountId: expected text");
    expect_fault("{\"source\":\"x\",\"detail-type\":\"y\",\"detail\":{}}", "id: expected text, found nothing");
    expect_fault("{\"source\":[],\"detail-type\":\"y\",\"detail\":{}}", "source: expected text, found a list");
}

static void test_a_title_is_one_line_of_whole_characters(void **state)
{
    (void)state;
    char text[3000];
    for (size_t i = 0; i + 2 < sizeof text; i += 2) memcpy(text + i, "\xC3\xBC", 3);
    json_t *line = field_line(text);
    assert_non_null(line); /* it is valid UTF-8 */
    assert_true(json_string_length(line) <= 1024);
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_account_and_region_are_the_findings_not_the_envelopes),
        cmocka_unit_test(test_a_guardduty_finding_tells_kind_severity_times_and_state),
        cmocka_unit_test(test_guardduty_resource_details_become_resources),
        cmocka_unit_test(test_an_ecs_finding_names_cluster_task_and_definition),
        cmocka_unit_test(test_an_attack_sequence_brings_resources_actors_endpoints_and_indicators),
        cmocka_unit_test(test_an_asff_finding_tells_control_resources_and_workflow),
        cmocka_unit_test(test_a_control_is_found_where_older_findings_hold_it),
        cmocka_unit_test(test_an_ocsf_finding_reads_like_the_others),
        cmocka_unit_test(test_a_type_is_spelt_the_same_whatever_the_form),
        cmocka_unit_test(test_severity_has_security_hubs_bands),
        cmocka_unit_test(test_numbers_beyond_any_scale_or_calendar_are_survived),
        cmocka_unit_test(test_a_cloudtrail_call_is_a_finding_of_its_name),
        cmocka_unit_test(test_any_other_event_is_taken_by_its_envelope),
        cmocka_unit_test(test_without_a_time_of_update_the_content_tells_versions_apart),
        cmocka_unit_test(test_a_fault_names_the_field_and_what_was_found),
        cmocka_unit_test(test_a_title_is_one_line_of_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
