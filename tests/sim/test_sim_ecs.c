/* ECS in the simulated account: what it refuses, and how things come and go over time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lua/sim_transport.h"
#include "tests/sim/account.h"

#define ECS "arn:aws:ecs:us-east-1:111122223333:"

static const char SEED[] =
    "{\"account\": \"111122223333\","
    " \"ec2\": {\"instances\": [{\"InstanceId\": \"i-00000000000000001\"}]},"
    " \"ecs\": {\"taskDefinitions\": [{\"family\": \"web\", \"networkMode\": \"awsvpc\", \"cpu\": \"256\","
    "     \"memory\": \"512\", \"requiresCompatibilities\": [\"FARGATE\"],"
    "     \"containerDefinitions\": [{\"name\": \"web\", \"image\": \"nginx\"}]},"
    "    {\"family\": \"host\", \"containerDefinitions\": [{\"name\": \"h\", \"image\": \"busybox\", \"memory\": 64}]}],"
    "  \"clusters\": [{\"clusterName\": \"shop\", \"tags\": {\"team\": \"shop\"},"
    "     \"services\": [{\"serviceName\": \"web\", \"taskDefinition\": \"web\", \"desiredCount\": 2,"
    "       \"launchType\": \"FARGATE\", \"networkConfiguration\": {\"awsvpcConfiguration\": {\"subnets\": [\"subnet-1\"]}}}]},"
    "    {\"clusterName\": \"hosts\", \"containerInstances\": [{\"ec2InstanceId\": \"i-00000000000000001\"}]},"
    "    {\"clusterName\": \"loose\", \"tasks\": [{\"taskDefinition\": \"web\", \"count\": 2, \"startedBy\": \"me\"}]},"
    "    {\"clusterName\": \"empty\"}]}}";

static int setup(void **state)
{
    static account a;
    account_open(&a, SEED);
    *state = &a;
    return 0;
}

static int teardown(void **state)
{
    account_close(*state);
    return 0;
}

static void test_a_cluster_with_services_is_not_deleted(void **state)
{
    assert_int_equal(
        account_fails(*state, "ClusterContainsServicesException", "ecs", "delete_cluster", "{\"cluster\": \"shop\"}"),
        400);
    account_has(*state, ECS "cluster/shop", "status", "\"ACTIVE\"");
}

static void test_a_cluster_with_tasks_is_not_deleted(void **state)
{
    account_fails(*state, "ClusterContainsTasksException", "ecs", "delete_cluster", "{\"cluster\": \"loose\"}");
}

static void test_a_cluster_with_container_instances_is_not_deleted(void **state)
{
    account_fails(*state, "ClusterContainsContainerInstancesException", "ecs", "delete_cluster",
                  "{\"cluster\": \"hosts\"}");
}

static void test_a_deleted_cluster_is_inactive_and_no_longer_listed(void **state)
{
    account *a = *state;
    account_do(a, "ecs", "delete_cluster", "{\"cluster\": \"" ECS "cluster/empty\"}");
    json_t *described = account_call(a, "ecs", "describe_clusters", "{\"clusters\": [\"empty\"]}");
    assert_string_equal(text_at(described, "clusters.0.status"), "INACTIVE");
    json_t *listed = account_call(a, "ecs", "list_clusters", "{}");
    assert_int_equal(json_array_size(json_object_get(listed, "clusterArns")), 3);
    account_fails(a, "ClusterNotFoundException", "ecs", "delete_cluster", "{\"cluster\": \"empty\"}");
    account_lacks(a, ECS "cluster/empty");
    json_decref(described);
    json_decref(listed);
}

static void test_a_service_above_zero_is_deleted_only_by_force(void **state)
{
    account *a = *state;
    account_fails(a, "InvalidParameterException", "ecs", "delete_service",
                  "{\"cluster\": \"shop\", \"service\": \"web\"}");
    account_do(a, "ecs", "delete_service", "{\"cluster\": \"shop\", \"service\": \"web\", \"force\": true}");
    account_fails(a, "ClusterContainsServicesException", "ecs", "delete_cluster", "{\"cluster\": \"shop\"}");
    account_wait(a, 30000);
    account_lacks(a, ECS "service/shop/web");
    account_do(a, "ecs", "delete_cluster", "{\"cluster\": \"shop\"}");
}

static void test_a_stopped_task_of_a_service_is_replaced(void **state)
{
    account *a = *state;
    json_t *before = account_call(a, "ecs", "list_tasks", "{\"cluster\": \"shop\"}");
    account_do(a, "ecs", "stop_task", "{\"cluster\": \"shop\", \"task\": \"%s\"}", text_at(before, "taskArns.0"));
    account_wait(a, 30000);
    account_has(a, ECS "service/shop/web", "runningCount", "2");
    account_lacks(a, text_at(before, "taskArns.0"));
    json_decref(before);
}

static void test_tasks_stop_over_time(void **state)
{
    account *a = *state;
    json_t *listed = account_call(a, "ecs", "list_tasks", "{\"cluster\": \"loose\", \"startedBy\": \"me\"}");
    const char *arn = text_at(listed, "taskArns.0");
    json_t *stopped = account_call(a, "ecs", "stop_task", "{\"cluster\": \"loose\", \"task\": \"%s\"}", arn);
    assert_string_equal(text_at(stopped, "task.desiredStatus"), "STOPPED");
    assert_string_not_equal(text_at(stopped, "task.lastStatus"), "STOPPED");
    account_wait(a, 10000);
    json_t *later = account_call(a, "ecs", "describe_tasks", "{\"cluster\": \"loose\", \"tasks\": [\"%s\"]}", arn);
    assert_string_equal(text_at(later, "tasks.0.lastStatus"), "STOPPED");
    json_decref(listed);
    json_decref(stopped);
    json_decref(later);
}

static void test_a_new_revision_is_rolled_out_before_the_old_one_stops(void **state)
{
    account *a = *state;
    json_t *made =
        account_call(a, "ecs", "register_task_definition",
                     "{\"family\": \"web\", \"networkMode\": \"awsvpc\", \"cpu\": \"256\", \"memory\": \"512\","
                     " \"requiresCompatibilities\": [\"FARGATE\"],"
                     " \"containerDefinitions\": [{\"name\": \"web\", \"image\": \"nginx:2\"}]}");
    assert_int_equal(json_integer_value(value_at(made, "taskDefinition.revision")), 2);
    account_do(a, "ecs", "update_service",
               "{\"cluster\": \"shop\", \"service\": \"web\", \"taskDefinition\": \"web\"}");
    account_wait(a, 5000);
    account_has(a, ECS "service/shop/web", "runningCount", "2");
    json_t *during = account_call(a, "ecs", "describe_services", "{\"cluster\": \"shop\", \"services\": [\"web\"]}");
    assert_int_equal(json_array_size(value_at(during, "services.0.deployments")), 2);
    account_wait(a, 30000);
    json_t *after = account_call(a, "ecs", "describe_services", "{\"cluster\": \"shop\", \"services\": [\"web\"]}");
    assert_int_equal(json_array_size(value_at(after, "services.0.deployments")), 1);
    assert_string_equal(text_at(after, "services.0.deployments.0.rolloutState"), "COMPLETED");
    assert_string_equal(text_at(after, "services.0.taskDefinition"), ECS "task-definition/web:2");
    json_decref(made);
    json_decref(during);
    json_decref(after);
}

static void test_an_inactive_revision_stays_but_starts_nothing(void **state)
{
    account *a = *state;
    account_do(a, "ecs", "deregister_task_definition", "{\"taskDefinition\": \"web:1\"}");
    account_has(a, ECS "task-definition/web:1", "status", "\"INACTIVE\"");
    account_fails(a, "ClientException", "ecs", "run_task", "{\"cluster\": \"empty\", \"taskDefinition\": \"web:1\"}");
    account_fails(a, "ClientException", "ecs", "describe_task_definition", "{\"taskDefinition\": \"web\"}");
    account_do(a, "ecs", "describe_task_definition", "{\"taskDefinition\": \"web:1\", \"include\": [\"TAGS\"]}");
    account_do(a, "ecs", "delete_task_definitions", "{\"taskDefinitions\": [\"web:1\"]}");
    account_wait(a, 10000);
    account_lacks(a, ECS "task-definition/web:1");
}

static void test_fargate_refuses_the_hosts_process_namespace(void **state)
{
    account_fails(
        *state, "ClientException", "ecs", "register_task_definition",
        "{\"family\": \"x\", \"networkMode\": \"awsvpc\", \"cpu\": \"256\", \"memory\": \"512\", \"pidMode\": \"host\","
        " \"requiresCompatibilities\": [\"FARGATE\"],"
        " \"containerDefinitions\": [{\"name\": \"x\", \"image\": \"x\"}]}");
}

static void test_a_terminated_instance_takes_its_container_instance_along(void **state)
{
    account *a = *state;
    account_do(a, "ecs", "run_task", "{\"cluster\": \"hosts\", \"taskDefinition\": \"host\"}");
    account_wait(a, 10000);
    json_t *listed = account_call(a, "ecs", "list_container_instances", "{\"cluster\": \"hosts\"}");
    account_do(a, "ecs", "describe_container_instances", "{\"cluster\": \"hosts\", \"containerInstances\": [\"%s\"]}",
               text_at(listed, "containerInstanceArns.0"));
    account_fails(a, "InvalidParameterException", "ecs", "deregister_container_instance",
                  "{\"cluster\": \"hosts\", \"containerInstance\": \"%s\"}",
                  text_at(listed, "containerInstanceArns.0"));
    account_do(a, "ec2", "terminate_instances", "{\"InstanceIds\": [\"i-00000000000000001\"]}");
    account_wait(a, 30000);
    account_do(a, "ecs", "delete_cluster", "{\"cluster\": \"hosts\"}");
    json_decref(listed);
}

static void test_lists_come_in_pages_that_survive_deletions(void **state)
{
    account *a = *state;
    json_t *first = account_call(a, "ecs", "list_clusters", "{\"maxResults\": 2}");
    assert_string_equal(text_at(first, "clusterArns.1"), ECS "cluster/hosts");
    account_do(a, "ecs", "delete_service", "{\"cluster\": \"shop\", \"service\": \"web\", \"force\": true}");
    account_wait(a, 30000);
    account_do(a, "ecs", "delete_cluster", "{\"cluster\": \"shop\"}");
    json_t *second = account_call(a, "ecs", "list_clusters", "{\"maxResults\": 2, \"nextToken\": \"%s\"}",
                                  text_at(first, "nextToken"));
    assert_string_equal(text_at(second, "clusterArns.0"), ECS "cluster/loose");
    assert_string_equal(text_at(second, "clusterArns.1"), ECS "cluster/empty");
    assert_null(json_object_get(second, "nextToken"));
    account_fails(a, "InvalidParameterException", "ecs", "list_clusters", "{\"nextToken\": \"nonsense\"}");
    json_decref(first);
    json_decref(second);
}

static void test_tags_are_set_replaced_and_removed(void **state)
{
    account *a = *state;
    account_do(a, "ecs", "tag_resource",
               "{\"resourceArn\": \"" ECS
               "cluster/shop\", \"tags\": [{\"key\": \"team\", \"value\": \"x\"}, {\"key\": \"b\"}]}");
    account_do(a, "ecs", "untag_resource", "{\"resourceArn\": \"" ECS "cluster/shop\", \"tagKeys\": [\"b\"]}");
    json_t *tags = account_call(a, "ecs", "list_tags_for_resource", "{\"resourceArn\": \"" ECS "cluster/shop\"}");
    assert_int_equal(json_array_size(json_object_get(tags, "tags")), 1);
    assert_string_equal(text_at(tags, "tags.0.value"), "x");
    json_decref(tags);
}

static void test_a_service_is_created_updated_and_listed(void **state)
{
    account *a = *state;
    account_fails(
        a, "InvalidParameterException", "ecs", "create_service",
        "{\"cluster\": \"empty\", \"serviceName\": \"s\", \"taskDefinition\": \"web\", \"launchType\": \"FARGATE\"}");
    account_do(
        a, "ecs", "create_service",
        "{\"cluster\": \"empty\", \"serviceName\": \"s\", \"taskDefinition\": \"web\", \"desiredCount\": 1,"
        " \"launchType\": \"FARGATE\", \"networkConfiguration\": {\"awsvpcConfiguration\": {\"subnets\": [\"subnet-1\"]}}}");
    account_wait(a, 20000);
    account_has(a, ECS "service/empty/s", "runningCount", "1");
    account_do(a, "ecs", "update_service", "{\"cluster\": \"empty\", \"service\": \"s\", \"desiredCount\": 0}");
    account_wait(a, 20000);
    account_has(a, ECS "service/empty/s", "runningCount", "0");
    account_do(a, "ecs", "list_services", "{\"cluster\": \"empty\"}");
    account_do(a, "ecs", "update_cluster_settings",
               "{\"cluster\": \"empty\", \"settings\": [{\"name\": \"containerInsights\", \"value\": \"enhanced\"}]}");
    account_has(a, ECS "cluster/empty", "settings.0.value", "\"enhanced\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_cluster_with_services_is_not_deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_cluster_with_tasks_is_not_deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_cluster_with_container_instances_is_not_deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_deleted_cluster_is_inactive_and_no_longer_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_service_above_zero_is_deleted_only_by_force, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_stopped_task_of_a_service_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tasks_stop_over_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_revision_is_rolled_out_before_the_old_one_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_inactive_revision_stays_but_starts_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fargate_refuses_the_hosts_process_namespace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_terminated_instance_takes_its_container_instance_along, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists_come_in_pages_that_survive_deletions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tags_are_set_replaced_and_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_service_is_created_updated_and_listed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
