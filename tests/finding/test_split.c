/* A document becomes events of one finding each, whatever form it came in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buffer.h"
#include "engine/finding/finding.h"

typedef struct events {
    json_t *list; /* parsed */
    char *first;  /* its very bytes */
    size_t first_len;
    rip_status end; /* what the callback answers */
} events;

static rip_status on_event(void *data, const char *event, size_t len)
{
    events *all = data;
    if (!all->first) {
        all->first = malloc(len + 1);
        memcpy(all->first, event, len);
        all->first[len] = '\0';
        all->first_len = len;
    }
    json_t *parsed = json_loadb(event, len, 0, NULL);
    assert_non_null(parsed);
    json_array_append_new(all->list, parsed);
    return all->end;
}

static events split(const char *document, rip_status expected, rip_error *err)
{
    events all = {.list = json_array()};
    assert_int_equal(event_split(document, strlen(document), NULL, on_event, &all, err), expected);
    return all;
}

static void clear(events *all)
{
    json_decref(all->list);
    free(all->first);
}

static const char *text(const events *all, size_t index, const char *path)
{
    json_t *at = json_array_get(all->list, index);
    char copy[128];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *name = strtok(copy, "."); name; name = strtok(NULL, ".")) {
        at = *name >= '0' && *name <= '9' ? json_array_get(at, strtoul(name, NULL, 10)) : json_object_get(at, name);
    }
    const char *value = json_string_value(at);
    return value ? value : "";
}

#define ASFF(id)                                                                                                       \
    "{\"SchemaVersion\":\"2018-10-08\",\"Id\":\"" id                                                                   \
    "\",\"ProductArn\":\"arn:aws:securityhub:eu-west-1::product/aws/securityhub\","                                    \
    "\"AwsAccountId\":\"123456789012\",\"UpdatedAt\":\"2026-01-01T00:00:00Z\"}"

static void test_an_eventbridge_event_is_handed_on_byte_for_byte(void **state)
{
    (void)state;
    rip_error err;
    const char *document = " { \"source\" : \"x\" ,\"detail-type\":\"y\", \"detail\":{ \"a\" : [1, {\"b\":\"}\"}] } } ";
    events all = split(document, RIP_OK, &err);
    assert_string_equal(all.first, document);
    assert_int_equal(json_array_size(all.list), 1);
    clear(&all);
}

static void test_a_guardduty_finding_of_the_api_becomes_what_eventbridge_delivers(void **state)
{
    (void)state;
    rip_error err;
    events all = split(
        "{\"Findings\":[{\"AccountId\":\"123456789012\",\"Id\":\"f\",\"Region\":\"us-east-1\",\"Type\":\"Recon:EC2/Portscan\","
        "\"UpdatedAt\":\"2026-01-01T00:00:00Z\",\"Service\":{\"DetectorId\":\"d\",\"EventFirstSeen\":\"t\"},\"Severity\":5}]}",
        RIP_OK, &err);
    assert_int_equal(json_array_size(all.list), 1);
    assert_string_equal(text(&all, 0, "source"), "aws.guardduty");
    assert_string_equal(text(&all, 0, "detail-type"), "GuardDuty Finding");
    assert_string_equal(text(&all, 0, "detail.type"), "Recon:EC2/Portscan");
    assert_string_equal(text(&all, 0, "detail.service.detectorId"), "d");
    assert_string_equal(text(&all, 0, "account"), "123456789012");
    clear(&all);
}

static void test_a_bare_guardduty_detail_is_wrapped_as_it_is(void **state)
{
    (void)state;
    rip_error err;
    events all =
        split("{\"accountId\":\"123456789012\",\"id\":\"f\",\"region\":\"us-east-1\",\"type\":\"T\",\"service\":{}}",
              RIP_OK, &err);
    assert_string_equal(text(&all, 0, "detail.id"), "f");
    clear(&all);
}

static void test_an_imported_event_with_several_findings_becomes_one_event_each(void **state)
{
    (void)state;
    rip_error err;
    events all = split(
        "{\"source\":\"aws.securityhub\",\"detail-type\":\"Security Hub Findings - Imported\",\"id\":\"e\",\"account\":\"1\","
        "\"region\":\"r\",\"detail\":{\"actionName\":\"n\",\"findings\":[" ASFF("a") "," ASFF("b") "," ASFF("c") "]}}",
        RIP_OK, &err);
    assert_int_equal(json_array_size(all.list), 3);
    assert_string_equal(text(&all, 1, "detail.findings.0.Id"), "b");
    assert_string_equal(text(&all, 2, "resources.0"), "c");
    assert_string_equal(text(&all, 2, "detail.actionName"), "n");
    clear(&all);
}

static void test_an_imported_event_with_one_finding_is_handed_on_byte_for_byte(void **state)
{
    (void)state;
    rip_error err;
    const char *document =
        "{\"source\":\"aws.securityhub\",\"detail-type\":\"Security Hub Findings - Custom Action\", \"detail\":{\"findings\":[" ASFF(
            "a") "]}}";
    events all = split(document, RIP_OK, &err);
    assert_string_equal(all.first, document);
    clear(&all);
}

static void test_a_bare_asff_finding_is_wrapped(void **state)
{
    (void)state;
    rip_error err;
    events all = split(ASFF("arn:x"), RIP_OK, &err);
    assert_string_equal(text(&all, 0, "source"), "aws.securityhub");
    assert_string_equal(text(&all, 0, "detail-type"), "Security Hub Findings - Imported");
    assert_string_equal(text(&all, 0, "region"), "eu-west-1");
    assert_string_equal(text(&all, 0, "detail.findings.0.Id"), "arn:x");
    clear(&all);
}

static void test_a_bare_ocsf_finding_is_wrapped(void **state)
{
    (void)state;
    rip_error err;
    events all = split(
        "{\"class_uid\":2003,\"metadata\":{\"uid\":\"m\"},\"finding_info\":{\"uid\":\"o\"},\"time\":1767225600000,"
        "\"cloud\":{\"account\":{\"uid\":\"123456789012\"},\"region\":\"us-east-1\"}}",
        RIP_OK, &err);
    assert_string_equal(text(&all, 0, "detail-type"), "Findings Imported V2");
    assert_string_equal(text(&all, 0, "time"), "2026-01-01T00:00:00.000Z");
    clear(&all);
}

static void test_cloudtrail_records_are_wrapped_by_their_service(void **state)
{
    (void)state;
    rip_error err;
    events all = split(
        "{\"Records\":[{\"eventSource\":\"ec2.amazonaws.com\",\"eventName\":\"RunInstances\",\"eventID\":\"1\",\"awsRegion\":"
        "\"us-east-1\",\"recipientAccountId\":\"1\"},{\"eventSource\":\"signin.amazonaws.com\",\"eventName\":\"ConsoleLogin\","
        "\"eventType\":\"AwsConsoleSignIn\"}]}",
        RIP_OK, &err);
    assert_int_equal(json_array_size(all.list), 2);
    assert_string_equal(text(&all, 0, "source"), "aws.ec2");
    assert_string_equal(text(&all, 0, "detail-type"), "AWS API Call via CloudTrail");
    assert_string_equal(text(&all, 1, "detail-type"), "AWS Console Sign In via CloudTrail");
    clear(&all);
}

static void test_one_wrong_element_does_not_stop_the_others(void **state)
{
    (void)state;
    rip_error err = {RIP_OK, ""};
    events all = split("[" ASFF("a") ",{\"what\":1}," ASFF("b") "]", RIP_EINVAL, &err);
    assert_int_equal(json_array_size(all.list), 2);
    assert_non_null(strstr(err.message, "[1]: "));
    assert_non_null(strstr(err.message, "found an object with what"));
    clear(&all);
}

static void test_what_is_no_json_is_told_with_its_place(void **state)
{
    (void)state;
    rip_error err;
    static const char *const WRONG[] = {
        "{\"source\": tru}", "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}", "{", "nonsense", ""};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        events all = split(WRONG[i], RIP_EINVAL, &err);
        assert_int_equal(json_array_size(all.list), 0);
        assert_non_null(strstr(err.message, "at byte"));
        clear(&all);
    }
}

static void test_a_brace_in_a_text_with_escapes_ends_nothing(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"}", "\\\\", "\\\\\\\"}", "\\\"}\\\"", "{\\\"\\\\", ""};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        char document[200];
        rip_error err;
        snprintf(document, sizeof document, "{\"source\":\"%s\",\"detail-type\":\"y\",\"detail\":{\"a\":\"%s\"}}",
                 TEXTS[i], TEXTS[i]);
        events all = split(document, RIP_OK, &err);
        assert_string_equal(all.first, document);
        clear(&all);
    }
}

static void test_limits_of_size_and_depth_are_told(void **state)
{
    (void)state;
    rip_error err;
    event_limits limits = {.bytes = 20, .depth = 3};
    events all = {.list = json_array()};
    const char *long_one = "{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaa\"}", *deep = "[[[[1]]]]";
    assert_int_equal(event_split(long_one, strlen(long_one), &limits, on_event, &all, &err), RIP_ELIMIT);
    assert_int_equal(event_split(deep, strlen(deep), &limits, on_event, &all, &err), RIP_ELIMIT);
    assert_non_null(strstr(err.message, "deeper than 3"));
    clear(&all);
}

static void test_only_security_hubs_events_are_split(void **state)
{
    (void)state;
    events all =
        split("[{\"source\":\"my.app\",\"detail-type\":\"x\",\"detail\":{\"findings\":[{},{}]}}]", RIP_OK, NULL);
    assert_int_equal(json_array_size(all.list), 1);
    clear(&all);
}

static void test_an_event_does_not_multiply_without_limit(void **state)
{
    (void)state;
    rip_error err;
    rip_buffer document = {0};
    rip_buffer_puts(&document, "{\"source\":\"aws.securityhub\",\"detail-type\":\"x\",\"detail\":{\"findings\":[{}");
    for (int i = 0; i < 100; i++) rip_buffer_puts(&document, ",{}");
    rip_buffer_puts(&document, "]}}");
    events all = split(document.data, RIP_ELIMIT, &err);
    rip_buffer_free(&document);
    assert_int_equal(json_array_size(all.list), 0);
    assert_non_null(strstr(err.message, "detail.findings: over the limit of 100 findings in one event, found 101"));
    clear(&all);
}

static void test_an_error_of_the_taker_ends_the_splitting(void **state)
{
    (void)state;
    rip_error err;
    events all = {.list = json_array(), .end = RIP_ENOMEM};
    const char *document = "[" ASFF("a") "," ASFF("b") "]";
    assert_int_equal(event_split(document, strlen(document), NULL, on_event, &all, &err), RIP_ENOMEM);
    assert_int_equal(json_array_size(all.list), 1);
    clear(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_eventbridge_event_is_handed_on_byte_for_byte),
        cmocka_unit_test(test_a_guardduty_finding_of_the_api_becomes_what_eventbridge_delivers),
        cmocka_unit_test(test_a_bare_guardduty_detail_is_wrapped_as_it_is),
        cmocka_unit_test(test_an_imported_event_with_several_findings_becomes_one_event_each),
        cmocka_unit_test(test_an_imported_event_with_one_finding_is_handed_on_byte_for_byte),
        cmocka_unit_test(test_a_bare_asff_finding_is_wrapped),
        cmocka_unit_test(test_a_bare_ocsf_finding_is_wrapped),
        cmocka_unit_test(test_cloudtrail_records_are_wrapped_by_their_service),
        cmocka_unit_test(test_one_wrong_element_does_not_stop_the_others),
        cmocka_unit_test(test_what_is_no_json_is_told_with_its_place),
        cmocka_unit_test(test_a_brace_in_a_text_with_escapes_ends_nothing),
        cmocka_unit_test(test_limits_of_size_and_depth_are_told),
        cmocka_unit_test(test_only_security_hubs_events_are_split),
        cmocka_unit_test(test_an_event_does_not_multiply_without_limit),
        cmocka_unit_test(test_an_error_of_the_taker_ends_the_splitting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
