/* What comes back over a socket may be anything: each ends in a clear error, within its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aws/client.h"
#include "aws/retry.h"
#include "engine/base/clock.h"
#include "loopback.h"

#define OK_REPLY                                                                                                       \
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nx-amzn-RequestId: r-1\r\n"                         \
    "Date: Sun, 02 Nov 2025 14:14:09 GMT\r\nContent-Length: 18\r\n\r\n{\"clusterArns\":[]}"

typedef struct fixture {
    aws_attempt attempt; /* first: `done` gets it, and finds the rest */
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    aws_transport *wire;
    loopback *server;
    loopback_reply reply;
    char request[8192]; /* the last that the server saw */
    bool done;
    json_t *output;
    aws_error error;
    aws_reply got;
} fixture;

static loopback_reply answer(void *data, const char *request)
{
    fixture *f = data;
    snprintf(f->request, sizeof f->request, "%s", request);
    return f->reply;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    const char *const folders[] = {"aws/model"};
    rip_error err = {0};
    assert_int_equal(aws_models_new(folders, 1, &f->models, &err), RIP_OK);
    uv_loop_init(&f->loop);
    f->clock = rip_clock_new_real(&f->loop);
    f->server = loopback_start(&f->loop, answer, f);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", loopback_port(f->server));
    setenv("AWS_ENDPOINT_URL", url, 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secretsecretsecret", 1);
    setenv("HOME", "/nonexistent", 1);
    aws_wire_options options = {.loop = &f->loop, .clock = f->clock, .max_reply_bytes = 65536};
    assert_int_equal(aws_wire_new(&options, &f->wire, &err), RIP_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    f->wire->free(f->wire);
    loopback_stop(f->server);
    rip_clock_free(f->clock);
    aws_models_free(f->models);
    json_decref(f->output);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

static void on_done(aws_attempt *attempt, const aws_reply *reply)
{
    fixture *f = (fixture *)attempt;
    assert_false(f->done);
    f->done = true;
    f->got = *reply;
    if (reply->error) f->error = *reply->error;
    json_decref(f->output);
    f->output = json_incref(reply->output);
}

static void start(fixture *f, const char *service, const char *operation, const json_t *params)
{
    const aws_service *s;
    aws_attempt *attempt = &f->attempt;
    rip_error err;
    *attempt = (aws_attempt){.params = params, .account = "", .region = "us-east-1", .timeout_ms = 2000};
    assert_int_equal(aws_models_service(f->models, service, &s, &err), RIP_OK);
    assert_int_equal(aws_service_operation(s, operation, &attempt->operation, &err), RIP_OK);
    attempt->done = on_done;
    f->done = false;
    f->error = (aws_error){0};
}

static void try_call(fixture *f, const char *service, const char *operation, const json_t *params, int timeout_ms)
{
    start(f, service, operation, params);
    f->attempt.timeout_ms = timeout_ms;
    f->wire->send(f->wire, &f->attempt);
    assert_false(f->done); /* never from inside send */
    while (!f->done) uv_run(&f->loop, UV_RUN_ONCE);
}

static void list_clusters(fixture *f, loopback_reply reply)
{
    json_t *params = json_object();
    f->reply = reply;
    try_call(f, "ecs", "ListClusters", params, 2000);
    json_decref(params);
}

static void test_a_call_is_signed_sent_and_its_reply_read(void **state)
{
    fixture *f = *state;
    list_clusters(f, (loopback_reply){.bytes = OK_REPLY});
    assert_null(f->got.error);
    assert_true(json_is_array(json_object_get(f->output, "clusterArns")));
    assert_non_null(strstr(f->request, "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
    assert_non_null(strstr(f->request, "/us-east-1/ecs/aws4_request"));
    assert_null(strstr(f->request, "secretsecret"));
    assert_int_equal(f->got.server_time_ms, INT64_C(1762092849000));
}

static void test_a_truncated_reply_is_a_retryable_error(void **state)
{
    list_clusters(*state,
                  (loopback_reply){.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"clu", .close = true});
    fixture *f = *state;
    assert_string_equal(f->error.code, "ConnectionError");
    assert_true(f->error.retryable);
}

static void test_a_reply_that_is_no_json_is_told_so(void **state)
{
    fixture *f = *state;
    list_clusters(f, (loopback_reply){.bytes = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                                               "Content-Length: 13\r\n\r\n<html></html>"});
    assert_string_equal(f->error.code, "UnreadableReply");
    assert_int_equal(f->error.http_status, 200);
}

static void test_endless_headers_are_cut_off(void **state)
{
    fixture *f = *state;
    list_clusters(f,
                  (loopback_reply){.bytes = "HTTP/1.1 200 OK\r\n", .endless = true, .again = "X-More: and more\r\n"});
    assert_string_equal(f->error.code, "ReplyTooLarge");
    assert_non_null(strstr(f->error.message, "headers"));
}

static void test_a_huge_body_is_cut_off_while_it_comes(void **state)
{
    fixture *f = *state;
    list_clusters(f, (loopback_reply){.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n",
                                      .endless = true,
                                      .again = "0123456789abcdef0123456789abcdef0123456789abcdef"});
    assert_string_equal(f->error.code, "ReplyTooLarge");
    assert_non_null(strstr(f->error.message, "65536 bytes"));
    assert_false(f->error.retryable);
}

static void test_a_slow_drip_ends_with_the_attempts_time(void **state)
{
    fixture *f = *state;
    json_t *params = json_object();
    f->reply = (loopback_reply){.bytes = OK_REPLY, .drip = true};
    uint64_t before = uv_hrtime();
    try_call(f, "ecs", "ListClusters", params, 300);
    assert_true(uv_hrtime() - before < UINT64_C(2000000000));
    assert_string_equal(f->error.code, "RequestTimeout");
    assert_true(f->error.retryable);
    json_decref(params);
}

static void test_a_redirect_to_another_host_is_refused(void **state)
{
    fixture *f = *state;
    list_clusters(f, (loopback_reply){.bytes = "HTTP/1.1 307 Temporary Redirect\r\n"
                                               "Location: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n"});
    assert_int_equal(loopback_requests(f->server), 1);
    assert_non_null(strstr(f->error.message, "http://127.0.0.1:1/elsewhere"));
    assert_false(f->error.retryable);
}

/* The bucket is in eu-west-1, for whoever signs for another region. */
static loopback_reply answer_as_bucket(void *data, const char *request)
{
    fixture *f = data;
    snprintf(f->request, sizeof f->request, "%s", request);
    if (strstr(request, "/eu-west-1/s3/aws4_request"))
        return (loopback_reply){.bytes =
                                    "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n"
                                    "<ListBucketResult><Name>logs</Name><KeyCount>0</KeyCount></ListBucketResult>",
                                .close = true};
    return (loopback_reply){.bytes =
                                "HTTP/1.1 301 Moved Permanently\r\nx-amz-bucket-region: eu-west-1\r\n"
                                "Content-Type: application/xml\r\nContent-Length: 45\r\n\r\n"
                                "<Error><Code>PermanentRedirect</Code></Error>"};
}

static void test_a_read_of_a_bucket_in_another_region_is_made_there(void **state)
{
    fixture *f = *state;
    json_t *params = json_pack("{s:s}", "Bucket", "logs");
    loopback_stop(f->server);
    f->server = loopback_start(&f->loop, answer_as_bucket, f);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", loopback_port(f->server));
    setenv("AWS_ENDPOINT_URL", url, 1);
    try_call(f, "s3", "ListObjectsV2", params, 2000);
    assert_null(f->got.error);
    assert_string_equal(json_string_value(json_object_get(f->output, "Name")), "logs");
    assert_non_null(strstr(f->request, "x-amz-content-sha256: "));
    assert_int_equal(loopback_requests(f->server), 2);
    json_decref(params);
}

static void test_a_change_of_a_bucket_in_another_region_is_not_made_there(void **state)
{
    fixture *f = *state;
    json_t *params = json_pack("{s:s}", "Bucket", "logs");
    f->reply = answer_as_bucket(f, "");
    try_call(f, "s3", "DeleteBucketPolicy", params, 2000);
    assert_string_equal(f->error.code, "PermanentRedirect");
    assert_non_null(strstr(f->error.message, "eu-west-1"));
    assert_int_equal(loopback_requests(f->server), 1);
    json_decref(params);
}

static void test_a_reply_leads_to_no_other_partition_and_not_round_in_circles(void **state)
{
    fixture *f = *state;
    json_t *params = json_pack("{s:s}", "Bucket", "logs");
    f->reply = (loopback_reply){.bytes =
                                    "HTTP/1.1 301 Moved\r\nx-amz-bucket-region: cn-north-1\r\n"
                                    "Content-Length: 0\r\n\r\n"};
    try_call(f, "s3", "ListObjectsV2", params, 2000);
    assert_int_equal(loopback_requests(f->server), 1);
    f->reply.bytes = "HTTP/1.1 301 Moved\r\nx-amz-bucket-region: eu-west-3\r\nContent-Length: 0\r\n\r\n";
    try_call(f, "s3", "ListObjectsV2", params, 2000);
    assert_int_equal(loopback_requests(f->server), 3);
    assert_string_equal(f->error.code, "PermanentRedirect");
    f->reply.bytes = "HTTP/1.1 301 Moved\r\nx-amz-bucket-region: evil.example/x\r\nContent-Length: 0\r\n\r\n";
    try_call(f, "s3", "ListObjectsV2", params, 2000);
    assert_int_equal(loopback_requests(f->server), 4); /* it is no region: nothing was sent there */
    assert_non_null(strstr(f->error.message, "evil.example"));
    json_decref(params);
}

static void test_entities_are_not_expanded(void **state)
{
    fixture *f = *state;
    json_t *params = json_object();
    f->reply = (loopback_reply){.bytes =
                                    "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n"
                                    "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><r>&b;</r>",
                                .close = true};
    try_call(f, "ec2", "DescribeInstances", params, 2000);
    assert_string_equal(f->error.code, "UnreadableReply");
    json_decref(params);
}

static void test_a_page_of_a_proxy_in_place_of_a_reply_is_an_error_with_its_status(void **state)
{
    fixture *f = *state;
    list_clusters(f, (loopback_reply){.bytes = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n"
                                               "Content-Length: 26\r\n\r\n<html>Bad Gateway</html>  "});
    assert_int_equal(f->error.http_status, 502);
    assert_string_equal(f->error.code, "502");
}

/* What the retry rules make of the last error. */
static aws_error classified(const fixture *f)
{
    aws_error error = f->error;
    aws_retry_classify(&error);
    return error;
}

static void delete_cluster(fixture *f, loopback_reply reply)
{
    json_t *params = json_pack("{s:s}", "cluster", "rogue");
    f->reply = reply;
    try_call(f, "ecs", "DeleteCluster", params, 2000);
    json_decref(params);
}

static void test_what_is_no_http_leaves_a_changes_fate_unknown(void **state)
{
    static const char *const REPLIES[] = {"hello\r\n", "SSH-2.0-OpenSSH_9.6\r\n\r\n", "\x15\x03\x01\n",
                                          "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1\r\n"};
    for (size_t i = 0; i < sizeof REPLIES / sizeof *REPLIES; i++) {
        delete_cluster(*state, (loopback_reply){.bytes = REPLIES[i], .close = true});
        aws_error error = classified(*state);
        if (error.unsent || !error.fate_unknown) fail_msg("%s: %s: %s", REPLIES[i], error.code, error.message);
    }
}

static void test_what_never_came_to_its_request_is_unsent(void **state)
{
    fixture *f = *state;
    setenv("AWS_ENDPOINT_URL_ECS", "http://127.0.0.1:1", 1);
    delete_cluster(f, (loopback_reply){.bytes = OK_REPLY});
    unsetenv("AWS_ENDPOINT_URL_ECS");
    assert_true(f->error.unsent);
    assert_false(classified(f).fate_unknown);
    assert_int_equal(loopback_requests(f->server), 0);
}

typedef struct foreign {
    const char *service, *operation, *params;
} foreign;

/* Of each protocol, a read and a change; what is without output too. */
static const foreign CALLS[] = {{"ecs", "ListClusters", "{}"},
                                {"ecs", "DeleteCluster", "{\"cluster\": \"c\"}"},
                                {"kms", "EnableKey", "{\"KeyId\": \"k\"}"},
                                {"iam", "ListUsers", "{}"},
                                {"iam", "DeleteUser", "{\"UserName\": \"u\"}"},
                                {"ec2", "DescribeInstances", "{}"},
                                {"lambda", "ListFunctions", "{}"},
                                {"lambda", "DeleteFunctionConcurrency", "{\"FunctionName\": \"f\"}"},
                                {"s3", "ListBuckets", "{}"},
                                {"route53", "ListHostedZones", "{}"},
                                {"cloudfront", "GetDistribution", "{\"Id\": \"d\"}"}};
#define CALL_COUNT (sizeof CALLS / sizeof *CALLS)

static void make_call(fixture *f, const foreign *call, const char *bytes)
{
    json_t *params = json_loads(call->params, 0, NULL);
    f->reply = (loopback_reply){.bytes = bytes, .close = true};
    try_call(f, call->service, call->operation, params, 2000);
    json_decref(params);
}

static void assert_unreadable(const fixture *f, const foreign *call, const char *bytes)
{
    bool is_read = aws_operation_is_read(f->attempt.operation);
    if (strcmp(f->error.code, "UnreadableReply") != 0 || f->error.retryable != is_read || !classified(f).fate_unknown)
        fail_msg("%s:%s answered with %s: %s (retryable: %d)", call->service, call->operation, bytes, f->error.code,
                 f->error.retryable);
}

static void test_a_page_that_is_none_of_aws_is_no_reply(void **state)
{
    static const char *const PAGES[] = {
        "<html><body>Please log in</body></html>", "<HTML/>", "<!DOCTYPE html><html><body/></html>",
        "\r\n<html><head><title>Blocked</title></head></html>", "<page><p>This is no reply</p></page>"};
    for (size_t i = 0; i < sizeof PAGES / sizeof *PAGES; i++) {
        char bytes[512];
        snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s", PAGES[i]);
        for (size_t j = 0; j < CALL_COUNT; j++) {
            make_call(*state, &CALLS[j], bytes);
            assert_unreadable(*state, &CALLS[j], PAGES[i]);
        }
    }
}

static void test_an_empty_reply_is_no_empty_list(void **state)
{
    for (size_t j = 0; j < CALL_COUNT; j++) {
        make_call(*state, &CALLS[j], "HTTP/1.1 200 OK\r\nx-amzn-RequestId: r\r\nContent-Length: 0\r\n\r\n");
        const fixture *f = *state;
        if (aws_operation_is_read(f->attempt.operation)) assert_unreadable(f, &CALLS[j], "nothing");
    }
}

static void test_a_change_may_be_answered_with_nothing(void **state)
{
    fixture *f = *state;
    make_call(f, &CALLS[2], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_null(f->got.error);
    make_call(f, &CALLS[7], "HTTP/1.1 204 No Content\r\n\r\n");
    assert_null(f->got.error);
}

static void test_a_key_that_xml_can_not_write_is_listed(void **state)
{
    static const char *const LISTINGS[][2] = {
        {"ListObjects", "Contents"}, {"ListObjectsV2", "Contents"}, {"ListObjectVersions", "DeleteMarkers"}};
    fixture *f = *state;
    for (size_t i = 0; i < 3; i++) {
        char bytes[512];
        const char *element = i == 2 ? "DeleteMarker" : "Contents";
        snprintf(bytes, sizeof bytes,
                 "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListBucketResult><Prefix>a%%2F</Prefix>"
                 "<EncodingType>url</EncodingType><%s><Key>a%%01b+%%C3%%BC%%2B%%00%%FF%%zz</Key></%s>"
                 "</ListBucketResult>",
                 element, element);
        make_call(f, &(foreign){"s3", LISTINGS[i][0], "{\"Bucket\": \"abc\"}"}, bytes);
        assert_null(f->got.error);
        assert_non_null(strstr(f->request, "encoding-type=url"));
        json_t *first = json_array_get(json_object_get(f->output, LISTINGS[i][1]), 0);
        assert_string_equal(json_string_value(json_object_get(first, "Key")), "a\001b \u00FC+\uFFFD\uFFFD%zz");
        assert_string_equal(json_string_value(json_object_get(f->output, "Prefix")), "a/");
        assert_null(json_object_get(f->output, "EncodingType"));
    }
}

/* What can't be right is told when the client is made, before any call. */

static void expect_no_wire(fixture *f, const char *profile, const char *word)
{
    aws_wire_options options = {.loop = &f->loop, .clock = f->clock, .profile = profile};
    aws_transport *wire = NULL;
    rip_error err;
    assert_int_equal(aws_wire_new(&options, &wire, &err), RIP_EINVAL);
    if (!strstr(err.message, word)) fail_msg("%s", err.message);
}

static void test_a_profile_that_is_not_there_is_a_mistake_whatever_else_is(void **state)
{
    fixture *f = *state; /* whose environment has keys */
    expect_no_wire(f, "work", "there is no profile work");
    setenv("AWS_PROFILE", "play", 1);
    expect_no_wire(f, NULL, "there is no profile play");
    unsetenv("AWS_PROFILE");
}

static void test_roots_that_are_not_there_are_a_mistake(void **state)
{
    fixture *f = *state;
    setenv("AWS_CA_BUNDLE", "/nonexistent/roots.pem", 1);
    expect_no_wire(f, NULL, "/nonexistent/roots.pem");
    unsetenv("AWS_CA_BUNDLE");
}

static void test_the_servers_clock_corrects_ours(void **state)
{
    fixture *f = *state;
    list_clusters(f, (loopback_reply){.bytes = "HTTP/1.1 400 Bad Request\r\nDate: Sun, 02 Nov 2025 14:14:09 GMT\r\n"
                                               "Content-Type: application/x-amz-json-1.1\r\nContent-Length: 41\r\n\r\n"
                                               "{\"__type\":\"InvalidSignatureException\"}    "});
    assert_true(f->error.retryable);
    list_clusters(f, (loopback_reply){.bytes = OK_REPLY});
    assert_non_null(strstr(f->request, "X-Amz-Date: 20251102T1414"));
}

static void test_retry_after_is_passed_on(void **state)
{
    fixture *f = *state;
    list_clusters(f,
                  (loopback_reply){.bytes = "HTTP/1.1 503 Slow Down\r\nRetry-After: 3\r\n"
                                            "Content-Type: application/x-amz-json-1.1\r\nContent-Length: 2\r\n\r\n{}"});
    assert_int_equal(f->got.retry_after_ms, 3000);
    assert_int_equal(f->error.http_status, 503);
}

static void test_connections_are_used_again(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 5; i++) list_clusters(f, (loopback_reply){.bytes = OK_REPLY});
    assert_int_equal(loopback_requests(f->server), 5);
    assert_null(f->got.error);
}

static void test_a_kept_connection_that_the_server_closes_is_no_error(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        list_clusters(f, (loopback_reply){.bytes = OK_REPLY, .close = true});
        assert_null(f->got.error);
        for (int turn = 0; turn < 20; turn++) uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(loopback_requests(f->server), 3);
}

/* libcurl sends a request again, unasked, where a connection that it had kept ends without a reply. */
static void test_a_change_is_not_sent_again_when_a_kept_connection_breaks(void **state)
{
    fixture *f = *state;
    list_clusters(f, (loopback_reply){.bytes = OK_REPLY});
    json_t *params = json_pack("{s:s}", "cluster", "rogue");
    f->reply = (loopback_reply){.bytes = "", .close = true};
    try_call(f, "ecs", "DeleteCluster", params, 2000);
    assert_string_equal(f->error.code, "ConnectionError");
    assert_int_equal(loopback_requests(f->server), 2);
    json_decref(params);
}

static void test_a_cancelled_attempt_is_never_done(void **state)
{
    fixture *f = *state;
    json_t *params = json_object();
    f->reply = (loopback_reply){.bytes = OK_REPLY};
    start(f, "ecs", "ListClusters", params);
    f->wire->send(f->wire, &f->attempt);
    f->wire->cancel(f->wire, &f->attempt); /* before it has credentials */
    start(f, "ecs", "ListClusters", params);
    f->wire->send(f->wire, &f->attempt);
    while (loopback_requests(f->server) == 0) uv_run(&f->loop, UV_RUN_ONCE);
    f->wire->cancel(f->wire, &f->attempt); /* with its reply on the way */
    for (int i = 0; i < 20; i++) uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_false(f->done);
    json_decref(params);
}

static bool never(const aws_attempt *attempt)
{
    (void)attempt;
    return false;
}

static void test_what_is_not_wanted_any_more_when_its_credentials_are_there_is_not_sent(void **state)
{
    fixture *f = *state;
    rip_error err;
    char path[] = "/tmp/riposte-test-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs(
        "[default]\ncredential_process = echo '{\"Version\": 1, \"AccessKeyId\": \"AKIDEXAMPLE\", "
        "\"SecretAccessKey\": \"secret\"}'\n",
        file);
    fclose(file);
    unsetenv("AWS_ACCESS_KEY_ID");
    setenv("AWS_CONFIG_FILE", path, 1);
    f->wire->free(f->wire);
    aws_wire_options options = {.loop = &f->loop, .clock = f->clock};
    assert_int_equal(aws_wire_new(&options, &f->wire, &err), RIP_OK);
    json_t *params = json_object();
    start(f, "ecs", "ListClusters", params);
    f->attempt.may_go = never;
    f->wire->send(f->wire, &f->attempt);
    while (!f->done) uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(loopback_requests(f->server), 0);
    assert_string_equal(f->error.code, "RequestHeld");
    assert_true(f->error.unsent && !f->error.retryable);
    json_decref(params);
    unsetenv("AWS_CONFIG_FILE");
    unlink(path);
}

static void test_nothing_listens_is_a_retryable_error(void **state)
{
    fixture *f = *state;
    setenv("AWS_ENDPOINT_URL_ECS", "http://127.0.0.1:1", 1);
    list_clusters(f, (loopback_reply){.bytes = OK_REPLY});
    unsetenv("AWS_ENDPOINT_URL_ECS");
    assert_string_equal(f->error.code, "ConnectionError");
    assert_true(f->error.retryable);
}

/* TLS, by the openssl program. */

static int free_port(uv_loop_t *loop)
{
    loopback *server = loopback_start(loop, answer, NULL);
    int port = loopback_port(server);
    loopback_stop(server);
    return port;
}

static pid_t start_tls_server(const char *folder, const char *names, int port)
{
    char command[2048], accept[16];
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x "
             "-addext subjectAltName=%s -keyout key.pem -out cert.pem 2>/dev/null",
             folder, names);
    if (system(command) != 0) return -1; /* NOLINT(cert-env33-c): a test, with its own words */
    snprintf(accept, sizeof accept, "%d", port);
    snprintf(command, sizeof command,
             "cd %s && exec openssl s_server -accept 127.0.0.1:%s -cert cert.pem -key key.pem -www -quiet 2>/dev/null",
             folder, accept);
    char shell[] = "/bin/sh", flag[] = "-c";
    char *args[] = {shell, flag, command, NULL};
    pid_t pid;
    return posix_spawn(&pid, shell, NULL, NULL, args, environ) == 0 ? pid : -1;
}

/** A call to a TLS server whose certificate is for `names`, trusted where `trusted`. */
static void call_over_tls(fixture *f, const char *names, bool trusted)
{
    char folder[] = "/tmp/riposte-tls-XXXXXX", url[64], ca[64], remove[64];
    assert_non_null(mkdtemp(folder));
    int port = free_port(&f->loop);
    pid_t server = start_tls_server(folder, names, port);
    if (server < 0) {
        fputs("SKIPPED: no openssl program that makes certificates\n", stderr);
        skip();
    }
    snprintf(url, sizeof url, "https://127.0.0.1:%d", port);
    snprintf(ca, sizeof ca, "%s/cert.pem", folder);
    setenv("AWS_ENDPOINT_URL", url, 1);
    if (trusted) setenv("AWS_CA_BUNDLE", ca, 1);
    f->wire->free(f->wire);
    aws_wire_options options = {.loop = &f->loop, .clock = f->clock};
    rip_error err;
    assert_int_equal(aws_wire_new(&options, &f->wire, &err), RIP_OK);
    for (int i = 0; i < 100; i++) {                            /* until it listens */
        json_t *params = json_pack("{s:s}", "Bucket", "logs"); /* a GET: all that the program answers */
        try_call(f, "s3", "ListObjectsV2", params, 2000);
        json_decref(params);
        if (!strstr(f->error.message, "onnect to 127.0.0.1")) break;
        usleep(50000);
    }
    unsetenv("AWS_CA_BUNDLE");
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    snprintf(remove, sizeof remove, "rm -rf %s", folder);
    assert_int_equal(system(remove), 0); /* NOLINT(cert-env33-c): as above */
}

static void test_a_certificate_for_another_name_is_refused(void **state)
{
    fixture *f = *state;
    call_over_tls(f, "DNS:ecs.us-east-1.amazonaws.com", true);
    assert_string_equal(f->error.code, "ConnectionError");
    assert_non_null(strstr(f->error.message, "certificate"));
}

static void test_a_certificate_of_an_unknown_root_is_refused(void **state)
{
    fixture *f = *state;
    call_over_tls(f, "IP:127.0.0.1", false);
    assert_non_null(strstr(f->error.message, "AWS_CA_BUNDLE"));
}

static void test_a_root_of_ones_own_is_trusted(void **state)
{
    fixture *f = *state;
    call_over_tls(f, "IP:127.0.0.1", true);
    /* The program serves a page of its own, which may or may not read as XML: what counts is that it came. */
    assert_string_not_equal(f->error.code, "ConnectionError");
    assert_string_not_equal(f->error.code, "RequestTimeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_call_is_signed_sent_and_its_reply_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_truncated_reply_is_a_retryable_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_reply_that_is_no_json_is_told_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_endless_headers_are_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_huge_body_is_cut_off_while_it_comes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_slow_drip_ends_with_the_attempts_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_redirect_to_another_host_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_read_of_a_bucket_in_another_region_is_made_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_change_of_a_bucket_in_another_region_is_not_made_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_reply_leads_to_no_other_partition_and_not_round_in_circles, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_entities_are_not_expanded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_page_of_a_proxy_in_place_of_a_reply_is_an_error_with_its_status, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_http_leaves_a_changes_fate_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_never_came_to_its_request_is_unsent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_page_that_is_none_of_aws_is_no_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_empty_reply_is_no_empty_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_change_may_be_answered_with_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_key_that_xml_can_not_write_is_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_profile_that_is_not_there_is_a_mistake_whatever_else_is, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_roots_that_are_not_there_are_a_mistake, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_servers_clock_corrects_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retry_after_is_passed_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_connections_are_used_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_kept_connection_that_the_server_closes_is_no_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_change_is_not_sent_again_when_a_kept_connection_breaks, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_cancelled_attempt_is_never_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_wanted_any_more_when_its_credentials_are_there_is_not_sent,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_listens_is_a_retryable_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_certificate_for_another_name_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_certificate_of_an_unknown_root_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_root_of_ones_own_is_trusted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
