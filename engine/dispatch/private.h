/* The inside of dispatch: tickets (findings) and jobs (runs), shared by its files. */
#ifndef RIPOSTE_DISPATCH_PRIVATE_H
#define RIPOSTE_DISPATCH_PRIVATE_H

#include "engine/dispatch/dispatch.h"
#include "engine/dispatch/queue.h"

/* A finding that is being dealt with. */
typedef struct ticket {
    dispatch *owner;
    char *origin;
    size_t line;
    json_t *finding;
    json_t *runs; /* ids, in the order of their playbooks' names */
    size_t open;  /* runs that are not over */
    bool repeated;
    bool aside; /* a service is told of findings: none is dealt with */
} ticket;

/* One run, waiting for its turn or going on. */
typedef struct job job;
struct job {
    turn turn; /* first: the queue hands it back */
    job *previous, *next;
    ticket *of;
    json_t *record; /* the journal's */
    run *run;       /* NULL while it waits */
    library *books; /* kept while it goes on: its playbook is one of them */
    bool follows;   /* another run follows it: the finding is not dealt with yet */
    rip_timer delay;
};

/* A plan that waits for people. */
typedef struct held_plan held_plan;
struct held_plan {
    held_plan *next;
    dispatch *owner;
    char *run;
    rip_timer deadline;
};

struct dispatch {
    dispatch_options options;
    dispatch_counts counts;
    queue *queue;
    job *first, *last; /* in the order in which they came */
    size_t waiting, running, accepting;
    bool quiet;            /* nothing more is started */
    unsigned begun, turns; /* runs that began together, and turns of the loop since */
    rip_timer pump;        /* others may begin */
    held_plan *plans;
    json_t *paused; /* runs that were stopped by a pause: id -> {"record", "finding"} */
    const rip_playbook **wanted;
    size_t wanted_count, wanted_cap;
    struct document *document; /* the one that is being split */
};

void dispatch_fault(dispatch *d, const char *origin, size_t line, const rip_error *err);

/* job.c */

ticket *ticket_new(dispatch *d, json_t *finding, const char *origin, size_t line);
void ticket_free(ticket *t);
/** One of its runs is over; the last closes it. */
void ticket_drop(ticket *t);

/** A run that the journal holds as queued or begun waits for its turn, for `delay_ms` at the least. */
rip_status job_add(ticket *t, json_t *record, int64_t delay_ms, rip_error *err);
void job_free(job *j);
job *job_find(dispatch *d, const char *id);
/** Start what may start. */
void jobs_pump(dispatch *d);
/** What was held back by a pause may go on. */
void jobs_resume(dispatch *d);

/** Is it one of the engine's own runs (an undo, feedback), which brings its playbook along? */
bool job_is_own(const json_t *record);

/** The mode that a run of that record's playbook in its account would have now; its own where the playbook is gone. */
const char *job_mode_today(const dispatch *d, const json_t *record);

/** The record of a run that follows `record`: the next attempt of the same run, related by `relation` ("retry_of",
 * "plan_of" …). New reference. */
json_t *job_next_record(const json_t *record, const char *relation, const char *mode, int64_t now);

/** The run again, from the start: what it has done stays done, and it looks at the world anew. An approved plan and the
 * lists of the engine's own runs hold for it too, and its client tokens: what the first has made is not made again.
 * `tries`: how many have failed for a while, this one included. New reference. */
json_t *job_again(const dispatch *d, const json_t *record, json_int_t tries);

/* words.c */

/** As words_perform, for a plan whose time is up: "approve" needs nobody else, "deny" is called "expired". Not a word
 * of the request's, since those come from people. */
void words_at_deadline(dispatch *d, const json_t *request, journal_answer done, void *data);

/* plans.c */

/** A run has ended as "waiting": its deadline runs. */
void plan_hold(dispatch *d, const json_t *record);
void plans_free(dispatch *d);
void plan_drop(dispatch *d, const char *id);

#endif
