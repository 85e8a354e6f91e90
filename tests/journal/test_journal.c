/* What every keeper of the journal promises. Each test is run on one in memory and on a durable one. */
#include "tests/journal/keepers.h"

static bool durable; /* which of them */

static int open_journal(void **state)
{
    keeper *k = calloc(1, sizeof *k);
    assert_non_null(k);
    if (durable)
        keeper_make(k);
    else
        assert_int_equal(uv_loop_init(&k->loop), 0);
    keeper_open(k);
    *state = k;
    return 0;
}

static int close_journal(void **state)
{
    keeper_remove(*state);
    free(*state);
    return 0;
}

static void begin(keeper *k, const char *id)
{
    int written = 0;
    json_t *record = json_pack("{s:s}", "id", id);
    journal_run_begin(k->j, record, on_done, &written);
    keeper_wait(k, &written, 1);
    json_decref(record);
}

/* A finding comes in that asks for one run; what the journal says of it. */
static json_t *arrive(keeper *k, const char *id, const char *version, const journal_wanted *wanted, int64_t at)
{
    json_t *finding = json_pack("{s:s, s:s, s:{}}", "id", id, "version", version, "event");
    answer a = {0};
    journal_arrival arrival = {
        .finding = finding, .event = "{}", .event_len = 2, .wanted = wanted, .wanted_count = 1, .received_ms = at};
    journal_accept(k->j, &arrival, on_answer, &a);
    json_decref(finding);
    keeper_wait(k, &a.count, 1);
    assert_non_null(a.value);
    return a.value;
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

static void start(keeper *k, const char *path, unsigned number)
{
    keeper_start(k, "r", path, number, JOURNAL_LIGHT);
}

static void finish(keeper *k, const char *path, unsigned number)
{
    keeper_finish(k, "r", path, number);
}

static void test_a_finding_is_new_once_for_each_version(void **state)
{
    keeper *k = *state;
    static const struct {
        const char *id, *version;
        bool is_new, is_update;
    } CASES[] = {
        {"f-1", "1", true, false}, {"f-1", "1", false, false}, {"f-1", "2", true, true}, {"f-2", "1", true, false}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char run[16];
        snprintf(run, sizeof run, "r-%zu", i);
        journal_wanted wanted = wanting(run);
        json_t *value = arrive(k, CASES[i].id, CASES[i].version, &wanted, 1);
        assert_int_equal(json_is_true(json_object_get(value, "is_new")), CASES[i].is_new);
        assert_int_equal(json_is_true(json_object_get(value, "is_update")), CASES[i].is_update);
        assert_string_equal(why_not(value), CASES[i].is_new ? "queued" : "repeated");
        assert_true((journal_run(k->j, run) != NULL) == CASES[i].is_new);
        json_decref(wanted.record);
    }
}

static void test_an_update_makes_no_run_that_is_only_for_the_first_version(void **state)
{
    keeper *k = *state;
    journal_wanted first = wanting("r-1"), second = wanting("r-2");
    first.only_first = second.only_first = true;
    assert_string_equal(why_not(arrive(k, "f", "1", &first, 1)), "queued");
    assert_string_equal(why_not(arrive(k, "f", "2", &second, 1)), "update");
    assert_null(journal_run(k->j, "r-2"));
    json_decref(first.record);
    json_decref(second.record);
}

static void test_a_cooldown_holds_for_its_key_and_its_time(void **state)
{
    keeper *k = *state;
    journal_wanted one = wanting("r-1"), two = wanting("r-2"), other = wanting("r-3"), late = wanting("r-4");
    one.cooldown_key = two.cooldown_key = late.cooldown_key = "p/key";
    other.cooldown_key = "p/other";
    one.cooldown_ms = two.cooldown_ms = late.cooldown_ms = other.cooldown_ms = 1000;
    assert_string_equal(why_not(arrive(k, "f-1", "1", &one, 5000)), "queued");
    assert_string_equal(why_not(arrive(k, "f-2", "1", &two, 5999)), "cooldown");
    assert_string_equal(why_not(arrive(k, "f-3", "1", &other, 5999)), "queued");
    assert_string_equal(why_not(arrive(k, "f-4", "1", &late, 6000)), "queued");
    json_decref(one.record);
    json_decref(two.record);
    json_decref(other.record);
    json_decref(late.record);
}

static void test_what_follows_a_run_is_queued_with_its_end(void **state)
{
    keeper *k = *state;
    int written = 0;
    begin(k, "r");
    json_t *outcome = json_pack("{s:s}", "outcome", "failed"), *next = json_pack("{s:s}", "id", "r.2");
    journal_run_end(k->j, "r", outcome, next, on_done, &written);
    assert_non_null(journal_run(k->j, "r.2"));
    json_t *decision = json_pack("{s:s, s:s}", "who", "alice", "decision", "retry"),
           *third = json_pack("{s:s}", "id", "r.3");
    journal_run_decide(k->j, "r", decision, "retried", third, on_done, &written);
    keeper_wait(k, &written, 2);
    assert_string_equal(json_string_value(json_object_get(journal_run(k->j, "r"), "outcome")), "retried");
    assert_int_equal(json_array_size(json_object_get(journal_run(k->j, "r"), "decisions")), 1);
    assert_non_null(journal_run(k->j, "r.3"));
    json_decref(decision);
    json_decref(third);
    json_decref(outcome);
    json_decref(next);
}

static void test_changes_are_counted_for_each_scope_and_time(void **state)
{
    keeper *k = *state;
    const int64_t hour = 3600000, start = 1000 * hour;
    for (int i = 0; i < 3; i++) journal_spend(k->j, "account:1", start);
    journal_spend(k->j, "account:1", start + hour);
    journal_spend(k->j, "account:2", start + hour);
    assert_int_equal(journal_spent(k->j, "account:1", start), 4);
    assert_int_equal(journal_spent(k->j, "account:1", start + hour), 1);
    assert_int_equal(journal_spent(k->j, "account:3", 0), 0);
}

static void test_a_run_is_read_by_the_beginning_of_its_id(void **state)
{
    keeper *k = *state;
    begin(k, "run-1a");
    begin(k, "run-2b");
    json_t *whole = keeper_read(k, "run-1");
    assert_string_equal(json_string_value(json_object_get(json_object_get(whole, "record"), "id")), "run-1a");
    json_decref(whole);
}

static void test_a_run_keeps_its_record_and_gets_its_outcome(void **state)
{
    keeper *k = *state;
    int written = 0;
    begin(k, "r");
    json_t *outcome = json_pack("{s:s}", "outcome", "done");
    journal_run_end(k->j, "r", outcome, NULL, on_done, &written);
    json_decref(outcome);
    keeper_wait(k, &written, 1);
    assert_string_equal(json_string_value(json_object_get(journal_run(k->j, "r"), "id")), "r");
    assert_string_equal(json_string_value(json_object_get(journal_run(k->j, "r"), "outcome")), "done");
    assert_null(journal_run(k->j, "another"));
}

static void test_a_step_is_started_then_finished_and_found_by_path_and_number(void **state)
{
    keeper *k = *state;
    begin(k, "r");
    assert_null(journal_step_find(k->j, "r", "2.7", 3));
    start(k, "2.7", 3);
    const journal_step *step = journal_step_find(k->j, "r", "2.7", 3);
    assert_non_null(step);
    assert_int_equal(step->state, JOURNAL_STARTED);
    assert_null(step->reply);
    finish(k, "2.7", 3);
    step = journal_step_find(k->j, "r", "2.7", 3);
    assert_int_equal(step->state, JOURNAL_FINISHED);
    assert_string_equal(step->outcome, "done");
    assert_int_equal(step->order, 1);
    assert_null(journal_step_find(k->j, "r", "2.7", 4));
    assert_null(journal_step_find(k->j, "r", "27", 3));
    assert_null(journal_step_find(k->j, "other", "2.7", 3));
}

static void test_steps_are_listed_as_started_and_numbered_as_finished(void **state)
{
    keeper *k = *state;
    begin(k, "r");
    start(k, "1", 1);
    start(k, "2", 1);
    finish(k, "2", 1);
    finish(k, "1", 1);
    assert_int_equal(journal_step_count(k->j, "r"), 2);
    assert_string_equal(journal_step_at(k->j, "r", 0)->path, "1");
    assert_int_equal(journal_step_at(k->j, "r", 0)->order, 2);
    assert_int_equal(journal_step_at(k->j, "r", 1)->order, 1);
    assert_null(journal_step_at(k->j, "r", 2));
}

static void test_ten_thousand_steps_are_all_found_again(void **state)
{
    keeper *k = *state;
    begin(k, "r");
    char path[16];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(path, sizeof path, "%u", i % 100);
        start(k, path, i / 100 + 1);
    }
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(path, sizeof path, "%u", i % 100);
        const journal_step *step = journal_step_find(k->j, "r", path, i / 100 + 1);
        assert_non_null(step);
        assert_string_equal(json_string_value(json_object_get(step->request, "path")), path);
        assert_int_equal(json_integer_value(json_object_get(step->request, "number")), i / 100 + 1);
    }
}

#define ON(test) cmocka_unit_test_setup_teardown(test, open_journal, close_journal)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_a_finding_is_new_once_for_each_version),
        ON(test_an_update_makes_no_run_that_is_only_for_the_first_version),
        ON(test_a_cooldown_holds_for_its_key_and_its_time),
        ON(test_what_follows_a_run_is_queued_with_its_end),
        ON(test_changes_are_counted_for_each_scope_and_time),
        ON(test_a_run_is_read_by_the_beginning_of_its_id),
        ON(test_a_run_keeps_its_record_and_gets_its_outcome),
        ON(test_a_step_is_started_then_finished_and_found_by_path_and_number),
        ON(test_steps_are_listed_as_started_and_numbered_as_finished),
        ON(test_ten_thousand_steps_are_all_found_again),
    };
    int failed = cmocka_run_group_tests_name("in memory", tests, NULL, NULL);
    durable = true;
    return failed + cmocka_run_group_tests_name("durable", tests, NULL, NULL);
}
