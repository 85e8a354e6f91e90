/* One request and its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/serve/http_private.h"
#include "engine/serve/problem.h"

/* A body that turns out too large is read so much further, so that the client gets to see why. */
#define DRAIN_MOST ((size_t)256 << 10)
/* Of all bodies that are being read or answered, together. */
#define BODIES_MOST ((size_t)64 << 20)

const char *const HTTP_RETRY_SOON[] = {MHD_HTTP_HEADER_RETRY_AFTER, "1", NULL};

/* Exchanges. */

void http_exchange_free(http_exchange *x)
{
    *x->self = x->next;
    if (x->next) x->next->self = x->self;
    if (x->response) MHD_destroy_response(x->response);
    x->server->body_bytes -= x->body.len;
    rip_buffer_free(&x->body);
    free(x->method);
    free(x->path);
    free(x->segment);
    free(x);
}

static http_exchange *exchange_new(http_server *s, peer *p, struct MHD_Connection *connection, const char *method,
                                   const char *path)
{
    http_exchange *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    *x = (http_exchange){.server = s,
                         .peer = p,
                         .connection = connection,
                         .method = strdup(method),
                         .path = strdup(path),
                         .next = s->exchanges,
                         .self = &s->exchanges};
    if (x->next) x->next->self = &x->next;
    s->exchanges = x;
    if (x->method && x->path) return x;
    http_exchange_free(x);
    return NULL;
}

/* Answers. */

static bool has_header(const char *const *headers, const char *name)
{
    for (; headers && *headers; headers += 2) {
        if (strcmp(headers[0], name) == 0) return true;
    }
    return false;
}

void http_add_headers(struct MHD_Response *response, const char *type, const char *const *headers)
{
    if (type) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (!has_header(headers, MHD_HTTP_HEADER_CACHE_CONTROL))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    for (; headers && *headers; headers += 2) MHD_add_response_header(response, headers[0], headers[1]);
}

void http_respond(http_exchange *x, unsigned status, struct MHD_Response *response)
{
    x->response = response;
    x->status = status;
    if (!x->suspended) return;
    x->suspended = false;
    MHD_resume_connection(x->connection);
    http_pump_soon(x->server);
}

static void respond_text(http_exchange *x, unsigned status, const char *type, const char *body, size_t len,
                         const char *const *headers)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)(body ? body : ""), MHD_RESPMEM_MUST_COPY);
    if (response) http_add_headers(response, type, headers);
    http_respond(x, status, response);
}

void http_respond_problem(http_exchange *x, unsigned status, const char *detail, const char *const *headers)
{
    rip_buffer body = {0};
    problem_write(&body, status, detail);
    respond_text(x, status, PROBLEM_TYPE, body.data, body.len, headers);
    rip_buffer_free(&body);
}

bool http_is_heard(http_exchange *x)
{
    bool heard = x->connection && !x->given_up;
    x->owed = false;
    if (!x->connection) http_exchange_free(x);
    return heard;
}

void http_answer(http_exchange *x, unsigned status, const char *type, const char *body, size_t len,
                 const char *const *headers)
{
    if (http_is_heard(x)) respond_text(x, status, type, body, len, headers);
}

/* What the library asks of us, request by request. */

static enum MHD_Result queue(http_exchange *x)
{
    x->peer->since = 0;
    /* A stream may stay; any other answer is taken within its time. */
    x->peer->deadline = x->stream ? 0 : uv_now(x->server->options.loop) + x->server->options.request_ms;
    enum MHD_Result result = MHD_queue_response(x->connection, x->status, x->response);
    MHD_destroy_response(x->response);
    x->response = NULL;
    return result;
}

static enum MHD_Result refuse(http_exchange *x)
{
    const char *const allow[] = {MHD_HTTP_HEADER_ALLOW, x->allow, NULL};
    http_respond_problem(x, x->refused, NULL, x->refused == 405 ? allow : x->refused == 503 ? HTTP_RETRY_SOON : NULL);
    return x->response ? queue(x) : MHD_NO;
}

static bool claims_more_than(const http_exchange *x, size_t most)
{
    const char *text = http_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return text && strtoull(text, NULL, 10) > most;
}

static unsigned judge(http_exchange *x)
{
    const char *segment = "";
    x->route = routes_find(&x->server->routes, x->method, x->path, &segment, x->allow);
    if (!x->route) return *x->allow ? 405 : 404;
    x->segment = strndup(segment, strcspn(segment, "/"));
    if (!x->segment) return 503;
    if (claims_more_than(x, x->route->body_most)) return 413;
    return !x->route->type || routes_type_is(http_header(x, MHD_HTTP_HEADER_CONTENT_TYPE), x->route->type) ? 0 : 415;
}

/* The headers are there. A body that belongs to a refused request is read if it is small, since a client that is cut
 * off while it writes does not see its answer. */
static enum MHD_Result admit(http_exchange *x)
{
    x->refused = judge(x);
    x->peer->since = uv_now(x->server->options.loop);
    x->peer->deadline = x->peer->since + x->server->options.request_ms;
    return x->refused && claims_more_than(x, DRAIN_MOST) ? refuse(x) : MHD_YES;
}

static enum MHD_Result read_body(http_exchange *x, const char *bytes, size_t *len)
{
    http_server *s = x->server;
    size_t n = *len;
    *len = 0;
    if (!x->refused && x->body.len + n > x->route->body_most) x->refused = 413;
    if (!x->refused && s->body_bytes + n > BODIES_MOST) x->refused = 503;
    if (x->refused) {
        x->drained += n;
        return x->drained > DRAIN_MOST ? MHD_NO : MHD_YES;
    }
    rip_buffer_append(&x->body, bytes, n);
    if (x->body.failed) return MHD_NO;
    s->body_bytes += n;
    return MHD_YES;
}

/* The request is whole, or goes on after it was suspended. */
static enum MHD_Result serve(http_exchange *x)
{
    if (x->response) return queue(x);
    if (x->refused) return refuse(x);
    if (x->called) return MHD_NO;
    x->called = x->owed = true;
    x->peer->since = x->peer->deadline = 0;
    x->answer_by = uv_now(x->server->options.loop) + x->server->options.answer_ms;
    x->route->handler(x->route->data, x);
    if (x->response) return queue(x);
    if (!x->owed) return MHD_NO;
    x->suspended = true;
    MHD_suspend_connection(x->connection);
    return MHD_YES;
}

void http_on_completed(void *data, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode how)
{
    http_exchange *x = *context;
    (void)data;
    (void)connection;
    (void)how;
    if (!x) return;
    *context = NULL;
    x->peer->x = NULL;
    http_peer_rest(x->peer);
    if (x->stream) x->stream->x = NULL;
    x->connection = NULL;
    x->peer = NULL;
    if (!x->owed) http_exchange_free(x);
}

enum MHD_Result http_on_request(void *data, struct MHD_Connection *connection, const char *path, const char *method,
                                const char *version, const char *bytes, size_t *len, void **context)
{
    (void)version;
    http_exchange *x = *context;
    if (x && *len) return read_body(x, bytes, len);
    if (x) return serve(x);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    peer *p = info ? info->socket_context : NULL;
    if (!p) return MHD_NO;
    *context = x = exchange_new(data, p, connection, method, path);
    if (!x) return MHD_NO;
    p->x = x;
    return admit(x);
}

/* What was asked. */

const char *http_method(const http_exchange *x)
{
    return x->method;
}

const char *http_path(const http_exchange *x)
{
    return x->path;
}

const char *http_segment(const http_exchange *x)
{
    return x->segment ? x->segment : "";
}

const char *http_header(const http_exchange *x, const char *name)
{
    return x->connection ? MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name) : NULL;
}

const char *http_query(const http_exchange *x, const char *name)
{
    return x->connection ? MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name) : NULL;
}

const char *http_body(const http_exchange *x, size_t *len)
{
    *len = x->body.len;
    return x->body.data ? x->body.data : "";
}

const char *http_remote(const http_exchange *x)
{
    return x->peer ? x->peer->remote : "";
}
