#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/buffer.h"
#include "engine/base/json.h"
#include "engine/serve/control.h"

#define PATIENCE_SECONDS 60

rip_status control_connect(const char *path, int *fd, rip_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    *fd = -1;
    if (strlen(path) >= sizeof address.sun_path) return RIP_OK; /* nobody can listen there */
    memcpy(address.sun_path, path, strlen(path));
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0) return rip_fail(err, RIP_EIO, "no socket can be had: %s", strerror(errno));
    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(sock, (const struct sockaddr *)&address, sizeof address) == 0) {
        *fd = sock;
        return RIP_OK;
    }
    int why = errno;
    close(sock);
    if (why == ENOENT || why == ENOTDIR || why == ECONNREFUSED) return RIP_OK;
    if (why == EACCES || why == EPERM)
        return rip_fail(err, RIP_EDENIED, "%s: the journal is another user's: become that user, or root", path);
    return rip_fail(err, RIP_EIO, "%s: the process that owns the journal can't be reached: %s", path, strerror(why));
}

static rip_status lost(rip_error *err, int why)
{
    if (why == EAGAIN || why == EWOULDBLOCK)
        return rip_fail(err, RIP_ETIMEOUT,
                        "the process that owns the journal has not answered for %d seconds; what was asked may still "
                        "be done",
                        PATIENCE_SECONDS);
    return rip_fail(
        err, RIP_EIO,
        "the process that owns the journal has gone before it answered (%s); what was asked may be done, or "
        "not",
        why ? strerror(why) : "end of stream");
}

static rip_status send_all(int fd, const char *bytes, size_t len, rip_error *err)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return lost(err, errno);
        bytes += sent;
        len -= (size_t)sent;
    }
    return RIP_OK;
}

static rip_status receive_line(int fd, rip_buffer *line, rip_error *err)
{
    char piece[65536];
    while (line->len == 0 || line->data[line->len - 1] != '\n') {
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return lost(err, got < 0 ? errno : 0);
        rip_buffer_append(line, piece, (size_t)got);
        if (line->failed) return rip_nomem(err);
        if (line->len > CONTROL_REPLY_MOST)
            return rip_fail(err, RIP_ELIMIT, "the answer has over %zu bytes", CONTROL_REPLY_MOST);
    }
    return RIP_OK;
}

static rip_status status_named(const char *name)
{
    for (int status = RIP_ENOMEM; status <= RIP_EREMOTE; status++) {
        if (strcmp(rip_status_name((rip_status)status), name) == 0) return (rip_status)status;
    }
    return RIP_EREMOTE;
}

static rip_status read_answer(const rip_buffer *line, json_t **value, rip_error *err)
{
    json_t *answer = json_loadb(line->data, line->len, JSON_ALLOW_NUL, NULL);
    json_t *well = json_object_get(answer, "value"), *error = json_object_get(answer, "error");
    rip_status status = RIP_OK;
    if (well) {
        *value = json_incref(well);
    } else if (error) {
        const char *name = json_string_value(json_object_get(error, "status"));
        const char *message = json_string_value(json_object_get(error, "message"));
        status = rip_fail(err, status_named(name ? name : ""), "%s", message ? message : "");
    } else {
        status = rip_fail(err, RIP_EIO, "the process that owns the journal gave no answer that can be read");
    }
    json_decref(answer);
    return status;
}

rip_status control_call(int fd, const json_t *request, json_t **value, rip_error *err)
{
    rip_buffer line = {0};
    char *text = rip_json_dump(request, JSON_COMPACT);
    if (!text) return rip_nomem(err);
    rip_buffer_printf(&line, "%s\n", text);
    free(text);
    rip_status status = rip_buffer_status(&line, err);
    if (status == RIP_OK && line.len > CONTROL_REQUEST_MOST)
        status = rip_fail(err, RIP_ELIMIT, "the request has over %zu bytes", CONTROL_REQUEST_MOST);
    if (status == RIP_OK) status = send_all(fd, line.data, line.len, err);
    rip_buffer_clear(&line);
    if (status == RIP_OK) status = receive_line(fd, &line, err);
    if (status == RIP_OK) status = read_answer(&line, value, err);
    rip_buffer_free(&line);
    return status;
}
