/* What every keeper of the journal promises, tried on the one in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/journal/journal.h"

static void count(void *data, rip_status status, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    ++*(int *)data;
}

static journal *open_journal(void)
{
    journal *j = NULL;
    rip_error err;
    assert_int_equal(journal_open_memory(&j, &err), RIP_OK);
    return j;
}

static void begin(journal *j, const char *id)
{
    int written = 0;
    json_t *record = json_pack("{s:s}", "id", id);
    journal_run_begin(j, record, count, &written);
    assert_int_equal(written, 1);
    json_decref(record);
}

static void take(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(json_t **)data = json_incref(value);
}

/* A finding comes in that asks for one run; what the journal says of it. */
static json_t *arrive(journal *j, const char *id, const char *version, const journal_wanted *wanted, int64_t at)
{
    json_t *finding = json_pack("{s:s, s:s}", "id", id, "version", version), *value = NULL;
    journal_arrival arrival = {
        .finding = finding, .event = "{}", .event_len = 2, .wanted = wanted, .wanted_count = 1, .received_ms = at};
    journal_accept(j, &arrival, take, &value);
    assert_non_null(value);
    json_decref(finding);
    return value;
}

static const char *why_not(json_t *value)
{
    static char why[32];
    const char *text = json_string_value(json_array_get(json_object_get(value, "runs"), 0));
    snprintf(why, sizeof why, "%s", text ? text : "queued");
    json_decref(value);
    return why;
}

static journal_wanted wanting(const char *run)
{
    return (journal_wanted){.record = json_pack("{s:s, s:I}", "id", run, "queued", (json_int_t)1)};
}

static void start(journal *j, const char *path, unsigned number)
{
    int written = 0;
    json_t *request = json_pack("{s:s, s:i}", "path", path, "number", (int)number);
    journal_step step = {
        .path = path, .number = number, .kind = "aws", .phase = "", .fingerprint = "f", .request = request};
    journal_step_start(j, "r", &step, count, &written);
    assert_int_equal(written, 1);
    json_decref(request);
}

static void finish(journal *j, const char *path, unsigned number)
{
    int written = 0;
    json_t *reply = json_pack("{s:i}", "n", (int)number);
    journal_step step = {.path = path, .number = number, .outcome = "done", .reply = reply, .finished_ms = 5};
    journal_step_finish(j, "r", &step, count, &written);
    assert_int_equal(written, 1);
    json_decref(reply);
}

static void test_a_finding_is_new_once_for_each_version(void **state)
{
    (void)state;
    static const struct {
        const char *id, *version;
        bool is_new, is_update;
    } CASES[] = {
        {"f-1", "1", true, false}, {"f-1", "1", false, false}, {"f-1", "2", true, true}, {"f-2", "1", true, false}};
    journal *j = open_journal();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char run[16];
        snprintf(run, sizeof run, "r-%zu", i);
        journal_wanted wanted = wanting(run);
        json_t *value = arrive(j, CASES[i].id, CASES[i].version, &wanted, 1);
        assert_int_equal(json_is_true(json_object_get(value, "is_new")), CASES[i].is_new);
        assert_int_equal(json_is_true(json_object_get(value, "is_update")), CASES[i].is_update);
        assert_string_equal(why_not(value), CASES[i].is_new ? "queued" : "repeated");
        assert_true((journal_run(j, run) != NULL) == CASES[i].is_new);
        json_decref(wanted.record);
    }
    journal_close(j);
}

static void test_an_update_makes_no_run_that_is_only_for_the_first_version(void **state)
{
    (void)state;
    journal *j = open_journal();
    journal_wanted first = wanting("r-1"), second = wanting("r-2");
    first.only_first = second.only_first = true;
    assert_string_equal(why_not(arrive(j, "f", "1", &first, 1)), "queued");
    assert_string_equal(why_not(arrive(j, "f", "2", &second, 1)), "update");
    assert_null(journal_run(j, "r-2"));
    json_decref(first.record);
    json_decref(second.record);
    journal_close(j);
}

static void test_a_cooldown_holds_for_its_key_and_its_time(void **state)
{
    (void)state;
    journal *j = open_journal();
    journal_wanted one = wanting("r-1"), two = wanting("r-2"), other = wanting("r-3"), late = wanting("r-4");
    one.cooldown_key = two.cooldown_key = late.cooldown_key = "p/key";
    other.cooldown_key = "p/other";
    one.cooldown_ms = two.cooldown_ms = late.cooldown_ms = other.cooldown_ms = 1000;
    assert_string_equal(why_not(arrive(j, "f-1", "1", &one, 5000)), "queued");
    assert_string_equal(why_not(arrive(j, "f-2", "1", &two, 5999)), "cooldown");
    assert_string_equal(why_not(arrive(j, "f-3", "1", &other, 5999)), "queued");
    assert_string_equal(why_not(arrive(j, "f-4", "1", &late, 6000)), "queued");
    json_decref(one.record);
    json_decref(two.record);
    json_decref(other.record);
    json_decref(late.record);
    journal_close(j);
}

static void test_what_follows_a_run_is_queued_with_its_end(void **state)
{
    (void)state;
    journal *j = open_journal();
    int written = 0;
    begin(j, "r");
    json_t *outcome = json_pack("{s:s}", "outcome", "failed"), *next = json_pack("{s:s}", "id", "r.2");
    journal_run_end(j, "r", outcome, next, count, &written);
    assert_non_null(journal_run(j, "r.2"));
    json_t *decision = json_pack("{s:s, s:s}", "who", "alice", "decision", "retry"),
           *third = json_pack("{s:s}", "id", "r.3");
    journal_run_decide(j, "r", decision, "retried", third, count, &written);
    assert_int_equal(written, 2);
    assert_string_equal(json_string_value(json_object_get(journal_run(j, "r"), "outcome")), "retried");
    assert_int_equal(json_array_size(json_object_get(journal_run(j, "r"), "decisions")), 1);
    assert_non_null(journal_run(j, "r.3"));
    json_decref(decision);
    json_decref(third);
    json_decref(outcome);
    json_decref(next);
    journal_close(j);
}

static void test_changes_are_counted_for_each_scope_and_time(void **state)
{
    (void)state;
    journal *j = open_journal();
    const int64_t hour = 3600000, start = 1000 * hour;
    for (int i = 0; i < 3; i++) journal_spend(j, "account:1", start);
    journal_spend(j, "account:1", start + hour);
    journal_spend(j, "account:2", start + hour);
    assert_int_equal(journal_spent(j, "account:1", start), 4);
    assert_int_equal(journal_spent(j, "account:1", start + hour), 1);
    assert_int_equal(journal_spent(j, "account:3", 0), 0);
    journal_close(j);
}

static void test_a_run_is_read_by_the_beginning_of_its_id(void **state)
{
    (void)state;
    journal *j = open_journal();
    json_t *whole = NULL;
    begin(j, "run-1a");
    begin(j, "run-2b");
    journal_read_run(j, "run-1", take, &whole);
    assert_string_equal(json_string_value(json_object_get(json_object_get(whole, "record"), "id")), "run-1a");
    json_decref(whole);
    journal_close(j);
}

static void test_a_run_keeps_its_record_and_gets_its_outcome(void **state)
{
    (void)state;
    journal *j = open_journal();
    int written = 0;
    begin(j, "r");
    json_t *outcome = json_pack("{s:s}", "outcome", "done");
    journal_run_end(j, "r", outcome, NULL, count, &written);
    json_decref(outcome);
    assert_int_equal(written, 1);
    assert_string_equal(json_string_value(json_object_get(journal_run(j, "r"), "id")), "r");
    assert_string_equal(json_string_value(json_object_get(journal_run(j, "r"), "outcome")), "done");
    assert_null(journal_run(j, "another"));
    journal_close(j);
}

static void test_a_step_is_started_then_finished_and_found_by_path_and_number(void **state)
{
    (void)state;
    journal *j = open_journal();
    begin(j, "r");
    assert_null(journal_step_find(j, "r", "2.7", 3));
    start(j, "2.7", 3);
    const journal_step *step = journal_step_find(j, "r", "2.7", 3);
    assert_non_null(step);
    assert_int_equal(step->state, JOURNAL_STARTED);
    assert_null(step->reply);
    finish(j, "2.7", 3);
    step = journal_step_find(j, "r", "2.7", 3);
    assert_int_equal(step->state, JOURNAL_FINISHED);
    assert_string_equal(step->outcome, "done");
    assert_int_equal(step->order, 1);
    assert_null(journal_step_find(j, "r", "2.7", 4));
    assert_null(journal_step_find(j, "r", "27", 3));
    assert_null(journal_step_find(j, "other", "2.7", 3));
    journal_close(j);
}

static void test_steps_are_listed_as_started_and_numbered_as_finished(void **state)
{
    (void)state;
    journal *j = open_journal();
    begin(j, "r");
    start(j, "1", 1);
    start(j, "2", 1);
    finish(j, "2", 1);
    finish(j, "1", 1);
    assert_int_equal(journal_step_count(j, "r"), 2);
    assert_string_equal(journal_step_at(j, "r", 0)->path, "1");
    assert_int_equal(journal_step_at(j, "r", 0)->order, 2);
    assert_int_equal(journal_step_at(j, "r", 1)->order, 1);
    assert_null(journal_step_at(j, "r", 2));
    journal_close(j);
}

static void test_ten_thousand_steps_are_all_found_again(void **state)
{
    (void)state;
    journal *j = open_journal();
    begin(j, "r");
    char path[16];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(path, sizeof path, "%u", i % 100);
        start(j, path, i / 100 + 1);
    }
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(path, sizeof path, "%u", i % 100);
        const journal_step *step = journal_step_find(j, "r", path, i / 100 + 1);
        assert_non_null(step);
        assert_string_equal(json_string_value(json_object_get(step->request, "path")), path);
        assert_int_equal(json_integer_value(json_object_get(step->request, "number")), i / 100 + 1);
    }
    journal_close(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_finding_is_new_once_for_each_version),
        cmocka_unit_test(test_an_update_makes_no_run_that_is_only_for_the_first_version),
        cmocka_unit_test(test_a_cooldown_holds_for_its_key_and_its_time),
        cmocka_unit_test(test_what_follows_a_run_is_queued_with_its_end),
        cmocka_unit_test(test_changes_are_counted_for_each_scope_and_time),
        cmocka_unit_test(test_a_run_is_read_by_the_beginning_of_its_id),
        cmocka_unit_test(test_a_run_keeps_its_record_and_gets_its_outcome),
        cmocka_unit_test(test_a_step_is_started_then_finished_and_found_by_path_and_number),
        cmocka_unit_test(test_steps_are_listed_as_started_and_numbered_as_finished),
        cmocka_unit_test(test_ten_thousand_steps_are_all_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
