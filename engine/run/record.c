#include "engine/run/record.h"

#include <string.h>

#include "engine/run/preflight.h"
#include "engine/run/unknown.h"

json_t *record_queued(const char *id, const rip_playbook *playbook, const json_t *finding, const char *mode,
                      int64_t now_ms)
{
    json_t *brief = json_object();
    static const char *const KEYS[] = {"id",    "version",  "source",  "form",   "kind",
                                       "title", "severity", "account", "region", "partition"};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        json_t *value = json_object_get(finding, KEYS[i]);
        if (value) json_object_set(brief, KEYS[i], value);
    }
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:I}", "id", id, "playbook", playbook->name, "file", playbook->path,
                     "finding", brief, "mode", mode, "queued", (json_int_t)now_ms);
}

json_t *record_begin(const char *id, const rip_playbook *playbook, const char *library, const char *mode,
                     int64_t now_ms)
{
    return json_pack("{s:s, s:O, s:s, s:s, s:I}", "id", id, "text", playbook->shared_text, "library", library, "mode",
                     mode, "started", (json_int_t)now_ms);
}

bool record_is_well(const json_t *record)
{
    static const char *const WELL[] = {"done", "planned", "observed", "waiting"};
    const char *outcome = json_string_value(json_object_get(record, "outcome"));
    for (size_t i = 0; outcome && i < sizeof WELL / sizeof *WELL; i++) {
        if (strcmp(outcome, WELL[i]) == 0) return true;
    }
    return json_object_get(record, "next");
}

static json_t *operation_name(const json_t *request)
{
    return json_sprintf("%s:%s", json_string_value(json_object_get(request, "service")),
                        json_string_value(json_object_get(request, "operation")));
}

static json_t *step_name(const journal_step *step)
{
    return json_sprintf("%s%s%u", step->path, *step->path ? "/" : "", step->number);
}

static void copy_field(json_t *to, const json_t *from, const char *key)
{
    json_t *value = json_object_get(from, key);
    if (value) json_object_set(to, key, value);
}

static json_t *change_of(const journal_step *step, int64_t started, const run_unknowns *unknowns)
{
    const char *state = step->state == JOURNAL_FINISHED ? step->outcome : "started";
    json_t *change =
        json_pack("{s:o, s:s, s:I, s:o, s:o, s:s}", "step", step_name(step), "phase", step->phase, "at",
                  (json_int_t)(step->started_ms - started), "operation", operation_name(step->request), "params",
                  run_unknown_mask(unknowns, json_object_get(step->request, "params")), "state", state);
    copy_field(change, step->request, "region");
    copy_field(change, step->request, "account");
    if (step->state == JOURNAL_FINISHED)
        json_object_set_new(change, "ms", json_integer(step->finished_ms - step->started_ms));
    if (strcmp(state, "failed") == 0 || strcmp(state, "refused") == 0) json_object_set(change, "error", step->reply);
    if (step->undo)
        json_object_set_new(change, "undo", run_unknown_mask(unknowns, step->undo));
    else if (step->irreversible)
        json_object_set_new(change, "irreversible", json_string(step->irreversible));
    return change;
}

static void count_call(json_t *calls, const journal_step *step)
{
    json_t *name = operation_name(step->request);
    json_int_t before = json_integer_value(json_object_get(calls, json_string_value(name)));
    json_object_set_new(calls, json_string_value(name), json_integer(before + 1));
    json_decref(name);
}

typedef struct lists {
    json_t *changes, *left_alone, *evidence, *log, *calls;
    json_t *verdicts; /* of a preflight; borrowed */
    json_int_t reads, failed_reads;
} lists;

static void add_step(lists *to, const journal_step *step, int64_t started, const run_unknowns *unknowns)
{
    if (strcmp(step->kind, "aws") == 0) {
        bool refused = step->state == JOURNAL_FINISHED && strcmp(step->outcome, "refused") == 0;
        count_call(to->calls, step);
        if (step->is_change || refused) {
            to->failed_reads += refused && !step->is_change;
            json_array_append_new(to->changes, change_of(step, started, unknowns));
            return;
        }
        to->reads++;
        if (json_is_true(json_object_get(json_object_get(step->request, "params"), "DryRun"))) return; /* it never is */
        bool well = step->state == JOURNAL_FINISHED &&
                    (strcmp(step->outcome, "done") == 0 || strcmp(step->outcome, "foreseen") == 0);
        to->failed_reads += !well;
        return;
    }
    if (strcmp(step->kind, "preflight") == 0) to->verdicts = json_object_get(step->request, "verdicts");
    json_t *list = strcmp(step->kind, "left-alone") == 0 ? to->left_alone
                   : strcmp(step->kind, "evidence") == 0 ? to->evidence
                   : strcmp(step->kind, "log") == 0      ? to->log
                                                         : NULL;
    if (!list) return;
    json_t *entry = run_unknown_mask(unknowns, step->request);
    json_object_set_new(entry, "at", json_integer(step->started_ms - started));
    json_array_append_new(list, entry);
}

json_t *record_report(journal *j, const char *id)
{
    json_t *record = journal_run(j, id);
    run_unknowns *unknowns = record ? run_unknowns_new(id) : NULL;
    if (!unknowns) return NULL;
    int64_t started = json_integer_value(json_object_get(record, "started"));
    lists all = {json_array(), json_array(), json_array(), json_array(), json_object(), NULL, 0, 0};
    for (size_t i = 0; i < journal_step_count(j, id); i++) add_step(&all, journal_step_at(j, id, i), started, unknowns);
    run_unknowns_free(unknowns);
    preflight_mark(all.changes, all.verdicts);

    json_t *report = json_copy(record);
    static const char *const INNER[] = {"text", "sources", "plan", "approved", "undo"};
    for (size_t i = 0; i < sizeof INNER / sizeof *INNER; i++) json_object_del(report, INNER[i]);
    json_object_set_new(report, "changes", all.changes);
    json_object_set_new(report, "left_alone", all.left_alone);
    json_object_set_new(report, "evidence", all.evidence);
    json_object_set_new(report, "log", all.log);
    json_object_set_new(report, "calls", all.calls);
    json_object_set_new(report, "reads", json_integer(all.reads));
    json_object_set_new(report, "failed_reads", json_integer(all.failed_reads));
    return report;
}
