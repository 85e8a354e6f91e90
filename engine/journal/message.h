/* What the loop asks of the thread that keeps the database, and what comes back. A message is the thread's alone from
 * when it is sent until it is returned: all its text is copied into it, and no JSON value is shared. Private to the
 * room. */
#ifndef RIPOSTE_JOURNAL_MESSAGE_H
#define RIPOSTE_JOURNAL_MESSAGE_H

#include "engine/base/buffer.h"
#include "engine/journal/chain.h"
#include "engine/journal/journal.h"

typedef enum message_kind {
    MESSAGE_ACCEPT,
    MESSAGE_RUN, /* queued, begins, ends: its record as it now is */
    MESSAGE_SOURCE,
    MESSAGE_DECIDE,
    MESSAGE_START,
    MESSAGE_FINISH,
    MESSAGE_WHOLE, /* a LIGHT step */
    MESSAGE_PAUSE,
    MESSAGE_RESUME,
    MESSAGE_SPEND,
    MESSAGE_POSITION,
    MESSAGE_LIBRARY,
    MESSAGE_PRUNE,
    MESSAGE_RECOVER, /* from here on questions, which change nothing */
    MESSAGE_FIND,
    MESSAGE_READ
} message_kind;

/** Text within the message's bytes, which move while it is made. */
typedef struct span {
    size_t at, len;
    bool is; /* else NULL */
} span;

typedef enum run_moment { RUN_QUEUED, RUN_BEGINS, RUN_ENDS } run_moment;

typedef struct run_fields {
    run_moment moment;
    span id, playbook, account, region, mode, outcome, lock, finding_id, finding_version;
    span record; /* without "text", "sources" and "decisions", which have tables of their own */
    span text;
    int64_t queued, started, finished;
} run_fields;

typedef struct wanted_fields {
    run_fields run;
    span cooldown_key;
    int64_t cooldown_ms;
    bool only_first;
} wanted_fields;

typedef struct message {
    struct message *next;
    message_kind kind;
    rip_buffer bytes;
    union {
        struct {
            span id, version, finding, event, origin;
            int64_t received;
            wanted_fields *wanted;
            size_t count;
        } accept;
        struct {
            run_fields run, next;
            bool is_whole; /* else `record` is merged into what the database has */
            bool has_next;
        } run;
        struct {
            span run, decision, outcome;
            run_fields next;
            bool has_next;
        } decide;
        struct {
            span run, name, text;
        } source;
        struct {
            span run, path, kind, phase, fingerprint, request, outcome, reply, undo, irreversible;
            int64_t number, seq, is_change, care, started, finished, order;
        } step;
        struct {
            span key, value; /* scope and about, source and position, or a library's pack alone */
            int64_t at;
        } keep;
        struct {
            span run, playbook, account, region, finding, outcome, before;
            int64_t since, until, most;
        } filter; /* `run` alone for MESSAGE_READ */
        struct {
            int64_t before, runs, findings;
        } prune;
    } as;

    /* The loop's, which the thread does not touch. */
    journal_done done;
    journal_answer answer;
    void *data;
    json_t *finding; /* of the arrival, and of its runs their records */
    json_t *records;

    /* What comes back. */
    json_t *value;
    rip_error *err;  /* NULL: none */
    bool is_refused; /* by the database: not to be tried again */
} message;

/** NULL: out of memory. */
message *message_new(message_kind kind);
void message_free(message *m);
static inline bool message_is_question(const message *m)
{
    return m->kind >= MESSAGE_RECOVER;
}

span message_text(message *m, const char *text); /* NULL is NULL */
span message_bytes(message *m, const void *data, size_t len);
span message_json(message *m, const json_t *value);                                    /* NULL is NULL */
span message_json_without(message *m, const json_t *object, const char *const *names); /* NULL ends the names */
/** All columns of a run from its record, into `run`. */
void message_run(message *m, run_fields *run, const json_t *record, run_moment moment);
/** Whether memory was enough for all that was put in. */
bool message_is_whole(const message *m);

/** What a span stands for; NUL-terminated. */
static inline bytes message_at(const message *m, span s)
{
    return s.is ? (bytes){m->bytes.data + s.at, s.len} : (bytes){NULL, 0};
}
const char *message_string(const message *m, span s); /* NULL for NULL */

/** It could not be done: keep why. */
void message_fail(message *m, const rip_error *why);

#endif
