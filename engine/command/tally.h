/* What `riposte serve` counts and measures of its work: it listens, and keeps metrics. */
#ifndef RIPOSTE_COMMAND_TALLY_H
#define RIPOSTE_COMMAND_TALLY_H

#include "engine/base/metrics.h"
#include "engine/command/engine.h"

#define TALLY_EMF 7

typedef struct tally {
    metrics *all;
    int64_t calls, failed_calls; /* of AWS, all of them */
    int64_t emf[TALLY_EMF];      /* what the last line told of */
} tally;

/** False: out of memory. */
bool tally_open(tally *t);
void tally_close(tally *t);

/** An aws_client_watcher; `data` is the tally. */
void tally_call(void *data, const aws_operation *operation, const aws_result *result);

/** A run is over: its outcome, its steps, how long it took and waited. While the journal has it in memory. */
void tally_run(tally *t, journal *j, const json_t *record);

/** A finding is dealt with. */
void tally_finding(tally *t, const dispatched *what);

void tally_reload(tally *t, bool done);

/** What is looked at rather than counted: queue, budgets, playbooks, the process itself. Called every few seconds. */
void tally_look(tally *t, const engine *e);

/** One line of CloudWatch's embedded metric format: what changed since the last one. */
void tally_emf(tally *t, const engine *e, FILE *out);

#endif
