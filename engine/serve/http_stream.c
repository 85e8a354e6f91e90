/* Answers that stay open. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/serve/http_private.h"

#define STREAM_MOST ((size_t)256 << 10)
#define STREAM_BLOCK 4096

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
    http_pump_soon(stream->x->server);
}

http_stream *http_answer_stream(http_exchange *x, const char *type, void (*closed)(void *data), void *data)
{
    if (!http_is_heard(x)) return NULL;
    http_stream *stream = calloc(1, sizeof *stream);
    struct MHD_Response *response = stream ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
                                                                               on_stream_read, stream, on_stream_free)
                                           : NULL;
    if (response) {
        *stream = (http_stream){.x = x, .closed = closed, .data = data};
        x->stream = stream;
        http_add_headers(response, type, NULL);
    } else {
        free(stream);
    }
    http_respond(x, 200, response);
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
