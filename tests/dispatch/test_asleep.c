/* Runs that only wait: they hold no Lua state, and nothing else is different. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "engine/dispatch/words.h"
#include "tests/dispatch/world.h"

#define DELETE(name) "run.aws.ecs():delete_cluster { cluster = '" name "' } "

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static void keep_answer(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(json_t **)data = json_incref(value);
}

/* The only run there is, whole. */
static json_t *the_run(world *w)
{
    const journal_filter filter = {0};
    json_t *found = NULL, *whole = NULL;
    journal_find_runs(w->journal, &filter, keep_answer, &found);
    assert_int_equal(json_array_size(found), 1);
    journal_read_run(w->journal, text(json_array_get(found, 0), "id"), keep_answer, &whole);
    json_decref(found);
    return whole;
}

static void expect_outcome(world *w, const char *outcome, const char *message)
{
    json_t *whole = the_run(w);
    const json_t *record = json_object_get(whole, "record");
    assert_string_equal(text(record, "outcome"), outcome);
    assert_non_null(strstr(text(json_object_get(record, "error"), "message"), message));
    json_decref(whole);
}

/* Let time pass until `ms` after the beginning, and no further. */
static void set_true(void *data)
{
    *(bool *)data = true;
}

static void pass(world *w, int64_t ms)
{
    rip_timer timer = {0};
    bool over = false;
    rip_timer_start(&timer, w->clock, (uint64_t)(w->began + ms - rip_clock_now(w->clock)), set_true, &over);
    while (!over) uv_run(&w->loop, UV_RUN_ONCE);
}

static void begin(world *w, const char *rest, const char *body)
{
    playbook(w, "a", rest, body);
    open_dispatch(w);
    event(w, "1", NOON);
}

/* Cluster names in the order in which they were deleted, with the time since the beginning in seconds: "one@0
 * two@3600". */
static void expect_deleted(world *w, const char *expected)
{
    char line[256] = "";
    size_t i, deleted = 0;
    json_t *step, *whole = the_run(w);
    json_array_foreach (json_object_get(whole, "steps"), i, step) {
        const json_t *request = json_object_get(step, "request");
        if (strcmp(text(request, "operation"), "DeleteCluster") != 0) continue;
        const char *cluster = text(json_object_get(request, "params"), "cluster");
        int64_t at = json_integer_value(json_object_get(step, "started_ms")) - w->began;
        size_t len = strlen(line);
        snprintf(line + len, sizeof line - len, "%s%s@%lld", deleted++ ? " " : "", cluster, (long long)at / 1000);
    }
    json_decref(whole);
    assert_string_equal(line, expected);
    size_t sent = 0;
    json_array_foreach (fake_aws_sent(w->fake), i, step) sent += strcmp(text(step, "operation"), "DeleteCluster") == 0;
    assert_int_equal(sent, deleted);
}

static void test_a_run_that_only_waits_holds_no_lua_state_and_goes_on_at_its_time(void **state)
{
    world *w = *state;
    begin(w, "", DELETE("one") "run:sleep('30m') " DELETE("two") "run:sleep('20m') " DELETE("three"));
    pass(w, 1000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    assert_int_equal(dispatch_under_way(w->dispatch), 1);
    pass(w, 31 * 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1); /* again */
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_deleted(w, "one@0 two@1800 three@3000");
    EXPECT_LOG(w, "started a", "done a", "finding 1");
    assert_int_equal(dispatch_count(w->dispatch).runs, 1);
}

static void test_a_short_wait_is_not_worth_it(void **state)
{
    world *w = *state;
    begin(w, "", "run:sleep('59s') " DELETE("one"));
    for (int64_t second = 1; second < 59; second++) {
        pass(w, second * 1000);
        assert_int_equal(dispatch_asleep(w->dispatch), 0);
    }
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_deleted(w, "one@59");
}

static void test_a_run_with_one_fiber_that_works_keeps_its_state_until_that_waits_too(void **state)
{
    world *w = *state;
    begin(w, "",
          "run:parallel({ 1, 2 }, function(n) "
          "  if n == 1 then run:sleep('30m') return " DELETE("late") " end "
          "  for i = 1, 6 do run:sleep('20s') run.aws.ecs():list_clusters() end "
          "end)");
    for (int64_t second = 1; second < 120; second++) {
        pass(w, second * 1000);
        assert_int_equal(dispatch_asleep(w->dispatch), 0);
    }
    pass(w, 130000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_deleted(w, "late@1800");
    expect_outcome(w, "done", "");
}

static void test_fibers_that_share_a_variable_see_the_same_world_twice(void **state)
{
    world *w = *state;
    begin(w, "",
          "local order = '' "
          "run:parallel({ 3, 1, 2, 1 }, function(n) "
          "  run:sleep(n * 600) "
          "  order = order .. n "
          "  run.aws.ecs():delete_cluster { cluster = order } "
          "end)");
    pass(w, 1000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_deleted(w, "1@600 11@600 112@1200 1123@1800");
    expect_outcome(w, "done", "");
}

static void test_a_lock_is_held_in_sleep(void **state)
{
    world *w = *state;
    begin(w, "lock = function(f) return f.account end,", "run:sleep('20m')");
    event(w, "2", NOON);
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    assert_int_equal(w->now, 1);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "done a", "finding 1", "started a", "done a", "finding 2");
    assert_int_equal(rip_clock_now(w->clock) - w->began, 2 * 20 * 60000);
}

static void test_a_sleeping_run_can_be_cancelled(void **state)
{
    world *w = *state;
    begin(w, "", "run:sleep('30m') " DELETE("one"));
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    json_t *whole = the_run(w), *value = NULL;
    json_t *word = json_pack("{s:s, s:s, s:O}", "do", "cancel", "who", "alice", "run",
                             json_object_get(json_object_get(whole, "record"), "id"));
    words_perform(w->dispatch, word, keep_answer, &value);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_outcome(w, "cancelled", "cancelled by alice");
    expect_deleted(w, "");
    assert_int_equal(rip_clock_now(w->clock) - w->began, 60000);
    EXPECT_LOG(w, "started a", "cancelled a", "finding 1");
    json_decref(value);
    json_decref(word);
    json_decref(whole);
}

static void test_a_run_whose_time_is_up_is_stopped_in_its_sleep(void **state)
{
    world *w = *state;
    begin(w, "limits = { time = '10m' },", "run:sleep('30m') " DELETE("one"));
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_outcome(w, "failed", "it ran for over 600 s");
    expect_deleted(w, "");
    assert_int_equal(rip_clock_now(w->clock) - w->began, 600000);
}

static void test_a_pause_that_began_in_its_sleep_stops_it_before_its_next_change(void **state)
{
    world *w = *state;
    begin(w, "", "run:sleep('30m') " DELETE("one"));
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    json_t *about = json_pack("{s:s}", "who", "alice");
    journal_pause(w->journal, "all", about, journal_ignore, NULL);
    json_decref(about);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_outcome(w, "paused", "changes are paused");
    assert_int_equal((rip_clock_now(w->clock) - w->began) / 1000, 30 * 60);
    expect_deleted(w, "");
}

static void test_a_run_that_cannot_be_woken_fails_and_says_why(void **state)
{
    world *w = *state;
    begin(w, "", "run:sleep('30m') " DELETE("one"));
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    json_t *whole = the_run(w);
    json_t *record = journal_run(w->journal, text(json_object_get(whole, "record"), "id"));
    json_object_set_new(record, "text", json_string("return {"));
    json_object_set_new(record, "sources", json_pack("{s:s}", "a.names", "return {}"));
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_outcome(w, "failed", "a.lua:1: ");
    expect_deleted(w, "");
    EXPECT_LOG(w, "started a", "failed a", "finding 1");
    json_decref(whole);
}

static void test_giving_up_calls_nobody(void **state)
{
    world *w = *state;
    begin(w, "", "run:sleep('30m')");
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    dispatch_free(w->dispatch);
    w->dispatch = NULL;
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a");
}

static void test_changes_count_once_against_the_budget(void **state)
{
    world *w = *state;
    begin(w, "limits = { changes = 2 },",
          "pcall(run.aws.ec2().terminate_instances, run.aws.ec2(), { InstanceIds = { 'i-1' } }) " /* not declared */
          DELETE("one") "run:sleep('10m') " DELETE("two") "run:sleep('10m') "
          "local ok, e = pcall(function() " DELETE("three") " end) run:log(e.code)");
    uv_run(&w->loop, UV_RUN_DEFAULT);
    json_t *whole = the_run(w);
    const json_t *steps = json_object_get(whole, "steps");
    const json_t *last = json_array_get(steps, json_array_size(steps) - 1);
    assert_string_equal(text(json_object_get(last, "request"), "text"), "Guard.Budget");
    json_decref(whole);
}

/* What a replay could not give again, or not cheaply. */

static void test_a_run_that_was_told_a_secret_keeps_its_state(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DescribeTaskDefinition",
                        json_pack("{s:{s:[{s:[{s:s, s:s}]}]}}", "taskDefinition", "containerDefinitions", "environment",
                                  "name", "AWS_SECRET_ACCESS_KEY", "value", "hush"));
    begin(w, "",
          "local found = run.aws.ecs():describe_task_definition { taskDefinition = 'web' } "
          "run:sleep('30m') "
          "local kept = found.taskDefinition.containerDefinitions[1].environment[1].value "
          "run.aws.ecs():tag_resource { resourceArn = 'a', tags = { { key = 'k', value = kept } } }");
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_outcome(w, "done", "");
}

static void test_a_run_of_very_many_steps_keeps_its_state(void **state)
{
    world *w = *state;
    begin(w, "", "for i = 1, 1000 do run:log('step ' .. i) end run:sleep('30m')");
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_outcome(w, "done", "");
}

static void test_a_run_that_computed_for_long_keeps_its_state(void **state)
{
    world *w = *state;
    begin(w, "", "local n = 0 for i = 1, 3000000 do n = n + i end run:sleep('30m')");
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_outcome(w, "done", "");
}

/* What is seen from outside. */

static void test_what_it_prints_is_logged_once(void **state)
{
    world *w = *state;
    FILE *log = tmpfile();
    char line[512], order[64] = "";
    assert_non_null(log);
    rip_log_open(log, RIP_LOG_TEXT, RIP_LOG_INFO);
    begin(w, "", "print('(1)') run:sleep('10m') print('(2)') run:sleep('10m') print('(3)')");
    uv_run(&w->loop, UV_RUN_DEFAULT);
    rip_log_open(stderr, RIP_LOG_TEXT, RIP_LOG_WARN);
    rewind(log);
    while (fgets(line, sizeof line, log)) {
        const char *number = strstr(line, "playbook.print") ? strchr(line, '(') : NULL;
        if (number) strncat(order, number, 3);
    }
    fclose(log);
    assert_string_equal(order, "(1)(2)(3)");
}

static void write_module(const world *w, const char *name, const char *body)
{
    char path[128];
    snprintf(path, sizeof path, "%s/a", w->folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/a/%s.lua", w->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(body, file);
    fclose(file);
}

static void remove_module(const world *w, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/a/%s.lua", w->folder, name);
    unlink(path);
    snprintf(path, sizeof path, "%s/a", w->folder);
    rmdir(path);
}

static void test_a_module_that_was_edited_in_its_sleep_stays_as_it_was(void **state)
{
    world *w = *state;
    write_module(w, "names", "return { first = 'one', fail = function() error('no') end }");
    begin(w, "",
          "local names = require 'a.names' "
          "run:log(tostring(select(2, pcall(names.fail)))) " /* says where: the same place in the replay */
          "run:sleep('20m') run.aws.ecs():delete_cluster { cluster = names.first } "
          "run:sleep('20m') " DELETE("last"));
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    write_module(w, "names", "return { first = 'edited' }");
    uv_run(&w->loop, UV_RUN_DEFAULT);
    remove_module(w, "names");
    expect_deleted(w, "one@1200 last@2400");
    expect_outcome(w, "done", "");
}

/* After a restart. */

static void on_recovered(void *data, rip_status status, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(bool *)data = true;
}

static void restart(world *w)
{
    bool recovered = false;
    dispatch_free(w->dispatch);
    library_free(w->books);
    open_dispatch(w);
    dispatch_recover(w->dispatch, on_recovered, &recovered);
    assert_true(recovered);
}

static void test_a_crash_in_its_sleep_changes_nothing(void **state)
{
    world *w = *state;
    begin(w, "", DELETE("one") "run:sleep('20m') " DELETE("two") "run:sleep('20m') " DELETE("three"));
    pass(w, 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    restart(w);
    pass(w, 120000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1);
    pass(w, 21 * 60000);
    assert_int_equal(dispatch_asleep(w->dispatch), 1); /* with the text that the record holds */
    restart(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    expect_deleted(w, "one@0 two@1200 three@2400");
    expect_outcome(w, "done", "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_setup, dispatch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_run_that_only_waits_holds_no_lua_state_and_goes_on_at_its_time),
        TEST(test_a_short_wait_is_not_worth_it),
        TEST(test_a_run_with_one_fiber_that_works_keeps_its_state_until_that_waits_too),
        TEST(test_fibers_that_share_a_variable_see_the_same_world_twice),
        TEST(test_a_lock_is_held_in_sleep),
        TEST(test_a_sleeping_run_can_be_cancelled),
        TEST(test_a_run_whose_time_is_up_is_stopped_in_its_sleep),
        TEST(test_a_pause_that_began_in_its_sleep_stops_it_before_its_next_change),
        TEST(test_a_run_that_cannot_be_woken_fails_and_says_why),
        TEST(test_giving_up_calls_nobody),
        TEST(test_changes_count_once_against_the_budget),
        TEST(test_a_run_that_was_told_a_secret_keeps_its_state),
        TEST(test_a_run_of_very_many_steps_keeps_its_state),
        TEST(test_a_run_that_computed_for_long_keeps_its_state),
        TEST(test_what_it_prints_is_logged_once),
        TEST(test_a_module_that_was_edited_in_its_sleep_stays_as_it_was),
        TEST(test_a_crash_in_its_sleep_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
