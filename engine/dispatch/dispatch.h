/* From an event to the runs that answer it: match, normalise, accept into the journal, and start what is wanted, in
 * order, as many at once as is allowed, never two with the same lock. */
#ifndef RIPOSTE_DISPATCH_DISPATCH_H
#define RIPOSTE_DISPATCH_DISPATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/dispatch/library.h"
#include "engine/dispatch/suppress.h"
#include "engine/finding/finding.h"
#include "engine/run/run.h"

typedef struct dispatch dispatch;

/** A finding that is dealt with. Borrowed during the callback. */
typedef struct dispatched {
    const char *origin; /* as dispatch_event was told */
    size_t line;
    const json_t *finding; /* normalised */
    const json_t *runs;    /* array of run ids, in the order of their playbooks' names */
    bool repeated;         /* this version was dealt with before: nothing ran again */
} dispatched;

/** What becomes of events. Any of them may be NULL. */
typedef struct dispatch_listener {
    /** A playbook starts for a finding. */
    void (*started)(void *data, const char *run, const rip_playbook *playbook, const json_t *finding);
    /** A run is over: its record in the journal. */
    void (*ended)(void *data, const char *run, const json_t *record);
    /** All runs of a finding are over. */
    void (*finding)(void *data, const dispatched *what);
    /** An event that could not be taken in; `err` tells why. */
    void (*fault)(void *data, const char *origin, size_t line, const rip_error *err);
    void *data;
} dispatch_listener;

/** Counts since it was made. */
typedef struct dispatch_counts {
    size_t events, unwanted, suppressed, findings, repeated, faults, runs, failed;
} dispatch_counts;

typedef struct dispatch_options {
    const run_context *context; /* borrowed; outlives the dispatch */
    library *books;             /* borrowed */
    suppressions *suppressions; /* borrowed; NULL: none */
    event_limits limits;
    unsigned runs_at_once; /* 0: 64 */
    dispatch_listener listener;
} dispatch_options;

rip_status dispatch_new(const dispatch_options *options, dispatch **out, rip_error *err);
/** Runs that are under way are given up without a callback. */
void dispatch_free(dispatch *d);

/** Take one JSON document in: it may hold several findings. What is wrong with it goes to the listener's `fault`; the
 * status tells only of the machine (RIP_ENOMEM). */
rip_status dispatch_document(dispatch *d, const char *bytes, size_t len, const char *origin, size_t line,
                             rip_error *err);

/** Runs that are under way or waiting. A source stops handing over while there are many. */
size_t dispatch_backlog(const dispatch *d);

dispatch_counts dispatch_count(const dispatch *d);

#endif
