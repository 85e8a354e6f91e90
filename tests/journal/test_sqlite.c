/* What a durable journal promises beyond one process's life. */
#include "tests/journal/keepers.h"

#include <sys/stat.h>
#include <unistd.h>

static int set_up(void **state)
{
    keeper *k = calloc(1, sizeof *k);
    assert_non_null(k);
    keeper_make(k);
    keeper_open(k);
    *state = k;
    return 0;
}

static int tear_down(void **state)
{
    keeper_remove(*state);
    free(*state);
    return 0;
}

static void reopen(keeper *k)
{
    keeper_close(k);
    keeper_open(k);
}

/* Coming back. */

static void test_runs_that_had_not_ended_come_back_with_their_steps_and_finding(void **state)
{
    keeper *k = *state;
    keeper_whole_run(k, "f-1", "r-ended", 10);
    json_decref(keeper_arrive(k, "f-2", "1", "r-open", 20));
    json_decref(keeper_arrive(k, "f-3", "1", "r-queued", 30));
    keeper_begin(k, "r-open");
    journal_run_source(k->j, "r-open", "lib", "return {}", 9);
    keeper_start(k, "r-open", "", 1, JOURNAL_LIGHT);
    keeper_start(k, "r-open", "2.7", 1, JOURNAL_NOTED);
    keeper_start(k, "r-open", "", 2, JOURNAL_SAFE);
    keeper_finish(k, "r-open", "2.7", 1);
    keeper_finish(k, "r-open", "", 1);
    keeper_start(k, "r-open", "", 3, JOURNAL_LIGHT);
    reopen(k);
    assert_null(journal_run(k->j, "r-open"));
    json_t *all = keeper_recover(k);

    assert_int_equal(json_array_size(all), 2);
    assert_string_equal(text_at(all, "0.record.id"), "r-open");
    assert_string_equal(text_at(all, "0.finding.event.detail-type"), "GuardDuty Finding");
    assert_string_equal(text_at(all, "0.record.text"), "return { run = function() end }");
    assert_string_equal(text_at(all, "1.record.id"), "r-queued");
    assert_string_equal(text_at(all, "1.finding.id"), "f-3");
    assert_string_equal(text_at(journal_run(k->j, "r-open"), "sources.lib"), "return {}");
    assert_int_equal(journal_step_count(k->j, "r-open"), 3);
    assert_int_equal(journal_step_finished(k->j, "r-open"), 2);
    assert_int_equal(journal_step_find(k->j, "r-open", "2.7", 1)->order, 1);
    assert_int_equal(journal_step_find(k->j, "r-open", "", 1)->order, 2);
    const journal_step *change = journal_step_find(k->j, "r-open", "", 2);
    assert_int_equal(change->state, JOURNAL_STARTED);
    assert_true(change->is_change);
    assert_int_equal(change->care, JOURNAL_SAFE);
    assert_string_equal(text_at(change->undo, "0.operation"), "StartInstances");
    assert_null(journal_step_find(k->j, "r-open", "", 3));
    json_decref(all);
}

static void test_a_run_goes_on_after_it_came_back(void **state)
{
    keeper *k = *state;
    json_decref(keeper_arrive(k, "f", "1", "r", 1));
    keeper_begin(k, "r");
    keeper_start(k, "r", "1", 1, JOURNAL_LIGHT);
    keeper_start(k, "r", "", 1, JOURNAL_SAFE);
    reopen(k);
    json_decref(keeper_recover(k));
    keeper_start(k, "r", "", 1, JOURNAL_SAFE);
    keeper_start(k, "r", "1", 1, JOURNAL_LIGHT);
    keeper_finish(k, "r", "1", 1);
    keeper_finish(k, "r", "", 1);
    keeper_end(k, "r", "done", 9);
    journal_run_release(k->j, "r");
    json_t *whole = keeper_read(k, "r");
    assert_int_equal(json_array_size(json_object_get(whole, "steps")), 2);
    assert_string_equal(text_at(whole, "steps.0.path"), "");
    assert_string_equal(text_at(whole, "steps.1.path"), "1");
    assert_string_equal(text_at(whole, "steps.1.state"), "finished");
    assert_string_equal(text_at(whole, "record.outcome"), "done");
    json_decref(whole);
}

static void test_findings_pauses_positions_budgets_and_cooldowns_outlive_the_process(void **state)
{
    keeper *k = *state;
    int written = 0;
    json_t *about = json_pack("{s:s}", "who", "alice");
    json_decref(keeper_arrive(k, "f", "1", "r", 1));
    journal_pause(k->j, "all", about, on_done, &written);
    journal_pause(k->j, "account:1", about, on_done, &written);
    journal_resume(k->j, "account:1", about, on_done, &written);
    journal_position_set(k->j, "poll", "token", on_done, &written);
    journal_spend(k->j, "account:1", 3600000);
    journal_spend(k->j, "account:1", 3600000);
    keeper_wait(k, &written, 4);
    reopen(k);
    json_t *again = keeper_arrive(k, "f", "1", "r-2", 1);
    assert_false(json_is_true(json_object_get(again, "is_new")));
    assert_string_equal(text_at(again, "runs.0"), "repeated");
    assert_string_equal(text_at(journal_pauses(k->j), "all.who"), "alice");
    assert_int_equal(json_object_size(journal_pauses(k->j)), 1);
    assert_string_equal(journal_position(k->j, "poll"), "token");
    assert_int_equal(journal_spent(k->j, "account:1", 0), 2);
    json_decref(again);
    json_decref(about);
}

static void test_a_digest_is_the_same_in_the_next_process_and_another_in_another_journal(void **state)
{
    keeper *k = *state, other;
    char first[65], second[65], elsewhere[65];
    journal_digest(k->j, "secret", 6, first);
    reopen(k);
    journal_digest(k->j, "secret", 6, second);
    keeper_make(&other);
    keeper_open(&other);
    journal_digest(other.j, "secret", 6, elsewhere);
    keeper_remove(&other);
    assert_string_equal(first, second);
    assert_string_not_equal(first, elsewhere);
}

static void test_a_decision_about_a_run_that_memory_let_go_is_kept_and_queues_what_follows(void **state)
{
    keeper *k = *state;
    int written = 0;
    json_decref(keeper_arrive(k, "f", "1", "r", 1));
    keeper_begin(k, "r");
    keeper_end(k, "r", "parked", 5);
    reopen(k);
    json_t *decision = json_pack("{s:s, s:s}", "who", "alice", "decision", "retry");
    json_t *next = json_pack("{s:s, s:{s:s, s:s}}", "id", "r.2", "finding", "id", "f", "version", "1");
    journal_run_decide(k->j, "r", decision, "retried", next, on_done, &written);
    keeper_wait(k, &written, 1);
    json_t *whole = keeper_read(k, "r"), *all;
    assert_string_equal(text_at(whole, "record.outcome"), "retried");
    assert_string_equal(text_at(whole, "record.decisions.0.who"), "alice");
    assert_string_equal(text_at(whole, "decisions.0.who"), "alice");
    reopen(k);
    all = keeper_recover(k);
    assert_int_equal(json_array_size(all), 1);
    assert_string_equal(text_at(all, "0.record.id"), "r.2");
    assert_string_equal(text_at(all, "0.finding.event.id"), "f");
    json_decref(whole);
    json_decref(all);
    json_decref(decision);
    json_decref(next);
}

static void test_a_clock_set_back_an_hour_changes_neither_order_nor_what_is_accepted(void **state)
{
    keeper *k = *state;
    const int64_t hour = 3600000;
    json_decref(keeper_arrive(k, "f-1", "1", "r-1", 10 * hour));
    json_decref(keeper_arrive(k, "f-2", "1", "r-2", 9 * hour));
    json_decref(keeper_arrive(k, "f-3", "1", "r-3", 9 * hour + 1));
    journal_spend(k->j, "account:1", 10 * hour);
    journal_spend(k->j, "account:1", 9 * hour);
    reopen(k);
    const journal_filter newest = {0}, before = {.before = "r-3"};
    json_t *recovered = keeper_recover(k), *found = keeper_find(k, &newest), *page = keeper_find(k, &before);
    assert_string_equal(text_at(recovered, "0.record.id"), "r-1");
    assert_string_equal(text_at(recovered, "2.record.id"), "r-3");
    assert_string_equal(text_at(found, "0.id"), "r-3");
    assert_string_equal(text_at(found, "2.id"), "r-1");
    assert_string_equal(text_at(page, "0.id"), "r-2");
    assert_int_equal(journal_spent(k->j, "account:1", 9 * hour), 2);
    json_decref(recovered);
    json_decref(found);
    json_decref(page);
}

static void on_refusal(void *data, rip_status status, const rip_error *err)
{
    assert_int_not_equal(status, RIP_OK);
    assert_non_null(strstr(err->message, "NOT NULL"));
    ++*(int *)data;
}

static void test_what_the_database_refuses_is_told_to_its_caller_and_holds_nobody_up(void **state)
{
    keeper *k = *state;
    int written = 0, refused = 0;
    journal_position_set(k->j, "before", "1", on_done, &written);
    journal_position_set(k->j, "none", NULL, on_refusal, &refused);
    journal_position_set(k->j, "after", "2", on_done, &written);
    keeper_wait(k, &written, 2);
    assert_int_equal(refused, 1);
    reopen(k);
    assert_string_equal(journal_position(k->j, "before"), "1");
    assert_string_equal(journal_position(k->j, "after"), "2");
    assert_null(journal_position(k->j, "none"));
}

static void close_inside(void *data, rip_status status, const rip_error *err)
{
    keeper *k = data;
    assert_int_equal(status, RIP_OK);
    (void)err;
    journal_close(k->j);
    k->j = NULL;
}

static void must_not_be_called(void *data, rip_status status, const rip_error *err)
{
    (void)data;
    (void)status;
    fail_msg("called after the journal was closed: %s", err->message);
}

static void test_a_journal_closed_from_a_callback_writes_what_is_left_and_calls_nobody(void **state)
{
    keeper *k = *state;
    journal_position_set(k->j, "poll", "first", close_inside, k);
    for (int i = 0; i < 100; i++) journal_position_set(k->j, "poll", "last", must_not_be_called, NULL);
    while (k->j) uv_run(&k->loop, UV_RUN_ONCE);
    uv_run(&k->loop, UV_RUN_DEFAULT);
    keeper_open(k);
    assert_string_equal(journal_position(k->j, "poll"), "last");
}

/* Questions. */

static size_t count_found(keeper *k, journal_filter filter)
{
    json_t *found = keeper_find(k, &filter);
    size_t count = json_array_size(found);
    json_decref(found);
    return count;
}

static void test_runs_are_found_by_each_field(void **state)
{
    keeper *k = *state;
    keeper_whole_run(k, "f-1", "r-1", 100);
    json_decref(keeper_arrive(k, "f-2", "1", "r-2", 200));
    json_decref(keeper_arrive(k, "f-3", "1", "r-3", 300));
    keeper_begin(k, "r-3");
    assert_int_equal(count_found(k, (journal_filter){0}), 3);
    assert_int_equal(count_found(k, (journal_filter){.most = 2}), 2);
    assert_int_equal(count_found(k, (journal_filter){.run = "r-2"}), 1);
    assert_int_equal(count_found(k, (journal_filter){.playbook = "contain"}), 3);
    assert_int_equal(count_found(k, (journal_filter){.playbook = "' OR 1=1"}), 0);
    assert_int_equal(count_found(k, (journal_filter){.account = "111122223333", .region = "eu-central-1"}), 3);
    assert_int_equal(count_found(k, (journal_filter){.account = "1"}), 0);
    assert_int_equal(count_found(k, (journal_filter){.finding = "f-2"}), 1);
    assert_int_equal(count_found(k, (journal_filter){.outcome = "done"}), 1);
    assert_int_equal(count_found(k, (journal_filter){.outcome = "queued"}), 1);
    assert_int_equal(count_found(k, (journal_filter){.outcome = "running"}), 1);
    assert_int_equal(count_found(k, (journal_filter){.outcome = "open"}), 2);
    assert_int_equal(count_found(k, (journal_filter){.since_ms = 200}), 2);
    assert_int_equal(count_found(k, (journal_filter){.until_ms = 200}), 1);
    const journal_filter done = {.outcome = "done"};
    json_t *found = keeper_find(k, &done);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(found, 0), "steps")), 4);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(found, 0), "changes")), 1);
    assert_null(json_object_get(json_array_get(found, 0), "text"));
    json_decref(found);
}

static void test_a_run_that_is_not_there_is_told_with_a_suggestion(void **state)
{
    keeper *k = *state;
    keeper_begin(k, "run-1a");
    keeper_begin(k, "run-1b");
    answer missing = {0}, doubtful = {0};
    journal_read_run(k->j, "ran-1a", on_answer, &missing);
    journal_read_run(k->j, "run-", on_answer, &doubtful);
    keeper_wait(k, &doubtful.count, 1);
    assert_int_equal(missing.status, RIP_ENOTFOUND);
    assert_non_null(strstr(missing.err.message, "did you mean run-1a?"));
    assert_int_equal(doubtful.status, RIP_EINVAL);
}

static void test_a_question_sees_all_that_was_told_before_it(void **state)
{
    keeper *k = *state;
    keeper_begin(k, "r");
    for (unsigned n = 1; n <= 500; n++) {
        keeper_start(k, "r", "", n, JOURNAL_LIGHT);
        keeper_finish(k, "r", "", n);
    }
    json_t *whole = keeper_read(k, "r");
    assert_int_equal(json_array_size(json_object_get(whole, "steps")), 500);
    json_decref(whole);
}

static void test_pruning_forgets_ended_runs_and_their_findings_and_keeps_the_rest(void **state)
{
    keeper *k = *state;
    char finding[16], run[16];
    for (int i = 0; i < 450; i++) {
        snprintf(finding, sizeof finding, "f-%d", i);
        snprintf(run, sizeof run, "r-%d", i);
        json_decref(keeper_arrive(k, finding, "1", run, 100));
        keeper_begin(k, run);
        keeper_end(k, run, i == 7 ? "parked" : "done", 100);
    }
    json_decref(keeper_arrive(k, "f-open", "1", "r-open", 100));
    json_decref(keeper_arrive(k, "f-none", "1", "", 100));
    keeper_whole_run(k, "f-new", "r-new", 2000);
    answer a = {0};
    journal_prune(k->j, 1000, on_answer, &a);
    keeper_wait(k, &a.count, 1);
    assert_int_equal(json_integer_value(json_object_get(a.value, "runs")), 449);
    assert_int_equal(json_integer_value(json_object_get(a.value, "findings")), 450);
    assert_int_equal(count_found(k, (journal_filter){0}), 3);
    json_decref(a.value);
}

/* Who may write, and who may look. */

static void test_a_second_process_is_told_who_owns_the_journal(void **state)
{
    keeper *k = *state;
    journal *second = NULL;
    rip_error err;
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_int_equal(keeper_try(k, JOURNAL_OWN, &second, &err), RIP_EAGAIN);
    assert_non_null(strstr(err.message, "riposte test"));
    assert_non_null(strstr(err.message, pid));
}

static void test_a_reader_sees_what_is_written_beside_it_and_changes_nothing(void **state)
{
    keeper *k = *state;
    journal *reader = NULL;
    rip_error err = {RIP_OK, ""};
    keeper_whole_run(k, "f", "r", 1);
    if (keeper_try(k, JOURNAL_READ, &reader, &err) != RIP_OK) fail_msg("%s", err.message);
    answer seen = {0}, denied = {0};
    journal_read_run(reader, "r", on_answer, &seen);
    assert_int_equal(seen.count, 1);
    assert_string_equal(text_at(seen.value, "record.outcome"), "done");
    journal_prune(reader, 1000, on_answer, &denied);
    assert_int_equal(denied.status, RIP_EDENIED);
    json_decref(seen.value);
    journal_close(reader);
}

static void test_a_reader_finds_no_journal_where_there_is_none(void **state)
{
    keeper *k = *state;
    journal *reader = NULL;
    rip_error err;
    snprintf(k->path, sizeof k->path, "%s/another.db", k->folder);
    assert_int_equal(keeper_try(k, JOURNAL_READ, &reader, &err), RIP_ENOTFOUND);
    assert_int_equal(access(k->path, F_OK), -1);
}

static mode_t mode_of(const keeper *k, const char *suffix)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s%s", k->path, suffix);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void test_only_its_owner_may_read_a_journal(void **state)
{
    keeper *k = *state;
    json_decref(keeper_arrive(k, "f", "1", "r", 1));
    static const char *const FILES[] = {"", "-wal", "-shm", ".key", ".lock"};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) assert_int_equal(mode_of(k, FILES[i]), 0600);
}

static void test_a_key_that_others_can_read_is_refused(void **state)
{
    keeper *k = *state;
    char key[128];
    rip_error err;
    snprintf(key, sizeof key, "%s.key", k->path);
    keeper_close(k);
    assert_int_equal(chmod(key, 0640), 0);
    assert_int_equal(keeper_try(k, JOURNAL_OWN, &k->j, &err), RIP_EDENIED);
    assert_non_null(strstr(err.message, "chmod 600"));
    assert_int_equal(unlink(key), 0);
    assert_int_equal(keeper_try(k, JOURNAL_OWN, &k->j, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "restore it"));
    k->j = NULL;
}

int main(void)
{
#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON(test_runs_that_had_not_ended_come_back_with_their_steps_and_finding),
        ON(test_a_run_goes_on_after_it_came_back),
        ON(test_findings_pauses_positions_budgets_and_cooldowns_outlive_the_process),
        ON(test_a_digest_is_the_same_in_the_next_process_and_another_in_another_journal),
        ON(test_a_decision_about_a_run_that_memory_let_go_is_kept_and_queues_what_follows),
        ON(test_a_clock_set_back_an_hour_changes_neither_order_nor_what_is_accepted),
        ON(test_what_the_database_refuses_is_told_to_its_caller_and_holds_nobody_up),
        ON(test_a_journal_closed_from_a_callback_writes_what_is_left_and_calls_nobody),
        ON(test_runs_are_found_by_each_field),
        ON(test_a_run_that_is_not_there_is_told_with_a_suggestion),
        ON(test_a_question_sees_all_that_was_told_before_it),
        ON(test_pruning_forgets_ended_runs_and_their_findings_and_keeps_the_rest),
        ON(test_a_second_process_is_told_who_owns_the_journal),
        ON(test_a_reader_sees_what_is_written_beside_it_and_changes_nothing),
        ON(test_a_reader_finds_no_journal_where_there_is_none),
        ON(test_only_its_owner_may_read_a_journal),
        ON(test_a_key_that_others_can_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
