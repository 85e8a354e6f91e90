#include "engine/journal/journal.h"

#include "engine/base/log.h"
#include "engine/journal/keeper.h"

void journal_close(journal *j)
{
    if (j) j->ops->close(j);
}

void journal_digest(const journal *j, const char *text, size_t len, char out[65])
{
    j->ops->digest(j, text, len, out);
}

void journal_accept(journal *j, const journal_arrival *arrival, journal_answer done, void *data)
{
    j->ops->accept(j, arrival, done, data);
}

void journal_run_queue(journal *j, json_t *record, journal_done done, void *data)
{
    j->ops->run_queue(j, record, done, data);
}

void journal_run_begin(journal *j, json_t *record, journal_done done, void *data)
{
    j->ops->run_begin(j, record, done, data);
}

void journal_run_source(journal *j, const char *run, const char *name, const char *text, size_t len)
{
    j->ops->run_source(j, run, name, text, len);
}

void journal_run_end(journal *j, const char *run, json_t *outcome, json_t *next, journal_done done, void *data)
{
    j->ops->run_end(j, run, outcome, next, done, data);
}

void journal_run_decide(journal *j, const char *run, json_t *decision, const char *outcome, json_t *next,
                        journal_done done, void *data)
{
    j->ops->run_decide(j, run, decision, outcome, next, done, data);
}

json_t *journal_run(journal *j, const char *run)
{
    return j->ops->run(j, run);
}

void journal_run_release(journal *j, const char *run)
{
    j->ops->run_release(j, run);
}

const journal_step *journal_step_find(journal *j, const char *run, const char *path, unsigned number)
{
    return j->ops->step_find(j, run, path, number);
}

void journal_step_start(journal *j, const char *run, const journal_step *step, journal_done done, void *data)
{
    j->ops->step_start(j, run, step, done, data);
}

void journal_step_finish(journal *j, const char *run, const journal_step *step, journal_done done, void *data)
{
    j->ops->step_finish(j, run, step, done, data);
}

size_t journal_step_count(journal *j, const char *run)
{
    return j->ops->step_count(j, run);
}

const journal_step *journal_step_at(journal *j, const char *run, size_t index)
{
    return j->ops->step_at(j, run, index);
}

unsigned journal_step_finished(journal *j, const char *run)
{
    return j->ops->step_finished(j, run);
}

void journal_pause(journal *j, const char *scope, json_t *about, journal_done done, void *data)
{
    j->ops->pause(j, scope, about, done, data);
}

void journal_resume(journal *j, const char *scope, json_t *about, journal_done done, void *data)
{
    j->ops->resume(j, scope, about, done, data);
}

json_t *journal_pauses(journal *j)
{
    return j->ops->pauses(j);
}

void journal_spend(journal *j, const char *scope, int64_t at_ms)
{
    j->ops->spend(j, scope, at_ms);
}

unsigned journal_spent(journal *j, const char *scope, int64_t since_ms)
{
    return j->ops->spent(j, scope, since_ms);
}

void journal_library_keep(journal *j, const char *digest, const char *pack, size_t len)
{
    j->ops->library_keep(j, digest, pack, len);
}

const char *journal_library(journal *j, const char *digest, size_t *len)
{
    return j->ops->library(j, digest, len);
}

void journal_position_set(journal *j, const char *source, const char *position, journal_done done, void *data)
{
    j->ops->position_set(j, source, position, done, data);
}

const char *journal_position(journal *j, const char *source)
{
    return j->ops->position(j, source);
}

void journal_recover(journal *j, journal_answer done, void *data)
{
    j->ops->recover(j, done, data);
}

void journal_find_runs(journal *j, const journal_filter *filter, journal_answer done, void *data)
{
    j->ops->find_runs(j, filter, done, data);
}

void journal_read_run(journal *j, const char *run, journal_answer done, void *data)
{
    j->ops->read_run(j, run, done, data);
}

void journal_prune(journal *j, int64_t before_ms, journal_answer done, void *data)
{
    j->ops->prune(j, before_ms, done, data);
}

void journal_ignore(void *data, rip_status status, const rip_error *err)
{
    (void)data;
    if (status != RIP_OK) rip_log(RIP_LOG_ERROR, "journal.write", "error", err->message, NULL);
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text) json_object_set_new(object, key, json_string(text));
}

json_t *journal_step_to_json(const journal_step *step)
{
    json_t *object =
        json_pack("{s:s, s:i, s:s, s:s, s:s, s:O, s:b, s:I, s:s}", "path", step->path, "number", (int)step->number,
                  "kind", step->kind, "phase", step->phase, "fingerprint", step->fingerprint, "request", step->request,
                  "is_change", (int)step->is_change, "started_ms", (json_int_t)step->started_ms, "state",
                  step->state == JOURNAL_FINISHED ? "finished" : "started");
    if (!object) return NULL;
    if (step->undo) json_object_set(object, "undo", step->undo);
    set_text(object, "irreversible", step->irreversible);
    if (step->state != JOURNAL_FINISHED) return object;
    json_object_set_new(object, "finished_ms", json_integer(step->finished_ms));
    json_object_set_new(object, "order", json_integer(step->order));
    set_text(object, "outcome", step->outcome);
    if (step->reply) json_object_set(object, "reply", step->reply);
    return object;
}
