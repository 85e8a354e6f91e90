/* From an event to the runs that answer it: match, normalise, accept into the journal, and start what is wanted: the
 * most severe first, as many at once as is allowed, never two with the same lock. Runs that fail for a while are tried
 * again, plans wait for people, and what was under way when the process ended goes on when it starts again. */
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
    const json_t *runs;    /* array of run ids, in the order of their playbooks' names; those that followed behind */
    bool repeated;         /* this version was dealt with before: nothing ran again */
} dispatched;

/** What becomes of events. Any of them may be NULL. */
typedef struct dispatch_listener {
    /** A playbook starts for a finding. */
    void (*started)(void *data, const char *run, const char *playbook, const json_t *finding);
    /** A run is over: its record in the journal. */
    void (*ended)(void *data, const char *run, const json_t *record);
    /** All runs of a finding are over, or wait for people. */
    void (*finding)(void *data, const dispatched *what);
    /** An event that could not be taken in; `err` tells why. */
    void (*fault)(void *data, const char *origin, size_t line, const rip_error *err);
    void *data;
} dispatch_listener;

/** Where a document came from, and who waits for it to be kept. Borrowed during the call. */
typedef struct dispatch_source {
    const char *origin; /* "events.json", the queue's URL … */
    size_t line;
    journal_done done; /* may be NULL */
    void *data;
} dispatch_source;

/** Counts since it was made. */
typedef struct dispatch_counts {
    size_t events, unwanted, suppressed, findings, repeated, faults, runs, failed;
} dispatch_counts;

/** Zero means the default. */
typedef struct dispatch_limits {
    unsigned runs;          /* at once; 64 */
    unsigned playbook_runs; /* of one playbook at once; 0: no limit of its own */
    unsigned account_runs;  /* in one account at once; 0: no limit of its own */
    unsigned tries;         /* of a run that fails for a while; 3 */
    int64_t retry_ms;       /* before the second try, doubled before each that follows; 10 s */
    int64_t approval_ms;    /* how long a plan waits for people; 24 h */
    unsigned approvers;     /* people who must approve it; 1 */
    bool approve_at_end;    /* a plan that nobody decided about in time is carried out; else it is not */
} dispatch_limits;

typedef struct dispatch_options {
    const run_context *context; /* borrowed; outlives the dispatch */
    library *books;             /* borrowed */
    suppressions *suppressions; /* borrowed; NULL: none */
    event_limits events;
    dispatch_limits limits;
    dispatch_listener listener;
} dispatch_options;

rip_status dispatch_new(const dispatch_options *options, dispatch **out, rip_error *err);
/** Runs that are under way are given up without a callback: the journal has them. */
void dispatch_free(dispatch *d);

/** Other playbooks, suppressions and limits from now on; the first two are borrowed, as at the start, and those of
 * before are not used any more. Runs that are under way keep the playbooks that they began with. */
rip_status dispatch_reload(dispatch *d, library *books, suppressions *suppressed, const dispatch_limits *limits,
                           rip_error *err);

/** Go on with what the journal holds from before. `done` tells when that is read (RIP_OK) and under way. */
void dispatch_recover(dispatch *d, journal_done done, void *data);

/** Take one JSON document in: it may hold several findings. What is wrong with it goes to the listener's `fault`; the
 * status tells only of the machine (RIP_ENOMEM; `done` is not called then). `done` (may be NULL) is called once,
 * perhaps from inside, when all that is to be kept of it is in the journal, or with the error of what could not be: its
 * source is told only then. */
rip_status dispatch_document(dispatch *d, const dispatch_source *from, const char *bytes, size_t len, rip_error *err);

/** Findings that are not yet in the journal, and runs under way or waiting for their turn (not those that wait for
 * people). A source stops handing over while there are many. */
size_t dispatch_backlog(const dispatch *d);

/** Start nothing more: what waits for its turn waits for the next process. */
void dispatch_quiet(dispatch *d);

/** Findings on their way into the journal, and runs under way. */
size_t dispatch_under_way(const dispatch *d);

/** Of the runs under way, those that only wait, and hold no Lua state while they do (run_is_asleep). */
size_t dispatch_asleep(const dispatch *d);

/** When the oldest run was queued that waits for its turn (milliseconds since the epoch); 0: none waits. */
int64_t dispatch_oldest(const dispatch *d);

dispatch_counts dispatch_count(const dispatch *d);

#endif
