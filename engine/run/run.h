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
    const json_t *session_tags;  /* as session_tags.h has them; NULL: none */
    run_mode mode;               /* the global one: an account's and the playbook's own may lower it */
    const json_t *account_modes; /* {account: "dry-run"}; NULL: none */
    unsigned changes;            /* per run; a playbook's limits.changes may lower it */
    size_t steps, record_bytes;  /* that a run may put on record; 0: any number */
    int64_t run_time_ms;         /* per run; a playbook's limits.time may lower it */
    bool preflight;              /* a plan is asked about: would AWS allow it? */
    rip_vm_limits vm_limits;     /* memory and instructions of a run */
} run_context;

/** What a run answers, and how it came about. */
typedef struct run_order {
    const rip_playbook *playbook; /* as it is now; borrowed, outlives the run. A run that began keeps to its own text */
    json_t *finding;              /* a reference is kept */
    json_t *record;               /* as the journal has it: queued, or begun before a crash. A reference is kept */
} run_order;

typedef struct run_listener {
    /** It ended, which is about to be written: `outcome` may be added to, and the record of a run that follows from it
     * is returned (new reference; NULL: none). */
    json_t *(*ending)(void *data, run *r, json_t *outcome);
    /** It is over, and safe. `record` is the journal's, borrowed; `r` may be freed inside. */
    void (*done)(void *data, run *r, const json_t *record);
    void *data;
} run_listener;

/** The id that a run of this playbook for this version of this finding has: the same on every machine and at every
 * time, so that a finding that comes in twice makes one run. `out` has 32 bytes. */
void run_id(const rip_playbook *playbook, const json_t *finding, char out[32]);

/** The mode that a run of this playbook in this account would have: the lowest of the global one, the account's and the
 * playbook's. */
run_mode run_effective_mode(const run_context *context, const rip_playbook *playbook, const char *account);

/** Start a run, or go on with one that was cut off. `done` is called once, from the loop, unless the run is freed
 * before. Its outcome is
 *
 *     done, planned, observed    it came to its end, in enforce, dry-run, observe mode
 *     waiting                    its plan waits for approval ("plan" in the record)
 *     failed                     "error" tells why; "retryable": trying again may help
 *     diverged                   its steps are not those of the journal
 *     paused, outside-plan, uncertain, secret-lost, cancelled    it was stopped; "error" and "detail" tell more
 */
rip_status run_start(const run_context *context, const run_order *order, const run_listener *listener, run **out,
                     rip_error *err);

const char *run_name(const run *r);

/** It only waits, for a minute at the least, and holds no Lua state: what it has done is replayed from the journal when
 * the first of its waits is over (docs/adr/0013). It is going on all the same. */
bool run_is_asleep(const run *r);

/** End it before its time, with this outcome and reason; `done` follows. */
void run_stop(run *r, const char *outcome, rip_status status, const char *reason);

/** Frees a run that is over, or gives one up without a callback. */
void run_free(run *r);

#endif
