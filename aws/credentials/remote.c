#include "aws/credentials/remote.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

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
