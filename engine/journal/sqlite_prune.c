/* Forgetting: what is old goes, what the audit chain says of it stays. */
#include <inttypes.h>
#include <stdlib.h>

#include "engine/journal/sqlite_store.h"

/* So much in one transaction: others wait no longer than for a group of their own. */
#define PART 200

/* What goes is anchored as ranges of places, so that verifying tells what was forgotten from what was taken away. */
typedef struct ranges {
    rip_buffer text;
    int64_t first, last;
} ranges;

static void put_range(ranges *r)
{
    if (r->first == 0) return;
    if (r->text.len > 0) rip_buffer_putc(&r->text, ',');
    rip_buffer_printf(&r->text, "%" PRId64, r->first);
    if (r->last > r->first) rip_buffer_printf(&r->text, "-%" PRId64, r->last);
}

static void add(ranges *r, int64_t place)
{
    if (r->first && place == r->last + 1) {
        r->last = place;
        return;
    }
    put_range(r);
    r->first = r->last = place;
}

static void anchor(store *s, ranges *r)
{
    put_range(r);
    bytes text = {r->text.data, r->text.len};
    hash content;
    rip_sha256(text.data, text.len, content.bytes);
    store_anchor(s, "pruned", 0, text, &content);
    rip_buffer_free(&r->text);
}

static int by_place(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The first of these rows, with all that hangs on them. */
static int64_t prune(store *s, rows *r, const char *const *deletes)
{
    int64_t places[PART];
    size_t count = 0;
    ranges gone = {0};
    while (count < PART && db_next(s->db, r)) places[count++] = db_int(r, 0);
    db_done(r);
    if (count == 0) return 0;
    qsort(places, count, sizeof *places, by_place);
    for (size_t i = 0; i < count; i++) {
        add(&gone, places[i]);
        for (const char *const *sql = deletes; *sql; sql++) db_do(s->db, *sql, "i", places[i]);
    }
    anchor(s, &gone);
    return (int64_t)count;
}

/* Runs that began with a library came before the place of the next one: once the first run that is left did not, the
 * library is not needed any more. */
static void prune_libraries(store *s)
{
    static const char OLD[] =
        "SELECT place FROM libraries l WHERE EXISTS (SELECT 1 FROM libraries n WHERE n.place > l.place"
        " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.place < n.place)) ORDER BY place";
    static const char LIBRARY[] = "DELETE FROM libraries WHERE place = ?";
    static const char *const OF_LIBRARY[] = {LIBRARY, NULL};
    prune(s, db_rows(s->db, OLD, ""), OF_LIBRARY);
}

bool store_prune(store *s, message *m)
{
    static const char OLD_RUNS[] =
        "SELECT place FROM runs WHERE finished < ? AND outcome IS NOT NULL"
        " AND outcome NOT IN ('waiting', 'uncertain', 'parked', 'paused') ORDER BY finished LIMIT ?";
    static const char OLD_FINDINGS[] =
        "SELECT place FROM findings f WHERE received < ? AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.finding = f.place)"
        " ORDER BY received LIMIT ?";
    static const char OLD_COOLDOWNS[] = "DELETE FROM cooldowns WHERE at < ?";
    static const char OLD_BUDGETS[] = "DELETE FROM budgets WHERE minute < ?";
    static const char STEPS[] = "DELETE FROM steps WHERE run = ?", SOURCES[] = "DELETE FROM sources WHERE run = ?",
                      DECISIONS[] = "DELETE FROM decisions WHERE run = ?", LOCKS[] = "DELETE FROM locks WHERE run = ?",
                      RUN[] = "DELETE FROM runs WHERE place = ?", EVENT[] = "DELETE FROM events WHERE finding = ?",
                      FINDING[] = "DELETE FROM findings WHERE place = ?";
    static const char *const OF_RUN[] = {STEPS, SOURCES, DECISIONS, LOCKS, RUN, NULL};
    static const char *const OF_FINDING[] = {EVENT, FINDING, NULL};
    int64_t before = m->as.prune.before, part = PART, gone_findings = 0;
    int64_t gone_runs = prune(s, db_rows(s->db, OLD_RUNS, "ii", before, part), OF_RUN);
    if (gone_runs < PART) gone_findings = prune(s, db_rows(s->db, OLD_FINDINGS, "ii", before, part), OF_FINDING);
    bool again = gone_runs == PART || gone_findings == PART;
    if (!again) {
        prune_libraries(s);
        db_do(s->db, OLD_COOLDOWNS, "i", before);
        db_do(s->db, OLD_BUDGETS, "i", before / 60000);
    }
    if (db_failed(s->db)) return false;
    json_decref(m->value);
    const json_int_t runs = m->as.prune.runs + gone_runs, findings = m->as.prune.findings + gone_findings;
    m->value = json_pack("{s:I, s:I}", "runs", runs, "findings", findings);
    return again;
}

void store_prune_on(message *m)
{
    m->as.prune.runs = json_integer_value(json_object_get(m->value, "runs"));
    m->as.prune.findings = json_integer_value(json_object_get(m->value, "findings"));
}
