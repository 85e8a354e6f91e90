#include "engine/journal/sqlite_store.h"

#include <stdlib.h>
#include <string.h>

void store_load(store *s)
{
    static const char LAST[] = "SELECT place, hash FROM anchors ORDER BY place DESC LIMIT 1";
    s->place = 0;
    memset(&s->head, 0, sizeof s->head);
    rows *r = db_rows(s->db, LAST, "");
    if (!db_next(s->db, r)) return;
    bytes head = db_bytes(r, 1);
    s->place = db_int(r, 0);
    if (head.len == sizeof s->head)
        memcpy(&s->head, head.data, sizeof s->head);
    else
        db_fail(s->db, RIP_EINVAL, "the audit chain is damaged; `riposte audit verify` says where");
    db_done(r);
}

void store_forget(store *s)
{
    for (size_t i = 0; i < STORE_BUCKETS; i++) {
        while (s->runs[i]) {
            open_run *run = s->runs[i];
            s->runs[i] = run->next;
            free(run);
        }
    }
    s->touched = NULL;
    s->text_count = 0;
}

void store_free(store *s)
{
    store_forget(s);
    packer_free(&s->packer);
}

int64_t store_anchor(store *s, const char *kind, int64_t subject, bytes name, const hash *content)
{
    static const char ADD[] = "INSERT INTO anchors (place, kind, subject, name, content, hash) VALUES (?,?,?,?,?,?)";
    int64_t place = ++s->place;
    if (subject == 0) subject = place;
    chain_anchor(place, kind, subject, name, content, &s->head);
    db_do(s->db, ADD, "isitbb", place, kind, subject, name, hash_bytes(content), hash_bytes(&s->head));
    return place;
}

static open_run **slot_of(store *s, bytes id)
{
    size_t sum = 14695981039346656037u;
    for (size_t i = 0; i < id.len; i++) sum = (sum ^ ((const unsigned char *)id.data)[i]) * 1099511628211u;
    open_run **at = &s->runs[(sum ^ (sum >> 29)) % STORE_BUCKETS];
    while (*at && (strlen((*at)->id) != id.len || memcmp((*at)->id, id.data, id.len) != 0)) at = &(*at)->next;
    return at;
}

static void touch(store *s, open_run *run)
{
    if (run->is_touched) return;
    run->is_touched = true;
    run->next_touched = s->touched;
    s->touched = run;
}

static open_run *run_add(store *s, open_run **at, bytes id)
{
    open_run *run = calloc(1, sizeof *run + id.len + 1);
    if (!run) {
        db_fail(s->db, RIP_ENOMEM, "out of memory");
        return NULL;
    }
    memcpy(run->id, id.data, id.len);
    touch(s, run);
    return *at = run;
}

static void take_row(store *s, open_run *run, rows *r)
{
    bytes head = db_bytes(r, 5), text = db_bytes(r, 6);
    if (head.len != sizeof run->head) {
        db_fail(s->db, RIP_EINVAL, "a run's chain is damaged; `riposte audit verify` says which");
        return;
    }
    run->place = db_int(r, 0);
    run->finding = db_int(r, 1);
    run->links = db_int(r, 2);
    run->steps = db_int(r, 3);
    run->changes = db_int(r, 4);
    memcpy(&run->head, head.data, sizeof run->head);
    run->has_text = text.len == sizeof run->text;
    if (run->has_text) memcpy(&run->text, text.data, sizeof run->text);
}

open_run *store_run(store *s, bytes id)
{
    static const char FIND[] = "SELECT place, finding, links, steps, changes, head, text FROM runs WHERE id = ?";
    if (!id.data) return NULL;
    open_run **at = slot_of(s, id);
    if (*at) {
        touch(s, *at);
        return *at;
    }
    rows *r = db_rows(s->db, FIND, "t", id);
    if (!db_next(s->db, r)) return NULL;
    open_run *run = run_add(s, at, id);
    if (run) take_row(s, run, r);
    db_done(r);
    return db_failed(s->db) ? NULL : run;
}

bool store_has_run(store *s, bytes id)
{
    static const char HAS[] = "SELECT 1 FROM runs WHERE id = ?";
    return *slot_of(s, id) || db_number(s->db, HAS, 0, "t", id) == 1;
}

open_run *store_run_new(store *s, bytes id, int64_t finding)
{
    open_run *run = run_add(s, slot_of(s, id), id);
    if (!run) return NULL;
    run->finding = finding;
    chain_first(id, &run->head);
    return run;
}

void store_text(store *s, bytes text, hash *out)
{
    static const char ADD[] = "INSERT INTO texts (hash, text) VALUES (?,?) ON CONFLICT (hash) DO NOTHING";
    rip_sha256(text.data, text.len, out->bytes);
    size_t known = s->text_count < STORE_TEXTS ? s->text_count : STORE_TEXTS;
    for (size_t i = 0; i < known; i++) {
        if (memcmp(&s->texts[i], out, sizeof *out) == 0) return;
    }
    db_do(s->db, ADD, "bt", hash_bytes(out), text);
    s->texts[s->text_count++ % STORE_TEXTS] = *out;
}

void store_settle(store *s)
{
    static const char TELL[] = "UPDATE runs SET links = ?, head = ?, steps = ?, changes = ? WHERE place = ?";
    while (s->touched) {
        open_run *run = s->touched;
        s->touched = run->next_touched;
        run->is_touched = false;
        if (run->is_ahead)
            db_do(s->db, TELL, "ibiii", run->links, hash_bytes(&run->head), run->steps, run->changes, run->place);
        run->is_ahead = false;
        if (!run->has_ended) continue;
        *slot_of(s, (bytes){run->id, strlen(run->id)}) = run->next;
        free(run);
    }
}
