/* Opening and closing a durable journal. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/journal/sqlite_private.h"
#include "engine/journal/sqlite_schema.h"

#define COMPRESS_ABOVE 1024

void sqlite_digest(const journal *j, const char *text, size_t len, char out[65])
{
    const sqlite_journal *s = (const sqlite_journal *)j;
    unsigned char digest[RIP_SHA256_BYTES];
    rip_hmac_sha256(s->key, sizeof s->key, text, len, digest);
    rip_hex(digest, sizeof digest, out);
}

void sqlite_close(journal *j)
{
    sqlite_journal *s = (sqlite_journal *)j;
    if (s->writer) writer_stop(s->writer);
    db_close(&s->beside);
    db_close(&s->db);
    if (s->memory) journal_close(s->memory);
    if (s->lock >= 0) close(s->lock); /* last: who comes next finds everything written */
    free(s->path);
    free(s);
}

/* A database says what its key answers to a question, so that a key of another one is not taken for its own. */
static rip_status open_key(sqlite_journal *s, rip_error *err)
{
    static const char GET[] = "SELECT value FROM meta WHERE name = 'key'";
    static const char SET[] = "INSERT INTO meta (name, value) VALUES ('key', ?)";
    char known[RIP_SHA256_HEX] = "", ours[RIP_SHA256_HEX];
    rows *r = db_rows(&s->db, GET, "");
    if (db_next(&s->db, r)) {
        bytes text = db_bytes(r, 0);
        if (text.len == sizeof known - 1) memcpy(known, text.data, text.len);
        db_done(r);
    }
    if (db_failed(&s->db)) return db_status(&s->db, err);
    rip_status status = files_read_key(s->path, s->key, err);
    if (status == RIP_ENOTFOUND && !*known) status = files_make_key(s->path, s->key, err);
    if (status == RIP_ENOTFOUND)
        return rip_fail(err, RIP_EINVAL, "%s.key is gone: restore it from the backup that the journal is in", s->path);
    if (status != RIP_OK) return status;
    sqlite_digest(&s->base, "key", 3, ours);
    if (*known && strcmp(known, ours) != 0)
        return rip_fail(err, RIP_EINVAL, "%s.key belongs to another journal", s->path);
    if (*known) return RIP_OK;
    db_do(&s->db, SET, "s", ours);
    return db_status(&s->db, err);
}

/* What outlives runs, back into memory. */
static rip_status load_kept(sqlite_journal *s, rip_error *err)
{
    static const char PAUSES[] = "SELECT scope, about FROM pauses";
    static const char POSITIONS[] = "SELECT source, position FROM positions";
    static const char BUDGETS[] = "SELECT scope, minute, used FROM budgets";
    memory_journal *memory = (memory_journal *)s->memory;
    rows *r = db_rows(&s->db, PAUSES, "");
    while (db_next(&s->db, r)) json_object_set_new(memory->pauses, db_text(r, 0), db_json(&s->db, r, 1));
    r = db_rows(&s->db, POSITIONS, "");
    while (db_next(&s->db, r)) json_object_set_new(memory->positions, db_text(r, 0), json_string(db_text(r, 1)));
    r = db_rows(&s->db, BUDGETS, "");
    while (db_next(&s->db, r)) memory_spend_back(s->memory, db_text(r, 0), db_int(r, 1), db_int(r, 2));
    return db_status(&s->db, err);
}

static rip_status open_own(sqlite_journal *s, const journal_options *options, rip_error *err)
{
    rip_status status = files_lock(s->path, options->owner, &s->lock, err);
    if (status == RIP_OK) status = schema_open_own(&s->db, s->path, files_has_key(s->path), err);
    if (status == RIP_OK) status = open_key(s, err);
    if (status == RIP_OK) status = load_kept(s, err);
    if (status == RIP_OK) status = schema_open_beside(&s->beside, s->path, err);
    if (status != RIP_OK) return status;
    writer_options writing = {.db = &s->db,
                              .beside = &s->beside,
                              .loop = options->loop,
                              .compress_above = options->compress_above ? options->compress_above : COMPRESS_ABOVE,
                              .give_up_after_ms = options->give_up_after_ms,
                              .returned = sqlite_returned,
                              .data = s};
    return writer_start(&writing, &s->writer, err);
}

static rip_status open_read(sqlite_journal *s, rip_error *err)
{
    rip_status status = schema_open_read(&s->db, s->path, err);
    if (status == RIP_OK) files_read_key(s->path, s->key, NULL); /* who looks needs it for nothing */
    if (status == RIP_OK) status = load_kept(s, err);
    return status;
}

rip_status journal_open_sqlite(const journal_options *options, journal **out, rip_error *err)
{
    sqlite_journal *s = calloc(1, sizeof *s);
    if (!s) return rip_nomem(err);
    s->base.ops = &sqlite_ops;
    s->lock = -1;
    s->path = strdup(options->path);
    rip_status status = s->path ? journal_open_memory(&s->memory, err) : rip_nomem(err);
    if (status == RIP_OK) status = options->access == JOURNAL_OWN ? open_own(s, options, err) : open_read(s, err);
    if (status != RIP_OK) {
        sqlite_close(&s->base);
        return status;
    }
    *out = &s->base;
    return RIP_OK;
}
