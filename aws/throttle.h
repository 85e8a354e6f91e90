/* Token buckets for AWS's request quotas: a call waits for its token before it is sent, so that a burst rides the quota
 * instead of bouncing off it. One bucket for each account ("": the credentials' own), region and quota group; the
 * groups are data (aws/quotas.json). Private to the room. */
#ifndef RIPOSTE_AWS_THROTTLE_H
#define RIPOSTE_AWS_THROTTLE_H

#include <jansson.h>

#include "aws/model.h"
#include "engine/base/clock.h"

typedef struct aws_throttle aws_throttle;
typedef struct aws_bucket aws_bucket;

/** A call that wants a token; inside the struct of its owner, zero-initialised. */
typedef struct aws_ticket {
    aws_bucket *bucket; /* while it waits */
    struct aws_ticket *previous, *next;
    void (*granted)(void *data);
    void *data;
} aws_ticket;

/** `quotas` in the form of aws/quotas.json; a reference is kept. RIP_EINVAL names what is wrong in it. */
rip_status aws_throttle_new(rip_clock *clock, const json_t *quotas, aws_throttle **out, rip_error *err);
/** No ticket waits any more. */
void aws_throttle_free(aws_throttle *throttle);

/** The quota group of a call ("ecs.cluster-modify") with its bucket's size; false where AWS publishes none. `params`
 * may be NULL: the group that a call with filters has. */
bool aws_throttle_group(const aws_throttle *throttle, const aws_operation *operation, const json_t *params,
                        const char **group, double *capacity, double *refill);

/** Take a token: true when there was one and nobody waited before. Else false: `ticket` waits its turn, in order, and
 * its `granted` is called from the loop. */
bool aws_throttle_take(aws_throttle *throttle, const aws_operation *operation, const json_t *params,
                       const char *account, const char *region, aws_ticket *ticket);
/** Wait no longer; nothing to a ticket that does not wait. */
void aws_throttle_leave(aws_ticket *ticket);

/** What a reply tells of the bucket: `throttled`, or let through. A throttled bucket counts as empty and refills more
 * slowly (by 0.7, once a second, to a tenth at the least); each reply that comes through gives a tenth back. */
void aws_throttle_learn(aws_throttle *throttle, const aws_operation *operation, const json_t *params,
                        const char *account, const char *region, bool throttled);

#endif
