#include "credentials_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_REPLY(body) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body
#define METADATA                                                                                                       \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAMETA\",\"SecretAccessKey\":\"sss\",\"Token\":\"ttt\","                \
    "\"Expiration\":\"2099-01-01T00:00:00Z\"}"
#define ASSUMED                                                                                                        \
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>"                           \
    "<SecretAccessKey>rrr</SecretAccessKey><SessionToken>rst</SessionToken>"                                           \
    "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser>"                                     \
    "<Arn>arn:aws:sts::222222222222:assumed-role/R/S</Arn></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"

static loopback_reply answer(void *data, const char *request)
{
    fixture *f = data;
    size_t len = strlen(f->requests);
    snprintf(f->requests + len, sizeof f->requests - len, "%s\n", request);
    loopback_reply reply = {.bytes = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", .close = true};
    if (strncmp(request, "PUT /latest/api/token ", 22) == 0 && f->imds_token)
        reply.bytes = f->imds_token;
    else if (strstr(request, "GET /latest/meta-data/iam/security-credentials/ "))
        reply.bytes = JSON_REPLY("my-role\n");
    else if (strstr(request, "GET /latest/meta-data/iam/security-credentials/my-role ") ||
             strstr(request, "GET /creds"))
        reply.bytes = JSON_REPLY(METADATA);
    else if (strstr(request, "Action=GetCallerIdentity"))
        reply.bytes = JSON_REPLY(
            "<R><GetCallerIdentityResult><Account>111111111111</Account>"
            "</GetCallerIdentityResult></R>");
    else if (strstr(request, "Action=AssumeRole"))
        reply.bytes = f->sts_reply ? f->sts_reply : JSON_REPLY(ASSUMED);
    else if (strstr(request, "GET /federation/credentials?"))
        reply.bytes = JSON_REPLY(
            "{\"roleCredentials\":{\"accessKeyId\":\"ASIASSO\",\"secretAccessKey\":\"s\","
            "\"sessionToken\":\"t\",\"expiration\":4070908800000}}");
    return reply;
}

static void clear_environment(void)
{
    static const char *const NAMES[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                        "AWS_EC2_METADATA_DISABLED",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                                        "AWS_ROLE_ARN",
                                        "AWS_ROLE_SESSION_NAME"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) unsetenv(NAMES[i]);
}

int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    rip_error err;
    clear_environment();
    uv_loop_init(&f->loop);
    f->clock = rip_clock_new_real(&f->loop);
    f->server = loopback_start(&f->loop, answer, f);
    f->imds_token = JSON_REPLY("the-token");
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", loopback_port(f->server));
    setenv("AWS_ENDPOINT_URL_STS", url, 1);
    setenv("AWS_ENDPOINT_URL_SSO", url, 1);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
    f->profiles = aws_profiles_new();
    aws_web_options options = {.loop = &f->loop};
    f->context = (aws_provider_context){.loop = &f->loop,
                                        .clock = f->clock,
                                        .signer = aws_signer_new(),
                                        .profiles = f->profiles,
                                        .region = "us-east-1"};
    assert_int_equal(aws_web_new(&options, &f->context.web, &err), RIP_OK);
    *state = f;
    return 0;
}

int tear_down(void **state)
{
    fixture *f = *state;
    aws_credentials_unref(f->credentials);
    aws_web_free(f->context.web);
    aws_signer_free(f->context.signer);
    aws_profiles_free(f->profiles);
    loopback_stop(f->server);
    rip_clock_free(f->clock);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

void on_done(void *data, aws_credentials *credentials, const rip_error *err)
{
    fixture *f = data;
    f->told++;
    aws_credentials_unref(f->credentials);
    f->credentials = aws_credentials_ref(credentials);
    f->err = err ? *err : (rip_error){0};
}

void fetch(fixture *f, aws_provider *provider)
{
    f->told = 0;
    provider->fetch(provider, on_done, f);
    while (f->told == 0) uv_run(&f->loop, UV_RUN_ONCE);
    provider->free(provider);
}

void add_config(fixture *f, const char *text)
{
    rip_error err = {0};
    assert_int_equal(aws_profiles_parse(f->profiles, "config", false, text, strlen(text), &err), RIP_OK);
}
