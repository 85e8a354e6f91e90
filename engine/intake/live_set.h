/* The sources that a configuration names: queues (`sqs`), polls (`poll`) and folders (`folders`). */
#ifndef RIPOSTE_INTAKE_LIVE_SET_H
#define RIPOSTE_INTAKE_LIVE_SET_H

#include "aws/client.h"
#include "engine/base/config.h"
#include "engine/base/metrics.h"
#include "engine/intake/live.h"
#include "engine/journal/journal.h"

/** What sources stand on. All borrowed; outlives them. */
typedef struct live_parts {
    const rip_config *config;
    aws_client *client;
    rip_clock *clock;
    journal *journal;
    live_sink sink;
    metrics *numbers; /* NULL: none */
} live_parts;

typedef struct live_set live_set;

/** Make all of them; none is started. RIP_EINVAL names the row that is wrong, or a name that two rows have. */
rip_status live_set_new(const live_parts *parts, live_set **out, rip_error *err);

/** Begin. Where one fails, those before it go on. */
rip_status live_set_start(live_set *set, rip_error *err);
void live_set_stop(live_set *set);
size_t live_set_under_way(const live_set *set);
/** The status of each, in an array, in the order of the configuration; new reference. */
json_t *live_set_status(const live_set *set);
/** As every source's `free`: nothing that was handed over is told of after it. Before the client and the clock go. */
void live_set_free(live_set *set);

/** Add the ARNs of the queues that the configuration names to the array `arns`: what the process lives on is no
 * playbook's to change. Asks nobody. */
rip_status live_queue_arns(const rip_config *config, json_t *arns, rip_error *err);

#endif
