#include "engine/serve/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/buffer.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/serve/peer.h"

#define PIECE_BYTES ((size_t)8 << 10)

typedef struct connection {
    uv_pipe_t pipe;
    uv_write_t write;
    rip_timer idle;
    control *server;
    rip_buffer in;   /* what came and is no whole request yet */
    json_t *request; /* that is being performed */
    char *reply;     /* that is being written */
    const char *who;
    bool last; /* to be closed once the reply is written */
} connection;

struct control {
    uv_pipe_t pipe;
    rip_clock *clock;
    control_perform perform;
    void *performer;
    unsigned idle_ms;
    connection *connections[CONTROL_CONNECTIONS_MOST + 1];  /* the last is for one to be told that it is too many */
    char own_name[PEER_NAME_MAX], root_name[PEER_NAME_MAX]; /* asked for once: a name service may be slow */
};

char *control_path(const char *journal_path)
{
    rip_buffer path = {0};
    rip_buffer_printf(&path, "%s.sock", journal_path);
    return rip_buffer_take(&path, NULL);
}

/* A connection's end. */

static void on_connection_closed(uv_handle_t *handle)
{
    connection *c = handle->data;
    json_decref(c->request);
    free(c->reply);
    rip_buffer_free(&c->in);
    free(c);
}

static void connection_close(connection *c)
{
    if (uv_is_closing((uv_handle_t *)&c->pipe)) return;
    for (size_t i = 0; i <= CONTROL_CONNECTIONS_MOST; i++) {
        if (c->server->connections[i] == c) c->server->connections[i] = NULL;
    }
    rip_timer_stop(&c->idle);
    uv_close((uv_handle_t *)&c->pipe, on_connection_closed);
}

static void on_idle(void *data)
{
    connection_close(data);
}

static void expect_progress(connection *c)
{
    rip_timer_start(&c->idle, c->server->clock, c->server->idle_ms, on_idle, c);
}

/* Answers. */

static void read_on(connection *c);

static void on_written(uv_write_t *write, int status)
{
    connection *c = write->data;
    free(c->reply);
    c->reply = NULL;
    if (status < 0 || c->last)
        connection_close(c);
    else if (!uv_is_closing((uv_handle_t *)&c->pipe))
        read_on(c);
}

/* `answer` is taken over. */
static void reply(connection *c, json_t *answer)
{
    rip_buffer text = {0};
    char *line = answer ? rip_json_dump(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    if (line) rip_buffer_printf(&text, "%s\n", line);
    free(line);
    size_t len = 0;
    c->reply = line ? rip_buffer_take(&text, &len) : NULL;
    c->write.data = c;
    uv_buf_t bytes = uv_buf_init(c->reply, (unsigned)len);
    expect_progress(c);
    if (!c->reply || uv_write(&c->write, (uv_stream_t *)&c->pipe, &bytes, 1, on_written) != 0) connection_close(c);
}

static void reply_error(connection *c, const rip_error *err)
{
    reply(c, json_pack("{s:{s:s, s:s}}", "error", "status", rip_status_name(err->status), "message", err->message));
}

static void on_performed(void *data, rip_status status, json_t *value, const rip_error *err)
{
    connection *c = data;
    json_decref(c->request);
    c->request = NULL;
    if (status != RIP_OK)
        reply_error(c, err);
    else
        reply(c, json_pack("{s:O}", "value", value ? value : json_null()));
}

/* Requests. */

static json_t *parse(const char *line, size_t len, rip_error *err)
{
    json_error_t at;
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &at);
    if (!request) {
        rip_fail(err, RIP_EINVAL, "the request is no JSON object: byte %d: %s", at.position, at.text);
    } else if (!json_is_string(json_object_get(request, "do"))) {
        rip_fail(err, RIP_EINVAL, "the request does not say what to do: \"do\" is missing");
        json_decref(request);
        request = NULL;
    }
    return request;
}

static void take_request(connection *c, size_t len)
{
    rip_error err;
    json_t *request = parse(c->in.data, len, &err);
    memmove(c->in.data, c->in.data + len + 1, c->in.len - len); /* with the NUL behind it */
    c->in.len -= len + 1;
    if (request && json_object_set_new(request, "who", json_string(c->who)) != 0) {
        json_decref(request);
        request = NULL;
        rip_nomem(&err);
    }
    if (!request) {
        reply_error(c, &err);
        return;
    }
    c->request = request;
    c->server->perform(c->server->performer, request, on_performed, c);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *to)
{
    connection *c = handle->data;
    (void)suggested;
    bool room = rip_buffer_reserve(&c->in, PIECE_BYTES);
    *to = uv_buf_init(room ? c->in.data + c->in.len : NULL, room ? PIECE_BYTES : 0);
}

/* True: a whole request was there, or too much of one; reading stops until it is answered. */
static bool take_what_came(connection *c)
{
    const char *end = c->in.len ? memchr(c->in.data, '\n', c->in.len) : NULL;
    size_t len = end ? (size_t)(end - c->in.data) : c->in.len;
    if (!end && len <= CONTROL_REQUEST_MOST) return false;
    uv_read_stop((uv_stream_t *)&c->pipe);
    rip_timer_stop(&c->idle);
    if (len <= CONTROL_REQUEST_MOST) {
        take_request(c, len);
    } else {
        rip_error err;
        rip_fail(&err, RIP_ELIMIT, "the request has over %zu bytes", CONTROL_REQUEST_MOST);
        c->last = true;
        reply_error(c, &err);
    }
    return true;
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    connection *c = stream->data;
    (void)bytes;
    if (got == 0) return;
    if (got < 0) {
        connection_close(c);
        return;
    }
    c->in.len += (size_t)got;
    c->in.data[c->in.len] = '\0';
    take_what_came(c);
}

static void read_on(connection *c)
{
    if (take_what_came(c)) return;
    expect_progress(c);
    if (uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) != 0) connection_close(c);
}

/* Connections. */

/* NULL: not to be served. */
static const char *name_of_peer(const control *server, connection *c)
{
    int fd;
    uid_t uid;
    bool known = uv_fileno((uv_handle_t *)&c->pipe, &fd) == 0 && peer_uid(fd, &uid);
    if (known && peer_may_speak(uid, geteuid())) return uid == geteuid() ? server->own_name : server->root_name;
    rip_log(RIP_LOG_WARN, "control.refused", "reason", known ? "another user" : "the user can't be known", NULL);
    return NULL;
}

static void refuse(connection *c)
{
    rip_error err;
    rip_fail(&err, RIP_ELIMIT, "%d commands talk to this process already: try again", CONTROL_CONNECTIONS_MOST);
    c->last = true;
    reply_error(c, &err);
}

static void on_connection(uv_stream_t *stream, int status)
{
    control *server = stream->data;
    connection *c = status == 0 ? calloc(1, sizeof *c) : NULL;
    if (!c) return; /* out of memory: until it is accepted libuv takes no more, and nobody can talk to this process */
    c->server = server;
    uv_pipe_init(stream->loop, &c->pipe, 0);
    c->pipe.data = c;
    bool accepted = uv_accept(stream, (uv_stream_t *)&c->pipe) == 0;
    c->who = accepted ? name_of_peer(server, c) : NULL;
    size_t place = 0;
    while (place <= CONTROL_CONNECTIONS_MOST && server->connections[place]) place++;
    if (!c->who || place > CONTROL_CONNECTIONS_MOST) {
        connection_close(c);
        return;
    }
    server->connections[place] = c;
    if (place == CONTROL_CONNECTIONS_MOST)
        refuse(c);
    else
        read_on(c);
}

/* Listening. */

static rip_status make_way(const char *path, rip_error *err)
{
    struct stat there;
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return rip_fail(err, RIP_ELIMIT, "%s: too long for a unix socket (%zu bytes at most): use a shorter path", path,
                        sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
    if (lstat(path, &there) != 0) return RIP_OK;
    if (!S_ISSOCK(there.st_mode)) return rip_fail(err, RIP_EINVAL, "%s: this is no socket: move it away", path);
    if (unlink(path) != 0)
        return rip_fail(err, RIP_EIO, "%s: a dead process's socket can't be removed: %s", path, strerror(errno));
    return RIP_OK;
}

static void on_control_closed(uv_handle_t *handle)
{
    free(handle->data);
}

rip_status control_open(const control_options *options, control **out, rip_error *err)
{
    rip_status status = make_way(options->path, err);
    if (status != RIP_OK) return status;
    control *server = calloc(1, sizeof *server);
    if (!server) return rip_nomem(err);
    server->clock = options->clock;
    server->perform = options->perform;
    server->performer = options->performer;
    server->idle_ms = options->idle_ms ? options->idle_ms : CONTROL_IDLE_MS;
    peer_name(geteuid(), server->own_name);
    peer_name(0, server->root_name);
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
    uv_pipe_init(rip_clock_loop(options->clock), &server->pipe, 0);
    server->pipe.data = server;
    mode_t before = umask(0177); /* from its first moment nobody else may connect */
    int failed = uv_pipe_bind(&server->pipe, options->path);
    umask(before);
    if (failed == 0) failed = uv_listen((uv_stream_t *)&server->pipe, CONTROL_CONNECTIONS_MOST, on_connection);
    if (failed != 0) {
        uv_close((uv_handle_t *)&server->pipe, on_control_closed);
        return rip_fail(err, RIP_EIO, "%s: the control socket can't be made: %s", options->path, uv_strerror(failed));
    }
    uv_unref((uv_handle_t *)&server->pipe);
    *out = server;
    return RIP_OK;
}

void control_free(control *c)
{
    if (!c) return;
    for (size_t i = 0; i <= CONTROL_CONNECTIONS_MOST; i++) {
        if (c->connections[i]) connection_close(c->connections[i]);
    }
    uv_close((uv_handle_t *)&c->pipe, on_control_closed);
}
