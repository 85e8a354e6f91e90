/* Questions, answered from what is written. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/suggest.h"
#include "engine/base/text.h"
#include "engine/journal/pack.h"
#include "engine/journal/sqlite_writer.h"

#define FIND_MOST 100
#define SUGGEST_FROM 200
#define OPEN "(outcome IS NULL OR outcome IN ('waiting', 'uncertain', 'parked', 'paused'))"

static void set(json_t *object, const char *key, json_t *value)
{
    if (value) json_object_set_new(object, key, value);
}

static json_t *text_json(rows *r, int column)
{
    bytes text = db_bytes(r, column);
    return text.data ? json_stringn(text.data, text.len) : NULL;
}

/* Pieces of a run. */

static json_t *unpacked_json(db *d, bytes packed, int64_t size)
{
    rip_buffer text = {0};
    rip_error err;
    json_t *value = NULL;
    rip_status status = unpack(packed, size, &text, &err);
    const rip_json_rules rules = {.any = true, .nul = true};
    if (status == RIP_OK) status = rip_json_read(text.data, text.len, &rules, &value, NULL);
    if (status != RIP_OK) db_fail(d, RIP_EINVAL, "a finding is damaged; `riposte audit verify` says which");
    rip_buffer_free(&text);
    return value;
}

/* NULL: there is none. */
static json_t *read_finding(db *d, int64_t place)
{
    static const char FIND[] =
        "SELECT f.packed, f.finding, e.packed, e.event FROM findings f"
        " LEFT JOIN events e ON e.finding = f.place WHERE f.place = ?";
    rows *r = db_rows(d, FIND, "i", place);
    if (!db_next(d, r)) return NULL;
    json_t *finding = unpacked_json(d, db_bytes(r, 1), db_int(r, 0));
    if (finding && !db_is_null(r, 3)) set(finding, "event", unpacked_json(d, db_bytes(r, 3), db_int(r, 2)));
    db_done(r);
    return finding;
}

static json_t *read_decisions(db *d, int64_t run)
{
    static const char FIND[] = "SELECT decision FROM decisions WHERE run = ? ORDER BY number";
    json_t *all = json_array();
    rows *r = db_rows(d, FIND, "i", run);
    while (db_next(d, r)) {
        json_t *decision = db_json(d, r, 0);
        if (decision) json_array_append_new(all, decision);
    }
    return all;
}

static json_t *read_sources(db *d, int64_t run)
{
    static const char FIND[] =
        "SELECT s.name, t.text FROM sources s JOIN texts t ON t.hash = s.text WHERE s.run = ?"
        " ORDER BY s.link";
    json_t *all = json_object();
    rows *r = db_rows(d, FIND, "i", run);
    while (db_next(d, r)) set(all, db_text(r, 0), text_json(r, 1));
    return all;
}

static json_t *read_text(db *d, int64_t run)
{
    static const char FIND[] = "SELECT t.text FROM runs r JOIN texts t ON t.hash = r.text WHERE r.place = ?";
    rows *r = db_rows(d, FIND, "i", run);
    if (!db_next(d, r)) return NULL;
    json_t *text = text_json(r, 0);
    db_done(r);
    return text;
}

/* The record as journal_run has it; what has tables of its own is put back. */
static json_t *read_record(db *d, int64_t run)
{
    static const char FIND[] = "SELECT record FROM runs WHERE place = ?";
    rows *r = db_rows(d, FIND, "i", run);
    json_t *record = db_next(d, r) ? db_json(d, r, 0) : NULL;
    db_done(r);
    if (!record) return NULL;
    set(record, "text", read_text(d, run));
    json_t *sources = read_sources(d, run), *decisions = read_decisions(d, run);
    if (json_object_size(sources) > 0) json_object_set(record, "sources", sources);
    if (json_array_size(decisions) > 0) json_object_set(record, "decisions", decisions);
    json_decref(sources);
    json_decref(decisions);
    return record;
}

/* As journal_step_to_json has it, with "care" and "seq" for who brings it back into memory. */
static json_t *step_json(db *d, rows *r, bool for_memory)
{
    bool finished = !db_is_null(r, 12);
    json_t *step = json_object();
    set(step, "path", text_json(r, 0));
    set(step, "number", json_integer(db_int(r, 1)));
    set(step, "kind", text_json(r, 2));
    set(step, "phase", text_json(r, 3));
    set(step, "fingerprint", text_json(r, 4));
    set(step, "request", db_json(d, r, 5));
    set(step, "is_change", json_boolean(db_int(r, 6)));
    set(step, "started_ms", json_integer(db_int(r, 7)));
    set(step, "state", json_string(finished ? "finished" : "started"));
    set(step, "undo", db_json(d, r, 8));
    set(step, "irreversible", text_json(r, 9));
    if (for_memory) {
        set(step, "care", json_integer(db_int(r, 10)));
        set(step, "seq", json_integer(db_int(r, 11)));
    }
    if (!finished) return step;
    set(step, "order", json_integer(db_int(r, 12)));
    set(step, "finished_ms", json_integer(db_int(r, 13)));
    set(step, "outcome", text_json(r, 14));
    set(step, "reply", db_json(d, r, 15));
    return step;
}

static json_t *read_steps(db *d, int64_t run, bool for_memory)
{
    static const char FIND[] =
        "SELECT path, number, kind, phase, fingerprint, request, is_change, started, undo, irreversible, care, seq,"
        " finish_order, finished, outcome, reply FROM steps WHERE run = ? ORDER BY seq";
    json_t *all = json_array();
    rows *r = db_rows(d, FIND, "i", run);
    while (db_next(d, r)) json_array_append_new(all, step_json(d, r, for_memory));
    return all;
}

/* The questions. */

/* Places of runs, gathered first, so that each statement is read to its end before it is used again. */
typedef struct places {
    int64_t *all;
    size_t count, cap;
} places;

static void add_place(db *d, places *p, int64_t place)
{
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 64;
        int64_t *all = realloc(p->all, cap * sizeof *all);
        if (!all) {
            db_fail(d, RIP_ENOMEM, "out of memory");
            return;
        }
        p->all = all;
        p->cap = cap;
    }
    p->all[p->count++] = place;
}

/* The pack of the library that a run goes on with; runs that go on with the same share it. NULL: it is not there. */
static json_t *read_library(db *d, const json_t *record, json_t *packs)
{
    static const char FIND[] = "SELECT packed, pack FROM libraries WHERE digest = ?";
    const char *digest = rip_text_or(record, "library", NULL);
    if (!digest || json_object_get(record, "outcome")) return NULL;
    json_t *known = json_object_get(packs, digest);
    if (known) return json_incref(known);
    rows *r = db_rows(d, FIND, "s", digest);
    if (!db_next(d, r)) return NULL;
    rip_buffer text = {0};
    json_t *pack = NULL;
    if (unpack(db_bytes(r, 1), db_int(r, 0), &text, NULL) == RIP_OK) pack = json_stringn_nocheck(text.data, text.len);
    rip_buffer_free(&text);
    db_done(r);
    if (pack) json_object_set(packs, digest, pack);
    return pack;
}

static json_t *read_recover(db *d)
{
    static const char FIND[] =
        "SELECT place, finding FROM runs WHERE outcome IS NULL"
        " OR outcome IN ('waiting', 'paused') ORDER BY place";
    places runs = {0}, findings = {0};
    json_t *all = json_array();
    rows *r = db_rows(d, FIND, "");
    while (db_next(d, r)) {
        add_place(d, &runs, db_int(r, 0));
        add_place(d, &findings, db_int(r, 1));
    }
    json_t *packs = json_object();
    json_t *finding = NULL; /* runs of one finding follow each other, and share it */
    for (size_t i = 0; i < runs.count && !db_failed(d); i++) {
        if (i == 0 || findings.all[i] != findings.all[i - 1]) {
            json_decref(finding);
            finding = findings.all[i] ? read_finding(d, findings.all[i]) : NULL;
        }
        json_t *entry = json_object();
        set(entry, "record", read_record(d, runs.all[i]));
        set(entry, "library", read_library(d, json_object_get(entry, "record"), packs));
        set(entry, "steps", read_steps(d, runs.all[i], true));
        set(entry, "finding", json_incref(finding));
        json_array_append_new(all, entry);
    }
    json_decref(finding);
    json_decref(packs);
    free(runs.all);
    free(findings.all);
    return all;
}

static rows *find_statement(db *d, const message *m)
{
    const span *const TEXTS[] = {&m->as.filter.run,    &m->as.filter.playbook, &m->as.filter.account,
                                 &m->as.filter.region, &m->as.filter.finding,  &m->as.filter.before};
    static const char *const CLAUSES[] = {" AND r.id = ?",
                                          " AND playbook = ?",
                                          " AND account = ?",
                                          " AND region = ?",
                                          " AND finding IN (SELECT place FROM findings WHERE id = ?)",
                                          " AND place < (SELECT place FROM runs WHERE id = ?)"};
    const char *outcome = message_string(m, m->as.filter.outcome);
    rip_buffer sql = {0};
    rip_buffer_puts(&sql, "SELECT record, place, steps, changes FROM runs r WHERE 1 = 1");
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        if (TEXTS[i]->is) rip_buffer_puts(&sql, CLAUSES[i]);
    }
    const char *state = !outcome                          ? ""
                        : strcmp(outcome, "open") == 0    ? " AND " OPEN
                        : strcmp(outcome, "queued") == 0  ? " AND outcome IS NULL AND started IS NULL"
                        : strcmp(outcome, "running") == 0 ? " AND outcome IS NULL AND started IS NOT NULL"
                                                          : NULL;
    rip_buffer_puts(&sql, state ? state : " AND outcome = ?");
    if (m->as.filter.since) rip_buffer_puts(&sql, " AND queued >= ?");
    if (m->as.filter.until) rip_buffer_puts(&sql, " AND queued < ?");
    rip_buffer_puts(&sql, " ORDER BY place DESC LIMIT ?");
    rows *r = sql.failed ? NULL : db_prepare(d, sql.data);
    rip_buffer_free(&sql);
    int place = 0;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        if (TEXTS[i]->is) db_bind_text(r, ++place, message_string(m, *TEXTS[i]));
    }
    if (!state) db_bind_text(r, ++place, outcome);
    if (m->as.filter.since) db_bind_int(r, ++place, m->as.filter.since);
    if (m->as.filter.until) db_bind_int(r, ++place, m->as.filter.until);
    db_bind_int(r, ++place, m->as.filter.most ? m->as.filter.most : FIND_MOST);
    return r;
}

static json_t *read_found(db *d, const message *m)
{
    json_t *all = json_array();
    rows *r = find_statement(d, m);
    while (db_next(d, r)) {
        json_t *record = db_json(d, r, 0), *decisions = read_decisions(d, db_int(r, 1));
        if (record) {
            if (json_array_size(decisions) > 0) json_object_set(record, "decisions", decisions);
            set(record, "steps", json_integer(db_int(r, 2)));
            set(record, "changes", json_integer(db_int(r, 3)));
            json_array_append_new(all, record);
        }
        json_decref(decisions);
    }
    db_drop(r);
    return all;
}

static void fail_unknown(db *d, const char *name, rip_error *err)
{
    static const char LATEST[] = "SELECT id FROM runs ORDER BY place DESC LIMIT 200";
    const char *ids[SUGGEST_FROM];
    json_t *all = json_array();
    rows *r = db_rows(d, LATEST, "");
    while (db_next(d, r)) json_array_append_new(all, text_json(r, 0));
    size_t count = json_array_size(all);
    for (size_t i = 0; i < count; i++) ids[i] = json_string_value(json_array_get(all, i));
    const char *near = rip_suggest(name, ids, count);
    if (near)
        rip_fail(err, RIP_ENOTFOUND, "there is no run %s; did you mean %s?", name, near);
    else
        rip_fail(err, RIP_ENOTFOUND, "there is no run %s; `riposte runs` lists them", name);
    json_decref(all);
}

/* The run with this id, or the only one whose id begins so; 0, and why. */
static int64_t named(db *d, const char *name, int64_t *finding, rip_error *err)
{
    static const char EXACTLY[] = "SELECT place FROM runs WHERE id = ?";
    static const char BEGINNING[] = "SELECT place FROM runs WHERE id >= ? AND id < ? LIMIT 2";
    static const char FINDING[] = "SELECT finding FROM runs WHERE place = ?";
    int64_t place = db_number(d, EXACTLY, 0, "s", name);
    if (place == 0 && *name) {
        rip_buffer end = {0};
        rip_buffer_printf(&end, "%s\xf4\x8f\xbf\xbf", name); /* after the last character there is */
        rows *r = db_rows(d, BEGINNING, "ss", name, end.data);
        if (db_next(d, r)) place = db_int(r, 0);
        if (place && db_next(d, r)) {
            db_done(r);
            place = 0;
            rip_fail(err, RIP_EINVAL, "more than one run begins with %s: give more of its id", name);
        }
        rip_buffer_free(&end);
    }
    if (place == 0 && err->status == RIP_OK && !db_failed(d)) fail_unknown(d, name, err);
    if (place) *finding = db_number(d, FINDING, 0, "i", place);
    return place;
}

static json_t *read_one(db *d, const char *name, rip_error *err)
{
    int64_t finding = 0, run = named(d, name, &finding, err);
    if (run == 0) return NULL;
    json_t *whole = json_object();
    set(whole, "record", read_record(d, run));
    set(whole, "steps", read_steps(d, run, false));
    set(whole, "decisions", read_decisions(d, run));
    if (finding) set(whole, "finding", read_finding(d, finding));
    return whole;
}

void question_answer(db *d, message *m)
{
    static const char BEGIN[] = "BEGIN"; /* all of an answer is of one moment */
    static const char END[] = "COMMIT";
    rip_error err = {RIP_OK, ""};
    db_do(d, BEGIN, "");
    if (m->kind == MESSAGE_RECOVER)
        m->value = read_recover(d);
    else if (m->kind == MESSAGE_FIND)
        m->value = read_found(d, m);
    else
        m->value = read_one(d, message_string(m, m->as.filter.run), &err);
    db_do(d, END, "");
    if (db_failed(d)) {
        err = d->failure;
        db_rollback(d);
    }
    if (err.status == RIP_OK) return;
    message_fail(m, &err);
    json_decref(m->value);
    m->value = NULL;
}
