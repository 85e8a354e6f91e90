/* From an event to the runs that answer it. */
#include "engine/base/data.h"
#include "engine/journal/keeper.h"
#include "tests/dispatch/world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_an_event_that_no_playbook_wants_is_counted_and_let_go(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "");
    open_dispatch(w);
    take(
        w,
        "{\"id\":\"1\",\"source\":\"other\",\"detail-type\":\"Test\",\"account\":\"1\",\"region\":\"r\",\"time\":\"" NOON
        "\",\"detail\":{}}");
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(dispatch_count(w->dispatch).unwanted, 1);
    assert_int_equal(dispatch_count(w->dispatch).findings, 0);
    assert_int_equal(json_array_size(w->log), 0);
}

static void test_each_playbook_that_wants_a_finding_runs_once_in_order_of_names(void **state)
{
    world *w = *state;
    playbook(w, "b", "", "");
    playbook(w, "a", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started b", "done a", "done b", "finding 1");
}

static void test_the_same_version_of_a_finding_runs_nothing_again(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "done a", "finding 1", "finding 1 repeated");
    assert_int_equal(dispatch_count(w->dispatch).repeated, 1);
}

static void test_runs_with_an_equal_lock_never_overlap(void **state)
{
    world *w = *state;
    playbook(w, "a", "lock = function(f) return f.account end,", "run:sleep(1)");
    open_dispatch(w);
    event(w, "1", NOON);
    event(w, "2", NOON);
    event(w, "3", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->most, 1);
    EXPECT_LOG(w, "started a", "done a", "finding 1", "started a", "done a", "finding 2", "started a", "done a",
               "finding 3");
}

static void test_no_more_runs_at_once_than_allowed(void **state)
{
    world *w = *state;
    w->limits.runs = 2;
    playbook(w, "a", "", "run:sleep(1)");
    open_dispatch(w);
    for (char id[] = "1"; id[0] <= '5'; id[0]++) event(w, id, NOON);
    assert_int_equal(dispatch_backlog(w->dispatch), 5);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->most, 2);
    assert_int_equal(dispatch_count(w->dispatch).runs, 5);
    assert_int_equal(dispatch_backlog(w->dispatch), 0);
}

static void test_a_few_runs_begin_together_and_the_others_shortly_after(void **state)
{
    world *w = *state;
    char id[8];
    playbook(w, "a", "", "run:sleep('10m')");
    open_dispatch(w);
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "%d", i);
        event(w, id, NOON);
    }
    assert_int_equal(w->now, 16);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->most, 50); /* none waited for another's end */
    assert_int_equal(dispatch_count(w->dispatch).runs, 50);
}

/* A journal that has not answered yet that a run's end is safe. */
static const journal_ops *quick;
static struct {
    journal_done done;
    void *data;
} ends[4];
static size_t end_count;

static void keep_end(journal *j, const char *id, json_t *outcome, json_t *next, journal_done done, void *data)
{
    quick->run_end(j, id, outcome, next, journal_ignore, NULL);
    ends[end_count].done = done;
    ends[end_count++].data = data;
}

static void answer_ends(void)
{
    static const rip_error NONE = {RIP_OK, ""};
    size_t count = end_count;
    end_count = 0;
    for (size_t i = 0; i < count; i++) ends[i].done(ends[i].data, RIP_OK, &NONE);
}

static void test_another_run_goes_on_while_the_end_of_one_is_being_written(void **state)
{
    world *w = *state;
    static journal_ops slow; /* the journal is closed through it where an assertion fails */
    slow = *(quick = w->journal->ops);
    slow.run_end = keep_end;
    w->journal->ops = &slow;
    w->limits.runs = 1;
    playbook(w, "a", "lock = function(f) if f.id ~= '2' then return 'l' end end,", "");
    open_dispatch(w);
    event(w, "1", NOON);
    event(w, "2", NOON);
    event(w, "3", NOON); /* the first one's lock is not free before its end is safe */
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started a");
    answer_ends();
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started a", "done a", "finding 1", "started a", "done a", "finding 2");
    answer_ends();
    assert_int_equal(dispatch_backlog(w->dispatch), 0);
    w->journal->ops = quick;
}

static void test_a_playbook_that_fails_does_not_stop_the_others(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "error('no')");
    playbook(w, "b", "", "run.aws.ecs():list_clusters()");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started b", "failed a", "done b", "finding 1");
    assert_int_equal(dispatch_count(w->dispatch).failed, 1);
}

static void test_a_lock_that_fails_is_told_and_the_others_go_on(void **state)
{
    world *w = *state;
    playbook(w, "a", "lock = function() error('no lock') end,", "");
    playbook(w, "b", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_non_null(strstr(json_string_value(json_array_get(w->log, 0)), "no lock"));
    assert_int_equal(dispatch_count(w->dispatch).failed, 1);
    assert_string_equal(json_string_value(json_array_get(w->log, 2)), "done b");
}

static void test_a_broken_document_is_told_with_its_line_and_the_next_goes_on(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "");
    open_dispatch(w);
    take(w, "{\"source\": tru}");
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(dispatch_count(w->dispatch).faults, 1);
    assert_non_null(strstr(json_string_value(json_array_get(w->log, 0)), "fault events.json:7: "));
    assert_string_equal(json_string_value(json_array_get(w->log, 3)), "finding 1");
}

static void test_a_run_that_takes_too_long_is_stopped(void **state)
{
    world *w = *state;
    playbook(w, "a", "limits = { time = \"2s\" },", "run:sleep('1h')");
    open_dispatch(w);
    int64_t before = rip_clock_now(w->clock);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "failed a", "finding 1");
    assert_in_range(rip_clock_now(w->clock) - before, 2000, 2100);
}

static void test_a_run_that_never_yields_is_stopped_and_the_others_go_on(void **state)
{
    world *w = *state;
    w->context.vm_limits.instructions = 1000000;
    playbook(w, "a", "", "while true do pcall(function() while true do end end) end");
    playbook(w, "b", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started b", "done b", "failed a", "finding 1");
}

static void test_in_observe_the_match_is_recorded_and_nothing_runs(void **state)
{
    world *w = *state;
    w->context.mode = RUN_OBSERVE;
    playbook(w, "a", "", "run.aws.ecs():delete_cluster { cluster = 'x' }");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "observed a", "finding 1");
    assert_int_equal(json_array_size(fake_aws_sent(w->fake)), 0);
}

static bool was_sent(world *w, const char *operation)
{
    size_t i;
    json_t *each;
    json_array_foreach (fake_aws_sent(w->fake), i, each) {
        if (strcmp(json_string_value(json_object_get(each, "operation")), operation) == 0) return true;
    }
    return false;
}

static void test_the_playbooks_own_mode_lowers_the_global_one_and_never_raises_it(void **state)
{
    world *w = *state;
    playbook(w, "a", "mode = \"dry-run\",", "run.aws.ecs():delete_cluster { cluster = 'x' }");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "planned a", "finding 1");
    assert_false(was_sent(w, "DeleteCluster"));
    const rip_playbook enforcing = {.mode = (char *)(uintptr_t) "enforce"};
    w->context.mode = RUN_DRY_RUN;
    assert_int_equal(run_effective_mode(&w->context, &enforcing, ""), RUN_DRY_RUN);
}

static void test_a_suppressed_event_is_counted_and_answered_by_nobody(void **state)
{
    world *w = *state;
    rip_error err;
    rip_config *config = rip_config_new();
    suppressions *set = NULL;
    const char *rows = "[{\"name\":\"known\",\"reason\":\"ours\",\"pattern\":{\"id\":[\"1\"]}}]";
    assert_int_equal(rip_config_set(config, "suppressions", rows, &err), RIP_OK);
    assert_int_equal(suppressions_new(config, "suppressions", NULL, NULL, &set, &err), RIP_OK);
    w->suppressions = set;
    playbook(w, "a", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    event(w, "2", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "done a", "finding 2");
    assert_int_equal(dispatch_count(w->dispatch).suppressed, 1);
    suppressions_free(set);
    rip_config_free(config);
}

static void test_giving_up_in_the_middle_calls_nobody(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "run:sleep('1h')");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    dispatch_free(w->dispatch);
    w->dispatch = NULL;
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_setup, dispatch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_event_that_no_playbook_wants_is_counted_and_let_go),
        TEST(test_each_playbook_that_wants_a_finding_runs_once_in_order_of_names),
        TEST(test_the_same_version_of_a_finding_runs_nothing_again),
        TEST(test_runs_with_an_equal_lock_never_overlap),
        TEST(test_no_more_runs_at_once_than_allowed),
        TEST(test_a_few_runs_begin_together_and_the_others_shortly_after),
        TEST(test_another_run_goes_on_while_the_end_of_one_is_being_written),
        TEST(test_a_playbook_that_fails_does_not_stop_the_others),
        TEST(test_a_lock_that_fails_is_told_and_the_others_go_on),
        TEST(test_a_broken_document_is_told_with_its_line_and_the_next_goes_on),
        TEST(test_a_run_that_takes_too_long_is_stopped),
        TEST(test_a_run_that_never_yields_is_stopped_and_the_others_go_on),
        TEST(test_in_observe_the_match_is_recorded_and_nothing_runs),
        TEST(test_the_playbooks_own_mode_lowers_the_global_one_and_never_raises_it),
        TEST(test_a_suppressed_event_is_counted_and_answered_by_nobody),
        TEST(test_giving_up_in_the_middle_calls_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
