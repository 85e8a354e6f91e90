/* IAM Identity Center: the token that `aws sso login` left in ~/.aws/sso/cache, exchanged for a role's credentials. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials/remote.h"
#include "engine/base/digest.h"

#define TIMEOUT_MS 10000

typedef struct sso {
    aws_remote remote;
    char *profile;
} sso;

typedef struct sso_settings {
    const char *session, *start_url, *region, *account, *role;
} sso_settings;

static rip_status read_settings(const sso *p, sso_settings *s, rip_error *err)
{
    const aws_profiles *profiles = p->remote.context.profiles;
    s->session = aws_profiles_get(profiles, p->profile, "sso_session");
    s->account = aws_profiles_get(profiles, p->profile, "sso_account_id");
    s->role = aws_profiles_get(profiles, p->profile, "sso_role_name");
    if (s->session) {
        s->start_url = aws_profiles_section(profiles, "sso-session", s->session, "sso_start_url");
        s->region = aws_profiles_section(profiles, "sso-session", s->session, "sso_region");
    } else {
        s->start_url = aws_profiles_get(profiles, p->profile, "sso_start_url");
        s->region = aws_profiles_get(profiles, p->profile, "sso_region");
    }
    if (s->start_url && s->region && s->account && s->role) return RIP_OK;
    return rip_fail(err, RIP_EINVAL,
                    "profile %s: SSO needs sso_start_url, sso_region, sso_account_id and sso_role_name", p->profile);
}

/** Where `aws sso login` keeps the token: its name is a digest of the session's or the start URL. */
static rip_status find_file(const sso_settings *s, char *path, size_t size, rip_error *err)
{
    const char *key = s->session ? s->session : s->start_url;
    const char *home = getenv("HOME");
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;
    if (EVP_Digest(key, strlen(key), digest, &len, EVP_sha1(), NULL) != 1)
        return rip_fail(err, RIP_EIO, "no SHA-1 from OpenSSL, which names the SSO token's file");
    rip_hex(digest, len, hex);
    snprintf(path, size, "%s/.aws/sso/cache/%s.json", home ? home : "", hex);
    return RIP_OK;
}

/** The access token in new memory. */
static rip_status read_token(const sso *p, const char *text, size_t len, char **out, rip_error *err)
{
    json_t *object = aws_remote_json("the SSO token's file", text, len, err);
    if (!object) return err->status;
    const char *token = json_string_value(json_object_get(object, "accessToken"));
    const char *until = json_string_value(json_object_get(object, "expiresAt"));
    int64_t expires = 0;
    rip_status status = RIP_OK;
    if (!token || !until || !aws_expiry_parse(until, &expires) || expires <= rip_clock_now(p->remote.context.clock))
        status = rip_fail(err, RIP_EINVAL, "profile %s: the SSO token has expired: run 'aws sso login --profile %s'",
                          p->profile, p->profile);
    else if (!(*out = strdup(token)))
        status = rip_nomem(err);
    json_decref(object);
    return status;
}

static void on_reply(void *data, const aws_http_response *response, const rip_error *err)
{
    static const aws_credentials_names NAMES = {"accessKeyId", "secretAccessKey", "sessionToken", NULL, "expiration"};
    aws_remote *remote = data;
    rip_error why;
    if (!response) {
        aws_remote_fail(remote, err);
        return;
    }
    json_t *object = aws_remote_json("SSO", response->body.data, response->body.len, &why);
    if (object && response->status == 200) {
        aws_remote_finish(remote, json_object_get(object, "roleCredentials"), &NAMES);
    } else {
        const char *message = json_string_value(json_object_get(object, "message"));
        rip_fail(&why, aws_remote_status(response, NULL), "SSO: HTTP %d: %.300s", response->status,
                 message ? message : "no message");
        aws_remote_fail(remote, &why);
    }
    json_decref(object);
}

static rip_status build(const sso *p, const char *token, aws_http_request *request, rip_error *err)
{
    sso_settings s;
    aws_endpoint endpoint;
    rip_buffer path = {0};
    aws_endpoint_options options = {p->remote.context.profiles, p->profile, NULL};
    rip_status status = read_settings(p, &s, err);
    if (status == RIP_OK) status = aws_endpoint_of_provider(&options, "portal.sso", "SSO", s.region, &endpoint, err);
    if (status == RIP_OK) {
        rip_buffer_puts(&path, "/federation/credentials?role_name=");
        aws_uri_encode(&path, s.role, strlen(s.role), false);
        rip_buffer_puts(&path, "&account_id=");
        aws_uri_encode(&path, s.account, strlen(s.account), false);
        status = rip_buffer_status(&path, err);
    }
    if (status == RIP_OK) status = aws_remote_get(&endpoint, path.data, "x-amz-sso_bearer_token", token, request, err);
    rip_buffer_free(&path);
    return status;
}

static void on_file(aws_remote *remote, const char *text, size_t len, const rip_error *err)
{
    sso *p = (sso *)remote;
    aws_web_limits limits = {.timeout_ms = TIMEOUT_MS, .body_bytes = AWS_REMOTE_BYTES_MAX};
    aws_http_request request = {0};
    char *token = NULL;
    rip_error why;
    rip_status status;
    (void)err; /* there are many reasons, and one remedy */
    if (!text)
        status = rip_fail(&why, RIP_EINVAL, "profile %s: there is no SSO token: run 'aws sso login --profile %s'",
                          p->profile, p->profile);
    else
        status = read_token(p, text, len, &token, &why);
    if (status == RIP_OK) status = build(p, token, &request, &why);
    aws_secret_free(token);
    if (status == RIP_OK)
        aws_remote_send(remote, &request, &limits, on_reply);
    else
        aws_remote_fail(remote, &why);
    aws_http_request_free(&request);
}

static void fetch(aws_provider *self, aws_provider_done done, void *data)
{
    sso *p = (sso *)self;
    sso_settings s;
    char path[4096];
    rip_error err;
    p->remote.done = done;
    p->remote.data = data;
    rip_status status = read_settings(p, &s, &err);
    if (status == RIP_OK) status = find_file(&s, path, sizeof path, &err);
    if (status == RIP_OK)
        aws_remote_read_file(&p->remote, path, AWS_REMOTE_BYTES_MAX, on_file);
    else
        aws_remote_fail(&p->remote, &err);
}

static void free_sso(aws_provider *self)
{
    sso *p = (sso *)self;
    aws_remote_stop(&p->remote);
    free(p->profile);
    free(p);
}

aws_provider *aws_provider_sso(const aws_provider_context *context, const char *profile)
{
    sso *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->remote = (aws_remote){.base = {fetch, free_sso}, .context = *context, .source = "SSO"};
    p->profile = strdup(profile);
    if (p->profile) return &p->remote.base;
    free(p);
    return NULL;
}
