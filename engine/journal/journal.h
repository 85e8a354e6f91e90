/* What is known of findings, runs and their steps. One interface; what keeps it (memory now, a database) is chosen when
 * it is opened.
 *
 * Everything is written before it is acted on: a caller goes on only in the callback. A keeper in memory calls back
 * from inside the call, a durable one from the loop once the write is safe; callers allow for both. */
#ifndef RIPOSTE_JOURNAL_JOURNAL_H
#define RIPOSTE_JOURNAL_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/error.h"

typedef struct journal journal;

/** RIP_OK when it is written; an error says why it could not be: the caller must not go on as if it were. */
typedef void (*journal_done)(void *data, rip_status status, const rip_error *err);

typedef enum journal_step_state { JOURNAL_STARTED, JOURNAL_FINISHED } journal_step_state;

/** One effect of a run. `journal_step_start` takes references of its own; fields read from a journal are borrowed from
 * it. */
typedef struct journal_step {
    const char *path;        /* the fiber's */
    unsigned number;         /* within the fiber, from 1 */
    const char *kind;        /* "aws", "sleep" … */
    const char *phase;       /* "" where there is none */
    const char *fingerprint; /* SHA-256 over kind and request, in hexadecimal */
    json_t *request;
    bool is_change;
    journal_step_state state;
    int64_t started_ms; /* since the epoch, on the run's clock */
    int64_t finished_ms;
    const char
        *outcome; /* once finished: "done", "failed", "planned", "foreseen" (a read about what is planned), "refused" */
    json_t *reply; /* once finished: its value, or its error */
    json_t *undo;  /* operations that take it back, in order; NULL: none known */
    const char *irreversible;
    unsigned order; /* in which steps finished, over the whole run, from 1 */
} journal_step;

/** A journal that lives as long as the process. */
rip_status journal_open_memory(journal **out, rip_error *err);
void journal_close(journal *j);

/** A finding, once for each id and version. `*is_new` tells whether it was not there before; it is set before `done` is
 * called. */
void journal_accept(journal *j, json_t *finding, bool *is_new, journal_done done, void *data);

/** A run begins: `record` holds its id ("id"), playbook, finding, mode, start, and the playbook's text. */
void journal_run_begin(journal *j, json_t *record, journal_done done, void *data);
/** …and ends: `outcome` is merged into the record ("outcome", "error", "finished" …). */
void journal_run_end(journal *j, const char *run, json_t *outcome, journal_done done, void *data);
/** The record of a run, borrowed; NULL if there is none. */
json_t *journal_run(journal *j, const char *run);

/** The step at (path, number) of a run, or NULL. Borrowed until the run's next write. */
const journal_step *journal_step_find(journal *j, const char *run, const char *path, unsigned number);
void journal_step_start(journal *j, const char *run, const journal_step *step, journal_done done, void *data);
/** `step` carries outcome, reply, undo, irreversible and finished_ms for its path and number. */
void journal_step_finish(journal *j, const char *run, const journal_step *step, journal_done done, void *data);

/** All steps of a run, in the order in which they were started. */
size_t journal_step_count(journal *j, const char *run);
const journal_step *journal_step_at(journal *j, const char *run, size_t index);

#endif
