#include "engine/journal/sqlite_db.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/json.h"

/* Another process may hold the file for a moment, to look. */
#define BUSY_MS 1000

static bool is_damage(int code)
{
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

static bool is_refusal(int code)
{
    return code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG || code == SQLITE_MISMATCH;
}

static rip_status status_of(int code)
{
    switch (code) {
    case SQLITE_NOMEM: return RIP_ENOMEM;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY: return RIP_EDENIED;
    default: return is_damage(code) || is_refusal(code) ? RIP_EINVAL : RIP_EIO;
    }
}

static void fail_from(db *d, int code)
{
    if (db_failed(d)) return;
    code &= 0xff; /* the rest tells apart what is the same to us */
    const char *why = d->handle ? sqlite3_errmsg(d->handle) : sqlite3_errstr(code);
    int number = d->handle ? sqlite3_system_errno(d->handle) : 0;
    bool is_of_system = number != 0 && status_of(code) != RIP_EINVAL;
    d->is_refusal = is_refusal(code);
    if (is_damage(code))
        rip_fail(
            &d->failure, RIP_EINVAL,
            "%s is damaged, or no journal (%s): restore it from a backup, or move it away with the files beside it "
            "(-wal, -shm, .key) to begin a new one",
            d->path, why);
    else
        rip_fail(&d->failure, status_of(code), "%s: %s%s%s", d->path, why, is_of_system ? ": " : "",
                 is_of_system ? strerror(number) : "");
}

void db_fail(db *d, rip_status status, const char *what)
{
    if (!db_failed(d)) rip_fail(&d->failure, status, "%s: %s", d->path, what);
}

rip_status db_status(db *d, rip_error *err)
{
    rip_status status = d->failure.status;
    if (err) *err = d->failure;
    d->failure = (rip_error){RIP_OK, ""};
    return status;
}

/* "immutable" can be said only in a URI, in which some bytes of a path mean something. */
static char *immutable_uri(const char *path)
{
    rip_buffer uri = {0};
    rip_buffer_puts(&uri, "file:");
    for (const char *p = path; *p; p++) {
        if (strchr("?#%", *p))
            rip_buffer_printf(&uri, "%%%02x", (unsigned char)*p);
        else
            rip_buffer_putc(&uri, *p);
    }
    rip_buffer_puts(&uri, "?immutable=1");
    return rip_buffer_take(&uri, NULL);
}

rip_status db_open(db *d, const char *path, db_access access, rip_error *err)
{
    static const int FLAGS[] = {[DB_WRITE] = SQLITE_OPEN_READWRITE,
                                [DB_LOOK] = SQLITE_OPEN_READONLY,
                                [DB_LOOK_IMMUTABLE] = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI};
    *d = (db){.path = path, .failure = {RIP_OK, ""}};
    char *name = access == DB_LOOK_IMMUTABLE ? immutable_uri(path) : strdup(path);
    if (!name) return rip_nomem(err);
    int code = sqlite3_open_v2(name, &d->handle, FLAGS[access] | SQLITE_OPEN_NOMUTEX, NULL);
    free(name);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(d->handle, BUSY_MS);
        return RIP_OK;
    }
    fail_from(d, code);
    if (code == SQLITE_CANTOPEN) d->failure.status = RIP_EDENIED;
    rip_status status = db_status(d, err);
    db_close(d);
    return status;
}

void db_close(db *d)
{
    for (size_t i = 0; i < d->kept_count; i++) sqlite3_finalize(d->kept[i].statement);
    d->kept_count = 0;
    sqlite3_close(d->handle);
    d->handle = NULL;
}

rows *db_prepare(db *d, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (db_failed(d)) return NULL;
    int code = sqlite3_prepare_v3(d->handle, sql, -1, 0, &statement, NULL);
    if (code != SQLITE_OK) fail_from(d, code);
    return statement;
}

static rows *kept(db *d, const char *sql)
{
    for (size_t i = 0; i < d->kept_count; i++) {
        if (d->kept[i].sql == sql) return d->kept[i].statement;
    }
    sqlite3_stmt *statement = NULL;
    int code = d->kept_count < DB_STATEMENTS_MAX
                   ? sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL)
                   : SQLITE_FULL;
    if (code != SQLITE_OK) {
        fail_from(d, code);
        return NULL;
    }
    d->kept[d->kept_count++] = (struct kept){sql, statement};
    return statement;
}

static int bind_one(sqlite3_stmt *s, int place, char type, va_list *values)
{
    if (type == 'i' || type == 'I') {
        int64_t number = va_arg(*values, int64_t);
        return type == 'I' && number == 0 ? sqlite3_bind_null(s, place) : sqlite3_bind_int64(s, place, number);
    }
    if (type == 's') return sqlite3_bind_text(s, place, va_arg(*values, const char *), -1, SQLITE_STATIC);
    bytes value = va_arg(*values, bytes);
    return type == 't' ? sqlite3_bind_text64(s, place, value.data, value.len, SQLITE_STATIC, SQLITE_UTF8)
                       : sqlite3_bind_blob64(s, place, value.data, value.len, SQLITE_STATIC);
}

static rows *bound(db *d, const char *sql, const char *types, va_list *values)
{
    sqlite3_stmt *s = db_failed(d) ? NULL : kept(d, sql);
    for (int i = 0; s && types[i]; i++) {
        int code = bind_one(s, i + 1, types[i], values);
        if (code == SQLITE_OK) continue;
        fail_from(d, code);
        return NULL;
    }
    return s;
}

rows *db_rows(db *d, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    rows *r = bound(d, sql, types, &values);
    va_end(values);
    return r;
}

bool db_next(db *d, rows *r)
{
    if (!r || db_failed(d)) return false;
    int code = sqlite3_step(r);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) fail_from(d, code);
    sqlite3_reset(r);
    return false;
}

void db_done(rows *r)
{
    sqlite3_reset(r);
}

void db_do(db *d, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    rows *r = bound(d, sql, types, &values);
    va_end(values);
    if (db_next(d, r)) db_done(r);
}

int64_t db_number(db *d, const char *sql, int64_t otherwise, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    rows *r = bound(d, sql, types, &values);
    va_end(values);
    if (!db_next(d, r)) return otherwise;
    int64_t number = db_is_null(r, 0) ? otherwise : db_int(r, 0);
    db_done(r);
    return number;
}

void db_bind_text(rows *r, int place, const char *text)
{
    if (r) sqlite3_bind_text(r, place, text, -1, SQLITE_TRANSIENT);
}

void db_bind_int(rows *r, int place, int64_t value)
{
    if (r) sqlite3_bind_int64(r, place, value);
}

void db_drop(rows *r)
{
    sqlite3_finalize(r);
}

int64_t db_int(rows *r, int column)
{
    return sqlite3_column_int64(r, column);
}

bool db_is_null(rows *r, int column)
{
    return sqlite3_column_type(r, column) == SQLITE_NULL;
}

bytes db_bytes(rows *r, int column)
{
    if (db_is_null(r, column)) return (bytes){NULL, 0};
    /* An empty blob has no address, and is not NULL. */
    const void *data = sqlite3_column_type(r, column) == SQLITE_BLOB ? sqlite3_column_blob(r, column)
                                                                     : (const void *)sqlite3_column_text(r, column);
    return (bytes){data ? data : "", (size_t)sqlite3_column_bytes(r, column)};
}

const char *db_text(rows *r, int column)
{
    const char *text = (const char *)sqlite3_column_text(r, column);
    return text ? text : "";
}

json_t *db_json(db *d, rows *r, int column)
{
    bytes text = db_bytes(r, column);
    if (!text.data) return NULL;
    json_t *value = NULL;
    const rip_json_rules rules = {.any = true, .nul = true};
    if (rip_json_read(text.data, text.len, &rules, &value, NULL) != RIP_OK)
        db_fail(d, RIP_EINVAL, "a row is damaged: its JSON cannot be read; `riposte audit verify` says which");
    return value;
}

void db_script(db *d, const char *sql)
{
    if (db_failed(d)) return;
    int code = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK) fail_from(d, code);
}

void db_begin(db *d)
{
    /* At once as a writer: a transaction that turns into one half-way can be refused half-way. */
    static const char BEGIN[] = "BEGIN IMMEDIATE";
    db_do(d, BEGIN, "");
}

void db_rollback(db *d)
{
    d->failure = (rip_error){RIP_OK, ""};
    for (size_t i = 0; i < d->kept_count; i++) sqlite3_reset(d->kept[i].statement);
    if (!sqlite3_get_autocommit(d->handle)) sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
}

bool db_commit(db *d, rip_error *err)
{
    static const char COMMIT[] = "COMMIT";
    db_do(d, COMMIT, "");
    if (!db_failed(d)) return true;
    if (err) *err = d->failure;
    db_rollback(d);
    return false;
}

int64_t db_changed(db *d)
{
    return sqlite3_changes(d->handle);
}
