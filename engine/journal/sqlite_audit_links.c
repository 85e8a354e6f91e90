/* Verifying: a run's own chain, which its steps and the modules that it required are links of. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/journal/journal.h"
#include "engine/journal/sqlite_audit.h"

step_content audit_step(rows *r, int first)
{
    return (step_content){.path = db_bytes(r, first),
                          .number = db_int(r, first + 1),
                          .seq = db_int(r, first + 2),
                          .kind = db_bytes(r, first + 3),
                          .phase = db_bytes(r, first + 4),
                          .fingerprint = db_bytes(r, first + 5),
                          .request = db_bytes(r, first + 6),
                          .is_change = db_int(r, first + 7),
                          .care = db_int(r, first + 8),
                          .started = db_int(r, first + 9),
                          .undo = db_bytes(r, first + 10),
                          .irreversible = db_bytes(r, first + 11),
                          .promise = db_bytes(r, first + 12),
                          .finished = db_int(r, first + 13),
                          .outcome = db_bytes(r, first + 14),
                          .reply = db_bytes(r, first + 15),
                          .order = db_int(r, first + 16)};
}

/* Where a chain has got to. */
typedef struct chain {
    verifier *v;
    const char *id;
    int64_t links, sealed;
    hash head;
    hash *at_sealed;
} chain;

/* One link: `computed` follows from the one before, `kept` is what the row says. */
static void take_link(chain *c, int64_t link, const hash *computed, bytes kept, const char *table, const char *row)
{
    if (link != c->links + 1)
        verify_tell(c->v, "steps",
                    link > c->links + 1 ? "removed: a link is missing before it" : "moved: two have its link",
                    "%s %s (link %" PRId64 " after %" PRId64 ")", c->id, row, link, c->links);
    else if (!hash_is(computed, kept))
        verify_tell(c->v, table, "changed: it does not follow from what is before it", "%s %s (link %" PRId64 ")",
                    c->id, row, link);
    if (kept.data && kept.len == sizeof c->head) memcpy(&c->head, kept.data, kept.len);
    c->links = link;
    if (link == c->sealed) *c->at_sealed = c->head;
}

static void take_step(chain *c, rows *r, bool is_finish)
{
    char row[256];
    step_content step = audit_step(r, 2);
    hash computed = c->head;
    snprintf(row, sizeof row, "%s/%" PRId64 "%s", db_text(r, 2), step.number, is_finish ? "" : " start");
    bool is_light = step.care == JOURNAL_LIGHT;
    if (!is_finish)
        chain_start(&step, &computed);
    else if (is_light)
        chain_whole(&step, &computed);
    else
        chain_finish(&step, &computed);
    int hash_column = 2 + (is_finish ? AUDIT_FINISH_HASH : AUDIT_START_HASH);
    take_link(c, db_int(r, 0), &computed, db_bytes(r, hash_column), "steps", row);

    hash promise;
    chain_promise(&step, &promise);
    bool is_under_way = !is_finish && db_is_null(r, 2 + AUDIT_FINISH_LINK);
    if (is_under_way && !hash_is(&promise, step.promise))
        verify_tell(c->v, "steps", "changed: how it is undone", "%s %s", c->id, row);
}

static void take_source(chain *c, rows *r)
{
    char row[256];
    hash computed = c->head;
    chain_source(db_bytes(r, 2), db_bytes(r, 3), &computed);
    snprintf(row, sizeof row, "module %s", db_text(r, 2));
    take_link(c, db_int(r, 0), &computed, db_bytes(r, 4), "sources", row);
}

static void check_end(verifier *v, const chain *c, int64_t run, int64_t steps, int64_t changes)
{
    static const char END[] = "SELECT links, head, steps, changes FROM runs WHERE place = ?";
    rows *r = db_rows(&v->db, END, "i", run);
    if (!db_next(&v->db, r)) return;
    if (db_int(r, 0) > c->links)
        verify_tell(v, "steps", "removed: the end of the run's chain", "%s (links %" PRId64 " to %" PRId64 ")", c->id,
                    c->links + 1, db_int(r, 0));
    else if (db_int(r, 0) < c->links)
        verify_tell(v, "steps", "added: after the end of the run's chain", "%s (links %" PRId64 " to %" PRId64 ")",
                    c->id, db_int(r, 0) + 1, c->links);
    else if (!hash_is(&c->head, db_bytes(r, 1)) || db_int(r, 2) != steps || db_int(r, 3) != changes)
        verify_tell(v, "runs", "changed: its counts or the end of its chain", "%s (place %" PRId64 ")", c->id, run);
    db_done(r);
}

void verify_links(verifier *v, int64_t run, const char *id, int64_t sealed, hash *head)
{
    /* kind 0: a start, 1: a finish, 2: a module */
    static const char ALL[] =
        "SELECT start_link AS link, 0 AS kind, " AUDIT_STEP
        " FROM steps WHERE run = ?1 AND start_link IS NOT NULL"
        " UNION ALL SELECT finish_link, 1, " AUDIT_STEP
        " FROM steps WHERE run = ?1 AND finish_link IS NOT NULL"
        " UNION ALL SELECT link, 2, name, text, hash, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
        " NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM sources WHERE run = ?1 ORDER BY link, kind";
    static const char UNLINKED[] =
        "SELECT path, number FROM steps WHERE run = ? AND (finish_link IS NULL"
        " AND (start_link IS NULL OR outcome IS NOT NULL)"
        " OR start_link IS NULL AND care <> 0)";
    chain c = {.v = v, .id = id, .sealed = sealed, .at_sealed = head};
    int64_t steps = 0, changes = 0;
    chain_first((bytes){id, strlen(id)}, &c.head);
    if (sealed == 0) *head = c.head;
    rows *r = db_rows(&v->db, ALL, "i", run);
    while (db_next(&v->db, r)) {
        int64_t kind = db_int(r, 1);
        if (kind == 2) {
            take_source(&c, r);
            continue;
        }
        take_step(&c, r, kind == 1);
        bool is_first = kind == 0 || db_is_null(r, 2 + AUDIT_START_LINK);
        steps += is_first;
        changes += is_first && db_int(r, 9) != 0;
    }
    v->sums->steps += steps;
    r = db_rows(&v->db, UNLINKED, "i", run);
    while (db_next(&v->db, r))
        verify_tell(v, "steps", "added: the run's chain does not know it", "%s %s/%" PRId64, id, db_text(r, 0),
                    db_int(r, 1));
    check_end(v, &c, run, steps, changes);
}
