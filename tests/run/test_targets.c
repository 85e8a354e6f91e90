/* What a change is about: the data of every shipped model, and the forms in which AWS takes a resource. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "engine/base/glob.h"
#include "engine/base/text.h"
#include "engine/run/target_private.h"

static aws_models *models;
static run_targets *targets;

static int open_all(void **state)
{
    static const char *const FOLDERS[] = {"aws/model"};
    (void)state;
    return aws_models_new(FOLDERS, 1, &models, NULL) == RIP_OK && run_targets_load(NULL, 0, &targets, NULL) == RIP_OK
               ? 0
               : -1;
}

static int close_all(void **state)
{
    (void)state;
    run_targets_free(targets);
    aws_models_free(models);
    return 0;
}

/* The data of every shipped model. */

static bool is_kind(const json_t *service, const json_t *rule)
{
    const char *kind = json_string_value(rule);
    size_t i;
    json_t *each;
    json_array_foreach (rule, i, each) {
        if (!is_kind(service, each)) return false;
    }
    return json_is_array(rule) || (kind && strcmp(kind, "arn") == 0) ||
           (kind && *kind != '-' && *kind != '?' && json_object_get(json_object_get(service, "kinds"), kind));
}

static const json_t *rule_for(const json_t *service, const json_t *about, const char *parent, const char *name)
{
    const json_t *common = target_service(targets, TARGETS_COMMON);
    const json_t *places[] = {json_object_get(about, "members"), json_object_get(service, "members"),
                              json_object_get(common, "members")};
    char path[200];
    snprintf(path, sizeof path, "%s.%s", parent, name);
    for (size_t i = 0; i < 3; i++) {
        const json_t *rule = json_object_get(places[i], path);
        if (!rule) rule = json_object_get(places[i], name);
        if (rule) return rule;
    }
    return NULL;
}

/* Does some member, at any depth, name a kind or select what cannot be told? */
static bool names_something(const json_t *service, const json_t *about, const char *parent, const aws_shape *shape,
                            unsigned depth)
{
    if (depth > 8) return false;
    if (aws_shape_type(shape) == AWS_LIST || aws_shape_type(shape) == AWS_MAP)
        return names_something(service, about, parent, aws_member_shape(aws_shape_element(shape)), depth + 1);
    if (aws_shape_type(shape) != AWS_STRUCTURE) return false;
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        const char *name = aws_member_name(member);
        const json_t *rule = rule_for(service, about, parent, name);
        if (is_kind(service, rule) ||
            (rule && strcmp(json_string_value(rule) ? json_string_value(rule) : "", "?") == 0))
            return true;
        size_t len = strlen(name);
        if (!rule && len > 3 && strcasecmp(name + len - 3, "arn") == 0) return true; /* an ARN speaks for itself */
        bool looks_in = !rule || (json_is_string(rule) && strcmp(json_string_value(rule), "+") == 0);
        if (looks_in && names_something(service, about, name, aws_member_shape(member), depth + 1)) return true;
    }
    return false;
}

static bool is_decided(const aws_operation *operation)
{
    const json_t *service = target_service(targets, aws_service_name(aws_operation_service(operation)));
    const json_t *about = target_operation(service, aws_operation_name(operation));
    const aws_shape *input = aws_operation_input(operation);
    if (!service) return false;
    return json_object_get(about, "none") || json_object_get(about, "about") ||
           json_object_get(about, "caller_without") || (input && names_something(service, about, "", input, 0));
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len >= end_len && strcasecmp(name + len - end_len, end) == 0;
}

/* Could the member name a resource? */
static bool is_identifier(const aws_member *member)
{
    static const char *const ENDS[] = {"arn", "arns", "id", "ids", "name", "names", "identifier", "identifiers", "url"};
    const aws_shape *shape = aws_member_shape(member);
    if (aws_shape_type(shape) == AWS_LIST) shape = aws_member_shape(aws_shape_element(shape));
    if (aws_shape_type(shape) != AWS_STRING || aws_shape_trait(shape, "enum") ||
        aws_member_is_idempotency_token(member))
        return false;
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
        if (ends_with(aws_member_name(member), ENDS[i])) return true;
    }
    return false;
}

static unsigned undecided_members(const aws_operation *operation)
{
    const char *service_name = aws_service_name(aws_operation_service(operation));
    const json_t *service = target_service(targets, service_name);
    const json_t *about = target_operation(service, aws_operation_name(operation));
    const aws_shape *input = aws_operation_input(operation);
    unsigned count = 0;
    for (size_t i = 0; input && !json_object_get(about, "none") && i < aws_shape_member_count(input); i++) {
        const aws_member *member = aws_shape_member_at(input, i);
        const json_t *rule = rule_for(service, about, "", aws_member_name(member));
        bool speaks = ends_with(aws_member_name(member), "arn") || ends_with(aws_member_name(member), "arns");
        if (rule || speaks || !is_identifier(member)) continue;
        print_error("%s:%s: is %s a resource that it changes?\n", service_name, aws_operation_name(operation),
                    aws_member_name(member));
        count++;
    }
    return count;
}

static void test_every_change_of_every_model_is_decided(void **state)
{
    (void)state;
    json_t *services = aws_models_list(models), *name, *operation_name;
    unsigned changes = 0, undecided = 0, members = 0;
    size_t i, k;
    json_array_foreach (services, i, name) {
        const aws_service *service = NULL;
        assert_int_equal(aws_models_service(models, json_string_value(name), &service, NULL), RIP_OK);
        json_t *operations = aws_service_operations(service);
        json_array_foreach (operations, k, operation_name) {
            const aws_operation *operation = NULL;
            assert_int_equal(aws_service_operation(service, json_string_value(operation_name), &operation, NULL),
                             RIP_OK);
            if (aws_operation_is_read(operation)) continue;
            changes++;
            members += undecided_members(operation);
            if (is_decided(operation)) continue;
            print_error("%s:%s: what does it change?\n", json_string_value(name), json_string_value(operation_name));
            undecided++;
        }
        json_decref(operations);
    }
    json_decref(services);
    print_message("%u operations that change something, %u of them undecided, %u members undecided\n", changes,
                  undecided, members);
    assert_int_equal(undecided, 0);
    assert_int_equal(members, 0);
}

/* Names in the data are names of the model, and kinds are kinds. */

static bool is_member_of(const aws_shape *shape, const char *parent, const char *want_parent, const char *want,
                         unsigned depth)
{
    if (depth > 8) return false;
    if (aws_shape_type(shape) == AWS_LIST || aws_shape_type(shape) == AWS_MAP)
        return is_member_of(aws_member_shape(aws_shape_element(shape)), parent, want_parent, want, depth + 1);
    if (aws_shape_type(shape) != AWS_STRUCTURE) return false;
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        const char *name = aws_member_name(member);
        if (strcmp(name, want) == 0 && (!*want_parent || strcmp(parent, want_parent) == 0)) return true;
        if (is_member_of(aws_member_shape(member), name, want_parent, want, depth + 1)) return true;
    }
    return false;
}

static bool is_used(const aws_service *service, const char *path)
{
    const char *dot = strchr(path, '.');
    char parent[100] = "";
    if (dot) snprintf(parent, sizeof parent, "%.*s", (int)(dot - path), path);
    json_t *operations = aws_service_operations(service), *name;
    bool used = false;
    size_t i;
    json_array_foreach (operations, i, name) {
        const aws_operation *operation = NULL;
        assert_int_equal(aws_service_operation(service, json_string_value(name), &operation, NULL), RIP_OK);
        const aws_shape *input = aws_operation_input(operation);
        used = used ||
               (!aws_operation_is_read(operation) && input && is_member_of(input, "", parent, dot ? dot + 1 : path, 0));
    }
    json_decref(operations);
    return used;
}

static unsigned check_members(const char *name, const aws_service *service, const json_t *file, const json_t *members)
{
    unsigned wrong = 0;
    const char *member;
    json_t *rule;
    json_object_foreach ((json_t *)(uintptr_t)members, member, rule) {
        const char *mark = json_string_value(rule);
        bool marked = mark && strchr("-?+", *mark) && !mark[1];
        if ((!marked && !is_kind(file, rule)) || !is_used(service, member)) {
            print_error("aws/targets/%s.json: %s: no such kind, or no member of a change\n", name, member);
            wrong++;
        }
    }
    return wrong;
}

/* With an ARN where the data says "{arn}" or "{value}". New reference. */
static json_t *with_arns(const json_t *params)
{
    static const char ARN[] = "arn:aws:service:us-east-1:123456789012:kind/name";
    const char *text = json_string_value(params), *key;
    json_t *copy = NULL, *each;
    size_t i;
    if (text) return json_string(strcmp(text, "{arn}") == 0 || strcmp(text, "{value}") == 0 ? ARN : text);
    if (json_is_array(params)) {
        copy = json_array();
        json_array_foreach (params, i, each) json_array_append_new(copy, with_arns(each));
        return copy;
    }
    copy = json_object();
    json_object_foreach ((json_t *)(uintptr_t)params, key, each) json_object_set_new(copy, key, with_arns(each));
    return copy;
}

/* The list of tags is where the data says. */
static bool has_list(const aws_operation *operation, const char *path)
{
    const char *last = strrchr(path, '.');
    return is_member_of(aws_operation_output(operation), "", "", last ? last + 1 : path, 0);
}

static unsigned check_call(const char *name, const json_t *call)
{
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    rip_error err;
    if (!json_is_object(call)) return 0;
    json_t *params = with_arns(json_object_get(call, "params"));
    bool good = aws_models_service(models, rip_text_or(call, "service", name), &service, &err) == RIP_OK &&
                aws_service_operation(service, rip_text(call, "operation"), &operation, &err) == RIP_OK &&
                aws_params_check(operation, params, NULL, &err) == RIP_OK;
    json_decref(params);
    if (good && aws_operation_is_read(operation) && has_list(operation, rip_text(call, "list"))) return 0;
    print_error("aws/targets/%s.json: tags: %s: %s\n", name, rip_text(call, "operation"),
                good ? "its reply has no such list, or it is no read" : err.message);
    return 1;
}

static unsigned check_file(const char *name)
{
    const json_t *file = target_service(targets, name);
    const aws_service *service = NULL;
    const char *key;
    json_t *each;
    unsigned wrong = 0;
    assert_int_equal(aws_models_service(models, name, &service, NULL), RIP_OK);
    wrong += check_members(name, service, file, json_object_get(file, "members"));
    wrong += check_call(name, json_object_get(file, "tags"));
    json_object_foreach (json_object_get(file, "kinds"), key, each)
        wrong += check_call(name, json_object_get(each, "tags"));
    json_object_foreach (json_object_get(file, "operations"), key, each) {
        const aws_operation *operation = NULL;
        if (!strchr(key, '*') && aws_service_operation(service, key, &operation, NULL) != RIP_OK) {
            print_error("aws/targets/%s.json: there is no operation %s\n", name, key);
            wrong++;
        }
        wrong += check_members(name, service, file, json_object_get(each, "members"));
    }
    return wrong;
}

static void test_the_data_names_what_the_models_have(void **state)
{
    (void)state;
    json_t *names = target_service_names(targets), *name;
    unsigned wrong = 0;
    size_t i;
    json_array_foreach (names, i, name) wrong += check_file(json_string_value(name));
    json_decref(names);
    assert_int_equal(wrong, 0);
}

/* Forms. */

typedef struct form {
    const char *service, *operation, *params, *protects;
} form;

/* Would a change with these parameters be refused because of this pattern? Undecided ones are. */
static bool is_met(const form *f)
{
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    const run_target_place place = {"aws", "us-east-1", "123456789012"};
    run_target_verdict verdict;
    rip_error err;
    json_error_t why;
    json_t *params = json_loads(f->params, 0, &why), *target, *arn;
    bool met = false;
    size_t i, k;
    if (!params) fail_msg("%s: %s", f->params, why.text);
    assert_int_equal(aws_models_service(models, f->service, &service, &err), RIP_OK);
    assert_int_equal(aws_service_operation(service, f->operation, &operation, &err), RIP_OK);
    if (aws_params_check(operation, params, NULL, &err) != RIP_OK) fail_msg("%s", err.message);
    json_t *found = run_targets_of(targets, operation, params, &place, &verdict, &err);
    assert_non_null(found);
    json_array_foreach (found, i, target) {
        json_array_foreach (json_object_get(target, "arns"), k, arn)
            met = met || rip_glob_meet_nocase(f->protects, json_string_value(arn));
    }
    json_decref(found);
    json_decref(params);
    return met || verdict == RUN_TARGETS_UNDECIDED;
}

#define A(service, rest) "arn:aws:" service ":us-east-1:123456789012:" rest
#define UUID "1234abcd-12ab-34cd-56ef-1234567890ab"

static const form REFUSED[] = {
    {"s3", "DeleteBucket", "{\"Bucket\": \"logs\"}", "arn:aws:s3:::logs"},
    {"s3", "DeleteBucket", "{\"Bucket\": \"logs\"}", "arn:aws:s3:::logs/*"},
    {"s3", "DeleteObject", "{\"Bucket\": \"logs\", \"Key\": \"a/b\"}", "arn:aws:s3:::logs"},
    {"s3", "DeleteObject", "{\"Bucket\": \"logs\", \"Key\": \"a/b\"}", "arn:aws:s3:::logs/a/*"},
    {"s3", "DeleteObjects", "{\"Bucket\": \"logs\", \"Delete\": {\"Objects\": [{\"Key\": \"x\"}, {\"Key\": \"a/b\"}]}}",
     "arn:aws:s3:::logs/a/b"},
    {"rds", "DeleteDBInstance", "{\"DBInstanceIdentifier\": \"Main\"}", A("rds", "db:main")},
    {"rds", "ModifyDBCluster", "{\"DBClusterIdentifier\": \"main\"}", A("rds", "cluster:main")},
    {"dynamodb", "DeleteTable", "{\"TableName\": \"users\"}", A("dynamodb", "table/users")},
    {"dynamodb", "DeleteTable", "{\"TableName\": \"" A("dynamodb", "table/users") "\"}", A("dynamodb", "table/users")},
    {"dynamodb", "DeleteBackup", "{\"BackupArn\": \"" A("dynamodb", "table/users/backup/01") "-longenough0000\"}",
     A("dynamodb", "table/users")},
    {"dynamodb", "ExecuteStatement", "{\"Statement\": \"DELETE FROM users WHERE id = 1\"}",
     A("dynamodb", "table/users")},
    {"eks", "DeleteCluster", "{\"name\": \"prod\"}", A("eks", "cluster/prod")},
    {"eks", "DeleteNodegroup", "{\"clusterName\": \"prod\", \"nodegroupName\": \"n\"}",
     A("eks", "nodegroup/prod/n/" UUID)},
    {"eks", "DeleteNodegroup", "{\"clusterName\": \"prod\", \"nodegroupName\": \"n\"}", A("eks", "cluster/prod")},
    {"cloudtrail", "DeleteTrail", "{\"Name\": \"main\"}", A("cloudtrail", "trail/main")},
    {"cloudtrail", "StopLogging", "{\"Name\": \"" A("cloudtrail", "trail/main") "\"}", A("cloudtrail", "trail/main")},
    {"kms", "ScheduleKeyDeletion", "{\"KeyId\": \"" UUID "\"}", A("kms", "key/" UUID)},
    {"kms", "ScheduleKeyDeletion", "{\"KeyId\": \"" A("kms", "key/" UUID) "\"}", A("kms", "key/" UUID)},
    {"kms", "DisableKey", "{\"KeyId\": \"alias/main\"}", A("kms", "alias/main")},
    {"kms", "DisableKey", "{\"KeyId\": \"alias/main\"}", A("kms", "key/" UUID)},
    {"kms", "DeleteAlias", "{\"AliasName\": \"alias/main\"}", A("kms", "alias/main")},
    {"sqs", "DeleteQueue", "{\"QueueUrl\": \"https://sqs.us-east-1.amazonaws.com/123456789012/jobs\"}",
     A("sqs", "jobs")},
    {"sqs", "PurgeQueue", "{\"QueueUrl\": \"https://queue.amazonaws.com/123456789012/jobs\"}", A("sqs", "jobs")},
    {"sqs", "PurgeQueue", "{\"QueueUrl\": \"http://localhost:4566/123456789012/jobs\"}", A("sqs", "jobs")},
    {"ssm", "DeleteParameter", "{\"Name\": \"/app/key\"}", A("ssm", "parameter/app/key")},
    {"ssm", "DeleteParameters", "{\"Names\": [\"x\", \"key\"]}", A("ssm", "parameter/key")},
    {"ssm", "SendCommand", "{\"DocumentName\": \"AWS-RunShellScript\", \"InstanceIds\": [\"i-0123456789abcdef0\"]}",
     A("ec2", "instance/i-0123456789abcdef0")},
    {"ssm", "SendCommand",
     "{\"DocumentName\": \"AWS-RunShellScript\", \"Targets\": [{\"Key\": \"tag:env\", \"Values\": [\"prod\"]}]}",
     A("ec2", "instance/i-0123456789abcdef0")},
    {"ec2", "DeregisterImage", "{\"ImageId\": \"ami-1\"}", "arn:aws:ec2:us-east-1::image/ami-1"},
    {"ec2", "DeregisterImage", "{\"ImageId\": \"ami-1\"}", A("ec2", "image/ami-1")},
    {"ec2", "DeleteRouteTable", "{\"RouteTableId\": \"rtb-1\"}", A("ec2", "route-table/rtb-1")},
    {"ec2", "DeleteSecurityGroup", "{\"GroupName\": \"web\"}", A("ec2", "security-group/sg-1")},
    {"ec2", "DeleteTags", "{\"Resources\": [\"vol-1\", \"i-1\"]}", A("ec2", "instance/i-1")},
    {"ec2", "ModifyInstanceCreditSpecification",
     "{\"InstanceCreditSpecifications\": [{\"InstanceId\": \"i-1\", \"CpuCredits\": \"standard\"}]}",
     A("ec2", "instance/i-1")},
    {"ec2", "DisassociateIamInstanceProfile", "{\"AssociationId\": \"iip-assoc-1\"}", A("ec2", "instance/i-1")},
    {"elbv2", "DeregisterTargets",
     "{\"TargetGroupArn\": \"" A("elasticloadbalancing", "targetgroup/t/1") "\", \"Targets\": [{\"Id\": \"i-1\"}]}",
     A("ec2", "instance/i-1")},
    {"elbv2", "DeleteLoadBalancer", "{\"LoadBalancerArn\": \"" A("elasticloadbalancing", "loadbalancer/app/w/1") "\"}",
     A("elasticloadbalancing", "loadbalancer/app/w/1")},
    {"ecs", "UpdateService", "{\"service\": \"web\"}", A("ecs", "cluster/default")},
    {"ecs", "UpdateService", "{\"service\": \"web\"}", A("ecs", "service/default/web")},
    {"ecs", "UpdateService", "{\"service\": \"web\", \"cluster\": \"shop\"}", A("ecs", "service/web")},
    {"ecs", "UpdateService", "{\"service\": \"" A("ecs", "service/web") "\", \"cluster\": \"shop\"}",
     A("ecs", "service/shop/web")},
    {"ecs", "UpdateService", "{\"service\": \"web\", \"cluster\": \"" A("ecs", "cluster/shop") "\"}",
     A("ecs", "service/shop/web")},
    {"ecs", "StopTask", "{\"task\": \"0123\"}", A("ecs", "cluster/default")},
    {"ecs", "StopTask", "{\"task\": \"0123\", \"cluster\": \"shop\"}", A("ecs", "task/shop/0123")},
    {"ecs", "DeregisterTaskDefinition", "{\"taskDefinition\": \"web:3\"}", A("ecs", "task-definition/web:3")},
    {"ecs", "DeleteTaskDefinitions", "{\"taskDefinitions\": [\"a:1\", \"web:3\"]}", A("ecs", "task-definition/web:*")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"f\"}", A("lambda", "function:f")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"123456789012:function:f\"}", A("lambda", "function:f")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"123456789012:f\"}", A("lambda", "function:f")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"function:f\"}", A("lambda", "function:f")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"f:alias\"}", A("lambda", "function:f")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"" A("lambda", "function:f:alias") "\"}",
     A("lambda", "function:f")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"f\"}", A("lambda", "function:f:live")},
    {"lambda", "TagResource", "{\"Resource\": \"" A("lambda", "function:f") "\", \"Tags\": {\"a\": \"b\"}}",
     A("lambda", "function:f")},
    {"secretsmanager", "DeleteSecret", "{\"SecretId\": \"db\"}", A("secretsmanager", "secret:db-AbCdEf")},
    {"secretsmanager", "DeleteSecret", "{\"SecretId\": \"" A("secretsmanager", "secret:db") "\"}",
     A("secretsmanager", "secret:db-AbCdEf")},
    {"secretsmanager", "DeleteSecret", "{\"SecretId\": \"" A("secretsmanager", "secret:db-AbCdEf") "\"}",
     A("secretsmanager", "secret:db-*")},
    {"autoscaling", "DeleteAutoScalingGroup", "{\"AutoScalingGroupName\": \"web\"}",
     A("autoscaling", "autoScalingGroup:" UUID ":autoScalingGroupName/web")},
    {"autoscaling", "DeleteTags", "{\"Tags\": [{\"ResourceId\": \"web\", \"Key\": \"a\"}]}",
     A("autoscaling", "autoScalingGroup:" UUID ":autoScalingGroupName/web")},
    {"autoscaling", "TerminateInstanceInAutoScalingGroup",
     "{\"InstanceId\": \"i-1\", \"ShouldDecrementDesiredCapacity\": true}", A("ec2", "instance/i-1")},
    {"logs", "DeleteLogGroup", "{\"logGroupName\": \"/aws/lambda/f\"}", A("logs", "log-group:/aws/lambda/f:*")},
    {"logs", "DeleteLogGroup", "{\"logGroupName\": \"/aws/lambda/f\"}", A("logs", "log-group:/aws/lambda/f")},
    {"logs", "DeleteTransformer", "{\"logGroupIdentifier\": \"" A("logs", "log-group:g") "\"}",
     A("logs", "log-group:g:*")},
    {"iam", "DeleteUser", "{\"UserName\": \"ALICE\"}", "arn:aws:iam::123456789012:user/alice"},
    {"iam", "DeleteUser", "{\"UserName\": \"alice\"}", "arn:aws:iam::123456789012:user/admin/alice"},
    {"iam", "DeleteUser", "{\"UserName\": \"alice\"}", "arn:aws:iam::*:user/*"},
    {"iam", "AddUserToGroup", "{\"UserName\": \"alice\", \"GroupName\": \"admins\"}",
     "arn:aws:iam::123456789012:group/admins"},
    {"iam", "DeletePolicyVersion", "{\"PolicyArn\": \"arn:aws:iam::123456789012:policy/p\", \"VersionId\": \"v1\"}",
     "arn:aws:iam::123456789012:policy/p"},
    {"wafv2", "DeleteWebACL",
     "{\"Name\": \"w\", \"Scope\": \"REGIONAL\", \"Id\": \"" UUID "\", \"LockToken\": \"" UUID "\"}",
     A("wafv2", "regional/webacl/w/" UUID)},
    {"wafv2", "DisassociateWebACL", "{\"ResourceArn\": \"" A("elasticloadbalancing", "loadbalancer/app/w/1") "\"}",
     A("elasticloadbalancing", "loadbalancer/app/w/1")},
    {"route53", "DeleteHostedZone", "{\"Id\": \"/hostedzone/Z1\"}", "arn:aws:route53:::hostedzone/Z1"},
    {"events", "DeleteRule", "{\"Name\": \"r\"}", A("events", "rule/r")},
    {"events", "RemoveTargets", "{\"Rule\": \"r\", \"Ids\": [\"1\"]}", A("events", "event-bus/default")},
    {"guardduty", "UpdateDetector", "{\"DetectorId\": \"d\"}", A("guardduty", "detector/d")},
    {"sns", "DeleteTopic", "{\"TopicArn\": \"" A("sns", "t") "\"}", A("sns", "t")},
    {"backup", "DeleteBackupVault", "{\"BackupVaultName\": \"v\"}", A("backup", "backup-vault:v")},
    {"organizations", "DetachPolicy", "{\"PolicyId\": \"p-1\", \"TargetId\": \"210987654321\"}",
     "arn:aws:organizations::123456789012:account/o-1/210987654321"},
    {"application-autoscaling", "DeregisterScalableTarget",
     "{\"ServiceNamespace\": \"ecs\", \"ResourceId\": \"service/shop/web\", \"ScalableDimension\": "
     "\"ecs:service:DesiredCount\"}",
     A("ecs", "service/shop/web")},
    {"s3", "DeleteObject", "{\"Bucket\": \"" A("s3", "accesspoint/ap") "\", \"Key\": \"x\"}", "arn:aws:s3:::logs"},
    {"s3", "DeleteObject", "{\"Bucket\": \"" A("s3-outposts", "outpost/op-1/accesspoint/ap") "\", \"Key\": \"x\"}",
     "arn:aws:s3:::logs/x"},
    {"s3", "DeleteObject", "{\"Bucket\": \"ap-abcdefgh-s3alias\", \"Key\": \"x\"}", "arn:aws:s3:::logs"},
    {"s3", "DeleteObject", "{\"Bucket\": \"arn:aws:s3::123456789012:accesspoint/m.mrap\", \"Key\": \"x\"}",
     "arn:aws:s3:::logs"},
    {"s3", "DeleteBucket", "{\"Bucket\": \"logs--use1-az4--x-s3\"}", A("s3express", "bucket/logs--use1-az4--x-s3")},
    {"kms", "DisableKey", "{\"KeyId\": \"" A("kms", "alias/main") "\"}", A("kms", "key/" UUID)},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"us-east-1:123456789012:function:f\"}",
     A("lambda", "function:f")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"us-east-1:f\"}", A("lambda", "function:f")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"" A("lambda", "f:alias") "\"}", A("lambda", "function:f")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"arn:aws:lambda:f\"}", A("lambda", "function:f")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"arn:aws:lambda:123456789012:function:f\"}",
     A("lambda", "function:f")},
    {"sqs", "PurgeQueue", "{\"QueueUrl\": \"123456789012/jobs\"}", A("sqs", "jobs")},
    {"sqs", "PurgeQueue", "{\"QueueUrl\": \"https://a.b-c.example/123456789012/jobs\"}", A("sqs", "jobs")},
    {"sqs", "PurgeQueue", "{\"QueueUrl\": \"https://sqs.us-east-1.amazonaws.com/123456789012/jobs/\"}",
     A("sqs", "jobs")},
    {"sqs", "PurgeQueue", "{\"QueueUrl\": \"https://sqs.us-east-1.amazonaws.com/123456789012/j%6fbs\"}",
     A("sqs", "jobs")},
    {"sns", "Unsubscribe", "{\"SubscriptionArn\": \"" A("sns", "t:" UUID) "\"}", A("sns", "t")},
    {"ssm", "AddTagsToResource",
     "{\"ResourceType\": \"Parameter\", \"ResourceId\": \"/app/key\", \"Tags\": [{\"Key\": \"a\", \"Value\": \"b\"}]}",
     A("ssm", "parameter/app/key")},
    {"elbv2", "DeleteListener", "{\"ListenerArn\": \"" A("elasticloadbalancing", "listener/app/w/1/2") "\"}",
     A("elasticloadbalancing", "loadbalancer/app/w/1")},
    {"elbv2", "DeleteRule", "{\"RuleArn\": \"" A("elasticloadbalancing", "listener-rule/app/w/1/2/3") "\"}",
     A("elasticloadbalancing", "listener/app/w/1/2")},
    {"ecr", "DeleteRepository", "{\"repositoryName\": \"web\", \"registryId\": \"999999999999\"}",
     "arn:aws:ecr:us-east-1:999999999999:repository/web"},
    {"codebuild", "StopBuild", "{\"id\": \"p:" UUID "\"}", A("codebuild", "project/p")},
    {"rds", "DeleteDBInstanceAutomatedBackup", "{\"DbiResourceId\": \"db-ABC\"}", A("rds", "db:main")},
    {"rds", "SwitchoverBlueGreenDeployment", "{\"BlueGreenDeploymentIdentifier\": \"bgd-1\"}", A("rds", "db:main")},
    {"dynamodb", "UpdateTable",
     "{\"TableName\": \"users\", \"ReplicaUpdates\": [{\"Delete\": {\"RegionName\": \"eu-west-1\"}}]}",
     "arn:aws:dynamodb:eu-west-1:123456789012:table/users"},
    {"secretsmanager", "RemoveRegionsFromReplication",
     "{\"SecretId\": \"prod/db\", \"RemoveReplicaRegions\": [\"eu-west-1\"]}",
     "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf"},
    {"kms", "UpdatePrimaryRegion", "{\"KeyId\": \"mrk-1\", \"PrimaryRegion\": \"eu-west-1\"}",
     "arn:aws:kms:eu-west-1:123456789012:key/mrk-1"},
    {"ssm", "StartSession", "{\"Target\": \"ecs:shop_0123_0123-1\"}", A("ecs", "task/shop/0123")},
    {"ecs", "DeleteExpressGatewayService", "{\"serviceArn\": \"" A("ecs", "service/shop/web") "\"}",
     A("ecs", "cluster/shop")},
    {"ecs", "StopServiceDeployment", "{\"serviceDeploymentArn\": \"" A("ecs", "service-deployment/shop/web/1") "\"}",
     A("ecs", "service/shop/web")},
};

static const form ALLOWED[] = {
    {"s3", "DeleteBucket", "{\"Bucket\": \"logs2\"}", "arn:aws:s3:::logs"},
    {"s3", "DeleteObject", "{\"Bucket\": \"logs\", \"Key\": \"b\"}", "arn:aws:s3:::other/*"},
    {"rds", "DeleteDBInstance", "{\"DBInstanceIdentifier\": \"test\"}", A("rds", "db:main")},
    {"kms", "ScheduleKeyDeletion", "{\"KeyId\": \"" UUID "\"}", A("kms", "key/00000000-12ab-34cd-56ef-1234567890ab")},
    {"sqs", "PurgeQueue", "{\"QueueUrl\": \"https://sqs.us-east-1.amazonaws.com/123456789012/jobs2\"}",
     A("sqs", "jobs")},
    {"ssm", "SendCommand", "{\"DocumentName\": \"d\", \"InstanceIds\": [\"i-0123456789abcdef1\"]}",
     A("ec2", "instance/i-0123456789abcdef0")},
    {"ec2", "DeleteTags", "{\"Resources\": [\"i-2\"]}", A("ec2", "instance/i-1")},
    {"ec2", "TerminateInstances", "{\"InstanceIds\": [\"i-2\"]}", A("ec2", "instance/i-1")},
    {"ec2", "CreateSecurityGroup", "{\"GroupName\": \"isolate\", \"Description\": \"d\", \"VpcId\": \"vpc-1\"}",
     A("ec2", "vpc/vpc-1")},
    {"ecs", "UpdateService", "{\"service\": \"web\", \"cluster\": \"rogue\"}", A("ecs", "service/shop/web")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"f\"}", A("lambda", "function:g")},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"999999999999:function:f\"}", A("lambda", "function:f")},
    {"secretsmanager", "DeleteSecret", "{\"SecretId\": \"db\"}", A("secretsmanager", "secret:db2-AbCdEf")},
    {"iam", "DeleteUser", "{\"UserName\": \"malice\"}", "arn:aws:iam::123456789012:user/alice"},
    {"iam", "DeleteUser", "{\"UserName\": \"alice\"}", "arn:aws:iam::123456789012:role/alice"},
    {"iam", "AttachUserPolicy", "{\"UserName\": \"eve\", \"PolicyArn\": \"arn:aws:iam::aws:policy/AWSDenyAll\"}",
     "arn:aws:iam::aws:policy/*"},
    {"logs", "DeleteLogGroup", "{\"logGroupName\": \"/aws/lambda/g\"}", A("logs", "log-group:/aws/lambda/f:*")},
    {"dynamodb", "DeleteTable",
     "{\"TableName\": \""
     "arn:aws:dynamodb:eu-west-1:123456789012:table/users"
     "\"}",
     A("dynamodb", "table/orders")},
    {"sqs", "PurgeQueue", "{\"QueueUrl\": \"https://sqs.us-east-1.amazonaws.com/123456789012/jobs\"}",
     "arn:aws:sqs:eu-west-1:123456789012:jobs"},
    {"lambda", "DeleteFunction", "{\"FunctionName\": \"us-east-1:123456789012:function:f\"}",
     A("lambda", "function:g")},
    {"sns", "Unsubscribe", "{\"SubscriptionArn\": \"" A("sns", "t:" UUID) "\"}", A("sns", "u")},
    {"elbv2", "DeleteListener", "{\"ListenerArn\": \"" A("elasticloadbalancing", "listener/app/w/1/2") "\"}",
     A("elasticloadbalancing", "loadbalancer/app/v/1")},
    {"ecr", "DeleteRepository", "{\"repositoryName\": \"web\"}", "arn:aws:ecr:us-east-1:999999999999:repository/web"},
    {"kms", "DisableKey", "{\"KeyId\": \"" A("kms", "key/" UUID) "\"}", A("kms", "key/other")},
};

static void test_a_protected_resource_is_known_in_every_form(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        if (is_met(&REFUSED[i])) continue;
        print_error("%s %s is not seen to be %s\n", REFUSED[i].operation, REFUSED[i].params, REFUSED[i].protects);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void test_its_neighbour_is_not_taken_for_it(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof ALLOWED / sizeof *ALLOWED; i++) {
        if (!is_met(&ALLOWED[i])) continue;
        print_error("%s %s is taken for %s\n", ALLOWED[i].operation, ALLOWED[i].params, ALLOWED[i].protects);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void test_patterns_meet_where_one_text_matches_both(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool meet;
    } CASES[] = {
        {"abc", "ABC", true},
        {"a*c", "*b*", true},
        {"a*", "b*", false},
        {"", "", true},
        {"", "*", true},
        {"?", "", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*a", "*b", false},
        {"*a*", "*b*", true},
        {"user/*/x", "user/a/x", true},
        {"user/*/x", "user/x", false},
        {"secret:db-??????", "secret:db-*", true},
        {"x*y?z", "x?y*z", true},
        {"**", "a", true},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(rip_glob_meet_nocase(CASES[i].a, CASES[i].b), CASES[i].meet);
        assert_int_equal(rip_glob_meet_nocase(CASES[i].b, CASES[i].a), CASES[i].meet);
    }
    static char many[RIP_GLOB_MAX + 10];
    for (size_t i = 0; i + 1 < sizeof many; i++) many[i] = i % 2 ? 'a' : '*';
    assert_true(rip_glob_meet_nocase(many, "b")); /* too long to tell: it may */
    many[RIP_GLOB_MAX] = '\0';
    assert_false(rip_glob_meet_nocase(many, "b"));
}

static void test_more_resources_than_are_looked_at_cannot_be_told(void **state)
{
    (void)state;
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    const run_target_place place = {"aws", "us-east-1", "123456789012"};
    run_target_verdict verdict;
    rip_error err;
    json_t *ids = json_array();
    for (unsigned i = 0; i < 3000; i++) json_array_append_new(ids, json_sprintf("i-%u", i));
    json_t *params = json_pack("{s:o}", "InstanceIds", ids);
    assert_int_equal(aws_models_service(models, "ec2", &service, &err), RIP_OK);
    assert_int_equal(aws_service_operation(service, "TerminateInstances", &operation, &err), RIP_OK);
    json_t *found = run_targets_of(targets, operation, params, &place, &verdict, &err);
    assert_int_equal(verdict, RUN_TARGETS_UNDECIDED);
    assert_non_null(strstr(err.message, "more than 2000"));
    json_decref(found);
    json_decref(params);
}

static void test_an_operation_without_a_name_is_about_its_caller(void **state)
{
    (void)state;
    static const form OWN = {"iam", "CreateAccessKey", "{}", ""};
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    const run_target_place place = {"aws", "us-east-1", "123456789012"};
    run_target_verdict verdict;
    rip_error err;
    assert_int_equal(aws_models_service(models, OWN.service, &service, &err), RIP_OK);
    assert_int_equal(aws_service_operation(service, OWN.operation, &operation, &err), RIP_OK);
    json_t *params = json_object();
    json_t *found = run_targets_of(targets, operation, params, &place, &verdict, &err);
    assert_int_equal(verdict, RUN_TARGETS_KNOWN);
    assert_true(json_is_true(json_object_get(json_array_get(found, 0), "caller")));
    json_decref(found);
    json_decref(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_change_of_every_model_is_decided),
        cmocka_unit_test(test_the_data_names_what_the_models_have),
        cmocka_unit_test(test_a_protected_resource_is_known_in_every_form),
        cmocka_unit_test(test_its_neighbour_is_not_taken_for_it),
        cmocka_unit_test(test_patterns_meet_where_one_text_matches_both),
        cmocka_unit_test(test_more_resources_than_are_looked_at_cannot_be_told),
        cmocka_unit_test(test_an_operation_without_a_name_is_about_its_caller),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
