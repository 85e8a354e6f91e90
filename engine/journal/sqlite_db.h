/* A connection to the database: statements that are kept, values bound by a word of types, and one sticky failure, so
 * that a transaction is written straight down and checked once at its end. Private to the room.
 *
 * A statement is known by the address of its text: give db_rows and db_do static texts. A connection is used by one
 * thread at a time. */
#ifndef RIPOSTE_JOURNAL_SQLITE_DB_H
#define RIPOSTE_JOURNAL_SQLITE_DB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/error.h"
#include "engine/journal/chain.h"

#define DB_STATEMENTS_MAX 64

struct sqlite3;
struct sqlite3_stmt;

typedef struct db {
    struct sqlite3 *handle;
    const char *path; /* borrowed */
    struct kept {
        const char *sql;
        struct sqlite3_stmt *statement;
    } kept[DB_STATEMENTS_MAX];
    size_t kept_count;
    rip_error failure; /* status RIP_OK: none */
    bool is_refusal;   /* it is for what was to be written, and will be again */
} db;

typedef struct sqlite3_stmt rows;

/** LOOK_IMMUTABLE: nobody writes it, and nothing may be written beside it. */
typedef enum db_access { DB_WRITE, DB_LOOK, DB_LOOK_IMMUTABLE } db_access;
rip_status db_open(db *d, const char *path, db_access access, rip_error *err);
void db_close(db *d);

/** Bind and run to the end. `types` has a letter a value: i int64_t, I the same but 0 is NULL, t `bytes` as text,
 * b `bytes` as a blob, s `const char *` (text; NULL is NULL). */
void db_do(db *d, const char *sql, const char *types, ...);
/** Bind, to be read row by row with db_next until that says false; or db_done before. NULL after a failure, which the
 * others allow for. */
rows *db_rows(db *d, const char *sql, const char *types, ...);
/** One statement that is made up as one goes and not kept; with db_bind and db_drop. NULL after a failure. */
rows *db_prepare(db *d, const char *sql);
void db_bind_text(rows *r, int place, const char *text);
void db_bind_int(rows *r, int place, int64_t value);
void db_drop(rows *r);

/** The next row. False at the end, and after a failure. */
bool db_next(db *d, rows *r);
void db_done(rows *r);
int64_t db_int(rows *r, int column);
bool db_is_null(rows *r, int column);
/** Borrowed until the next row. Text is NUL-terminated too. */
bytes db_bytes(rows *r, int column);
/** "" where it is NULL. */
const char *db_text(rows *r, int column);
/** The column's JSON; NULL where there is none, and a failure where it is damaged. New reference. */
json_t *db_json(db *d, rows *r, int column);

/** The first row's first number; `otherwise` where there is none. */
int64_t db_number(db *d, const char *sql, int64_t otherwise, const char *types, ...);

/** Several statements at once, of which no rows are wanted. */
void db_script(db *d, const char *sql);
void db_begin(db *d);
/** False, with everything undone and the failure told and forgotten, if anything since db_begin failed. */
bool db_commit(db *d, rip_error *err);
/** Undo, and forget the failure. */
void db_rollback(db *d);
/** How many rows the last db_do changed. */
int64_t db_changed(db *d);

void db_fail(db *d, rip_status status, const char *what);
/** RIP_OK, or the failure, which is forgotten. */
rip_status db_status(db *d, rip_error *err);
static inline bool db_failed(const db *d)
{
    return d->failure.status != RIP_OK;
}

#endif
