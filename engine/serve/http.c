#include "engine/serve/http.h"

#include <microhttpd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/data.h"
#include "engine/base/log.h"
#include "engine/serve/listen.h"
#include "engine/serve/problem.h"
#include "engine/serve/routes.h"

#define SWEEP_MS 250
#define ROUNDS_AT_ONCE 8
/* How long a client may take to say what it wants once three in four connections are in use. */
#define PRESSED_MS 2000
#define PEM_MOST ((size_t)1 << 20)
/* A body that turns out too large is read so much further, so that the client gets to see why. */
#define DRAIN_MOST ((size_t)256 << 10)
/* Of all bodies that are being read or answered, together. */
#define BODIES_MOST ((size_t)64 << 20)
#define STREAM_MOST ((size_t)256 << 10)
#define STREAM_BLOCK 4096

static const char *const RETRY_SOON[] = {MHD_HTTP_HEADER_RETRY_AFTER, "1", NULL};

/* A client's connection, from accept to close. */
typedef struct peer {
    struct http_server *server;
    struct peer *next, **self;
    http_exchange *x; /* the request that is read or answered; NULL: between two */
    int fd;
    uint64_t since;    /* it has said nothing that is complete since then; 0: it is not its turn */
    uint64_t deadline; /* 0: none */
    char remote[64];
} peer;

struct http_exchange {
    http_server *server;
    peer *peer;
    struct MHD_Connection *connection; /* NULL: the client has gone, or was answered */
    const route *route;
    char *method, *path, *segment;
    rip_buffer body;
    size_t drained;   /* bytes past the limit */
    unsigned refused; /* the status that tells why; 0: it goes to its handler */
    char allow[64];
    struct MHD_Response *response; /* until it is queued */
    unsigned status;
    http_stream *stream;
    uint64_t answer_by;
    bool called, suspended;
    bool owed;     /* its handler was called and has not answered */
    bool given_up; /* …in time, and the client was told so */
    http_exchange *next, **self;
};

struct http_stream {
    http_exchange *x;
    rip_buffer waiting;
    size_t sent;
    bool suspended, closing;
    void (*closed)(void *data);
    void *data;
};

struct http_server {
    struct MHD_Daemon *daemon;
    routes routes;
    listener socket;
    http_options options;
    char *certificate, *key;
    uv_poll_t poll;
    uv_timer_t due, sweep;
    unsigned handles; /* that are open */
    peer *peers;
    unsigned peer_count;
    http_exchange *exchanges;
    size_t body_bytes;
    bool again;      /* it is to be run once more */
    unsigned rounds; /* in which it was, since its descriptor told anything */
    char said[256];  /* the library's last complaint */
};

/* Driving the library: its epoll descriptor, and the time it asks for. */

static void pump(http_server *s);

static void on_due(uv_timer_t *timer)
{
    pump(timer->data);
}

/* The library's descriptor does not tell of everything that there is to do: run it once more from the loop. */
static void pump_soon(http_server *s)
{
    s->again = true;
    uv_timer_start(&s->due, on_due, 0, 0);
}

/* The library asks to be run at once for as long as the handshake of a connection is not complete, whether or not there
 * is anything to read (0.9.75). A timer of 0 ms that starts itself anew would let nothing else run. */
static void pump(http_server *s)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    s->again = false;
    MHD_run(s->daemon);
    bool wanted = s->again || MHD_get_timeout(s->daemon, &ms) == MHD_YES;
    if (wanted && ms == 0 && s->rounds++ >= ROUNDS_AT_ONCE) ms = 1;
    if (wanted)
        uv_timer_start(&s->due, on_due, ms, 0);
    else
        uv_timer_stop(&s->due);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    ((http_server *)poll->data)->rounds = 0;
    pump(poll->data);
}

/* Connections. */

static void wait_for_request(peer *p)
{
    p->since = uv_now(p->server->options.loop);
    p->deadline = p->since + p->server->options.idle_ms + p->server->options.request_ms;
}

static void on_connection(void *data, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    http_server *s = data;
    peer *p = *context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (!p) return;
        *p->self = p->next;
        if (p->next) p->next->self = p->self;
        if (s->peer_count-- == s->options.connections) pump_soon(s); /* the next may be accepted */
        free(p);
        return;
    }
    p = calloc(1, sizeof *p);
    if (!p) return; /* its requests are refused */
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *at = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    *p = (peer){.server = s, .fd = fd ? fd->connect_fd : -1, .next = s->peers, .self = &s->peers};
    if (p->next) p->next->self = &p->next;
    s->peers = p;
    s->peer_count++;
    listener_name(at ? at->client_addr : NULL, p->remote);
    wait_for_request(p);
    *context = p;
}

static bool is_late(const http_server *s, const peer *p, uint64_t now)
{
    bool pressed = s->peer_count > s->options.connections - s->options.connections / 4;
    return (p->deadline && now >= p->deadline) || (pressed && p->since && now >= p->since + PRESSED_MS);
}

/* Exchanges. */

static void exchange_free(http_exchange *x)
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
    exchange_free(x);
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

static void add_headers(struct MHD_Response *response, const char *type, const char *const *headers)
{
    if (type) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (!has_header(headers, MHD_HTTP_HEADER_CACHE_CONTROL))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    for (; headers && *headers; headers += 2) MHD_add_response_header(response, headers[0], headers[1]);
}

/* `response` is taken over; NULL: memory is out, and the connection is closed. */
static void respond(http_exchange *x, unsigned status, struct MHD_Response *response)
{
    x->response = response;
    x->status = status;
    if (!x->suspended) return;
    x->suspended = false;
    MHD_resume_connection(x->connection);
    pump_soon(x->server);
}

static void respond_text(http_exchange *x, unsigned status, const char *type, const char *body, size_t len,
                         const char *const *headers)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)(body ? body : ""), MHD_RESPMEM_MUST_COPY);
    if (response) add_headers(response, type, headers);
    respond(x, status, response);
}

static void respond_problem(http_exchange *x, unsigned status, const char *detail, const char *const *headers)
{
    rip_buffer body = {0};
    problem_write(&body, status, detail);
    respond_text(x, status, PROBLEM_TYPE, body.data, body.len, headers);
    rip_buffer_free(&body);
}

/* Its handler answers; false: nobody is there any more to hear it. */
static bool is_heard(http_exchange *x)
{
    bool heard = x->connection && !x->given_up;
    x->owed = false;
    if (!x->connection) exchange_free(x);
    return heard;
}

void http_answer(http_exchange *x, unsigned status, const char *type, const char *body, size_t len,
                 const char *const *headers)
{
    if (is_heard(x)) respond_text(x, status, type, body, len, headers);
}

/* The library's own timeout is one of silence: a client that sends a byte now and then is met here. */
static void on_sweep(uv_timer_t *timer)
{
    http_server *s = timer->data;
    uint64_t now = uv_now(s->options.loop);
    for (peer *p = s->peers; p; p = p->next) {
        http_exchange *x = p->x;
        if (is_late(s, p, now)) {
            shutdown(p->fd, SHUT_RDWR); /* the library sees the end and closes */
            p->since = p->deadline = 0;
        } else if (x && x->owed && !x->given_up && now >= x->answer_by) {
            x->given_up = true;
            respond_problem(x, 503, "this took too long; it may have been done all the same", RETRY_SOON);
        }
    }
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
    respond_problem(x, x->refused, NULL, x->refused == 405 ? allow : x->refused == 503 ? RETRY_SOON : NULL);
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
    x->peer->since = 0;
    x->peer->deadline = uv_now(x->server->options.loop) + x->server->options.request_ms;
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

static void on_completed(void *data, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how)
{
    http_exchange *x = *context;
    (void)data;
    (void)connection;
    (void)how;
    if (!x) return;
    *context = NULL;
    x->peer->x = NULL;
    wait_for_request(x->peer);
    if (x->stream) x->stream->x = NULL;
    x->connection = NULL;
    x->peer = NULL;
    if (!x->owed) exchange_free(x);
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *path, const char *method,
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

/* Streams. */

static ssize_t on_stream_read(void *data, uint64_t position, char *out, size_t most)
{
    (void)position;
    http_stream *stream = data;
    size_t left = stream->waiting.len - stream->sent;
    if (left > most) left = most;
    if (left) {
        memcpy(out, stream->waiting.data + stream->sent, left);
        stream->sent += left;
        if (stream->sent == stream->waiting.len) {
            rip_buffer_clear(&stream->waiting);
            stream->sent = 0;
        }
        return (ssize_t)left;
    }
    if (stream->closing) return MHD_CONTENT_READER_END_OF_STREAM;
    stream->suspended = true;
    MHD_suspend_connection(stream->x->connection);
    return 0;
}

static void on_stream_free(void *data)
{
    http_stream *stream = data;
    if (stream->x) stream->x->stream = NULL;
    if (stream->closed) stream->closed(stream->data);
    rip_buffer_free(&stream->waiting);
    free(stream);
}

static void wake(http_stream *stream)
{
    if (!stream->suspended) return;
    stream->suspended = false;
    MHD_resume_connection(stream->x->connection);
    pump_soon(stream->x->server);
}

http_stream *http_answer_stream(http_exchange *x, const char *type, void (*closed)(void *data), void *data)
{
    if (!is_heard(x)) return NULL;
    http_stream *stream = calloc(1, sizeof *stream);
    struct MHD_Response *response = stream ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
                                                                               on_stream_read, stream, on_stream_free)
                                           : NULL;
    if (response) {
        *stream = (http_stream){.x = x, .closed = closed, .data = data};
        x->stream = stream;
        add_headers(response, type, NULL);
    } else {
        free(stream);
    }
    respond(x, 200, response);
    return x->stream;
}

bool http_stream_write(http_stream *stream, const char *bytes, size_t len)
{
    if (!stream->x || stream->closing) return false;
    bool full = stream->waiting.len - stream->sent + len > STREAM_MOST;
    if (!full) rip_buffer_append(&stream->waiting, bytes, len);
    full = full || stream->waiting.failed;
    stream->closing = full;
    if (full) shutdown(stream->x->peer->fd, SHUT_RDWR);
    wake(stream);
    return !full;
}

void http_stream_close(http_stream *stream)
{
    stream->closed = NULL;
    stream->closing = true;
    if (stream->x) wake(stream);
}

/* Starting and stopping. */

static void on_complaint(void *data, const char *format, va_list arguments)
{
    http_server *s = data;
    vsnprintf(s->said, sizeof s->said, format, arguments);
    s->said[strcspn(s->said, "\r\n")] = '\0';
    rip_log(RIP_LOG_DEBUG, "http.complaint", "message", s->said, NULL);
}

static rip_status read_pem(const char *path, const char *what, char **out, rip_error *err)
{
    size_t len;
    rip_status status = rip_read_file(path, PEM_MOST, out, &len, err);
    return status == RIP_OK ? status : rip_error_prefix(err, "the TLS %s: ", what);
}

static void set_defaults(http_options *o, bool is_local)
{
    if (!o->connections) o->connections = 1024;
    if (!o->connections_of_ip && !is_local) o->connections_of_ip = 128;
    if (!o->idle_ms) o->idle_ms = 10000;
    if (!o->header_bytes) o->header_bytes = 16 << 10;
    if (!o->request_ms) o->request_ms = 20000;
    if (!o->answer_ms) o->answer_ms = 15000;
}

static rip_status start_daemon(http_server *s, rip_error *err)
{
    const http_options *o = &s->options;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (s->certificate ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, s->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, s->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_complaint, s, MHD_OPTION_LISTEN_SOCKET,
        s->socket.fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_CONNECTION_LIMIT, o->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_of_ip,
        MHD_OPTION_CONNECTION_TIMEOUT, (o->idle_ms + 999) / 1000, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        /* The reply's own headers are written there, too. */
        o->header_bytes + (size_t)4096, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_ARRAY, s->certificate ? tls : none, MHD_OPTION_END);
    if (s->daemon) return RIP_OK;
    return rip_fail(err, RIP_EINVAL, "the HTTP server did not start: %s",
                    *s->said ? s->said : "certificate and key do not fit");
}

static rip_status start_watching(http_server *s, rip_error *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_loop_t *loop = s->options.loop;
    if (!info || uv_poll_init(loop, &s->poll, info->epoll_fd) != 0)
        return rip_fail(err, RIP_EIO, "the HTTP server cannot be watched");
    uv_timer_init(loop, &s->due);
    uv_timer_init(loop, &s->sweep);
    s->handles = 3;
    s->poll.data = s->due.data = s->sweep.data = s;
    uv_poll_start(&s->poll, UV_READABLE, on_ready);
    uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    uv_unref((uv_handle_t *)&s->sweep);
    return RIP_OK;
}

rip_status http_server_new(const http_options *options, http_server **out, rip_error *err)
{
    http_server *s = calloc(1, sizeof *s);
    if (!s) return rip_nomem(err);
    s->options = *options;
    s->socket.fd = -1;
    signal(SIGPIPE, SIG_IGN);
    rip_status status = listener_open(options->listen, &s->socket, err);
    if (status == RIP_OK) set_defaults(&s->options, s->socket.is_local);
    if (status == RIP_OK && !options->certificate && !s->socket.is_local && !options->plain)
        status = rip_fail(err, RIP_EINVAL,
                          "listening on %s without TLS would show tokens to the network: give a certificate, or listen "
                          "on the loopback or a unix socket behind a proxy",
                          options->listen);
    if (status == RIP_OK && options->certificate)
        status = read_pem(options->certificate, "certificate", &s->certificate, err);
    if (status == RIP_OK && options->certificate)
        status = options->key ? read_pem(options->key, "key", &s->key, err)
                              : rip_fail(err, RIP_EINVAL, "a TLS certificate needs its key");
    if (status == RIP_OK) status = start_daemon(s, err);
    if (status == RIP_OK) status = start_watching(s, err);
    if (status == RIP_OK)
        *out = s;
    else
        http_server_free(s);
    return status;
}

unsigned http_server_port(const http_server *server)
{
    return server->socket.port;
}

rip_status http_route(http_server *server, const char *method, const char *path, size_t body_most, const char *type,
                      http_handler handler, void *data, rip_error *err)
{
    /* Routes are not looked up yet, so that they may move. */
    const route made = {.method = (char *)(uintptr_t)method,
                        .path = (char *)(uintptr_t)path,
                        .body_most = body_most,
                        .type = (char *)(uintptr_t)type,
                        .handler = handler,
                        .data = data};
    return routes_add(&server->routes, &made, err);
}

void http_server_quiet(http_server *server)
{
    if (server->socket.fd < 0) return;
    MHD_quiesce_daemon(server->daemon);
    close(server->socket.fd);
    server->socket.fd = -1;
}

static void server_delete(http_server *s)
{
    routes_free(&s->routes);
    free(s->certificate);
    free(s->key);
    free(s);
}

static void on_handle_closed(uv_handle_t *handle)
{
    http_server *s = handle->data;
    if (--s->handles == 0) server_delete(s);
}

/* Nothing may be suspended when the library stops. */
static void end_exchanges(http_server *s)
{
    for (http_exchange *x = s->exchanges; x; x = x->next) {
        if (x->stream) {
            http_stream_close(x->stream);
        } else if (x->suspended) {
            x->owed = false;
            respond_problem(x, 503, "the server stops", RETRY_SOON);
        }
    }
    MHD_run(s->daemon);
}

void http_server_free(http_server *s)
{
    if (!s) return;
    if (s->daemon) {
        end_exchanges(s);
        MHD_stop_daemon(s->daemon);
    } else if (s->socket.fd >= 0) {
        close(s->socket.fd);
    }
    while (s->exchanges) exchange_free(s->exchanges);
    if (!s->handles) {
        server_delete(s);
        return;
    }
    uv_close((uv_handle_t *)&s->poll, on_handle_closed);
    uv_close((uv_handle_t *)&s->due, on_handle_closed);
    uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
}
