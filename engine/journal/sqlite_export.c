/* The journal as JSON lines, for whoever watches from outside. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/json.h"
#include "engine/journal/audit.h"
#include "engine/journal/sqlite_db.h"
#include "engine/journal/sqlite_schema.h"

typedef struct exporter {
    db db;
    journal_line_fn line;
    void *data;
    rip_status status;
    rip_error *err;
} exporter;

static void set(json_t *object, const char *key, json_t *value)
{
    if (value) json_object_set_new(object, key, value);
}

static json_t *text(rows *r, int column)
{
    bytes value = db_bytes(r, column);
    return value.data ? json_stringn(value.data, value.len) : NULL;
}

static json_t *number(rows *r, int column)
{
    return db_is_null(r, column) ? NULL : json_integer(db_int(r, column));
}

static json_t *hex(rows *r, int column)
{
    char out[RIP_SHA256_HEX] = "";
    bytes value = db_bytes(r, column);
    if (value.len == RIP_SHA256_BYTES) rip_hex(value.data, value.len, out);
    return json_string(out);
}

/* Takes the object. */
static void put(exporter *e, json_t *object)
{
    char *line = object ? rip_json_dump(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (e->status != RIP_OK) {
        free(line);
        return;
    }
    e->status = line ? e->line(e->data, line, strlen(line), e->err) : rip_nomem(e->err);
    free(line);
}

/* A run's own links, in their order. `change`: only the one with this hash. */
static void put_links(exporter *e, const char *id, int64_t run, bytes change)
{
    static const char ALL[] =
        "SELECT start_link AS link, 'start', start_hash, path, number,"
        " kind, phase, fingerprint, request, is_change, started, NULL, NULL, NULL, undo, irreversible FROM steps"
        " WHERE run = ?1 AND start_link IS NOT NULL"
        " UNION ALL SELECT finish_link, CASE WHEN start_link IS NULL THEN 'step' ELSE 'finish' END, finish_hash, path,"
        " number, kind, phase, fingerprint, request, is_change, started, finished, outcome, reply, undo, irreversible"
        " FROM steps WHERE run = ?1 AND finish_link IS NOT NULL"
        " UNION ALL SELECT link, 'module', hash, name, NULL, NULL, NULL, text, NULL, NULL, NULL, NULL, NULL,"
        " NULL, NULL, NULL FROM sources WHERE run = ?1 ORDER BY link";
    rows *r = db_rows(&e->db, ALL, "i", run);
    while (e->status == RIP_OK && db_next(&e->db, r)) {
        bytes own = db_bytes(r, 2);
        if (change.data && (own.len != change.len || memcmp(own.data, change.data, own.len) != 0)) continue;
        bool is_module = strcmp(db_text(r, 1), "module") == 0;
        json_t *line = json_pack("{s:s, s:I, s:s}", "run", id, "link", (json_int_t)db_int(r, 0), "kind", db_text(r, 1));
        set(line, is_module ? "name" : "path", text(r, 3));
        set(line, "number", number(r, 4));
        set(line, "step", text(r, 5));
        set(line, "phase", text(r, 6));
        set(line, is_module ? "text" : "fingerprint", is_module ? hex(r, 7) : text(r, 7));
        set(line, "request", db_json(&e->db, r, 8));
        if (!is_module) set(line, "is_change", json_boolean(db_int(r, 9)));
        set(line, "started", number(r, 10));
        set(line, "finished", number(r, 11));
        set(line, "outcome", text(r, 12));
        set(line, "reply", db_json(&e->db, r, 13));
        set(line, "undo", db_json(&e->db, r, 14));
        set(line, "irreversible", text(r, 15));
        set(line, "hash", hex(r, 2));
        put(e, line);
    }
    db_done(r);
}

static void put_pause(json_t *line, bytes name)
{
    bytes scope, about;
    if (!chain_pause_parts(name, &scope, &about)) return;
    set(line, "scope", json_stringn(scope.data, scope.len));
    set(line, "about", json_loadb(about.data, about.len, JSON_ALLOW_NUL, NULL));
}

/* What an anchor is about, as far as it is still there. */
static void put_anchor(exporter *e, rows *r)
{
    const char *kind = db_text(r, 1);
    bool is_latest = db_int(r, 0) == db_int(r, 12); /* a record is told with the anchor that it is anchored with */
    json_t *line = json_pack("{s:I, s:s}", "place", (json_int_t)db_int(r, 0), "kind", kind);
    if (strcmp(kind, "finding") == 0) {
        set(line, "finding", text(r, 3));
        set(line, "version", text(r, 6));
        set(line, "origin", text(r, 7));
        set(line, "received", number(r, 8));
    } else if (strcmp(kind, "pruned") == 0) {
        set(line, "places", text(r, 3));
    } else if (strcmp(kind, "paused") == 0 || strcmp(kind, "resumed") == 0) {
        put_pause(line, db_bytes(r, 3));
    } else if (strcmp(kind, "library") != 0) { /* whose content is its digest */
        set(line, "run", db_is_null(r, 9) ? text(r, 3) : text(r, 9));
        if (strcmp(kind, "decision") == 0)
            set(line, "decision", db_json(&e->db, r, 11));
        else if (is_latest)
            set(line, "record", db_json(&e->db, r, 10));
    }
    set(line, "content", hex(r, 4));
    set(line, "hash", hex(r, 5));
    put(e, line);
    if (db_is_null(r, 9)) return;
    if (strcmp(kind, "change") == 0)
        put_links(e, db_text(r, 9), db_int(r, 2), db_bytes(r, 4));
    else if (strcmp(kind, "ended") == 0 && is_latest)
        put_links(e, db_text(r, 9), db_int(r, 2), (bytes){NULL, 0});
}

rip_status journal_audit_export(const char *path, int64_t since, journal_line_fn line, void *data, int64_t *last,
                                rip_error *err)
{
    static const char ALL[] =
        "SELECT a.place, a.kind, a.subject, a.name, a.content, a.hash, f.version, f.origin, f.received, r.id,"
        " r.record, d.decision, r.anchor FROM anchors a"
        " LEFT JOIN findings f ON a.kind = 'finding' AND f.place = a.subject"
        " LEFT JOIN runs r ON a.kind IN ('queued', 'began', 'ended', 'change', 'decision') AND r.place = a.subject"
        " LEFT JOIN decisions d ON a.kind = 'decision' AND d.run = a.subject AND d.anchor = a.place"
        " WHERE a.place > ? ORDER BY a.place";
    exporter e = {.line = line, .data = data, .err = err};
    *last = since;
    rip_status status = schema_open_read(&e.db, path, err);
    if (status != RIP_OK) return status;
    db_script(&e.db, "BEGIN");
    rows *r = db_rows(&e.db, ALL, "i", since);
    while (e.status == RIP_OK && db_next(&e.db, r)) {
        put_anchor(&e, r);
        if (e.status == RIP_OK && !db_failed(&e.db)) *last = db_int(r, 0);
    }
    status = db_failed(&e.db) ? db_status(&e.db, err) : e.status;
    db_close(&e.db);
    return status;
}
