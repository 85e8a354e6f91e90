/* A change whose answer never came: the world tells whether it happened, and it is made once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/playbooks/stage.h"

/* What is done, of which of its operations the answer is lost, and "again" where AWS takes that twice without a word.
 */
static const char *const LOST[][3] = {
    {"register", "ecs:RegisterTaskDefinition"},
    {"deregister_instance", "ecs:DeregisterContainerInstance"},
    {"snapshot", "ec2:CreateSnapshots"},
    {"snapshot_volume", "ec2:CreateSnapshot"},
    {"create_user", "iam:CreateUser"},
    {"create_password", "iam:CreateLoginProfile"},
    {"rotate_role", "iam:CreateRole"},
    {"rotate_role", "iam:RemoveRoleFromInstanceProfile"},
    {"rotate_role", "iam:AddRoleToInstanceProfile"},
    {"rotate_role", "ecs:RegisterTaskDefinition"},
    {"delete_user", "iam:DetachUserPolicy"},
    {"delete_user", "iam:RemoveUserFromGroup", "again"},
    {"delete_user", "iam:DeleteUser"},
    {"create_group", "autoscaling:CreateAutoScalingGroup"},
    {"delete_group", "autoscaling:DeleteAutoScalingGroup", "again"},
    {"delete_cluster", "ecs:DeleteService", "again"},
    {"delete_cluster", "ecs:DeleteCluster"},
    {"create_url", "lambda:CreateFunctionUrlConfig"},
    {"delete_url", "lambda:DeleteFunctionUrlConfig"},
    {"delete_function", "lambda:DeleteFunction"},
    {"create_service", "ecs:CreateService"},
    {"add_permission", "lambda:AddPermission"},
    {"remove_permission", "lambda:RemovePermission"},
    {"create_security_group", "ec2:CreateSecurityGroup"},
    {"authorize", "ec2:AuthorizeSecurityGroupIngress"},
    {"authorize_out", "ec2:AuthorizeSecurityGroupEgress"},
    {"revoke", "ec2:RevokeSecurityGroupIngress"},
    {"revoke_named", "ec2:RevokeSecurityGroupIngress"},
    {"authorize_named", "ec2:AuthorizeSecurityGroupIngress"},
    {"revoke_by_id", "ec2:RevokeSecurityGroupIngress"},
};
#define LOST_COUNT (sizeof LOST / sizeof *LOST)

/* How many there are of what: a thing is told by its ARN and status, of which what AWS made up is cut off. */
static json_t *kinds_of(json_t *all)
{
    static const char *const MADE_UP[] = {
        ":snapshot/",         ":task/",           ":instance/", ":volume/", ":container-instance/",
        ":autoScalingGroup:", ":security-group/", NULL};
    json_t *kinds = json_object();
    const char *arn;
    json_t *fields;
    json_object_foreach (all, arn, fields) {
        char kind[512];
        const char *status = json_string_value(json_object_get(fields, "status"));
        snprintf(kind, sizeof kind, "%s %s", arn, status ? status : "");
        for (size_t i = 0; MADE_UP[i]; i++) {
            char *at = strstr(kind, MADE_UP[i]);
            if (at) at[strlen(MADE_UP[i])] = '\0';
        }
        json_object_set_new(kinds, kind, json_integer(json_integer_value(json_object_get(kinds, kind)) + 1));
    }
    json_decref(all);
    return kinds;
}

/* Do it, with the answer to an operation lost (NULL: none). Returns what is in the account then. */
static json_t *done_with(const char *kind, const char *lost, bool before, json_t **settled)
{
    static stage s;
    stage_open(&s, "tests/playbooks/undo");
    s.lost = lost;
    s.lost_before = before;
    stage_run(&s, kind, NULL);
    if (s.status != RIP_OK) fail_msg("%s without the answer to %s: %s", kind, lost ? lost : "nothing", s.err.message);
    if (lost && s.lost) fail_msg("%s: no %s was asked for", kind, lost);
    const json_t *park = json_array_get(json_object_get(s.effects, "park"), 0);
    if (park) fail_msg("%s: a person is asked: %s", kind, json_string_value(json_object_get(park, "known")));
    if (settled) *settled = json_incref(json_object_get(s.effects, "settled"));
    json_t *after = kinds_of(stage_snapshot(&s));
    stage_close(&s);
    return after;
}

static void show(const char *what, const json_t *value)
{
    char *text = value ? json_dumps(value, JSON_SORT_KEYS | JSON_INDENT(1)) : NULL;
    print_error("%s: %s\n", what, text ? text : "nothing");
    free(text);
}

static void check_lost(bool before)
{
    size_t broken = 0;
    for (size_t i = 0; i < LOST_COUNT; i++) {
        json_t *settled = NULL;
        json_t *plain = done_with(LOST[i][0], NULL, false, NULL);
        json_t *after = done_with(LOST[i][0], LOST[i][1], before, &settled);
        const json_t *note = json_array_get(settled, 0);
        const json_t *happened = json_object_get(note, "happened");
        bool is_told = json_array_size(settled) == 1 && json_is_string(json_object_get(note, "step")) &&
                       (before || LOST[i][2] ? json_is_false(happened) : json_is_true(happened));
        if (!is_told || !json_equal(plain, after)) {
            show("settled", settled);
            show("with the answer", plain);
            show("without", after);
            print_error("%s, %s\n", LOST[i][0], LOST[i][1]);
            broken++;
        }
        json_decref(settled);
        json_decref(plain);
        json_decref(after);
    }
    assert_int_equal(broken, 0);
}

static void test_what_happened_is_not_made_again_though_its_answer_is_lost(void **state)
{
    (void)state;
    check_lost(false);
}

static void test_what_never_reached_aws_is_made_then(void **state)
{
    (void)state;
    check_lost(true);
}

static void check_parked(const char *kind, const char *lost, bool before, const char *known)
{
    static stage s;
    stage_open(&s, "tests/playbooks/undo");
    s.lost = lost;
    s.lost_before = before;
    stage_run(&s, kind, NULL);
    const json_t *park = json_array_get(json_object_get(s.effects, "park"), 0);
    if (!park) fail_msg("%s: nobody is asked about %s", kind, lost);
    assert_string_equal(json_string_value(json_object_get(park, "operation")), lost);
    const char *told = json_string_value(json_object_get(park, "known"));
    if (!told || !strstr(told, known)) fail_msg("%s: told: %s", kind, told ? told : "nothing");
    stage_close(&s);
}

static void test_a_person_is_asked_where_the_world_does_not_tell(void **state)
{
    (void)state;
    check_parked("create_key", "iam:CreateAccessKey", false, "its secret is lost with the answer");
    check_parked("rename_user", "iam:UpdateUser", true, "there is no rule");
    check_parked("authorize_unseen", "ec2:AuthorizeSecurityGroupIngress", true, "nobody looked");
}

static void test_what_was_there_before_is_not_taken_for_the_changes_own(void **state)
{
    (void)state;
    static stage s;
    stage_open(&s, "tests/playbooks/undo");
    s.lost = "ec2:AuthorizeSecurityGroupIngress";
    stage_run(&s, "authorize_again", NULL);
    assert_string_equal(stage_text(&s, "log"), "InvalidPermission.Duplicate");
    assert_true(json_is_false(json_object_get(json_array_get(json_object_get(s.effects, "settled"), 0), "happened")));
    stage_close(&s);
}

static void test_a_world_that_cannot_be_read_for_a_while_is_read_again(void **state)
{
    (void)state;
    static stage s;
    stage_open(&s, "tests/playbooks/undo");
    s.lost = "iam:CreateUser";
    s.unread = 3;
    stage_run(&s, "create_user", NULL);
    assert_int_equal(s.unread, 0);
    assert_null(json_object_get(s.effects, "park"));
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(s.effects, "settled"), 0), "happened")));
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_happened_is_not_made_again_though_its_answer_is_lost),
        cmocka_unit_test(test_what_never_reached_aws_is_made_then),
        cmocka_unit_test(test_a_world_that_cannot_be_read_for_a_while_is_read_again),
        cmocka_unit_test(test_what_was_there_before_is_not_taken_for_the_changes_own),
        cmocka_unit_test(test_a_person_is_asked_where_the_world_does_not_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
