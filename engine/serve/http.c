/* The server: listening, driving the library, and the connections' time. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/data.h"
#include "engine/base/log.h"
#include "engine/serve/http_private.h"

#define SWEEP_MS 250
#define ROUNDS_AT_ONCE 8
/* How long a client may take to say what it wants once three in four connections are in use. */
#define PRESSED_MS 2000
#define PEM_MOST ((size_t)1 << 20)

/* Driving the library: its epoll descriptor, and the time it asks for. */

static void pump(http_server *s);

static void on_due(uv_timer_t *timer)
{
    pump(timer->data);
}

void http_pump_soon(http_server *s)
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

void http_peer_rest(peer *p)
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
        if (s->peer_count-- == s->options.connections) http_pump_soon(s); /* the next may be accepted */
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
    http_peer_rest(p);
    *context = p;
}

static bool is_late(const http_server *s, const peer *p, uint64_t now)
{
    bool pressed = s->peer_count > s->options.connections - s->options.connections / 4;
    return (p->deadline && now >= p->deadline) || (pressed && p->since && now >= p->since + PRESSED_MS);
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
            http_respond_problem(x, 503, "this took too long; it may have been done all the same", HTTP_RETRY_SOON);
        }
    }
}

/* Starting and stopping. */

static void __attribute__((format(printf, 2, 0))) on_complaint(void *data, const char *format, va_list arguments)
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
        flags, 0, NULL, NULL, http_on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_complaint, s, MHD_OPTION_LISTEN_SOCKET,
        s->socket.fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, s,
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
            http_respond_problem(x, 503, "the server stops", HTTP_RETRY_SOON);
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
    while (s->exchanges) http_exchange_free(s->exchanges);
    if (!s->handles) {
        server_delete(s);
        return;
    }
    uv_close((uv_handle_t *)&s->poll, on_handle_closed);
    uv_close((uv_handle_t *)&s->due, on_handle_closed);
    uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
}
