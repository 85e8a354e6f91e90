/* A client for tests of the HTTP server, on the server's own loop and thread. */
#ifndef RIPOSTE_TESTS_SERVE_TALK_H
#define RIPOSTE_TESTS_SERVE_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <uv.h>

#include "engine/base/buffer.h"

#define TALK_PATIENCE_MS 10000

/** A connection to 127.0.0.1; close() it. */
int talk_connect(unsigned port);
int talk_connect_unix(const char *path);
void talk_send(int fd, const char *bytes, size_t len);
/** What comes, until the end, or until what came holds `until` (NULL: only the end). False: neither did in time. */
bool talk_read(uv_loop_t *loop, int fd, const char *until, rip_buffer *out);
/** Let the loop go on for so long. */
void talk_wait(uv_loop_t *loop, unsigned ms);

/** One request on a connection of its own, its answer (status line, headers and body) in memory that is reused with
 * the next. `headers` are lines that end in \r\n; `body` NULL: none. */
const char *talk(uv_loop_t *loop, unsigned port, const char *method, const char *target, const char *headers,
                 const char *body);
/** The status code of an answer. */
int talk_status(const char *answer);
/** Where its body starts. */
const char *talk_body(const char *answer);

#endif
