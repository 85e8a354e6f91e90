/* Where credentials come from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials/accounts.h"
#include "aws/credentials/remote.h"
#include "aws/credentials/session_policy.h"
#include "credentials_fixture.h"

static void test_the_environment_comes_first(void **state)
{
    fixture *f = *state;
    setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "sss", 1);
    add_config(f, "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=fff\n");
    fetch(f, aws_provider_default(&f->context));
    assert_string_equal(f->credentials->access_key_id, "AKIAENV");
}

static void test_half_an_environment_is_a_mistake_and_shows_no_secret(void **state)
{
    fixture *f = *state;
    setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "bad secret\n", 1);
    fetch(f, aws_provider_default(&f->context));
    assert_null(f->credentials);
    assert_int_equal(f->err.status, RIP_EINVAL);
    assert_null(strstr(f->err.message, "bad secret"));
}

static void test_the_instances_role_is_read_with_a_session_token(void **state)
{
    fixture *f = *state;
    fetch(f, aws_provider_default(&f->context));
    assert_non_null(f->credentials);
    assert_string_equal(f->credentials->access_key_id, "ASIAMETA");
    assert_true(f->credentials->expires_ms > 0);
    assert_non_null(strstr(f->requests, "X-aws-ec2-metadata-token: the-token"));
}

static void test_version_1_of_instance_metadata_is_never_spoken(void **state)
{
    fixture *f = *state;
    f->imds_token = NULL;
    fetch(f, aws_provider_imds(&f->context));
    assert_null(f->credentials);
    assert_int_equal(loopback_requests(f->server), 1);
    assert_null(strstr(f->requests, "GET "));
}

static void test_a_container_may_ask_only_hosts_on_its_own_link(void **state)
{
    fixture *f = *state;
    static const char *const BAD[] = {"http://example.com/creds",           "http://10.0.0.1/creds",
                                      "http://169.254.170.3/creds",         "http://127.0.0.1.example.com/creds",
                                      "http://localhost@example.com/creds", "ftp://127.0.0.1/creds"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", BAD[i], 1);
        fetch(f, aws_provider_container(&f->context));
        assert_null(f->credentials);
        assert_int_not_equal(f->err.status, RIP_ENOTFOUND);
    }
    assert_int_equal(loopback_requests(f->server), 0);
}

static void test_a_container_shows_its_authorization(void **state)
{
    fixture *f = *state;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/creds?v=1", loopback_port(f->server));
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer xyz", 1);
    fetch(f, aws_provider_container(&f->context));
    assert_int_equal(f->err.status, RIP_OK);
    assert_string_equal(f->credentials->access_key_id, "ASIAMETA");
    assert_non_null(strstr(f->requests, "Authorization: Bearer xyz"));
}

static void test_a_process_prints_credentials(void **state)
{
    fixture *f = *state;
    fetch(f, aws_provider_process(&f->context,
                                  "echo '{\"Version\":1,\"AccessKeyId\":\"AKIAPROC\",\"SecretAccessKey\":\"s\"}'"));
    assert_int_equal(f->err.status, RIP_OK);
    assert_string_equal(f->credentials->access_key_id, "AKIAPROC");
}

static void test_bad_output_of_a_process_is_told(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *command, *word;
    } CASES[] = {
        {"echo no", "JSON"},
        {"exit 3", "status 3"},
        {"echo '{\"Version\":2}'", "Version"},
        {"echo '{\"Version\":1,\"AccessKeyId\":\"A\"}'", "secret"},
        {"yes", "64 KiB"},
        {"echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Expiration\":\"2020-01-01T00:00:00Z\"}'",
         "expired"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        fetch(f, aws_provider_process(&f->context, CASES[i].command));
        assert_null(f->credentials);
        assert_non_null(strstr(f->err.message, CASES[i].word));
    }
}

static void test_a_process_that_hangs_can_be_given_up(void **state)
{
    fixture *f = *state;
    aws_provider *p = aws_provider_process(&f->context, "exec sleep 1000");
    p->fetch(p, on_done, f);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    p->free(p);
    for (int i = 0; i < 100 && uv_loop_alive(&f->loop); i++) uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->told, 0);
}

static void test_a_role_is_assumed_with_its_source(void **state)
{
    fixture *f = *state;
    add_config(f,
               "[profile base]\naws_access_key_id=AKIABASE\naws_secret_access_key=s\n"
               "[profile r]\nrole_arn=arn:aws:iam::222222222222:role/R\nsource_profile=base\nexternal_id=a b\n"
               "role_session_name=me\nduration_seconds=900\n");
    fetch(f, aws_provider_profile(&f->context, "r"));
    assert_int_equal(f->err.status, RIP_OK);
    assert_string_equal(f->credentials->access_key_id, "ASIAROLE");
    assert_string_equal(f->credentials->account_id, "222222222222");
    assert_non_null(strstr(f->requests, "Credential=AKIABASE/"));
    assert_non_null(strstr(f->requests, "&ExternalId=a%20b"));
    assert_non_null(strstr(f->requests, "&DurationSeconds=900"));
}

static void assume(fixture *f, const char *reply)
{
    f->sts_reply = reply;
    *f->requests = '\0';
    fetch(f, aws_provider_profile(&f->context, "r"));
}

static void add_role(fixture *f)
{
    add_config(f,
               "[profile base]\naws_access_key_id=AKIABASE\naws_secret_access_key=s\n"
               "[profile r]\nrole_arn=arn:aws:iam::222222222222:role/R\nsource_profile=base\n");
}

#define STS_ERROR(status, headers, code)                                                                               \
    "HTTP/1.1 " status "\r\nConnection: close\r\n" headers "\r\n<ErrorResponse><Error><Code>" code                     \
    "</Code><Message>no</Message></Error></ErrorResponse>"

static void test_what_passes_at_sts_lets_the_calls_that_wait_be_tried_again(void **state)
{
    static const struct {
        const char *reply;
        rip_status status;
    } CASES[] = {
        {STS_ERROR("400 Bad Request", "", "Throttling"), RIP_EIO},
        {STS_ERROR("400 Bad Request", "", "IDPCommunicationError"), RIP_EIO},
        {STS_ERROR("429 Too Many Requests", "", "Other"), RIP_EIO},
        {STS_ERROR("503 Service Unavailable", "", "Other"), RIP_EIO},
        {STS_ERROR("403 Forbidden", "", "AccessDenied"), RIP_EREMOTE},
        {STS_ERROR("400 Bad Request", "", "MalformedPolicyDocument"), RIP_EREMOTE},
    };
    fixture *f = *state;
    add_role(f);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assume(f, CASES[i].reply);
        if (f->err.status != CASES[i].status) fail_msg("%s: %s", CASES[i].reply, f->err.message);
    }
    assert_int_equal(aws_remote_status(&(aws_http_response){.status = 429}, NULL), RIP_EIO);
    assert_int_equal(aws_remote_status(&(aws_http_response){.status = 403}, NULL), RIP_EREMOTE);
}

static void test_a_wrong_clock_is_corrected_for_sts_too(void **state)
{
    fixture *f = *state;
    int64_t skew_ms = 0;
    f->context.skew_ms = &skew_ms;
    add_role(f);
    assume(f, STS_ERROR("403 Forbidden", "Date: Mon, 01 Jan 2096 00:00:00 GMT\r\n", "RequestExpired"));
    assert_int_equal(f->err.status, RIP_EIO);
    assert_true(skew_ms > 0);
    assume(f, NULL);
    assert_int_equal(f->err.status, RIP_OK);
    if (!strcasestr(f->requests, "X-Amz-Date: 20960101T")) fail_msg("%s", f->requests);
    assume(f, STS_ERROR("403 Forbidden", "Date: Mon, 01 Jan 2096 00:00:00 GMT\r\n", "RequestExpired"));
    assert_int_equal(f->err.status, RIP_EREMOTE); /* it was right: the signature is refused for another reason */
}

static void test_an_expiry_may_end_in_utc(void **state)
{
    int64_t utc = 0, zulu = 1;
    (void)state;
    assert_true(aws_expiry_parse("2026-12-01T10:02:08UTC", &utc));
    assert_true(aws_expiry_parse("2026-12-01T10:02:08Z", &zulu));
    assert_int_equal(utc, zulu);
    assert_false(aws_expiry_parse("UTC", &utc));
    assert_false(aws_expiry_parse("2026-12-01T10:02:08CET", &utc));
}

static void test_profiles_that_lean_in_a_circle_are_told(void **state)
{
    fixture *f = *state;
    add_config(f,
               "[profile a]\nrole_arn=arn:aws:iam::1:role/A\nsource_profile=b\n"
               "[profile b]\nrole_arn=arn:aws:iam::1:role/B\nsource_profile=a\n");
    fetch(f, aws_provider_profile(&f->context, "a"));
    assert_non_null(strstr(f->err.message, "back to itself"));
}

static void test_mfa_is_refused_clearly(void **state)
{
    fixture *f = *state;
    add_config(f, "[profile a]\nrole_arn=arn:aws:iam::1:role/A\nsource_profile=default\nmfa_serial=arn:x\n");
    fetch(f, aws_provider_profile(&f->context, "a"));
    assert_int_equal(f->err.status, RIP_EINVAL);
    assert_non_null(strstr(f->err.message, "mfa_serial"));
}

static void test_however_many_wait_one_refresh_is_made(void **state)
{
    fixture *f = *state;
    aws_credentials_cache *cache = aws_credentials_cache_new(&f->context, aws_provider_imds(&f->context));
    aws_credentials_wait *waits[50];
    for (size_t i = 0; i < 50; i++) assert_null(aws_credentials_cache_get(cache, on_done, f, &waits[i]));
    aws_credentials_wait_cancel(waits[7]);
    while (f->told < 49) uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(loopback_requests(f->server), 3); /* token, role, credentials: once */
    assert_non_null(aws_credentials_cache_get(cache, on_done, f, &waits[0]));
    aws_credentials_cache_free(cache);
}

/* Gives credentials that end in three minutes, a new set each time, when the test says so. */
typedef struct slow_provider {
    aws_provider base;
    rip_clock *clock;
    aws_provider_done done;
    void *data;
    unsigned fetches;
} slow_provider;

static void slow_fetch(aws_provider *self, aws_provider_done done, void *data)
{
    slow_provider *p = (slow_provider *)self;
    p->fetches++;
    p->done = done;
    p->data = data;
}

static void slow_free(aws_provider *self)
{
    (void)self;
}

static void slow_answer(slow_provider *p, const char *id)
{
    aws_credentials *credentials = NULL;
    rip_error err;
    assert_int_equal(
        aws_credentials_new(id, "s", "t", NULL, rip_clock_now(p->clock) + 180000, "test", &credentials, &err), RIP_OK);
    p->done(p->data, credentials, NULL);
    aws_credentials_unref(credentials);
}

static void test_credentials_that_end_soon_are_used_while_they_are_refreshed(void **state)
{
    fixture *f = *state;
    slow_provider provider = {.base = {slow_fetch, slow_free}, .clock = f->clock};
    aws_credentials_cache *cache = aws_credentials_cache_new(&f->context, &provider.base);
    aws_credentials_wait *wait;
    assert_null(aws_credentials_cache_get(cache, on_done, f, &wait));
    while (provider.fetches == 0) uv_run(&f->loop, UV_RUN_NOWAIT);
    slow_answer(&provider, "ASIAONE");
    while (f->told == 0) uv_run(&f->loop, UV_RUN_NOWAIT);
    for (int i = 0; i < 3; i++) { /* nobody waits, and one refresh is asked for */
        aws_credentials *now = aws_credentials_cache_get(cache, on_done, f, &wait);
        assert_non_null(now);
        assert_string_equal(now->access_key_id, "ASIAONE");
    }
    while (provider.fetches == 1) uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(provider.fetches, 2);
    slow_answer(&provider, "ASIATWO");
    assert_string_equal(aws_credentials_cache_get(cache, on_done, f, &wait)->access_key_id, "ASIATWO");
    aws_credentials_cache_free(cache);
}

static void test_another_account_takes_a_role_bound_to_the_run(void **state)
{
    fixture *f = *state;
    const char *const allowed[] = {"111111111111", "222222222222"};
    aws_wire_options options = {.role = "arn:{partition}:iam::{account}:role/Riposte",
                                .external_id = "x1",
                                .accounts = allowed,
                                .account_count = 2};
    json_t *permissions = json_pack("[s, s]", "ecs:DeleteCluster", "ecs:List*");
    json_t *tags = json_pack("{s:s, s:s}", "playbook", "ecs one", "finding", "f/1");
    aws_session session = {.name = "run 42", .tags = tags, .permissions = permissions};
    aws_credentials_cache *home = aws_credentials_cache_new(&f->context, aws_provider_imds(&f->context));
    aws_accounts *accounts = aws_accounts_new(&f->context, home, &options);
    aws_credentials_cache *whose = NULL;
    aws_credentials_wait *wait;
    rip_error err;
    assert_int_equal(aws_accounts_find(accounts, "333333333333", "us-east-1", &session, &whose, &err), RIP_EDENIED);
    assert_int_equal(aws_accounts_find(accounts, "222222222222", "us-east-1", &session, &whose, &err), RIP_OK);
    assert_null(aws_credentials_cache_get(whose, on_done, f, &wait));
    while (f->told == 0) uv_run(&f->loop, UV_RUN_ONCE);
    assert_string_equal(f->credentials->access_key_id, "ASIAROLE");
    assert_non_null(strstr(f->requests, "RoleArn=arn%3Aaws%3Aiam%3A%3A222222222222%3Arole%2FRiposte"));
    assert_non_null(strstr(f->requests, "RoleSessionName=run-42"));
    assert_non_null(strstr(f->requests, "ecs%3ADeleteCluster"));
    assert_non_null(strstr(f->requests, "&Tags.member.1.Key=playbook&Tags.member.1.Value=ecs%20one"));
    assert_non_null(strstr(f->requests, "&Tags.member.2.Key=finding&Tags.member.2.Value=f%2F1"));
    assert_int_equal(aws_accounts_find(accounts, "111111111111", "us-east-1", &session, &whose, &err), RIP_OK);
    assert_ptr_equal(whose, home);
    assert_string_equal(aws_accounts_payer(accounts, "111111111111"), "");
    assert_string_equal(aws_accounts_payer(accounts, ""), "");
    assert_string_equal(aws_accounts_payer(accounts, "222222222222"), "222222222222");
    aws_accounts_free(accounts);
    aws_credentials_cache_free(home);
    json_decref(permissions);
    json_decref(tags);
}

static void test_a_session_policy_is_merged_to_fit(void **state)
{
    (void)state;
    json_t *permissions = json_pack("[s, s, s]", "ecs:DeleteCluster", "ecs:Delete*", "iam:GetRole");
    char *policy = NULL;
    rip_error err;
    assert_int_equal(aws_session_policy(permissions, &policy, &err), RIP_OK);
    assert_non_null(strstr(policy, "\"Action\":[\"ecs:Delete*\",\"iam:GetRole\"]"));
    free(policy);
    for (int i = 0; i < 200; i++) json_array_append_new(permissions, json_sprintf("ec2:DescribeThingNumber%d", i));
    assert_int_equal(aws_session_policy(permissions, &policy, &err), RIP_OK);
    assert_non_null(strstr(policy, "[\"ec2:Describe*\",\"ecs:Delete*\",\"iam:Get*\"]"));
    free(policy);
    for (int i = 0; i < 400; i++) json_array_append_new(permissions, json_sprintf("service%d:Get", i));
    assert_int_equal(aws_session_policy(permissions, &policy, &err), RIP_ELIMIT);
    json_decref(permissions);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_environment_comes_first),
        TEST(test_half_an_environment_is_a_mistake_and_shows_no_secret),
        TEST(test_the_instances_role_is_read_with_a_session_token),
        TEST(test_version_1_of_instance_metadata_is_never_spoken),
        TEST(test_a_container_may_ask_only_hosts_on_its_own_link),
        TEST(test_a_container_shows_its_authorization),
        TEST(test_a_process_prints_credentials),
        TEST(test_bad_output_of_a_process_is_told),
        TEST(test_a_process_that_hangs_can_be_given_up),
        TEST(test_a_role_is_assumed_with_its_source),
        TEST(test_what_passes_at_sts_lets_the_calls_that_wait_be_tried_again),
        TEST(test_a_wrong_clock_is_corrected_for_sts_too),
        TEST(test_an_expiry_may_end_in_utc),
        TEST(test_profiles_that_lean_in_a_circle_are_told),
        TEST(test_mfa_is_refused_clearly),
        TEST(test_however_many_wait_one_refresh_is_made),
        TEST(test_credentials_that_end_soon_are_used_while_they_are_refreshed),
        TEST(test_another_account_takes_a_role_bound_to_the_run),
        TEST(test_a_session_policy_is_merged_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
