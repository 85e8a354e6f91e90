#include "engine/dispatch/words.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/text.h"
#include "engine/dispatch/private.h"
#include "engine/dispatch/undo.h"

/* One request on its way. */
typedef struct word {
    dispatch *owner;
    json_t *request;
    json_t *record, *finding; /* of the run that it is about, once they are read */
    json_t *whole;
    char *run;
    journal_answer done;
    void *data;
    void (*then)(struct word *w);
    json_t *next; /* the record of the run that follows */
    const char *outcome;
    unsigned missing;
    bool by_deadline; /* not a person says so: the time is up */
} word;

static void word_free(word *w)
{
    json_decref(w->request);
    json_decref(w->whole);
    json_decref(w->next);
    free(w->run);
    free(w);
}

static void refuse(word *w, rip_status status, const rip_error *err)
{
    w->done(w->data, status, NULL, err);
    word_free(w);
}

static int64_t now_of(const word *w)
{
    return rip_clock_now(w->owner->options.context->clock);
}

static journal *journal_of(const word *w)
{
    return w->owner->options.context->journal;
}

static bool is_any(const char *text, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(text, *names) == 0) return true;
    }
    return false;
}

/* The decision, written; then what follows from it waits for its turn. */

static void on_decided(void *data, rip_status status, const rip_error *err)
{
    word *w = data;
    dispatch *d = w->owner;
    const char *next = rip_text_or(w->next, "id", NULL);
    if (status != RIP_OK) {
        refuse(w, status, err);
        return;
    }
    rip_error why = {RIP_OK, ""};
    if (w->outcome) plan_drop(d, w->run);
    if (w->outcome) json_object_del(d->paused, w->run);
    json_t *kept = next ? journal_run(journal_of(w), next) : NULL;
    ticket *t = kept ? ticket_new(d, w->finding, "journal", 0) : NULL;
    if (kept && (!t || job_add(t, kept, 0, &why) != RIP_OK)) {
        if (t) ticket_free(t);
        refuse(w, RIP_ENOMEM, &why);
        return;
    }
    json_t *value = json_pack(
        "{s:s, s:s?, s:s?, s:s, s:i}", "run", w->run, "follows", next, "mode", rip_text_or(w->next, "mode", NULL),
        "outcome", w->outcome ? w->outcome : rip_text_or(w->record, "outcome", ""), "missing", (int)w->missing);
    w->done(w->data, RIP_OK, value, &why);
    json_decref(value);
    word_free(w);
    jobs_pump(d);
}

/* `outcome` (NULL: as it was) takes the place of the run's; `next` is stolen. */
static void decide(word *w, const char *outcome, json_t *next)
{
    json_t *decision = json_pack("{s:s, s:s, s:s, s:I}", "decision", rip_text_or(w->request, "do", ""), "who",
                                 rip_text_or(w->request, "who", "?"), "why", rip_text_or(w->request, "why", ""), "at",
                                 (json_int_t)now_of(w));
    const char *settled = rip_text_or(w->request, "settled", NULL);
    if (settled) json_object_set_new(decision, "settled", json_string(settled));
    if (next) json_object_set(decision, "run", json_object_get(next, "id"));
    w->outcome = outcome;
    w->next = next;
    journal_run_decide(journal_of(w), w->run, decision, outcome, next, on_decided, w);
    json_decref(decision);
}

static void deny_state(word *w, const char *what)
{
    rip_error err;
    const char *outcome = rip_text_or(w->record, "outcome", NULL);
    const char *state = outcome ? outcome : json_object_get(w->record, "started") ? "going on" : "queued";
    refuse(w, rip_fail(&err, RIP_EDENIED, "run %s is %s: %s", w->run, state, what), &err);
}

/* The playbook as the run knew it, for the one that follows. */
static void keep_text(const json_t *record, json_t *next)
{
    static const char *const KEYS[] = {"text", "sources"};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        json_t *value = json_object_get(record, KEYS[i]);
        if (value) json_object_set(next, KEYS[i], value);
    }
}

/* Approvals. */

static bool has_approved(const word *w, const char *who, unsigned *count)
{
    bool found = false;
    size_t i;
    json_t *each;
    json_array_foreach (json_object_get(w->whole, "decisions"), i, each) {
        if (strcmp(rip_text_or(each, "decision", ""), "approve") != 0) continue;
        found = found || strcmp(rip_text_or(each, "who", ""), who) == 0;
        ++*count;
    }
    return found;
}

/* May what was approved be done now? Else nothing is decided, and the plan waits on. */
static bool may_be_done(word *w)
{
    rip_error err;
    run_mode mode = RUN_OBSERVE;
    const char *name = job_mode_today(w->owner, w->record);
    if (run_mode_parse(name, &mode) && mode >= RUN_APPROVE) return true;
    refuse(
        w,
        rip_fail(&err, RIP_EDENIED,
                 "run %s cannot be carried out in the mode %s, which the configuration or the playbook allows now: it "
                 "still waits. Set mode: approve (or -s mode=approve where no process owns the journal)",
                 w->run, name),
        &err);
    return false;
}

static void approve(word *w)
{
    unsigned count = 0;
    rip_error err;
    const char *who = rip_text_or(w->request, "who", "?");
    if (strcmp(rip_text_or(w->record, "outcome", ""), "waiting") != 0) {
        deny_state(w, "only a plan that waits can be approved");
        return;
    }
    if (has_approved(w, who, &count)) {
        refuse(w, rip_fail(&err, RIP_EDENIED, "%s has approved run %s already: another person must, too", who, w->run),
               &err);
        return;
    }
    if (!may_be_done(w)) return;
    json_int_t needed = json_integer_value(json_object_get(w->record, "approvers"));
    if (!w->by_deadline && (json_int_t)count + 1 < needed) {
        w->missing = (unsigned)(needed - count - 1);
        decide(w, NULL, NULL);
        return;
    }
    json_t *next = job_next_record(w->record, "plan_of", "enforce", now_of(w));
    json_object_set(next, "approved", json_object_get(w->record, "plan"));
    keep_text(w->record, next);
    decide(w, "approved", next);
}

static void deny(word *w)
{
    if (strcmp(rip_text_or(w->record, "outcome", ""), "waiting") != 0)
        deny_state(w, "only a plan that waits can be denied");
    else
        decide(w, w->by_deadline ? "expired" : "denied", NULL);
}

/* Retry, cancel, undo. */

/* With the playbook of today, or, where there is none any more, with the one that it had. */
static void retry(word *w)
{
    static const char *const ENDED[] = {"failed", "parked",      "uncertain",    "diverged", "cancelled", "denied",
                                        "paused", "secret-lost", "outside-plan", "expired",  NULL};
    if (!is_any(rip_text_or(w->record, "outcome", ""), ENDED)) {
        deny_state(w, "only one that failed or was stopped can be done again");
        return;
    }
    json_t *next = job_again(w->owner, w->record, 1);
    if (!library_find(w->owner->options.books, rip_text_or(w->record, "playbook", ""))) keep_text(w->record, next);
    decide(w, "retried", next);
}

static void on_cancelled(void *data, rip_status status, const rip_error *err)
{
    word *w = data;
    if (status != RIP_OK) {
        refuse(w, status, err);
        return;
    }
    json_t *value = json_pack("{s:s, s:n, s:n, s:s}", "run", w->run, "follows", "mode", "outcome", "cancelled");
    w->done(w->data, RIP_OK, value, err);
    json_decref(value);
    word_free(w);
}

static void cancel_queued(word *w, job *j)
{
    ticket *t = j->of;
    json_t *outcome =
        json_pack("{s:s, s:I, s:{s:s, s:s+}}", "outcome", "cancelled", "finished", (json_int_t)now_of(w), "error",
                  "status", "canceled", "message", "cancelled by ", rip_text_or(w->request, "who", "?"));
    dispatch *d = w->owner;
    job_free(j);
    journal_run_end(journal_of(w), w->run, outcome, NULL, on_cancelled, w);
    json_decref(outcome);
    ticket_drop(t);
    jobs_pump(d);
}

static void cancel_job(word *w, job *j)
{
    rip_error none = {RIP_OK, ""};
    char reason[200];
    if (!j->run) {
        cancel_queued(w, j);
        return;
    }
    snprintf(reason, sizeof reason, "cancelled by %.100s", rip_text_or(w->request, "who", "?"));
    run_stop(j->run, "cancelled", RIP_ECANCELED, reason);
    on_cancelled(w, RIP_OK, &none);
}

static void cancel(word *w)
{
    static const char *const WAITING[] = {"waiting", "parked", "uncertain", "paused", NULL};
    job *j = job_find(w->owner, w->run);
    if (j)
        cancel_job(w, j);
    else if (is_any(rip_text_or(w->record, "outcome", ""), WAITING))
        decide(w, "cancelled", NULL);
    else
        deny_state(w, "there is nothing to cancel");
}

static void undo(word *w)
{
    rip_error err;
    run_mode mode = w->owner->options.context->mode, asked = RUN_ENFORCE;
    const char *name = rip_text_or(w->request, "mode", NULL);
    if (name && !run_mode_parse(name, &asked)) {
        refuse(w, rip_fail(&err, RIP_EINVAL, "mode %s: expected dry-run, approve or enforce", name), &err);
        return;
    }
    if (asked < mode) mode = asked;
    if (!json_object_get(w->record, "outcome")) {
        deny_state(w, "cancel it first");
        return;
    }
    json_t *next = NULL;
    undo_order order = {w->whole, rip_text_or(w->request, "step", NULL), run_mode_name(mode), now_of(w), journal_of(w)};
    rip_status status = undo_record(&order, aws_client_models(w->owner->options.context->client), &next, &err);
    if (status == RIP_OK)
        decide(w, NULL, next);
    else
        refuse(w, status, &err);
}

/* What is about one run reads it first. */

static void on_read(void *data, rip_status status, json_t *value, const rip_error *err)
{
    word *w = data;
    if (status != RIP_OK) {
        refuse(w, status, err);
        return;
    }
    w->whole = json_incref(value);
    w->record = json_object_get(value, "record");
    w->finding = json_object_get(value, "finding");
    w->run = strdup(rip_text_or(w->record, "id", ""));
    w->then(w);
}

static void about_run(word *w, void (*then)(word *w))
{
    rip_error err;
    const char *name = rip_text_or(w->request, "run", NULL);
    w->then = then;
    if (name)
        journal_read_run(journal_of(w), name, on_read, w);
    else
        refuse(w, rip_fail(&err, RIP_EINVAL, "%s: no run is named", rip_text_or(w->request, "do", "")), &err);
}

static void show(word *w)
{
    rip_error none = {RIP_OK, ""};
    w->done(w->data, RIP_OK, w->whole, &none);
    word_free(w);
}

static void do_approve(word *w)
{
    about_run(w, approve);
}

static void do_deny(word *w)
{
    about_run(w, deny);
}

static void do_retry(word *w)
{
    about_run(w, retry);
}

/* What is going on is stopped at once: while the journal is read it could change something more. */
static void do_cancel(word *w)
{
    job *j = job_find(w->owner, rip_text_or(w->request, "run", ""));
    w->run = j ? strdup(rip_text_or(w->request, "run", "")) : NULL;
    if (w->run)
        cancel_job(w, j);
    else
        about_run(w, cancel);
}

static void do_undo(word *w)
{
    about_run(w, undo);
}

static void do_show(word *w)
{
    about_run(w, show);
}

/* Pauses. */

static bool is_scope(const char *scope)
{
    static const char *const KINDS[] = {"playbook:", "account:"};
    if (strcmp(scope, "all") == 0) return true;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (strncmp(scope, KINDS[i], strlen(KINDS[i])) == 0 && scope[strlen(KINDS[i])] && strlen(scope) < 160)
            return true;
    }
    return false;
}

static void on_pause_written(void *data, rip_status status, const rip_error *err)
{
    word *w = data;
    if (status != RIP_OK) {
        refuse(w, status, err);
        return;
    }
    json_t *value = json_pack("{s:O}", "pauses", journal_pauses(journal_of(w)));
    if (strcmp(rip_text_or(w->request, "do", ""), "resume") == 0) jobs_resume(w->owner);
    w->done(w->data, RIP_OK, value, err);
    json_decref(value);
    word_free(w);
}

static void do_pause(word *w)
{
    rip_error err;
    const char *scope = rip_text_or(w->request, "scope", "all");
    bool resume = strcmp(rip_text_or(w->request, "do", ""), "resume") == 0;
    if (!is_scope(scope)) {
        refuse(w, rip_fail(&err, RIP_EINVAL, "scope %s: expected all, playbook:NAME or account:ID", scope), &err);
        return;
    }
    if (resume && !json_object_get(journal_pauses(journal_of(w)), scope)) {
        refuse(w, rip_fail(&err, RIP_EDENIED, "changes are not paused for %s", scope), &err);
        return;
    }
    json_t *about = json_pack("{s:s, s:s, s:I}", "who", rip_text_or(w->request, "who", "?"), "why",
                              rip_text_or(w->request, "why", ""), "at", (json_int_t)now_of(w));
    if (resume)
        journal_resume(journal_of(w), scope, about, on_pause_written, w);
    else
        journal_pause(journal_of(w), scope, about, on_pause_written, w);
    json_decref(about);
}

/* Questions. */

static void on_found(void *data, rip_status status, json_t *value, const rip_error *err)
{
    word *w = data;
    w->done(w->data, status, value, err);
    word_free(w);
}

static void do_runs(word *w)
{
    const json_t *from = json_object_get(w->request, "filter");
    journal_filter filter = {
        .run = rip_text_or(from, "run", NULL),
        .playbook = rip_text_or(from, "playbook", NULL),
        .account = rip_text_or(from, "account", NULL),
        .region = rip_text_or(from, "region", NULL),
        .finding = rip_text_or(from, "finding", NULL),
        .outcome = rip_text_or(from, "outcome", NULL),
        .since_ms = json_integer_value(json_object_get(from, "since_ms")),
        .until_ms = json_integer_value(json_object_get(from, "until_ms")),
        .before = rip_text_or(from, "before", NULL),
        .most = (unsigned)json_integer_value(json_object_get(from, "most")),
    };
    journal_find_runs(journal_of(w), &filter, on_found, w);
}

static void do_status(word *w)
{
    dispatch *d = w->owner;
    json_int_t plans = 0;
    for (const held_plan *held = d->plans; held; held = held->next) plans++;
    rip_error none = {RIP_OK, ""};
    json_t *value = json_pack("{s:I, s:I, s:I, s:O}", "running", (json_int_t)d->running, "queued",
                              (json_int_t)d->waiting, "waiting", plans, "pauses", journal_pauses(journal_of(w)));
    on_found(w, RIP_OK, value, &none);
    json_decref(value);
}

static void perform(dispatch *d, const json_t *request, bool by_deadline, journal_answer done, void *data)
{
    static const struct {
        const char *name;
        void (*perform)(word *w);
    } WORDS[] = {{"approve", do_approve}, {"deny", do_deny},    {"retry", do_retry},  {"cancel", do_cancel},
                 {"undo", do_undo},       {"pause", do_pause},  {"resume", do_pause}, {"runs", do_runs},
                 {"show", do_show},       {"status", do_status}};
    rip_error err;
    word *w = calloc(1, sizeof *w);
    if (!w) {
        done(data, rip_nomem(&err), NULL, &err);
        return;
    }
    *w = (word){.owner = d,
                .request = json_deep_copy((json_t *)(uintptr_t)request),
                .done = done,
                .data = data,
                .by_deadline = by_deadline};
    const char *name = rip_text_or(request, "do", "");
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (strcmp(WORDS[i].name, name) != 0) continue;
        WORDS[i].perform(w);
        return;
    }
    refuse(w, rip_fail(&err, RIP_EINVAL, "there is nothing called %s to do", name), &err);
}

void words_perform(dispatch *d, const json_t *request, journal_answer done, void *data)
{
    perform(d, request, false, done, data);
}

void words_at_deadline(dispatch *d, const json_t *request, journal_answer done, void *data)
{
    perform(d, request, true, done, data);
}
