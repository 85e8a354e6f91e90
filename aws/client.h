/* A client for any AWS API: the only header of this room that other rooms include (with model.h, whose types it hands
 * out).
 *
 * A call is checked against the model, waits for its quota's token bucket, is sent, tried again as the SDKs' standard
 * mode does, and ends in exactly one callback on the loop. It knows nothing of findings, Lua or the journal. */
#ifndef RIPOSTE_AWS_CLIENT_H
#define RIPOSTE_AWS_CLIENT_H

#include <jansson.h>
#include <uv.h>

#include "aws/model.h"
#include "aws/protocol.h"
#include "aws/transport.h"
#include "engine/base/clock.h"

typedef struct aws_client aws_client;
typedef struct aws_call aws_call;

typedef struct aws_client_options {
    rip_clock *clock;         /* waits and backoff run on it */
    aws_models *models;       /* borrowed; outlives the client */
    aws_transport *transport; /* owned by the client from here on */
    int max_attempts; /* 0: AWS_MAX_ATTEMPTS, else the profile's max_attempts, else 3; 1: never again, throttled or not
                       */
    bool alone;       /* nothing of the environment or a profile counts: for a simulated account */
    const char *profile;    /* whose max_attempts and retry_mode count; NULL: AWS_PROFILE, else "default" */
    int attempt_timeout_ms; /* 0: 30,000 */
    int call_timeout_ms;    /* 0: 600,000; over all tries, not counting the wait for a quota */
    const json_t *quotas;   /* borrowed during the call; NULL: the data folder's aws/quotas.json */
    const char *own_quotas; /* a file whose services take the place of those; NULL: none */
    uint64_t seed;          /* of the jitter; 0: from the system */
} aws_client_options;

rip_status aws_client_new(const aws_client_options *options, aws_client **out, rip_error *err);
/** Cancels what is under way (no callbacks), and frees the transport. */
void aws_client_free(aws_client *client);
aws_models *aws_client_models(const aws_client *client);

typedef struct aws_result aws_result;
/** Be told of every call that ends, before its own callback: for metrics. One watcher; NULL: none. */
typedef void (*aws_client_watcher)(void *data, const aws_operation *operation, const aws_result *result);
void aws_client_watch(aws_client *client, aws_client_watcher watcher, void *data);

struct aws_result {
    json_t *output;         /* borrowed: json_incref to keep; NULL when the call failed */
    const aws_error *error; /* NULL when it did not */
    const char *request_id; /* of the last try; "" where there is none */
    int attempts;           /* tries that were sent */
    int64_t queued_ms;      /* how long it waited for its quota */
    int64_t elapsed_ms;     /* from start to this callback */
};

/** `result` and what it points to live until the callback returns. */
typedef void (*aws_call_done)(void *data, const aws_result *result);

typedef struct aws_call_options {
    const char *region;  /* required: "us-east-1" */
    const char *account; /* "" or NULL: the credentials' own */
    const char *token;   /* idempotency token; NULL: a random one */
    const void *session; /* an aws_session; NULL: none in particular */
    bool once;           /* not sent again once AWS may have acted on it: such an error has `fate_unknown` */
    /** Asked with the call's `data` when it is sent after a wait (for a quota, for credentials, or to be tried again):
     * false ends it with the error "RequestHeld". NULL: always. */
    bool (*may_send)(void *data);
} aws_call_options;

/** What a role's session in another account is bound to. It outlives the calls that name it. */
typedef struct aws_session {
    const char *name;   /* names the run in CloudTrail; NULL: one that tells only the time */
    const json_t *tags; /* {"key": "value"}; NULL: none */
    const json_t
        *permissions; /* ["ecs:DeleteCluster", "ecs:List*"]: the session can do no more; NULL: all the role may */
} aws_session;

/** Start a call. `params` is borrowed until the callback (a reference is kept). `done` is called exactly once, from the
 * loop, never from inside this function, unless the call is cancelled. An error returned here (bad parameters) means
 * that `done` is not called. */
rip_status aws_call_start(aws_client *client, const aws_operation *operation, json_t *params,
                          const aws_call_options *options, aws_call_done done, void *data, aws_call **out,
                          rip_error *err);

/** Give up: `done` is not called any more, and `call` is gone. What was sent may still happen at AWS. */
void aws_call_cancel(aws_call *call);

/** Name of the quota group that an operation draws from ("ecs.cluster-modify") with its bucket's capacity and refill a
 * second; false where AWS publishes none. */
bool aws_client_quota(const aws_client *client, const aws_operation *operation, const char **group, double *capacity,
                      double *refill);

/** AWS's clock less ours in milliseconds, as the last reply told it (to the second, and late by its way here); 0 before
 * there was one. */
int64_t aws_client_clock_off(const aws_client *client);

/** The wire: libcurl's multi interface on the loop, SigV4, the credentials' chain, endpoints. Options that are NULL or
 * 0 come from the environment and the profile, as the SDKs read them. */
typedef struct aws_wire_options {
    uv_loop_t *loop;
    rip_clock *clock;
    const char *profile;
    const char *endpoint_url; /* over AWS_ENDPOINT_URL */
    const char *ca_bundle;
    size_t max_reply_bytes; /* 0: 64 MiB */
    int max_connections;    /* to one host; 0: 64 */
    /** The role for calls in other accounts: "arn:{partition}:iam::{account}:role/NAME". NULL or "": the default
     * credentials serve every account. */
    const char *role;
    const char *external_id;     /* NULL or "": none */
    const char *const *accounts; /* the only accounts that the role is assumed in; * and ? are wildcards */
    size_t account_count;        /* 0: any */
    /** Called in place of sending, with the signed request: the call then ends with the error "RequestNotSent". NULL:
     * send. */
    void (*preview)(void *data, const aws_http_request *request);
    void *preview_data;
} aws_wire_options;

rip_status aws_wire_new(const aws_wire_options *options, aws_transport **out, rip_error *err);

/** The region that the environment and the profile name, in new memory; NULL if none does. */
char *aws_default_region(const char *profile);

#endif
