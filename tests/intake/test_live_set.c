/* From the configuration's rows to sources. */
#include "engine/intake/live_set.h"
#include "tests/intake/desk.h"

static desk d;
static live_set *set;

static json_t *no_aws(void *data, const aws_attempt *attempt)
{
    (void)data;
    (void)attempt;
    fail_msg("nothing is asked before the start");
    return NULL;
}

static int setup(void **state)
{
    (void)state;
    set = NULL;
    desk_open(&d, no_aws, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    live_set_free(set);
    desk_close(&d);
    return 0;
}

static rip_config *configured(const char *yaml)
{
    rip_config *config = rip_config_new();
    rip_error err;
    if (rip_config_parse(config, "test.yaml", yaml, strlen(yaml), NULL, NULL, &err) != RIP_OK)
        fail_msg("%s", err.message);
    return config;
}

static rip_status make(const char *yaml, rip_error *err)
{
    rip_config *config = configured(yaml);
    live_parts parts = {.config = config, .client = d.client, .clock = d.clock, .journal = d.journal, .sink = d.sink};
    rip_status status = live_set_new(&parts, &set, err);
    rip_config_free(config);
    return status;
}

static void test_each_row_is_a_source_in_the_order_of_the_configuration(void **state)
{
    (void)state;
    static const char YAML[] =
        "folders:\n"
        "  - {name: drop, path: /nonexistent}\n"
        "poll:\n"
        "  - {source: guardduty, region: eu-west-1, every: 5m}\n"
        "  - {source: securityhub, region: us-east-1, account: '123456789012', since: 7d}\n"
        "sqs:\n"
        "  - {name: main, url: 'https://sqs.eu-west-1.amazonaws.com/123456789012/main',"
        " concurrency: 4, visibility: 5m, receives: 3}\n";
    static const char *const NAMES[] = {"main", "guardduty:eu-west-1", "securityhub:us-east-1:123456789012", "drop"};
    rip_error err;
    if (make(YAML, &err) != RIP_OK) fail_msg("%s", err.message);
    json_t *status = live_set_status(set);
    assert_int_equal(json_array_size(status), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *one = json_array_get(status, i);
        assert_string_equal(json_string_value(json_object_get(one, "name")), NAMES[i]);
        assert_string_equal(json_string_value(json_object_get(one, "state")), "stopped");
    }
    json_decref(status);
    assert_int_equal(live_set_under_way(set), 0);
}

static void test_no_rows_are_no_sources(void **state)
{
    (void)state;
    rip_error err;
    assert_int_equal(make("mode: observe\n", &err), RIP_OK);
    assert_int_equal(live_set_start(set, &err), RIP_OK);
    live_set_stop(set);
}

static void test_a_mistake_names_its_row(void **state)
{
    (void)state;
    static const char *const MISTAKES[][2] = {
        {"sqs: [{name: a, url: 'https://sqs.eu-west-1.amazonaws.com/123456789012/a', concurrency: many}]",
         "sqs[1]: concurrency is \"many\": expected a whole number over 0"},
        {"sqs: [{name: a, url: 'https://sqs.eu-west-1.amazonaws.com/123456789012/a', concurrency: 99}]",
         "sqs[1]: concurrency is 99: expected 1 to 16"},
        {"sqs: [{name: a, url: 'http://127.0.0.1/123456789012/a'}]",
         "sqs[1]: http://127.0.0.1/123456789012/a: it does not tell its region: name it as `region`"},
        {"poll: [{source: securityhub, region: eu-west-1}, {source: inspector, region: eu-west-1}]",
         "poll[2]: source is \"inspector\": expected securityhub or guardduty"},
        {"poll: [{source: securityhub, region: eu-west-1, every: 10ms}]",
         "poll[1]: every is \"10ms\": expected a span of time of 1s or more, as 30s or 2m"},
        {"folders: [{name: a, path: /a}, {name: a, path: /b}]",
         "folders[2]: name is \"a\", as row 1's is: give each its own"},
    };
    for (size_t i = 0; i < sizeof MISTAKES / sizeof *MISTAKES; i++) {
        rip_error err;
        assert_int_equal(make(MISTAKES[i][0], &err), RIP_EINVAL);
        assert_string_equal(err.message, MISTAKES[i][1]);
        assert_null(set);
    }
}

static void test_a_source_that_cannot_start_is_told(void **state)
{
    (void)state;
    rip_error err;
    assert_int_equal(make("folders: [{name: drop, path: /nonexistent}]\n", &err), RIP_OK);
    assert_int_equal(live_set_start(set, &err), RIP_ENOTFOUND);
    live_set_stop(set);
}

static void test_the_queues_are_known_as_resources_to_protect(void **state)
{
    (void)state;
    rip_config *config = configured(
        "sqs:\n"
        "  - {name: a, url: 'https://sqs.eu-west-1.amazonaws.com/123456789012/a'}\n"
        "  - {name: b, url: 'http://127.0.0.1:5000/123456789012/b', region: us-east-1}\n");
    json_t *arns = json_pack("[s]", "arn:aws:iam::123456789012:role/other");
    rip_error err;
    assert_int_equal(live_queue_arns(config, arns, &err), RIP_OK);
    assert_int_equal(json_array_size(arns), 3);
    assert_string_equal(json_string_value(json_array_get(arns, 1)), "arn:aws:sqs:eu-west-1:123456789012:a");
    assert_string_equal(json_string_value(json_array_get(arns, 2)), "arn:aws:sqs:us-east-1:123456789012:b");
    json_decref(arns);
    rip_config_free(config);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_row_is_a_source_in_the_order_of_the_configuration),
        TEST(test_no_rows_are_no_sources),
        TEST(test_a_mistake_names_its_row),
        TEST(test_a_source_that_cannot_start_is_told),
        TEST(test_the_queues_are_known_as_resources_to_protect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
