/* Verifying, as its files share it. Private to the room. */
#ifndef RIPOSTE_JOURNAL_SQLITE_AUDIT_H
#define RIPOSTE_JOURNAL_SQLITE_AUDIT_H

#include "engine/journal/audit.h"
#include "engine/journal/sqlite_db.h"

typedef struct range {
    int64_t first, last;
} range;

typedef struct verifier {
    db db;
    journal_mistake_fn tell;
    void *data;
    journal_verified *sums;
    range *pruned; /* in order once all are read */
    size_t pruned_count, pruned_cap;
    json_t *pauses; /* scope -> what is about it, as the chain has it */
} verifier;

void verify_tell(verifier *v, const char *table, const char *what, const char *row, ...)
    __attribute__((format(printf, 4, 5)));
bool verify_is_pruned(const verifier *v, int64_t place);

void verify_findings(verifier *v);
void verify_texts(verifier *v);
void verify_libraries(verifier *v);
void verify_runs(verifier *v);
void verify_decisions(verifier *v);
/** An anchor of a pause or its end, in the chain's order; `content` is its own. */
void verify_pause_anchor(verifier *v, int64_t place, const char *kind, bytes name, bytes content);
/** The pauses that hold are those of the chain. */
void verify_pauses(verifier *v);
/** No more changes were made within the last hour than budgets were charged with. */
void verify_budgets(verifier *v);
/** A run's own chain. `sealed`: the link that its record is anchored with, and its hash comes out in `head`. */
void verify_links(verifier *v, int64_t run, const char *id, int64_t sealed, hash *head);

/** A step's columns in the order of AUDIT_STEP, from `first` on. */
#define AUDIT_STEP                                                                                                     \
    "path, number, seq, kind, phase, fingerprint, request, is_change, care, started, undo, irreversible, promise,"     \
    " finished, outcome, reply, finish_order, start_link, start_hash, finish_link, finish_hash"
enum { AUDIT_START_LINK = 17, AUDIT_START_HASH, AUDIT_FINISH_LINK, AUDIT_FINISH_HASH };
step_content audit_step(rows *r, int first);

#endif
