/* Findings are updated where they came from: only what is still as it came in, once, and only for real runs. */
#include <stdio.h>
#include <string.h>

#include "engine/base/log.h"
#include "tests/notify/fixture.h"

static const char *text_at(const json_t *value, const char *key, const char *inner)
{
    value = json_object_get(value, key);
    return json_string_value(inner ? json_object_get(value, inner) : value);
}

static void set(fixture *f, const char *key, const char *value)
{
    rip_error err;
    assert_int_equal(rip_config_set(f->config, key, value, &err), RIP_OK);
}

/* What GetFindings answers: the example as it is, with `key` (NULL: nothing) changed. */
static void answer_asff(fixture *f, const char *key, json_t *value)
{
    json_t *whole = example_file("asff.json");
    if (key) json_object_set_new(whole, key, value);
    json_object_set_new(f->replies, "GetFindings", json_pack("{s:[o]}", "Findings", whole));
}

static void contain(fixture *f, const char *file, const char *mode)
{
    json_t *finding = example(file);
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    tell_of(f, "run-1", mode, "done", "ecs:DeleteCluster", "done", finding);
    settle(f, 1);
    json_decref(finding);
}

static void test_a_contained_finding_is_resolved_with_the_runs_id(void **state)
{
    fixture *f = *state;
    answer_asff(f, NULL, NULL);
    contain(f, "asff.json", "enforce");
    const json_t *update = sent(f, "BatchUpdateFindings", 0);
    json_t *whole = example_file("asff.json");
    json_t *identifier = json_array_get(json_object_get(update, "FindingIdentifiers"), 0);
    assert_string_equal(text_at(update, "Workflow", "Status"), "RESOLVED");
    assert_non_null(strstr(text_at(update, "Note", "Text"), "run-1"));
    assert_string_equal(text_at(identifier, "Id", NULL), text_at(whole, "Id", NULL));
    assert_string_equal(text_at(identifier, "ProductArn", NULL), text_at(whole, "ProductArn", NULL));
    assert_int_equal(count_sent(f, "BatchUpdateFindings"), 1);
    assert_int_equal(notify_backlog(f->notify), 0);
    json_decref(whole);
}

static void test_outcome_resolve_never_leaves_it_notified(void **state)
{
    fixture *f = *state;
    set(f, "outcome.resolve", "never");
    answer_asff(f, NULL, NULL);
    contain(f, "asff.json", "enforce");
    assert_string_equal(text_at(sent(f, "BatchUpdateFindings", 0), "Workflow", "Status"), "NOTIFIED");
}

static void test_a_finding_that_changed_since_is_not_touched(void **state)
{
    fixture *f = *state;
    answer_asff(f, "UpdatedAt", json_string("2031-01-01T00:00:00Z"));
    contain(f, "asff.json", "enforce");
    assert_int_equal(count_sent(f, "GetFindings"), 1);
    assert_int_equal(count_sent(f, "BatchUpdateFindings"), 0);
    assert_int_equal(notify_backlog(f->notify), 0);
}

static void test_a_finding_that_a_person_suppressed_is_not_touched(void **state)
{
    fixture *f = *state;
    answer_asff(f, "Workflow", json_pack("{s:s}", "Status", "SUPPRESSED"));
    contain(f, "asff.json", "enforce");
    assert_int_equal(count_sent(f, "BatchUpdateFindings"), 0);
}

static void test_a_finding_that_is_gone_is_let_go(void **state)
{
    fixture *f = *state;
    json_object_set_new(f->replies, "GetFindings", json_pack("{s:[]}", "Findings"));
    contain(f, "asff.json", "enforce");
    assert_int_equal(count_sent(f, "BatchUpdateFindings"), 0);
    assert_int_equal(notify_backlog(f->notify), 0);
}

static void test_a_dry_run_touches_nothing_unless_it_is_asked_to(void **state)
{
    fixture *f = *state;
    answer_asff(f, NULL, NULL);
    contain(f, "asff.json", "dry-run");
    assert_int_equal(json_array_size(fake_aws_sent(f->fake)), 0);
    set(f, "outcome.dry_run", "true");
    reopen_notify(f);
    json_t *finding = example("asff.json");
    tell_of(f, "run-2", "dry-run", "planned", "ecs:DeleteCluster", "planned", finding);
    settle(f, 1);
    assert_string_equal(text_at(sent(f, "BatchUpdateFindings", 0), "Workflow", "Status"), "NOTIFIED");
    json_decref(finding);
}

static void test_what_the_playbook_did_itself_is_not_done_twice(void **state)
{
    fixture *f = *state;
    json_t *finding = example("asff.json");
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    tell_of(f, "run-1", "enforce", "done", "securityhub:BatchUpdateFindings", "done", finding);
    settle(f, 1);
    assert_int_equal(json_array_size(fake_aws_sent(f->fake)), 0);
    json_decref(finding);
}

static void test_a_run_that_begins_and_a_plan_that_waits_make_it_notified(void **state)
{
    fixture *f = *state;
    json_t *finding = example("asff.json");
    answer_asff(f, NULL, NULL);
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    tell_of(f, "run-1", "enforce", NULL, "ecs:DeleteCluster", "started", finding);
    settle(f, 1);
    tell_of(f, "run-2", "approve", "waiting", "ecs:DeleteCluster", "planned", finding);
    settle(f, 1);
    assert_string_equal(text_at(sent(f, "BatchUpdateFindings", 0), "Workflow", "Status"), "NOTIFIED");
    assert_non_null(strstr(text_at(sent(f, "BatchUpdateFindings", 0), "Note", "Text"), "is being answered"));
    assert_string_equal(text_at(sent(f, "BatchUpdateFindings", 1), "Workflow", "Status"), "NOTIFIED");
    assert_non_null(strstr(text_at(sent(f, "BatchUpdateFindings", 1), "Note", "Text"), "waits for approval"));
    json_decref(finding);
}

static void test_findings_of_one_second_go_in_few_calls_each_once_and_a_note_names_every_run(void **state)
{
    fixture *f = *state;
    json_t *all = json_array(), *finding = example("asff.json");
    json_t *event = json_object_get(json_object_get(finding, "event"), "detail");
    json_t *asff = json_array_get(json_object_get(event, "findings"), 0);
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    for (int i = 0; i < 30; i++) {
        char run[32], id[32];
        snprintf(run, sizeof run, "run-0123456789abcd%02d", i);
        snprintf(id, sizeof id, "finding-%d", i / 2);
        json_object_set_new(asff, "Id", json_string(id));
        json_array_append_new(all, json_deep_copy(asff));
        tell_of(f, run, "enforce", "done", "ecs:DeleteCluster", "done", finding);
    }
    json_object_set_new(f->replies, "GetFindings", json_pack("{s:o}", "Findings", all));
    settle(f, 1);
    assert_int_equal(count_sent(f, "GetFindings"), 2);
    assert_int_equal(count_sent(f, "BatchUpdateFindings"), 2);
    const json_t *update = sent(f, "BatchUpdateFindings", 0);
    assert_int_equal(json_array_size(json_object_get(update, "FindingIdentifiers")), 8);
    assert_true(strlen(text_at(update, "Note", "Text")) <= 512);
    for (int i = 0; i < 15; i++) {
        char run[32];
        snprintf(run, sizeof run, "run-0123456789abcd%02d", i);
        assert_non_null(strstr(text_at(update, "Note", "Text"), run));
    }
    json_decref(finding);
}

static void test_a_call_that_fails_is_made_again(void **state)
{
    fixture *f = *state;
    json_t *finding = example("asff.json");
    json_object_set_new(f->replies, "GetFindings",
                        json_pack("{s:s, s:i}", "$error", "AccessDeniedException", "status", 403));
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    int64_t before = rip_clock_now(f->clock);
    tell_of(f, "run-1", "enforce", "done", "ecs:DeleteCluster", "done", finding);
    settle(f, 1); /* on a virtual clock: until it is given up */
    assert_int_equal(count_sent(f, "BatchUpdateFindings"), 0);
    assert_true(count_sent(f, "GetFindings") > 50);
    assert_true(rip_clock_now(f->clock) - before >= INT64_C(3) * 86400000);
    assert_int_equal(notify_backlog(f->notify), 0);
    json_decref(finding);
}

static json_t *ocsf_itself(void)
{
    json_t *event = example_file("ocsf.json");
    json_t *found = json_array_get(json_object_get(json_object_get(event, "detail"), "findings"), 0);
    json_incref(found);
    json_decref(event);
    return found;
}

static void test_an_ocsf_finding_is_updated_by_its_metadata_uid(void **state)
{
    fixture *f = *state;
    json_t *ocsf = ocsf_itself();
    json_object_set_new(f->replies, "GetFindingsV2", json_pack("{s:[O]}", "Findings", ocsf));
    contain(f, "ocsf.json", "enforce");
    const json_t *update = sent(f, "BatchUpdateFindingsV2", 0);
    assert_non_null(update);
    assert_int_equal(json_integer_value(json_object_get(update, "StatusId")), 4);
    assert_string_equal(json_string_value(json_array_get(json_object_get(update, "MetadataUids"), 0)),
                        text_at(ocsf, "metadata", "uid"));
    assert_non_null(strstr(text_at(update, "Comment", NULL), "run-1"));
    json_decref(ocsf);
}

static void test_a_service_that_refuses_holds_up_no_other(void **state)
{
    fixture *f = *state;
    json_t *asff = example("asff.json"), *ocsf = example("ocsf.json"), *call;
    size_t i, refused = 0;
    json_object_set_new(f->replies, "GetFindings", json_pack("{s:s}", "$error", "AccessDeniedException"));
    json_object_set_new(f->replies, "GetFindingsV2", json_pack("{s:[o]}", "Findings", ocsf_itself()));
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    tell_of(f, "run-1", "enforce", "done", "ecs:DeleteCluster", "done", asff);
    tell_of(f, "run-2", "enforce", "done", "ecs:DeleteCluster", "done", ocsf);
    settle(f, 1);
    json_array_foreach (fake_aws_sent(f->fake), i, call) {
        if (strcmp(text_at(call, "operation", NULL), "BatchUpdateFindingsV2") == 0) break;
        refused += strcmp(text_at(call, "operation", NULL), "GetFindings") == 0;
    }
    assert_int_equal(count_sent(f, "BatchUpdateFindingsV2"), 1);
    assert_int_equal(refused, 1);
    json_decref(asff);
    json_decref(ocsf);
}

static void test_a_guardduty_finding_is_archived_only_where_that_is_configured(void **state)
{
    fixture *f = *state;
    json_t *whole = example_file("guardduty-get-findings.json"), *finding = example("guardduty-get-findings.json");
    json_object_set_new(f->replies, "GetFindings", whole);
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    tell_of(f, "run-1", "enforce", "done", "ecs:DeleteCluster", "done", finding);
    settle(f, 1);
    assert_int_equal(json_array_size(fake_aws_sent(f->fake)), 0);
    set(f, "outcome.guardduty", "archive");
    reopen_notify(f);
    tell_of(f, "run-1", "enforce", "done", "ecs:DeleteCluster", "done", finding);
    settle(f, 1);
    assert_int_equal(count_sent(f, "ArchiveFindings"), 1);
    assert_string_equal(text_at(sent(f, "UpdateFindingsFeedback", 0), "Feedback", NULL), "USEFUL");
    assert_non_null(strstr(text_at(sent(f, "UpdateFindingsFeedback", 0), "Comments", NULL), "run-1"));
    json_decref(finding);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_virtual, fixture_teardown)

int main(void)
{
    rip_log_open(stderr, RIP_LOG_TEXT, RIP_LOG_OFF);
    const struct CMUnitTest tests[] = {
        TEST(test_a_contained_finding_is_resolved_with_the_runs_id),
        TEST(test_outcome_resolve_never_leaves_it_notified),
        TEST(test_a_finding_that_changed_since_is_not_touched),
        TEST(test_a_finding_that_a_person_suppressed_is_not_touched),
        TEST(test_a_finding_that_is_gone_is_let_go),
        TEST(test_a_dry_run_touches_nothing_unless_it_is_asked_to),
        TEST(test_what_the_playbook_did_itself_is_not_done_twice),
        TEST(test_a_run_that_begins_and_a_plan_that_waits_make_it_notified),
        TEST(test_findings_of_one_second_go_in_few_calls_each_once_and_a_note_names_every_run),
        TEST(test_a_call_that_fails_is_made_again),
        TEST(test_an_ocsf_finding_is_updated_by_its_metadata_uid),
        TEST(test_a_service_that_refuses_holds_up_no_other),
        TEST(test_a_guardduty_finding_is_archived_only_where_that_is_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
