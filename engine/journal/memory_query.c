/* Questions to the journal in memory. */
#include <string.h>

#include "engine/base/text.h"
#include "engine/journal/memory.h"

/* Whether a run has more to come: it has not ended, or waits for a person. */
static bool is_open(const json_t *record)
{
    static const char *const WAITING[] = {"", "waiting", "uncertain", "parked", "paused"};
    const char *outcome = rip_text(record, "outcome");
    for (size_t i = 0; i < sizeof WAITING / sizeof *WAITING; i++) {
        if (strcmp(outcome, WAITING[i]) == 0) return true;
    }
    return false;
}

void memory_recover(journal *j, journal_answer done, void *data)
{
    memory_journal *memory = (memory_journal *)j;
    json_t *all = json_array();
    for (size_t i = 0; i < memory->count; i++) {
        const run_log *log = memory->logs[i];
        const char *outcome = log ? rip_text(log->record, "outcome") : "done";
        if (*outcome && strcmp(outcome, "waiting") != 0 && strcmp(outcome, "paused") != 0) continue;
        json_t *entry = json_pack("{s:O}", "record", log->record);
        if (entry && log->finding) json_object_set(entry, "finding", log->finding);
        json_array_append_new(all, entry);
    }
    rip_error err = {RIP_OK, ""};
    done(data, RIP_OK, all, &err);
    json_decref(all);
}

static bool has_outcome(const json_t *record, const char *wanted)
{
    const char *outcome = rip_text(record, "outcome");
    bool began = json_object_get(record, "started");
    if (strcmp(wanted, "open") == 0) return is_open(record);
    if (strcmp(wanted, "queued") == 0) return !*outcome && !began;
    if (strcmp(wanted, "running") == 0) return !*outcome && began;
    return strcmp(outcome, wanted) == 0;
}

static bool equals(const char *wanted, const json_t *object, const char *key)
{
    return !wanted || strcmp(rip_text(object, key), wanted) == 0;
}

static bool selects(const journal_filter *filter, const json_t *record)
{
    const json_t *finding = json_object_get(record, "finding");
    json_int_t queued = json_integer_value(json_object_get(record, "queued"));
    return equals(filter->run, record, "id") && equals(filter->playbook, record, "playbook") &&
           equals(filter->account, finding, "account") && equals(filter->region, finding, "region") &&
           equals(filter->finding, finding, "id") && (!filter->outcome || has_outcome(record, filter->outcome)) &&
           (!filter->since_ms || queued >= filter->since_ms) && (!filter->until_ms || queued < filter->until_ms);
}

static json_t *line_of(const run_log *log)
{
    json_t *line = json_copy(log->record);
    json_int_t changes = 0;
    for (size_t i = 0; i < log->count; i++) changes += log->steps[i]->is_change;
    json_object_del(line, "text");
    json_object_del(line, "sources");
    json_object_set_new(line, "steps", json_integer((json_int_t)log->count));
    json_object_set_new(line, "changes", json_integer(changes));
    return line;
}

void memory_find_runs(journal *j, const journal_filter *filter, journal_answer done, void *data)
{
    memory_journal *memory = (memory_journal *)j;
    json_t *found = json_array();
    size_t most = filter->most ? filter->most : 100;
    bool reached = !filter->before;
    for (size_t i = memory->count; i-- > 0 && json_array_size(found) < most;) {
        const run_log *log = memory->logs[i];
        if (!log) continue;
        if (reached && selects(filter, log->record)) json_array_append_new(found, line_of(log));
        if (!reached) reached = strcmp(rip_text(log->record, "id"), filter->before) == 0;
    }
    rip_error err = {RIP_OK, ""};
    done(data, RIP_OK, found, &err);
    json_decref(found);
}

/* The run with this id, or the only one whose id begins so. */
static run_log *named(memory_journal *memory, const char *name, rip_error *err)
{
    run_log *found = memory_log(&memory->base, name);
    if (found) return found;
    for (size_t i = 0; i < memory->count && *name; i++) {
        run_log *log = memory->logs[i];
        if (!log || strncmp(rip_text(log->record, "id"), name, strlen(name)) != 0) continue;
        if (found) {
            rip_fail(err, RIP_EINVAL, "more than one run begins with %s: give more of its id", name);
            return NULL;
        }
        found = log;
    }
    if (!found) rip_fail(err, RIP_ENOTFOUND, "there is no run %s", name);
    return found;
}

void memory_read_run(journal *j, const char *run, journal_answer done, void *data)
{
    rip_error err = {RIP_OK, ""};
    run_log *log = named((memory_journal *)j, run, &err);
    if (!log) {
        done(data, err.status, NULL, &err);
        return;
    }
    json_t *steps = json_array();
    for (size_t i = 0; i < log->count; i++) json_array_append_new(steps, journal_step_to_json(log->steps[i]));
    json_t *decisions = json_object_get(log->record, "decisions");
    json_t *whole = json_pack("{s:O, s:o, s:o}", "record", log->record, "steps", steps, "decisions",
                              decisions ? json_incref(decisions) : json_array());
    if (log->finding) json_object_set(whole, "finding", log->finding);
    done(data, RIP_OK, whole, &err);
    json_decref(whole);
}
