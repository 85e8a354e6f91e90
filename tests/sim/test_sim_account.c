/* The simulated account as a whole: quotas, seeds, findings, determinism, cancelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/error.h"
#include "lua/sim_transport.h"
#include "tests/sim/account.h"

static const char EMPTY[] = "{\"account\": \"111122223333\"}";

static const char FINDINGS[] =
    "{\"account\": \"111122223333\","
    " \"cloudtrail\": {\"events\": ["
    "   {\"EventName\": \"CreateCluster\", \"EventTime\": \"2025-11-02T14:15:00Z\", \"EventSource\": \"ecs.amazonaws.com\","
    "    \"Username\": \"deploy\", \"AccessKeyId\": \"AKIAIOSFODNN7EXAMPLE\","
    "    \"Resources\": [{\"ResourceType\": \"AWS::ECS::Cluster\", \"ResourceName\": \"rogue\"}]},"
    "   {\"EventName\": \"RunInstances\", \"EventTime\": \"2025-11-02T14:16:00Z\", \"AccessKeyId\": \"AKIAIOSFODNN7EXAMPLE\"},"
    "   {\"EventName\": \"ListBuckets\", \"EventTime\": \"2025-11-02T14:17:00Z\", \"AccessKeyId\": \"AKIAOTHER\"}]},"
    " \"securityhub\": {\"findings\": [{\"Id\": \"f1\", \"ProductArn\": \"p\", \"Severity\": {\"Label\": \"HIGH\"},"
    "    \"Workflow\": {\"Status\": \"NEW\"}}],"
    "   \"findingsV2\": [{\"metadata\": {\"uid\": \"m1\"}, \"status_id\": 1}]},"
    " \"guardduty\": {\"DetectorId\": \"d1\", \"findings\": [{\"Id\": \"g1\", \"Type\": \"T\"}]}}";

static void test_calls_beyond_the_bucket_are_throttled_until_it_refills(void **state)
{
    (void)state;
    account a;
    account_open(&a, EMPTY);
    int made = 0, refused = 0;
    for (int i = 0; i < 30; i++) {
        aws_error error = {0};
        char params[64];
        snprintf(params, sizeof params, "{\"clusterName\": \"c%d\"}", i);
        json_t *output = account_try(&a, "ecs", "create_cluster", params, &error);
        made += output != NULL;
        refused += !output && strcmp(error.code, "ThrottlingException") == 0 && error.http_status == 400;
        json_decref(output);
    }
    assert_int_equal(made + refused, 30);
    assert_in_range(made, 20, 24); /* 20 at once, and one for each second that the calls themselves took */
    account_wait(&a, 1000);
    account_do(&a, "ecs", "create_cluster", "{\"clusterName\": \"late\"}");
    json_t *report = sim_transport_quotas(a.transport);
    const json_t *group = json_object_get(json_object_get(report, "groups"), "ecs.cluster-modify");
    assert_int_equal(json_integer_value(json_object_get(group, "calls")), made + 1);
    assert_int_equal(json_integer_value(json_object_get(group, "throttled")), refused);
    assert_int_equal(json_integer_value(json_object_get(group, "bound_ms")), (made + 1 - 20) * 1000);
    json_decref(report);
    account_close(&a);
}

static void test_calls_take_time_unless_the_seed_leaves_it_out(void **state)
{
    (void)state;
    static const char *const SEEDS[] = {EMPTY, "{\"account\": \"111122223333\", \"latency\": \"none\"}"};
    for (int without = 0; without < 2; without++) {
        account a;
        account_open(&a, SEEDS[without]);
        int64_t before = rip_clock_now(a.clock);
        account_do(&a, "ecs", "list_clusters", "{}");
        int64_t took = rip_clock_now(a.clock) - before;
        if (without)
            assert_int_equal(took, 0);
        else
            assert_in_range(took, 40, 120);
        account_close(&a);
    }
}

static void test_ec2_throttles_in_its_own_words(void **state)
{
    (void)state;
    account a;
    aws_error error = {0};
    account_open(&a, EMPTY);
    while (!error.code[0]) json_decref(account_try(&a, "ec2", "reboot_instances", "{\"InstanceIds\": []}", &error));
    assert_string_equal(error.code, "RequestLimitExceeded");
    assert_int_equal(error.http_status, 503);
    account_close(&a);
}

static void test_mistakes_in_a_seed_are_told_with_their_path(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"{}", "account: is missing"},
        {"{\"account\": \"12\"}", "account: expected twelve digits"},
        {"{\"account\": \"111122223333\", \"quotas\": \"no\"}", "quotas: expected \"aws\" or \"none\""},
        {"{\"account\": \"111122223333\", \"latency\": \"0\"}", "latency: expected \"aws\" or \"none\""},
        {"{\"account\": \"111122223333\", \"ecz\": {}}", "ecz: there is no such field here"},
        {"{\"account\": \"111122223333\", \"ecs\": {\"clusters\": [{\"clusterName\": \"a\"}, {\"clusterNam\": \"b\"}]}}",
         "ecs.clusters[2].clusterName: is missing"},
        {"{\"account\": \"111122223333\", \"ecs\": {\"clusters\": [{\"clusterName\": \"a\", \"services\":"
         " [{\"serviceName\": \"s\", \"taskDefinition\": \"miner:7\"}]}]}}",
         "ecs.clusters[1].services[1].taskDefinition: there is no task definition miner:7"},
        {"{\"account\": \"111122223333\", \"ec2\": {\"instances\": [{\"IamInstanceProfile\": \"x\"}]}}",
         "ec2.instances[1].IamInstanceProfile: there is no instance profile x"},
        {"{\"account\": \"111122223333\", \"ec2\": {\"instances\": [{\"LaunchTime\": \"noon\"}]}}",
         "ec2.instances[1].LaunchTime: expected a time"},
        {"{\"account\": \"111122223333\", \"regions\": {\"eu-west-1\": {\"iam\": {}}}}",
         "regions.eu-west-1.iam: is global"},
        {"{\"account\": \"111122223333\", \"lambda\": {\"functions\": [{\"FunctionName\": \"f\", \"Role\": \"r\"}]}}",
         "lambda.functions[1].Role: there is no role r"},
        {"{\"account\": \"111122223333\", \"iam\": {\"users\": 3}}", "iam.users: expected a table, found a number"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char message[RIP_ERROR_MESSAGE_MAX];
        account_refuses(CASES[i][0], message);
        if (strncmp(message, CASES[i][1], strlen(CASES[i][1])) != 0) fail_msg("got: %s", message);
    }
}

static void test_the_same_seed_and_calls_give_the_same_account(void **state)
{
    (void)state;
    json_t *snapshots[2];
    for (int i = 0; i < 2; i++) {
        account a;
        account_open(&a, FINDINGS);
        account_do(&a, "iam", "create_user", "{\"UserName\": \"u\"}");
        account_do(&a, "iam", "create_access_key", "{\"UserName\": \"u\"}");
        account_do(&a, "ec2", "run_instances", "{\"ImageId\": \"ami-1\", \"MinCount\": 2, \"MaxCount\": 2}");
        account_wait(&a, 60000);
        snapshots[i] = sim_transport_snapshot(a.transport);
        account_close(&a);
    }
    assert_true(json_object_size(snapshots[0]) >= 6);
    assert_true(json_equal(snapshots[0], snapshots[1]));
    json_decref(snapshots[0]);
    json_decref(snapshots[1]);
}

static void test_looking_around_changes_no_snapshot(void **state)
{
    (void)state;
    account a;
    account_open(&a, FINDINGS);
    json_t *before = sim_transport_snapshot(a.transport);
    a.region = "eu-west-1";
    account_do(&a, "ec2", "describe_instances", "{}");
    account_do(&a, "ecs", "list_clusters", "{}");
    json_t *after = sim_transport_snapshot(a.transport);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    account_close(&a);
}

static void test_regions_are_apart_and_iam_is_global(void **state)
{
    (void)state;
    account a;
    account_open(&a, EMPTY);
    a.region = "eu-west-1";
    account_do(&a, "ecs", "create_cluster", "{\"clusterName\": \"c\"}");
    account_do(&a, "iam", "create_user", "{\"UserName\": \"u\"}");
    a.region = "us-east-1";
    account_fails(&a, "ClusterNotFoundException", "ecs", "delete_cluster", "{\"cluster\": \"c\"}");
    account_do(&a, "iam", "get_user", "{\"UserName\": \"u\"}");
    account_has(&a, "arn:aws:ecs:eu-west-1:111122223333:cluster/c", "status", "\"ACTIVE\"");
    account_close(&a);
}

static void test_what_is_not_simulated_says_so(void **state)
{
    (void)state;
    account a;
    account_open(&a, EMPTY);
    assert_int_equal(account_fails(&a, "NotImplemented", "kms", "list_keys", "{}"), 501);
    account_close(&a);
}

static void never(aws_attempt *attempt, const aws_reply *reply)
{
    (void)attempt;
    (void)reply;
    fail_msg("a cancelled attempt was answered");
}

static void test_a_cancelled_attempt_is_not_answered(void **state)
{
    (void)state;
    account a;
    rip_error err = {0};
    const aws_service *service = NULL;
    account_open(&a, EMPTY);
    json_t *params = json_object();
    aws_attempt attempt = {.params = params, .account = "", .region = "us-east-1", .done = never};
    assert_int_equal(aws_models_service(a.models, "sts", &service, &err), RIP_OK);
    assert_int_equal(aws_service_operation(service, "get_caller_identity", &attempt.operation, &err), RIP_OK);
    a.transport->send(a.transport, &attempt);
    a.transport->cancel(a.transport, &attempt);
    account_wait(&a, 1000);
    json_decref(params);
    account_close(&a);
}

static void on_denied(aws_attempt *attempt, const aws_reply *reply)
{
    assert_null(reply->output);
    assert_string_equal(reply->error->code, "AccessDenied");
    assert_int_equal(reply->error->http_status, 403);
    attempt->timeout_ms = -1; /* seen */
}

static void test_another_account_is_denied(void **state)
{
    (void)state;
    account a;
    rip_error err = {0};
    const aws_service *service = NULL;
    account_open(&a, EMPTY);
    json_t *params = json_object();
    aws_attempt attempt = {.params = params, .account = "999988887777", .region = "us-east-1", .done = on_denied};
    assert_int_equal(aws_models_service(a.models, "ecs", &service, &err), RIP_OK);
    assert_int_equal(aws_service_operation(service, "list_clusters", &attempt.operation, &err), RIP_OK);
    a.transport->send(a.transport, &attempt);
    account_wait(&a, 1000);
    assert_int_equal(attempt.timeout_ms, -1);
    json_decref(params);
    account_close(&a);
}

static void test_every_simulated_operation_is_one_of_awss(void **state)
{
    (void)state;
    account a;
    rip_error err = {0};
    const char *name;
    json_t *operations, *operation;
    size_t i, count = 0;
    account_open(&a, EMPTY);
    json_t *known = sim_transport_operations(a.transport);
    json_object_foreach (known, name, operations) {
        const aws_service *service = NULL;
        assert_int_equal(aws_models_service(a.models, name, &service, &err), RIP_OK);
        json_array_foreach (operations, i, operation) {
            const aws_operation *found = NULL;
            if (aws_service_operation(service, json_string_value(operation), &found, &err) != RIP_OK)
                fail_msg("%s", err.message);
            count++;
        }
    }
    assert_true(count > 200);
    json_decref(known);
    account_close(&a);
}

static void test_events_are_looked_up_by_one_attribute_newest_first(void **state)
{
    (void)state;
    account a;
    account_open(&a, FINDINGS);
    json_t *found = account_call(&a, "cloudtrail", "lookup_events",
                                 "{\"LookupAttributes\": [{\"AttributeKey\": \"AccessKeyId\","
                                 " \"AttributeValue\": \"AKIAIOSFODNN7EXAMPLE\"}]}");
    assert_int_equal(json_array_size(json_object_get(found, "Events")), 2);
    assert_string_equal(text_at(found, "Events.0.EventName"), "RunInstances");
    assert_non_null(strstr(text_at(found, "Events.1.CloudTrailEvent"), "\"userName\":\"deploy\""));
    json_t *named = account_call(&a, "cloudtrail", "lookup_events",
                                 "{\"LookupAttributes\": [{\"AttributeKey\": \"ResourceName\", \"AttributeValue\":"
                                 " \"rogue\"}], \"StartTime\": \"2025-11-02T14:00:00Z\"}");
    assert_int_equal(json_array_size(json_object_get(named, "Events")), 1);
    json_decref(found);
    json_decref(named);
    account_close(&a);
}

static void test_findings_are_told_and_unknown_ones_are_named(void **state)
{
    (void)state;
    account a;
    account_open(&a, FINDINGS);
    json_t *told = account_call(&a, "securityhub", "batch_update_findings",
                                "{\"FindingIdentifiers\": [{\"Id\": \"f1\", \"ProductArn\": \"p\"},"
                                " {\"Id\": \"f2\", \"ProductArn\": \"p\"}], \"Workflow\": {\"Status\": \"RESOLVED\"},"
                                " \"Note\": {\"Text\": \"contained\", \"UpdatedBy\": \"riposte\"}}");
    assert_string_equal(text_at(told, "ProcessedFindings.0.Id"), "f1");
    assert_string_equal(text_at(told, "UnprocessedFindings.0.ErrorCode"), "FindingNotFound");
    json_t *read =
        account_call(&a, "securityhub", "get_findings",
                     "{\"Filters\": {\"WorkflowStatus\": [{\"Value\": \"RESOLVED\", \"Comparison\": \"EQUALS\"}]}}");
    assert_string_equal(text_at(read, "Findings.0.Note.Text"), "contained");
    json_t *v2 = account_call(&a, "securityhub", "batch_update_findings_v2",
                              "{\"MetadataUids\": [\"m1\", \"m2\"], \"StatusId\": 4, \"Comment\": \"contained\"}");
    assert_string_equal(text_at(v2, "ProcessedFindings.0.MetadataUid"), "m1");
    assert_string_equal(text_at(v2, "UnprocessedFindings.0.MetadataUid"), "m2");
    json_decref(told);
    json_decref(read);
    json_decref(v2);
    account_close(&a);
}

static void test_guardduty_findings_are_archived(void **state)
{
    (void)state;
    account a;
    account_open(&a, FINDINGS);
    account_do(&a, "guardduty", "archive_findings", "{\"DetectorId\": \"d1\", \"FindingIds\": [\"g1\"]}");
    account_do(&a, "guardduty", "update_findings_feedback",
               "{\"DetectorId\": \"d1\", \"FindingIds\": [\"g1\"], \"Feedback\": \"USEFUL\"}");
    json_t *read = account_call(&a, "guardduty", "get_findings", "{\"DetectorId\": \"d1\", \"FindingIds\": [\"g1\"]}");
    assert_true(json_is_true(value_at(read, "Findings.0.Service.Archived")));
    json_t *left = account_call(&a, "guardduty", "list_findings",
                                "{\"DetectorId\": \"d1\", \"FindingCriteria\": {\"Criterion\":"
                                " {\"service.archived\": {\"Eq\": [\"false\"]}}}}");
    assert_int_equal(json_array_size(json_object_get(left, "FindingIds")), 0);
    account_fails(&a, "BadRequestException", "guardduty", "archive_findings",
                  "{\"DetectorId\": \"other\", \"FindingIds\": [\"g1\"]}");
    json_decref(read);
    json_decref(left);
    account_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_beyond_the_bucket_are_throttled_until_it_refills),
        cmocka_unit_test(test_calls_take_time_unless_the_seed_leaves_it_out),
        cmocka_unit_test(test_ec2_throttles_in_its_own_words),
        cmocka_unit_test(test_mistakes_in_a_seed_are_told_with_their_path),
        cmocka_unit_test(test_the_same_seed_and_calls_give_the_same_account),
        cmocka_unit_test(test_looking_around_changes_no_snapshot),
        cmocka_unit_test(test_regions_are_apart_and_iam_is_global),
        cmocka_unit_test(test_what_is_not_simulated_says_so),
        cmocka_unit_test(test_a_cancelled_attempt_is_not_answered),
        cmocka_unit_test(test_another_account_is_denied),
        cmocka_unit_test(test_every_simulated_operation_is_one_of_awss),
        cmocka_unit_test(test_events_are_looked_up_by_one_attribute_newest_first),
        cmocka_unit_test(test_findings_are_told_and_unknown_ones_are_named),
        cmocka_unit_test(test_guardduty_findings_are_archived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
