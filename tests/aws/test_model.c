/* Models, parameter checks, and replies that are not what they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "aws/client.h"

static aws_models *open_models(void)
{
    static const char *const FOLDERS[] = {"aws/model"};
    aws_models *models = NULL;
    assert_int_equal(aws_models_new(FOLDERS, 1, &models, NULL), RIP_OK);
    return models;
}

static const aws_operation *find(aws_models *models, const char *service, const char *name)
{
    const aws_service *s = NULL;
    const aws_operation *operation = NULL;
    assert_int_equal(aws_models_service(models, service, &s, NULL), RIP_OK);
    assert_int_equal(aws_service_operation(s, name, &operation, NULL), RIP_OK);
    return operation;
}

static void test_an_operation_goes_by_both_names(void **state)
{
    (void)state;
    aws_models *models = open_models();
    assert_ptr_equal(find(models, "ecs", "DeleteCluster"), find(models, "ecs", "delete_cluster"));
    const aws_service *ecs = NULL;
    const aws_operation *operation = NULL;
    rip_error err;
    assert_int_equal(aws_models_service(models, "ecs", &ecs, &err), RIP_OK);
    assert_int_equal(aws_service_operation(ecs, "DeleteClustr", &operation, &err), RIP_ENOTFOUND);
    assert_non_null(strstr(err.message, "DeleteCluster"));
    assert_int_equal(aws_models_service(models, "../ecs", &ecs, &err), RIP_ENOTFOUND);
    aws_models_free(models);
}

static void test_what_may_be_sent_twice_leaves_the_same_and_answers_the_same(void **state)
{
    (void)state;
    aws_models *models = open_models();
    static const char *const MAY[][2] = {
        {"ecs", "UpdateService"}, {"ecs", "CreateCluster"},
        {"ec2", "CreateTags"},    {"ec2", "TerminateInstances"},
        {"iam", "PutUserPolicy"}, {"iam", "UpdateAccessKey"},
        {"ecs", "TagResource"},   {"lambda", "PutFunctionConcurrency"},
    };
    static const char *const MAY_NOT[][2] = {
        {"events", "PutEvents"},
        {"s3", "PutObject"},
        {"iam", "DeleteUser"},
        {"iam", "CreateRole"},
        {"ecs", "RegisterTaskDefinition"},
        {"ec2", "CreateSnapshots"},
        {"iam", "DetachUserPolicy"},
    };
    for (size_t i = 0; i < sizeof MAY / sizeof *MAY; i++)
        if (!aws_operation_is_idempotent(find(models, MAY[i][0], MAY[i][1])))
            fail_msg("%s may be sent twice", MAY[i][1]);
    for (size_t i = 0; i < sizeof MAY_NOT / sizeof *MAY_NOT; i++)
        if (aws_operation_is_idempotent(find(models, MAY_NOT[i][0], MAY_NOT[i][1])))
            fail_msg("%s may not be sent twice", MAY_NOT[i][1]);
    aws_models_free(models);
}

static void test_reads_writes_and_iam_actions_are_known(void **state)
{
    (void)state;
    aws_models *models = open_models();
    assert_true(aws_operation_is_read(find(models, "ec2", "DescribeInstances")));
    assert_false(aws_operation_is_read(find(models, "ecs", "DeleteCluster")));
    assert_false(aws_operation_is_read(find(models, "ses", "VerifyEmailIdentity")));
    assert_string_equal(aws_operation_iam_action(find(models, "s3", "ListObjectsV2")), "s3:ListBucket");
    assert_string_equal(aws_operation_iam_action(find(models, "ecs", "DeleteCluster")), "ecs:DeleteCluster");
    assert_non_null(aws_operation_pagination(find(models, "ecs", "ListServices")));
    const aws_service *ecs = aws_operation_service(find(models, "ecs", "ListServices"));
    assert_non_null(aws_service_waiter(ecs, "services_stable"));
    assert_null(aws_service_waiter(ecs, "services_happy"));
    aws_models_free(models);
}

/* A value of this shape, anywhere in it, is somebody's to act with. */
static bool hands_out(const aws_shape *shape, int depth)
{
    static const char *const MEMBERS[] = {"SecretAccessKey", "secretAccessKey",    "SessionToken",
                                          "sessionToken",    "authorizationToken", "WebIdentityToken"};
    for (size_t i = 0; shape && depth < 5 && i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        for (size_t k = 0; k < sizeof MEMBERS / sizeof *MEMBERS; k++) {
            if (strcmp(aws_member_name(member), MEMBERS[k]) == 0) return true;
        }
        if (hands_out(aws_member_shape(member), depth + 1)) return true;
    }
    const aws_member *element = shape && depth < 5 ? aws_shape_element(shape) : NULL;
    return element && hands_out(aws_member_shape(element), depth + 1);
}

static void test_what_hands_out_authority_or_runs_code_is_no_read(void **state)
{
    (void)state;
    static const char *const CHANGES[][2] = {{"sts", "AssumeRole"},
                                             {"sts", "AssumeRoleWithSAML"},
                                             {"sts", "AssumeRoleWithWebIdentity"},
                                             {"sts", "AssumeRoot"},
                                             {"sts", "GetSessionToken"},
                                             {"sts", "GetFederationToken"},
                                             {"sts", "GetWebIdentityToken"},
                                             {"ecr", "GetAuthorizationToken"},
                                             {"s3control", "GetDataAccess"},
                                             {"ssm", "GetAccessToken"},
                                             {"kms", "Sign"},
                                             {"kms", "GenerateMac"},
                                             {"kms", "GenerateDataKey"},
                                             {"lambda", "Invoke"},
                                             {"cloudfront", "TestFunction"},
                                             {"apigateway", "TestInvokeMethod"}};
    aws_models *models = open_models();
    for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++) {
        if (aws_operation_is_read(find(models, CHANGES[i][0], CHANGES[i][1])))
            fail_msg("%s counts as a read", CHANGES[i][1]);
    }
    json_t *services = aws_models_list(models), *service, *name;
    size_t i, k;
    json_array_foreach (services, i, service) {
        const aws_service *s = NULL;
        assert_int_equal(aws_models_service(models, json_string_value(service), &s, NULL), RIP_OK);
        json_t *operations = aws_service_operations(s);
        json_array_foreach (operations, k, name) {
            const aws_operation *operation = find(models, json_string_value(service), json_string_value(name));
            if (aws_operation_is_read(operation) && hands_out(aws_operation_output(operation), 0))
                fail_msg("%s:%s hands out credentials, and counts as a read", json_string_value(service),
                         json_string_value(name));
        }
        json_decref(operations);
    }
    json_decref(services);
    aws_models_free(models);
}

static void test_every_operation_of_every_service_has_its_shapes(void **state)
{
    (void)state;
    aws_models *models = open_models();
    json_t *services = aws_models_list(models), *service, *name;
    size_t i, k, count = 0;
    json_array_foreach (services, i, service) {
        const aws_service *s = NULL;
        assert_int_equal(aws_models_service(models, json_string_value(service), &s, NULL), RIP_OK);
        json_t *operations = aws_service_operations(s);
        json_array_foreach (operations, k, name) {
            const aws_operation *operation = find(models, json_string_value(service), json_string_value(name));
            const aws_shape *both[] = {aws_operation_input(operation), aws_operation_output(operation)};
            for (int j = 0; j < 2; j++) {
                for (size_t m = 0; both[j] && m < aws_shape_member_count(both[j]); m++)
                    assert_non_null(aws_member_shape(aws_shape_member_at(both[j], m)));
            }
            count++;
        }
        json_decref(operations);
    }
    assert_true(json_array_size(services) >= 42);
    printf("%zu services, %zu operations\n", json_array_size(services), count);
    json_decref(services);
    aws_models_free(models);
}

static void test_the_first_use_of_ec2_is_fast(void **state)
{
    (void)state;
    aws_models *models = open_models();
    uint64_t begun = uv_hrtime();
    const aws_operation *operation = find(models, "ec2", "RunInstances");
    assert_non_null(aws_operation_input(operation));
    double ms = (double)(uv_hrtime() - begun) / 1e6;
    printf("first EC2 operation: %.3f ms\n", ms);
    assert_true(ms < 50); /* 5 ms is promised; a loaded machine and a sanitizer get ten times that */
    aws_models_free(models);
}

static size_t resident_bytes(void)
{
    char line[128], *second;
    size_t pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (!statm) return 0;
    if (fgets(line, sizeof line, statm) && (second = strchr(line, ' '))) pages = strtoul(second, NULL, 10);
    fclose(statm);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_the_first_use_of_ec2_takes_little_memory(void **state)
{
    (void)state;
    aws_models *models = open_models();
    size_t before = resident_bytes();
    if (before == 0) skip();
    json_t *params = json_pack("{s:i, s:i}", "MinCount", 1, "MaxCount", 1);
    assert_int_equal(aws_params_check(find(models, "ec2", "RunInstances"), params, NULL, NULL), RIP_OK);
    size_t added = resident_bytes() - before;
    printf("first EC2 operation: %zu KiB\n", added / 1024);
    assert_true(added < (size_t)5 << 20);
    json_decref(params);
    aws_models_free(models);
}

static void test_a_users_model_replaces_the_shipped_one_and_may_be_new(void **state)
{
    static const char MODEL[] =
        "metadata\t{\"protocol\":\"json\",\"serviceId\":\"Own\"}\n"
        "method:do_it\t\"DoIt\"\noperation:DoIt\t{\"http\":[\"POST\",\"/\"]}\n";
    static const char *const NAMES[] = {"ecs", "brand-new"};
    char folder[] = "/tmp/riposte-models-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    const char *const folders[] = {folder, "aws/model"};
    aws_models *models = NULL;
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    char path[128];
    assert_int_equal(aws_models_new(folders, 2, &models, NULL), RIP_OK);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s.model", folder, NAMES[i]);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(MODEL, 1, sizeof MODEL - 1, file), sizeof MODEL - 1);
        fclose(file);
        assert_int_equal(aws_models_service(models, NAMES[i], &service, NULL), RIP_OK);
        assert_string_equal(aws_service_id(service), "Own");
        assert_int_equal(aws_service_operation(service, "do_it", &operation, NULL), RIP_OK);
        assert_int_equal(aws_service_operation(service, "ListClusters", &operation, NULL), RIP_ENOTFOUND);
        unlink(path);
    }
    assert_int_equal(aws_models_service(models, "iam", &service, NULL), RIP_OK); /* the rest is still there */
    assert_int_equal(aws_models_service(models, "lamda", &service, NULL), RIP_ENOTFOUND);
    aws_models_free(models);
    rmdir(folder);
}

static void refused(const aws_operation *operation, json_t *params, const char *word)
{
    rip_error err;
    assert_int_not_equal(aws_params_check(operation, params, NULL, &err), RIP_OK);
    if (!strstr(err.message, word)) fail_msg("%s", err.message);
    json_decref(params);
}

static void test_wrong_parameters_are_named(void **state)
{
    (void)state;
    aws_models *models = open_models();
    const aws_operation *operation = find(models, "ecs", "RegisterTaskDefinition");
    refused(operation, json_pack("{s:s}", "family", "f"), "containerDefinitions");
    refused(operation, json_pack("{s:s, s:[{s:s}]}", "family", "f", "containerDefinitions", "memory", "1"),
            "containerDefinitions[0].memory");
    refused(operation, json_pack("{s:n, s:[]}", "family", "containerDefinitions"), "null");
    refused(operation, json_pack("{s:s, s:[]}", "famly", "f", "containerDefinitions"), "did you mean family");
    refused(find(models, "iam", "DeleteUser"), json_pack("{s:s}", "UserName", ""), "its length is 0");
    refused(find(models, "ecs", "ListClusters"), json_pack("{s:i}", "nextToken", 7), "nextToken: expected text");
    aws_models_free(models);
}

static void test_what_a_model_may_not_know_yet_is_only_a_warning(void **state)
{
    (void)state;
    aws_models *models = open_models();
    json_t *warnings = json_array();
    json_t *params = json_pack("{s:[s]}", "include", "MOODS");
    assert_int_equal(aws_params_check(find(models, "ecs", "DescribeClusters"), params, warnings, NULL), RIP_OK);
    assert_int_equal(json_array_size(warnings), 1);
    assert_non_null(strstr(json_string_value(json_array_get(warnings, 0)), "include[0]"));
    json_decref(params);
    json_decref(warnings);
    aws_models_free(models);
}

static rip_status parse(const aws_operation *operation, int status, const char *header, const char *value,
                        const char *body, aws_error *error)
{
    aws_http_response response = {.status = status};
    json_t *output = NULL;
    rip_error err;
    if (header) assert_int_equal(aws_headers_add(&response.headers, header, value, &err), RIP_OK);
    rip_buffer_puts(&response.body, body);
    rip_status parsed = aws_protocol_parse(operation, &response, &output, error, NULL, &err);
    assert_true(parsed == RIP_OK || *err.message);
    json_decref(output);
    json_decref(error->fields);
    error->fields = NULL;
    aws_http_response_free(&response);
    return parsed;
}

static void test_a_damaged_reply_is_refused(void **state)
{
    static const char ENTITIES[] = "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><r>&b;</r>";
    (void)state;
    aws_models *models = open_models();
    const aws_operation *json = find(models, "ecs", "ListClusters"), *xml = find(models, "ec2", "DescribeInstances");
    aws_error error;
    char deep[1001] = "";
    assert_int_equal(parse(json, 200, NULL, NULL, "{\"clusterArns\":[", &error), RIP_EIO);
    assert_int_equal(parse(json, 200, NULL, NULL, "<html/>", &error), RIP_EIO);
    assert_int_equal(parse(xml, 200, NULL, NULL, "<r><reservationSet>", &error), RIP_EIO);
    assert_int_equal(parse(xml, 200, NULL, NULL, "{}", &error), RIP_EIO);
    assert_int_equal(parse(xml, 200, NULL, NULL, ENTITIES, &error), RIP_EIO);
    for (size_t i = 0; i + 3 < sizeof deep; i += 3) memcpy(deep + i, "<a>", 4);
    assert_int_equal(parse(xml, 200, NULL, NULL, deep, &error), RIP_EIO);
    aws_models_free(models);
}

static json_t *reply(const aws_operation *operation, const char *body)
{
    aws_http_response response = {.status = 200};
    json_t *output = NULL;
    aws_error error;
    rip_error err;
    rip_buffer_puts(&response.body, body);
    if (aws_protocol_parse(operation, &response, &output, &error, NULL, &err) != RIP_OK) fail_msg("%s", err.message);
    assert_string_equal(error.code, "");
    aws_http_response_free(&response);
    return output;
}

static void test_a_nul_in_a_text_does_not_hide_the_reply(void **state)
{
    (void)state;
    aws_models *models = open_models();
    json_t *output = reply(find(models, "ecs", "ListClusters"), "{\"clusterArns\":[\"a\\u0000b\",\"c\"]}");
    const json_t *arns = json_object_get(output, "clusterArns");
    assert_string_equal(json_string_value(json_array_get(arns, 0)),
                        "a\xEF\xBF\xBD"
                        "b");
    assert_string_equal(json_string_value(json_array_get(arns, 1)), "c");
    json_decref(output);
    aws_models_free(models);
}

static void test_integers_stay_exact(void **state)
{
    (void)state;
    aws_models *models = open_models();
    json_t *output = reply(find(models, "logs", "GetLogEvents"), "{\"events\":[{\"timestamp\":9007199254740993}]}");
    const json_t *event = json_array_get(json_object_get(output, "events"), 0);
    assert_true(json_integer_value(json_object_get(event, "timestamp")) == INT64_C(9007199254740993));
    json_decref(output);
    aws_models_free(models);
}

static void test_an_error_that_s3_finds_after_its_200_is_an_error(void **state)
{
    static const char BODY[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code>"
        "<Message>try again</Message><RequestId>9</RequestId></Error>";
    (void)state;
    aws_models *models = open_models();
    aws_error error;
    assert_int_equal(parse(find(models, "s3", "CopyObject"), 200, NULL, NULL, BODY, &error), RIP_OK);
    assert_string_equal(error.code, "InternalError");
    assert_string_equal(error.request_id, "9");
    assert_int_equal(error.http_status, 500);
    assert_int_equal(parse(find(models, "s3", "GetObject"), 200, NULL, NULL, BODY, &error), RIP_OK);
    assert_string_equal(error.code, ""); /* an object may hold anything */
    aws_models_free(models);
}

static void expect_fields(const aws_operation *operation, const char *body, const char *expected)
{
    aws_http_response response = {.status = 400};
    json_t *output = NULL;
    aws_error error;
    rip_error err;
    rip_buffer_puts(&response.body, body);
    assert_int_equal(aws_protocol_parse(operation, &response, &output, &error, NULL, &err), RIP_OK);
    char *fields = error.fields ? json_dumps(error.fields, JSON_SORT_KEYS | JSON_COMPACT) : strdup("none");
    assert_string_equal(fields, expected);
    free(fields);
    json_decref(error.fields);
    aws_http_response_free(&response);
}

/** The header of a request that S3 checks the body of; NULL: there is none. In new memory. */
static char *header_of(aws_models *models, const char *operation, json_t *params, const char *name)
{
    aws_http_request request = {0};
    rip_error err;
    if (aws_protocol_build(find(models, "s3", operation), params, NULL, &request, &err) != RIP_OK)
        fail_msg("%s", err.message);
    const char *value = aws_headers_get(&request.headers, name);
    char *copy = value ? strdup(value) : NULL;
    aws_http_request_free(&request);
    json_decref(params);
    return copy;
}

static void test_a_body_has_the_checksum_that_was_chosen_else_crc32(void **state)
{
    /* Of "123456789", by the catalogue of CRCs and by sha1sum, sha256sum, sha512sum and md5sum. */
    static const struct {
        const char *algorithm, *header, *value;
    } CASES[] = {
        {"CRC32", "x-amz-checksum-crc32", "y/Q5Jg=="},
        {"CRC32C", "x-amz-checksum-crc32c", "4waSgw=="},
        {"CRC64NVME", "x-amz-checksum-crc64nvme", "rosUhgp5mIg="},
        {"SHA1", "x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="},
        {"SHA256", "x-amz-checksum-sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="},
        {"SHA512", "x-amz-checksum-sha512",
         "2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ=="},
        {"MD5", "x-amz-checksum-md5", "JfnnlDI7RTiF9RgfG2JNCw=="},
    };
    (void)state;
    aws_models *models = open_models();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char *value = header_of(models, "PutObject",
                                json_pack("{s:s, s:s, s:s, s:s}", "Bucket", "b", "Key", "k", "Body", "MTIzNDU2Nzg5",
                                          "ChecksumAlgorithm", CASES[i].algorithm),
                                CASES[i].header);
        assert_non_null(value);
        assert_string_equal(value, CASES[i].value);
        free(value);
    }
    json_t *policy = json_pack("{s:s, s:s}", "Bucket", "b", "Policy", "{}");
    char *crc = header_of(models, "PutBucketPolicy", policy, "x-amz-checksum-crc32");
    assert_string_equal(crc, "o6a/Qw==");
    free(crc);
    policy = json_pack("{s:s, s:s, s:s}", "Bucket", "b", "Policy", "{}", "ChecksumAlgorithm", "SHA256");
    assert_null(header_of(models, "PutBucketPolicy", policy, "x-amz-checksum-crc32"));
    char *named = header_of(models, "PutObject", json_pack("{s:s, s:s}", "Bucket", "b", "Key", "k"),
                            "x-amz-sdk-checksum-algorithm");
    assert_string_equal(named, "CRC32");
    free(named);
    aws_models_free(models);
}

static void test_a_checksum_that_the_caller_worked_out_stands(void **state)
{
    (void)state;
    aws_models *models = open_models();
    json_t *params = json_pack("{s:s, s:s, s:s}", "Bucket", "b", "Key", "k", "ChecksumSHA256", "AAAA");
    char *value = header_of(models, "PutObject", params, "x-amz-checksum-sha256");
    assert_string_equal(value, "AAAA");
    free(value);
    aws_http_request request = {0};
    rip_error err;
    params = json_pack("{s:s, s:s, s:s}", "Bucket", "b", "Key", "k", "ChecksumAlgorithm", "MD4");
    assert_int_equal(aws_protocol_build(find(models, "s3", "PutObject"), params, NULL, &request, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "CRC32C"));
    aws_http_request_free(&request);
    json_decref(params);
    aws_models_free(models);
}

static void test_what_an_error_holds_beside_its_message_is_handed_on(void **state)
{
    (void)state;
    aws_models *models = open_models();
    const aws_operation *transact = find(models, "dynamodb", "TransactWriteItems");
    expect_fields(transact,
                  "{\"__type\":\"x#TransactionCanceledException\",\"Message\":\"m\","
                  "\"CancellationReasons\":[{\"Code\":\"None\"}],\"Unknown\":1}",
                  "{\"CancellationReasons\":[{\"Code\":\"None\"}]}");
    expect_fields(transact, "{\"__type\":\"x#ResourceNotFoundException\",\"message\":\"m\"}", "none");
    expect_fields(transact, "{\"__type\":\"NobodyKnowsThis\",\"CancellationReasons\":[]}", "none");
    expect_fields(transact, "{\"__type\":\"TransactionCanceledException\",\"CancellationReasons\":7}", "none");
    expect_fields(transact, "[]", "none");
    expect_fields(find(models, "iam", "DeleteRole"),
                  "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>m</Message></Error></ErrorResponse>",
                  "none");
    aws_models_free(models);
}

static void test_what_the_model_calls_worth_a_retry_is_retried(void **state)
{
    (void)state;
    aws_models *models = open_models();
    const aws_operation *put = find(models, "dynamodb", "PutItem");
    aws_error error;
    parse(put, 400, NULL, NULL, "{\"__type\":\"ReplicatedWriteConflictException\"}", &error);
    assert_true(error.retryable);
    assert_false(error.throttled);
    parse(put, 400, NULL, NULL, "{\"__type\":\"ConditionalCheckFailedException\"}", &error);
    assert_false(error.retryable);
    parse(find(models, "accessanalyzer", "ListAnalyzers"), 400, NULL, NULL, "{\"__type\":\"ThrottlingException\"}",
          &error);
    assert_true(error.retryable && error.throttled);
    aws_models_free(models);
}

static void test_errors_are_read_as_each_protocol_writes_them(void **state)
{
    (void)state;
    aws_models *models = open_models();
    aws_error error;
    parse(find(models, "ecs", "ListClusters"), 400, NULL, NULL,
          "{\"__type\":\"a.b#ClientException\",\"message\":\"m\"}", &error);
    assert_string_equal(error.code, "ClientException");
    assert_string_equal(error.message, "m");
    parse(find(models, "lambda", "ListFunctions"), 429, "x-amzn-ErrorType", "TooManyRequestsException:http://x/", "{}",
          &error);
    assert_string_equal(error.code, "TooManyRequestsException");
    parse(find(models, "sqs", "ListQueues"), 400, "x-amzn-query-error",
          "AWS.SimpleQueueService.NonExistentQueue;Sender", "{\"__type\":\"x#QueueDoesNotExist\"}", &error);
    assert_string_equal(error.code, "AWS.SimpleQueueService.NonExistentQueue");
    parse(find(models, "iam", "ListUsers"), 403, NULL, NULL,
          "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error><RequestId>7</RequestId>"
          "</ErrorResponse>",
          &error);
    assert_string_equal(error.code, "AccessDenied");
    assert_string_equal(error.request_id, "7");
    parse(find(models, "ec2", "DescribeInstances"), 502, NULL, NULL, "<html>", &error);
    assert_string_equal(error.code, "502");
    aws_models_free(models);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_use_of_ec2_takes_little_memory), /* first: later ones find memory in use */
        cmocka_unit_test(test_an_operation_goes_by_both_names),
        cmocka_unit_test(test_what_may_be_sent_twice_leaves_the_same_and_answers_the_same),
        cmocka_unit_test(test_reads_writes_and_iam_actions_are_known),
        cmocka_unit_test(test_what_hands_out_authority_or_runs_code_is_no_read),
        cmocka_unit_test(test_every_operation_of_every_service_has_its_shapes),
        cmocka_unit_test(test_the_first_use_of_ec2_is_fast),
        cmocka_unit_test(test_a_users_model_replaces_the_shipped_one_and_may_be_new),
        cmocka_unit_test(test_wrong_parameters_are_named),
        cmocka_unit_test(test_what_a_model_may_not_know_yet_is_only_a_warning),
        cmocka_unit_test(test_a_nul_in_a_text_does_not_hide_the_reply),
        cmocka_unit_test(test_integers_stay_exact),
        cmocka_unit_test(test_an_error_that_s3_finds_after_its_200_is_an_error),
        cmocka_unit_test(test_a_damaged_reply_is_refused),
        cmocka_unit_test(test_a_body_has_the_checksum_that_was_chosen_else_crc32),
        cmocka_unit_test(test_a_checksum_that_the_caller_worked_out_stands),
        cmocka_unit_test(test_what_the_model_calls_worth_a_retry_is_retried),
        cmocka_unit_test(test_what_an_error_holds_beside_its_message_is_handed_on),
        cmocka_unit_test(test_errors_are_read_as_each_protocol_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
