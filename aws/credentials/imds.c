/* EC2's instance metadata service, version 2 only: every read carries a session token, which a request that was forged
 * through a server on the instance can't get. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/credentials/remote.h"

#define TIMEOUT_MS 1000
#define TOKEN_SECONDS "21600"
#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"
#define WORD_MAX 2048

typedef struct imds {
    aws_remote remote;
    aws_endpoint endpoint;
    char token[WORD_MAX];
} imds;

static const aws_web_limits LIMITS = {.timeout_ms = TIMEOUT_MS, .body_bytes = AWS_REMOTE_BYTES_MAX, .no_proxy = true};

/** The reply's one word (a token, a role's name) into `out`. */
static bool read_word(const aws_http_response *response, char *out, size_t size)
{
    size_t len = response->body.len;
    while (len > 0 && strchr("\r\n", response->body.data[len - 1])) len--;
    if (len == 0 || len >= size) return false;
    for (size_t i = 0; i < len; i++) {
        if (response->body.data[i] <= ' ' || response->body.data[i] > '~') return false;
    }
    memcpy(out, response->body.data, len);
    out[len] = '\0';
    return true;
}

/** False where the reply is none that leads on; the fetch has ended then. */
static bool is_good(imds *p, const char *what, const aws_http_response *response, const rip_error *err)
{
    rip_error why;
    if (response && response->status == 200) return true;
    if (response)
        rip_fail(&why, response->status >= 500 ? RIP_EIO : RIP_ENOTFOUND, "instance metadata: HTTP %d for %s",
                 response->status, what);
    else
        rip_fail(&why, RIP_ENOTFOUND, "no instance metadata: %s", err->message);
    aws_remote_fail(&p->remote, &why);
    return false;
}

static void fail_word(imds *p, const char *what)
{
    rip_error why;
    rip_fail(&why, RIP_EIO, "instance metadata: the reply for %s is not one word", what);
    aws_remote_fail(&p->remote, &why);
}

static void get(imds *p, const char *path, aws_exchange_done then)
{
    rip_error err;
    aws_http_request request = {0};
    rip_status status = aws_remote_get(&p->endpoint, path, "X-aws-ec2-metadata-token", p->token, &request, &err);
    if (status == RIP_OK)
        aws_remote_send(&p->remote, &request, &LIMITS, then);
    else
        aws_remote_fail(&p->remote, &err);
    aws_http_request_free(&request);
}

static void on_credentials(void *data, const aws_http_response *response, const rip_error *err)
{
    imds *p = data;
    if (is_good(p, "the role's credentials", response, err)) aws_remote_finish_metadata(&p->remote, response);
}

static void on_role(void *data, const aws_http_response *response, const rip_error *err)
{
    imds *p = data;
    char role[WORD_MAX];
    rip_buffer path = {0};
    if (!is_good(p, "the role's name", response, err)) return;
    if (!read_word(response, role, sizeof role)) {
        fail_word(p, "the role's name");
        return;
    }
    rip_buffer_puts(&path, ROLES_PATH);
    aws_uri_encode(&path, role, strlen(role), false);
    get(p, path.data ? path.data : "", on_credentials);
    rip_buffer_free(&path);
}

static void on_token(void *data, const aws_http_response *response, const rip_error *err)
{
    imds *p = data;
    if (!is_good(p, "a session token (version 2)", response, err)) return;
    if (read_word(response, p->token, sizeof p->token))
        get(p, ROLES_PATH, on_role);
    else
        fail_word(p, "a session token");
}

rip_status aws_imds_endpoint(const aws_provider_context *context, aws_endpoint *out, rip_error *err)
{
    const char *profile = aws_profile_name(context->profile);
    const char *url =
        aws_setting(context->profiles, profile, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
    const char *mode = aws_setting(context->profiles, profile, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                                   "ec2_metadata_service_endpoint_mode");
    if (aws_setting_on(NULL, profile, "AWS_EC2_METADATA_DISABLED", NULL))
        return rip_fail(err, RIP_ENOTFOUND, "instance metadata is off (AWS_EC2_METADATA_DISABLED)");
    bool is_v6 = mode && strcasecmp(mode, "IPv6") == 0;
    if (mode && !is_v6 && strcasecmp(mode, "IPv4") != 0)
        return rip_fail(err, RIP_EINVAL, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is %.32s: expected IPv4 or IPv6",
                        mode);
    if (!url) url = is_v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    return aws_endpoint_parse(url, "AWS_EC2_METADATA_SERVICE_ENDPOINT", out, err);
}

static void fetch(aws_provider *self, aws_provider_done done, void *data)
{
    imds *p = (imds *)self;
    rip_error err;
    aws_http_request request = {0};
    p->remote.done = done;
    p->remote.data = data;
    rip_status status = aws_imds_endpoint(&p->remote.context, &p->endpoint, &err);
    if (status == RIP_OK)
        status = aws_remote_get(&p->endpoint, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds",
                                TOKEN_SECONDS, &request, &err);
    if (status == RIP_OK) {
        memcpy(request.method, "PUT", sizeof "PUT"); /* as long as "GET" */
        aws_remote_send(&p->remote, &request, &LIMITS, on_token);
    } else {
        aws_remote_fail(&p->remote, &err);
    }
    aws_http_request_free(&request);
}

static void free_imds(aws_provider *self)
{
    aws_remote_stop((aws_remote *)self);
    free(self);
}

aws_provider *aws_provider_imds(const aws_provider_context *context)
{
    imds *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->remote = (aws_remote){.base = {fetch, free_imds}, .context = *context, .source = "instance metadata"};
    return &p->remote.base;
}
