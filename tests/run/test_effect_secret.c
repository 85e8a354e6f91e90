/* Secrets at the door: what the journal holds in their place, and what takes a change back. */
#include <stdlib.h>
#include <string.h>

#include "engine/run/secret.h"
#include "tests/run/door.h"

#define SECRET "hush-hush-hush"

/* {"Environment": {"Variables": {"DB_URL": …}}} */
static json_t *configuration(void)
{
    return json_pack("{s:s, s:{s:{s:s}}}", "FunctionName", "hook", "Environment", "Variables", "DB_URL", SECRET);
}

static json_t *configure(void)
{
    return call("lambda", "UpdateFunctionConfiguration", configuration());
}

static json_t *undo_of(json_t *params)
{
    return json_pack("[{s:s, s:s, s:o}]", "service", "lambda", "operation", "UpdateFunctionConfiguration", "params",
                     params);
}

static bool tells(const json_t *value)
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    bool found = text && strstr(text, SECRET);
    free(text);
    return found;
}

static int set_up(void **state)
{
    door_setup(state);
    world *w = *state;
    json_array_append_new(w->permissions, json_string("lambda:*"));
    return 0;
}

static void test_secrets_are_kept_as_digests_and_answered_as_they_are(void **state)
{
    world *w = *state;
    json_array_append_new(w->permissions, json_string("iam:*"));
    json_object_set_new(w->replies, "CreateAccessKey",
                        json_pack("{s:{s:s, s:s, s:s, s:s}}", "AccessKey", "UserName", "u", "AccessKeyId",
                                  "AKIAEXAMPLE", "Status", "Active", "SecretAccessKey", "hush-hush-hush"));
    open_door(w);
    answer a = perform(w, 1, "aws", call("iam", "CreateAccessKey", json_pack("{s:s}", "UserName", "u")));
    const json_t *key = json_object_get(a.value, "AccessKey");
    assert_string_equal(json_string_value(json_object_get(key, "SecretAccessKey")), "hush-hush-hush");
    char *kept = json_dumps(step(w, 1)->reply, 0);
    assert_null(strstr(kept, "hush"));
    assert_non_null(strstr(kept, "AKIAEXAMPLE"));
    free(kept);
    answer_clear(&a);
    /* After a restart it is not known any more, and nothing is sent in its place. */
    close_door(w);
    open_door(w);
    a = perform(w, 1, "aws", call("iam", "CreateAccessKey", json_pack("{s:s}", "UserName", "u")));
    const char *digest = json_string_value(json_object_get(json_object_get(a.value, "AccessKey"), "SecretAccessKey"));
    answer next =
        perform(w, 2, "aws",
                call("ec2", "CreateTags",
                     json_pack("{s:[s], s:[{s:s, s:s}]}", "Resources", "i-1", "Tags", "Key", "k", "Value", digest)));
    assert_false(next.given);
    assert_string_equal(w->outcome, "secret-lost");
    assert_int_equal(sent(w), 0);
    answer_clear(&a);
}

static void test_an_environment_variable_that_is_called_a_secret_is_kept_as_a_digest(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DescribeTaskDefinition",
                        json_pack("{s:{s:[{s:s, s:[{s:s, s:s}]}]}}", "taskDefinition", "containerDefinitions", "name",
                                  "a", "environment", "name", "AWS_SECRET_ACCESS_KEY", "value", "hush-hush-hush"));
    open_door(w);
    answer a = perform(w, 1, "aws", call("ecs", "DescribeTaskDefinition", json_pack("{s:s}", "taskDefinition", "web")));
    char *kept = json_dumps(step(w, 1)->reply, 0);
    assert_null(strstr(kept, "hush"));
    free(kept);
    answer_clear(&a);
}

static void test_an_undo_is_sealed_for_its_step(void **state)
{
    world *w = *state;
    const secret_place here = {RUN, "1"};
    answer a = {0};
    json_t *opened = NULL, *before = undo_of(configuration());
    rip_error err;
    open_door(w);
    ask(w, 1, "aws", configure(), json_incref(before), &a);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_false(tells(step(w, 1)->undo));
    assert_false(tells(step(w, 1)->request));
    assert_int_equal(secret_open(w->journal, &here, step(w, 1)->undo, &opened, &err), RIP_OK);
    assert_true(json_equal(opened, before));
    assert_null(step(w, 1)->irreversible);
    json_decref(opened);
    json_decref(before);
    answer_clear(&a);
}

static void test_what_the_reply_fills_into_an_undo_is_sealed_too(void **state)
{
    world *w = *state;
    json_array_append_new(w->permissions, json_string("iam:*"));
    json_object_set_new(w->replies, "CreateAccessKey",
                        json_pack("{s:{s:s, s:s, s:s, s:s}}", "AccessKey", "UserName", "u", "AccessKeyId",
                                  "AKIAEXAMPLE", "Status", "Active", "SecretAccessKey", SECRET));
    open_door(w);
    json_t *params = json_pack("{s:{s:s}, s:{s:s}}", "AccessKeyId", "$reply", "AccessKey.AccessKeyId", "SecretString",
                               "$reply", "AccessKey.SecretAccessKey");
    json_t *undo = json_pack("[{s:s, s:s, s:o}]", "service", "iam", "operation", "DeleteAccessKey", "params", params);
    answer a = {0};
    ask(w, 1, "aws", call("iam", "CreateAccessKey", json_pack("{s:s}", "UserName", "u")), undo, &a);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    json_t *kept = json_object_get(json_array_get(step(w, 1)->undo, 0), "params");
    assert_string_equal(json_string_value(json_object_get(kept, "AccessKeyId")), "AKIAEXAMPLE");
    assert_memory_equal(json_string_value(json_object_get(kept, "SecretString")), "(sealed 1 ", 10);
    answer_clear(&a);
}

/* What was read before a restart is known by its digest alone. */
static void test_an_undo_of_which_only_a_digest_is_left_is_none(void **state)
{
    world *w = *state;
    open_door(w);
    json_t *plain = json_pack("{s:s}", "Password", SECRET), *masked = secret_mask(w->journal, NULL, plain, NULL);
    answer a = {0};
    ask(w, 1, "aws", configure(), undo_of(masked), &a);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_null(step(w, 1)->undo);
    assert_non_null(strstr(step(w, 1)->irreversible, "not kept over a restart"));
    json_decref(plain);
    answer_clear(&a);
}

static void test_what_was_promised_before_a_restart_takes_the_change_back(void **state)
{
    world *w = *state;
    answer a = {0};
    json_t *promised = NULL;
    open_door(w);
    ask(w, 1, "aws", configure(), undo_of(configuration()), &a);
    while (sent(w) == 0) uv_run(&w->loop, UV_RUN_ONCE);
    promised = json_incref(step(w, 1)->undo);
    close_door(w); /* before its answer came */
    open_door(w);
    json_t *lost = json_pack("{s:s}", "FunctionName", "another");
    ask(w, 1, "aws", configure(), undo_of(lost), &a);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(step(w, 1)->state, JOURNAL_FINISHED);
    assert_true(json_equal(step(w, 1)->undo, promised));
    json_decref(promised);
    answer_clear(&a);
}

static void test_what_became_of_a_change_is_on_record_without_its_secrets(void **state)
{
    world *w = *state;
    open_door(w);
    answer a = perform(w, 1, "settled",
                       json_pack("{s:s, s:o, s:b, s:{s:{s:{s:s}}}}", "step", "1", "request", configure(), "happened", 1,
                                 "reply", "Environment", "Variables", "DB_URL", SECRET));
    assert_false(tells(step(w, 1)->request));
    assert_string_equal(json_string_value(json_object_get(json_object_get(step(w, 1)->request, "request"), "service")),
                        "lambda");
    answer_clear(&a);
    a = perform(w, 2, "park",
                json_pack("{s:s, s:s, s:o, s:s}", "step", "1", "operation", "lambda:UpdateFunctionConfiguration",
                          "params", configuration(), "known", "nothing"));
    assert_false(a.given);
    assert_string_equal(w->outcome, "uncertain");
    assert_false(tells(step(w, 2)->request));
    assert_false(tells(w->detail));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, door_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_secrets_are_kept_as_digests_and_answered_as_they_are),
        TEST(test_an_environment_variable_that_is_called_a_secret_is_kept_as_a_digest),
        TEST(test_an_undo_is_sealed_for_its_step),
        TEST(test_what_the_reply_fills_into_an_undo_is_sealed_too),
        TEST(test_an_undo_of_which_only_a_digest_is_left_is_none),
        TEST(test_what_was_promised_before_a_restart_takes_the_change_back),
        TEST(test_what_became_of_a_change_is_on_record_without_its_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
