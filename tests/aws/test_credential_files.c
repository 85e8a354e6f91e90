/* Credentials that begin with a file that somebody else keeps fresh (a token), or with an address that is set. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credentials_fixture.h"

#define SSO_CONFIG                                                                                                     \
    "[default]\nsso_session = mine\nsso_account_id = 222222222222\nsso_role_name = Read Only\n"                        \
    "[sso-session mine]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
static char folder[64];

static int set_up_folder(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/riposte-tokens-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    setenv("HOME", folder, 1);
    return set_up(state);
}

static int tear_down_folder(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    int code = system(command); /* NOLINT(cert-env33-c): a test, with its own words */
    return tear_down(state) || code;
}

/** Write a file in the folder; its path, good until the next call. */
static const char *write_file(const char *name, const char *text)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void write_sso_token(const char *key, const char *text)
{
    char command[512];
    snprintf(command, sizeof command,
             "mkdir -p %s/.aws/sso/cache && printf '%%s' '%s' > %s/.aws/sso/cache/$(printf %%s '%s' | sha1sum | "
             "cut -c1-40).json",
             folder, text, folder, key);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): as above */
}

/* IAM Identity Center. */

static void test_the_token_of_an_sso_session_is_exchanged_for_the_roles_credentials(void **state)
{
    fixture *f = *state;
    add_config(f, SSO_CONFIG);
    write_sso_token("mine", "{\"accessToken\":\"sso-token\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}");
    fetch(f, aws_provider_default(&f->context));
    assert_int_equal(f->err.status, RIP_OK);
    assert_string_equal(f->credentials->access_key_id, "ASIASSO");
    assert_int_equal(f->credentials->expires_ms, INT64_C(4070908800000));
    assert_non_null(strstr(f->requests, "GET /federation/credentials?role_name=Read%20Only&account_id=222222222222 "));
    assert_non_null(strstr(f->requests, "x-amz-sso_bearer_token: sso-token"));
}

static void test_the_older_form_names_the_token_by_its_start_url(void **state)
{
    fixture *f = *state;
    add_config(f,
               "[default]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
               "sso_account_id = 222222222222\nsso_role_name = R\n");
    write_sso_token("https://x.awsapps.com/start",
                    "{\"accessToken\":\"older\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}");
    fetch(f, aws_provider_default(&f->context));
    assert_int_equal(f->err.status, RIP_OK);
    assert_non_null(strstr(f->requests, "x-amz-sso_bearer_token: older"));
}

static void test_without_a_good_sso_token_a_person_is_told_to_log_in(void **state)
{
    fixture *f = *state;
    add_config(f, SSO_CONFIG);
    fetch(f, aws_provider_default(&f->context));
    assert_non_null(strstr(f->err.message, "aws sso login --profile default"));
    write_sso_token("mine", "{\"accessToken\":\"sso-token\",\"expiresAt\":\"2020-01-01T00:00:00Z\"}");
    fetch(f, aws_provider_default(&f->context));
    assert_non_null(strstr(f->err.message, "has expired"));
    assert_null(strstr(f->err.message, "sso-token"));
    assert_int_equal(loopback_requests(f->server), 0);
}

static void test_an_sso_profile_that_is_half_is_a_mistake(void **state)
{
    fixture *f = *state;
    add_config(f, "[default]\nsso_session = none\nsso_account_id = 222222222222\n");
    fetch(f, aws_provider_default(&f->context));
    assert_int_equal(f->err.status, RIP_EINVAL);
    assert_non_null(strstr(f->err.message, "sso_role_name"));
}

/* Web identity: EKS. */

static void test_a_web_identity_takes_its_role_unsigned(void **state)
{
    fixture *f = *state;
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", write_file("token", "eyJ.one\n"), 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::222222222222:role/R", 1);
    setenv("AWS_ROLE_SESSION_NAME", "pod-1", 1);
    fetch(f, aws_provider_default(&f->context));
    assert_int_equal(f->err.status, RIP_OK);
    assert_string_equal(f->credentials->access_key_id, "ASIAROLE");
    assert_non_null(strstr(f->requests, "Action=AssumeRoleWithWebIdentity&"));
    assert_non_null(strstr(f->requests, "&WebIdentityToken=eyJ.one"));
    assert_non_null(strstr(f->requests, "&RoleSessionName=pod-1"));
    assert_null(strstr(f->requests, "Authorization:"));
}

static void test_a_web_identity_that_was_replaced_is_read_anew(void **state)
{
    fixture *f = *state;
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", write_file("token", "eyJ.one"), 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::222222222222:role/R", 1);
    aws_provider *provider = aws_provider_default(&f->context);
    provider->fetch(provider, on_done, f);
    while (f->told == 0) uv_run(&f->loop, UV_RUN_ONCE);
    write_file("token", "eyJ.two");
    fetch(f, provider);
    assert_non_null(strstr(f->requests, "&WebIdentityToken=eyJ.two"));
}

static void test_a_web_identity_of_a_profile_needs_no_environment(void **state)
{
    fixture *f = *state;
    char config[512];
    snprintf(config, sizeof config, "[default]\nrole_arn = arn:aws:iam::1:role/P\nweb_identity_token_file = %s\n",
             write_file("token", "eyJ.profile"));
    add_config(f, config);
    fetch(f, aws_provider_default(&f->context));
    assert_int_equal(f->err.status, RIP_OK);
    assert_non_null(strstr(f->requests, "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2FP"));
}

static void test_a_token_file_that_is_named_and_not_there_is_a_mistake(void **state)
{
    fixture *f = *state;
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token", 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::222222222222:role/R", 1);
    fetch(f, aws_provider_default(&f->context));
    assert_int_equal(f->err.status, RIP_EINVAL); /* the next in the chain is not asked */
    assert_non_null(strstr(f->err.message, "/nonexistent/token"));
    unsetenv("AWS_ROLE_ARN");
    fetch(f, aws_provider_default(&f->context));
    assert_non_null(strstr(f->err.message, "AWS_ROLE_ARN"));
    assert_int_equal(loopback_requests(f->server), 0);
}

static void test_a_token_without_end_is_cut_off(void **state)
{
    fixture *f = *state;
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/zero", 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::222222222222:role/R", 1);
    fetch(f, aws_provider_default(&f->context));
    assert_int_equal(f->err.status, RIP_ELIMIT);
}

/* A disk that hangs, played by a pipe that nobody writes into: the loop goes on, and the fetch can be given up. */
static void test_a_token_file_that_hangs_does_not_hold_up_the_loop(void **state)
{
    fixture *f = *state;
    char path[256];
    int held;
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::222222222222:role/R", 1);
    aws_provider *provider = aws_provider_default(&f->context);
    provider->fetch(provider, on_done, f);
    while ((held = open(path, O_WRONLY | O_NONBLOCK)) < 0) usleep(1000); /* until the thread has it open */
    uint64_t before = uv_hrtime();
    for (int i = 0; i < 10; i++) uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_true(uv_hrtime() - before < UINT64_C(1000000000));
    assert_int_equal(f->told, 0);
    provider->free(provider);
    close(held); /* the thread gets its end; its work is taken from the loop when the fixture goes */
    assert_int_equal(f->told, 0);
}

/* Containers: ECS, EKS Pod Identity. */

static void set_container_uri(const fixture *f)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/creds", loopback_port(f->server));
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
}

static void test_the_containers_token_file_wins_over_the_token_and_is_read_anew(void **state)
{
    fixture *f = *state;
    set_container_uri(f);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "plain", 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", write_file("pod", "from-file-1\n"), 1);
    aws_provider *provider = aws_provider_default(&f->context);
    provider->fetch(provider, on_done, f);
    while (f->told == 0) uv_run(&f->loop, UV_RUN_ONCE);
    assert_string_equal(f->credentials->access_key_id, "ASIAMETA");
    write_file("pod", "from-file-2\n");
    fetch(f, provider);
    assert_non_null(strstr(f->requests, "Authorization: from-file-1\r\n"));
    assert_non_null(strstr(f->requests, "Authorization: from-file-2\r\n"));
    assert_null(strstr(f->requests, "plain"));
}

static void test_a_containers_token_file_that_is_not_there_is_a_mistake(void **state)
{
    fixture *f = *state;
    set_container_uri(f);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/pod", 1);
    fetch(f, aws_provider_default(&f->context));
    assert_int_equal(f->err.status, RIP_EINVAL);
    assert_int_equal(loopback_requests(f->server), 0);
    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"); /* not in a container: the file has no say */
    fetch(f, aws_provider_container(&f->context));
    assert_int_equal(f->err.status, RIP_ENOTFOUND);
}

/* Instance metadata over IPv6. */

static loopback_reply answer_v6(void *data, const char *request)
{
    (void)data;
    const char *bytes = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    if (strncmp(request, "PUT ", 4) == 0)
        bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nt6";
    else if (strstr(request, "security-credentials/r6 "))
        bytes =
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAV6\","
            "\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"2099-01-01T00:00:00Z\"}";
    else if (strstr(request, "X-aws-ec2-metadata-token: t6"))
        bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nr6";
    return (loopback_reply){.bytes = bytes, .close = true};
}

static void test_instance_metadata_is_spoken_over_ipv6(void **state)
{
    fixture *f = *state;
    char url[64];
    loopback *server = loopback_start_v6(&f->loop, answer_v6, NULL);
    if (!server) {
        fputs("SKIPPED: this machine has no IPv6\n", stderr);
        skip();
    }
    snprintf(url, sizeof url, "http://[::1]:%d", loopback_port(server));
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", 1);
    fetch(f, aws_provider_default(&f->context));
    loopback_stop(server);
    assert_int_equal(f->err.status, RIP_OK);
    assert_string_equal(f->credentials->access_key_id, "ASIAV6");
}

static void test_the_mode_of_instance_metadata_chooses_the_address(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *mode, *address;
    } CASES[] = {{"IPv6", "[fd00:ec2::254]"}, {"ipv6", "[fd00:ec2::254]"}, {"IPv4", "169.254.169.254"}};
    unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        aws_endpoint endpoint;
        setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", CASES[i].mode, 1);
        assert_int_equal(aws_imds_endpoint(&f->context, &endpoint, &f->err), RIP_OK);
        assert_string_equal(endpoint.host, CASES[i].address);
    }
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", 1);
    fetch(f, aws_provider_imds(&f->context));
    assert_int_equal(f->err.status, RIP_EINVAL);
    assert_non_null(strstr(f->err.message, "IPv5"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_folder, tear_down_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_token_of_an_sso_session_is_exchanged_for_the_roles_credentials),
        TEST(test_the_older_form_names_the_token_by_its_start_url),
        TEST(test_without_a_good_sso_token_a_person_is_told_to_log_in),
        TEST(test_an_sso_profile_that_is_half_is_a_mistake),
        TEST(test_a_web_identity_takes_its_role_unsigned),
        TEST(test_a_web_identity_that_was_replaced_is_read_anew),
        TEST(test_a_web_identity_of_a_profile_needs_no_environment),
        TEST(test_a_token_file_that_is_named_and_not_there_is_a_mistake),
        TEST(test_a_token_without_end_is_cut_off),
        TEST(test_a_token_file_that_hangs_does_not_hold_up_the_loop),
        TEST(test_the_containers_token_file_wins_over_the_token_and_is_read_anew),
        TEST(test_a_containers_token_file_that_is_not_there_is_a_mistake),
        TEST(test_instance_metadata_is_spoken_over_ipv6),
        TEST(test_the_mode_of_instance_metadata_chooses_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
