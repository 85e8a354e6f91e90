/* What the loop tells a durable journal: memory takes it in at once, and a message takes it to the thread that writes.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/journal/sqlite_private.h"

#define ACCEPT_USUAL 5000 /* bytes of a finding and of its runs' records, beside its event */

static sqlite_journal *keeper_of(journal *j)
{
    return (sqlite_journal *)j;
}

static const rip_error NO_ERROR = {RIP_OK, ""};

static void fail_done(journal_done done, void *data, rip_status status, const char *why)
{
    rip_error err;
    rip_fail(&err, status, "%s", why);
    done(data, status, &err);
}

/* Whether anything can be written; if not, `done` has been told. */
static bool may_write(sqlite_journal *s, journal_done done, void *data)
{
    if (s->writer && !writer_has_given_up(s->writer)) return true;
    if (!done) return false;
    if (s->writer)
        fail_done(done, data, RIP_EIO, "the journal cannot be written any more; the log says why");
    else
        fail_done(done, data, RIP_EDENIED, "the journal was opened to look at only");
    return false;
}

static void quiet(void *data, rip_status status, const rip_error *err)
{
    (void)data;
    (void)status;
    (void)err;
}

/* Who waits is called once it is safe; who does not, at once. */
static void send_safe(sqlite_journal *s, message *m, journal_done done, void *data)
{
    if (!m || !message_is_whole(m)) {
        message_free(m);
        fail_done(done, data, RIP_EINVAL, "the journal cannot write it: out of memory, or text that is no UTF-8");
        return;
    }
    m->done = done;
    m->data = data;
    writer_send(s->writer, m);
}

static void send_lazily(sqlite_journal *s, message *m, journal_done done, void *data)
{
    if (!m || !message_is_whole(m)) {
        message_free(m);
        fail_done(done, data, RIP_EINVAL, "the journal cannot write it: out of memory, or text that is no UTF-8");
        return;
    }
    writer_send(s->writer, m);
    done(data, RIP_OK, &NO_ERROR);
}

/* Findings. */

static bool fill_accept(message *m, const journal_arrival *arrival)
{
    static const char *const APART[] = {"event", NULL}; /* it is kept as it came */
    json_t *finding = arrival->finding;
    m->as.accept.wanted = calloc(arrival->wanted_count + 1, sizeof *m->as.accept.wanted);
    m->records = json_array();
    if (!m->as.accept.wanted || !m->records) return false;
    m->finding = json_incref(finding);
    rip_buffer_reserve(&m->bytes, arrival->event_len + ACCEPT_USUAL);
    m->as.accept.id = message_text(m, json_string_value(json_object_get(finding, "id")));
    m->as.accept.version = message_text(m, json_string_value(json_object_get(finding, "version")));
    m->as.accept.finding = message_json_without(m, finding, APART);
    m->as.accept.event = message_bytes(m, arrival->event, arrival->event_len);
    m->as.accept.origin = message_text(m, arrival->origin);
    m->as.accept.received = arrival->received_ms;
    m->as.accept.count = arrival->wanted_count;
    for (size_t i = 0; i < arrival->wanted_count; i++) {
        const journal_wanted *from = &arrival->wanted[i];
        wanted_fields *to = &m->as.accept.wanted[i];
        message_run(m, &to->run, from->record, RUN_QUEUED);
        to->cooldown_key = message_text(m, from->cooldown_key);
        to->cooldown_ms = from->cooldown_ms;
        to->only_first = from->only_first;
        json_array_append(m->records, from->record);
    }
    return message_is_whole(m);
}

static void fail_answer(journal_answer done, void *data, rip_status status, const char *why)
{
    rip_error err;
    rip_fail(&err, status, "%s", why);
    done(data, status, NULL, &err);
}

static void keeper_accept(journal *j, const journal_arrival *arrival, journal_answer done, void *data)
{
    sqlite_journal *s = keeper_of(j);
    if (!s->writer || writer_has_given_up(s->writer)) {
        fail_answer(done, data, s->writer ? RIP_EIO : RIP_EDENIED, "the journal cannot be written");
        return;
    }
    message *m = message_new(MESSAGE_ACCEPT);
    if (!m || !fill_accept(m, arrival)) {
        message_free(m);
        fail_answer(done, data, RIP_EINVAL, "the journal cannot write it: out of memory, or text that is no UTF-8");
        return;
    }
    m->answer = done;
    m->data = data;
    writer_send(s->writer, m);
}

/* Runs. */

static message *source_message(const char *run, const char *name, const char *text, size_t len)
{
    message *m = message_new(MESSAGE_SOURCE);
    if (!m) return NULL;
    m->as.source.run = message_text(m, run);
    m->as.source.name = message_text(m, name);
    m->as.source.text = message_bytes(m, text, len);
    return m;
}

/* Modules that a record brings with it (it follows a run that had them). */
static void send_sources(sqlite_journal *s, const json_t *record)
{
    const char *id = json_string_value(json_object_get(record, "id")), *name;
    json_t *text;
    json_object_foreach (json_object_get(record, "sources"), name, text) {
        message *m = source_message(id, name, json_string_value(text), json_string_length(text));
        send_lazily(s, m, quiet, NULL);
    }
}

/* The run's record as memory has it, or as much as is told of it. */
static message *run_message(sqlite_journal *s, const char *id, json_t *told, run_moment moment)
{
    json_t *record = journal_run(s->memory, id);
    message *m = message_new(MESSAGE_RUN);
    if (!m) return NULL;
    m->as.run.is_whole = record != NULL;
    message_run(m, &m->as.run.run, record ? record : told, moment);
    if (!record) m->as.run.run.id = message_text(m, id);
    return m;
}

static void tell_run(sqlite_journal *s, json_t *record, run_moment moment, journal_done done, void *data)
{
    const char *id = json_string_value(json_object_get(record, "id"));
    if (!may_write(s, done, data)) return;
    if (!id || !memory_put(s->memory, record, NULL)) {
        fail_done(done, data, RIP_EINVAL, "a run without an id, or out of memory");
        return;
    }
    message *m = run_message(s, id, record, moment);
    /* A run may begin before that is safe: its first change is behind it in the order. */
    if (moment == RUN_BEGINS)
        send_lazily(s, m, done, data);
    else
        send_safe(s, m, done, data);
    send_sources(s, record);
}

static void keeper_run_queue(journal *j, json_t *record, journal_done done, void *data)
{
    tell_run(keeper_of(j), record, RUN_QUEUED, done, data);
}

static void keeper_run_begin(journal *j, json_t *record, journal_done done, void *data)
{
    tell_run(keeper_of(j), record, RUN_BEGINS, done, data);
}

static void keeper_run_source(journal *j, const char *run, const char *name, const char *text, size_t len)
{
    sqlite_journal *s = keeper_of(j);
    json_t *known = json_object_get(json_object_get(journal_run(s->memory, run), "sources"), name);
    if (known || !may_write(s, NULL, NULL)) return;
    journal_run_source(s->memory, run, name, text, len);
    send_lazily(s, source_message(run, name, text, len), quiet, NULL);
}

static void keeper_run_end(journal *j, const char *run, json_t *outcome, json_t *next, journal_done done, void *data)
{
    sqlite_journal *s = keeper_of(j);
    if (!may_write(s, done, data)) return;
    if (memory_log(s->memory, run))
        journal_run_end(s->memory, run, outcome, next, quiet, NULL);
    else if (next)
        memory_put(s->memory, next, NULL);
    message *m = run_message(s, run, outcome, RUN_ENDS);
    if (m && next) {
        m->as.run.has_next = true;
        message_run(m, &m->as.run.next, next, RUN_QUEUED);
    }
    send_safe(s, m, done, data);
    if (next) send_sources(s, next);
}

static void keeper_run_decide(journal *j, const char *run, json_t *decision, const char *outcome, json_t *next,
                              journal_done done, void *data)
{
    sqlite_journal *s = keeper_of(j);
    if (!may_write(s, done, data)) return;
    if (memory_log(s->memory, run))
        journal_run_decide(s->memory, run, decision, outcome, next, quiet, NULL);
    else if (next)
        memory_put(s->memory, next, NULL);
    message *m = message_new(MESSAGE_DECIDE);
    if (m) {
        m->as.decide.run = message_text(m, run);
        m->as.decide.decision = message_json(m, decision);
        m->as.decide.outcome = message_text(m, outcome);
        m->as.decide.has_next = next != NULL;
        if (next) message_run(m, &m->as.decide.next, next, RUN_QUEUED);
    }
    send_safe(s, m, done, data);
    if (next) send_sources(s, next);
}

static json_t *keeper_run(journal *j, const char *run)
{
    return journal_run(keeper_of(j)->memory, run);
}

static void keeper_run_release(journal *j, const char *run)
{
    memory_drop(keeper_of(j)->memory, run);
}

/* Steps. */

static message *step_message(message_kind kind, const char *run, const run_log *log, const journal_step *step)
{
    message *m = message_new(kind);
    if (!m) return NULL;
    m->as.step.run = message_text(m, run);
    m->as.step.path = message_text(m, step->path);
    m->as.step.number = step->number;
    m->as.step.undo = message_json(m, step->undo);
    m->as.step.irreversible = message_text(m, step->irreversible);
    if (kind != MESSAGE_FINISH) {
        m->as.step.kind = message_text(m, step->kind);
        m->as.step.phase = message_text(m, step->phase);
        m->as.step.fingerprint = message_text(m, step->fingerprint);
        m->as.step.request = message_json(m, step->request);
        m->as.step.seq = (int64_t)(run_log_index(log, step->path, step->number) + log->seq_from);
        m->as.step.is_change = step->is_change;
        m->as.step.care = step->care;
        m->as.step.started = step->started_ms;
    }
    if (kind != MESSAGE_START) {
        m->as.step.outcome = message_text(m, step->outcome);
        m->as.step.reply = message_json(m, step->reply);
        m->as.step.finished = step->finished_ms;
        m->as.step.order = step->order;
    }
    return m;
}

static const journal_step *keeper_step_find(journal *j, const char *run, const char *path, unsigned number)
{
    return journal_step_find(keeper_of(j)->memory, run, path, number);
}

static void keeper_step_start(journal *j, const char *run, const journal_step *step, journal_done done, void *data)
{
    sqlite_journal *s = keeper_of(j);
    run_log *log = memory_log(s->memory, run);
    if (!may_write(s, done, data)) return;
    bool is_known = run_log_find(log, step->path, step->number); /* it was started before a crash: that is safe */
    if (is_known || !log || !run_log_start(log, step)) {
        if (is_known)
            done(data, RIP_OK, &NO_ERROR);
        else
            fail_done(done, data, log ? RIP_ENOMEM : RIP_ENOTFOUND, "a step of a run that is not going on");
        return;
    }
    if (step->care == JOURNAL_LIGHT) {
        done(data, RIP_OK, &NO_ERROR);
        return;
    }
    message *m = step_message(MESSAGE_START, run, log, run_log_find(log, step->path, step->number));
    if (step->care == JOURNAL_SAFE)
        send_safe(s, m, done, data);
    else
        send_lazily(s, m, done, data);
}

static void keeper_step_finish(journal *j, const char *run, const journal_step *step, journal_done done, void *data)
{
    sqlite_journal *s = keeper_of(j);
    run_log *log = memory_log(s->memory, run);
    if (!may_write(s, done, data)) return;
    const journal_step *kept = run_log_find(log, step->path, step->number);
    if (!kept || kept->state == JOURNAL_FINISHED || !run_log_finish(log, step)) {
        fail_done(done, data, kept && kept->state != JOURNAL_FINISHED ? RIP_ENOMEM : RIP_ENOTFOUND,
                  "a step ended that was not under way");
        return;
    }
    send_lazily(s, step_message(kept->care == JOURNAL_LIGHT ? MESSAGE_WHOLE : MESSAGE_FINISH, run, log, kept), done,
                data);
}

static size_t keeper_step_count(journal *j, const char *run)
{
    return journal_step_count(keeper_of(j)->memory, run);
}

static const journal_step *keeper_step_at(journal *j, const char *run, size_t index)
{
    return journal_step_at(keeper_of(j)->memory, run, index);
}

static unsigned keeper_step_finished(journal *j, const char *run)
{
    return journal_step_finished(keeper_of(j)->memory, run);
}

/* What outlives runs. */

static message *keep_message(message_kind kind, const char *key, int64_t at)
{
    message *m = message_new(kind);
    if (!m) return NULL;
    m->as.keep.key = message_text(m, key);
    m->as.keep.at = at;
    return m;
}

static void send_pause(sqlite_journal *s, message_kind kind, const char *scope, json_t *about, journal_done done,
                       void *data)
{
    message *m = keep_message(kind, scope, 0);
    if (m) m->as.keep.value = message_json(m, about);
    send_safe(s, m, done, data);
}

static void keeper_pause(journal *j, const char *scope, json_t *about, journal_done done, void *data)
{
    sqlite_journal *s = keeper_of(j);
    if (!may_write(s, done, data)) return;
    journal_pause(s->memory, scope, about, quiet, NULL);
    send_pause(s, MESSAGE_PAUSE, scope, about, done, data);
}

static void keeper_resume(journal *j, const char *scope, json_t *about, journal_done done, void *data)
{
    sqlite_journal *s = keeper_of(j);
    if (!may_write(s, done, data)) return;
    journal_resume(s->memory, scope, about, quiet, NULL);
    send_pause(s, MESSAGE_RESUME, scope, about, done, data);
}

static json_t *keeper_pauses(journal *j)
{
    return journal_pauses(keeper_of(j)->memory);
}

static void keeper_spend(journal *j, const char *scope, int64_t at_ms)
{
    sqlite_journal *s = keeper_of(j);
    journal_spend(s->memory, scope, at_ms);
    if (may_write(s, NULL, NULL)) send_lazily(s, keep_message(MESSAGE_SPEND, scope, at_ms), quiet, NULL);
}

static unsigned keeper_spent(journal *j, const char *scope, int64_t since_ms)
{
    return journal_spent(keeper_of(j)->memory, scope, since_ms);
}

static void keeper_library_keep(journal *j, const char *digest, const char *pack, size_t len)
{
    sqlite_journal *s = keeper_of(j);
    if (!memory_library_is_news(s->memory, digest) || !may_write(s, NULL, NULL)) return;
    message *m = message_new(MESSAGE_LIBRARY);
    if (m) m->as.keep.value = message_bytes(m, pack, len);
    send_lazily(s, m, quiet, NULL);
}

static const char *keeper_library(journal *j, const char *digest, size_t *len)
{
    return journal_library(keeper_of(j)->memory, digest, len);
}

static void keeper_position_set(journal *j, const char *source, const char *position, journal_done done, void *data)
{
    sqlite_journal *s = keeper_of(j);
    if (!may_write(s, done, data)) return;
    journal_position_set(s->memory, source, position, quiet, NULL);
    message *m = keep_message(MESSAGE_POSITION, source, 0);
    if (m) m->as.keep.value = message_text(m, position);
    send_safe(s, m, done, data);
}

static const char *keeper_position(journal *j, const char *source)
{
    return journal_position(keeper_of(j)->memory, source);
}

const journal_ops sqlite_ops = {
    .close = sqlite_close,
    .digest = sqlite_digest,
    .accept = keeper_accept,
    .run_queue = keeper_run_queue,
    .run_begin = keeper_run_begin,
    .run_source = keeper_run_source,
    .run_end = keeper_run_end,
    .run_decide = keeper_run_decide,
    .run = keeper_run,
    .run_release = keeper_run_release,
    .step_find = keeper_step_find,
    .step_start = keeper_step_start,
    .step_finish = keeper_step_finish,
    .step_count = keeper_step_count,
    .step_at = keeper_step_at,
    .step_finished = keeper_step_finished,
    .pause = keeper_pause,
    .resume = keeper_resume,
    .pauses = keeper_pauses,
    .spend = keeper_spend,
    .spent = keeper_spent,
    .library_keep = keeper_library_keep,
    .library = keeper_library,
    .position_set = keeper_position_set,
    .position = keeper_position,
    .recover = sqlite_recover,
    .find_runs = sqlite_find_runs,
    .read_run = sqlite_read_run,
    .prune = sqlite_prune,
};
