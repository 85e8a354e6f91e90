/* A run's record as people and programs read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/run/record.h"

#define RUN "run-1"

static void ignore(void *data, rip_status status, const rip_error *err)
{
    (void)data;
    (void)err;
    assert_int_equal(status, RIP_OK);
}

static journal *begin(void)
{
    journal *j = NULL;
    rip_error err;
    char path[] = "p/contain.lua", name[] = "contain";
    json_t *text = json_string("return {}");
    rip_playbook playbook = {.path = path, .name = name, .shared_text = text};
    json_t *finding =
        json_pack("{s:s, s:s, s:s, s:{s:s}}", "id", "f-1", "version", "1", "kind", "ECS.3", "event", "secret", "no");
    json_t *record = record_queued(RUN, &playbook, finding, "enforce", 900);
    assert_int_equal(journal_open_memory(&j, &err), RIP_OK);
    journal_run_queue(j, record, ignore, NULL);
    json_decref(record);
    record = record_begin(RUN, &playbook, "0123456789abcdef", "enforce", 1000);
    journal_run_begin(j, record, ignore, NULL);
    json_decref(record);
    json_decref(finding);
    json_decref(text);
    return j;
}

static void add(journal *j, unsigned number, const char *kind, bool change, json_t *request, const char *outcome,
                json_t *reply)
{
    journal_step step = {.path = "",
                         .number = number,
                         .kind = kind,
                         .phase = "contain",
                         .fingerprint = "f",
                         .request = request,
                         .is_change = change,
                         .started_ms = 1000 + number * 100};
    journal_step_start(j, RUN, &step, ignore, NULL);
    if (outcome) {
        step.outcome = outcome;
        step.reply = reply;
        step.finished_ms = step.started_ms + 7;
        journal_step_finish(j, RUN, &step, ignore, NULL);
    }
    json_decref(request);
    json_decref(reply);
}

static json_t *delete_cluster(void)
{
    return json_pack("{s:s, s:s, s:{s:s}, s:s}", "service", "ecs", "operation", "DeleteCluster", "params", "cluster",
                     "x", "region", "us-east-1");
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static void test_a_record_holds_the_playbook_text_and_of_the_finding_only_what_names_it(void **state)
{
    (void)state;
    journal *j = begin();
    json_t *record = journal_run(j, RUN);
    assert_string_equal(text(record, "text"), "return {}");
    assert_string_equal(text(json_object_get(record, "finding"), "kind"), "ECS.3");
    assert_null(json_object_get(json_object_get(record, "finding"), "event"));
    journal_close(j);
}

static void test_a_report_tells_changes_with_place_time_and_state(void **state)
{
    (void)state;
    journal *j = begin();
    add(j, 1, "aws", true, delete_cluster(), "done", json_object());
    add(j, 2, "aws", true, delete_cluster(), NULL, NULL);
    json_t *report = record_report(j, RUN);
    json_t *change = json_array_get(json_object_get(report, "changes"), 0);
    assert_string_equal(text(change, "operation"), "ecs:DeleteCluster");
    assert_string_equal(text(change, "state"), "done");
    assert_string_equal(text(change, "phase"), "contain");
    assert_string_equal(text(change, "region"), "us-east-1");
    assert_int_equal(json_integer_value(json_object_get(change, "at")), 100);
    assert_int_equal(json_integer_value(json_object_get(change, "ms")), 7);
    assert_string_equal(text(json_array_get(json_object_get(report, "changes"), 1), "state"), "started");
    assert_null(json_object_get(report, "text"));
    json_decref(report);
    journal_close(j);
}

static void test_a_refused_read_is_told_among_the_changes(void **state)
{
    (void)state;
    journal *j = begin();
    json_t *why = json_pack("{s:s, s:s}", "code", "Guard.Permission", "message", "no");
    add(j, 1, "aws", false, delete_cluster(), "refused", why);
    json_t *report = record_report(j, RUN);
    json_t *change = json_array_get(json_object_get(report, "changes"), 0);
    assert_string_equal(text(json_object_get(change, "error"), "code"), "Guard.Permission");
    assert_int_equal(json_integer_value(json_object_get(report, "failed_reads")), 1);
    json_decref(report);
    journal_close(j);
}

static void test_notes_and_counts_come_apart_from_changes(void **state)
{
    (void)state;
    journal *j = begin();
    add(j, 1, "log", false, json_pack("{s:s}", "text", "hello"), "done", json_true());
    add(j, 2, "left-alone", false, json_pack("{s:s, s:s}", "what", "arn", "why", "ours"), "done", json_true());
    add(j, 3, "evidence", false, json_pack("{s:s, s:i}", "name", "n", "value", 3), "done", json_true());
    add(j, 4, "aws", false, delete_cluster(), "done", json_object());
    add(j, 5, "aws", false, delete_cluster(), "foreseen", json_object());
    json_t *report = record_report(j, RUN);
    assert_int_equal(json_array_size(json_object_get(report, "changes")), 0);
    assert_string_equal(text(json_array_get(json_object_get(report, "log"), 0), "text"), "hello");
    assert_string_equal(text(json_array_get(json_object_get(report, "left_alone"), 0), "why"), "ours");
    assert_int_equal(json_array_size(json_object_get(report, "evidence")), 1);
    assert_int_equal(json_integer_value(json_object_get(report, "reads")), 2);
    assert_int_equal(json_integer_value(json_object_get(report, "failed_reads")), 0);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(report, "calls"), "ecs:DeleteCluster")), 2);
    json_decref(report);
    journal_close(j);
}

static void test_a_preflights_verdict_stands_beside_its_change(void **state)
{
    (void)state;
    journal *j = begin();
    json_t *dry_run =
        json_pack("{s:s, s:s, s:{s:b}}", "service", "ec2", "operation", "StopInstances", "params", "DryRun", 1);
    add(j, 1, "aws", true, delete_cluster(), "planned", json_object());
    add(j, 2, "aws", true, delete_cluster(), "planned", json_object());
    add(j, 3, "aws", false, dry_run, "failed", json_pack("{s:s}", "code", "DryRunOperation"));
    add(j, 4, "preflight", false,
        json_pack("{s:[{s:s, s:s, s:s}]}", "verdicts", "step", "2", "verdict", "denied", "why", "explicitDeny"), "done",
        json_true());
    json_t *report = record_report(j, RUN);
    const json_t *changes = json_object_get(report, "changes");
    assert_null(json_object_get(json_array_get(changes, 0), "preflight"));
    const json_t *told = json_object_get(json_array_get(changes, 1), "preflight");
    assert_string_equal(text(told, "verdict"), "denied");
    assert_string_equal(text(told, "why"), "explicitDeny");
    assert_int_equal(json_integer_value(json_object_get(report, "failed_reads")),
                     0); /* a dry run's answer is an error */
    json_decref(report);
    journal_close(j);
}

static void test_a_run_that_is_not_known_has_no_report(void **state)
{
    (void)state;
    journal *j = begin();
    assert_null(record_report(j, "run-2"));
    journal_close(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_holds_the_playbook_text_and_of_the_finding_only_what_names_it),
        cmocka_unit_test(test_a_report_tells_changes_with_place_time_and_state),
        cmocka_unit_test(test_a_refused_read_is_told_among_the_changes),
        cmocka_unit_test(test_notes_and_counts_come_apart_from_changes),
        cmocka_unit_test(test_a_preflights_verdict_stands_beside_its_change),
        cmocka_unit_test(test_a_run_that_is_not_known_has_no_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
