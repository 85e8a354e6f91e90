/* Guards that cannot tell say no: protected tags, changes whose targets are not told, and not knowing who we are. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/run/door.h"

static const char OWN_ROLE[] = "arn:aws:sts::123456789012:assumed-role/riposte/i-1";

static void reply(world *w, const char *operation, json_t *value)
{
    json_object_set_new(w->replies, operation, value);
}

static json_t *identity(const char *arn)
{
    return json_pack("{s:s, s:s}", "Arn", arn, "Account", "123456789012");
}

static void protect_tag(world *w)
{
    json_array_append_new(w->tags, json_pack("{s:s, s:s}", "key", "env", "value", "prod*"));
    json_array_append_new(w->permissions, json_string("*:*"));
}

static void wait_ms(world *w, unsigned number, int ms)
{
    answer a = perform(w, number, "sleep", json_pack("{s:i}", "ms", ms));
    assert_null(a.error);
    answer_clear(&a);
}

static void expect(world *w, unsigned number, json_t *request, const char *wanted)
{
    answer a = perform(w, number, "aws", request);
    if (wanted)
        assert_string_equal(code(&a), wanted);
    else
        assert_null(a.error);
    answer_clear(&a);
}

static void test_tags_are_asked_for_again_after_a_minute(void **state)
{
    world *w = *state;
    protect_tag(w);
    reply(w, "ListTagsForResource", json_pack("{s:[]}", "tags"));
    open_door(w);
    expect(w, 1, delete_cluster("web"), NULL);
    reply(w, "ListTagsForResource", json_pack("{s:[{s:s, s:s}]}", "tags", "key", "env", "value", "production"));
    expect(w, 2, delete_cluster("web"), NULL); /* as last seen */
    wait_ms(w, 3, 61000);
    expect(w, 4, delete_cluster("web"), "Guard.Protected");
}

static void test_tags_of_buckets_and_databases_are_looked_up(void **state)
{
    world *w = *state;
    protect_tag(w);
    reply(w, "GetBucketTagging", json_pack("{s:[{s:s, s:s}]}", "TagSet", "Key", "env", "Value", "prod"));
    reply(w, "ListTagsForResource", json_pack("{s:[{s:s, s:s}]}", "TagList", "Key", "env", "Value", "prod"));
    open_door(w);
    expect(w, 1, call("s3", "DeleteBucket", json_pack("{s:s}", "Bucket", "logs")), "Guard.Protected");
    expect(w, 2, call("rds", "DeleteDBInstance", json_pack("{s:s}", "DBInstanceIdentifier", "main")),
           "Guard.Protected");
    assert_int_equal(sent(w), 2);
}

static void test_a_bucket_without_tags_is_free(void **state)
{
    world *w = *state;
    protect_tag(w);
    reply(w, "GetBucketTagging", json_pack("{s:s}", "$error", "NoSuchTagSet"));
    open_door(w);
    expect(w, 1, call("s3", "DeleteBucket", json_pack("{s:s}", "Bucket", "logs")), NULL);
}

static void test_tags_that_come_in_several_pages_are_not_taken_for_all(void **state)
{
    world *w = *state;
    protect_tag(w);
    reply(w, "DescribeTags", json_pack("{s:[], s:s}", "Tags", "NextToken", "more"));
    open_door(w);
    expect(w, 1, call("ec2", "TerminateInstances", json_pack("{s:[s]}", "InstanceIds", "i-1")), "Guard.Protected");
}

static json_t *statement(void)
{
    return call("dynamodb", "ExecuteStatement", json_pack("{s:s}", "Statement", "DELETE FROM t"));
}

static void test_what_cannot_be_told_is_refused_where_anything_is_protected(void **state)
{
    world *w = *state;
    json_array_append_new(w->permissions, json_string("dynamodb:*"));
    json_array_append_new(w->arns, json_string("arn:aws:s3:::logs"));
    open_door(w);
    expect(w, 1, statement(), "Guard.Protected");
    expect(w, 2, call("ec2", "DeleteSecurityGroup", json_object()), "Guard.Protected"); /* it names nothing at all */
}

static void test_what_cannot_be_told_is_done_where_nothing_is_protected(void **state)
{
    world *w = *state;
    json_array_append_new(w->permissions, json_string("dynamodb:*"));
    open_door(w);
    expect(w, 1, statement(), NULL);
}

static void test_not_knowing_who_we_are_refuses_changes_until_sts_answers(void **state)
{
    world *w = *state;
    const char *why;
    w->asks_identity = true;
    reply(w, "GetCallerIdentity", json_pack("{s:s}", "$error", "AccessDenied"));
    open_door(w);
    assert_true(guard_knows_itself(w->guard, &why)); /* nobody has asked */
    expect(w, 1, delete_cluster("rogue"), "Guard.Identity");
    assert_false(guard_knows_itself(w->guard, &why));
    assert_non_null(strstr(why, "AccessDenied"));
    expect(w, 2, delete_cluster("rogue"), "Guard.Identity");
    assert_int_equal(sent(w), 1); /* asked once, and not at once again */
    reply(w, "GetCallerIdentity", identity(OWN_ROLE));
    wait_ms(w, 3, 61000);
    expect(w, 4, delete_cluster("rogue"), NULL);
    assert_true(guard_knows_itself(w->guard, &why));
}

static void test_a_reply_without_an_arn_tells_nobody_who_we_are(void **state)
{
    world *w = *state;
    w->asks_identity = true;
    reply(w, "GetCallerIdentity", json_object());
    open_door(w);
    expect(w, 1, delete_cluster("rogue"), "Guard.Identity");
}

static void test_the_engine_is_itself_in_any_case_and_without_a_name(void **state)
{
    world *w = *state;
    w->asks_identity = true;
    json_array_append_new(w->permissions, json_string("iam:*"));
    reply(w, "GetCallerIdentity", identity(OWN_ROLE));
    open_door(w);
    expect(w, 1, call("iam", "DeleteRole", json_pack("{s:s}", "RoleName", "RIPOSTE")), "Guard.Protected");
    expect(w, 2, call("iam", "CreateAccessKey", json_object()), "Guard.Protected");
    expect(w, 3, call("iam", "ChangePassword", json_pack("{s:s, s:s}", "OldPassword", "a", "NewPassword", "b")),
           "Guard.Protected");
    expect(w, 4, call("iam", "CreateAccessKey", json_pack("{s:s}", "UserName", "eve")), NULL);
}

static void test_a_federated_user_s_account_is_the_one_of_its_arn(void **state)
{
    world *w = *state;
    w->asks_identity = true;
    reply(w, "GetCallerIdentity", identity("arn:aws:sts::123456789012:federated-user/alice"));
    open_door(w);
    expect(w, 1, delete_cluster("rogue"), NULL);
    json_t *elsewhere = delete_cluster("rogue");
    json_object_set_new(elsewhere, "account", json_string("999999999999"));
    expect(w, 2, elsewhere, "Guard.Account");
}

/* Ten changes at once, whose tags must be looked up first: no more than the budget are made. */
static void test_changes_that_are_checked_at_once_do_not_share_a_budget(void **state)
{
    world *w = *state;
    answer answers[10] = {0};
    unsigned made = 0, refused = 0;
    w->playbook_hourly = 3;
    protect_tag(w);
    reply(w, "ListTagsForResource", json_pack("{s:[]}", "tags"));
    open_door(w);
    for (unsigned i = 0; i < 10; i++) {
        char name[8];
        snprintf(name, sizeof name, "c%u", i);
        ask(w, i + 1, "aws", delete_cluster(name), NULL, &answers[i]);
    }
    uv_run(&w->loop, UV_RUN_DEFAULT);
    for (unsigned i = 0; i < 10; i++) {
        made += !answers[i].error;
        refused += answers[i].error && strcmp(code(&answers[i]), "Guard.Budget") == 0;
        answer_clear(&answers[i]);
    }
    assert_int_equal(made, 3);
    assert_int_equal(refused, 7);
    assert_int_equal(effect_door_changes(w->door), 3); /* what was refused is none */
}

static void test_what_a_guard_refuses_gives_its_budget_back(void **state)
{
    world *w = *state;
    w->playbook_hourly = 1;
    w->changes = 1;
    json_array_append_new(w->arns, json_string("*:cluster/prod"));
    open_door(w);
    expect(w, 1, delete_cluster("prod"), "Guard.Protected");
    expect(w, 2, delete_cluster("rogue"), NULL);
    expect(w, 3, delete_cluster("other"), "Guard.Budget");
    assert_false(step(w, 1)->is_change);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, door_setup, door_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tags_are_asked_for_again_after_a_minute),
        TEST(test_tags_of_buckets_and_databases_are_looked_up),
        TEST(test_a_bucket_without_tags_is_free),
        TEST(test_tags_that_come_in_several_pages_are_not_taken_for_all),
        TEST(test_what_cannot_be_told_is_refused_where_anything_is_protected),
        TEST(test_what_cannot_be_told_is_done_where_nothing_is_protected),
        TEST(test_not_knowing_who_we_are_refuses_changes_until_sts_answers),
        TEST(test_a_reply_without_an_arn_tells_nobody_who_we_are),
        TEST(test_a_federated_user_s_account_is_the_one_of_its_arn),
        TEST(test_changes_that_are_checked_at_once_do_not_share_a_budget),
        TEST(test_what_a_guard_refuses_gives_its_budget_back),
        TEST(test_the_engine_is_itself_in_any_case_and_without_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
