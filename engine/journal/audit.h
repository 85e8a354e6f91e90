/* The journal's hash chain: whether everything is as it was written, and what an auditor is given of it.
 * docs/JOURNAL.md describes the chain. Both read beside a process that writes. */
#ifndef RIPOSTE_JOURNAL_AUDIT_H
#define RIPOSTE_JOURNAL_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/error.h"

/** A head names a link of the chain over the whole journal: "PLACE:HASH". Who keeps it elsewhere finds out whether what
 * was written until then was rewritten or cut off since. */
#define JOURNAL_HEAD_BYTES 96

/** A row that is not as it was written. Borrowed during the call. */
typedef struct journal_mistake {
    const char *table;
    const char *row;  /* which: ids and numbers a person can look up */
    const char *what; /* "changed: …", "removed: …", "added: …", "moved: …" */
} journal_mistake;

typedef void (*journal_mistake_fn)(void *data, const journal_mistake *mistake);

typedef struct journal_verified {
    int64_t anchors, findings, runs, steps, decisions, texts, pauses;
    int64_t pruned; /* rows that were forgotten by journal_prune, and are known for it */
    int64_t mistakes;
    char head[JOURNAL_HEAD_BYTES];
} journal_verified;

/** Read everything. `expected_head` (NULL: none is known) must be in the chain. RIP_OK, mistakes or not; RIP_EINVAL for
 * a file that is no journal or too damaged to be read to its end, or a head that is none. */
rip_status journal_audit_verify(const char *path, const char *expected_head, journal_mistake_fn tell, void *data,
                                journal_verified *verified, rip_error *err);

/** One line, without its end. Anything but RIP_OK ends the export with it. */
typedef rip_status (*journal_line_fn)(void *data, const char *line, size_t len, rip_error *err);

/** JSON objects, one a link: of the chain over the whole journal those after place `since`, and with the latest of
 * each run that has ended all of that run's own links. `*last` is the place to go on from. A run about which something
 * is decided later is told again; (run, link) and place tell which is which. */
rip_status journal_audit_export(const char *path, int64_t since, journal_line_fn line, void *data, int64_t *last,
                                rip_error *err);

#endif
