/* What the loop asks of a durable journal, and what becomes of what comes back. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/journal/sqlite_private.h"

/* Runs that were read back. */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static journal_step step_of(const json_t *object)
{
    return (journal_step){.path = text_of(object, "path"),
                          .number = (unsigned)number_of(object, "number"),
                          .kind = text_of(object, "kind"),
                          .phase = text_of(object, "phase"),
                          .fingerprint = text_of(object, "fingerprint"),
                          .request = json_object_get(object, "request"),
                          .is_change = json_is_true(json_object_get(object, "is_change")),
                          .care = (journal_care)number_of(object, "care"),
                          .started_ms = number_of(object, "started_ms"),
                          .finished_ms = number_of(object, "finished_ms"),
                          .outcome = text_of(object, "outcome"),
                          .reply = json_object_get(object, "reply"),
                          .undo = json_object_get(object, "undo"),
                          .irreversible = text_of(object, "irreversible"),
                          .order = (unsigned)number_of(object, "order")};
}

static int by_order(const void *a, const void *b)
{
    int64_t x = number_of(*(json_t *const *)a, "order"), y = number_of(*(json_t *const *)b, "order");
    return x < y ? -1 : x > y;
}

/* Steps are started in the order of their start and finished in the order of their end, as the first time. */
static bool put_steps(run_log *log, json_t *steps)
{
    size_t count = json_array_size(steps), finished = 0;
    json_t **ends = calloc(count + 1, sizeof(*ends));
    bool ok = ends != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        json_t *object = json_array_get(steps, i);
        journal_step step = step_of(object);
        ok = run_log_start(log, &step);
        if (step.outcome) ends[finished++] = object;
        size_t beyond = (size_t)number_of(object, "seq") + 1;
        if (beyond > log->count + log->seq_from) log->seq_from = beyond - log->count;
    }
    if (finished > 1) qsort(ends, finished, sizeof(*ends), by_order);
    for (size_t i = 0; ok && i < finished; i++) {
        journal_step step = step_of(ends[i]);
        ok = run_log_finish(log, &step);
    }
    free(ends);
    return ok;
}

static void remember_library(sqlite_journal *s, const json_t *record, json_t *pack)
{
    const memory_journal *memory = (const memory_journal *)s->memory;
    if (pack) json_object_set(memory->libraries, text_of(record, "library"), pack);
}

static bool remember(sqlite_journal *s, json_t *entry)
{
    json_t *record = json_object_get(entry, "record"), *steps = json_object_get(entry, "steps");
    const char *id = text_of(record, "id");
    bool is_known = memory_log(s->memory, id); /* it came in since: memory knows better */
    run_log *log = is_known ? NULL : memory_put(s->memory, record, json_object_get(entry, "finding"));
    bool ok = is_known || (log && put_steps(log, steps));
    remember_library(s, record, json_object_get(entry, "library"));
    json_object_del(entry, "steps");
    json_object_del(entry, "library");
    if (is_known) json_object_set(entry, "record", journal_run(s->memory, id));
    return ok;
}

static rip_status take_in(sqlite_journal *s, const message *m, rip_error *err)
{
    bool ok = true;
    size_t i;
    json_t *entry;
    if (m->kind == MESSAGE_RECOVER) {
        json_array_foreach (m->value, i, entry) ok = ok && remember(s, entry);
    } else if (m->kind == MESSAGE_ACCEPT) {
        json_array_foreach (json_object_get(m->value, "runs"), i, entry) {
            if (json_is_null(entry)) ok = ok && memory_put(s->memory, json_array_get(m->records, i), m->finding);
        }
    }
    return ok ? RIP_OK : rip_nomem(err);
}

void sqlite_returned(void *data, message *m)
{
    sqlite_journal *s = data;
    rip_error err = {RIP_OK, ""};
    if (m->err) err = *m->err;
    if (err.status == RIP_OK) take_in(s, m, &err);
    if (m->done)
        m->done(m->data, err.status, &err);
    else if (m->answer)
        m->answer(m->data, err.status, err.status == RIP_OK ? m->value : NULL, &err);
    else
        rip_log(RIP_LOG_ERROR, "journal.refused", "why", err.message, NULL);
    message_free(m);
}

/* Asking. */

static void ask(journal *j, message *m, journal_answer done, void *data)
{
    sqlite_journal *s = (sqlite_journal *)j;
    if (!m || !message_is_whole(m)) {
        rip_error err;
        rip_nomem(&err);
        message_free(m);
        done(data, err.status, NULL, &err);
        return;
    }
    m->answer = done;
    m->data = data;
    if (s->writer) {
        writer_send(s->writer, m);
        return;
    }
    question_answer(&s->db, m);
    sqlite_returned(s, m);
}

void sqlite_recover(journal *j, journal_answer done, void *data)
{
    ask(j, message_new(MESSAGE_RECOVER), done, data);
}

void sqlite_find_runs(journal *j, const journal_filter *filter, journal_answer done, void *data)
{
    message *m = message_new(MESSAGE_FIND);
    if (m) {
        m->as.filter.run = message_text(m, filter->run);
        m->as.filter.playbook = message_text(m, filter->playbook);
        m->as.filter.account = message_text(m, filter->account);
        m->as.filter.region = message_text(m, filter->region);
        m->as.filter.finding = message_text(m, filter->finding);
        m->as.filter.outcome = message_text(m, filter->outcome);
        m->as.filter.before = message_text(m, filter->before);
        m->as.filter.since = filter->since_ms;
        m->as.filter.until = filter->until_ms;
        m->as.filter.most = filter->most;
    }
    ask(j, m, done, data);
}

void sqlite_read_run(journal *j, const char *run, journal_answer done, void *data)
{
    message *m = message_new(MESSAGE_READ);
    if (m) m->as.filter.run = message_text(m, run);
    ask(j, m, done, data);
}

void sqlite_prune(journal *j, int64_t before_ms, journal_answer done, void *data)
{
    sqlite_journal *s = (sqlite_journal *)j;
    if (!s->writer) {
        rip_error err;
        rip_fail(&err, RIP_EDENIED, "the journal was opened to look at only");
        done(data, err.status, NULL, &err);
        return;
    }
    message *m = message_new(MESSAGE_PRUNE);
    if (m) m->as.prune.before = before_ms;
    ask(j, m, done, data);
}
