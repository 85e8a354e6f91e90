/* The journal in memory, as the room's other files see it: the durable keeper builds on it. */
#ifndef RIPOSTE_JOURNAL_MEMORY_H
#define RIPOSTE_JOURNAL_MEMORY_H

#include "engine/journal/keeper.h"
#include "engine/journal/run_log.h"

typedef struct memory_journal {
    journal base;
    unsigned char key[32];
    json_t *findings;  /* id -> {version: true} */
    json_t *cooldowns; /* key -> milliseconds when a run was last queued for it */
    json_t *runs;      /* id -> place in logs, as an integer */
    run_log **logs;    /* in the order in which they came; NULL: let go */
    size_t count, cap;
    json_t *pauses;    /* scope -> about */
    json_t *spent;     /* scope -> {minute: changes} */
    json_t *positions; /* source -> text */
    json_t *libraries; /* digest -> pack, any bytes */
    char library[65];  /* digest of the one that was told last */
} memory_journal;

/** A run that a durable keeper read back, or the new one of a record; a run that is there already is returned as it is,
 * its record updated. NULL: out of memory. */
run_log *memory_put(journal *j, json_t *record, json_t *finding);
run_log *memory_log(journal *j, const char *run);
/** Let a run go. */
void memory_drop(journal *j, const char *run);

/** Whether this library is another than the one that was told last, which it is from now on. */
bool memory_library_is_news(journal *j, const char *digest);

/** Changes of a minute, read back. */
void memory_spend_back(journal *j, const char *scope, int64_t minute, int64_t used);

/* Questions, see memory_query.c. */
void memory_recover(journal *j, journal_answer done, void *data);
void memory_find_runs(journal *j, const journal_filter *filter, journal_answer done, void *data);
void memory_read_run(journal *j, const char *run, journal_answer done, void *data);

#endif
