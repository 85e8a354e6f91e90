#include "engine/journal/sqlite_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/log.h"

#define APPLICATION 0x52695073 /* "RiPs": tells a journal from any other database */
#define CHECK_SECONDS 30

/* Rows are known by the place of their first anchor, which is never given twice. A hash is a BLOB of 32 bytes; times
 * are milliseconds since the epoch; JSON is text that is never taken apart in SQL. `packed` is the size of what was
 * compressed with zlib, 0 where it was not. */
static const char *const VERSIONS[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE anchors (place INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject INTEGER NOT NULL, name TEXT,"
    " content BLOB NOT NULL, hash BLOB NOT NULL);"
    "CREATE TABLE findings (place INTEGER PRIMARY KEY, id TEXT NOT NULL, version TEXT NOT NULL, origin TEXT,"
    " received INTEGER NOT NULL, packed INTEGER NOT NULL, finding BLOB NOT NULL, UNIQUE (id, version));"
    "CREATE TABLE events (finding INTEGER PRIMARY KEY, packed INTEGER NOT NULL, event BLOB NOT NULL);"
    "CREATE TABLE texts (hash BLOB PRIMARY KEY, text TEXT NOT NULL);"
    "CREATE TABLE runs (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, finding INTEGER, playbook TEXT,"
    " account TEXT, region TEXT, mode TEXT, outcome TEXT, lock TEXT, queued INTEGER, started INTEGER, finished INTEGER,"
    " record TEXT NOT NULL, text BLOB, anchor INTEGER NOT NULL, sealed INTEGER NOT NULL, links INTEGER NOT NULL,"
    " head BLOB NOT NULL, steps INTEGER NOT NULL, changes INTEGER NOT NULL);"
    "CREATE INDEX runs_outcome ON runs (outcome);"
    "CREATE INDEX runs_finding ON runs (finding);"
    "CREATE INDEX runs_finished ON runs (finished);"
    "CREATE INDEX findings_received ON findings (received);"
    "CREATE TABLE sources (run INTEGER NOT NULL, name TEXT NOT NULL, text BLOB NOT NULL, link INTEGER NOT NULL,"
    " hash BLOB NOT NULL, PRIMARY KEY (run, name));"
    "CREATE TABLE steps (run INTEGER NOT NULL, path TEXT NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " kind TEXT NOT NULL, phase TEXT NOT NULL, fingerprint TEXT NOT NULL, request TEXT, is_change INTEGER NOT NULL,"
    " care INTEGER NOT NULL, started INTEGER NOT NULL, finished INTEGER, outcome TEXT, reply TEXT, undo TEXT,"
    " irreversible TEXT, finish_order INTEGER, promise BLOB, start_link INTEGER, start_hash BLOB, finish_link INTEGER,"
    " finish_hash BLOB, PRIMARY KEY (run, path, number));"
    "CREATE TABLE decisions (run INTEGER NOT NULL, number INTEGER NOT NULL, decision TEXT NOT NULL,"
    " anchor INTEGER NOT NULL, PRIMARY KEY (run, number));"
    "CREATE TABLE locks (name TEXT PRIMARY KEY, run INTEGER NOT NULL, since INTEGER NOT NULL);"
    "CREATE TABLE cooldowns (name TEXT PRIMARY KEY, at INTEGER NOT NULL);"
    "CREATE TABLE budgets (scope TEXT NOT NULL, minute INTEGER NOT NULL, used INTEGER NOT NULL,"
    " PRIMARY KEY (scope, minute));"
    "CREATE TABLE pauses (scope TEXT PRIMARY KEY, about TEXT NOT NULL);"
    "CREATE TABLE positions (source TEXT PRIMARY KEY, position TEXT NOT NULL);",

    /* Runs that began with a library came before the place of the next. */
    "CREATE TABLE libraries (digest TEXT PRIMARY KEY, place INTEGER NOT NULL, packed INTEGER NOT NULL,"
    " pack BLOB NOT NULL);",
};
#define VERSION ((int64_t)(sizeof VERSIONS / sizeof *VERSIONS))

static rip_status not_a_journal(const db *d, rip_error *err)
{
    return rip_fail(err, RIP_EINVAL, "%s is a database of another program: give another path", d->path);
}

/* What version it has; 0: empty. */
static rip_status look_at(db *d, int64_t newest, int64_t *version, rip_error *err)
{
    static const char GET_APPLICATION[] = "PRAGMA application_id";
    static const char GET_VERSION[] = "PRAGMA user_version";
    static const char HAS_TABLES[] = "SELECT count(*) FROM sqlite_master";
    int64_t application = db_number(d, GET_APPLICATION, 0, "");
    *version = db_number(d, GET_VERSION, 0, "");
    int64_t tables = db_number(d, HAS_TABLES, 0, "");
    if (db_failed(d)) return db_status(d, err);
    if (application != APPLICATION && (application != 0 || tables != 0)) return not_a_journal(d, err);
    if (*version <= newest) return RIP_OK;
    return rip_fail(err, RIP_EINVAL,
                    "%s was written by a newer Riposte (version %" PRId64 " of the tables; this one knows %" PRId64
                    "): use that one",
                    d->path, *version, newest);
}

rip_status schema_migrate(db *d, const char *const *steps, int64_t count, rip_error *err)
{
    int64_t version = 0;
    rip_status status = look_at(d, count, &version, err);
    if (status != RIP_OK || version == count) return status;
    char numbers[96];
    snprintf(numbers, sizeof numbers, "PRAGMA application_id = %d; PRAGMA user_version = %" PRId64, APPLICATION, count);
    db_begin(d);
    while (version < count && !db_failed(d)) db_script(d, steps[version++]);
    db_script(d, numbers);
    if (db_commit(d, err)) return RIP_OK;
    rip_error_prefix(err, "bringing the tables to version %" PRId64 ": ", version);
    return err->status;
}

/* After a crash: what was left in the -wal file, put over pages that may be newer, must make a whole again. A large
 * database is not checked to its end, so that a restart is never long. */
static int past(void *deadline)
{
    return time(NULL) > *(time_t *)deadline;
}

static rip_status check(db *d, rip_error *err)
{
    static const char CHECK[] = "PRAGMA integrity_check(1)";
    time_t deadline = time(NULL) + CHECK_SECONDS;
    sqlite3_progress_handler(d->handle, 100000, past, &deadline);
    rows *r = db_rows(d, CHECK, "");
    bool said = db_next(d, r);
    char why[256] = "";
    if (said) snprintf(why, sizeof why, "%s", db_text(r, 0));
    db_done(r);
    bool cut_short = past(&deadline);
    sqlite3_progress_handler(d->handle, 0, NULL, NULL);
    if (db_failed(d)) {
        if (!cut_short) return db_status(d, err);
        db_status(d, NULL);
        rip_log(RIP_LOG_WARN, "journal.check.unfinished", "path", d->path, NULL);
        return RIP_OK;
    }
    if (strcmp(why, "ok") == 0) return RIP_OK;
    return rip_fail(err, RIP_EINVAL,
                    "%s is damaged (%s): restore it from a backup, or move it away with the files "
                    "beside it (-wal, -shm, .key) to begin a new one",
                    d->path, why);
}

/* SQLite reads what is missing of the last page as zeros. All is in the file itself after a checkpoint, so then its
 * size tells. */
static rip_status check_size(db *d, rip_error *err)
{
    static const char CHECKPOINT[] = "PRAGMA wal_checkpoint(TRUNCATE)";
    static const char SIZE[] = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    bool busy = db_number(d, CHECKPOINT, 1, "") != 0;
    if (db_failed(d) || busy) { /* a full disk: the write that fails later says so */
        db_status(d, NULL);
        return RIP_OK;
    }
    struct stat st;
    int64_t size = db_number(d, SIZE, 0, "");
    if (db_failed(d)) return db_status(d, err);
    if (stat(d->path, &st) != 0 || st.st_size >= size) return RIP_OK;
    return rip_fail(err, RIP_EINVAL,
                    "%s is cut short (%lld bytes of %lld): restore it from a backup, or move it away with the files "
                    "beside it (-wal, -shm, .key) to begin a new one",
                    d->path, (long long)st.st_size, (long long)size);
}

/* Only its owner may read a journal; SQLite gives the files beside it the same rights. */
static rip_status make_file(const char *path, bool is_known, bool *was_closed, rip_error *err)
{
    char wal[4096];
    struct stat st;
    snprintf(wal, sizeof wal, "%s-wal", path);
    *was_closed = stat(wal, &st) != 0 || st.st_size == 0;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && fstat(fd, &st) == 0;
    int number = errno;
    if (fd >= 0) close(fd);
    if (!ok) {
        bool denied = number == EACCES || number == EPERM || number == EROFS;
        return rip_fail(err, denied ? RIP_EDENIED : RIP_EIO, "%s: %s", path, strerror(number));
    }
    if (st.st_size > 0 || !is_known) return RIP_OK;
    return rip_fail(err, RIP_EINVAL,
                    "%s is empty, and %s.key says that it was not: restore it from a backup, or move the key away "
                    "to begin a new one",
                    path, path);
}

static void set_up(db *d)
{
    db_script(d,
              "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;"
              "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY;"
              "PRAGMA trusted_schema = OFF");
}

rip_status schema_open_own(db *d, const char *path, bool is_known, rip_error *err)
{
    bool was_closed = true;
    rip_status status = make_file(path, is_known, &was_closed, err);
    if (status == RIP_OK) status = db_open(d, path, DB_WRITE, err);
    if (status != RIP_OK) return status;
    int64_t version = 0;
    status = look_at(d, VERSION, &version, err); /* before anything of another program's is changed */
    if (status == RIP_OK && version == 0 && is_known)
        status = rip_fail(err, RIP_EINVAL,
                          "%s holds nothing, and %s.key says that it did: restore it from a backup, or move both away "
                          "to begin a new one",
                          path, path);
    if (status == RIP_OK && !was_closed) status = check(d, err);
    if (status == RIP_OK) {
        set_up(d);
        status = db_status(d, err);
    }
    if (status == RIP_OK) status = schema_migrate(d, VERSIONS, VERSION, err);
    if (status == RIP_OK) status = check_size(d, err);
    if (status != RIP_OK) db_close(d);
    return status;
}

static rip_status is_readable(db *d, rip_error *err)
{
    int64_t version = 0;
    rip_status status = look_at(d, VERSION, &version, err);
    if (status != RIP_OK || version == VERSION) return status;
    if (version == 0) /* its first process was killed before it had made it */
        return rip_fail(err, RIP_EINVAL, "%s holds nothing yet: `riposte run` or `riposte serve` begins it", d->path);
    return rip_fail(err, RIP_EINVAL,
                    "%s was written by an older Riposte: `riposte run` or `riposte serve` brings it up "
                    "to date",
                    d->path);
}

rip_status schema_open_read(db *d, const char *path, rip_error *err)
{
    char wal[4096];
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno == ENOENT) return rip_fail(err, RIP_ENOTFOUND, "there is no journal at %s", path);
        return rip_fail(err, errno == EACCES ? RIP_EDENIED : RIP_EIO, "%s: %s", path, strerror(errno));
    }
    rip_status status = db_open(d, path, DB_LOOK, err);
    if (status == RIP_OK) status = is_readable(d, err);
    if (status == RIP_OK || status == RIP_EINVAL) {
        if (status != RIP_OK) db_close(d);
        return status;
    }
    /* A folder in which nothing may be made: without a writer's -wal file, the database itself is all there is. */
    db_close(d);
    snprintf(wal, sizeof wal, "%s-wal", path);
    if (stat(wal, &st) == 0 && st.st_size > 0) return status;
    status = db_open(d, path, DB_LOOK_IMMUTABLE, err);
    if (status == RIP_OK) status = is_readable(d, err);
    if (status != RIP_OK) db_close(d);
    return status;
}

rip_status schema_open_beside(db *d, const char *path, rip_error *err)
{
    return db_open(d, path, DB_LOOK, err);
}
