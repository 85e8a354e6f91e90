/* Runs that ended just before the process did, before anybody was told.
 *
 * A run's end is safe before notify hears of it, and its messages are written after that: a crash in between leaves a
 * run that ended and nothing that says so. So it is kept how far the telling has come, as the time at which the last
 * run that was told of had finished, and the ids of those that finished in that millisecond. Runs are told of in the
 * order in which they finished: what finished later was told to nobody. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/notify/private.h"

#define KEY "notify-told"
#define PAGE 1000u
#define WAIT_MOST_MS INT64_C(86400000) /* in the queue, before a run began */

struct notify_search {
    notify *owner; /* NULL: it is gone */
    journal *journal;
    json_t *told;     /* as it is kept */
    int64_t since_ms; /* queued */
    int64_t until_ms; /* finished: what this process ends, it tells of itself */
    json_t *runs;     /* ids, oldest last */
    char *before;
};

/* How far the telling has come. */

static void write_told(const notify *n)
{
    char *text = rip_json_dump(n->told, JSON_COMPACT);
    if (text) journal_position_set(n->options.journal, KEY, text, journal_ignore, NULL);
    free(text);
}

void notify_told(notify *n, const json_t *record)
{
    json_int_t finished = json_integer_value(json_object_get(record, "finished"));
    json_int_t last = json_integer_value(json_object_get(n->told, "at"));
    if (finished < last || finished <= 0) return;
    if (finished > last || !n->told) {
        json_decref(n->told);
        n->told = json_pack("{s:I, s:[]}", "at", finished, "runs");
    }
    json_array_append_new(json_object_get(n->told, "runs"), json_string(brief_text(record, "id", NULL)));
    write_told(n);
}

/* The search. */

static void search_free(notify_search *s)
{
    if (s->owner) s->owner->search = NULL;
    json_decref(s->told);
    json_decref(s->runs);
    free(s->before);
    free(s);
}

static bool is_untold(const notify_search *s, const json_t *record)
{
    json_int_t finished = json_integer_value(json_object_get(record, "finished"));
    json_int_t last = json_integer_value(json_object_get(s->told, "at"));
    size_t i;
    json_t *id;
    if (finished < last || finished >= s->until_ms || json_object_get(record, "decisions")) return false;
    if (finished > last) return true;
    json_array_foreach (json_object_get(s->told, "runs"), i, id) {
        if (strcmp(json_string_value(id), brief_text(record, "id", NULL)) == 0) return false;
    }
    return true;
}

/* The changes of its steps, as a report has them. */
static json_t *report_of(const json_t *steps)
{
    json_t *changes = json_array(), *step;
    size_t i;
    json_array_foreach (steps, i, step) {
        const char *outcome = brief_text(step, "outcome", NULL);
        bool is_refused = strcmp(outcome, "refused") == 0;
        if (strcmp(brief_text(step, "kind", NULL), "aws") != 0) continue;
        if (!json_is_true(json_object_get(step, "is_change")) && !is_refused) continue;
        const json_t *request = json_object_get(step, "request");
        json_array_append_new(changes, json_pack("{s:o, s:s, s:s, s:s}", "operation",
                                                 json_sprintf("%s:%s", brief_text(request, "service", NULL),
                                                              brief_text(request, "operation", NULL)),
                                                 "state", *outcome ? outcome : "started", "account",
                                                 brief_text(request, "account", NULL), "region",
                                                 brief_text(request, "region", NULL)));
    }
    return json_pack("{s:o}", "changes", changes);
}

static void read_next(notify_search *s);

static void on_run(void *data, rip_status status, json_t *value, const rip_error *err)
{
    notify_search *s = data;
    if (!s->owner) {
        search_free(s);
        return;
    }
    if (status == RIP_OK) {
        json_t *report = report_of(json_object_get(value, "steps"));
        notify_run(s->owner, json_object_get(value, "record"), report, json_object_get(value, "finding"));
        json_decref(report);
    } else {
        rip_log(RIP_LOG_WARN, "notify.recover", "error", err->message, NULL);
    }
    read_next(s);
}

static void read_next(notify_search *s)
{
    size_t left = json_array_size(s->runs);
    if (!left) {
        search_free(s);
        return;
    }
    char run[256];
    snprintf(run, sizeof run, "%s", json_string_value(json_array_get(s->runs, left - 1)));
    json_array_remove(s->runs, left - 1);
    journal_read_run(s->journal, run, on_run, s);
}

static int by_end(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "finished"));
    json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "finished"));
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Ids take the places of records, which were kept to be put in order. */
static void sort_runs(notify_search *s)
{
    size_t count = json_array_size(s->runs);
    json_t **records = calloc(count + 1, sizeof *records), *ids = json_array();
    for (size_t i = 0; records && i < count; i++) records[i] = json_array_get(s->runs, i);
    if (records) qsort(records, count, sizeof *records, by_end);
    for (size_t i = 0; records && i < count; i++) json_array_append(ids, json_object_get(records[i], "id"));
    free(records);
    json_decref(s->runs);
    s->runs = ids;
}

static void find_page(notify_search *s);

static void on_page(void *data, rip_status status, json_t *value, const rip_error *err)
{
    notify_search *s = data;
    size_t i, count = json_array_size(value);
    json_t *record;
    if (status != RIP_OK) rip_log(RIP_LOG_WARN, "notify.recover", "error", err->message, NULL);
    if (!s->owner || status != RIP_OK) {
        search_free(s);
        return;
    }
    json_array_foreach (value, i, record) {
        if (is_untold(s, record)) json_array_append(s->runs, record);
    }
    free(s->before);
    s->before = count == PAGE ? strdup(brief_text(json_array_get(value, count - 1), "id", NULL)) : NULL;
    if (s->before) {
        find_page(s);
        return;
    }
    sort_runs(s);
    read_next(s);
}

static void find_page(notify_search *s)
{
    journal_filter filter = {.since_ms = s->since_ms, .before = s->before, .most = PAGE};
    journal_find_runs(s->journal, &filter, on_page, s);
}

void notify_find_untold(notify *n)
{
    const char *kept = journal_position(n->options.journal, KEY);
    int64_t now = rip_clock_now(n->options.clock);
    json_t *told = kept ? json_loads(kept, 0, NULL) : NULL;
    if (!told) { /* the first time: what was before is nobody's news */
        if (!n->told) n->told = json_pack("{s:I, s:[]}", "at", (json_int_t)now, "runs");
        write_told(n);
        return;
    }
    if (!n->told) n->told = json_deep_copy(told);
    notify_search *s = calloc(1, sizeof *s);
    if (!s) {
        json_decref(told);
        return;
    }
    n->search = s;
    *s =
        (notify_search){.owner = n, .journal = n->options.journal, .told = told, .until_ms = now, .runs = json_array()};
    s->since_ms = json_integer_value(json_object_get(told, "at")) - WAIT_MOST_MS -
                  rip_config_duration(n->options.config, "limits.run_time");
    find_page(s);
}

void notify_search_leave(notify_search *s)
{
    if (s) s->owner = NULL;
}
