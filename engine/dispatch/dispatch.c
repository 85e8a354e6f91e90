#include "engine/dispatch/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"

#define RUNS_AT_ONCE 64

/* A finding that is being dealt with. */
typedef struct ticket {
    dispatch *owner;
    char *origin;
    size_t line;
    json_t *finding;
    json_t *runs; /* ids, in the order of their playbooks' names */
    const rip_playbook **wanted;
    size_t wanted_count;
    size_t open; /* runs that are not over */
    bool is_new;
} ticket;

/* One playbook for one finding, waiting for its turn or running. */
typedef struct job job;
struct job {
    job *previous, *next;
    ticket *of;
    const rip_playbook *playbook;
    char *lock;
    char id[32];
    run *run; /* NULL while it waits */
};

struct dispatch {
    dispatch_options options;
    dispatch_counts counts;
    job *first, *last; /* in the order in which they came */
    size_t waiting, running;
    json_t *locks; /* the locks that running jobs hold */
    const rip_playbook **wanted;
    size_t wanted_count, wanted_cap;
    const char *origin; /* of the document that is being split */
    size_t line;
};

static void fault(dispatch *d, const char *origin, size_t line, const rip_error *err)
{
    d->counts.faults++;
    if (d->options.listener.fault) d->options.listener.fault(d->options.listener.data, origin, line, err);
}

/* Tickets. */

static void ticket_free(ticket *t)
{
    json_decref(t->finding);
    json_decref(t->runs);
    free(t->wanted);
    free(t->origin);
    free(t);
}

static void ticket_close(ticket *t)
{
    dispatch_listener *listener = &t->owner->options.listener;
    dispatched what = {t->origin, t->line, t->finding, t->runs, !t->is_new};
    if (listener->finding) listener->finding(listener->data, &what);
    ticket_free(t);
}

static ticket *ticket_new(dispatch *d, json_t *finding)
{
    ticket *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->owner = d;
    t->origin = strdup(d->origin ? d->origin : "");
    t->line = d->line;
    t->finding = json_incref(finding);
    t->runs = json_array();
    t->wanted = calloc(d->wanted_count, sizeof(*t->wanted));
    if (!t->origin || !t->runs || !t->wanted) {
        ticket_free(t);
        return NULL;
    }
    memcpy(t->wanted, d->wanted, d->wanted_count * sizeof(*t->wanted));
    t->wanted_count = d->wanted_count;
    return t;
}

/* Jobs. */

static void job_free(job *j)
{
    dispatch *d = j->of->owner;
    if (j->previous)
        j->previous->next = j->next;
    else
        d->first = j->next;
    if (j->next)
        j->next->previous = j->previous;
    else
        d->last = j->previous;
    if (j->run)
        d->running--;
    else
        d->waiting--;
    if (j->run && j->lock) json_object_del(d->locks, j->lock);
    run_free(j->run);
    free(j->lock);
    free(j);
}

static void pump(dispatch *d);

static void job_end(job *j)
{
    ticket *t = j->of;
    job_free(j);
    if (--t->open == 0) ticket_close(t);
}

static void on_run_done(void *data, run *r, const json_t *record)
{
    (void)r;
    job *j = data;
    dispatch *d = j->of->owner;
    const char *outcome = json_string_value(json_object_get(record, "outcome"));
    if (!outcome || strcmp(outcome, "failed") == 0) d->counts.failed++;
    if (d->options.listener.ended) d->options.listener.ended(d->options.listener.data, j->id, record);
    job_end(j);
    pump(d);
}

static void job_start(job *j)
{
    dispatch *d = j->of->owner;
    rip_error err;
    if (run_start(d->options.context, j->playbook, j->of->finding, on_run_done, j, &j->run, &err) != RIP_OK) {
        d->counts.failed++;
        fault(d, j->of->origin, j->of->line, &err);
        job_end(j);
        return;
    }
    d->waiting--;
    d->running++;
    d->counts.runs++;
    if (j->lock) json_object_set_new(d->locks, j->lock, json_true());
    if (d->options.listener.started) {
        d->options.listener.started(d->options.listener.data, j->id, j->playbook, j->of->finding);
    }
}

/* Start what may start, oldest first. */
static void pump(dispatch *d)
{
    for (job *j = d->first, *next; j && d->running < d->options.runs_at_once; j = next) {
        next = j->next;
        bool held = j->lock && json_object_get(d->locks, j->lock);
        if (!j->run && !held) job_start(j);
    }
}

static rip_status job_add(ticket *t, const rip_playbook *playbook, rip_error *err)
{
    dispatch *d = t->owner;
    char *lock = NULL;
    rip_status status = rip_playbook_lock(playbook, t->finding, &lock, err);
    if (status != RIP_OK) return status;
    job *j = calloc(1, sizeof *j);
    if (!j) {
        free(lock);
        return rip_nomem(err);
    }
    j->of = t;
    j->playbook = playbook;
    j->lock = lock;
    run_id(playbook, t->finding, j->id);
    json_array_append_new(t->runs, json_string(j->id));
    j->previous = d->last;
    if (d->last)
        d->last->next = j;
    else
        d->first = j;
    d->last = j;
    d->waiting++;
    t->open++;
    return RIP_OK;
}

/* The way of an event. */

static void on_accepted(void *data, rip_status status, const rip_error *err)
{
    ticket *t = data;
    dispatch *d = t->owner;
    if (status != RIP_OK) {
        fault(d, t->origin, t->line, err);
        ticket_free(t);
        return;
    }
    d->counts.findings++;
    if (!t->is_new) {
        d->counts.repeated++;
        ticket_close(t);
        return;
    }
    t->open = 1; /* held until all are in the queue */
    for (size_t i = 0; i < t->wanted_count; i++) {
        rip_error why;
        if (job_add(t, t->wanted[i], &why) == RIP_OK) continue;
        rip_error_prefix(&why, "%s: lock: ", t->wanted[i]->path);
        d->counts.failed++;
        fault(d, t->origin, t->line, &why);
    }
    if (--t->open == 0) ticket_close(t);
    pump(d);
}

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
    *status = suppressions_match(d->options.suppressions, event, len, now, d->origin, &by, err);
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
    if (status == RIP_OK) status = finding_normalise(event, len, &d->options.limits, &finding, &err);
    if (status != RIP_OK) {
        fault(d, d->origin, d->line, &err);
        return status == RIP_ENOMEM ? status : RIP_OK;
    }
    ticket *t = ticket_new(d, finding);
    json_decref(finding);
    if (!t) return RIP_ENOMEM;
    journal_accept(d->options.context->journal, t->finding, &t->is_new, on_accepted, t);
    return RIP_OK;
}

rip_status dispatch_document(dispatch *d, const char *bytes, size_t len, const char *origin, size_t line,
                             rip_error *err)
{
    rip_error why;
    d->origin = origin;
    d->line = line;
    rip_status status = event_split(bytes, len, &d->options.limits, on_event, d, &why);
    if (status == RIP_ENOMEM) return rip_nomem(err);
    if (status != RIP_OK) fault(d, origin, line, &why);
    return RIP_OK;
}

size_t dispatch_backlog(const dispatch *d)
{
    return d->waiting + d->running;
}

dispatch_counts dispatch_count(const dispatch *d)
{
    return d->counts;
}

rip_status dispatch_new(const dispatch_options *options, dispatch **out, rip_error *err)
{
    dispatch *d = calloc(1, sizeof *d);
    if (!d) return rip_nomem(err);
    d->options = *options;
    if (d->options.runs_at_once == 0) d->options.runs_at_once = RUNS_AT_ONCE;
    d->locks = json_object();
    d->wanted_cap = library_count(options->books);
    d->wanted = calloc(d->wanted_cap + 1, sizeof(*d->wanted));
    if (!d->locks || !d->wanted) {
        dispatch_free(d);
        return rip_nomem(err);
    }
    *out = d;
    return RIP_OK;
}

void dispatch_free(dispatch *d)
{
    if (!d) return;
    while (d->first) {
        ticket *t = d->first->of; /* NOLINT(clang-analyzer-unix.Malloc): job_free takes it out of the list */
        job_free(d->first);
        if (--t->open == 0) ticket_free(t);
    }
    json_decref(d->locks);
    free(d->wanted);
    free(d);
}
