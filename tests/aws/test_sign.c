/* A few cases beside AWS's own suite (conformance_sigv4.c): worked examples of AWS's documentation, and what the suite
 * does not ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aws/sign.h"

#define NOON INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */

static aws_credentials *credentials(const char *token)
{
    aws_credentials *c = NULL;
    rip_error err;
    assert_int_equal(aws_credentials_new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token, NULL, 0,
                                         "test", &c, &err),
                     RIP_OK);
    return c;
}

static aws_http_request get(const char *host, const char *path, const char *query)
{
    return (aws_http_request){
        .method = strdup("GET"), .host = strdup(host), .path = strdup(path), .query = strdup(query)};
}

static const char *sign_with(aws_signer *signer, aws_http_request *request, const aws_sign_options *options)
{
    aws_credentials *c = credentials(NULL);
    rip_error err;
    assert_int_equal(aws_sign_request(signer, request, c, options, &err), RIP_OK);
    aws_credentials_unref(c);
    const char *signature = strstr(aws_headers_get(&request->headers, "Authorization"), "Signature=");
    assert_non_null(signature);
    return signature + strlen("Signature=");
}

static void test_the_documented_example_is_signed_as_documented(void **state)
{
    (void)state;
    aws_signer *signer = aws_signer_new();
    aws_http_request request = get("iam.amazonaws.com", "/", "Action=ListUsers&Version=2010-05-08");
    aws_sign_options options = {
        .region = "us-east-1", .service = "iam", .now_ms = NOON, .normalize = true, .encode_path = true};
    rip_error err;
    aws_headers_add(&request.headers, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8", &err);
    assert_string_equal(sign_with(signer, &request, &options),
                        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    aws_http_request_free(&request);
    aws_signer_free(signer);
}

static void test_a_kept_key_is_not_used_for_another_day_region_or_service(void **state)
{
    (void)state;
    static const struct {
        const char *region, *service;
        int64_t now_ms;
    } CASES[] = {{"us-east-1", "ecs", NOON},
                 {"us-east-1", "ecs", NOON + 86400000},
                 {"us-east-2", "ecs", NOON},
                 {"us-east-1", "ec2", NOON},
                 {"us-east-1", "ecs", NOON}};
    aws_signer *warm = aws_signer_new();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        aws_sign_options options = {
            .region = CASES[i].region, .service = CASES[i].service, .now_ms = CASES[i].now_ms, .encode_path = true};
        aws_http_request one = get("h", "/", ""), two = get("h", "/", "");
        aws_signer *cold = aws_signer_new();
        assert_string_equal(sign_with(warm, &one, &options), sign_with(cold, &two, &options));
        aws_http_request_free(&one);
        aws_http_request_free(&two);
        aws_signer_free(cold);
    }
    aws_signer_free(warm);
}

static void test_a_second_signature_replaces_the_first(void **state)
{
    (void)state;
    aws_signer *signer = aws_signer_new();
    aws_http_request request = get("h", "/", "");
    aws_sign_options options = {.region = "r", .service = "s", .now_ms = NOON};
    char *first = strdup(sign_with(signer, &request, &options));
    size_t count = request.headers.count;
    assert_string_equal(sign_with(signer, &request, &options), first);
    assert_int_equal(request.headers.count, count);
    free(first);
    aws_http_request_free(&request);
    aws_signer_free(signer);
}

static void test_a_signed_url_lives_a_week_at_most(void **state)
{
    (void)state;
    aws_signer *signer = aws_signer_new();
    aws_credentials *c = credentials("a/token");
    aws_http_request request = get("h", "/", "");
    aws_sign_options options = {.region = "r", .service = "s", .now_ms = NOON};
    rip_error err;
    assert_int_equal(aws_presign_request(signer, &request, c, &options, 0, &err), RIP_EINVAL);
    assert_int_equal(aws_presign_request(signer, &request, c, &options, 604801, &err), RIP_EINVAL);
    assert_int_equal(aws_presign_request(signer, &request, c, &options, 60, &err), RIP_OK);
    assert_non_null(strstr(request.query, "&X-Amz-Security-Token=a%2Ftoken&"));
    aws_http_request_free(&request);
    aws_credentials_unref(c);
    aws_signer_free(signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documented_example_is_signed_as_documented),
        cmocka_unit_test(test_a_kept_key_is_not_used_for_another_day_region_or_service),
        cmocka_unit_test(test_a_second_signature_replaces_the_first),
        cmocka_unit_test(test_a_signed_url_lives_a_week_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
