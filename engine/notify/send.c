/* The two ways out: a POST to an address, and a call to AWS. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/json.h"
#include "engine/notify/private.h"

#define POST_TIMEOUT_MS 15000
#define REPLY_MOST ((size_t)64 << 10)
#define URL_MOST 2048

/* Addresses. */

static bool is_here(const char *host)
{
    size_t len = strcspn(host, ":");
    if (*host == '[') return strcmp(host, "[::1]") == 0 || strncmp(host, "[::1]:", 6) == 0;
    return (len == 9 && (strncasecmp(host, "localhost", len) == 0 || strncmp(host, "127.0.0.1", len) == 0));
}

static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~') return false;
    }
    return true;
}

rip_status notify_url_split(const char *url, aws_http_request *request, rip_error *err)
{
    const char *colon = strstr(url, "://");
    if (!colon || strlen(url) > URL_MOST || !is_printable(url) || strpbrk(url, "#\\\"<>"))
        return rip_fail(err, RIP_EINVAL,
                        "expected an address that begins with https://, of %d characters at most, in ASCII", URL_MOST);
    const char *host = colon + 3;
    size_t host_len = strcspn(host, "/?"), scheme_len = (size_t)(colon - url);
    const char *path = host + host_len;
    size_t path_len = strcspn(path, "?");
    request->scheme = strndup(url, scheme_len);
    request->host = strndup(host, host_len);
    request->path = path_len ? strndup(path, path_len) : strdup("/");
    request->query = strdup(path[path_len] == '?' ? path + path_len + 1 : "");
    request->method = strdup("POST");
    if (!request->scheme || !request->host || !request->path || !request->query || !request->method)
        return rip_nomem(err);
    bool https = strcmp(request->scheme, "https") == 0, http = strcmp(request->scheme, "http") == 0;
    if (!https && !(http && is_here(request->host)))
        return rip_fail(err, RIP_EINVAL,
                        "expected https:// (http:// only to this machine's own 127.0.0.1, ::1 or localhost)");
    if (!host_len || strchr(request->host, '@'))
        return rip_fail(err, RIP_EINVAL, "expected a host without a user name before it");
    return RIP_OK;
}

rip_status notify_url_check(const char *url, rip_error *err)
{
    aws_http_request request = {0};
    rip_status status = notify_url_split(url, &request, err);
    aws_http_request_free(&request);
    return status;
}

/* Posting. */

static int64_t retry_after_of(const aws_http_response *response)
{
    const char *value = aws_headers_get(&response->headers, "retry-after");
    char *end;
    long seconds = value ? strtol(value, &end, 10) : -1;
    return value && end != value && !*end && seconds >= 0 && seconds <= 86400 ? seconds * 1000 : -1;
}

/* A reply that blames the message is final; one that blames the address, the key or the moment is not: people mend
 * those. */
static notify_verdict verdict_of(int status)
{
    if (status >= 200 && status < 300) return NOTIFY_TOLD;
    return status == 400 || status == 413 || status == 415 || status == 422 ? NOTIFY_REFUSED : NOTIFY_LATER;
}

static void on_reply(void *data, const aws_http_response *response, const rip_error *err)
{
    notifier *n = data;
    rip_error why = {RIP_OK, ""};
    if (!response) {
        notifier_done(n, NOTIFY_LATER, err->message, -1);
        return;
    }
    rip_fail(&why, RIP_EREMOTE, "it answered %d: %.200s", response->status,
             response->body.data ? response->body.data : "");
    notifier_done(n, verdict_of(response->status), why.message, retry_after_of(response));
}

void notifier_post(notifier *n, const char *url, const char *authorization, const char *body, size_t len)
{
    aws_http_request request = {0};
    rip_error err = {RIP_OK, ""};
    const aws_web_limits limits = {.timeout_ms = POST_TIMEOUT_MS, .body_bytes = REPLY_MOST};
    rip_status status = notify_url_split(url, &request, &err);
    if (status == RIP_OK) status = aws_headers_add(&request.headers, "Content-Type", "application/json", &err);
    if (status == RIP_OK) status = aws_headers_add(&request.headers, "User-Agent", "riposte", &err);
    if (status == RIP_OK && authorization)
        status = aws_headers_add(&request.headers, "Authorization", authorization, &err);
    rip_buffer_append(&request.body, body, len);
    if (status == RIP_OK) status = rip_buffer_status(&request.body, &err);
    if (status == RIP_OK) status = aws_web_send(n->owner->web, &request, &limits, on_reply, n, &n->exchange, &err);
    aws_http_request_free(&request);
    if (status != RIP_OK) notifier_done(n, NOTIFY_LATER, err.message, -1);
}

void notifier_post_json(notifier *n, const char *url, json_t *body)
{
    char *text = body ? rip_json_dump(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (text)
        notifier_post(n, url, NULL, text, strlen(text));
    else
        notifier_done(n, NOTIFY_LATER, "out of memory", -1);
    free(text);
}

/* Calling. */

bool notify_arn_region(const char *arn, const char *service, char out[64])
{
    const char *field[6] = {arn};
    for (size_t i = 1; i < 6; i++) {
        const char *colon = strchr(field[i - 1], ':');
        if (!colon) return false;
        field[i] = colon + 1;
    }
    size_t service_len = strlen(service), region_len = (size_t)(field[4] - field[3] - 1);
    if (strncmp(arn, "arn:", 4) != 0 || strncmp(field[2], service, service_len) != 0 || field[2][service_len] != ':')
        return false;
    if (region_len == 0 || region_len >= 64 || !*field[5]) return false;
    memcpy(out, field[3], region_len);
    out[region_len] = '\0';
    return true;
}

static bool blames_message(const aws_error *error)
{
    static const char *const CODES[] = {"BadRequestException",       "InvalidInputException", "InvalidParameter",
                                        "InvalidParameterException", "InvalidParameterValue", "ParameterValueInvalid",
                                        "MessageRejected",           "ValidationException",   "ValidationError"};
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
        if (strcmp(error->code, CODES[i]) == 0) return true;
    }
    return false;
}

void notifier_judge(notifier *n, const aws_result *result)
{
    rip_error why = {RIP_OK, ""};
    if (!result->error) {
        notifier_done(n, NOTIFY_TOLD, "", -1);
        return;
    }
    rip_fail(&why, RIP_EREMOTE, "%s: %s", result->error->code, result->error->message);
    notifier_done(n, blames_message(result->error) ? NOTIFY_REFUSED : NOTIFY_LATER, why.message, -1);
}

static void on_result(void *data, const aws_result *result)
{
    notifier *n = data;
    n->call = NULL;
    n->answered(n, result);
}

void notifier_call(notifier *n, const char *service, const char *operation, const char *account, const char *region,
                   json_t *params, void (*answered)(notifier *n, const aws_result *result))
{
    rip_error err = {RIP_OK, ""};
    const aws_service *of = NULL;
    const aws_operation *what = NULL;
    const aws_call_options options = {.region = region, .account = account};
    aws_client *client = n->owner->options.client;
    rip_status status = params ? RIP_OK : rip_nomem(&err);
    n->answered = answered;
    if (status == RIP_OK) status = aws_models_service(aws_client_models(client), service, &of, &err);
    if (status == RIP_OK) status = aws_service_operation(of, operation, &what, &err);
    if (status == RIP_OK) status = aws_call_start(client, what, params, &options, on_result, n, &n->call, &err);
    json_decref(params);
    if (status != RIP_OK) notifier_done(n, status == RIP_EINVAL ? NOTIFY_REFUSED : NOTIFY_LATER, err.message, -1);
}
