/* The life of one run: one playbook for one finding, from the first line of its record to the last. */
#ifndef RIPOSTE_RUN_RUN_H
#define RIPOSTE_RUN_RUN_H

#include "aws/client.h"
#include "engine/base/clock.h"
#include "engine/journal/journal.h"
#include "engine/run/guard.h"
#include "engine/run/mode.h"
#include "lua/playbook.h"
#include "lua/script.h"

typedef struct run run;

/** What all runs share, and what a run may use up. Borrowed; outlives the runs. */
typedef struct run_context {
    rip_clock *clock;
    journal *journal;
    aws_client *client;
    guard *guard;
    const json_t *session_tags; /* as session_tags.h has them; NULL: none */
    run_mode mode;              /* the global one: the playbook's own may lower it */
    unsigned changes;           /* per run; a playbook's limits.changes may lower it */
    int64_t run_time_ms;        /* per run; a playbook's limits.time may lower it */
    rip_vm_limits vm_limits;    /* memory and instructions of a run */
} run_context;

/** A run is over. `record` is the journal's, borrowed; `r` may be freed inside. */
typedef void (*run_done)(void *data, run *r, const json_t *record);

/** The id that a run of this playbook for this version of this finding has: the same on every machine and at every
 * time, so that a finding that comes in twice makes one run. `out` has 32 bytes. */
void run_id(const rip_playbook *playbook, const json_t *finding, char out[32]);

/** The mode that a run of this playbook would have: the lowest of the global one and the playbook's. */
run_mode run_effective_mode(const run_context *context, const rip_playbook *playbook);

/** Start a run. `playbook` outlives it; a reference to `finding` is kept. `done` is called once, from the loop, unless
 * the run is freed before. */
rip_status run_start(const run_context *context, const rip_playbook *playbook, json_t *finding, run_done done,
                     void *data, run **out, rip_error *err);

const char *run_name(const run *r);

/** End it before its time, with this reason; `done` follows. */
void run_stop(run *r, rip_status status, const char *reason);

/** Frees a run that is over, or gives one up without a callback. */
void run_free(run *r);

#endif
