/* One run as the memory keeper holds it: its record and its steps, found by path and number. Private to the room. */
#ifndef RIPOSTE_JOURNAL_RUN_LOG_H
#define RIPOSTE_JOURNAL_RUN_LOG_H

#include "engine/journal/journal.h"

typedef struct run_log {
    json_t *record;
    json_t *finding;      /* normalised, with its event; shared with other runs of it */
    journal_step **steps; /* in the order in which they were started */
    size_t count, cap;
    size_t *slots; /* hash table of (path, number): index into steps + 1, 0 is free */
    size_t slot_count;
    unsigned finished;
    size_t seq_from; /* of a run that was read back: what a step's index and this make is over all that was before */
} run_log;

/** References to both are taken. NULL: out of memory. */
run_log *run_log_new(json_t *record, json_t *finding);
void run_log_free(run_log *log);

journal_step *run_log_find(const run_log *log, const char *path, unsigned number);
/** Where it is in `steps`; only for one that is there. */
size_t run_log_index(const run_log *log, const char *path, unsigned number);
/** A step that is there already (it was started before a crash) stays as it is. False: out of memory. */
bool run_log_start(run_log *log, const journal_step *from);
bool run_log_finish(run_log *log, const journal_step *from);

#endif
