/* What an approved plan allows: its changes, and what came of the values that it could not know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/run/plan.h"
#include "engine/run/unknown.h"

#define PLANNER "run-0123456789abcdef"
#define REAL "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7"
#define MINUTE_MS 60000

static aws_models *models;
static run_unknowns *unknowns;

static int open_all(void **state)
{
    static const char *const FOLDERS[] = {"aws/model"};
    (void)state;
    unknowns = run_unknowns_new(PLANNER);
    return unknowns && aws_models_new(FOLDERS, 1, &models, NULL) == RIP_OK ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    run_unknowns_free(unknowns);
    aws_models_free(models);
    return 0;
}

static json_t *request(const char *service, const char *operation, json_t *params)
{
    return json_pack("{s:s, s:s, s:o, s:s, s:s}", "service", service, "operation", operation, "params", params,
                     "region", "us-east-1", "account", "123456789012");
}

static json_t *made_up_arn(const char *what)
{
    return run_unknown_make(unknowns, what, "arn:aws:ecs:us-east-1:123456789012:task-definition/");
}

/* A plan of these lines, which it takes over. */
static run_plan *plan_of(json_t *lines)
{
    run_plan *plan = NULL;
    assert_int_equal(run_plan_new(lines, PLANNER, models, &plan, NULL), RIP_OK);
    json_decref(lines);
    return plan;
}

static int take(run_plan *plan, json_t *wanted)
{
    int line = run_plan_take(plan, wanted);
    json_decref(wanted);
    return line;
}

static json_t *register_web(void)
{
    return request("ecs", "RegisterTaskDefinition", json_pack("{s:s}", "family", "web"));
}

static json_t *update_web(const char *definition)
{
    return request("ecs", "UpdateService", json_pack("{s:s, s:s}", "service", "web", "taskDefinition", definition));
}

/* Register a definition, then have a service run it. */
static run_plan *two_steps(void)
{
    json_t *arn = made_up_arn("1"), *first = register_web(), *second = update_web(json_string_value(arn));
    json_object_set_new(first, "returns", json_pack("{s:O}", "taskDefinition.taskDefinitionArn", arn));
    json_decref(arn);
    return plan_of(json_pack("[o, o]", first, second));
}

static void returned(run_plan *plan, int line, const char *arn)
{
    json_t *reply = json_pack("{s:{s:s}}", "taskDefinition", "taskDefinitionArn", arn);
    run_plan_bind(plan, line, reply);
    json_decref(reply);
}

static void test_a_marked_value_stands_for_what_the_change_returned(void **state)
{
    (void)state;
    run_plan *plan = two_steps();
    assert_int_equal(take(plan, update_web(REAL)), -1); /* nothing has returned it yet */
    int line = take(plan, register_web());
    assert_int_equal(line, 0);
    returned(plan, line, REAL);
    assert_int_equal(take(plan, update_web("arn:aws:ecs:us-east-1:123456789012:task-definition/evil:1")), -1);
    assert_int_equal(take(plan, update_web(REAL)), 1);
    assert_int_equal(take(plan, update_web(REAL)), -1); /* once */
    run_plan_free(plan);
}

static void test_a_change_that_was_not_made_is_still_to_come_and_stands_for_nothing(void **state)
{
    (void)state;
    run_plan *plan = two_steps();
    run_plan_give_back(plan, take(plan, register_web()));
    assert_int_equal(take(plan, update_web(REAL)), -1);
    assert_int_equal(take(plan, register_web()), 0);
    run_plan_free(plan);
}

static json_t *policy(const char *effect, const char *resource)
{
    json_t *text =
        json_sprintf("{\"Statement\":[{\"Effect\":\"%s\",\"Action\":\"*\",\"Resource\":\"%s\"}]}", effect, resource);
    return request("iam", "PutUserPolicy",
                   json_pack("{s:s, s:s, s:o}", "UserName", "u", "PolicyName", "p", "PolicyDocument", text));
}

static void test_the_rest_of_a_text_with_a_marked_value_is_compared(void **state)
{
    (void)state;
    json_t *arn = made_up_arn("1"), *first = register_web(), *second = policy("Deny", json_string_value(arn));
    json_object_set_new(first, "returns", json_pack("{s:O}", "taskDefinition.taskDefinitionArn", arn));
    json_decref(arn);
    run_plan *plan = plan_of(json_pack("[o, o]", first, second));
    returned(plan, take(plan, register_web()), REAL);
    assert_int_equal(take(plan, policy("Allow", "*")), -1);
    assert_int_equal(take(plan, policy("Deny", "*")), -1);
    assert_int_equal(take(plan, policy("Deny", REAL)), 1);
    run_plan_free(plan);
}

static void test_a_part_of_a_marked_value_stands_for_that_part(void **state)
{
    (void)state;
    json_t *arn = made_up_arn("1"), *first = register_web();
    const char *name = strrchr(json_string_value(arn), '/') + 1; /* what a playbook cuts out of it */
    json_t *second = update_web(name);
    json_object_set_new(first, "returns", json_pack("{s:O}", "taskDefinition.taskDefinitionArn", arn));
    json_decref(arn);
    run_plan *plan = plan_of(json_pack("[o, o]", first, second));
    returned(plan, take(plan, register_web()), REAL);
    assert_int_equal(take(plan, update_web("web:8")), -1);
    assert_int_equal(take(plan, update_web("web:7")), 1);
    run_plan_free(plan);
}

static json_t *snapshot(const char *id)
{
    return request("ec2", "DeleteSnapshot", json_pack("{s:s}", "SnapshotId", id));
}

static void test_another_thing_than_the_one_that_was_made_is_outside_the_plan(void **state)
{
    (void)state;
    json_t *id = run_unknown_make(unknowns, "1", NULL);
    json_t *first = request("ec2", "CreateSnapshot", json_pack("{s:s}", "VolumeId", "vol-1"));
    json_t *second = snapshot(json_string_value(id));
    json_object_set_new(first, "returns", json_pack("{s:o}", "SnapshotId", id));
    run_plan *plan = plan_of(json_pack("[o, o]", first, second));
    int line = take(plan, request("ec2", "CreateSnapshot", json_pack("{s:s}", "VolumeId", "vol-1")));
    json_t *reply = json_pack("{s:s}", "SnapshotId", "snap-ours");
    run_plan_bind(plan, line, reply);
    json_decref(reply);
    assert_int_equal(take(plan, snapshot("snap-of-somebody-else")), -1);
    assert_int_equal(take(plan, snapshot("snap-ours")), 1);
    run_plan_free(plan);
}

static json_t *revoke_sessions(const char *before)
{
    json_t *text = json_sprintf("{\"DateLessThan\":{\"aws:TokenIssueTime\":\"%s\"}}", before);
    return request("iam", "PutRolePolicy",
                   json_pack("{s:s, s:s, s:o}", "RoleName", "r", "PolicyName", "p", "PolicyDocument", text));
}

static void test_a_time_stands_for_the_time_of_the_execution(void **state)
{
    (void)state;
    json_t *line = revoke_sessions("2025-11-02T14:14:09Z");
    json_object_set_new(line, "times", json_pack("[I]", (json_int_t)1762092849300)); /* 2025-11-02T14:14:09.3Z */
    run_plan *plan = plan_of(json_pack("[o]", line));
    assert_int_equal(take(plan, revoke_sessions("2025-11-02T14:15:09Z")), -1); /* nobody was told that time */
    run_plan_told_time(plan, INT64_C(1762092849900) + MINUTE_MS);
    assert_int_equal(take(plan, revoke_sessions("2020-01-01T00:00:00Z")), -1);
    assert_int_equal(take(plan, revoke_sessions("2025-11-02T14:15:09Z")), 0);
    run_plan_free(plan);
}

static json_t *note(const char *text, const char *workflow)
{
    return request("securityhub", "BatchUpdateFindings",
                   json_pack("{s:[{s:s, s:s}], s:{s:s, s:s}, s:{s:s}}", "FindingIdentifiers", "Id", "f", "ProductArn",
                             "p", "Note", "Text", text, "UpdatedBy", "riposte", "Workflow", "Status", workflow));
}

static void test_a_text_for_people_is_not_compared(void **state)
{
    (void)state;
    run_plan *plan = plan_of(json_pack("[o]", note("2 keys are off: see run a", "RESOLVED")));
    assert_int_equal(take(plan, note("1 key is off: see run b", "SUPPRESSED")), -1);
    assert_int_equal(take(plan, note("1 key is off: see run b", "RESOLVED")), 0);
    run_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_marked_value_stands_for_what_the_change_returned),
        cmocka_unit_test(test_a_change_that_was_not_made_is_still_to_come_and_stands_for_nothing),
        cmocka_unit_test(test_the_rest_of_a_text_with_a_marked_value_is_compared),
        cmocka_unit_test(test_a_part_of_a_marked_value_stands_for_that_part),
        cmocka_unit_test(test_another_thing_than_the_one_that_was_made_is_outside_the_plan),
        cmocka_unit_test(test_a_time_stands_for_the_time_of_the_execution),
        cmocka_unit_test(test_a_text_for_people_is_not_compared),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
