#include "engine/run/plan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/unknown.h"

struct run_plan {
    json_t *lines;
    bool *used;
    run_unknowns *unknowns; /* of the run that planned */
};

static json_t *line_of(const json_t *request)
{
    static const char *const KEYS[] = {"service", "operation", "params", "region", "account"};
    json_t *line = json_object();
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        json_t *value = json_object_get(request, KEYS[i]);
        if (value) json_object_set(line, KEYS[i], value);
    }
    return line;
}

json_t *run_plan_lines(journal *j, const char *run)
{
    json_t *lines = json_array();
    for (size_t i = 0; i < journal_step_count(j, run); i++) {
        const journal_step *step = journal_step_at(j, run, i);
        bool planned = step->is_change && step->state == JOURNAL_FINISHED && strcmp(step->outcome, "planned") == 0;
        if (planned) json_array_append_new(lines, line_of(step->request));
    }
    return lines;
}

rip_status run_plan_new(json_t *lines, const char *planned_by, run_plan **out, rip_error *err)
{
    run_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return rip_nomem(err);
    plan->lines = json_incref(lines);
    plan->used = calloc(json_array_size(lines) + 1, sizeof *plan->used);
    plan->unknowns = run_unknowns_new(planned_by);
    if (!plan->used || !plan->unknowns) {
        run_plan_free(plan);
        return rip_nomem(err);
    }
    *out = plan;
    return RIP_OK;
}

void run_plan_free(run_plan *plan)
{
    if (!plan) return;
    json_decref(plan->lines);
    run_unknowns_free(plan->unknowns);
    free(plan->used);
    free(plan);
}

/* Equal, where a value that was made up for the plan equals any of its kind. */
static bool agrees(const run_unknowns *unknowns, const json_t *planned, const json_t *actual)
{
    if (json_is_string(planned) && run_unknown_in(unknowns, json_string_value(planned))) return json_is_string(actual);
    if (json_is_array(planned) && json_is_array(actual)) {
        if (json_array_size(planned) != json_array_size(actual)) return false;
        for (size_t i = 0; i < json_array_size(planned); i++) {
            if (!agrees(unknowns, json_array_get(planned, i), json_array_get(actual, i))) return false;
        }
        return true;
    }
    if (!json_is_object(planned) || !json_is_object(actual)) return json_equal(planned, actual);
    if (json_object_size(planned) != json_object_size(actual)) return false;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)planned, key, value) {
        const json_t *other = json_object_get(actual, key);
        if (!other || !agrees(unknowns, value, other)) return false;
    }
    return true;
}

bool run_plan_allows(run_plan *plan, const json_t *request)
{
    json_t *wanted = line_of(request);
    bool found = false;
    for (size_t i = 0; i < json_array_size(plan->lines) && !found; i++) {
        found = !plan->used[i] && agrees(plan->unknowns, json_array_get(plan->lines, i), wanted);
        if (found) plan->used[i] = true;
    }
    json_decref(wanted);
    return found;
}

void run_plan_gives_back(run_plan *plan, const json_t *request)
{
    json_t *wanted = line_of(request);
    bool found = false;
    for (size_t i = 0; i < json_array_size(plan->lines) && !found; i++) {
        found = plan->used[i] && agrees(plan->unknowns, json_array_get(plan->lines, i), wanted);
        if (found) plan->used[i] = false;
    }
    json_decref(wanted);
}

/* The lines of `lines` that `other` does not have. Both sides may hold made-up values: they are blotted out first. */
static json_t *only_in(const json_t *lines, const json_t *other)
{
    json_t *rest = json_copy((json_t *)(uintptr_t)other), *only = json_array();
    size_t i, k;
    json_t *line, *same;
    json_array_foreach (lines, i, line) {
        bool found = false;
        json_array_foreach (rest, k, same) {
            found = json_equal(line, same);
            if (found) {
                json_array_remove(rest, k);
                break;
            }
        }
        if (!found) json_array_append(only, line);
    }
    json_decref(rest);
    return only;
}

static json_t *blotted(const json_t *lines, const char *run)
{
    run_unknowns *unknowns = run_unknowns_new(run);
    json_t *copy = unknowns ? run_unknown_mask(unknowns, lines) : json_incref((json_t *)(uintptr_t)lines);
    run_unknowns_free(unknowns);
    return copy;
}

json_t *run_plan_difference(json_t *before, const char *before_run, json_t *after, const char *after_run)
{
    json_t *old = blotted(before, before_run), *new = blotted(after, after_run);
    json_t *difference = json_pack("{s:o, s:o}", "added", only_in(new, old), "removed", only_in(old, new));
    json_decref(old);
    json_decref(new);
    return difference;
}
