/* The run that tells a service of its findings: what is told, what is left alone, and which guards hold it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/dispatch/feedback.h"
#include "engine/dispatch/words.h"
#include "tests/dispatch/world.h"

#define ACCOUNT "123456789012"
#define SEEN "2026-03-01T08:05:00Z"

static const char *text_at(const json_t *value, const char *key)
{
    const char *text = json_string_value(json_object_get(value, key));
    return text ? text : "";
}

static json_t *brief(const char *form, const char *key, const char *status, const char *name)
{
    const char *product = strcmp(form, "guardduty") == 0 ? "detector-1"
                          : strcmp(form, "asff") == 0    ? "arn:aws:securityhub:::product/a/b"
                                                         : "";
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "form", form, "account", ACCOUNT, "region",
                     "us-east-1", "status", status, "text", "Riposte: this finding was contained (playbook p)", "run",
                     name, "key", key, "product", product, "version", SEEN);
}

static json_t *asff(const char *id, const char *updated, const char *workflow)
{
    return json_pack("{s:s, s:s, s:s, s:{s:s}, s:s}", "Id", id, "ProductArn", "arn:aws:securityhub:::product/a/b",
                     "UpdatedAt", updated, "Workflow", "Status", workflow, "RecordState", "ACTIVE");
}

static void answer(world *w, const char *operation, json_t *findings)
{
    json_object_set_new(w->replies, operation, json_pack("{s:o}", "Findings", findings));
}

static void on_handed(void *data, rip_status status, const rip_error *err)
{
    (void)err;
    *(rip_status *)data = status;
}

/* `briefs` is stolen. */
static void tell(world *w, json_t *briefs)
{
    rip_status status = RIP_EIO;
    if (!w->dispatch) {
        playbook(w, "idle", "", "");
        open_dispatch(w);
    }
    dispatch_feedback(w->dispatch, briefs, on_handed, &status);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(status, RIP_OK);
    json_decref(briefs);
}

/* The parameters of the nth call of an operation; NULL: there was none. */
static const json_t *sent(const world *w, const char *operation, size_t nth)
{
    size_t i;
    json_t *call;
    json_array_foreach (fake_aws_sent(w->fake), i, call) {
        if (strcmp(text_at(call, "operation"), operation) == 0 && nth-- == 0) return json_object_get(call, "params");
    }
    return NULL;
}

static void keep_answer(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(json_t **)data = json_incref(value);
}

/* The newest run, whole. */
static json_t *newest(world *w)
{
    const journal_filter filter = {0};
    json_t *found = NULL, *whole = NULL;
    journal_find_runs(w->journal, &filter, keep_answer, &found);
    journal_read_run(w->journal, text_at(json_array_get(found, 0), "id"), keep_answer, &whole);
    json_decref(found);
    return whole;
}

static void test_a_finding_that_is_as_it_was_is_resolved_on_record_with_its_runs_id(void **state)
{
    world *w = *state;
    answer(w, "GetFindings", json_pack("[o]", asff("f-1", "2026-03-01T08:05:00.000Z", "NEW")));
    tell(w, json_pack("[o]", brief("asff", "f-1", "RESOLVED", "run-1")));
    const json_t *update = sent(w, "BatchUpdateFindings", 0);
    assert_string_equal(text_at(json_object_get(update, "Workflow"), "Status"), "RESOLVED");
    assert_non_null(strstr(text_at(json_object_get(update, "Note"), "Text"), "run-1"));
    json_t *whole = newest(w), *record = json_object_get(whole, "record");
    assert_string_equal(text_at(record, "playbook"), "feedback");
    assert_string_equal(text_at(record, "outcome"), "done");
    json_decref(whole);
    EXPECT_LOG(w, "started feedback", "done feedback"); /* no finding was dealt with */
}

static void expect_untouched(world *w, json_t *now, const char *why)
{
    answer(w, "GetFindings", now);
    tell(w, json_pack("[o]", brief("asff", "f-1", "RESOLVED", "run-1")));
    assert_non_null(sent(w, "GetFindings", 0));
    assert_null(sent(w, "BatchUpdateFindings", 0));
    json_t *whole = newest(w);
    char *text = json_dumps(json_object_get(whole, "steps"), 0);
    if (!strstr(text, why)) fail_msg("no step of %s says that %s", text, why);
    free(text);
    json_decref(whole);
}

static void test_a_finding_that_changed_since_is_not_touched(void **state)
{
    expect_untouched(*state, json_pack("[o]", asff("f-1", "2031-01-01T00:00:00Z", "NEW")), "it has changed since");
}

static void test_a_finding_that_a_person_suppressed_is_not_touched(void **state)
{
    expect_untouched(*state, json_pack("[o]", asff("f-1", SEEN, "SUPPRESSED")), "it was closed");
}

static void test_a_finding_that_is_gone_is_let_go(void **state)
{
    expect_untouched(*state, json_array(), "it is not there any more");
}

static void test_findings_of_a_batch_are_told_in_one_call_each_once_and_the_note_names_every_run(void **state)
{
    world *w = *state;
    json_t *briefs = json_array(), *all = json_array();
    for (int i = 0; i < 15; i++) {
        char name[32], id[32];
        snprintf(name, sizeof name, "run-0123456789abcd%02d", i);
        snprintf(id, sizeof id, "finding-%d", i / 2);
        json_array_append_new(briefs, brief("asff", id, "RESOLVED", name));
        if (i % 2 == 0) json_array_append_new(all, asff(id, SEEN, "NEW"));
    }
    answer(w, "GetFindings", all);
    tell(w, briefs);
    const json_t *update = sent(w, "BatchUpdateFindings", 0);
    const char *note = text_at(json_object_get(update, "Note"), "Text");
    assert_int_equal(json_array_size(json_object_get(update, "FindingIdentifiers")), 8);
    assert_null(sent(w, "BatchUpdateFindings", 1));
    assert_null(sent(w, "GetFindings", 1)); /* what takes it back was read with the first */
    assert_true(strlen(note) <= 512);
    assert_non_null(strstr(note, "run-0123456789abcd00, run-0123456789abcd01"));
    assert_non_null(strstr(note, "run-0123456789abcd14"));
}

static void test_an_ocsf_finding_is_updated_by_its_metadata_uid(void **state)
{
    world *w = *state;
    answer(w, "GetFindingsV2",
           json_pack("[{s:{s:s}, s:{s:I}, s:i}]", "metadata", "uid", "uid-1", "finding_info", "modified_time",
                     (json_int_t)1772352300000, "status_id", 1));
    tell(w, json_pack("[o]", brief("ocsf", "uid-1", "RESOLVED", "run-1")));
    const json_t *update = sent(w, "BatchUpdateFindingsV2", 0);
    assert_int_equal(json_integer_value(json_object_get(update, "StatusId")), 4);
    assert_string_equal(json_string_value(json_array_get(json_object_get(update, "MetadataUids"), 0)), "uid-1");
    assert_non_null(strstr(text_at(update, "Comment"), "run-1"));
}

static void test_a_guardduty_finding_is_archived_with_a_comment(void **state)
{
    world *w = *state;
    answer(w, "GetFindings",
           json_pack("[{s:s, s:s, s:{s:s, s:b}}]", "Id", "g-1", "UpdatedAt", SEEN, "Service", "DetectorId",
                     "detector-1", "Archived", 0));
    tell(w, json_pack("[o]", brief("guardduty", "g-1", "RESOLVED", "run-1")));
    assert_string_equal(text_at(sent(w, "ArchiveFindings", 0), "DetectorId"), "detector-1");
    assert_non_null(strstr(text_at(sent(w, "UpdateFindingsFeedback", 0), "Comments"), "run-1"));
}

static void test_a_finding_that_could_not_be_taken_just_now_is_told_again(void **state)
{
    world *w = *state;
    answer(w, "GetFindings", json_pack("[o]", asff("f-1", SEEN, "NEW")));
    json_object_set_new(w->replies, "BatchUpdateFindings",
                        json_pack("{s:[], s:[{s:{s:s, s:s}, s:s, s:s}]}", "ProcessedFindings", "UnprocessedFindings",
                                  "FindingIdentifier", "Id", "f-1", "ProductArn", "p", "ErrorCode",
                                  "ConcurrentUpdateError", "ErrorMessage", "busy"));
    tell(w, json_pack("[o]", brief("asff", "f-1", "RESOLVED", "run-1")));
    assert_non_null(sent(w, "BatchUpdateFindings", 2));
    assert_null(sent(w, "BatchUpdateFindings", 3));
    json_t *whole = newest(w);
    assert_string_equal(text_at(json_object_get(whole, "record"), "outcome"), "parked"); /* riposte retry */
    json_decref(whole);
}

static void on_word(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)data;
    (void)value;
    (void)err;
    assert_int_equal(status, RIP_OK);
}

static void say(world *w, const char *word, const char *scope)
{
    json_t *request = json_pack("{s:s, s:s, s:s}", "do", word, "scope", scope, "who", "alice");
    words_perform(w->dispatch, request, on_word, NULL);
    json_decref(request);
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void test_a_pause_holds_what_is_told_of_findings_until_it_is_over(void **state)
{
    static const char *const SCOPES[] = {"all", "account:" ACCOUNT, "playbook:feedback"};
    world *w = *state;
    answer(w, "GetFindings", json_pack("[o]", asff("f-1", SEEN, "NEW")));
    playbook(w, "idle", "", "");
    open_dispatch(w);
    for (size_t i = 0; i < sizeof SCOPES / sizeof *SCOPES; i++) {
        char name[16];
        snprintf(name, sizeof name, "run-%zu", i);
        say(w, "pause", SCOPES[i]);
        tell(w, json_pack("[o]", brief("asff", "f-1", "NOTIFIED", name)));
        assert_null(sent(w, "BatchUpdateFindings", i));
        say(w, "resume", SCOPES[i]);
        assert_non_null(sent(w, "BatchUpdateFindings", i));
    }
}

static void test_it_is_told_in_no_account_or_region_that_is_not_allowed(void **state)
{
    world *w = *state;
    rip_error err;
    json_t *regions = json_pack("[s]", "eu-*");
    guard_policy policy = {.regions = regions, .is_simulated = true};
    guard_context guards = {w->targets, w->client, w->journal, w->clock};
    guard_free(w->guard);
    assert_int_equal(guard_new(&policy, &guards, &w->guard, &err), RIP_OK);
    w->context.guard = w->guard;
    json_decref(regions);
    tell(w, json_pack("[o]", brief("asff", "f-1", "RESOLVED", "run-1")));
    assert_int_equal(json_array_size(fake_aws_sent(w->fake)), 0);
    json_t *whole = newest(w);
    assert_string_equal(text_at(json_object_get(whole, "record"), "outcome"), "failed");
    json_decref(whole);
}

static void test_what_is_told_uses_up_no_budget_and_needs_none(void **state)
{
    world *w = *state;
    guard_limit(w->guard, 1, 1);
    journal_spend(w->journal, "account:" ACCOUNT, rip_clock_now(w->clock));
    answer(w, "GetFindings", json_pack("[o]", asff("f-1", SEEN, "NEW")));
    tell(w, json_pack("[o]", brief("asff", "f-1", "RESOLVED", "run-1")));
    assert_non_null(sent(w, "BatchUpdateFindings", 0));
    assert_int_equal(journal_spent(w->journal, "account:" ACCOUNT, 0), 1);
}

static void test_it_is_told_though_the_mode_was_lowered_since(void **state)
{
    world *w = *state;
    w->context.mode = RUN_DRY_RUN;
    answer(w, "GetFindings", json_pack("[o]", asff("f-1", SEEN, "NEW")));
    tell(w, json_pack("[o]", brief("asff", "f-1", "RESOLVED", "run-1")));
    assert_non_null(sent(w, "BatchUpdateFindings", 0));
}

static void test_a_batch_that_is_handed_over_twice_is_one_run(void **state)
{
    world *w = *state;
    answer(w, "GetFindings", json_pack("[o]", asff("f-1", SEEN, "NEW")));
    tell(w, json_pack("[o]", brief("asff", "f-1", "RESOLVED", "run-1")));
    tell(w, json_pack("[o]", brief("asff", "f-1", "RESOLVED", "run-1")));
    assert_null(sent(w, "BatchUpdateFindings", 1));
}

static void test_what_was_queued_before_a_crash_is_told_after_it(void **state)
{
    world *w = *state;
    rip_status status = RIP_EIO;
    json_t *briefs = json_pack("[o]", brief("asff", "f-1", "RESOLVED", "run-1"));
    answer(w, "GetFindings", json_pack("[o]", asff("f-1", SEEN, "NEW")));
    playbook(w, "idle", "", "");
    open_dispatch(w);
    dispatch_quiet(w->dispatch);
    dispatch_feedback(w->dispatch, briefs, on_handed, &status);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(status, RIP_OK);
    assert_null(sent(w, "GetFindings", 0));
    dispatch_free(w->dispatch);
    library_free(w->books);
    open_dispatch(w);
    dispatch_recover(w->dispatch, on_handed, &status);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_non_null(sent(w, "BatchUpdateFindings", 0));
    json_decref(briefs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_setup, dispatch_teardown)

int main(void)
{
    rip_log_open(stderr, RIP_LOG_TEXT, RIP_LOG_OFF);
    const struct CMUnitTest tests[] = {
        TEST(test_a_finding_that_is_as_it_was_is_resolved_on_record_with_its_runs_id),
        TEST(test_a_finding_that_changed_since_is_not_touched),
        TEST(test_a_finding_that_a_person_suppressed_is_not_touched),
        TEST(test_a_finding_that_is_gone_is_let_go),
        TEST(test_findings_of_a_batch_are_told_in_one_call_each_once_and_the_note_names_every_run),
        TEST(test_an_ocsf_finding_is_updated_by_its_metadata_uid),
        TEST(test_a_guardduty_finding_is_archived_with_a_comment),
        TEST(test_a_finding_that_could_not_be_taken_just_now_is_told_again),
        TEST(test_a_pause_holds_what_is_told_of_findings_until_it_is_over),
        TEST(test_it_is_told_in_no_account_or_region_that_is_not_allowed),
        TEST(test_what_is_told_uses_up_no_budget_and_needs_none),
        TEST(test_it_is_told_though_the_mode_was_lowered_since),
        TEST(test_a_batch_that_is_handed_over_twice_is_one_run),
        TEST(test_what_was_queued_before_a_crash_is_told_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
