/* What the shipped actions do is taken back: on the simulated account, which is the same afterwards, but for what
 * cannot come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/glob.h"
#include "tests/playbooks/stage.h"

#define ARN_ECS "arn:aws:ecs:us-east-1:123456789012:"

static int setup(void **state)
{
    static stage s;
    stage_open(&s, "tests/playbooks/undo");
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    stage_close(*state);
    return 0;
}

/* The last change of the run is the first to be taken back. */
static json_t *backwards(const stage *s)
{
    json_t *steps = json_array();
    for (size_t i = json_array_size(s->steps); i-- > 0;) json_array_append(steps, json_array_get(s->steps, i));
    return json_pack("{s:o}", "steps", steps);
}

static void do_it(stage *s, const char *kind)
{
    stage_run(s, kind, NULL);
    if (s->status != RIP_OK) fail_msg("%s: %s", kind, s->err.message);
}

/* What is in the account. A group's ARN holds an id that is new when the group is: it is told without. */
static json_t *snapshot(stage *s)
{
    static const char GROUP[] = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:";
    json_t *all = stage_snapshot(s), *named = json_object();
    const char *arn;
    json_t *fields;
    json_object_foreach (all, arn, fields) {
        const char *name = strncmp(arn, GROUP, strlen(GROUP)) == 0 ? strrchr(arn, ':') : arn;
        json_object_set(named, name, fields);
    }
    json_decref(all);
    return named;
}

static void undo_it(stage *s)
{
    stage_run(s, "undo", backwards(s));
    if (s->status != RIP_OK) fail_msg("undo: %s", s->err.message);
}

/* What is lost: "ARN glob", or "ARN glob#field". */
static bool is_lost(const char *arn, const char *field, const char *const *lost)
{
    char name[512];
    snprintf(name, sizeof name, "%s%s%s", arn, *field ? "#" : "", field);
    for (; *lost; lost++) {
        if (rip_glob_match(*lost, name)) return true;
    }
    return false;
}

static bool is_same(const char *arn, const json_t *before, const json_t *now, const char *const *lost)
{
    const char *field;
    json_t *value;
    if (is_lost(arn, "", lost)) return true;
    if (!now || json_object_size(before) != json_object_size(now)) return false;
    json_object_foreach ((json_t *)(uintptr_t)before, field, value) {
        if (!json_equal(value, json_object_get(now, field)) && !is_lost(arn, field, lost)) return false;
    }
    return true;
}

static void show(const char *what, const char *arn, const json_t *before, const json_t *after)
{
    char *one = before ? json_dumps(before, JSON_SORT_KEYS) : NULL,
         *other = after ? json_dumps(after, JSON_SORT_KEYS) : NULL;
    print_error("%s: %s\n  before: %s\n  after:  %s\n", what, arn, one ? one : "not there",
                other ? other : "not there");
    free(one);
    free(other);
}

static size_t differences(const char *what, const json_t *before, const json_t *after, const char *const *lost)
{
    size_t count = 0;
    const char *arn;
    json_t *fields;
    json_object_foreach ((json_t *)(uintptr_t)before, arn, fields) {
        const json_t *now = json_object_get(after, arn);
        if (is_same(arn, fields, now, lost)) continue;
        show(what, arn, fields, now);
        count++;
    }
    json_object_foreach ((json_t *)(uintptr_t)after, arn, fields) {
        if (json_object_get(before, arn) || is_lost(arn, "", lost)) continue;
        show(what, arn, NULL, fields);
        count++;
    }
    return count;
}

/* An action, and what of it does not come back as it was. */
typedef struct round_trip {
    const char *action;
    const char *lost[8];
    const char *said[4]; /* of what is left alone, and of nothing else */
} round_trip;

static const round_trip ROUND_TRIPS[] = {
    {"deactivate_key", {0}, {0}},
    {"deny_all", {0}, {0}},
    {"revoke_sessions", {0}, {0}},
    {"delete_user", {"*:user/guests/visitor#UserId"}, {0}},
    {"require_imdsv2", {0}, {0}},
    {"enable_api_termination", {0}, {0}},
    {"terminate_instance",
     {"*:instance/i-0aaaaaaaaaaaaaaa2", "*:volume/vol-0aaaaaaaaaaaaaaa2", "*:snapshot/*"},
     {"a terminated instance does not come back", "snapshots are evidence", "the instance is terminated next"}},
    {"tags", {0}, {0}},
    {"halt_group", {"*:instance/*", "*:volume/*"}, {0}},
    {"delete_group",
     {"*:instance/*", "*:volume/*", "*/workers#AutoScalingGroupARN", "*/workers#Instances"},
     {"it is so already", "its processes are so already"}},
    {"stop_service", {"*:task/*"}, {0}},
    {"delete_service", {"*:task/*"}, {"it is so already"}},
    {"delete_cluster",
     {"*:task/*", "*:cluster/app#runningTasksCount"},
     {"it is so already", "a stopped task does not start again"}},
    {"delete_clusters",
     {"*:task/*", "*:cluster/app#runningTasksCount"},
     {"it is so already", "a stopped task does not start again"}},
    {"stop_task", {"*:task/*", "*:cluster/app#runningTasksCount"}, {"a stopped task does not start again"}},
    {"revise_task_definition", {"*:task/*", "*:task-definition/web:*", "*:service/app/*#taskDefinition"}, {0}},
    {"deregister_task_definition", {"*:task-definition/idle:*"}, {0}},
    {"ecs_tags", {0}, {0}},
    {"delete_url", {"*:function:hook/url#FunctionUrl"}, {0}},
    {"throttle_function", {0}, {0}},
    {"delete_function", {"*:function:free"}, {"the function's code is gone"}},
    {"rotate_role", {"*:task/*", "*:task-definition/*", "*:service/app/*#taskDefinition"}, {0}},
    {"authorize", {0}, {0}},
    {"revoke", {0}, {0}},
    {"revoke_named", {0}, {0}},
    {"authorize_named", {0}, {0}},
    {"revoke_by_id", {0}, {0}},
    {"add_permission", {0}, {0}},
};

/* Every change can be taken back, or says why not: neither for want of an inverse, nor since nothing could be read. */
static size_t unknown_inverses(const stage *s)
{
    size_t i, count = 0;
    json_t *step;
    json_array_foreach (s->steps, i, step) {
        const char *why = json_string_value(json_object_get(step, "irreversible"));
        bool is_told = why && !strstr(why, "no inverse") && !strstr(why, "could not be read");
        if (json_array_size(json_object_get(step, "undo")) > 0 || is_told) continue;
        print_error("%s: %s\n", json_string_value(json_object_get(step, "operation")), why ? why : "nothing is said");
        count++;
    }
    return count;
}

static size_t wrongly_said(const stage *s, const round_trip *trip)
{
    size_t i, wrong = 0;
    json_t *text;
    json_array_foreach (s->left, i, text) {
        bool known = false;
        for (size_t k = 0; k < 4 && trip->said[k]; k++) known |= strstr(json_string_value(text), trip->said[k]) != NULL;
        if (known) continue;
        print_error("%s: left alone: %s\n", trip->action, json_string_value(text));
        wrong++;
    }
    for (size_t k = 0; k < 4 && trip->said[k]; k++) {
        if (stage_left(s, trip->said[k])) continue;
        print_error("%s: nothing is left alone since \"%s\"\n", trip->action, trip->said[k]);
        wrong++;
    }
    return wrong;
}

static void test_every_action_is_tried_here(void **state)
{
    stage *s = *state;
    char names[1024], *rest = names, *name;
    do_it(s, "list_actions");
    snprintf(names, sizeof names, "%s", stage_text(s, "log"));
    size_t tried = 0, count = 0;
    while ((name = strtok_r(rest, " ", &rest))) {
        count++;
        for (size_t i = 0; i < sizeof ROUND_TRIPS / sizeof *ROUND_TRIPS; i++) {
            if (strcmp(ROUND_TRIPS[i].action, name) != 0) continue;
            tried++;
            name = NULL;
            break;
        }
        if (name) print_error("%s is not tried\n", name);
    }
    assert_int_equal(tried, count);
    assert_true(count >= 18);
}

static void test_what_each_action_did_is_taken_back(void **state)
{
    size_t broken = 0;
    for (size_t i = 0; i < sizeof ROUND_TRIPS / sizeof *ROUND_TRIPS; i++) {
        const round_trip *trip = &ROUND_TRIPS[i];
        setup(state);
        stage *s = *state;
        json_t *before = snapshot(s);
        do_it(s, trip->action);
        broken += unknown_inverses(s);
        json_t *meanwhile = snapshot(s);
        if (json_equal(before, meanwhile)) fail_msg("%s changes nothing: it proves nothing", trip->action);
        undo_it(s);
        json_t *after = snapshot(s);
        broken += differences(trip->action, before, after, trip->lost);
        broken += wrongly_said(s, trip);
        json_decref(before);
        json_decref(meanwhile);
        json_decref(after);
        teardown(state);
    }
    assert_int_equal(broken, 0);
}

static void test_a_rehearsal_of_an_undo_plans_it_and_changes_nothing(void **state)
{
    stage *s = *state;
    static const char *const NONE[] = {NULL};
    do_it(s, "delete_user");
    json_t *before = snapshot(s), *steps = backwards(s);
    size_t changes = json_array_size(s->steps);
    s->mode = "dry-run";
    stage_run(s, "undo", steps);
    if (s->status != RIP_OK) fail_msg("undo: %s", s->err.message);
    json_t *after = snapshot(s);
    assert_int_equal(json_array_size(s->steps), changes);
    assert_int_equal(differences("rehearsal", before, after, NONE), 0);
    json_decref(before);
    json_decref(after);
}

/* An action, what somebody does before it is taken back, and what is said of it. */
static const char *const MEANWHILE[][3] = {
    {"stop_service", "scale_web", "somebody changed it since: desiredCount is 1 now, and was set to 0"},
    {"stop_service", "delete_cluster", "what it changes is not there"},
    {"require_imdsv2", "change_options", "somebody changed it since: HttpPutResponseHopLimit is 3 now"},
    {"deny_all", "rewrite_lock", "somebody changed it since: PolicyDocument"},
    {"deactivate_key", "delete_key", "the user has no such key"},
    {"delete_user", "create_visitor", "there is such a user already"},
    {"delete_url", "replace_url", "the function has a URL already"},
    {"halt_group", "raise_group", "somebody changed it since: MaxSize is 2 now, and was set to 0"},
    {"resolve_finding", "suppress_finding", "somebody changed it since: Workflow"},
};

static void test_what_somebody_changed_meanwhile_is_left_alone_and_said(void **state)
{
    size_t broken = 0;
    for (size_t i = 0; i < sizeof MEANWHILE / sizeof *MEANWHILE; i++) {
        setup(state);
        stage *s = *state;
        do_it(s, MEANWHILE[i][0]);
        json_t *steps = backwards(s);
        do_it(s, MEANWHILE[i][1]);
        stage_run(s, "undo", steps);
        if (s->status != RIP_OK || !stage_left(s, MEANWHILE[i][2])) {
            char *left = json_dumps(s->left, JSON_INDENT(1));
            print_error("%s, then %s: %s\n  left alone: %s\n", MEANWHILE[i][0], MEANWHILE[i][1], s->err.message, left);
            free(left);
            broken++;
        }
        teardown(state);
    }
    assert_int_equal(broken, 0);
}

static void test_a_finding_is_as_it_was_before_it_was_resolved(void **state)
{
    stage *s = *state;
    do_it(s, "resolve_finding");
    json_t *steps = backwards(s);
    do_it(s, "tell_finding");
    assert_string_equal(stage_text(s, "log"), "RESOLVED");
    stage_run(s, "undo", steps);
    do_it(s, "tell_finding");
    assert_string_equal(stage_text(s, "log"), "NEW");
}

static void test_an_undo_is_taken_back_as_any_run_is(void **state)
{
    stage *s = *state;
    static const char *const LOST[] = {"*:task/*", NULL};
    do_it(s, "stop_service");
    json_t *stopped = snapshot(s);
    undo_it(s);
    assert_int_equal(json_array_size(s->steps), 1);
    undo_it(s);
    json_t *again = snapshot(s);
    assert_int_equal(differences("undo of an undo", stopped, again, LOST), 0);
    json_decref(stopped);
    json_decref(again);
}

static void test_what_fails_does_not_stop_the_rest_and_is_listed(void **state)
{
    stage *s = *state;
    static const char *const NONE[] = {NULL};
    json_t *before = snapshot(s);
    do_it(s, "deactivate_key");
    json_t *steps = backwards(s);
    json_t *broken = json_pack("{s:s, s:s, s:s, s:{}, s:[{s:s, s:s, s:{}, s:s, s:s}]}", "step", "9", "service", "iam",
                               "operation", "CreateUser", "params", "undo", "service", "iam", "operation", "UpdateUser",
                               "params", "region", "us-east-1", "account", "123456789012");
    json_array_insert_new(json_object_get(steps, "steps"), 0, broken);
    stage_run(s, "undo", steps);
    assert_int_not_equal(s->status, RIP_OK);
    assert_non_null(strstr(s->err.message, "1 of 2 changes could not be taken back"));
    assert_non_null(strstr(s->err.message, "iam:UpdateUser"));
    json_t *after = snapshot(s);
    assert_int_equal(differences("the rest", before, after, NONE), 0);
    json_decref(before);
    json_decref(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_action_is_tried_here, setup, teardown),
        cmocka_unit_test(test_what_each_action_did_is_taken_back),
        cmocka_unit_test_setup_teardown(test_a_rehearsal_of_an_undo_plans_it_and_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_finding_is_as_it_was_before_it_was_resolved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_undo_is_taken_back_as_any_run_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_fails_does_not_stop_the_rest_and_is_listed, setup, teardown),
        cmocka_unit_test(test_what_somebody_changed_meanwhile_is_left_alone_and_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
