/* What carries one try of one operation to an AWS account and its answer back: the wire, or a simulated account.
 *
 * The line is drawn at operations, not at HTTP: the simulated account answers "ecs:DeleteCluster with these
 * parameters", so that a drill needs no server-side copy of five protocols (docs/adr/0001). Retries, quotas and checks
 * are above it and the same for both. */
#ifndef RIPOSTE_AWS_TRANSPORT_H
#define RIPOSTE_AWS_TRANSPORT_H

#include <jansson.h>

#include "aws/model.h"
#include "aws/protocol.h"

typedef struct aws_transport aws_transport;
typedef struct aws_attempt aws_attempt;

/** What came of one try. Borrowed during the callback; take a reference to `output` to keep it. */
typedef struct aws_reply {
    json_t *output;         /* NULL when there is an error */
    const aws_error *error; /* NULL when there is none */
    const char *request_id; /* "" where there is none */
    int64_t server_time_ms; /* from the reply's Date header, for clock skew; 0: none */
    int retry_after_ms;     /* from Retry-After or x-amz-retry-after; -1: none */
} aws_reply;

/** One try. The client owns it and keeps it until `done` was called, exactly once, never from inside `send`. The
 * transport reads all but `transport_data`, which is its own. */
struct aws_attempt {
    const aws_operation *operation;
    const json_t *params;
    const char *account; /* "123456789012", or "" for the credentials' own account */
    const char *region;
    const char *token;   /* fills idempotency tokens: the same for every try of a call */
    const void *session; /* an aws_session of client.h; NULL: none in particular */
    int timeout_ms;      /* for this try */
    /** Asked when it goes out after a wait of the transport's own (for credentials): false ends it with the error
     * "RequestHeld", unsent. NULL: always. */
    bool (*may_go)(const aws_attempt *attempt);
    void (*done)(aws_attempt *attempt, const aws_reply *reply);
    void *transport_data;
};

struct aws_transport {
    void (*send)(aws_transport *self, aws_attempt *attempt);
    /** Give the attempt up: `done` is not called any more. */
    void (*cancel)(aws_transport *self, aws_attempt *attempt);
    /** The account whose quotas a call in `account` draws on: "" is the credentials' own, by whichever name it goes.
     * NULL: `account` itself. */
    const char *(*payer)(aws_transport *self, const char *account);
    /** Free the transport; no attempt is under way. Handles may close in the loop afterwards. */
    void (*free)(aws_transport *self);
};

#endif
