/* A drill's expectations: each is met where it is, and not where it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/command/expect.h"

#define A "arn:aws:ecs:us-east-1:1:cluster/a"
#define B "arn:aws:ecs:us-east-1:1:cluster/b"

/* Compare; the arguments' references are used up. Gives the only result. */
static json_t *check(json_t *expect, json_t *before, json_t *after, json_t *runs)
{
    expect_outcome outcome = {before, after, runs, 34000, 33000};
    json_t *results = expect_compare(expect, &outcome);
    assert_int_equal(json_array_size(results), 1);
    json_t *result = json_incref(json_array_get(results, 0));
    json_decref(results);
    json_decref(expect);
    json_decref(before);
    json_decref(after);
    json_decref(runs);
    return result;
}

static void expect_met(json_t *result)
{
    if (!json_is_true(json_object_get(result, "met"))) {
        fail_msg("%s: %s", json_string_value(json_object_get(result, "expected")),
                 json_string_value(json_object_get(result, "found")));
    }
    json_decref(result);
}

static void expect_missed(json_t *result, const char *found)
{
    assert_true(json_is_false(json_object_get(result, "met")));
    const char *text = json_string_value(json_object_get(result, "found"));
    assert_non_null(text);
    if (!strstr(text, found)) fail_msg("found: %s", text);
    json_decref(result);
}

static json_t *account(int a, int b)
{
    json_t *all = json_object();
    if (a) json_object_set_new(all, A, json_pack("{s:i}", "n", a));
    if (b) json_object_set_new(all, B, json_pack("{s:i}", "n", b));
    return all;
}

static void test_gone_wants_it_there_before_and_not_after(void **state)
{
    (void)state;
    expect_met(check(json_pack("{s:[s]}", "gone", "*/a"), account(1, 1), account(0, 1), json_array()));
    expect_missed(check(json_pack("{s:[s]}", "gone", "*/a"), account(1, 1), account(1, 1), json_array()), A);
    expect_missed(check(json_pack("{s:[s]}", "gone", "*/a"), account(0, 1), account(0, 1), json_array()),
                  "none to begin with");
}

static void test_kept_wants_it_as_it_was(void **state)
{
    (void)state;
    expect_met(check(json_pack("{s:[s]}", "kept", "*/b"), account(1, 1), account(0, 1), json_array()));
    expect_missed(check(json_pack("{s:[s]}", "kept", "*/b"), account(1, 1), account(1, 2), json_array()), B);
    expect_missed(check(json_pack("{s:[s]}", "kept", "*/b"), account(1, 1), account(1, 0), json_array()), B);
}

static void test_changed_wants_these_fields_after(void **state)
{
    (void)state;
    expect_met(check(json_pack("{s:{s:{s:i}}}", "changed", "*/a", "n", 5), account(1, 0), account(5, 0), json_array()));
    expect_missed(
        check(json_pack("{s:{s:{s:i}}}", "changed", "*/a", "n", 5), account(1, 0), account(4, 0), json_array()), A);
    expect_missed(
        check(json_pack("{s:{s:{s:i}}}", "changed", "*/a", "n", 5), account(1, 0), account(0, 1), json_array()),
        "not there");
}

static void test_untouched_wants_nothing_else_changed_gone_or_new(void **state)
{
    (void)state;
    expect_met(check(json_pack("{s:b}", "untouched", 1), account(1, 1), account(1, 1), json_array()));
    expect_missed(check(json_pack("{s:b}", "untouched", 1), account(1, 1), account(1, 2), json_array()), "changed: " B);
    expect_missed(check(json_pack("{s:b}", "untouched", 1), account(1, 1), account(1, 0), json_array()), "gone: " B);
    expect_missed(check(json_pack("{s:b}", "untouched", 1), account(1, 0), account(1, 1), json_array()), "new: " B);
}

static json_t *run_of(const char *playbook, const char *outcome, const char *first, const char *second)
{
    return json_pack("[{s:s, s:s, s:[{s:s}, {s:s}, {s:s}]}]", "playbook", playbook, "outcome", outcome, "changes",
                     "phase", first, "phase", second, "phase", first);
}

static void test_runs_are_exactly_the_expected_ones(void **state)
{
    (void)state;
    expect_met(check(json_pack("{s:{s:s}}", "runs", "p", "done"), account(0, 0), account(0, 0),
                     run_of("p", "done", "a", "b")));
    expect_missed(check(json_pack("{s:{s:s}}", "runs", "p", "done"), account(0, 0), account(0, 0),
                        run_of("p", "failed", "a", "b")),
                  "failed");
    expect_missed(check(json_pack("{s:{s:s}}", "runs", "p", "done"), account(0, 0), account(0, 0), json_array()),
                  "did not run");
    expect_missed(check(json_pack("{s:{}}", "runs"), account(0, 0), account(0, 0), run_of("q", "done", "a", "b")),
                  "it ran");
}

static void test_order_is_that_of_the_first_changes_of_each_phase(void **state)
{
    (void)state;
    expect_met(
        check(json_pack("{s:[s, s]}", "order", "a", "b"), account(0, 0), account(0, 0), run_of("p", "done", "a", "b")));
    expect_missed(
        check(json_pack("{s:[s, s]}", "order", "b", "a"), account(0, 0), account(0, 0), run_of("p", "done", "a", "b")),
        "[\"a\",\"b\"]");
}

static void test_times_are_compared_with_limit_and_bound(void **state)
{
    (void)state;
    expect_met(check(json_pack("{s:i}", "contained_within", 34000), account(0, 0), account(0, 0), json_array()));
    expect_missed(check(json_pack("{s:i}", "contained_within", 33999), account(0, 0), account(0, 0), json_array()),
                  "34.000 s");
    expect_met(check(json_pack("{s:f}", "quota_ratio", 1.05), account(0, 0), account(0, 0), json_array()));
    expect_missed(check(json_pack("{s:f}", "quota_ratio", 1.01), account(0, 0), account(0, 0), json_array()), "1.030");
}

static void test_an_unknown_expectation_is_named(void **state)
{
    (void)state;
    json_t *expect = json_pack("{s:[], s:[]}", "gone", "gonne");
    assert_string_equal(expect_unknown_key(expect), "gonne");
    json_decref(expect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gone_wants_it_there_before_and_not_after),
        cmocka_unit_test(test_kept_wants_it_as_it_was),
        cmocka_unit_test(test_changed_wants_these_fields_after),
        cmocka_unit_test(test_untouched_wants_nothing_else_changed_gone_or_new),
        cmocka_unit_test(test_runs_are_exactly_the_expected_ones),
        cmocka_unit_test(test_order_is_that_of_the_first_changes_of_each_phase),
        cmocka_unit_test(test_times_are_compared_with_limit_and_bound),
        cmocka_unit_test(test_an_unknown_expectation_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
