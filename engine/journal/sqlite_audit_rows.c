/* Verifying: findings, texts, runs and decisions against their anchors. */
#include <inttypes.h>
#include <string.h>

#include "engine/journal/pack.h"
#include "engine/journal/sqlite_audit.h"

/* Anchors of a kind about rows that are not there. */
static void tell_removed(verifier *v, const char *sql, const char *table, const char *label)
{
    rows *r = db_rows(&v->db, sql, "");
    while (db_next(&v->db, r)) {
        if (!verify_is_pruned(v, db_int(r, 0)))
            verify_tell(v, table, "removed", "%s%s (place %" PRId64 ")", label, db_text(r, 1), db_int(r, 2));
    }
}

/* Rows that hang on nothing. */
static void tell_added(verifier *v, const char *sql, const char *table, const char *what)
{
    rows *r = db_rows(&v->db, sql, "");
    while (db_next(&v->db, r)) verify_tell(v, table, what, "%s", db_text(r, 0));
}

static void check_finding(verifier *v, rows *r, rip_buffer *finding, rip_buffer *event)
{
    finding_content content = {
        .id = db_bytes(r, 1), .version = db_bytes(r, 2), .origin = db_bytes(r, 3), .received = db_int(r, 4)};
    const char *what = NULL;
    if (db_is_null(r, 9) || strcmp(db_text(r, 9), "finding") != 0)
        what = "added: the chain does not know it";
    else if (db_is_null(r, 8))
        what = "removed: its event";
    else if (unpack(db_bytes(r, 6), db_int(r, 5), finding, NULL) != RIP_OK ||
             unpack(db_bytes(r, 8), db_int(r, 7), event, NULL) != RIP_OK)
        what = "changed: it, or its event, cannot be unpacked";
    if (!what) {
        hash sum;
        content.finding = (bytes){finding->data ? finding->data : "", finding->len};
        content.event = (bytes){event->data ? event->data : "", event->len};
        chain_finding(&content, &sum);
        if (!hash_is(&sum, db_bytes(r, 10))) what = "changed: it, or its event, is not what was anchored";
    }
    if (!what && verify_is_pruned(v, db_int(r, 0))) what = "added: it was forgotten";
    if (what)
        verify_tell(v, "findings", what, "%s version %s (place %" PRId64 ")", db_text(r, 1), db_text(r, 2),
                    db_int(r, 0));
}

void verify_findings(verifier *v)
{
    static const char ALL[] =
        "SELECT f.place, f.id, f.version, f.origin, f.received, f.packed, f.finding, e.packed,"
        " e.event, a.kind, a.content FROM findings f LEFT JOIN events e ON e.finding = f.place"
        " LEFT JOIN anchors a ON a.place = f.place ORDER BY f.place";
    static const char GONE[] =
        "SELECT place, name, place FROM anchors a WHERE kind = 'finding'"
        " AND NOT EXISTS (SELECT 1 FROM findings f WHERE f.place = a.place) ORDER BY place";
    static const char LOOSE[] =
        "SELECT finding FROM events e WHERE NOT EXISTS (SELECT 1 FROM findings f WHERE f.place = e.finding)";
    rip_buffer finding = {0}, event = {0};
    rows *r = db_rows(&v->db, ALL, "");
    for (; db_next(&v->db, r); v->sums->findings++) check_finding(v, r, &finding, &event);
    rip_buffer_free(&finding);
    rip_buffer_free(&event);
    tell_removed(v, GONE, "findings", "");
    tell_added(v, LOOSE, "events", "added: there is no finding that it belongs to");
}

void verify_texts(verifier *v)
{
    static const char ALL[] = "SELECT hash, text FROM texts ORDER BY hash";
    static const char RUNS[] =
        "SELECT id FROM runs r WHERE text IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM texts t WHERE t.hash = r.text)";
    static const char SOURCES[] =
        "SELECT r.id || ' ' || s.name FROM sources s JOIN runs r ON r.place = s.run"
        " WHERE NOT EXISTS (SELECT 1 FROM texts t WHERE t.hash = s.text)";
    rows *r = db_rows(&v->db, ALL, "");
    for (; db_next(&v->db, r); v->sums->texts++) {
        hash sum;
        char hex[RIP_SHA256_HEX];
        bytes text = db_bytes(r, 1);
        rip_sha256(text.data ? text.data : "", text.len, sum.bytes);
        if (hash_is(&sum, db_bytes(r, 0))) continue;
        rip_hex(sum.bytes, sizeof sum, hex);
        verify_tell(v, "texts", "changed: it is not the text that its hash stands for", "now %.12s", hex);
    }
    tell_added(v, RUNS, "texts", "removed: the playbook's text of a run");
    tell_added(v, SOURCES, "texts", "removed: the text of a module that a run required");
}

static const char *check_library(rows *r, rip_buffer *text)
{
    hash sum;
    char digest[RIP_SHA256_HEX];
    if (unpack(db_bytes(r, 3), db_int(r, 2), text, NULL) != RIP_OK) return "changed: it cannot be unpacked";
    rip_sha256(text->data ? text->data : "", text->len, sum.bytes);
    rip_hex(sum.bytes, sizeof sum, digest);
    if (strcmp(db_text(r, 0), digest) != 0) return "changed: it is not what its digest stands for";
    if (strcmp(db_text(r, 4), "library") != 0 || !hash_is(&sum, db_bytes(r, 5)))
        return "added: the chain does not know it";
    return NULL;
}

void verify_libraries(verifier *v)
{
    static const char ALL[] =
        "SELECT l.digest, l.place, l.packed, l.pack, a.kind, a.content FROM libraries l"
        " LEFT JOIN anchors a ON a.place = l.place ORDER BY l.place";
    /* One that was gone back to is where it was told last. */
    static const char GONE[] =
        "SELECT place, 'a library', place FROM (SELECT max(place) AS place FROM anchors WHERE kind = 'library'"
        " GROUP BY content) a WHERE NOT EXISTS (SELECT 1 FROM libraries l WHERE l.place = a.place) ORDER BY place";
    rip_buffer text = {0};
    rows *r = db_rows(&v->db, ALL, "");
    while (db_next(&v->db, r)) {
        const char *what = check_library(r, &text);
        if (what) verify_tell(v, "libraries", what, "%.12s (place %" PRId64 ")", db_text(r, 0), db_int(r, 1));
    }
    rip_buffer_free(&text);
    tell_removed(v, GONE, "libraries", "");
}

static void check_run(verifier *v, rows *r)
{
    const char *id = db_text(r, 1);
    int64_t place = db_int(r, 0);
    run_content content = {.id = db_bytes(r, 1),
                           .playbook = db_bytes(r, 2),
                           .account = db_bytes(r, 3),
                           .region = db_bytes(r, 4),
                           .mode = db_bytes(r, 5),
                           .outcome = db_bytes(r, 6),
                           .lock = db_bytes(r, 7),
                           .record = db_bytes(r, 8),
                           .text = db_bytes(r, 9),
                           .queued = db_int(r, 10),
                           .started = db_int(r, 11),
                           .finished = db_int(r, 12),
                           .finding = db_int(r, 13),
                           .sealed = db_int(r, 14)};
    verify_links(v, place, id, content.sealed, &content.head);
    if (db_is_null(r, 16) || db_int(r, 18) != place) {
        verify_tell(v, "runs", "added: the chain does not know it", "%s (place %" PRId64 ")", id, place);
        return;
    }
    hash sum;
    chain_run(&content, &sum);
    if (db_int(r, 15) != db_int(r, 16))
        verify_tell(v, "runs", "changed: the chain knows a later state of it", "%s (place %" PRId64 ")", id, place);
    else if (!hash_is(&sum, db_bytes(r, 17)))
        verify_tell(v, "runs", "changed: it is not what was anchored", "%s (place %" PRId64 ")", id, place);
    else if (verify_is_pruned(v, place))
        verify_tell(v, "runs", "added: it was forgotten", "%s (place %" PRId64 ")", id, place);
}

void verify_runs(verifier *v)
{
    static const char ALL[] =
        "SELECT r.place, id, playbook, account, region, mode, outcome, lock, record, text, queued, started, finished,"
        " finding, sealed, r.anchor, l.anchor, a.content, a.subject FROM runs r LEFT JOIN latest l ON l.run = r.place"
        " LEFT JOIN anchors a ON a.place = r.anchor ORDER BY r.place";
    static const char GONE[] =
        "SELECT l.run, a.name, l.run FROM latest l LEFT JOIN anchors a ON a.place = l.run"
        " WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.place = l.run) ORDER BY l.run";
    static const char STEPS[] =
        "SELECT run || ' ' || path || '/' || number FROM steps s"
        " WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.place = s.run)";
    static const char SOURCES[] =
        "SELECT run || ' ' || name FROM sources s"
        " WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.place = s.run)";
    static const char CHANGES[] =
        "SELECT c.run, r.id, c.place FROM changes c JOIN runs r ON r.place = c.run WHERE NOT EXISTS"
        " (SELECT 1 FROM steps s WHERE s.run = c.run AND s.start_hash = c.content) ORDER BY c.place";
    static const char UNANCHORED[] =
        "SELECT r.id || ' ' || s.path || '/' || s.number FROM steps s JOIN runs r ON r.place = s.run WHERE s.care = 2"
        " AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.run = s.run AND c.content = s.start_hash)";
    rows *r = db_rows(&v->db, ALL, "");
    for (; db_next(&v->db, r); v->sums->runs++) check_run(v, r);
    tell_removed(v, GONE, "runs", "");
    tell_added(v, STEPS, "steps", "added: there is no run that it belongs to");
    tell_added(v, SOURCES, "sources", "added: there is no run that it belongs to");
    tell_removed(v, CHANGES, "steps", "a change of ");
    tell_added(v, UNANCHORED, "steps", "added: the chain does not know this change");
}

void verify_decisions(verifier *v)
{
    static const char ALL[] =
        "SELECT r.id, d.number, d.decision, a.kind, a.subject, a.content, d.run FROM decisions d LEFT JOIN runs r"
        " ON r.place = d.run LEFT JOIN anchors a ON a.place = d.anchor ORDER BY d.run, d.number";
    static const char GONE[] =
        "SELECT a.subject, r.id, a.place FROM anchors a LEFT JOIN runs r ON r.place = a.subject"
        " WHERE a.kind = 'decision' AND NOT EXISTS (SELECT 1 FROM decisions d"
        " WHERE d.run = a.subject AND d.anchor = a.place) ORDER BY a.place";
    rows *r = db_rows(&v->db, ALL, "");
    for (; db_next(&v->db, r); v->sums->decisions++) {
        decision_content content = {db_bytes(r, 0), db_bytes(r, 2), db_int(r, 1)};
        hash sum;
        chain_decision(&content, &sum);
        const char *what = NULL;
        if (strcmp(db_text(r, 3), "decision") != 0 || db_int(r, 4) != db_int(r, 6))
            what = "added: the chain does not know it";
        else if (!hash_is(&sum, db_bytes(r, 5)))
            what = "changed: it is not what was anchored";
        if (what) verify_tell(v, "decisions", what, "%s decision %" PRId64, db_text(r, 0), db_int(r, 1));
    }
    tell_removed(v, GONE, "decisions", "a decision about ");
}
