/* The control socket: how commands reach the process that owns a journal. A unix stream socket beside the journal, for
 * its owner alone (mode 0600).
 *
 * A connection sends one JSON object a line and gets one a line back: {"value": …} or {"error": {"status", "message"}},
 * with the names of rip_status_name. One request at a time: the next is read once the last is answered. */
#ifndef RIPOSTE_SERVE_CONTROL_H
#define RIPOSTE_SERVE_CONTROL_H

#include <jansson.h>

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/journal/journal.h"

#define CONTROL_REQUEST_MOST ((size_t)64 << 10)
#define CONTROL_REPLY_MOST ((size_t)256 << 20) /* what the client takes */
#define CONTROL_CONNECTIONS_MOST 16
#define CONTROL_IDLE_MS 10000

/** Where the socket of a journal is; to be freed. NULL: out of memory. */
char *control_path(const char *journal_path);

/* The side that answers; all of it belongs to the loop's thread. */

typedef struct control control;

/** Do what `request` asks; it lives until `done` is called, once, perhaps from inside. Its "who" is the user at the
 * other end, whatever the request said. */
typedef void (*control_perform)(void *performer, const json_t *request, journal_answer done, void *data);

typedef struct control_options {
    rip_clock *clock; /* the real one; borrowed, as its loop */
    const char *path; /* of the socket */
    control_perform perform;
    void *performer;
    unsigned idle_ms; /* how long a connection may say nothing, or leave its answer unread; 0: CONTROL_IDLE_MS */
} control_options;

/** Listen. Only for a process that owns the journal: a socket that lies there is a dead one's, and is replaced. The
 * listening alone keeps no loop going. SIGPIPE is ignored from then on, since a peer may leave before its answer.
 * RIP_ELIMIT: the path is too long for a unix socket; RIP_EINVAL: what lies there is no socket; RIP_EIO. */
rip_status control_open(const control_options *options, control **out, rip_error *err);

/** Takes the socket away and gives up what has not been answered: free it after what performs, and before the journal
 * is given up, without running the loop between. Run the loop once more before it is closed. NULL is allowed. */
void control_free(control *c);

/* The side that asks: blocking, for a command. */

/** `*fd` is the caller's to close; -1 where nobody listens. RIP_EDENIED: the socket is another user's. */
rip_status control_connect(const char *path, int *fd, rip_error *err);

/** Ask and wait for the answer, for a minute at most. `*value` is a new reference. An answer that is an error comes as
 * such; RIP_EIO and RIP_ETIMEOUT leave open whether the request was carried out. */
rip_status control_call(int fd, const json_t *request, json_t **value, rip_error *err);

#endif
