#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/run/session_tags.h"

static json_t *one(const char *key, const char *value)
{
    return json_pack("[{s:s, s:s}]", "key", key, "value", value);
}

static void test_values_name_the_run_the_playbook_and_the_finding(void **state)
{
    (void)state;
    json_t *templates = json_pack("[{s:s, s:s}, {s:s, s:s}]", "key", "by", "value", "riposte {playbook}/{run}", "key",
                                  "finding", "value", "{finding}");
    rip_error err;
    assert_int_equal(run_session_tags_check(templates, &err), RIP_OK);
    json_t *tags = run_session_tags(templates, "run-1", "ecs", "arn:aws:guardduty:x");
    assert_string_equal(json_string_value(json_object_get(tags, "by")), "riposte ecs/run-1");
    assert_string_equal(json_string_value(json_object_get(tags, "finding")), "arn:aws:guardduty:x");
    json_decref(tags);
    json_decref(templates);
    assert_null(run_session_tags(NULL, "run-1", "ecs", "f"));
}

static void test_a_findings_id_cannot_break_a_tag(void **state)
{
    (void)state;
    char id[600];
    memset(id, 'x', sizeof id - 1);
    memcpy(id, "{run}&<\n\xc3\xa9", 10);
    id[sizeof id - 1] = '\0';
    json_t *templates = one("finding", "{finding}");
    json_t *tags = run_session_tags(templates, "run-1", "ecs", id);
    const char *value = json_string_value(json_object_get(tags, "finding"));
    assert_int_equal(strlen(value), 256);
    assert_memory_equal(value, "-run------xxx", 13); /* nothing of it is filled in */
    json_decref(tags);
    json_decref(templates);
}

static void test_tags_that_aws_would_not_take_are_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *word;
    } CASES[] = {
        {"", "v", "1 to 128"},       {"aws:x", "v", "aws:"},          {"AWS:x", "v", "aws:"},
        {"a*", "v", "letters"},      {"k", "{account}", "{account}"}, {"k", "a\tb", "expected letters"},
        {"k", "x {run", "\"{run\""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        rip_error err = {0};
        json_t *templates = one(CASES[i].key, CASES[i].value);
        assert_int_equal(run_session_tags_check(templates, &err), RIP_EINVAL);
        if (!strstr(err.message, CASES[i].word)) fail_msg("%s", err.message);
        json_decref(templates);
    }
}

static void test_keys_that_differ_in_case_alone_and_too_many_tags_are_mistakes(void **state)
{
    (void)state;
    rip_error err;
    json_t *templates = json_pack("[{s:s, s:s}, {s:s, s:s}]", "key", "Run", "value", "1", "key", "run", "value", "2");
    assert_int_equal(run_session_tags_check(templates, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "twice"));
    json_array_clear(templates);
    for (int i = 0; i < 51; i++)
        json_array_append_new(templates, json_pack("{s:o, s:s}", "key", json_sprintf("k%d", i), "value", "v"));
    assert_int_equal(run_session_tags_check(templates, &err), RIP_ELIMIT);
    json_decref(templates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_name_the_run_the_playbook_and_the_finding),
        cmocka_unit_test(test_a_findings_id_cannot_break_a_tag),
        cmocka_unit_test(test_tags_that_aws_would_not_take_are_mistakes),
        cmocka_unit_test(test_keys_that_differ_in_case_alone_and_too_many_tags_are_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
