/* The door: what gets through, what does not, and what is on record of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/run/record.h"
#include "tests/run/door.h"

/* Modes. */

static void test_a_change_is_sent_in_enforce_and_recorded_with_its_reply(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:{s:s}}", "cluster", "status", "INACTIVE"));
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_string_equal(json_string_value(json_object_get(json_object_get(a.value, "cluster"), "status")), "INACTIVE");
    assert_false(a.planned);
    assert_int_equal(sent(w), 1);
    assert_string_equal(step(w, 1)->outcome, "done");
    assert_true(json_equal(step(w, 1)->reply, a.value));
    answer_clear(&a);
}

static void test_calls_carry_the_tags_of_the_runs_session(void **state)
{
    world *w = *state;
    w->session_tags = json_pack("{s:s}", "playbook", "ecs");
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_true(json_equal(json_object_get(json_array_get(fake_aws_sent(w->fake), 0), "tags"), w->session_tags));
    answer_clear(&a);
}

static void test_a_change_becomes_a_line_of_the_plan_in_dry_run(void **state)
{
    world *w = *state;
    w->mode = RUN_DRY_RUN;
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_true(a.planned);
    assert_null(a.error);
    assert_int_equal(sent(w), 0);
    assert_string_equal(step(w, 1)->outcome, "planned");
    answer_clear(&a);
}

static void test_a_change_becomes_a_line_of_the_plan_in_approve(void **state)
{
    world *w = *state;
    w->mode = RUN_APPROVE;
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_true(a.planned);
    assert_int_equal(sent(w), 0);
    answer_clear(&a);
}

static void test_a_read_is_real_in_dry_run(void **state)
{
    world *w = *state;
    w->mode = RUN_DRY_RUN;
    json_object_set_new(w->replies, "ListClusters",
                        json_pack("{s:[s]}", "clusterArns", "arn:aws:ecs:us-east-1:123456789012:cluster/a"));
    open_door(w);
    answer a = perform(w, 1, "aws", call("ecs", "ListClusters", json_object()));
    assert_int_equal(json_array_size(json_object_get(a.value, "clusterArns")), 1);
    assert_false(a.planned);
    assert_int_equal(sent(w), 1);
    answer_clear(&a);
}

static void test_a_role_is_not_assumed_in_dry_run(void **state)
{
    world *w = *state;
    w->mode = RUN_DRY_RUN;
    json_array_append_new(w->permissions, json_string("sts:*"));
    open_door(w);
    answer a = perform(w, 1, "aws",
                       call("sts", "AssumeRole",
                            json_pack("{s:s, s:s}", "RoleArn", "arn:aws:iam::999999999999:role/loot", "RoleSessionName",
                                      "exfiltrated-words")));
    assert_true(a.planned);
    assert_int_equal(sent(w), 0);
    answer_clear(&a);
}

static void test_dry_run_makes_no_read_of_an_operation_that_has_no_such_parameter(void **state)
{
    world *w = *state;
    w->mode = RUN_DRY_RUN;
    json_array_append_new(w->permissions, json_string("ec2:*"));
    open_door(w);
    answer a =
        perform(w, 1, "aws",
                call("ec2", "ReleaseHosts", json_pack("{s:[s], s:b}", "HostIds", "h-0123456789abcdef0", "DryRun", 1)));
    assert_int_equal(sent(w), 0);
    assert_true(step(w, 1)->is_change);
    answer_clear(&a);
}

static void test_made_up_values_are_marked_and_never_reach_aws(void **state)
{
    world *w = *state;
    w->mode = RUN_DRY_RUN;
    open_door(w);
    answer made = perform(w, 1, "aws",
                          call("ecs", "RegisterTaskDefinition",
                               json_pack("{s:s, s:[{s:s, s:s}]}", "family", "web", "containerDefinitions", "name", "a",
                                         "image", "nginx")));
    const char *arn =
        json_string_value(json_object_get(json_object_get(made.value, "taskDefinition"), "taskDefinitionArn"));
    assert_non_null(arn);
    assert_string_equal(json_string_value(json_object_get(json_object_get(made.value, "taskDefinition"), "family")),
                        "web");
    answer read =
        perform(w, 2, "aws", call("ecs", "DescribeTaskDefinition", json_pack("{s:s}", "taskDefinition", arn)));
    assert_null(read.error);
    assert_int_equal(sent(w), 0);
    json_t *report = record_report(w->journal, RUN);
    char *text = json_dumps(report, 0);
    assert_null(strstr(text, arn)); /* people read "(known after the change)" */
    json_t *masked = effect_door_mask(w->door, made.value);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(masked, "taskDefinition"), "taskDefinitionArn")),
        "(known after the change)");
    json_decref(masked);
    free(text);
    json_decref(report);
    answer_clear(&made);
    answer_clear(&read);
}

static void test_a_wait_ends_at_once_after_a_planned_change(void **state)
{
    world *w = *state;
    w->mode = RUN_DRY_RUN;
    open_door(w);
    int64_t before = rip_clock_now(w->clock);
    answer slept = perform(w, 1, "sleep", json_pack("{s:i}", "ms", 5000));
    assert_int_equal(rip_clock_now(w->clock) - before, 5000); /* nothing is planned yet */
    answer planned = perform(w, 2, "aws", delete_cluster("rogue"));
    before = rip_clock_now(w->clock);
    answer again = perform(w, 3, "sleep", json_pack("{s:i}", "ms", 5000));
    assert_true(again.given);
    assert_int_equal(rip_clock_now(w->clock) - before, 0);
    answer_clear(&slept);
    answer_clear(&planned);
    answer_clear(&again);
}

/* Guards. */

static void test_an_undeclared_permission_is_refused_on_record_and_never_sent(void **state)
{
    world *w = *state;
    open_door(w);
    answer a = perform(w, 1, "aws", call("iam", "DeleteUser", json_pack("{s:s}", "UserName", "alice")));
    assert_string_equal(code(&a), "Guard.Permission");
    assert_non_null(strstr(json_string_value(json_object_get(a.error, "message")), "iam:DeleteUser"));
    assert_int_equal(sent(w), 0);
    assert_string_equal(step(w, 1)->outcome, "refused");
    answer_clear(&a);
}

static void test_an_undeclared_read_is_refused_too(void **state)
{
    world *w = *state;
    w->mode = RUN_DRY_RUN;
    open_door(w);
    answer a = perform(w, 1, "aws", call("iam", "ListUsers", json_object()));
    assert_string_equal(code(&a), "Guard.Permission");
    assert_int_equal(sent(w), 0);
    answer_clear(&a);
}

static void test_the_budget_of_changes_stops_the_change_that_is_over_it(void **state)
{
    world *w = *state;
    w->changes = 2;
    open_door(w);
    answer answers[3] = {0};
    for (unsigned i = 0; i < 3; i++) ask(w, i + 1, "aws", delete_cluster("rogue"), NULL, &answers[i]); /* at once */
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_null(answers[0].error);
    assert_null(answers[1].error);
    assert_string_equal(code(&answers[2]), "Guard.Budget");
    assert_int_equal(sent(w), 2);
    for (unsigned i = 0; i < 3; i++) answer_clear(&answers[i]);
}

/* Taken back by what the playbook says itself, as the library hands it over. */
static answer change_with_undo(world *w, unsigned number, const char *operation)
{
    answer a = {0};
    json_t *undo = json_pack("[{s:s, s:s, s:{s:s}, s:s, s:s, s:b}]", "service", "ecs", "operation", operation, "params",
                             "cluster", "c", "region", "us-east-1", "account", "123456789012", "given", 1);
    ask(w, number, "aws", delete_cluster("rogue"), undo, &a);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    return a;
}

static void test_an_undo_of_the_playbook_s_own_is_held_to_its_header(void **state)
{
    world *w = *state;
    open_door(w);
    answer undeclared = change_with_undo(w, 1, "UpdateCluster");
    answer unknown = change_with_undo(w, 2, "NoSuchOperation");
    answer declared = change_with_undo(w, 3, "DeleteCluster");
    assert_string_equal(code(&undeclared), "Guard.Permission");
    assert_non_null(strstr(json_string_value(json_object_get(undeclared.error, "message")), "ecs:UpdateCluster"));
    assert_string_equal(code(&unknown), "Guard.Permission");
    assert_null(declared.error);
    assert_int_equal(sent(w), 1);
    answer_clear(&undeclared);
    answer_clear(&unknown);
    answer_clear(&declared);
}

static void test_a_dry_run_plans_only_what_can_be_sent(void **state)
{
    world *w = *state;
    w->mode = RUN_DRY_RUN;
    open_door(w);
    answer unknown = perform(w, 1, "aws", call("ec2", "TerminateInstances", json_pack("{s:s}", "InstanceId", "i-1")));
    answer type = perform(w, 2, "aws", call("ec2", "TerminateInstances", json_pack("{s:s}", "InstanceIds", "i-1")));
    answer missing = perform(w, 3, "aws", call("ec2", "TerminateInstances", json_object()));
    answer good = perform(w, 4, "aws", call("ec2", "TerminateInstances", json_pack("{s:[s]}", "InstanceIds", "i-1")));
    assert_string_equal(code(&unknown), "ParamValidationError");
    assert_string_equal(code(&type), "ParamValidationError");
    assert_string_equal(code(&missing), "ParamValidationError");
    assert_string_equal(step(w, 1)->outcome, "failed");
    assert_null(good.error);
    answer_clear(&unknown);
    answer_clear(&type);
    answer_clear(&missing);
    answer_clear(&good);
}

static void test_a_protected_arn_is_left_alone_however_it_is_named(void **state)
{
    world *w = *state;
    json_array_append_new(w->arns, json_string("arn:aws:ecs:*:*:cluster/prod*"));
    open_door(w);
    answer name = perform(w, 1, "aws", delete_cluster("prod-web"));
    answer arn = perform(w, 2, "aws", delete_cluster("arn:aws:ecs:us-east-1:123456789012:cluster/prod-web"));
    answer other = perform(w, 3, "aws", delete_cluster("rogue"));
    assert_string_equal(code(&name), "Guard.Protected");
    assert_string_equal(code(&arn), "Guard.Protected");
    assert_null(other.error);
    assert_int_equal(sent(w), 1);
    answer_clear(&name);
    answer_clear(&arn);
    answer_clear(&other);
}

static void test_protection_goes_by_where_a_change_is_made_not_by_what_the_finding_says(void **state)
{
    world *w = *state;
    json_array_append_new(w->arns, json_string("arn:aws-cn:ecs:cn-north-1:123456789012:cluster/prod"));
    open_door(w);
    json_t *request = delete_cluster("prod");
    json_object_set_new(request, "region", json_string("cn-north-1"));
    answer a = perform(w, 1, "aws", request);
    assert_string_equal(code(&a), "Guard.Protected");
    assert_int_equal(sent(w), 0);
    answer_clear(&a);
}

static void test_protection_holds_in_dry_run_as_it_would_in_enforce(void **state)
{
    world *w = *state;
    w->mode = RUN_DRY_RUN;
    json_array_append_new(w->arns, json_string("*:cluster/prod*"));
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("prod-web"));
    assert_string_equal(code(&a), "Guard.Protected");
    answer_clear(&a);
}

static void test_a_protecting_tag_is_looked_up_once(void **state)
{
    world *w = *state;
    json_array_append_new(w->tags, json_pack("{s:s, s:s}", "key", "env", "value", "prod*"));
    json_object_set_new(w->replies, "ListTagsForResource",
                        json_pack("{s:[{s:s, s:s}]}", "tags", "key", "env", "value", "production"));
    open_door(w);
    answer first = perform(w, 1, "aws", delete_cluster("web"));
    answer second = perform(w, 2, "aws", delete_cluster("web"));
    assert_string_equal(code(&first), "Guard.Protected");
    assert_string_equal(code(&second), "Guard.Protected");
    assert_int_equal(sent(w), 1); /* one look at the tags, no deletion */
    answer_clear(&first);
    answer_clear(&second);
}

static void test_tags_that_cannot_be_read_count_as_protection(void **state)
{
    world *w = *state;
    json_array_append_new(w->tags, json_pack("{s:s}", "key", "env"));
    json_object_set_new(w->replies, "ListTagsForResource", json_pack("{s:s}", "$error", "AccessDeniedException"));
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("web"));
    assert_string_equal(code(&a), "Guard.Protected");
    assert_non_null(strstr(json_string_value(json_object_get(a.error, "message")), "AccessDeniedException"));
    answer_clear(&a);
}

static void test_a_foreign_account_or_region_is_refused(void **state)
{
    world *w = *state;
    json_array_append_new(w->accounts, json_string("123456789012"));
    json_array_append_new(w->regions, json_string("us-*"));
    open_door(w);
    json_t *request = delete_cluster("a");
    json_object_set_new(request, "account", json_string("999999999999"));
    answer account = perform(w, 1, "aws", request);
    request = delete_cluster("a");
    json_object_set_new(request, "region", json_string("eu-west-1"));
    answer region = perform(w, 2, "aws", request);
    assert_string_equal(code(&account), "Guard.Account");
    assert_string_equal(code(&region), "Guard.Region");
    assert_int_equal(sent(w), 0);
    answer_clear(&account);
    answer_clear(&region);
}

/* Errors. */

static void test_an_error_of_aws_comes_with_its_code_message_status_and_request(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DeleteCluster",
                        json_pack("{s:s, s:s, s:{s:[s]}}", "$error", "ClusterContainsServicesException", "message",
                                  "services are left", "fields", "resourceIds", "web"));
    open_door(w);
    answer a = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_string_equal(code(&a), "ClusterContainsServicesException");
    assert_string_equal(json_string_value(json_object_get(a.error, "message")), "services are left");
    assert_string_equal(json_string_value(json_object_get(a.error, "operation")), "ecs:DeleteCluster");
    assert_int_equal(json_integer_value(json_object_get(a.error, "status")), 400);
    assert_string_equal(json_string_value(json_object_get(a.error, "request_id")), "request-1");
    json_t *ids = json_object_get(json_object_get(a.error, "fields"), "resourceIds");
    assert_string_equal(json_string_value(json_array_get(ids, 0)), "web");
    assert_string_equal(step(w, 1)->outcome, "failed");
    answer_clear(&a);
}

static void test_wrong_parameters_are_told_and_never_sent(void **state)
{
    world *w = *state;
    open_door(w);
    answer a = perform(w, 1, "aws", call("ecs", "DeleteCluster", json_pack("{s:s}", "clusterName", "x")));
    assert_string_equal(code(&a), "ParamValidationError");
    assert_int_equal(sent(w), 0);
    answer_clear(&a);
}

static void test_an_operation_that_is_none_is_refused(void **state)
{
    world *w = *state;
    open_door(w);
    answer a = perform(w, 1, "aws", call("ecs", "DeleteClustr", json_object()));
    assert_string_equal(code(&a), "Guard.Operation");
    assert_non_null(strstr(json_string_value(json_object_get(a.error, "message")), "DeleteCluster"));
    answer_clear(&a);
}

/* Undo. */

static void test_an_undo_takes_from_the_reply_what_only_aws_knew(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "RegisterTaskDefinition",
                        json_pack("{s:{s:s}}", "taskDefinition", "taskDefinitionArn",
                                  "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7"));
    open_door(w);
    json_t *params =
        json_pack("{s:s, s:[{s:s, s:s}]}", "family", "web", "containerDefinitions", "name", "a", "image", "nginx");
    json_t *undo = json_pack("[{s:s, s:s, s:{s:{s:s}}}]", "service", "ecs", "operation", "DeregisterTaskDefinition",
                             "params", "taskDefinition", "$reply", "taskDefinition.taskDefinitionArn");
    answer a = {0};
    ask(w, 1, "aws", call("ecs", "RegisterTaskDefinition", params), undo, &a);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    json_t *back = json_object_get(json_array_get(step(w, 1)->undo, 0), "params");
    assert_string_equal(json_string_value(json_object_get(back, "taskDefinition")),
                        "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7");
    answer_clear(&a);
}

static void test_a_failed_change_has_nothing_to_undo(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:s}", "$error", "ClientException"));
    open_door(w);
    answer a = {0};
    ask(w, 1, "aws", delete_cluster("x"),
        json_pack("[{s:s, s:s, s:{}}]", "service", "ecs", "operation", "CreateCluster", "params"), &a);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_null(step(w, 1)->undo);
    answer_clear(&a);
}

/* Replay. */

static void test_finished_step_is_answered_from_the_journal(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:{s:s}}", "cluster", "status", "INACTIVE"));
    open_door(w);
    answer first = perform(w, 1, "aws", delete_cluster("rogue"));
    close_door(w);
    open_door(w); /* a run that was cut off starts again from the top */
    answer again = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_true(json_equal(first.value, again.value));
    assert_int_equal(sent(w), 0);
    assert_int_equal(effect_door_changes(w->door), 1);
    answer_clear(&first);
    answer_clear(&again);
}

static void test_a_finished_failure_is_answered_as_a_failure(void **state)
{
    world *w = *state;
    json_object_set_new(w->replies, "DeleteCluster", json_pack("{s:s}", "$error", "ClientException"));
    open_door(w);
    answer first = perform(w, 1, "aws", delete_cluster("rogue"));
    close_door(w);
    open_door(w);
    answer again = perform(w, 1, "aws", delete_cluster("rogue"));
    assert_string_equal(code(&again), "ClientException");
    assert_int_equal(sent(w), 0);
    answer_clear(&first);
    answer_clear(&again);
}

static void test_a_step_that_asks_for_something_else_stops_the_run_as_diverged(void **state)
{
    world *w = *state;
    open_door(w);
    answer first = perform(w, 1, "aws", delete_cluster("rogue"));
    close_door(w);
    open_door(w);
    answer again = perform(w, 1, "aws", delete_cluster("another"));
    assert_false(again.given);
    assert_int_equal(w->stopped, RIP_EINVAL);
    assert_non_null(strstr(w->reason, "diverged"));
    assert_int_equal(sent(w), 0);
    answer_clear(&first);
}

static void test_chance_and_ids_are_the_same_again_for_the_same_step(void **state)
{
    world *w = *state;
    open_door(w);
    answer uuid = perform(w, 1, "uuid", json_object()),
           random = perform(w, 2, "random", json_pack("{s:i}", "most", 1000));
    assert_in_range(json_integer_value(random.value), 1, 1000);
    assert_int_equal(strlen(json_string_value(uuid.value)), 36);
    close_door(w);
    journal_close(w->journal);
    rip_error err;
    assert_int_equal(journal_open_memory(&w->journal, &err), RIP_OK);
    json_t *record = json_pack("{s:s, s:I}", "id", RUN, "started", (json_int_t)0);
    journal_run_begin(w->journal, record, journal_ignore, NULL);
    json_decref(record);
    open_door(w);
    answer uuid2 = perform(w, 1, "uuid", json_object()),
           random2 = perform(w, 2, "random", json_pack("{s:i}", "most", 1000));
    assert_true(json_equal(uuid.value, uuid2.value));
    assert_true(json_equal(random.value, random2.value));
    answer_clear(&uuid);
    answer_clear(&uuid2);
    answer_clear(&random);
    answer_clear(&random2);
}

/* The end of a run in the middle of things. */

static void test_a_door_that_closes_gives_up_what_is_under_way(void **state)
{
    world *w = *state;
    open_door(w);
    answer call_answer = {0}, sleep_answer = {0};
    ask(w, 1, "aws", delete_cluster("rogue"), NULL, &call_answer);
    ask(w, 2, "sleep", json_pack("{s:i}", "ms", 60000), NULL, &sleep_answer);
    effect_door_free(w->door);
    w->door = NULL;
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_false(call_answer.given);
    assert_false(sleep_answer.given);
    assert_int_equal(step(w, 1)->state, JOURNAL_STARTED); /* that it was started stays known */
}

static void on_written(void *data, rip_status status, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(bool *)data = true;
}

/* The journal's answer to what fibers had begun comes after their run has been stopped. */
static void test_a_change_that_the_journal_has_when_its_run_is_over_is_not_sent(void **state)
{
    world *w = *state;
    rip_error err;
    char folder[] = "/tmp/riposte-test-XXXXXX", path[64], beside[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/journal", folder);
    journal_close(w->journal);
    const journal_options options = {.path = path, .access = JOURNAL_OWN, .loop = &w->loop, .owner = "a test"};
    assert_int_equal(journal_open_sqlite(&options, &w->journal, &err), RIP_OK);
    json_t *record = json_pack("{s:s, s:s, s:i, s:{}}", "id", RUN, "playbook", "contain", "started", 1, "finding");
    journal_run_begin(w->journal, record, journal_ignore, NULL);
    open_door(w);
    answer a = {0}, b = {0};
    ask(w, 1, "aws", delete_cluster("rogue"), NULL, &a);
    ask(w, 2, "aws", delete_cluster("other"), NULL, &b);
    effect_door_close(w->door);
    bool written = false;
    journal_run_begin(w->journal, record, on_written, &written);
    while (!written) uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(sent(w), 0);
    assert_false(a.given || b.given);
    json_decref(record);
    close_door(w);
    static const char *const FILES[] = {"", "-wal", "-shm", ".lock", ".key"};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(beside, sizeof beside, "%s%s", path, FILES[i]);
        unlink(beside);
    }
    rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, door_setup, door_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_change_is_sent_in_enforce_and_recorded_with_its_reply),
        TEST(test_calls_carry_the_tags_of_the_runs_session),
        TEST(test_a_change_becomes_a_line_of_the_plan_in_dry_run),
        TEST(test_a_change_becomes_a_line_of_the_plan_in_approve),
        TEST(test_a_read_is_real_in_dry_run),
        TEST(test_a_role_is_not_assumed_in_dry_run),
        TEST(test_dry_run_makes_no_read_of_an_operation_that_has_no_such_parameter),
        TEST(test_made_up_values_are_marked_and_never_reach_aws),
        TEST(test_a_wait_ends_at_once_after_a_planned_change),
        TEST(test_an_undeclared_permission_is_refused_on_record_and_never_sent),
        TEST(test_an_undeclared_read_is_refused_too),
        TEST(test_the_budget_of_changes_stops_the_change_that_is_over_it),
        TEST(test_an_undo_of_the_playbook_s_own_is_held_to_its_header),
        TEST(test_a_dry_run_plans_only_what_can_be_sent),
        TEST(test_a_protected_arn_is_left_alone_however_it_is_named),
        TEST(test_protection_goes_by_where_a_change_is_made_not_by_what_the_finding_says),
        TEST(test_protection_holds_in_dry_run_as_it_would_in_enforce),
        TEST(test_a_protecting_tag_is_looked_up_once),
        TEST(test_tags_that_cannot_be_read_count_as_protection),
        TEST(test_a_foreign_account_or_region_is_refused),
        TEST(test_an_error_of_aws_comes_with_its_code_message_status_and_request),
        TEST(test_wrong_parameters_are_told_and_never_sent),
        TEST(test_an_operation_that_is_none_is_refused),
        TEST(test_an_undo_takes_from_the_reply_what_only_aws_knew),
        TEST(test_a_failed_change_has_nothing_to_undo),
        TEST(test_finished_step_is_answered_from_the_journal),
        TEST(test_a_finished_failure_is_answered_as_a_failure),
        TEST(test_a_step_that_asks_for_something_else_stops_the_run_as_diverged),
        TEST(test_chance_and_ids_are_the_same_again_for_the_same_step),
        TEST(test_a_change_that_the_journal_has_when_its_run_is_over_is_not_sent),
        TEST(test_a_door_that_closes_gives_up_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
