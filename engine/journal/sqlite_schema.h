/* The tables, and how a database of an older version becomes one of today's. Private to the room. */
#ifndef RIPOSTE_JOURNAL_SQLITE_SCHEMA_H
#define RIPOSTE_JOURNAL_SQLITE_SCHEMA_H

#include "engine/journal/sqlite_db.h"

/** Take the steps that `d` has not taken yet, in order, all in one transaction: a process that is killed leaves the
 * tables as they were. RIP_EINVAL: it has taken more than there are, or is another program's. */
rip_status schema_migrate(db *d, const char *const *steps, int64_t count, rip_error *err);

/** Open to write: made where it is not and `is_known` says that none was here before; checked where it was not closed
 * properly; brought up to date. Errors as journal_open_sqlite. */
rip_status schema_open_own(db *d, const char *path, bool is_known, rip_error *err);

/** Open to look. */
rip_status schema_open_read(db *d, const char *path, rip_error *err);

/** A second connection of the process that writes. */
rip_status schema_open_beside(db *d, const char *path, rip_error *err);

#endif
