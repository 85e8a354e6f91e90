/* Findings by asking for them, where no EventBridge rule can be set up: Security Hub's GetFindings, and GuardDuty's
 * ListFindings and GetFindings, in one region.
 *
 * How far it has got is kept in the journal, so that the first round after an outage asks for all that came meanwhile.
 * Each round looks a little further back than the last one got, since services tell of findings late; what was handed
 * over before is known by its id and the time of its update. */
#ifndef RIPOSTE_INTAKE_POLL_H
#define RIPOSTE_INTAKE_POLL_H

#include "aws/client.h"
#include "engine/base/metrics.h"
#include "engine/intake/live.h"
#include "engine/journal/journal.h"

typedef enum poll_kind { POLL_SECURITYHUB, POLL_GUARDDUTY } poll_kind;

/** Strings are copied. Zero means the default. */
typedef struct poll_options {
    poll_kind kind;
    const char *region;
    const char *account; /* NULL or "": the credentials' own */
    int64_t every_ms;    /* from the start of a round to the next one's; 1 min, at least 1 s */
    int64_t since_ms;    /* how far back the very first round looks; 24 h */
    aws_client *client;  /* borrowed, as all below; they outlive the source */
    rip_clock *clock;
    journal *journal;
    live_sink sink;
    metrics *numbers; /* NULL: none */
} poll_options;

/** RIP_EINVAL names the option that is wrong. After its `free` the sink tells of no document any more. */
rip_status poll_source_new(const poll_options *options, live_source **out, rip_error *err);

#endif
