#include "aws/credentials/remote.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/retry.h"
#include "engine/base/data.h"

void aws_remote_fail(aws_remote *remote, const rip_error *err)
{
    remote->done(remote->data, NULL, err);
}

static void on_reply(void *data, const aws_http_response *response, const rip_error *err)
{
    aws_remote *remote = data;
    remote->exchange = NULL;
    remote->on_reply(remote, response, err);
}

void aws_remote_send(aws_remote *remote, aws_http_request *request, const aws_web_limits *limits,
                     aws_exchange_done then)
{
    rip_error err;
    remote->on_reply = then;
    rip_status status = aws_web_send(remote->context.web, request, limits, on_reply, remote, &remote->exchange, &err);
    if (status != RIP_OK) aws_remote_fail(remote, &err);
}

/* Files. */

/* Outlives its provider where that is freed first: the thread may be in the middle of it. */
typedef struct aws_file_read {
    uv_work_t work;
    aws_remote *owner; /* NULL: nobody waits any more */
    aws_file_done then;
    char *path;
    size_t max;
    rip_status status;
    char *text;
    size_t len;
    rip_error err;
} aws_file_read;

static void read_in_thread(uv_work_t *work)
{
    aws_file_read *r = work->data;
    r->status = rip_read_file(r->path, r->max, &r->text, &r->len, &r->err);
}

static void on_read(uv_work_t *work, int cancelled)
{
    aws_file_read *r = work->data;
    aws_remote *remote = r->owner;
    (void)cancelled; /* only together with its owner */
    if (remote) {
        remote->reading = NULL;
        if (r->status == RIP_ENOTFOUND) r->err.status = RIP_EINVAL;
        r->then(remote, r->text, r->len, r->status == RIP_OK ? NULL : &r->err);
    }
    if (r->text) OPENSSL_cleanse(r->text, r->len);
    free(r->text);
    free(r->path);
    free(r);
}

void aws_remote_read_file(aws_remote *remote, const char *path, size_t max, aws_file_done then)
{
    aws_file_read *r = calloc(1, sizeof *r);
    char *copy = strdup(path);
    rip_error err;
    if (!r || !copy) {
        free(r);
        free(copy);
        rip_nomem(&err);
        aws_remote_fail(remote, &err);
        return;
    }
    r->work.data = r;
    r->owner = remote;
    r->then = then;
    r->path = copy;
    r->max = max;
    remote->reading = r;
    uv_queue_work(remote->context.loop, &r->work, read_in_thread, on_read); /* fails only without a function */
}

/* Requests. */

rip_status aws_remote_status(const aws_http_response *response, const char *code)
{
    aws_error error = {.http_status = response->status};
    if (code) snprintf(error.code, sizeof error.code, "%s", code);
    aws_retry_classify(&error);
    return error.retryable ? RIP_EIO : RIP_EREMOTE;
}

rip_status aws_remote_get(const aws_endpoint *endpoint, const char *path, const char *name, const char *value,
                          aws_http_request *request, rip_error *err)
{
    rip_buffer full = {0};
    rip_buffer_printf(&full, "%s%s", endpoint->path, path);
    char *query = full.failed || !full.data ? NULL : strchr(full.data, '?');
    if (query) request->query = strdup(query + 1);
    if (query) *query = '\0';
    request->method = strdup("GET");
    request->scheme = strdup(endpoint->scheme);
    request->host = strdup(endpoint->host);
    request->path = rip_buffer_take(&full, NULL);
    if (!request->method || !request->scheme || !request->host || !request->path) return rip_nomem(err);
    return name ? aws_headers_add(&request->headers, name, value, err) : RIP_OK;
}

void aws_remote_finish(aws_remote *remote, const json_t *object, const aws_credentials_names *names)
{
    rip_error err;
    aws_credentials *credentials = NULL;
    rip_status status = aws_credentials_from_json(object, names, remote->source, &credentials, &err);
    remote->done(remote->data, credentials, status == RIP_OK ? NULL : &err);
    aws_credentials_unref(credentials);
}

void aws_remote_stop(aws_remote *remote)
{
    if (remote->exchange) aws_web_cancel(remote->exchange);
    remote->exchange = NULL;
    if (!remote->reading) return;
    remote->reading->owner = NULL;
    uv_cancel((uv_req_t *)&remote->reading->work);
    remote->reading = NULL;
}

json_t *aws_remote_json(const char *source, const char *bytes, size_t len, rip_error *err)
{
    json_error_t where;
    json_t *object = json_loadb(bytes ? bytes : "", len, JSON_REJECT_DUPLICATES, &where);
    if (json_is_object(object)) return object;
    json_decref(object);
    rip_fail(err, RIP_EIO, "%s: the reply is no JSON object (byte %d)", source, where.position);
    return NULL;
}

rip_status aws_metadata_credentials(const char *source, const char *bytes, size_t len, aws_credentials **out,
                                    rip_error *err)
{
    static const aws_credentials_names NAMES = {"AccessKeyId", "SecretAccessKey", "Token", "AccountId", "Expiration"};
    json_t *object = aws_remote_json(source, bytes, len, err);
    if (!object) return err->status;
    const char *code = json_string_value(json_object_get(object, "Code"));
    const char *message = json_string_value(json_object_get(object, "Message"));
    rip_status status;
    if (code && strcmp(code, "Success") != 0)
        status = rip_fail(err, RIP_EREMOTE, "%s: %.128s: %.300s", source, code, message ? message : "no message");
    else
        status = aws_credentials_from_json(object, &NAMES, source, out, err);
    json_decref(object);
    return status;
}

void aws_remote_finish_metadata(aws_remote *remote, const aws_http_response *response)
{
    rip_error err;
    aws_credentials *credentials = NULL;
    rip_status status =
        aws_metadata_credentials(remote->source, response->body.data, response->body.len, &credentials, &err);
    remote->done(remote->data, credentials, status == RIP_OK ? NULL : &err);
    aws_credentials_unref(credentials);
}

void aws_form_add(rip_buffer *form, const char *name, const char *value)
{
    rip_buffer_printf(form, "&%s=", name);
    aws_uri_encode(form, value, strlen(value), false);
}
