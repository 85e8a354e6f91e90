/* A door whose script goes while it only waits, and comes again: when it may, what it is told, and what is counted. */
#include <string.h>

#include "tests/run/door.h"

#define MINUTE 60000

static json_t *for_ms(int ms)
{
    return json_pack("{s:i}", "ms", ms);
}

static json_t *describe(const char *cluster)
{
    return call("ecs", "DescribeClusters", json_pack("{s:[s]}", "clusters", cluster));
}

static void ask_in(world *w, const char *path, json_t *request, answer *a)
{
    rip_effect effect = {"sleep", path, 1, "", request, NULL, NULL};
    effect_perform(effect_door_base(w->door), &effect, on_answer, a);
    json_decref(request);
}

static void test_a_door_sleeps_while_long_waits_are_all_that_is_under_way(void **state)
{
    world *w = *state;
    answer one = {0}, two = {0};
    open_door(w);
    assert_false(effect_door_sleeps(w->door, MINUTE)); /* nothing is */
    ask_in(w, "1", for_ms(MINUTE), &one);
    assert_true(effect_door_sleeps(w->door, MINUTE));
    assert_false(effect_door_sleeps(w->door, MINUTE + 1));
    ask_in(w, "2", for_ms(MINUTE - 1), &two);
    assert_false(effect_door_sleeps(w->door, MINUTE));
}

static void test_a_door_with_a_call_under_way_does_not_sleep(void **state)
{
    world *w = *state;
    answer wait = {0}, read = {0};
    open_door(w);
    ask_in(w, "1", for_ms(10 * MINUTE), &wait);
    ask(w, 1, "aws", describe("a"), NULL, &read);
    assert_false(effect_door_sleeps(w->door, MINUTE));
    while (!read.given) uv_run(&w->loop, UV_RUN_ONCE);
    assert_true(effect_door_sleeps(w->door, MINUTE));
    answer_clear(&read);
}

static void test_a_door_that_has_told_a_secret_does_not_sleep(void **state)
{
    world *w = *state;
    answer wait = {0};
    json_array_append_new(w->permissions, json_string("iam:*"));
    json_object_set_new(
        w->replies, "CreateAccessKey",
        json_pack("{s:{s:s, s:s}}", "AccessKey", "AccessKeyId", "AKIAEXAMPLE", "SecretAccessKey", "hush"));
    open_door(w);
    answer key = perform(w, 1, "aws", call("iam", "CreateAccessKey", json_pack("{s:s}", "UserName", "u")));
    ask(w, 2, "sleep", for_ms(10 * MINUTE), NULL, &wait);
    assert_false(effect_door_sleeps(w->door, MINUTE));
    answer_clear(&key);
}

static void test_a_door_that_replays_does_not_sleep(void **state)
{
    world *w = *state;
    answer wait = {0};
    open_door(w);
    answer read = perform(w, 1, "aws", describe("a"));
    answer_clear(&read);
    close_door(w);
    open_door(w);
    ask_in(w, "1", for_ms(10 * MINUTE), &wait);
    assert_false(effect_door_sleeps(w->door, MINUTE));
}

static void test_the_end_of_a_wait_is_put_on_record_and_told_where_the_script_has_left(void **state)
{
    world *w = *state;
    answer lost = {0}, again = {0};
    int64_t began = rip_clock_now(w->clock);
    open_door(w);
    ask(w, 1, "sleep", for_ms(10 * MINUTE), NULL, &lost);
    effect_door_leave(w->door);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_false(lost.given);
    assert_int_equal(w->awake, 1);
    assert_int_equal(step(w, 1)->finished_ms - began, 10 * MINUTE);
    effect_door_rewind(w->door);
    ask(w, 1, "sleep", for_ms(10 * MINUTE), NULL, &again);
    assert_true(again.given);
    answer_clear(&again);
}

static void test_a_wait_that_goes_on_after_a_rewind_ends_when_it_would_have(void **state)
{
    world *w = *state;
    answer one = {0}, two = {0};
    int64_t began = rip_clock_now(w->clock);
    open_door(w);
    ask_in(w, "1", for_ms(10 * MINUTE), &one);
    ask_in(w, "2", for_ms(30 * MINUTE), &two);
    effect_door_leave(w->door);
    while (w->awake == 0) uv_run(&w->loop, UV_RUN_ONCE);
    effect_door_rewind(w->door);
    ask_in(w, "1", for_ms(10 * MINUTE), &one);
    assert_true(one.given);
    ask_in(w, "2", for_ms(30 * MINUTE), &two);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_true(two.given);
    assert_int_equal(rip_clock_now(w->clock) - began, 30 * MINUTE);
    assert_int_equal(w->awake, 1);
    answer_clear(&one);
    answer_clear(&two);
}

/* Of a plan that has one change, and a budget of one. */
static void test_what_is_replayed_after_a_rewind_was_counted_before(void **state)
{
    world *w = *state;
    answer wait = {0};
    w->changes = 2;
    w->plan = json_pack("[o, o]", delete_cluster("a"), delete_cluster("b"));
    open_door(w);
    answer denied = perform(w, 1, "aws", call("iam", "DeleteUser", json_pack("{s:s}", "UserName", "u")));
    answer change = perform(w, 2, "aws", delete_cluster("a"));
    ask(w, 3, "sleep", for_ms(10 * MINUTE), NULL, &wait);
    effect_door_leave(w->door);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    effect_door_rewind(w->door);
    answer_clear(&denied);
    answer_clear(&change);
    denied = perform(w, 1, "aws", call("iam", "DeleteUser", json_pack("{s:s}", "UserName", "u")));
    change = perform(w, 2, "aws", delete_cluster("a"));
    wait = perform(w, 3, "sleep", for_ms(10 * MINUTE));
    assert_true(wait.given);
    assert_string_equal(code(&denied), "Guard.Permission");
    assert_int_equal(effect_door_changes(w->door), 1);
    answer other = perform(w, 4, "aws", delete_cluster("b"));
    assert_true(other.given);
    assert_null(other.error);
    assert_int_equal(sent(w), 2);
    answer_clear(&denied);
    answer_clear(&change);
    answer_clear(&wait);
    answer_clear(&other);
    json_decref(w->plan);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, door_setup, door_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_door_sleeps_while_long_waits_are_all_that_is_under_way),
        TEST(test_a_door_with_a_call_under_way_does_not_sleep),
        TEST(test_a_door_that_has_told_a_secret_does_not_sleep),
        TEST(test_a_door_that_replays_does_not_sleep),
        TEST(test_the_end_of_a_wait_is_put_on_record_and_told_where_the_script_has_left),
        TEST(test_a_wait_that_goes_on_after_a_rewind_ends_when_it_would_have),
        TEST(test_what_is_replayed_after_a_rewind_was_counted_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
