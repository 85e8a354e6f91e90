/* The HTTP server: libmicrohttpd on the libuv loop, behind an interface of our own: its header is in
 * http_private.h and nowhere else.
 *
 * A handler is called when the whole request is there (bodies are bounded) and answers now or later; connections, idle
 * and slow ones included, are bounded in number and time. What no handler sees is answered here, errors as
 * problem.h writes them. */
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
    unsigned request_ms;        /* from a request's first byte to its last, however it trickles in; 20,000 */
    unsigned answer_ms;         /* a handler that takes longer is answered for with 503; 15,000 */
    bool plain;                 /* without TLS beyond this machine, too: the proxy before it has the TLS */
} http_options;

/** Listen. What lies at a unix socket's path is replaced if it is a socket that nobody listens on. SIGPIPE is ignored
 * from then on. RIP_EINVAL: an address or a certificate that is none, or no TLS where others could listen; RIP_EIO. */
rip_status http_server_new(const http_options *options, http_server **out, rip_error *err);
/** The port that is listened on, for those who asked for port 0. */
unsigned http_server_port(const http_server *server);
/** Take no new connections. */
void http_server_quiet(http_server *server);
/** Connections are cut, nothing is told to streams, and exchanges that wait for their answer must get none any more:
 * free what answers them first. Run the loop once more before it is closed. NULL is allowed. */
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
/** Answer with a stream that stays open (server-sent events). `closed` is called once, when it is over and gone. NULL:
 * out of memory (answered so). */
typedef struct http_stream http_stream;
http_stream *http_answer_stream(http_exchange *x, const char *type, void (*closed)(void *data), void *data);
/** False: it is full (the client does not read) and ends; `closed` is called soon. */
bool http_stream_write(http_stream *stream, const char *bytes, size_t len);
/** What was written is still sent; `closed` is not called any more. */
void http_stream_close(http_stream *stream);

#endif
