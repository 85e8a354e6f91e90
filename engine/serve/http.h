/* The HTTP server: libmicrohttpd on the libuv loop, behind an interface of our own. Third-party headers stay in http.c.
 *
 * A handler is called when the whole request is there (bodies are bounded) and answers now or later; connections, idle
 * and slow ones included, are bounded in number and time. */
#ifndef RIPOSTE_SERVE_HTTP_H
#define RIPOSTE_SERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "engine/base/error.h"

typedef struct http_server http_server;
typedef struct http_exchange http_exchange;

/** Zero means the default. */
typedef struct http_options {
    uv_loop_t *loop;
    const char *listen;      /* "127.0.0.1:8080", "[::1]:8080", "unix:/run/riposte/http.sock" */
    const char *certificate; /* PEM file; NULL: no TLS */
    const char *key;
    unsigned connections;       /* at once; 1,024 */
    unsigned connections_of_ip; /* from one address; 128 (0 for loopback and unix sockets: no limit of its own) */
    unsigned idle_ms;           /* 10,000 */
    size_t header_bytes;        /* 16 KiB */
} http_options;

rip_status http_server_new(const http_options *options, http_server **out, rip_error *err);
/** The port that is listened on, for those who asked for port 0. */
unsigned http_server_port(const http_server *server);
/** Take no new connections. */
void http_server_quiet(http_server *server);
void http_server_free(http_server *server);

typedef void (*http_handler)(void *data, http_exchange *x);

/** `path` may end in "/{}": one segment, see http_segment. `body_most`: a larger body is answered 413 without being
 * read to its end; `type` (NULL: any): another content type is answered 415. A path that is there with another method
 * is 405 with Allow; one that is not, 404. */
rip_status http_route(http_server *server, const char *method, const char *path, size_t body_most, const char *type,
                      http_handler handler, void *data, rip_error *err);

/* What was asked. Borrowed until the exchange is answered. */
const char *http_method(const http_exchange *x);
const char *http_path(const http_exchange *x);
const char *http_segment(const http_exchange *x);                  /* decoded; "" where there is none */
const char *http_header(const http_exchange *x, const char *name); /* NULL: not there */
const char *http_query(const http_exchange *x, const char *name);  /* decoded; NULL: not there */
const char *http_body(const http_exchange *x, size_t *len);
const char *http_remote(const http_exchange *x); /* "192.0.2.1", "unix" */

/** Answer, once; `headers` are pairs ended by NULL (NULL: none); the body is copied. */
void http_answer(http_exchange *x, unsigned status, const char *type, const char *body, size_t len,
                 const char *const *headers);
/** Answer with a stream that stays open (server-sent events). */
typedef struct http_stream http_stream;
http_stream *http_answer_stream(http_exchange *x, const char *type, void (*closed)(void *data), void *data);
/** False: it is full (the client does not read) and was closed. */
bool http_stream_write(http_stream *stream, const char *bytes, size_t len);
void http_stream_close(http_stream *stream);

#endif
