/* A server on the loopback interface for tests, on the test's own loop. It answers what the test tells it to, byte for
 * byte, however broken. */
#ifndef RIPOSTE_TESTS_AWS_LOOPBACK_H
#define RIPOSTE_TESTS_AWS_LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

typedef struct loopback loopback;

typedef struct loopback_reply {
    const char *bytes; /* "" : none, and the connection stays open */
    bool close;        /* hang up after them */
    bool drip;         /* one byte every 20 ms */
    bool endless;      /* `again` follows for ever */
    const char *again;
} loopback_reply;

/** `request` is the whole request, headers and body. */
typedef loopback_reply (*loopback_answer)(void *data, const char *request);

loopback *loopback_start(uv_loop_t *loop, loopback_answer answer, void *data);
/** The same at ::1; NULL where the machine has no IPv6. */
loopback *loopback_start_v6(uv_loop_t *loop, loopback_answer answer, void *data);
int loopback_port(const loopback *server);
unsigned loopback_requests(const loopback *server);
/** Close everything, and run the loop until that is done. */
void loopback_stop(loopback *server);

#endif
