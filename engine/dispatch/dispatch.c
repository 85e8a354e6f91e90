#include "engine/dispatch/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/base/text.h"
#include "engine/dispatch/private.h"
#include "engine/run/record.h"

#define RUNS_AT_ONCE 64
#define TRIES 3
#define RETRY_MS 10000
#define APPROVAL_MS (INT64_C(24) * 3600 * 1000)

void dispatch_fault(dispatch *d, const char *origin, size_t line, const rip_error *err)
{
    d->counts.faults++;
    if (d->options.listener.fault) d->options.listener.fault(d->options.listener.data, origin, line, err);
}

/* A document whose findings are on their way into the journal. */
typedef struct document {
    dispatch_source from;
    size_t open; /* findings that are not safe yet, and one while it is being split */
    rip_error failed;
} document;

static void document_drop(document *doc)
{
    if (--doc->open > 0) return;
    if (doc->from.done) doc->from.done(doc->from.data, doc->failed.status, &doc->failed);
    free(doc);
}

/* A finding on its way into the journal, with the runs that it asks for. */

typedef struct arrival {
    document *part_of;
    ticket *of;
    json_t *records; /* an array */
} arrival;

static void on_accepted(void *data, rip_status status, json_t *value, const rip_error *err)
{
    arrival *a = data;
    ticket *t = a->of;
    dispatch *d = t->owner;
    document *doc = a->part_of;
    d->accepting--;
    if (status != RIP_OK) {
        doc->failed = *err;
        dispatch_fault(d, t->origin, t->line, err);
        json_decref(a->records);
        free(a);
        ticket_free(t);
        document_drop(doc);
        return;
    }
    d->counts.findings++;
    t->repeated = !json_is_true(json_object_get(value, "is_new"));
    d->counts.repeated += t->repeated;
    t->open = 1; /* held until all are in the queue */
    size_t i;
    json_t *record;
    json_array_foreach (a->records, i, record) {
        rip_error why;
        if (!json_is_null(json_array_get(json_object_get(value, "runs"), i))) continue;
        json_t *kept = journal_run(d->options.context->journal, json_string_value(json_object_get(record, "id")));
        if (job_add(t, kept ? kept : record, 0, &why) != RIP_OK) dispatch_fault(d, t->origin, t->line, &why);
    }
    json_decref(a->records);
    free(a);
    document_drop(doc);
    ticket_drop(t);
    jobs_pump(d);
}

/* Whether the playbook answers findings in the state that this one is in. */
static bool answers(const rip_playbook *playbook, const json_t *finding)
{
    const char *workflow = rip_text(finding, "workflow");
    if (strcmp(rip_text(finding, "record"), "ARCHIVED") == 0 && !playbook->also_archived) return false;
    if (strcmp(workflow, "RESOLVED") == 0 && !playbook->also_resolved) return false;
    return strcmp(workflow, "SUPPRESSED") != 0 || playbook->also_suppressed;
}

/* A run for findings that belong together with this one waits for its turn: it will see this one's world too. */
static bool joins(const dispatch *d, const rip_playbook *playbook, const char *correlate)
{
    if (!correlate) return false;
    for (const job *j = d->first; j; j = j->next) {
        if (!j->run && strcmp(rip_text(j->record, "playbook"), playbook->name) == 0 &&
            strcmp(rip_text(j->record, "correlate"), correlate) == 0)
            return true;
    }
    return false;
}

static json_t *record_of(const dispatch *d, const rip_playbook *playbook, const json_t *finding,
                         const rip_playbook_keys *keys)
{
    char id[32];
    int64_t now = rip_clock_now(d->options.context->clock);
    run_mode mode = run_effective_mode(d->options.context, playbook, rip_text(finding, "account"));
    json_int_t severity = json_integer_value(json_object_get(json_object_get(finding, "severity"), "score"));
    run_id(playbook, finding, id);
    json_t *record = record_queued(id, playbook, finding, run_mode_name(mode), now);
    json_object_set_new(record, "rank", json_integer(queue_rank((int)severity, now)));
    if (keys->lock) json_object_set_new(record, "lock", json_string(keys->lock));
    if (keys->correlate) json_object_set_new(record, "correlate", json_string(keys->correlate));
    return record;
}

/* The run that a playbook asks for, if it does. False: what the header says of the finding could not be told. */
static bool want(dispatch *d, const ticket *t, const rip_playbook *playbook, journal_wanted *out, rip_error *err)
{
    rip_playbook_keys keys;
    *out = (journal_wanted){0};
    if (!answers(playbook, t->finding)) return true;
    if (rip_playbook_read_keys(playbook, t->finding, &keys, err) != RIP_OK) return false;
    if (!joins(d, playbook, keys.correlate)) {
        out->record = record_of(d, playbook, t->finding, &keys);
        out->only_first = !playbook->also_updates;
        out->cooldown_ms = playbook->cooldown_ms;
        if (playbook->cooldown_ms > 0) {
            rip_buffer key = {0};
            rip_buffer_printf(&key, "%s/%s", playbook->name, keys.correlate ? keys.correlate : "");
            out->cooldown_key = rip_buffer_take(&key, NULL);
        }
    }
    rip_playbook_keys_free(&keys);
    return true;
}

static rip_status take_in(dispatch *d, json_t *finding, const char *event, size_t len)
{
    document *doc = d->document;
    ticket *t = ticket_new(d, finding, doc->from.origin, doc->from.line);
    arrival *a = calloc(1, sizeof *a);
    journal_wanted *wanted = calloc(d->wanted_count + 1, sizeof *wanted);
    if (a) *a = (arrival){doc, t, json_array()};
    if (!t || !a || !a->records || !wanted) {
        if (t) ticket_free(t);
        free(a);
        free(wanted);
        return RIP_ENOMEM;
    }
    size_t count = 0;
    for (size_t i = 0; i < d->wanted_count; i++) {
        rip_error why;
        if (!want(d, t, d->wanted[i], &wanted[count], &why)) {
            rip_error_prefix(&why, "%s: ", d->wanted[i]->path);
            d->counts.failed++;
            dispatch_fault(d, t->origin, t->line, &why);
        } else if (wanted[count].record) {
            json_array_append_new(a->records, wanted[count++].record);
        }
    }
    journal_arrival what = {finding, event, len, t->origin, rip_clock_now(d->options.context->clock), wanted, count};
    d->accepting++;
    doc->open++;
    journal_accept(d->options.context->journal, &what, on_accepted, a);
    for (size_t i = 0; i < count; i++) free((char *)(uintptr_t)wanted[i].cooldown_key);
    free(wanted);
    return RIP_OK;
}

/* The way of an event. */

static void on_match(void *data, const rip_playbook *playbook)
{
    dispatch *d = data;
    if (d->wanted_count < d->wanted_cap) d->wanted[d->wanted_count++] = playbook;
}

static bool is_suppressed(dispatch *d, const char *event, size_t len, rip_status *status, rip_error *err)
{
    const suppression *by = NULL;
    if (!d->options.suppressions) return false;
    int64_t now = rip_clock_now(d->options.context->clock);
    *status = suppressions_match(d->options.suppressions, event, len, now, d->document->from.origin, &by, err);
    if (by) d->counts.suppressed++;
    return by != NULL;
}

static rip_status on_event(void *data, const char *event, size_t len)
{
    dispatch *d = data;
    rip_error err;
    d->counts.events++;
    d->wanted_count = 0;
    rip_status status = library_match(d->options.books, event, len, on_match, d, &err);
    if (status == RIP_OK && d->wanted_count == 0) {
        d->counts.unwanted++;
        return RIP_OK;
    }
    if (status == RIP_OK && is_suppressed(d, event, len, &status, &err)) return RIP_OK;
    json_t *finding = NULL;
    if (status == RIP_OK) status = finding_normalise(event, len, &d->options.events, &finding, &err);
    if (status != RIP_OK) {
        dispatch_fault(d, d->document->from.origin, d->document->from.line, &err);
        return status == RIP_ENOMEM ? status : RIP_OK;
    }
    status = take_in(d, finding, event, len);
    json_decref(finding);
    return status;
}

rip_status dispatch_document(dispatch *d, const dispatch_source *from, const char *bytes, size_t len, rip_error *err)
{
    rip_error why;
    document *doc = calloc(1, sizeof *doc);
    if (!doc) return rip_nomem(err);
    *doc = (document){.from = *from, .open = 1};
    d->document = doc;
    rip_status status = event_split(bytes, len, &d->options.events, on_event, d, &why);
    d->document = NULL;
    if (status == RIP_ENOMEM) {
        doc->from.done = NULL; /* whoever calls is told by the status */
        document_drop(doc);
        return rip_nomem(err);
    }
    if (status != RIP_OK) dispatch_fault(d, from->origin, from->line, &why);
    document_drop(doc);
    return RIP_OK;
}

/* What the journal holds from before. */

typedef struct recovery {
    dispatch *owner;
    journal_done done;
    void *data;
} recovery;

static void recover_one(dispatch *d, json_t *entry)
{
    json_t *record = json_object_get(entry, "record"), *finding = json_object_get(entry, "finding");
    const char *outcome = rip_text(record, "outcome");
    rip_error err;
    if (strcmp(outcome, "waiting") == 0) {
        plan_hold(d, record);
        return;
    }
    if (strcmp(outcome, "paused") == 0) {
        json_object_set(d->paused, rip_text(record, "id"), entry);
        return;
    }
    ticket *t = ticket_new(d, finding, "journal", 0);
    int64_t delay = json_integer_value(json_object_get(record, "not_before"));
    if (delay > 0) delay -= rip_clock_now(d->options.context->clock);
    rip_status status = t ? job_add(t, record, delay, &err) : rip_nomem(&err);
    if (status == RIP_OK) return;
    if (t) ticket_free(t);
    dispatch_fault(d, rip_text(record, "id"), 0, &err);
}

static void on_recovered(void *data, rip_status status, json_t *value, const rip_error *err)
{
    recovery *r = data;
    dispatch *d = r->owner;
    size_t i;
    json_t *entry;
    if (status == RIP_OK) {
        json_array_foreach (value, i, entry) recover_one(d, entry);
        jobs_resume(d);
    }
    r->done(r->data, status, err);
    free(r);
}

void dispatch_recover(dispatch *d, journal_done done, void *data)
{
    recovery *r = calloc(1, sizeof *r);
    if (!r) {
        rip_error err;
        done(data, rip_nomem(&err), &err);
        return;
    }
    *r = (recovery){d, done, data};
    journal_recover(d->options.context->journal, on_recovered, r);
}

size_t dispatch_backlog(const dispatch *d)
{
    return d->accepting + d->waiting + d->running;
}

void dispatch_quiet(dispatch *d)
{
    d->quiet = true;
}

size_t dispatch_under_way(const dispatch *d)
{
    return d->accepting + d->running;
}

size_t dispatch_asleep(const dispatch *d)
{
    size_t asleep = 0;
    for (const job *j = d->first; j; j = j->next) asleep += j->run && run_is_asleep(j->run);
    return asleep;
}

int64_t dispatch_oldest(const dispatch *d)
{
    for (const job *j = d->first; j; j = j->next) {
        if (!j->run && !rip_timer_running(&j->delay)) return json_integer_value(json_object_get(j->record, "queued"));
    }
    return 0;
}

dispatch_counts dispatch_count(const dispatch *d)
{
    return d->counts;
}

static void set_defaults(dispatch_limits *limits)
{
    if (limits->runs == 0) limits->runs = RUNS_AT_ONCE;
    if (limits->tries == 0) limits->tries = TRIES;
    if (limits->retry_ms == 0) limits->retry_ms = RETRY_MS;
    if (limits->approval_ms == 0) limits->approval_ms = APPROVAL_MS;
    if (limits->approvers == 0) limits->approvers = 1;
}

rip_status dispatch_new(const dispatch_options *options, dispatch **out, rip_error *err)
{
    dispatch *d = calloc(1, sizeof *d);
    if (!d) return rip_nomem(err);
    d->options = *options;
    set_defaults(&d->options.limits);
    const dispatch_limits *limits = &d->options.limits;
    queue_limits turns = {limits->runs, limits->playbook_runs, limits->account_runs};
    d->queue = queue_new(&turns);
    d->paused = json_object();
    d->wanted_cap = library_count(options->books);
    d->wanted = calloc(d->wanted_cap + 1, sizeof(*d->wanted));
    if (!d->queue || !d->paused || !d->wanted) {
        dispatch_free(d);
        return rip_nomem(err);
    }
    *out = d;
    return RIP_OK;
}

rip_status dispatch_reload(dispatch *d, library *books, suppressions *suppressed, const dispatch_limits *limits,
                           rip_error *err)
{
    size_t cap = library_count(books);
    const rip_playbook **wanted = calloc(cap + 1, sizeof(*wanted));
    if (!wanted) return rip_nomem(err);
    free(d->wanted);
    d->wanted = wanted;
    d->wanted_cap = cap;
    d->options.books = books;
    d->options.suppressions = suppressed;
    d->options.limits = *limits;
    set_defaults(&d->options.limits);
    queue_limits turns = {d->options.limits.runs, limits->playbook_runs, limits->account_runs};
    queue_limit(d->queue, &turns);
    jobs_pump(d);
    return RIP_OK;
}

void dispatch_free(dispatch *d)
{
    if (!d) return;
    rip_timer_stop(&d->pump);
    while (d->first) {
        ticket *t = d->first->of; /* NOLINT(clang-analyzer-unix.Malloc): job_free takes it out of the list */
        job_free(d->first);
        if (--t->open == 0) ticket_free(t);
    }
    plans_free(d);
    queue_free(d->queue);
    json_decref(d->paused);
    free(d->wanted);
    free(d);
}
