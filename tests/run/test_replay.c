/* A run that was cut off: what the door answers from the journal, what it does again, and what it leaves to be found
 * out. */
#include <stdlib.h>
#include <string.h>

#include "tests/run/door.h"

static void ask_at(world *w, const char *path, unsigned number, json_t *request, answer *a)
{
    rip_effect effect = {"aws", path, number, "", request, NULL, NULL};
    effect_perform(effect_door_base(w->door), &effect, on_answer, a);
    json_decref(request);
}

static void quiet(world *w)
{
    effect_door_base(w->door)->quiet(effect_door_base(w->door));
}

static void set_true(void *data)
{
    *(bool *)data = true;
}

static json_t *describe(const char *cluster)
{
    return call("ecs", "DescribeClusters", json_pack("{s:[s]}", "clusters", cluster));
}

static json_t *register_task(const char *family)
{
    return call(
        "ecs", "RegisterTaskDefinition",
        json_pack("{s:s, s:[{s:s, s:s}]}", "family", family, "containerDefinitions", "name", "a", "image", "i"));
}

/* Send a change and crash before its answer comes. */
static void crash_in(world *w, json_t *request)
{
    answer lost = {0};
    open_door(w);
    ask(w, 1, "aws", request, NULL, &lost);
    while (sent(w) == 0) uv_run(&w->loop, UV_RUN_ONCE);
    close_door(w);
    assert_false(lost.given);
    assert_int_equal(step(w, 1)->state, JOURNAL_STARTED);
}

static const char *token_of(world *w, size_t index)
{
    return json_string_value(json_object_get(json_array_get(fake_aws_sent(w->fake), index), "token"));
}

static void test_a_finished_step_is_answered_from_the_journal(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:{s:s}}", "cluster", "status", "INACTIVE"));
    open_door(w);
    answer first = perform(w, 1, "aws", delete_cluster("rogue"));
    close_door(w);
    open_door(w);
    answer again = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_true(json_equal(first.value, again.value));
    assert_int_equal(sent(w), 0);
    assert_int_equal(effect_door_changes(w->door), 1);
    answer_clear(&first);
    answer_clear(&again);
}

static void test_answers_are_handed_out_in_the_order_in_which_they_came(void **state)
{
    world *w = *state;
    answer one = {0}, two = {0};
    open_door(w);
    ask_at(w, "1", 1, describe("a"), &one);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    ask_at(w, "2", 1, describe("b"), &two);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    answer_clear(&one);
    answer_clear(&two);
    close_door(w);
    open_door(w);
    ask_at(w, "2", 1, describe("b"), &two);
    assert_false(two.given); /* it came second the first time */
    ask_at(w, "1", 1, describe("a"), &one);
    assert_true(one.given);
    assert_true(two.given);
    assert_false(effect_door_is_replaying(w->door));
    answer_clear(&one);
    answer_clear(&two);
}

static void test_what_is_not_on_record_waits_until_all_that_is_was_handed_out(void **state)
{
    world *w = *state;
    answer old = {0}, new = {0};
    open_door(w);
    ask_at(w, "1", 1, describe("a"), &old);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    answer_clear(&old);
    close_door(w);
    open_door(w);
    ask_at(w, "2", 1, delete_cluster("b"), &new);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(sent(w), 0);
    ask_at(w, "1", 1, describe("a"), &old);
    quiet(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_true(old.given);
    assert_true(new.given);
    assert_int_equal(sent(w), 1);
    answer_clear(&old);
    answer_clear(&new);
}

static void test_a_differing_question_stops_the_run_as_diverged(void **state)
{
    world *w = *state;
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    answer_clear(&a);
    close_door(w);
    open_door(w);
    a = perform(w, 1, "aws", delete_cluster("another"));
    assert_false(a.given);
    assert_string_equal(w->outcome, "diverged");
    assert_int_equal(sent(w), 0);
}

static void test_a_step_on_record_that_nobody_asks_for_stops_the_run_as_diverged(void **state)
{
    world *w = *state;
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    answer_clear(&a);
    close_door(w);
    open_door(w);
    a = perform(w, 2, "aws", delete_cluster("another"));
    quiet(w);
    assert_false(a.given);
    assert_string_equal(w->outcome, "diverged");
    assert_non_null(strstr(w->reason, "step 1 (aws)"));
}

static void test_a_started_change_with_a_client_token_is_sent_again_with_the_same(void **state)
{
    world *w = *state;
    crash_in(w, call("ec2", "CreateVolume", json_pack("{s:s, s:i}", "AvailabilityZone", "us-east-1a", "Size", 1)));
    open_door(w);
    answer a = perform(
        w, 1, "aws", call("ec2", "CreateVolume", json_pack("{s:s, s:i}", "AvailabilityZone", "us-east-1a", "Size", 1)));
    assert_true(a.given);
    assert_null(a.error);
    assert_int_equal(sent(w), 1);
    char token[64];
    snprintf(token, sizeof token, "%s", token_of(w, 0));
    answer_clear(&a);
    close_door(w);
    journal_close(w->journal); /* what the first one would have sent */
    rip_error err;
    assert_int_equal(journal_open_memory(&w->journal, &err), RIP_OK);
    json_t *record = json_pack("{s:s}", "id", RUN);
    journal_run_begin(w->journal, record, journal_ignore, NULL);
    json_decref(record);
    open_door(w);
    a = perform(w, 1, "aws",
                call("ec2", "CreateVolume", json_pack("{s:s, s:i}", "AvailabilityZone", "us-east-1a", "Size", 1)));
    assert_string_equal(token_of(w, 0), token);
    answer_clear(&a);
}

static void test_a_started_change_that_is_idempotent_is_sent_again(void **state)
{
    world *w = *state;
    crash_in(w, delete_cluster("rogue"));
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_null(a.error);
    assert_int_equal(sent(w), 1);
    assert_string_equal(step(w, 1)->outcome, "done");
    answer_clear(&a);
}

static void test_a_started_change_without_client_token_is_not_repeated_before_the_world_was_read(void **state)
{
    world *w = *state;
    crash_in(w, register_task("web"));
    open_door(w);
    answer a = perform(w, 1, "aws", register_task("web"));
    assert_string_equal(code(&a), "Uncertain");
    assert_true(json_integer_value(json_object_get(a.error, "started_ms")) > 0);
    assert_int_equal(sent(w), 0);
    assert_string_equal(step(w, 1)->outcome, "uncertain");
    answer_clear(&a);
}

static void test_a_change_whose_fate_is_unknown_is_not_repeated_either(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "RegisterTaskDefinition",
                        json_pack("{s:s, s:i}", "$error", "InternalError", "status", 500));
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:s, s:i}", "$error", "InternalError", "status", 500));
    open_door(w);
    answer once = perform(w, 1, "aws", register_task("web"));
    assert_string_equal(code(&once), "Uncertain");
    assert_int_equal(sent(w), 1);
    answer often = perform(w, 2, "aws", delete_cluster("rogue")); /* idempotent: tried as the SDKs do */
    assert_string_equal(code(&often), "InternalError");
    assert_int_equal(sent(w), 1 + 3);
    answer_clear(&once);
    answer_clear(&often);
}

/* "No such cluster" tells nothing of whose doing that is, when the change was sent before. */
static void test_a_change_that_is_refused_when_it_is_sent_again_is_told_from_one_that_is_refused(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:s}", "$error", "ClusterNotFoundException"));
    crash_in(w, delete_cluster("rogue"));
    open_door(w);
    answer again = perform(w, 1, "aws", delete_cluster("rogue"));
    answer once = perform(w, 2, "aws", delete_cluster("other"));
    assert_string_equal(code(&again), "ClusterNotFoundException");
    assert_true(json_is_true(json_object_get(again.error, "sent_before")));
    assert_string_equal(json_string_value(json_object_get(again.error, "step")), "1");
    assert_null(json_object_get(once.error, "sent_before"));
    answer_clear(&again);
    answer_clear(&once);
}

static void test_a_throttled_change_is_known_not_to_have_happened(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "RegisterTaskDefinition", json_pack("{s:s}", "$error", "ThrottlingException"));
    open_door(w);
    answer a = perform(w, 1, "aws", register_task("web"));
    assert_string_equal(code(&a), "ThrottlingException");
    assert_true(sent(w) > 1);
    answer_clear(&a);
}

static void test_a_sleep_that_began_before_the_crash_ends_when_it_would_have(void **state)
{
    world *w = *state;
    answer lost = {0};
    open_door(w);
    ask(w, 1, "sleep", json_pack("{s:i}", "ms", 60000), NULL, &lost);
    int64_t began = rip_clock_now(w->clock);
    rip_timer tick = {0};
    bool over = false;
    rip_timer_start(&tick, w->clock, 20000, set_true, &over);
    while (!over) uv_run(&w->loop, UV_RUN_ONCE);
    close_door(w);
    assert_false(lost.given);
    open_door(w);
    answer a = perform(w, 1, "sleep", json_pack("{s:i}", "ms", 60000));
    assert_true(a.given);
    assert_int_equal(rip_clock_now(w->clock) - began, 60000);
    answer_clear(&a);
}

/* Pauses, plans. */

static void pause_changes(world *w, const char *scope)
{
    json_t *about = json_pack("{s:s}", "who", "alice");
    journal_pause(w->journal, scope, about, journal_ignore, NULL);
    json_decref(about);
}

static void test_a_pause_stops_the_run_before_its_next_change(void **state)
{
    world *w = *state;
    open_door(w);
    pause_changes(w, "account:123456789012");
    answer read = perform(w, 1, "aws", describe("a"));
    assert_true(read.given); /* reads go on */
    answer a = perform(w, 2, "aws", delete_cluster("rogue"));
    assert_false(a.given);
    assert_string_equal(w->outcome, "paused");
    assert_int_equal(sent(w), 1);
    answer_clear(&read);
}

static void test_a_pause_holds_from_the_next_try_of_a_change_on(void **state)
{
    world *w = *state;
    answer a = {0};
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:s}", "$error", "ThrottlingException"));
    open_door(w);
    ask(w, 1, "aws", delete_cluster("rogue"), NULL, &a);
    while (sent(w) < 1) uv_run(&w->loop, UV_RUN_ONCE);
    pause_changes(w, "all");
    while (!*w->outcome && uv_run(&w->loop, UV_RUN_ONCE)) {}
    assert_string_equal(w->outcome, "paused");
    assert_int_equal(sent(w), 1);
    assert_false(a.given);
}

static void test_what_was_begun_before_a_crash_is_not_sent_again_while_changes_are_paused(void **state)
{
    world *w = *state;
    crash_in(w, delete_cluster("rogue"));
    pause_changes(w, "all");
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_false(a.given);
    assert_string_equal(w->outcome, "paused");
    assert_int_equal(sent(w), 0);
}

/* Else it would be made again, unseen, by the run that follows the pause. */
static void test_what_only_the_world_can_tell_is_looked_for_while_changes_are_paused(void **state)
{
    world *w = *state;
    crash_in(w, register_task("web"));
    pause_changes(w, "all");
    open_door(w);
    answer a = perform(w, 1, "aws", register_task("web"));
    assert_string_equal(code(&a), "Uncertain");
    assert_int_equal(sent(w), 0);
    answer_clear(&a);
}

static void test_a_pause_holds_for_its_playbook_or_account_alone(void **state)
{
    world *w = *state;
    assert_null(guard_paused(w->journal, "contain", "1"));
    pause_changes(w, "playbook:contain");
    pause_changes(w, "account:2");
    assert_string_equal(guard_paused(w->journal, "contain", "1"), "playbook:contain");
    assert_string_equal(guard_paused(w->journal, "other", "2"), "account:2");
    assert_null(guard_paused(w->journal, "other", "1"));
    pause_changes(w, "all");
    assert_non_null(guard_paused(w->journal, "other", "1"));
}

static void test_a_change_outside_the_approved_plan_stops_the_run(void **state)
{
    world *w = *state;
    json_t *planned = delete_cluster("rogue");
    w->plan = json_pack("[o]", planned);
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_true(a.given);
    answer_clear(&a);
    a = perform(w, 2, "aws", delete_cluster("rogue")); /* once, not twice */
    assert_false(a.given);
    assert_string_equal(w->outcome, "outside-plan");
    assert_int_equal(sent(w), 1);
    json_decref(w->plan);
}

static void test_a_change_of_the_plan_that_aws_refused_may_be_tried_again(void **state)
{
    world *w = *state;
    w->plan = json_pack("[o]", delete_cluster("rogue"));
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:s}", "$error", "ClusterContainsTasksException"));
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_string_equal(code(&a), "ClusterContainsTasksException");
    answer_clear(&a);
    json_object_del(w->replies, "DeleteCluster");
    a = perform(w, 2, "aws", delete_cluster("rogue"));
    assert_null(a.error);
    answer_clear(&a);
    a = perform(w, 3, "aws", delete_cluster("rogue"));
    assert_false(a.given);
    assert_string_equal(w->outcome, "outside-plan");
    json_decref(w->plan);
}

static json_t *settled(const char *step, json_t *request, bool happened)
{
    return json_pack("{s:s, s:o, s:b}", "step", step, "request", request, "happened", (int)happened);
}

/* Of a plan that has a change once: it is made once, whatever became of its first try. */
static void check_settled(world *w, bool happened)
{
    w->plan = json_pack("[o]", register_task("web"));
    crash_in(w, register_task("web"));
    open_door(w);
    answer a = perform(w, 1, "aws", register_task("web"));
    assert_string_equal(code(&a), "Uncertain");
    assert_string_equal(json_string_value(json_object_get(a.error, "step")), "1");
    answer_clear(&a);
    a = perform(w, 2, "settled", settled("1", register_task("web"), happened));
    answer_clear(&a);
    a = perform(w, 3, "aws", register_task("web"));
    assert_int_equal(sent(w), happened ? 0 : 1);
    assert_string_equal(happened ? w->outcome : "outside-plan", "outside-plan");
    assert_true(a.given == !happened);
    answer_clear(&a);
    json_decref(w->plan);
}

static void test_a_change_of_the_plan_that_did_not_happen_after_all_is_still_to_come(void **state)
{
    check_settled(*state, false);
}

static void test_a_change_of_the_plan_that_happened_after_all_is_crossed_off(void **state)
{
    check_settled(*state, true);
}

/* Guards of time and number. */

static void test_a_playbooks_hourly_budget_holds_over_runs(void **state)
{
    world *w = *state;
    w->playbook_hourly = 2;
    open_door(w);
    journal_spend(w->journal, "playbook:contain", rip_clock_now(w->clock));
    answer one = perform(w, 1, "aws", delete_cluster("a")), two = perform(w, 2, "aws", delete_cluster("b"));
    assert_null(one.error);
    assert_string_equal(code(&two), "Guard.Budget");
    assert_int_equal(sent(w), 1);
    answer_clear(&one);
    answer_clear(&two);
}

static void test_the_engines_own_role_is_protected_always(void **state)
{
    world *w = *state;
    w->asks_identity = true;
    json_array_append_new(w->permissions, json_string("iam:*"));
    json_object_set_new(w->replies, "GetCallerIdentity",
                        json_pack("{s:s, s:s}", "Arn", "arn:aws:sts::123456789012:assumed-role/riposte/i-1", "Account",
                                  "123456789012"));
    open_door(w);
    answer own = perform(w, 1, "aws", call("iam", "DeleteRole", json_pack("{s:s}", "RoleName", "riposte")));
    answer other = perform(w, 2, "aws", call("iam", "DeleteRole", json_pack("{s:s}", "RoleName", "rogue")));
    assert_string_equal(code(&own), "Guard.Protected");
    assert_null(other.error);
    assert_int_equal(sent(w), 2); /* the question who we are, once, and the one change */
    answer_clear(&own);
    answer_clear(&other);
}

static void test_a_change_for_another_account_is_not_made_in_the_credentials_own(void **state)
{
    world *w = *state;
    w->asks_identity = true;
    json_object_set_new(w->replies, "GetCallerIdentity",
                        json_pack("{s:s}", "Arn", "arn:aws:iam::999999999999:user/alice"));
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_string_equal(code(&a), "Guard.Account");
    assert_int_equal(sent(w), 1); /* the question who we are */
    answer_clear(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, door_setup, door_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_finished_step_is_answered_from_the_journal),
        TEST(test_answers_are_handed_out_in_the_order_in_which_they_came),
        TEST(test_what_is_not_on_record_waits_until_all_that_is_was_handed_out),
        TEST(test_a_differing_question_stops_the_run_as_diverged),
        TEST(test_a_step_on_record_that_nobody_asks_for_stops_the_run_as_diverged),
        TEST(test_a_started_change_with_a_client_token_is_sent_again_with_the_same),
        TEST(test_a_started_change_that_is_idempotent_is_sent_again),
        TEST(test_a_started_change_without_client_token_is_not_repeated_before_the_world_was_read),
        TEST(test_a_change_whose_fate_is_unknown_is_not_repeated_either),
        TEST(test_a_change_that_is_refused_when_it_is_sent_again_is_told_from_one_that_is_refused),
        TEST(test_a_throttled_change_is_known_not_to_have_happened),
        TEST(test_a_sleep_that_began_before_the_crash_ends_when_it_would_have),
        TEST(test_a_pause_stops_the_run_before_its_next_change),
        TEST(test_a_pause_holds_from_the_next_try_of_a_change_on),
        TEST(test_what_was_begun_before_a_crash_is_not_sent_again_while_changes_are_paused),
        TEST(test_what_only_the_world_can_tell_is_looked_for_while_changes_are_paused),
        TEST(test_a_pause_holds_for_its_playbook_or_account_alone),
        TEST(test_a_change_outside_the_approved_plan_stops_the_run),
        TEST(test_a_change_of_the_plan_that_aws_refused_may_be_tried_again),
        TEST(test_a_change_of_the_plan_that_did_not_happen_after_all_is_still_to_come),
        TEST(test_a_change_of_the_plan_that_happened_after_all_is_crossed_off),
        TEST(test_a_playbooks_hourly_budget_holds_over_runs),
        TEST(test_the_engines_own_role_is_protected_always),
        TEST(test_a_change_for_another_account_is_not_made_in_the_credentials_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
