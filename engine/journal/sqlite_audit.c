/* Verifying: the chain over the whole journal, and that every row has its place in it. The rows themselves are in
 * sqlite_audit_rows.c and sqlite_audit_links.c. */
#include "engine/journal/sqlite_audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/journal/sqlite_schema.h"

void verify_tell(verifier *v, const char *table, const char *what, const char *row, ...)
{
    char name[512];
    va_list values;
    va_start(values, row);
    vsnprintf(name, sizeof name, row, values);
    va_end(values);
    const journal_mistake mistake = {table, name, what};
    v->sums->mistakes++;
    v->tell(v->data, &mistake);
}

/* What was forgotten. */

static int by_first(const void *a, const void *b)
{
    const range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

bool verify_is_pruned(const verifier *v, int64_t place)
{
    size_t low = 0, high = v->pruned_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->pruned[middle].last < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low < v->pruned_count && v->pruned[low].first <= place;
}

static void add_range(verifier *v, int64_t first, int64_t last)
{
    if (v->pruned_count == v->pruned_cap) {
        size_t cap = v->pruned_cap ? v->pruned_cap * 2 : 64;
        range *ranges = realloc(v->pruned, cap * sizeof *ranges);
        if (!ranges) {
            db_fail(&v->db, RIP_ENOMEM, "out of memory");
            return;
        }
        v->pruned = ranges;
        v->pruned_cap = cap;
    }
    v->pruned[v->pruned_count++] = (range){first, last};
    v->sums->pruned += last - first + 1;
}

static void read_ranges(verifier *v, int64_t place, const char *text)
{
    while (*text) {
        char *end;
        int64_t first = strtoll(text, &end, 10), last = first;
        if (*end == '-') last = strtoll(end + 1, &end, 10);
        if (first <= 0 || last < first || last >= place || (*end && *end != ',')) {
            verify_tell(v, "anchors", "changed: what it says was forgotten cannot be read", "place %" PRId64, place);
            return;
        }
        add_range(v, first, last);
        text = end + (*end == ',');
    }
}

/* The chain over the whole journal. */

static void check_pruned(verifier *v, int64_t place, bytes name, bytes content)
{
    hash sum;
    rip_sha256(name.data ? name.data : "", name.len, sum.bytes);
    if (hash_is(&sum, content))
        read_ranges(v, place, name.data ? name.data : "");
    else
        verify_tell(v, "anchors", "changed: what it says was forgotten", "place %" PRId64, place);
}

static void verify_anchors(verifier *v, int64_t expected_place, const char *expected)
{
    static const char ALL[] = "SELECT place, kind, subject, name, content, hash FROM anchors ORDER BY place";
    hash head = {{0}}, content;
    int64_t last = 0;
    char hex[RIP_SHA256_HEX] = "";
    bool is_found = expected_place == 0;
    rows *r = db_rows(&v->db, ALL, "");
    while (db_next(&v->db, r)) {
        int64_t place = db_int(r, 0);
        const char *kind = db_text(r, 1);
        bytes sum = db_bytes(r, 4), kept = db_bytes(r, 5);
        v->sums->anchors++;
        if (place != last + 1)
            verify_tell(v, "anchors", "removed", "places %" PRId64 " to %" PRId64, last + 1, place - 1);
        bool whole = sum.len == sizeof content && kept.len == sizeof head && sum.data && kept.data;
        if (whole) {
            memcpy(&content, sum.data, sizeof content);
            chain_anchor(place, kind, db_int(r, 2), db_bytes(r, 3), &content, &head);
        }
        if (place == last + 1 && (!whole || !hash_is(&head, kept)))
            verify_tell(v, "anchors", "changed: it does not follow from what is before it", "place %" PRId64, place);
        if (whole) memcpy(&head, kept.data, sizeof head); /* so that one change is one mistake */
        rip_hex(head.bytes, sizeof head, hex);
        if (place == expected_place) {
            is_found = true;
            if (strcmp(hex, expected) != 0)
                verify_tell(v, "anchors", "changed: it is not the head that was kept", "place %" PRId64, place);
        }
        if (strcmp(kind, "pruned") == 0) check_pruned(v, place, db_bytes(r, 3), sum);
        if (strcmp(kind, "paused") == 0 || strcmp(kind, "resumed") == 0)
            verify_pause_anchor(v, place, kind, db_bytes(r, 3), sum);
        last = place;
    }
    if (!is_found)
        verify_tell(v, "anchors", "removed: the head that was kept lies beyond the end",
                    "places %" PRId64 " to %" PRId64, last + 1, expected_place);
    if (v->pruned_count > 1) qsort(v->pruned, v->pruned_count, sizeof *v->pruned, by_first);
    snprintf(v->sums->head, sizeof v->sums->head, "%" PRId64 ":%s", last, hex);
}

/* The file itself: an index that lacks a row hides it from who looks by that index. */
static void verify_file(verifier *v)
{
    static const char CHECK[] = "PRAGMA integrity_check(100)";
    rows *r = db_rows(&v->db, CHECK, "");
    while (db_next(&v->db, r)) {
        if (strcmp(db_text(r, 0), "ok") != 0)
            verify_tell(v, "database", "changed: the file is damaged", "%s", db_text(r, 0));
    }
}

/* Opening, and the whole of it. */

static rip_status parse_head(const char *text, int64_t *place, const char **hex, rip_error *err)
{
    char *end;
    *place = strtoll(text, &end, 10);
    *hex = end + 1;
    if (*place > 0 && *end == ':' && strspn(*hex, "0123456789abcdef") == RIP_SHA256_HEX - 1 &&
        strlen(*hex) == RIP_SHA256_HEX - 1)
        return RIP_OK;
    return rip_fail(err, RIP_EINVAL, "%.100s is no head of a journal: it is PLACE:HASH, as verifying prints it", text);
}

/* Tables of our own, so that looking for an anchor by what it is about is no search through all of them. */
static void index_anchors(verifier *v)
{
    db_script(&v->db,
              "CREATE TEMP TABLE latest (run INTEGER PRIMARY KEY, anchor INTEGER NOT NULL);"
              "INSERT INTO latest SELECT subject, max(place) FROM anchors WHERE kind IN ('queued', 'began', 'ended')"
              " GROUP BY subject;"
              "CREATE TEMP TABLE changes (run INTEGER, content BLOB, place INTEGER, PRIMARY KEY (run, content));"
              "INSERT OR IGNORE INTO changes SELECT subject, content, place FROM anchors WHERE kind = 'change'");
}

rip_status journal_audit_verify(const char *path, const char *expected_head, journal_mistake_fn tell, void *data,
                                journal_verified *verified, rip_error *err)
{
    int64_t place = 0;
    const char *hex = "";
    *verified = (journal_verified){0};
    verifier v = {.tell = tell, .data = data, .sums = verified, .pauses = json_object()};
    rip_status status = expected_head ? parse_head(expected_head, &place, &hex, err) : RIP_OK;
    if (status == RIP_OK) status = schema_open_read(&v.db, path, err);
    if (status != RIP_OK) {
        json_decref(v.pauses);
        return status;
    }
    db_script(&v.db, "PRAGMA temp_store = MEMORY; BEGIN"); /* all of one moment */
    verify_file(&v);
    verify_anchors(&v, place, hex);
    index_anchors(&v);
    verify_findings(&v);
    verify_texts(&v);
    verify_libraries(&v);
    verify_runs(&v);
    verify_decisions(&v);
    verify_pauses(&v);
    verify_budgets(&v);
    status = db_status(&v.db, err);
    db_close(&v.db);
    free(v.pruned);
    json_decref(v.pauses);
    return status;
}
