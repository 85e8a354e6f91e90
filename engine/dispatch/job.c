/* Runs from their turn to what follows from them. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/base/text.h"
#include "engine/dispatch/private.h"
#include "engine/run/guard.h"
#include "engine/run/plan.h"
#include "engine/run/record.h"

/* A run's Lua state is copied from an image, and stays in the processor's cache for a while. So only a few runs begin
 * together, and the next ones some turns of the loop later: by then these wait for AWS, or have ended if all their few
 * calls were answered at once. */
#define TOGETHER_MOST 16
#define TURNS_APART 6

static int64_t now_of(const dispatch *d)
{
    return rip_clock_now(d->options.context->clock);
}

/* Tickets. */

ticket *ticket_new(dispatch *d, json_t *finding, const char *origin, size_t line)
{
    ticket *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->owner = d;
    t->origin = strdup(origin ? origin : "");
    t->line = line;
    t->finding = json_incref(finding);
    t->runs = json_array();
    if (t->origin && t->runs) return t;
    ticket_free(t);
    return NULL;
}

void ticket_free(ticket *t)
{
    json_decref(t->finding);
    json_decref(t->runs);
    free(t->origin);
    free(t);
}

void ticket_drop(ticket *t)
{
    if (--t->open > 0) return;
    dispatch_listener *listener = &t->owner->options.listener;
    dispatched what = {t->origin, t->line, t->finding, t->runs, t->repeated};
    if (listener->finding && !t->aside) listener->finding(listener->data, &what);
    size_t i;
    json_t *id;
    json_array_foreach (t->runs, i, id) journal_run_release(t->owner->options.context->journal, json_string_value(id));
    ticket_free(t);
}

/* Jobs. */

static void on_delayed(void *data)
{
    job *j = data;
    dispatch *d = j->of->owner;
    if (!queue_add(d->queue, &j->turn)) abort(); /* as a timer that cannot be started */
    jobs_pump(d);
}

rip_status job_add(ticket *t, json_t *record, int64_t delay_ms, rip_error *err)
{
    dispatch *d = t->owner;
    const json_t *finding = json_object_get(record, "finding");
    job *j = calloc(1, sizeof *j);
    if (!j) return rip_nomem(err);
    j->of = t;
    j->record = json_incref(record);
    j->turn.rank = json_integer_value(json_object_get(record, "rank"));
    j->turn.lock = json_string_value(json_object_get(record, "lock"));
    j->turn.playbook = rip_text_or(record, "playbook", "");
    j->turn.account = rip_text_or(finding, "account", "");
    if (delay_ms <= 0 && !queue_add(d->queue, &j->turn)) {
        json_decref(j->record);
        free(j);
        return rip_nomem(err);
    }
    if (delay_ms > 0) rip_timer_start(&j->delay, d->options.context->clock, (uint64_t)delay_ms, on_delayed, j);
    json_array_append(t->runs, json_object_get(record, "id"));
    if (json_object_get(record, "feedback")) t->aside = true;
    t->open++;
    j->previous = d->last;
    if (d->last)
        d->last->next = j;
    else
        d->first = j;
    d->last = j;
    d->waiting++;
    return RIP_OK;
}

void job_free(job *j)
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
    if (j->turn.taken)
        d->running--;
    else
        d->waiting--;
    rip_timer_stop(&j->delay);
    queue_remove(d->queue, &j->turn);
    queue_done(d->queue, &j->turn);
    run_free(j->run);
    library_free(j->books);
    json_decref(j->record);
    free(j);
}

job *job_find(dispatch *d, const char *id)
{
    for (job *j = d->first; j; j = j->next) {
        if (strcmp(rip_text_or(j->record, "id", ""), id) == 0) return j;
    }
    return NULL;
}

/* What follows from a run that ended. */

bool job_is_own(const json_t *record)
{
    return json_object_get(record, "undo") || json_object_get(record, "feedback");
}

json_t *job_next_record(const json_t *record, const char *relation, const char *mode, int64_t now)
{
    static const char *const SAME[] = {"playbook", "file", "finding", "rank", "lock", "correlate"};
    json_t *next = json_object();
    const char *id = rip_text_or(record, "id", "");
    const char *base = rip_text_or(record, "base", id);
    json_int_t attempt = json_integer_value(json_object_get(record, "attempt"));
    if (attempt < 1) attempt = 1;
    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++) {
        json_t *value = json_object_get(record, SAME[i]);
        if (value) json_object_set(next, SAME[i], value);
    }
    if (job_is_own(record)) { /* its playbook is made for it, and is in no folder */
        static const char *const OWN[] = {"undo", "undo_of", "feedback", "text"};
        for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) {
            json_t *value = json_object_get(record, OWN[i]);
            if (value) json_object_set(next, OWN[i], value);
        }
    }
    json_object_set_new(next, "id", json_sprintf("%s.%lld", base, (long long)attempt + 1));
    json_object_set_new(next, "base", json_string(base));
    json_object_set_new(next, "attempt", json_integer(attempt + 1));
    json_object_set_new(next, "mode", json_string(mode));
    json_object_set_new(next, "queued", json_integer(now));
    json_object_set_new(next, relation, json_string(id));
    return next;
}

const char *job_mode_today(const dispatch *d, const json_t *record)
{
    const rip_playbook *playbook = library_find(d->options.books, rip_text_or(record, "playbook", ""));
    const char *account = rip_text_or(json_object_get(record, "finding"), "account", "");
    if (!playbook) return rip_text_or(record, "mode", "observe");
    return run_mode_name(run_effective_mode(d->options.context, playbook, account));
}

json_t *job_again(const dispatch *d, const json_t *record, json_int_t tries)
{
    static const char *const KEPT[] = {"approved", "plan_of"};
    bool by_order = json_object_get(record, "approved") || job_is_own(record);
    const char *mode = by_order ? rip_text_or(record, "mode", "observe") : job_mode_today(d, record);
    json_t *next = job_next_record(record, "retry_of", mode, now_of(d));
    for (size_t i = 0; i < sizeof KEPT / sizeof *KEPT; i++) {
        json_t *value = json_object_get(record, KEPT[i]);
        if (value) json_object_set(next, KEPT[i], value);
    }
    json_object_set_new(next, "tries", json_integer(tries));
    json_object_set_new(next, "tokens_of",
                        json_string(rip_text_or(record, "tokens_of", rip_text_or(record, "id", ""))));
    return next;
}

static int64_t retry_delay(const dispatch *d, json_int_t tries)
{
    int64_t delay = d->options.limits.retry_ms;
    for (json_int_t i = 2; i < tries && delay < INT64_C(3600000); i++) delay *= 2;
    return delay;
}

static json_t *retry_failed(const dispatch *d, const job *j, json_t *outcome)
{
    json_int_t tries = json_integer_value(json_object_get(j->record, "tries"));
    if (tries < 1) tries = 1;
    if (tries >= (json_int_t)d->options.limits.tries) {
        json_object_set_new(outcome, "outcome", json_string("parked"));
        return NULL;
    }
    json_t *next = job_again(d, j->record, tries + 1);
    json_object_set_new(next, "not_before", json_integer(now_of(d) + retry_delay(d, tries + 1)));
    return next;
}

/* A change was not in the approved plan: a new plan is made of what is left to do, and shown with what differs. */
static json_t *plan_again(const dispatch *d, const job *j)
{
    json_t *next = job_next_record(j->record, "replan_of", "approve", now_of(d));
    json_object_set(next, "before", json_object_get(j->record, "approved"));
    json_object_set_new(next, "before_of", json_string(rip_text_or(j->record, "plan_of", "")));
    return next;
}

static void add_terms(const dispatch *d, const job *j, json_t *outcome)
{
    json_t *before = json_object_get(j->record, "before");
    json_object_set_new(outcome, "deadline", json_integer(now_of(d) + d->options.limits.approval_ms));
    json_object_set_new(outcome, "approvers", json_integer(d->options.limits.approvers));
    if (!before) return;
    json_object_set_new(outcome, "difference",
                        run_plan_difference(before, rip_text_or(j->record, "before_of", ""),
                                            json_object_get(outcome, "plan"), rip_text_or(j->record, "id", "")));
}

static void on_pump(void *data);

static void pump_later(dispatch *d)
{
    if (!rip_timer_running(&d->pump)) rip_timer_start(&d->pump, d->options.context->clock, 0, on_pump, d);
}

static void on_pump(void *data)
{
    dispatch *d = data;
    if (d->begun > 0 && ++d->turns < TURNS_APART) {
        pump_later(d);
        return;
    }
    d->begun = 0;
    d->turns = 0;
    jobs_pump(d);
}

static json_t *on_ending(void *data, run *r, json_t *outcome)
{
    (void)r;
    job *j = data;
    dispatch *d = j->of->owner;
    const char *name = rip_text_or(outcome, "outcome", "");
    json_t *next = NULL;
    if (strcmp(name, "failed") == 0 && json_is_true(json_object_get(json_object_get(outcome, "error"), "retryable")))
        next = retry_failed(d, j, outcome);
    else if (strcmp(name, "secret-lost") == 0)
        next = job_again(d, j->record, 1);
    else if (strcmp(name, "outside-plan") == 0)
        next = plan_again(d, j);
    else if (strcmp(name, "waiting") == 0)
        add_terms(d, j, outcome);
    if (next) json_object_set(outcome, "next", json_object_get(next, "id"));
    /* While the journal has the disk write its end, another may go on, whose beginning it is told after that. */
    queue_leave(d->queue, &j->turn);
    pump_later(d);
    return next;
}

/* The end. */

static void follow(job *j, const json_t *record)
{
    dispatch *d = j->of->owner;
    const char *next = json_string_value(json_object_get(record, "next"));
    json_t *following = next ? journal_run(d->options.context->journal, next) : NULL;
    rip_error err;
    if (!following) return;
    int64_t delay = json_integer_value(json_object_get(following, "not_before")) - now_of(d);
    if (job_add(j->of, following, delay, &err) != RIP_OK) dispatch_fault(d, j->of->origin, j->of->line, &err);
}

static void on_done(void *data, run *r, const json_t *record)
{
    (void)r;
    job *j = data;
    ticket *t = j->of;
    dispatch *d = t->owner;
    const char *outcome = rip_text_or(record, "outcome", "failed");
    if (!record_is_well(record)) d->counts.failed++;
    if (d->options.listener.ended)
        d->options.listener.ended(d->options.listener.data, rip_text_or(j->record, "id", ""), record);
    if (strcmp(outcome, "waiting") == 0) plan_hold(d, record);
    if (strcmp(outcome, "paused") == 0)
        json_object_set_new(d->paused, rip_text_or(j->record, "id", ""),
                            json_pack("{s:O, s:O}", "record", record, "finding", t->finding));
    follow(j, record);
    job_free(j);
    ticket_drop(t);
    jobs_pump(d);
}

static void job_start(job *j)
{
    dispatch *d = j->of->owner;
    const char *id = rip_text_or(j->record, "id", "");
    const rip_playbook *playbook = job_is_own(j->record) ? NULL : library_find(d->options.books, j->turn.playbook);
    run_order order = {playbook, j->of->finding, j->record};
    j->books = library_keep(d->options.books);
    run_listener listener = {on_ending, on_done, j};
    rip_error err;
    d->waiting--;
    d->running++;
    if (run_start(d->options.context, &order, &listener, &j->run, &err) != RIP_OK) {
        ticket *t = j->of;
        d->counts.failed++;
        dispatch_fault(d, t->origin, t->line, &err);
        job_free(j);
        ticket_drop(t);
        return;
    }
    d->counts.runs++;
    if (d->options.listener.started)
        d->options.listener.started(d->options.listener.data, id, j->turn.playbook, j->of->finding);
}

/* A run that may change things is not begun while changes are paused. */
static bool is_paused(void *data, const turn *t)
{
    const dispatch *d = data;
    const job *j = (const job *)t;
    if (strcmp(rip_text_or(j->record, "mode", ""), "enforce") != 0) return false;
    return guard_paused(d->options.context->journal, t->playbook, t->account);
}

void jobs_pump(dispatch *d)
{
    turn *t;
    while (!d->quiet && d->begun < TOGETHER_MOST && (t = queue_take(d->queue, is_paused, d))) {
        d->begun++;
        job_start((job *)t);
    }
    if (d->begun > 0) pump_later(d);
}

/* A run that a pause stopped is done again. */
static void resume_run(dispatch *d, const json_t *record, json_t *finding)
{
    journal *keeper = d->options.context->journal;
    rip_error err;
    ticket *t = ticket_new(d, finding, "journal", 0);
    if (!t) return;
    json_t *next = job_again(d, record, 1);
    json_t *decision =
        json_pack("{s:s, s:s, s:I}", "decision", "resume", "who", "riposte", "at", (json_int_t)now_of(d));
    journal_run_decide(keeper, rip_text_or(record, "id", ""), decision, "resumed", next, journal_ignore, NULL);
    json_t *kept = journal_run(keeper, rip_text_or(next, "id", ""));
    if (!kept || job_add(t, kept, 0, &err) != RIP_OK) ticket_free(t);
    json_decref(decision);
    json_decref(next);
}

void jobs_resume(dispatch *d)
{
    const char *id;
    json_t *pair;
    void *tmp;
    json_object_foreach_safe (d->paused, tmp, id, pair) {
        json_t *own = json_incref(pair);
        const json_t *record = json_object_get(own, "record");
        const char *account = rip_text_or(json_object_get(record, "finding"), "account", "");
        if (!guard_paused(d->options.context->journal, rip_text_or(record, "playbook", ""), account)) {
            json_object_del(d->paused, id);
            resume_run(d, record, json_object_get(own, "finding"));
        }
        json_decref(own);
    }
    queue_wake(d->queue);
    jobs_pump(d);
}
