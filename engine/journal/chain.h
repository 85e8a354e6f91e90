/* What the audit chain is made of: one canonical form of everything that is written, and its SHA-256. The keeper that
 * writes and the audit that verifies share it. docs/JOURNAL.md describes the form. Private to the room. */
#ifndef RIPOSTE_JOURNAL_CHAIN_H
#define RIPOSTE_JOURNAL_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buffer.h"
#include "engine/base/digest.h"

/** Bytes of someone else's; NULL data stands for SQL's NULL. */
typedef struct bytes {
    const void *data;
    size_t len;
} bytes;

typedef struct hash {
    unsigned char bytes[RIP_SHA256_BYTES];
} hash;

static inline bytes hash_bytes(const hash *h)
{
    return (bytes){h->bytes, sizeof h->bytes};
}

bool hash_is(const hash *h, bytes other);

typedef struct finding_content {
    bytes id, version, origin, finding, event;
    int64_t received;
} finding_content;
void chain_finding(const finding_content *finding, hash *out);

typedef struct run_content {
    bytes id, playbook, account, region, mode, outcome, lock, record;
    bytes text; /* SHA-256 of the playbook's text */
    int64_t queued, started, finished, finding;
    int64_t sealed; /* how much of the run's own chain is anchored with it … */
    hash head;      /* … and how that ended */
} run_content;
void chain_run(const run_content *run, hash *out);

typedef struct decision_content {
    bytes run, decision;
    int64_t number;
} decision_content;
void chain_decision(const decision_content *decision, hash *out);

/** A pause or its end: `kind` is the anchor's ("paused", "resumed"), `about` JSON of one line. */
void chain_pause(const char *kind, bytes scope, bytes about, hash *out);
/** The name that its anchor has, from which it can be told again: the scope, a newline, and what is about it. */
void chain_pause_name(bytes scope, bytes about, rip_buffer *out);
/** …and back. False: it is none. */
bool chain_pause_parts(bytes name, bytes *scope, bytes *about);

typedef struct step_content {
    bytes path, kind, phase, fingerprint, request, outcome, reply, undo, irreversible;
    int64_t number, seq, is_change, care, started, finished, order;
    bytes promise; /* SHA-256 of undo and irreversible as they were known at the start */
} step_content;

/** The links of a run's own chain; `head` is the link before, and becomes this one. The first follows chain_first. */
void chain_first(bytes run, hash *out);
void chain_promise(const step_content *step, hash *out);
void chain_start(const step_content *step, hash *head);
void chain_finish(const step_content *step, hash *head);
/** A LIGHT step, start and finish in one. */
void chain_whole(const step_content *step, hash *head);
void chain_source(bytes name, bytes text, hash *head);

/** A link of the chain over the whole journal. */
void chain_anchor(int64_t place, const char *kind, int64_t subject, bytes name, const hash *content, hash *head);

#endif
