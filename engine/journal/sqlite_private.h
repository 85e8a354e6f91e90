/* The durable keeper, as its files share it. */
#ifndef RIPOSTE_JOURNAL_SQLITE_PRIVATE_H
#define RIPOSTE_JOURNAL_SQLITE_PRIVATE_H

#include "engine/journal/memory.h"
#include "engine/journal/sqlite_db.h"
#include "engine/journal/sqlite_files.h"
#include "engine/journal/sqlite_writer.h"

typedef struct sqlite_journal {
    journal base;
    journal *memory; /* what the loop asks is answered from here */
    char *path;
    int lock; /* -1: not owned */
    unsigned char key[JOURNAL_KEY_BYTES];
    db db, beside;
    writer *writer; /* NULL: opened to look at only */
} sqlite_journal;

extern const journal_ops sqlite_ops;

void sqlite_close(journal *j);
void sqlite_digest(const journal *j, const char *text, size_t len, char out[65]);

void sqlite_recover(journal *j, journal_answer done, void *data);
void sqlite_find_runs(journal *j, const journal_filter *filter, journal_answer done, void *data);
void sqlite_read_run(journal *j, const char *run, journal_answer done, void *data);
void sqlite_prune(journal *j, int64_t before_ms, journal_answer done, void *data);

/** A message that was seen to: memory learns of it, and who waits is called. */
void sqlite_returned(void *data, message *m);

#endif
