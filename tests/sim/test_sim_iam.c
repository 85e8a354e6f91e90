/* IAM, STS and Lambda in the simulated account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lua/sim_transport.h"
#include "tests/sim/account.h"

#define IAM "arn:aws:iam::111122223333:"
#define LAMBDA "arn:aws:lambda:us-east-1:111122223333:function:"
#define TRUST "\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[]}\""

static const char SEED[] =
    "{\"account\": \"111122223333\", \"caller\": \"" IAM
    "role/worker\","
    " \"iam\": {\"groups\": [{\"GroupName\": \"admins\"}],"
    "  \"users\": [{\"UserName\": \"deploy\", \"GroupList\": [\"admins\"], \"LoginProfile\": true,"
    "    \"AccessKeys\": [{\"AccessKeyId\": \"AKIAIOSFODNN7EXAMPLE\", \"LastUsed\": {\"ServiceName\": \"ecs\","
    "      \"LastUsedDate\": \"2025-11-02T14:14:09Z\", \"Region\": \"us-east-1\"}}],"
    "    \"UserPolicyList\": [{\"PolicyName\": \"p\", \"PolicyDocument\": {\"Version\": \"2012-10-17\", \"Statement\": []}}],"
    "    \"AttachedManagedPolicies\": [\"arn:aws:iam::aws:policy/AdministratorAccess\"], \"Tags\": {\"team\": \"x\"}}],"
    "  \"roles\": [{\"RoleName\": \"worker\", \"AssumeRolePolicyDocument\": {\"Version\": \"2012-10-17\", \"Statement\": []}}],"
    "  \"instanceProfiles\": [{\"InstanceProfileName\": \"worker\", \"Roles\": [\"worker\"]}]},"
    " \"lambda\": {\"functions\": [{\"FunctionName\": \"hook\", \"Role\": \"worker\", \"Tags\": {\"team\": \"x\"},"
    "    \"FunctionUrlConfig\": {\"AuthType\": \"NONE\"}, \"ReservedConcurrentExecutions\": 5,"
    "    \"Policy\": [{\"Sid\": \"public\", \"Principal\": \"*\", \"Action\": \"lambda:InvokeFunctionUrl\"}]}]}}";

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

static void test_a_user_is_deleted_only_when_nothing_is_left_on_it(void **state)
{
    account *a = *state;
    static const char *const STEPS[][2] = {
        {"delete_access_key", "{\"UserName\": \"deploy\", \"AccessKeyId\": \"AKIAIOSFODNN7EXAMPLE\"}"},
        {"delete_login_profile", "{\"UserName\": \"deploy\"}"},
        {"remove_user_from_group", "{\"UserName\": \"deploy\", \"GroupName\": \"admins\"}"},
        {"detach_user_policy",
         "{\"UserName\": \"deploy\", \"PolicyArn\": \"arn:aws:iam::aws:policy/AdministratorAccess\"}"},
        {"delete_user_policy", "{\"UserName\": \"deploy\", \"PolicyName\": \"p\"}"},
    };
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
        assert_int_equal(account_fails(a, "DeleteConflict", "iam", "delete_user", "{\"UserName\": \"deploy\"}"), 409);
        account_do(a, "iam", STEPS[i][0], "%s", STEPS[i][1]);
    }
    account_do(a, "iam", "delete_user", "{\"UserName\": \"deploy\"}");
    account_lacks(a, IAM "user/deploy");
    assert_int_equal(account_fails(a, "NoSuchEntity", "iam", "get_user", "{\"UserName\": \"deploy\"}"), 404);
}

static void test_a_role_in_an_instance_profile_is_not_deleted(void **state)
{
    account *a = *state;
    account_fails(a, "DeleteConflict", "iam", "delete_role", "{\"RoleName\": \"worker\"}");
    account_do(a, "iam", "remove_role_from_instance_profile",
               "{\"InstanceProfileName\": \"worker\", \"RoleName\": \"worker\"}");
    account_do(a, "iam", "delete_role", "{\"RoleName\": \"worker\"}");
    account_do(a, "iam", "delete_instance_profile", "{\"InstanceProfileName\": \"worker\"}");
}

static void test_a_user_has_at_most_two_keys(void **state)
{
    account *a = *state;
    account_do(a, "iam", "create_access_key", "{\"UserName\": \"deploy\"}");
    account_fails(a, "LimitExceeded", "iam", "create_access_key", "{\"UserName\": \"deploy\"}");
    account_do(a, "iam", "update_access_key",
               "{\"UserName\": \"deploy\", \"AccessKeyId\": \"AKIAIOSFODNN7EXAMPLE\", \"Status\": \"Inactive\"}");
    account_has(a, IAM "user/deploy/access-key/AKIAIOSFODNN7EXAMPLE", "Status", "\"Inactive\"");
    json_t *used = account_call(a, "iam", "get_access_key_last_used", "{\"AccessKeyId\": \"AKIAIOSFODNN7EXAMPLE\"}");
    assert_string_equal(text_at(used, "UserName"), "deploy");
    assert_string_equal(text_at(used, "AccessKeyLastUsed.ServiceName"), "ecs");
    account_do(a, "iam", "list_access_keys", "{\"UserName\": \"deploy\"}");
    json_decref(used);
}

static void test_policy_documents_are_percent_encoded_as_iam_does(void **state)
{
    account *a = *state;
    account_do(a, "iam", "put_user_policy",
               "{\"UserName\": \"deploy\", \"PolicyName\": \"deny\", \"PolicyDocument\": " TRUST "}");
    json_t *policy = account_call(a, "iam", "get_user_policy", "{\"UserName\": \"deploy\", \"PolicyName\": \"deny\"}");
    assert_memory_equal(text_at(policy, "PolicyDocument"), "%7B%22Version%22%3A", 19);
    account_fails(a, "MalformedPolicyDocument", "iam", "put_user_policy",
                  "{\"UserName\": \"deploy\", \"PolicyName\": \"deny\", \"PolicyDocument\": \"nonsense\"}");
    account_has(a, IAM "user/deploy", "UserPolicyList.1.PolicyName", "\"deny\"");
    json_decref(policy);
}

static void test_a_role_is_made_again_with_its_policies(void **state)
{
    account *a = *state;
    account_do(a, "iam", "create_policy", "{\"PolicyName\": \"own\", \"PolicyDocument\": " TRUST "}");
    account_do(a, "iam", "create_role", "{\"RoleName\": \"fresh\", \"AssumeRolePolicyDocument\": " TRUST "}");
    account_fails(a, "EntityAlreadyExists", "iam", "create_role",
                  "{\"RoleName\": \"fresh\", \"AssumeRolePolicyDocument\": " TRUST "}");
    account_do(a, "iam", "attach_role_policy", "{\"RoleName\": \"fresh\", \"PolicyArn\": \"" IAM "policy/own\"}");
    account_fails(a, "DeleteConflict", "iam", "delete_policy", "{\"PolicyArn\": \"" IAM "policy/own\"}");
    account_fails(a, "NoSuchEntity", "iam", "attach_role_policy",
                  "{\"RoleName\": \"fresh\", \"PolicyArn\": \"" IAM "policy/none\"}");
    account_do(a, "iam", "put_role_policy",
               "{\"RoleName\": \"fresh\", \"PolicyName\": \"in\", \"PolicyDocument\": " TRUST "}");
    account_do(a, "iam", "update_assume_role_policy", "{\"RoleName\": \"fresh\", \"PolicyDocument\": " TRUST "}");
    account_do(a, "iam", "create_instance_profile", "{\"InstanceProfileName\": \"fresh\"}");
    account_do(a, "iam", "add_role_to_instance_profile",
               "{\"InstanceProfileName\": \"fresh\", \"RoleName\": \"fresh\"}");
    account_fails(a, "LimitExceeded", "iam", "add_role_to_instance_profile",
                  "{\"InstanceProfileName\": \"fresh\", \"RoleName\": \"worker\"}");
    account_has(a, IAM "role/fresh", "AttachedManagedPolicies.0.PolicyArn", "\"" IAM "policy/own\"");
}

static void test_reads_have_the_models_shapes(void **state)
{
    account *a = *state;
    static const char *const READS[][2] = {
        {"get_user", "{\"UserName\": \"deploy\"}"},
        {"get_role", "{\"RoleName\": \"worker\"}"},
        {"list_users", "{}"},
        {"list_roles", "{}"},
        {"list_groups", "{}"},
        {"list_policies", "{}"},
        {"list_instance_profiles", "{}"},
        {"list_instance_profiles_for_role", "{\"RoleName\": \"worker\"}"},
        {"list_user_policies", "{\"UserName\": \"deploy\"}"},
        {"list_attached_user_policies", "{\"UserName\": \"deploy\"}"},
        {"list_role_policies", "{\"RoleName\": \"worker\"}"},
        {"list_attached_role_policies", "{\"RoleName\": \"worker\"}"},
        {"list_groups_for_user", "{\"UserName\": \"deploy\"}"},
        {"get_group", "{\"GroupName\": \"admins\"}"},
        {"get_login_profile", "{\"UserName\": \"deploy\"}"},
        {"list_mfa_devices", "{\"UserName\": \"deploy\"}"},
        {"list_signing_certificates", "{\"UserName\": \"deploy\"}"},
        {"list_service_specific_credentials", "{\"UserName\": \"deploy\"}"},
        {"list_user_tags", "{\"UserName\": \"deploy\"}"},
        {"list_role_tags", "{\"RoleName\": \"worker\"}"},
        {"get_policy", "{\"PolicyArn\": \"arn:aws:iam::aws:policy/AdministratorAccess\"}"},
        {"get_policy_version",
         "{\"PolicyArn\": \"arn:aws:iam::aws:policy/AdministratorAccess\", \"VersionId\": \"v1\"}"},
        {"list_entities_for_policy", "{\"PolicyArn\": \"arn:aws:iam::aws:policy/AdministratorAccess\"}"},
        {"get_account_authorization_details", "{}"},
        {"get_account_summary", "{}"},
        {"list_account_aliases", "{}"},
    };
    for (size_t i = 0; i < sizeof READS / sizeof *READS; i++) account_do(a, "iam", READS[i][0], "%s", READS[i][1]);
}

static void test_users_come_in_pages(void **state)
{
    account *a = *state;
    account_do(a, "iam", "create_user", "{\"UserName\": \"alice\"}");
    json_t *first = account_call(a, "iam", "list_users", "{\"MaxItems\": 1}");
    assert_string_equal(text_at(first, "Users.0.UserName"), "alice");
    assert_true(json_is_true(json_object_get(first, "IsTruncated")));
    json_t *second =
        account_call(a, "iam", "list_users", "{\"MaxItems\": 1, \"Marker\": \"%s\"}", text_at(first, "Marker"));
    assert_string_equal(text_at(second, "Users.0.UserName"), "deploy");
    assert_true(json_is_false(json_object_get(second, "IsTruncated")));
    json_decref(first);
    json_decref(second);
}

static void test_the_caller_is_the_seeds(void **state)
{
    json_t *who = account_call(*state, "sts", "get_caller_identity", "{}");
    assert_string_equal(text_at(who, "Arn"), IAM "role/worker");
    assert_string_equal(text_at(who, "Account"), "111122223333");
    account_do(*state, "sts", "assume_role", "{\"RoleArn\": \"" IAM "role/worker\", \"RoleSessionName\": \"riposte\"}");
    assert_int_equal(account_fails(*state, "AccessDenied", "sts", "assume_role",
                                   "{\"RoleArn\": \"" IAM "role/other-role\", \"RoleSessionName\": \"riposte\"}"),
                     403);
    json_decref(who);
}

static void test_a_public_function_url_is_closed(void **state)
{
    account *a = *state;
    json_t *policy = account_call(a, "lambda", "get_policy", "{\"FunctionName\": \"hook\"}");
    assert_non_null(strstr(text_at(policy, "Policy"), "lambda:InvokeFunctionUrl"));
    account_do(a, "lambda", "remove_permission", "{\"FunctionName\": \"hook\", \"StatementId\": \"public\"}");
    assert_int_equal(
        account_fails(a, "ResourceNotFoundException", "lambda", "get_policy", "{\"FunctionName\": \"hook\"}"), 404);
    account_do(a, "lambda", "delete_function_url_config", "{\"FunctionName\": \"" LAMBDA "hook\"}");
    account_lacks(a, LAMBDA "hook/url");
    account_fails(a, "ResourceNotFoundException", "lambda", "get_function_url_config", "{\"FunctionName\": \"hook\"}");
    account_do(a, "lambda", "create_function_url_config", "{\"FunctionName\": \"hook\", \"AuthType\": \"AWS_IAM\"}");
    account_has(a, LAMBDA "hook/url", "AuthType", "\"AWS_IAM\"");
    assert_int_equal(account_fails(a, "ResourceConflictException", "lambda", "create_function_url_config",
                                   "{\"FunctionName\": \"hook\", \"AuthType\": \"NONE\"}"),
                     409);
    json_decref(policy);
}

static void test_functions_answer_in_the_models_shapes(void **state)
{
    account *a = *state;
    static const char *const CALLS[][2] = {
        {"list_functions", "{}"},
        {"get_function", "{\"FunctionName\": \"hook\"}"},
        {"get_function_configuration", "{\"FunctionName\": \"hook\"}"},
        {"list_function_url_configs", "{\"FunctionName\": \"hook\"}"},
        {"update_function_url_config", "{\"FunctionName\": \"hook\", \"AuthType\": \"AWS_IAM\"}"},
        {"add_permission",
         "{\"FunctionName\": \"hook\", \"StatementId\": \"s\", \"Action\": \"lambda:InvokeFunction\","
         " \"Principal\": \"events.amazonaws.com\"}"},
        {"put_function_concurrency", "{\"FunctionName\": \"hook\", \"ReservedConcurrentExecutions\": 0}"},
        {"get_function_concurrency", "{\"FunctionName\": \"hook\"}"},
        {"delete_function_concurrency", "{\"FunctionName\": \"hook\"}"},
        {"tag_resource", "{\"Resource\": \"" LAMBDA "hook\", \"Tags\": {\"a\": \"b\"}}"},
        {"list_tags", "{\"Resource\": \"" LAMBDA "hook\"}"},
        {"untag_resource", "{\"Resource\": \"" LAMBDA "hook\", \"TagKeys\": [\"a\"]}"},
        {"update_function_configuration", "{\"FunctionName\": \"hook\", \"Timeout\": 9}"},
        {"list_event_source_mappings", "{\"FunctionName\": \"hook\"}"},
        {"list_aliases", "{\"FunctionName\": \"hook\"}"},
        {"list_versions_by_function", "{\"FunctionName\": \"hook\"}"},
        {"delete_function", "{\"FunctionName\": \"hook\"}"},
    };
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) account_do(a, "lambda", CALLS[i][0], "%s", CALLS[i][1]);
    account_lacks(a, LAMBDA "hook");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_user_is_deleted_only_when_nothing_is_left_on_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_role_in_an_instance_profile_is_not_deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_user_has_at_most_two_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_policy_documents_are_percent_encoded_as_iam_does, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_role_is_made_again_with_its_policies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_have_the_models_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_users_come_in_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_caller_is_the_seeds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_public_function_url_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_functions_answer_in_the_models_shapes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
