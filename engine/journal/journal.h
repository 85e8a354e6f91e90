/* What is known of findings, runs and their steps. One interface; what keeps it (memory, or a database) is chosen when
 * it is opened.
 *
 * What is written is kept in the order in which it was asked for: if something is safe, so is all that was asked before
 * it. That is why only what cannot be taken back waits for the disk: a finding before its source is told, a change
 * before it is made, the end of a run before people are told. Everything else is answered at once and becomes safe with
 * the next commit; what a crash takes of it was seen by nobody (docs/adr/0008).
 *
 * A keeper in memory calls back from inside the call, a durable one from the loop once the write is safe; callers allow
 * for both. All of it belongs to the loop's thread. */
#ifndef RIPOSTE_JOURNAL_JOURNAL_H
#define RIPOSTE_JOURNAL_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "engine/base/error.h"

typedef struct journal journal;

/** RIP_OK when it is safe; an error says why it could not be: the caller must not go on as if it were. */
typedef void (*journal_done)(void *data, rip_status status, const rip_error *err);

/** An answer to a question; `value` is borrowed during the call, NULL after an error. */
typedef void (*journal_answer)(void *data, rip_status status, json_t *value, const rip_error *err);

/** A journal_done for writes that nothing waits for: a failure is logged. */
void journal_ignore(void *data, rip_status status, const rip_error *err);

/* Opening. */

/** A journal that lives as long as the process. */
rip_status journal_open_memory(journal **out, rip_error *err);

typedef enum journal_access {
    JOURNAL_OWN, /* to write: one process at a time */
    JOURNAL_READ /* to look: beside the one that writes */
} journal_access;

typedef struct journal_options {
    const char *path; /* of the database; PATH.key and PATH.lock lie beside it. Made where it is not (OWN) */
    journal_access access;
    uv_loop_t *loop;           /* completions come here; borrowed. Needed for OWN */
    const char *owner;         /* "riposte run": what the next process is told of this one */
    size_t compress_above;     /* an event of more bytes is kept compressed; 0: 1,024 */
    unsigned give_up_after_ms; /* a write that fails is tried again for so long; 0: for ever. Then every callback that
                                  waits has RIP_EIO, and nothing is written any more */
} journal_options;

/** RIP_EAGAIN: another process owns it (its name and process id in `err`). RIP_EDENIED: the files may not be written.
 * RIP_EINVAL: no journal, or damaged, or of a newer version. RIP_ENOTFOUND: JOURNAL_READ and there is none. */
rip_status journal_open_sqlite(const journal_options *options, journal **out, rip_error *err);

/** Writes what is left, then frees. Callbacks that wait are not called. */
void journal_close(journal *j);

/** The keyed digest (HMAC-SHA-256 with the journal's own key, in hexadecimal) that stands for a secret. `out` has
 * RIP_SHA256_HEX bytes. */
void journal_digest(const journal *j, const char *text, size_t len, char out[65]);

/** Keep what must come back, so that the database alone does not tell it: encrypted and authenticated (AES-256-GCM)
 * under a key that is derived from the journal's own, and bound to its `place` (text of the caller's). Twice the same
 * is sealed differently. *sealed is base64, NUL-terminated; the caller frees it. RIP_ELIMIT over 16 MiB. */
rip_status journal_seal(const journal *j, const char *place, const char *text, size_t len, char **sealed,
                        rip_error *err);

/** What was sealed for `place`, in *text (NUL-terminated; the caller frees it, and wipes it where it matters).
 * RIP_EDENIED: with another key or for another place, or it was changed since. */
rip_status journal_unseal(const journal *j, const char *place, const char *sealed, size_t sealed_len, char **text,
                          size_t *len, rip_error *err);

/* Findings. */

/** A run that a finding asks for. All borrowed during the call. */
typedef struct journal_wanted {
    json_t *record;           /* as journal_run_queue takes it */
    bool only_first;          /* not for an update of a finding that was there before */
    const char *cooldown_key; /* not while another run with this key was queued less than cooldown_ms ago; NULL: none */
    int64_t cooldown_ms;
} journal_wanted;

/** What comes in. Borrowed during the call. */
typedef struct journal_arrival {
    json_t *finding;   /* normalised, with its event (of which `event` is what is written) */
    const char *event; /* JSON text */
    size_t event_len;
    const char *origin;
    int64_t received_ms; /* since the epoch */
    const journal_wanted *wanted;
    size_t wanted_count;
} journal_arrival;

/** Keep a finding, once for each id and version, and queue its runs, all or nothing. The answer is
 *  {"is_new": bool, "is_update": bool (another version of it was there), "runs": [null where it was queued, else why
 *  not: "repeated", "update", "cooldown"]}. */
void journal_accept(journal *j, const journal_arrival *arrival, journal_answer done, void *data);

/* Runs. A record is an object with "id", "playbook", "finding" (an object with "id", "version" and what else tells
 * which it is), "mode"; a run that is queued has "queued" (milliseconds), one that began has "started", "text",
 * "sources" and "library" (its digest), one that ended has "outcome" and "finished". Others are kept as they are. */

/** A run that waits for its turn. */
void journal_run_queue(journal *j, json_t *record, journal_done done, void *data);
/** A run begins: `record` is merged into what is known of it. */
void journal_run_begin(journal *j, json_t *record, journal_done done, void *data);
/** A module that the run has required: its exact text, for the record's "sources". Never waits. */
void journal_run_source(journal *j, const char *run, const char *name, const char *text, size_t len);
/** …and ends: `outcome` is merged into the record; `next` (NULL: none) is the record of a run that follows from it,
 * queued in the same write. */
void journal_run_end(journal *j, const char *run, json_t *outcome, json_t *next, journal_done done, void *data);
/** A person or a deadline decides about a run that has ended as "waiting" or "uncertain" or "parked" or "paused":
 * `decision` ({"who","why","at","decision"}) is added to its list "decisions"; a non-NULL `outcome` takes the place of
 * its outcome; `next` as in journal_run_end. */
void journal_run_decide(journal *j, const char *run, json_t *decision, const char *outcome, json_t *next,
                        journal_done done, void *data);
/** The record of a run that is queued or going on, or has ended and was not let go; borrowed. NULL: there is none. */
json_t *journal_run(journal *j, const char *run);
/** The run has ended and everybody was told: it need not be kept in memory any more. A keeper that has nothing but
 * memory keeps it. */
void journal_run_release(journal *j, const char *run);

/* Steps. */

typedef enum journal_step_state { JOURNAL_STARTED, JOURNAL_FINISHED } journal_step_state;

/** How much of a step must outlive a crash before it is acted on. */
typedef enum journal_care {
    JOURNAL_LIGHT, /* done again if it did not finish: its start is not written */
    JOURNAL_NOTED, /* when it started matters: the start is written, nothing waits for it */
    JOURNAL_SAFE   /* it changes the world: `done` is called once the start is safe */
} journal_care;

/** One effect of a run. `journal_step_start` takes references and copies of its own; fields read from a journal are
 * borrowed from it. Requests, replies and undo hold no secrets: the door has put digests in their place, and in the
 * undo, from which they must come back, what it has sealed. */
typedef struct journal_step {
    const char *path;        /* the fiber's */
    unsigned number;         /* within the fiber, from 1 */
    const char *kind;        /* "aws", "sleep" … */
    const char *phase;       /* "" where there is none */
    const char *fingerprint; /* SHA-256 over kind and request, in hexadecimal */
    json_t *request;
    bool is_change;
    journal_care care;
    journal_step_state state;
    int64_t started_ms; /* since the epoch, on the run's clock */
    int64_t finished_ms;
    const char *outcome; /* once finished: "done", "failed", "planned", "foreseen" (a read about what is planned),
                            "refused", "uncertain" */
    json_t *reply;       /* once finished: its value, or its error */
    json_t *undo;        /* operations that take it back, in order; NULL: none known */
    const char *irreversible;
    unsigned order; /* in which steps finished, over the whole run, from 1 */
} journal_step;

/** The step at (path, number) of a run, or NULL. Borrowed until the run's next write. */
const journal_step *journal_step_find(journal *j, const char *run, const char *path, unsigned number);
/** `step` carries all that is known before it is done, undo and irreversible included. */
void journal_step_start(journal *j, const char *run, const journal_step *step, journal_done done, void *data);
/** `step` carries outcome, reply, undo, irreversible and finished_ms for its path and number. Never waits. */
void journal_step_finish(journal *j, const char *run, const journal_step *step, journal_done done, void *data);

/** All steps of a run that is in memory (see journal_run), in the order in which they were started. */
size_t journal_step_count(journal *j, const char *run);
const journal_step *journal_step_at(journal *j, const char *run, size_t index);
/** How many have finished. */
unsigned journal_step_finished(journal *j, const char *run);

/* What outlives runs. */

/** Stop changes, or let them go on: each is a person's act, `about` it {"who","why","at"}. `scope`: "all",
 * "playbook:NAME", "account:ID". */
void journal_pause(journal *j, const char *scope, json_t *about, journal_done done, void *data);
void journal_resume(journal *j, const char *scope, json_t *about, journal_done done, void *data);
/** {scope: about}; borrowed. */
json_t *journal_pauses(journal *j);

/** One more change in `scope` ("playbook:NAME", "account:ID") at `at_ms`. Never waits. */
void journal_spend(journal *j, const char *scope, int64_t at_ms);
/** Changes in `scope` since `since_ms`, to the minute. Kept for a day. */
unsigned journal_spent(journal *j, const char *scope, int64_t since_ms);

/** The library that runs begin with from now on: `pack`, all its texts in one, whose SHA-256 in hexadecimal is
 * `digest`. Kept once, for as long as there may be runs that began with it. Never waits; to tell it again costs a
 * comparison. */
void journal_library_keep(journal *j, const char *digest, const char *pack, size_t len);
/** The pack of this library, if a run that journal_recover brought back goes on with it; borrowed. NULL: it is not
 * there. */
const char *journal_library(journal *j, const char *digest, size_t *len);

/** Where a source has got to: text of its own. */
void journal_position_set(journal *j, const char *source, const char *position, journal_done done, void *data);
/** NULL: nothing is known of it. Borrowed until it is set again. */
const char *journal_position(journal *j, const char *source);

/* Questions. They are answered from what is written, not from memory alone; a durable keeper answers from the loop. */

/** Bring the runs that are queued, going on or "waiting" back into memory, with their steps. The answer is an array of
 * {"record": as journal_run (borrowed by it), "finding": normalised, with its "event"}, in the order in which they were
 * queued. */
void journal_recover(journal *j, journal_answer done, void *data);

/** Fields that are NULL or 0 select nothing. */
typedef struct journal_filter {
    const char *run, *playbook, *account, *region, *finding; /* exact; finding: its id */
    const char *outcome; /* as the record has it, or "queued", "running"; "open": all that have not ended, and those
                            that wait for a person */
    int64_t since_ms, until_ms; /* queued in [since, until) */
    const char *before;         /* id of a run: only those queued before it (for the next page) */
    unsigned most;              /* 0: 100 */
} journal_filter;

/** An array of records, newest first, without "text" and "sources", each with "steps" and "changes" (counts). */
void journal_find_runs(journal *j, const journal_filter *filter, journal_answer done, void *data);

/** One run, whole: {"record", "steps": [an object a step, fields as journal_step, in the order of their start],
 * "decisions", "finding"}. RIP_ENOTFOUND with a suggestion. An id may be cut short where that leaves no doubt. */
void journal_read_run(journal *j, const char *run, journal_answer done, void *data);

/** A step as an object, the form that journal_read_run gives; new reference. */
json_t *journal_step_to_json(const journal_step *step);

/** Forget ended runs, and findings and events that no run is left of, from before `before_ms`. The answer is
 * {"runs": n, "findings": n}. What the audit chain says of them stays. */
void journal_prune(journal *j, int64_t before_ms, journal_answer done, void *data);

#endif
