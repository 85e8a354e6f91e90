/* A plan is asked about, and nothing of it is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/playbooks/stage.h"

#define ECS "arn:aws:ecs:us-east-1:123456789012:"

static int setup(void **state)
{
    static stage s;
    stage_open(&s, "tests/playbooks/preflight");
    s.mode = "dry-run";
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    stage_close(*state);
    return 0;
}

/* A change that is asked about: its action, and one resource or NULL. */
static json_t *change(const char *action, const char *resource)
{
    const char *colon = strchr(action, ':');
    json_t *all = json_pack("{s:s, s:s%, s:s, s:{}, s:s, s:s, s:s, s:[]}", "step", "1", "service", action,
                            (size_t)(colon - action), "operation", colon + 1, "params", "region", "us-east-1",
                            "account", "123456789012", "action", action, "resources");
    if (resource) json_array_append_new(json_object_get(all, "resources"), json_string(resource));
    return all;
}

static json_t *terminate(const char *id)
{
    json_t *all = change("ec2:TerminateInstances", NULL);
    json_object_set_new(all, "params", json_pack("{s:[s]}", "InstanceIds", id));
    json_object_set_new(all, "dry_run", json_true());
    return all;
}

/* What is told of one change: "1 allowed …". Stolen. */
static const char *told(stage *s, json_t *asked)
{
    json_t *before = stage_snapshot(s);
    stage_run(s, "ask", json_pack("{s:[o]}", "changes", asked));
    if (s->status != RIP_OK) fail_msg("%s", s->err.message);
    json_t *after = stage_snapshot(s);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    return stage_text(s, "log");
}

static void expect(stage *s, json_t *asked, const char *verdict, const char *why)
{
    const char *text = told(s, asked);
    char start[64];
    snprintf(start, sizeof start, "1 %s ", verdict);
    if (strncmp(text, start, strlen(start)) != 0 || !strstr(text, why))
        fail_msg("expected %s, %s: %s", verdict, why, text);
}

static void test_iam_tells_of_the_role_behind_a_session_what_it_may(void **state)
{
    stage *s = *state;
    expect(s, change("ecs:DeleteCluster", ECS "cluster/svc-7"), "allowed", "ecs:DeleteCluster on " ECS "cluster/svc-7");
    expect(s, change("ecs:DeleteCluster", ECS "cluster/shop"), "denied", "implicitDeny");
    expect(s, change("iam:DeleteUser", "arn:aws:iam::123456789012:user/x"), "denied", "explicitDeny");
    expect(s, change("iam:PutUserPolicy", NULL), "allowed", "on *");
}

static void test_a_boundary_takes_away_what_a_policy_allows(void **state)
{
    expect(*state, change("lambda:DeleteFunction", "arn:aws:lambda:us-east-1:123456789012:function:x"), "denied",
           "by the permissions boundary");
}

static void test_what_depends_on_more_than_is_known_is_not_called_denied(void **state)
{
    stage *s = *state;
    expect(s, change("ecs:DeleteCluster", NULL), "unknown", "on *");
    expect(s, change("ecs:StopTask", ECS "task/svc-1/x"), "unknown", "depending on ecs:cluster");
}

static void test_one_resource_of_a_change_that_is_allowed_counts(void **state)
{
    json_t *asked = change("ecs:UpdateService", ECS "cluster/shop");
    json_array_append_new(json_object_get(asked, "resources"), json_string(ECS "service/svc-1/miner"));
    expect(*state, asked, "allowed", "service/svc-1/miner");
}

static void test_ec2_tells_in_a_dry_run_and_makes_no_change(void **state)
{
    stage *s = *state;
    expect(s, terminate("i-0aaaaaaaaaaaaaaa1"), "denied", "UnauthorizedOperation");
    expect(s, terminate("i-0fffffffffffffff1"), "denied", "UnauthorizedOperation");
}

static void test_what_another_change_brings_first_is_not_asked_about(void **state)
{
    json_t *asked = terminate("i-0aaaaaaaaaaaaaaa1");
    json_object_set_new(asked, "unknown", json_true());
    expect(*state, asked, "unknown", "another change brings first");
}

static int setup_person(void **state)
{
    static stage s;
    stage_open_as(&s, "tests/playbooks/preflight", "arn:aws:iam::123456789012:user/person");
    s.mode = "dry-run";
    *state = &s;
    return 0;
}

static void test_a_user_is_asked_about_as_it_is(void **state)
{
    stage *s = *state;
    expect(s, terminate("i-0aaaaaaaaaaaaaaa1"), "allowed", "DryRunOperation");
    expect(s, terminate("i-0aaaaaaaaaaaaaaa2"), "denied", "UnauthorizedOperation");
    expect(s, change("ecs:DeleteCluster", ECS "cluster/svc-7"), "denied", "implicitDeny");
}

static int setup_root(void **state)
{
    static stage s;
    stage_open_as(&s, "tests/playbooks/preflight", "arn:aws:iam::123456789012:root");
    s.mode = "dry-run";
    *state = &s;
    return 0;
}

static void test_where_iam_can_say_nothing_the_verdict_is_unknown(void **state)
{
    expect(*state, change("ecs:DeleteCluster", ECS "cluster/svc-7"), "unknown", "root user");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_iam_tells_of_the_role_behind_a_session_what_it_may, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_boundary_takes_away_what_a_policy_allows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_depends_on_more_than_is_known_is_not_called_denied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_resource_of_a_change_that_is_allowed_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ec2_tells_in_a_dry_run_and_makes_no_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_another_change_brings_first_is_not_asked_about, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_user_is_asked_about_as_it_is, setup_person, teardown),
        cmocka_unit_test_setup_teardown(test_where_iam_can_say_nothing_the_verdict_is_unknown, setup_root, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
