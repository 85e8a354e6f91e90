/* What a source counts and tells of itself: the same for every kind, in its status, the log and the metrics. */
#ifndef RIPOSTE_INTAKE_LIVE_TALLY_H
#define RIPOSTE_INTAKE_LIVE_TALLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/error.h"
#include "engine/base/metrics.h"

typedef struct live_tally {
    const char *kind; /* a literal: "sqs" */
    char *name;
    size_t taken, kept, failed; /* documents: handed over, told to be kept, that cannot be taken in at all */
    size_t troubles;            /* times that what it asked for was refused or not to be had */
    bool in_trouble;            /* the last time it was so */
    char *last_error;           /* NULL: there was none */
    metric *documents, *errors;
} live_tally;

/** `name` is copied; `numbers` may be NULL. */
rip_status live_tally_init(live_tally *t, const char *kind, const char *name, metrics *numbers, rip_error *err);
void live_tally_free(live_tally *t);

void live_tally_taken(live_tally *t);
void live_tally_kept(live_tally *t);
/** A document that no later try will make good: logged with where it came from (NULL: counted, not logged). */
void live_tally_failed(live_tally *t, const char *origin, const rip_error *why);

/** Something outside (AWS, the journal, the file system) said no; the source tries again. Logged where it is news. */
void live_tally_trouble(live_tally *t, const rip_error *why);
/** …and is well again. */
void live_tally_well(live_tally *t);

/** {"name", "kind", "state", "taken", "kept", "failed", "troubles", "last_error"}; new reference. `state` is told as it
 * is ("running", "full", "stopped"), but "failing" while in trouble. NULL: out of memory. */
json_t *live_tally_status(const live_tally *t, const char *state);

#endif
