/* Which findings are to be told of, in what words, and in what batches. */
#include <stdio.h>
#include <string.h>

#include "engine/base/log.h"
#include "tests/notify/fixture.h"

static const char *text_at(const json_t *value, const char *key)
{
    return json_string_value(json_object_get(value, key));
}

static void set(fixture *f, const char *key, const char *value)
{
    rip_error err;
    assert_int_equal(rip_config_set(f->config, key, value, &err), RIP_OK);
}

/* A brief that was handed over. */
static const json_t *handed(const fixture *f, size_t batch, size_t nth)
{
    const json_t *brief = json_array_get(json_array_get(f->handed, batch), nth);
    assert_non_null(brief);
    return brief;
}

static void end(fixture *f, const char *file, const char *mode, const char *outcome, const char *change)
{
    json_t *finding = example(file);
    if (!f->notify) assert_int_equal(open_notify(f, NULL), RIP_OK);
    tell_of(f, "run-1", mode, outcome, change, outcome && strcmp(outcome, "done") == 0 ? "done" : "planned", finding);
    settle(f, 1);
    json_decref(finding);
}

static void test_a_contained_finding_is_to_be_resolved_and_its_run_is_named(void **state)
{
    fixture *f = *state;
    end(f, "asff.json", "enforce", "done", "ecs:DeleteCluster");
    const json_t *brief = handed(f, 0, 0);
    json_t *whole = example_file("asff.json");
    assert_string_equal(text_at(brief, "status"), "RESOLVED");
    assert_string_equal(text_at(brief, "run"), "run-1");
    assert_string_equal(text_at(brief, "key"), text_at(whole, "Id"));
    assert_string_equal(text_at(brief, "product"), text_at(whole, "ProductArn"));
    assert_int_equal(json_array_size(f->handed), 1);
    assert_int_equal(json_array_size(fake_aws_sent(f->fake)), 0); /* by the door only */
    assert_int_equal(notify_backlog(f->notify), 0);
    json_decref(whole);
}

static void test_outcome_resolve_never_leaves_it_notified(void **state)
{
    fixture *f = *state;
    set(f, "outcome.resolve", "never");
    end(f, "asff.json", "enforce", "done", "ecs:DeleteCluster");
    assert_string_equal(text_at(handed(f, 0, 0), "status"), "NOTIFIED");
}

static void test_of_a_dry_run_nothing_is_told_unless_it_is_asked_for(void **state)
{
    fixture *f = *state;
    end(f, "asff.json", "dry-run", "planned", "ecs:DeleteCluster");
    assert_int_equal(json_array_size(f->handed), 0);
    set(f, "outcome.dry_run", "true");
    reopen_notify(f);
    end(f, "asff.json", "dry-run", "planned", "ecs:DeleteCluster");
    assert_string_equal(text_at(handed(f, 0, 0), "status"), "NOTIFIED");
}

static void test_what_the_playbook_did_itself_is_not_done_twice(void **state)
{
    fixture *f = *state;
    end(f, "asff.json", "enforce", "done", "securityhub:BatchUpdateFindings");
    assert_int_equal(json_array_size(f->handed), 0);
}

static void test_of_a_run_that_tells_of_findings_nothing_is_told(void **state)
{
    fixture *f = *state;
    json_t *finding = example("asff.json");
    json_t *record = json_pack("{s:s, s:s, s:s, s:s, s:[]}", "id", "feedback-1", "playbook", "feedback", "mode",
                               "enforce", "outcome", "failed", "feedback");
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    notify_run(f->notify, record, NULL, finding);
    settle(f, 1);
    assert_int_equal(json_array_size(f->handed), 0);
    json_decref(record);
    json_decref(finding);
}

static void test_a_run_that_begins_and_a_plan_that_waits_make_it_notified(void **state)
{
    fixture *f = *state;
    end(f, "asff.json", "enforce", NULL, "ecs:DeleteCluster");
    end(f, "asff.json", "approve", "waiting", "ecs:DeleteCluster");
    assert_string_equal(text_at(handed(f, 0, 0), "status"), "NOTIFIED");
    assert_non_null(strstr(text_at(handed(f, 0, 0), "text"), "is being answered"));
    assert_string_equal(text_at(handed(f, 1, 0), "status"), "NOTIFIED");
    assert_non_null(strstr(text_at(handed(f, 1, 0), "text"), "waits for approval"));
}

static void test_findings_of_one_second_and_place_go_in_few_batches(void **state)
{
    fixture *f = *state;
    json_t *finding = example("asff.json");
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    for (int i = 0; i < 30; i++) {
        char run[32];
        snprintf(run, sizeof run, "run-0123456789abcd%02d", i);
        tell_of(f, run, "enforce", "done", "ecs:DeleteCluster", "done", finding);
    }
    settle(f, 1);
    assert_int_equal(json_array_size(f->handed), 2);
    assert_int_equal(json_array_size(json_array_get(f->handed, 0)), 15);
    assert_int_equal(json_array_size(json_array_get(f->handed, 1)), 15);
    json_decref(finding);
}

static void test_a_batch_that_the_journal_does_not_take_is_handed_over_again(void **state)
{
    fixture *f = *state;
    f->hands_off = true;
    int64_t before = rip_clock_now(f->clock);
    end(f, "asff.json", "enforce", "done", "ecs:DeleteCluster"); /* on a virtual clock: until it is given up */
    assert_true(json_array_size(f->handed) > 50);
    assert_true(rip_clock_now(f->clock) - before >= INT64_C(3) * 86400000);
    assert_int_equal(notify_backlog(f->notify), 0);
}

static void test_findings_of_two_forms_are_not_told_together(void **state)
{
    fixture *f = *state;
    json_t *asff = example("asff.json"), *ocsf = example("ocsf.json");
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    tell_of(f, "run-1", "enforce", "done", "ecs:DeleteCluster", "done", asff);
    tell_of(f, "run-2", "enforce", "done", "ecs:DeleteCluster", "done", ocsf);
    settle(f, 1);
    assert_int_equal(json_array_size(f->handed), 2);
    json_decref(asff);
    json_decref(ocsf);
}

static void test_a_guardduty_finding_is_archived_only_where_that_is_configured(void **state)
{
    fixture *f = *state;
    end(f, "guardduty-get-findings.json", "enforce", "done", "ecs:DeleteCluster");
    assert_int_equal(json_array_size(f->handed), 0);
    set(f, "outcome.guardduty", "archive");
    reopen_notify(f);
    end(f, "guardduty-get-findings.json", "enforce", "done", "ecs:DeleteCluster");
    assert_string_equal(text_at(handed(f, 0, 0), "form"), "guardduty");
    assert_string_equal(text_at(handed(f, 0, 0), "status"), "RESOLVED");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_virtual, fixture_teardown)

int main(void)
{
    rip_log_open(stderr, RIP_LOG_TEXT, RIP_LOG_OFF);
    const struct CMUnitTest tests[] = {
        TEST(test_a_contained_finding_is_to_be_resolved_and_its_run_is_named),
        TEST(test_outcome_resolve_never_leaves_it_notified),
        TEST(test_of_a_dry_run_nothing_is_told_unless_it_is_asked_for),
        TEST(test_what_the_playbook_did_itself_is_not_done_twice),
        TEST(test_of_a_run_that_tells_of_findings_nothing_is_told),
        TEST(test_a_run_that_begins_and_a_plan_that_waits_make_it_notified),
        TEST(test_findings_of_one_second_and_place_go_in_few_batches),
        TEST(test_a_batch_that_the_journal_does_not_take_is_handed_over_again),
        TEST(test_findings_of_two_forms_are_not_told_together),
        TEST(test_a_guardduty_finding_is_archived_only_where_that_is_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
