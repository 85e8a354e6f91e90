/* A run that is being stopped: what was on its way to AWS does not get there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/run/door.h"

static void turn(world *w, unsigned times)
{
    for (unsigned i = 0; i < times; i++) uv_run(&w->loop, UV_RUN_NOWAIT);
}

static void test_a_change_is_not_tried_again(void **state)
{
    world *w = *state;
    answer a = {0};
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:s}", "$error", "ThrottlingException"));
    open_door(w);
    ask(w, 1, "aws", delete_cluster("rogue"), NULL, &a);
    while (sent(w) < 1) uv_run(&w->loop, UV_RUN_ONCE);
    effect_door_hold(w->door);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(sent(w), 1);
    assert_false(a.given);
    assert_int_equal(step(w, 1)->state, JOURNAL_STARTED);
}

static void test_a_read_is_not_tried_again(void **state)
{
    world *w = *state;
    answer a = {0};
    json_object_set_new(w->replies, "ListClusters", json_pack("{s:s}", "$error", "ThrottlingException"));
    open_door(w);
    ask(w, 1, "aws", call("ecs", "ListClusters", json_object()), NULL, &a);
    while (sent(w) < 1) uv_run(&w->loop, UV_RUN_ONCE);
    effect_door_hold(w->door);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(sent(w), 1);
    assert_false(a.given);
}

static void test_a_change_whose_guard_is_still_looking_does_not_begin(void **state)
{
    world *w = *state;
    answer a = {0};
    json_array_append_new(w->tags, json_pack("{s:s, s:s}", "key", "env", "value", "prod*"));
    json_object_set_new(w->replies, "ListTagsForResource", json_pack("{s:[]}", "tags"));
    open_door(w);
    ask(w, 1, "aws", delete_cluster("web"), NULL, &a);
    while (sent(w) < 1) uv_run(&w->loop, UV_RUN_ONCE);
    effect_door_hold(w->door);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(sent(w), 1); /* the look */
    assert_int_equal(journal_step_count(w->journal, RUN), 0);
    assert_false(a.given);
}

static void test_what_aws_answers_meanwhile_is_on_record(void **state)
{
    world *w = *state;
    answer a = {0};
    open_door(w);
    ask(w, 1, "aws", delete_cluster("rogue"), NULL, &a);
    while (sent(w) < 1) uv_run(&w->loop, UV_RUN_ONCE);
    effect_door_hold(w->door);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_string_equal(step(w, 1)->outcome, "done");
    assert_false(a.given);
}

/* The journal on disk answers from a thread of its own, in the same turn of the loop in which a run is stopped, if so
 * it happens. */
static void test_a_change_whose_start_is_being_written_is_not_sent(void **state)
{
    world *w = *state;
    answer a = {0};
    rip_error err;
    char folder[] = "/tmp/test-hold-XXXXXX", path[64], command[96];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/journal", folder);
    journal_close(w->journal);
    journal_options options = {.path = path, .access = JOURNAL_OWN, .loop = &w->loop, .owner = "test"};
    assert_int_equal(journal_open_sqlite(&options, &w->journal, &err), RIP_OK);
    json_t *record = json_pack("{s:s, s:s}", "id", RUN, "playbook", "contain");
    journal_run_begin(w->journal, record, journal_ignore, NULL);
    json_decref(record);
    open_door(w);
    ask(w, 1, "aws", delete_cluster("rogue"), NULL, &a);
    assert_int_equal(step(w, 1)->state, JOURNAL_STARTED); /* for those who ask here; the disk does not have it */
    effect_door_hold(w->door);
    usleep(50000);
    turn(w, 100);
    assert_int_equal(sent(w), 0);
    assert_false(a.given);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a test, with its own words */
}

#define HOLD_TEST(f) cmocka_unit_test_setup_teardown(f, door_setup, door_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOLD_TEST(test_a_change_is_not_tried_again),
        HOLD_TEST(test_a_read_is_not_tried_again),
        HOLD_TEST(test_a_change_whose_guard_is_still_looking_does_not_begin),
        HOLD_TEST(test_what_aws_answers_meanwhile_is_on_record),
        HOLD_TEST(test_a_change_whose_start_is_being_written_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
