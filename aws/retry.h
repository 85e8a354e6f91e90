/* When a failed try is made again, and how soon: the SDKs' `standard` and `adaptive` modes. Private to the room.
 *
 * Follows: AWS SDKs and Tools Reference Guide, "Retry behavior". */
#ifndef RIPOSTE_AWS_RETRY_H
#define RIPOSTE_AWS_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/protocol.h"

/* Tries of a call that AWS throttles are counted apart from others: the quota's bucket has learnt of it, and a
 * responder that gives up part-way leaves an attacker in place. */
#define AWS_THROTTLED_MOST 20

/** Fill `retryable`, `throttled` and `fate_unknown` by code and HTTP status. What the transport already calls retryable
 * (its clock is corrected, new credentials are on their way) stays so. */
void aws_retry_classify(aws_error *error);

/** The retry quota that all calls to a service in a region share, as all calls of an SDK's client do: 500; a retry
 * takes 5, after a timeout 10. */
typedef struct aws_retry_quota {
    int tokens;
} aws_retry_quota;

void aws_retry_quota_init(aws_retry_quota *quota);
/** Take what this retry costs; 0 when there is not enough left. */
int aws_retry_quota_take(aws_retry_quota *quota, const aws_error *error);
/** A call succeeded: what its last retry cost (0: it had none) is given back, 1 at the least. */
void aws_retry_quota_return(aws_retry_quota *quota, int taken);

/** Milliseconds before try number `tries` + 1: full jitter over 1 s doubled with each try, 20 s at most, and at least
 * what the service asked for (`retry_after_ms`, -1: nothing). `random` is in [0, 1). */
int64_t aws_retry_delay(int tries, double random, int retry_after_ms);

/** `adaptive`: a client-side limit on the rate, set by CUBIC from throttled replies. */
typedef struct aws_adaptive {
    bool on; /* since the first throttled reply */
    double fill_rate, capacity, tokens;
    int64_t filled_ms;
    double measured_rate;
    int64_t bucket_half_seconds;
    unsigned requests;
    double last_max_rate;
    int64_t throttled_ms;
} aws_adaptive;

/** Milliseconds to wait before sending; 0: send now (a token is taken then). */
int64_t aws_adaptive_delay(aws_adaptive *adaptive, int64_t now_ms);
/** A reply came. */
void aws_adaptive_learn(aws_adaptive *adaptive, int64_t now_ms, bool throttled);

#endif
