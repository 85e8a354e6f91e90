/* A change whose answer never came, from the playbook to the record: the library reads the world, and the run goes on.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/dispatch/world.h"

static void keep_answer(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(json_t **)data = json_incref(value);
}

/* The record of the first run, whole. */
static json_t *the_run(world *w)
{
    const journal_filter filter = {0};
    json_t *found = NULL, *whole = NULL;
    journal_find_runs(w->journal, &filter, keep_answer, &found);
    const json_t *oldest = json_array_get(found, json_array_size(found) - 1);
    const char *id = json_string_value(json_object_get(oldest, "id"));
    journal_read_run(w->journal, id, keep_answer, &whole);
    json_decref(found);
    return whole;
}

static const char *outcome_of(const json_t *whole)
{
    return json_string_value(json_object_get(json_object_get(whole, "record"), "outcome"));
}

/* What the step of this kind asked, of which there is one at least. */
static const json_t *request_of(const json_t *whole, const char *kind)
{
    size_t i;
    json_t *step;
    json_array_foreach (json_object_get(whole, "steps"), i, step) {
        if (strcmp(json_string_value(json_object_get(step, "kind")), kind) == 0)
            return json_object_get(step, "request");
    }
    fail_msg("there is no step of the kind %s", kind);
    return NULL;
}

static size_t sent_of(world *w, const char *operation)
{
    size_t i, count = 0;
    json_t *sent;
    json_array_foreach (fake_aws_sent(w->fake), i, sent)
        count += strcmp(json_string_value(json_object_get(sent, "operation")), operation) == 0;
    return count;
}

static void answer_is_lost(world *w, const char *operation)
{
    json_object_set_new(w->replies, operation, json_pack("{s:s, s:i}", "$error", "InternalError", "status", 500));
}

static void run_all(world *w)
{
    for (int quiet = 0; quiet < 20; quiet++) uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void run_it(world *w, const char *body)
{
    playbook(w, "a", "", body);
    open_dispatch(w);
    event(w, "1", NOON);
    run_all(w);
}

static const char REGISTER[] =
    "local made = run.aws.ecs():register_task_definition { family = 'web', containerDefinitions "
    "= { { name = 'web', image = 'web:2' } } } run:log(made.taskDefinition.taskDefinitionArn)";

static json_t *revision_now(const world *w)
{
    return json_pack("{s:{s:s, s:s, s:i, s:s, s:I, s:[{s:s, s:s, s:b}]}}", "taskDefinition", "family", "web",
                     "taskDefinitionArn", "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2", "revision", 2,
                     "status", "ACTIVE", "registeredAt", (json_int_t)(rip_clock_now(w->clock) / 1000),
                     "containerDefinitions", "name", "web", "image", "web:2", "essential", 1);
}

static void test_the_playbook_gets_the_reply_that_was_found(void **state)
{
    world *w = *state;
    answer_is_lost(w, "RegisterTaskDefinition");
    json_object_set_new(w->replies, "DescribeTaskDefinition", revision_now(w));
    run_it(w, REGISTER);
    json_t *whole = the_run(w);
    assert_string_equal(outcome_of(whole), "done");
    assert_int_equal(sent_of(w, "RegisterTaskDefinition"), 1);
    const json_t *settled = request_of(whole, "settled");
    assert_true(json_is_true(json_object_get(settled, "happened")));
    assert_string_equal(json_string_value(json_object_get(settled, "step")), "1");
    assert_string_equal(json_string_value(json_object_get(request_of(whole, "log"), "text")),
                        "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2");
    json_decref(whole);
}

static void test_what_did_not_happen_is_sent_again_and_not_for_ever(void **state)
{
    world *w = *state;
    answer_is_lost(w, "RegisterTaskDefinition");
    json_object_set_new(w->replies, "DescribeTaskDefinition", json_pack("{s:s}", "$error", "ClientException"));
    int64_t began = rip_clock_now(w->clock);
    run_it(w, REGISTER);
    json_t *whole = the_run(w);
    assert_string_equal(outcome_of(whole), "failed");
    assert_int_equal(sent_of(w, "RegisterTaskDefinition"), 3 * 6); /* of each of three runs */
    assert_true(json_is_false(json_object_get(request_of(whole, "settled"), "happened")));
    assert_true(rip_clock_now(w->clock) - began >= INT64_C(4) * 30000); /* AWS may still have been at it */
    json_decref(whole);
}

static void test_a_run_is_parked_where_the_world_does_not_tell(void **state)
{
    world *w = *state;
    answer_is_lost(w, "UpdateContainerAgent");
    run_it(w, "run.aws.ecs():update_container_agent { containerInstance = 'x' } run:log('on')");
    json_t *whole = the_run(w);
    assert_string_equal(outcome_of(whole), "uncertain");
    const json_t *detail = json_object_get(json_object_get(whole, "record"), "detail");
    assert_string_equal(json_string_value(json_object_get(detail, "operation")), "ecs:UpdateContainerAgent");
    assert_non_null(strstr(json_string_value(json_object_get(detail, "known")), "no rule"));
    assert_int_equal(sent_of(w, "UpdateContainerAgent"), 1);
    json_decref(whole);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_setup, dispatch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_playbook_gets_the_reply_that_was_found),
        TEST(test_what_did_not_happen_is_sent_again_and_not_for_ever),
        TEST(test_a_run_is_parked_where_the_world_does_not_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
