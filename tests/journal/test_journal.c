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

static bool accept(journal *j, const char *id, const char *version)
{
    int written = 0;
    bool is_new = false;
    json_t *finding = json_pack("{s:s, s:s}", "id", id, "version", version);
    journal_accept(j, finding, &is_new, count, &written);
    assert_int_equal(written, 1);
    json_decref(finding);
    return is_new;
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
    journal *j = open_journal();
    assert_true(accept(j, "f-1", "1"));
    assert_false(accept(j, "f-1", "1"));
    assert_true(accept(j, "f-1", "2"));
    assert_true(accept(j, "f-2", "1"));
    journal_close(j);
}

static void test_a_run_keeps_its_record_and_gets_its_outcome(void **state)
{
    (void)state;
    journal *j = open_journal();
    int written = 0;
    begin(j, "r");
    json_t *outcome = json_pack("{s:s}", "outcome", "done");
    journal_run_end(j, "r", outcome, count, &written);
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
        cmocka_unit_test(test_a_run_keeps_its_record_and_gets_its_outcome),
        cmocka_unit_test(test_a_step_is_started_then_finished_and_found_by_path_and_number),
        cmocka_unit_test(test_steps_are_listed_as_started_and_numbered_as_finished),
        cmocka_unit_test(test_ten_thousand_steps_are_all_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
