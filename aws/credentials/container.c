#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#include "aws/credentials/remote.h"

#define TOKEN_BYTES_MAX 16384
#define TIMEOUT_MS 2000

static void on_reply(void *data, const aws_http_response *response, const rip_error *err)
{
    aws_remote *remote = data;
    rip_error why;
    if (!response) {
        aws_remote_fail(remote, err);
    } else if (response->status != 200) {
        rip_fail(&why, aws_remote_status(response, NULL), "container credentials: HTTP %d", response->status);
        aws_remote_fail(remote, &why);
    } else {
        aws_remote_finish_metadata(remote, response);
    }
}

/** Credentials go in clear only to this machine, and to the two addresses of ECS and EKS on its own link. */
static bool may_be_asked(const aws_endpoint *endpoint)
{
    static const char *const HOSTS[] = {"localhost", "169.254.170.2", "169.254.170.23", "[::1]", "[fd00:ec2::23]"};
    char host[sizeof endpoint->host];
    struct in_addr address;
    if (strcmp(endpoint->scheme, "https") == 0) return true;
    snprintf(host, sizeof host, "%s", endpoint->host);
    char *port = strrchr(host, ':');
    if (port && !strchr(port, ']')) *port = '\0';
    for (size_t i = 0; i < sizeof HOSTS / sizeof *HOSTS; i++) {
        if (strcasecmp(host, HOSTS[i]) == 0) return true;
    }
    return inet_pton(AF_INET, host, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

/** Where to ask: the host, and in new memory path and query. */
static rip_status find_endpoint(aws_endpoint *endpoint, char **path, rip_error *err)
{
    const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    rip_buffer url = {0};
    if (relative && *relative)
        rip_buffer_printf(&url, "http://169.254.170.2%s%s", *relative == '/' ? "" : "/", relative);
    else if (full && *full)
        rip_buffer_puts(&url, full);
    else
        return rip_fail(err, RIP_ENOTFOUND, "no AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI is set");
    if (url.failed) return rip_nomem(err);
    const char *host = strstr(url.data, "://");
    char *rest = url.data + (host ? host + 3 - url.data : 0);
    rest += strcspn(rest, "/?#");
    *path = *rest ? strdup(rest) : strdup("/");
    *rest = '\0';
    rip_status status =
        *path ? aws_endpoint_parse(url.data, "AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint, err) : rip_nomem(err);
    rip_buffer_free(&url);
    if (status == RIP_OK && !may_be_asked(endpoint))
        status = rip_fail(err, RIP_EDENIED,
                          "AWS_CONTAINER_CREDENTIALS_FULL_URI: %s may not be asked for credentials over http: expected "
                          "https, a loopback address, or the address of ECS or EKS",
                          endpoint->host);
    return status;
}

static void ask(aws_remote *remote, const char *authorization)
{
    aws_endpoint endpoint = {0};
    aws_web_limits limits = {.timeout_ms = TIMEOUT_MS, .body_bytes = AWS_REMOTE_BYTES_MAX, .no_proxy = true};
    aws_http_request request = {0};
    char *path = NULL;
    rip_error err;
    rip_status status = find_endpoint(&endpoint, &path, &err);
    if (status == RIP_OK)
        status = aws_remote_get(&endpoint, path, authorization ? "Authorization" : NULL, authorization, &request, &err);
    free(path);
    if (status == RIP_OK)
        aws_remote_send(remote, &request, &limits, on_reply);
    else
        aws_remote_fail(remote, &err);
    aws_http_request_free(&request);
}

static void on_authorization(aws_remote *remote, const char *text, size_t len, const rip_error *err)
{
    (void)len;
    char *line = text ? strndup(text, strcspn(text, "\r\n")) : NULL;
    if (text)
        ask(remote, line ? line : "");
    else
        aws_remote_fail(remote, err);
    aws_secret_free(line);
}

static void fetch(aws_provider *self, aws_provider_done done, void *data)
{
    aws_remote *remote = (aws_remote *)self;
    const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *file = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *value = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    bool is_set_up = (relative && *relative) || (full && *full);
    remote->done = done;
    remote->data = data;
    if (is_set_up && file && *file)
        aws_remote_read_file(remote, file, TOKEN_BYTES_MAX, on_authorization);
    else
        ask(remote, value && *value ? value : NULL);
}

static void free_container(aws_provider *self)
{
    aws_remote_stop((aws_remote *)self);
    free(self);
}

aws_provider *aws_provider_container(const aws_provider_context *context)
{
    aws_remote *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (aws_remote){.base = {fetch, free_container}, .context = *context, .source = "container credentials"};
    return &p->base;
}
