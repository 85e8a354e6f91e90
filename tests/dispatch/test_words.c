/* What people tell the engine, what runs do after they failed, and what goes on after a restart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/dispatch/words.h"
#include "tests/dispatch/world.h"

#define DELETE "run.aws.ecs():delete_cluster { cluster = 'rogue' }"

static void run_all(world *w)
{
    while (dispatch_backlog(w->dispatch) > 0) uv_run(&w->loop, UV_RUN_ONCE);
}

/* An answer of the engine's. */
typedef struct said {
    json_t *value;
    char error[RIP_ERROR_MESSAGE_MAX];
} said;

static void keep_said(void *data, rip_status status, json_t *value, const rip_error *err)
{
    said *s = data;
    if (status == RIP_OK)
        s->value = json_incref(value);
    else
        snprintf(s->error, sizeof s->error, "%s", err->message);
}

static void keep_answer(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(json_t **)data = json_incref(value);
}

static void on_recovered(void *data, rip_status status, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(bool *)data = true;
}

/* The one that was queued first. */
static json_t *first_run(world *w)
{
    json_t *found = NULL;
    const journal_filter filter = {0};
    journal_find_runs(w->journal, &filter, keep_answer, &found);
    assert_true(json_array_size(found) > 0);
    json_t *oldest = json_incref(json_array_get(found, json_array_size(found) - 1));
    json_decref(found);
    return oldest;
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* Say a word about the first run; the answer's "outcome", or the error's message. */
static const char *say(world *w, const char *what, const char *who, const char *more_key, const char *more)
{
    static char answer[RIP_ERROR_MESSAGE_MAX];
    json_t *first = first_run(w);
    json_t *word = json_pack("{s:s, s:s, s:O}", "do", what, "who", who, "run", json_object_get(first, "id"));
    if (more_key) json_object_set_new(word, more_key, json_string(more));
    said s = {0};
    words_perform(w->dispatch, word, keep_said, &s);
    run_all(w);
    snprintf(answer, sizeof answer, "%s", s.value ? text(s.value, "outcome") : s.error);
    json_decref(s.value);
    json_decref(word);
    json_decref(first);
    return answer;
}

static size_t sent_of(world *w, const char *operation)
{
    size_t i, count = 0;
    json_t *each;
    json_array_foreach (fake_aws_sent(w->fake), i, each) count += strcmp(text(each, "operation"), operation) == 0;
    return count;
}

static void expect_only_deleted(world *w, const char *cluster)
{
    size_t i;
    json_t *sent;
    assert_int_equal(sent_of(w, "DeleteCluster"), 1);
    json_array_foreach (fake_aws_sent(w->fake), i, sent) {
        if (strcmp(text(sent, "operation"), "DeleteCluster") == 0)
            assert_string_equal(text(json_object_get(sent, "params"), "cluster"), cluster);
    }
}

/* Approval. */

static void test_a_plan_waits_and_is_carried_out_when_it_is_approved(void **state)
{
    world *w = *state;
    playbook(w, "a", "mode = 'approve',", DELETE);
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    EXPECT_LOG(w, "started a", "waiting a", "finding 1");
    assert_int_equal(sent_of(w, "DeleteCluster"), 0);
    assert_string_equal(say(w, "approve", "alice", NULL, NULL), "approved");
    assert_int_equal(sent_of(w, "DeleteCluster"), 1);
    EXPECT_LOG(w, "started a", "waiting a", "finding 1", "started a", "done a", "finding 1");
    assert_non_null(strstr(say(w, "approve", "bob", NULL, NULL), "is approved"));
}

static void test_what_is_carried_out_is_the_playbook_that_planned(void **state)
{
    world *w = *state;
    playbook(w, "a", "mode = 'approve',", "run.aws.ecs():delete_cluster { cluster = 'meant' }");
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    dispatch_free(w->dispatch);
    library_free(w->books);
    playbook(w, "a", "mode = 'approve',", "run.aws.ecs():delete_cluster { cluster = 'edited' }");
    open_dispatch(w);
    assert_string_equal(say(w, "approve", "alice", NULL, NULL), "approved");
    expect_only_deleted(w, "meant");
}

static void test_a_plan_that_is_denied_changes_nothing(void **state)
{
    world *w = *state;
    playbook(w, "a", "mode = 'approve',", DELETE);
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    assert_string_equal(say(w, "deny", "alice", "why", "a test machine"), "denied");
    assert_int_equal(sent_of(w, "DeleteCluster"), 0);
    json_t *first = first_run(w);
    const json_t *decision = json_array_get(json_object_get(first, "decisions"), 0);
    assert_string_equal(text(decision, "who"), "alice");
    assert_string_equal(text(decision, "why"), "a test machine");
    json_decref(first);
}

static void test_two_people_must_approve_where_two_are_asked_for(void **state)
{
    world *w = *state;
    w->limits.approvers = 2;
    playbook(w, "a", "mode = 'approve',", DELETE);
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    assert_string_equal(say(w, "approve", "alice", NULL, NULL), "waiting");
    assert_non_null(strstr(say(w, "approve", "alice", NULL, NULL), "alice has approved"));
    assert_int_equal(sent_of(w, "DeleteCluster"), 0);
    assert_string_equal(say(w, "approve", "bob", NULL, NULL), "approved");
    assert_int_equal(sent_of(w, "DeleteCluster"), 1);
}

static void test_nobody_can_pass_for_the_deadline(void **state)
{
    world *w = *state;
    w->limits.approvers = 2;
    playbook(w, "a", "mode = 'approve',", DELETE);
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    json_t *first = first_run(w);
    json_t *word = json_pack("{s:s, s:s, s:O, s:b}", "do", "approve", "who", "alice", "run",
                             json_object_get(first, "id"), "by_deadline", 1);
    said s = {0};
    words_perform(w->dispatch, word, keep_said, &s);
    run_all(w);
    assert_int_equal(json_integer_value(json_object_get(s.value, "missing")), 1);
    assert_int_equal(sent_of(w, "DeleteCluster"), 0);
    json_decref(s.value);
    json_decref(word);
    json_decref(first);
}

static void test_a_change_outside_the_plan_makes_a_new_plan_that_shows_what_differs(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "ListClusters", json_pack("{s:[s]}", "clusterArns", "one"));
    playbook(w, "a", "mode = 'approve',",
             "local ecs = run.aws.ecs() for _, c in ipairs(ecs:list_clusters({}).clusterArns) do "
             "ecs:delete_cluster { cluster = c } end");
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    json_object_set_new(w->replies, "ListClusters", json_pack("{s:[s, s]}", "clusterArns", "one", "two"));
    say(w, "approve", "alice", NULL, NULL);
    EXPECT_LOG(w, "started a", "waiting a", "finding 1", "started a", "outside-plan a", "started a", "waiting a",
               "finding 1");
    assert_int_equal(sent_of(w, "DeleteCluster"), 1);
    json_t *found = NULL;
    const journal_filter filter = {.outcome = "waiting"};
    journal_find_runs(w->journal, &filter, keep_answer, &found);
    const json_t *difference = json_object_get(json_array_get(found, 0), "difference");
    assert_int_equal(json_array_size(json_object_get(difference, "added")), 1);
    assert_int_equal(json_array_size(json_object_get(difference, "removed")), 0);
    json_decref(found);
}

/* Retries. */

static void test_a_run_that_fails_for_a_while_is_tried_again_then_parked(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:s, s:i}", "$error", "InternalError", "status", 500));
    w->limits.tries = 2;
    w->limits.retry_ms = 60000;
    playbook(w, "a", "", DELETE);
    open_dispatch(w);
    int64_t began = rip_clock_now(w->clock);
    event(w, "1", NOON);
    run_all(w);
    EXPECT_LOG(w, "started a", "failed a", "started a", "parked a", "finding 1");
    assert_true(rip_clock_now(w->clock) - began >= 60000);
    assert_int_equal(dispatch_count(w->dispatch).failed, 1);
}

static const char *token_sent(world *w, size_t index)
{
    return json_string_value(json_object_get(json_array_get(fake_aws_sent(w->fake), index), "token"));
}

static void test_what_a_run_has_made_is_not_made_again_when_it_is_tried_again(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:s, s:i}", "$error", "InternalError", "status", 500));
    w->limits.tries = 2;
    playbook(w, "a", "permissions = { 'ecs:*' },",
             "run.aws.ecs():run_task { taskDefinition = 'scan' } run.aws.ecs():delete_cluster { cluster = 'rogue' }");
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    EXPECT_LOG(w, "started a", "failed a", "started a", "parked a", "finding 1");
    size_t last = json_array_size(fake_aws_sent(w->fake)), runs = 0;
    for (size_t i = 0; i < last; i++) {
        const json_t *operation = json_object_get(json_array_get(fake_aws_sent(w->fake), i), "operation");
        if (strcmp(json_string_value(operation), "RunTask") != 0) continue;
        assert_string_equal(token_sent(w, i), token_sent(w, 0));
        runs++;
    }
    assert_int_equal(runs, 2);
}

static void test_a_run_that_fails_for_good_is_not_tried_again(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:s}", "$error", "ClusterNotFoundException"));
    playbook(w, "a", "", DELETE);
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    EXPECT_LOG(w, "started a", "failed a", "finding 1");
    json_object_del(w->replies, "DeleteCluster");
    assert_string_equal(say(w, "retry", "alice", NULL, NULL), "retried"); /* a person may */
    assert_int_equal(sent_of(w, "DeleteCluster"), 2);
}

static void test_one_that_has_done_its_work_cannot_be_retried(void **state)
{
    world *w = *state;
    playbook(w, "a", "", DELETE);
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    assert_non_null(strstr(say(w, "retry", "alice", NULL, NULL), "is done"));
    assert_non_null(strstr(say(w, "cancel", "alice", NULL, NULL), "nothing to cancel"));
    assert_int_equal(sent_of(w, "DeleteCluster"), 1);
}

static void test_a_run_under_way_can_be_cancelled(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "run:sleep('30m') " DELETE);
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_string_equal(say(w, "cancel", "alice", NULL, NULL), "cancelled");
    EXPECT_LOG(w, "started a", "cancelled a", "finding 1");
    assert_int_equal(sent_of(w, "DeleteCluster"), 0);
}

static void test_a_run_that_is_about_to_begin_can_be_cancelled(void **state)
{
    world *w = *state;
    playbook(w, "a", "", DELETE);
    open_dispatch(w);
    event(w, "1", NOON);
    assert_string_equal(say(w, "cancel", "alice", NULL, NULL), "cancelled");
    EXPECT_LOG(w, "started a", "cancelled a", "finding 1");
    assert_int_equal(sent_of(w, "DeleteCluster"), 0);
}

/* Pauses. */

static void pause_or_resume(world *w, const char *what, const char *scope)
{
    json_t *word = json_pack("{s:s, s:s, s:s}", "do", what, "who", "alice", "scope", scope);
    said s = {0};
    words_perform(w->dispatch, word, keep_said, &s);
    assert_non_null(s.value);
    json_decref(s.value);
    json_decref(word);
}

static void test_a_run_that_a_pause_stopped_is_done_again_when_it_ends(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "run:sleep('1m') " DELETE);
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    pause_or_resume(w, "pause", "account:123456789012");
    run_all(w);
    EXPECT_LOG(w, "started a", "paused a", "finding 1");
    event(w, "2", NOON); /* not even begun */
    for (int i = 0; i < 20; i++) uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_int_equal(dispatch_backlog(w->dispatch), 1);
    pause_or_resume(w, "resume", "account:123456789012");
    run_all(w);
    assert_int_equal(sent_of(w, "DeleteCluster"), 2);
}

/* Undo. */

static void test_a_run_is_undone_by_one_of_its_own_with_the_permissions_that_takes(void **state)
{
    world *w = *state;
    playbook(w, "a", "",
             "run.aws.ecs():put_account_setting({ name = 'fargateFIPSMode', value = 'on' }, { undo = "
             "{ { 'PutAccountSetting', { name = 'fargateFIPSMode', value = 'off' } } } })");
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    assert_int_equal(sent_of(w, "PutAccountSetting"), 1);
    assert_string_equal(say(w, "undo", "alice", NULL, NULL), "done");
    json_t *found = NULL;
    const journal_filter filter = {.playbook = "undo"};
    journal_find_runs(w->journal, &filter, keep_answer, &found);
    const json_t *undo = json_array_get(found, 0);
    assert_non_null(undo);
    json_t *first = first_run(w);
    assert_string_equal(text(undo, "undo_of"), text(first, "id"));
    json_decref(first);
    json_decref(found);
    assert_non_null(strstr(say(w, "undo", "alice", "step", "99"), "no change in a step 99"));
}

/* What makes a run and what does not. */

static void test_an_update_makes_a_run_only_where_the_playbook_asks_for_it(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "");
    playbook(w, "b", "also = { 'updates' },", "");
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
    event(w, "1", "2026-01-01T13:00:00Z");
    run_all(w);
    EXPECT_LOG(w, "started a", "started b", "done a", "done b", "finding 1", "started b", "done b", "finding 1");
}

static void test_findings_that_belong_together_join_the_run_that_waits(void **state)
{
    world *w = *state;
    playbook(w, "a", "correlate = 'all', lock = 'l',", "run:sleep('1m')");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_NOWAIT); /* under way: it has looked at the world already */
    event(w, "2", NOON);
    event(w, "3", NOON);
    run_all(w);
    assert_int_equal(dispatch_count(w->dispatch).runs, 2);
    assert_int_equal(dispatch_count(w->dispatch).findings, 3);
}

static void test_a_cooldown_lets_one_run_through(void **state)
{
    world *w = *state;
    playbook(w, "a", "cooldown = '1h',", "");
    open_dispatch(w);
    event(w, "1", NOON);
    event(w, "2", NOON);
    run_all(w);
    EXPECT_LOG(w, "started a", "finding 2", "done a", "finding 1");
}

/* After a restart. */

static void restart(world *w)
{
    dispatch_free(w->dispatch);
    library_free(w->books);
    w->now = 0;
    open_dispatch(w);
    bool recovered = false;
    dispatch_recover(w->dispatch, on_recovered, &recovered);
    assert_true(recovered);
}

static void test_a_run_that_was_cut_off_goes_on_where_it_was(void **state)
{
    world *w = *state;
    playbook(w, "a", "",
             "run.aws.ecs():delete_cluster { cluster = 'one' } run:sleep('10m') "
             "run.aws.ecs():delete_cluster { cluster = 'two' }");
    open_dispatch(w);
    event(w, "1", NOON);
    while (sent_of(w, "DeleteCluster") == 0 || rip_clock_now(w->clock) < w->began + 60000)
        uv_run(&w->loop, UV_RUN_ONCE);
    restart(w);
    run_all(w);
    assert_int_equal(sent_of(w, "DeleteCluster"), 2); /* not three */
    json_t *first = first_run(w);
    assert_string_equal(text(first, "outcome"), "done");
    json_decref(first);
}

static void test_an_edited_file_does_not_change_a_run_under_way(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "run:sleep('10m') run.aws.ecs():delete_cluster { cluster = 'meant' }");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    playbook(w, "a", "", "run:sleep('10m') run.aws.ecs():delete_cluster { cluster = 'edited' }");
    restart(w);
    run_all(w);
    expect_only_deleted(w, "meant");
}

static void test_a_run_that_waited_for_its_turn_still_has_it(void **state)
{
    world *w = *state;
    w->limits.runs = 1;
    playbook(w, "a", "", "run:sleep('10m')");
    open_dispatch(w);
    event(w, "1", NOON);
    event(w, "2", NOON);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    restart(w);
    run_all(w);
    assert_int_equal(dispatch_count(w->dispatch).runs, 2);
}

static void test_a_mode_that_was_lowered_meanwhile_holds(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "run:sleep('10m') " DELETE);
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    w->context.mode = RUN_DRY_RUN;
    restart(w);
    run_all(w);
    assert_int_equal(sent_of(w, "DeleteCluster"), 0);
    json_t *first = first_run(w);
    assert_string_equal(text(first, "outcome"), "failed");
    json_decref(first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_setup, dispatch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_plan_waits_and_is_carried_out_when_it_is_approved),
        TEST(test_what_is_carried_out_is_the_playbook_that_planned),
        TEST(test_a_plan_that_is_denied_changes_nothing),
        TEST(test_two_people_must_approve_where_two_are_asked_for),
        TEST(test_nobody_can_pass_for_the_deadline),
        TEST(test_a_change_outside_the_plan_makes_a_new_plan_that_shows_what_differs),
        TEST(test_a_run_that_fails_for_a_while_is_tried_again_then_parked),
        TEST(test_what_a_run_has_made_is_not_made_again_when_it_is_tried_again),
        TEST(test_a_run_that_fails_for_good_is_not_tried_again),
        TEST(test_one_that_has_done_its_work_cannot_be_retried),
        TEST(test_a_run_under_way_can_be_cancelled),
        TEST(test_a_run_that_is_about_to_begin_can_be_cancelled),
        TEST(test_a_run_that_a_pause_stopped_is_done_again_when_it_ends),
        TEST(test_a_run_is_undone_by_one_of_its_own_with_the_permissions_that_takes),
        TEST(test_an_update_makes_a_run_only_where_the_playbook_asks_for_it),
        TEST(test_findings_that_belong_together_join_the_run_that_waits),
        TEST(test_a_cooldown_lets_one_run_through),
        TEST(test_a_run_that_was_cut_off_goes_on_where_it_was),
        TEST(test_an_edited_file_does_not_change_a_run_under_way),
        TEST(test_a_run_that_waited_for_its_turn_still_has_it),
        TEST(test_a_mode_that_was_lowered_meanwhile_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
