#include "engine/run/plan.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/text.h"
#include "engine/run/plan_text.h"
#include "engine/run/unknown.h"

#define PATH_MAX_BYTES 512
#define TIMES_MOST 1000 /* of the run that carries it out: the last ones */

struct run_plan {
    json_t *lines;
    bool *used;
    run_unknowns *unknowns; /* of the run that planned */
    plan_bindings bindings;
    json_t *times; /* that this run was told */
    aws_models *models;
};

/* Lines. */

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

/* A walk over the texts of a value, with their paths ("taskDefinition.taskDefinitionArn", "tasks.0.taskArn"). */
typedef void (*on_text)(void *data, const char *path, const char *text);

static void walk_texts(const json_t *value, char path[PATH_MAX_BYTES], on_text found, void *data)
{
    size_t len = strlen(path), i;
    const char *key;
    json_t *each;
    if (json_is_string(value)) found(data, path, json_string_value(value));
    json_array_foreach (value, i, each) {
        snprintf(path + len, PATH_MAX_BYTES - len, "%s%zu", len ? "." : "", i);
        walk_texts(each, path, found, data);
        path[len] = '\0';
    }
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        snprintf(path + len, PATH_MAX_BYTES - len, "%s%s", len ? "." : "", key);
        walk_texts(each, path, found, data);
        path[len] = '\0';
    }
}

/* What is looked for in the texts of a line. */
typedef struct search {
    const run_unknowns *unknowns;
    json_t *returns; /* {path: text with a made-up value} */
    bool has_time;
} search;

static void note_made_up(void *data, const char *path, const char *text)
{
    search *s = data;
    if (run_unknown_in(s->unknowns, text)) json_object_set_new(s->returns, path, json_string(text));
}

static void note_time(void *data, const char *path, const char *text)
{
    search *s = data;
    (void)path;
    s->has_time = s->has_time || plan_has_time(text);
}

static bool has_number(const json_t *value)
{
    const char *key;
    json_t *each;
    size_t i;
    if (json_is_integer(value)) return true;
    json_array_foreach (value, i, each) {
        if (has_number(each)) return true;
    }
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        if (has_number(each)) return true;
    }
    return false;
}

static json_t *planned_line(const run_unknowns *unknowns, const journal_step *step, json_t *times)
{
    json_t *line = line_of(step->request), *params = json_object_get(line, "params");
    char path[PATH_MAX_BYTES] = "";
    search s = {unknowns, json_object(), false};
    walk_texts(step->reply, path, note_made_up, &s);
    if (json_object_size(s.returns) > 0) json_object_set(line, "returns", s.returns);
    json_decref(s.returns);
    *path = '\0';
    walk_texts(params, path, note_time, &s);
    if (json_array_size(times) > 0 && (s.has_time || has_number(params)))
        json_object_set_new(line, "times", json_copy(times));
    return line;
}

json_t *run_plan_lines(journal *j, const char *run)
{
    json_t *lines = json_array(), *times = json_array();
    run_unknowns *unknowns = run_unknowns_new(run);
    for (size_t i = 0; unknowns && i < journal_step_count(j, run); i++) {
        const journal_step *step = journal_step_at(j, run, i);
        if (step->state != JOURNAL_FINISHED) continue;
        if (strcmp(step->kind, "now") == 0 && json_array_size(times) < TIMES_MOST)
            json_array_append(times, step->reply);
        if (step->is_change && strcmp(step->outcome, "planned") == 0)
            json_array_append_new(lines, planned_line(unknowns, step, times));
    }
    json_decref(times);
    run_unknowns_free(unknowns);
    return lines;
}

rip_status run_plan_new(json_t *lines, const char *planned_by, aws_models *models, run_plan **out, rip_error *err)
{
    run_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return rip_nomem(err);
    plan->lines = json_incref(lines);
    plan->used = calloc(json_array_size(lines) + 1, sizeof *plan->used);
    plan->unknowns = run_unknowns_new(planned_by);
    plan->bindings.pairs = json_array();
    plan->times = json_array();
    plan->models = models;
    if (!plan->used || !plan->unknowns || !plan->bindings.pairs || !plan->times) {
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
    json_decref(plan->bindings.pairs);
    json_decref(plan->times);
    free(plan->used);
    free(plan);
}

/* Is a change the one that a line tells of? */

typedef struct comparison {
    const run_plan *plan;
    const json_t *times;  /* that the planning run was told before this line */
    const json_t *people; /* paths of texts for people */
} comparison;

static bool is_for_people(const comparison *c, const char *path)
{
    json_t *each;
    size_t i;
    json_array_foreach (c->people, i, each) {
        if (strcmp(json_string_value(each), path) == 0) return true;
    }
    return false;
}

static bool agrees_text(const comparison *c, const char *planned, const char *actual)
{
    char *expected = plan_resolve(&c->plan->bindings, c->plan->unknowns, planned);
    bool agree = expected && plan_same_but_times(expected, actual, c->times, c->plan->times);
    free(expected);
    return agree;
}

/* Equal, or a time as each run was told it, in milliseconds or seconds. */
static bool agrees_number(const comparison *c, const json_t *planned, const json_t *actual)
{
    json_t *before, *now;
    size_t i, k;
    if (json_equal(planned, actual)) return true;
    if (!json_is_integer(planned) || !json_is_integer(actual)) return false;
    json_int_t a = json_integer_value(planned), b = json_integer_value(actual);
    json_array_foreach (c->times, i, before) {
        json_array_foreach (c->plan->times, k, now) {
            json_int_t then = json_integer_value(before), told = json_integer_value(now);
            if ((a == then && b == told) || (a == then / 1000 && b == told / 1000)) return true;
        }
    }
    return false;
}

static bool agrees(const comparison *c, char path[PATH_MAX_BYTES], const json_t *planned, const json_t *actual)
{
    size_t len = strlen(path), i;
    const char *key;
    json_t *each;
    if (is_for_people(c, path)) return json_is_string(planned) && json_is_string(actual);
    if (json_is_string(planned) && json_is_string(actual))
        return agrees_text(c, json_string_value(planned), json_string_value(actual));
    if (json_is_array(planned) && json_is_array(actual)) {
        if (json_array_size(planned) != json_array_size(actual)) return false;
        json_array_foreach (planned, i, each) {
            if (!agrees(c, path, each, json_array_get(actual, i))) return false;
        }
        return true;
    }
    if (!json_is_object(planned) || !json_is_object(actual)) return agrees_number(c, planned, actual);
    if (json_object_size(planned) != json_object_size(actual)) return false;
    json_object_foreach ((json_t *)(uintptr_t)planned, key, each) {
        const json_t *other = json_object_get(actual, key);
        snprintf(path + len, PATH_MAX_BYTES - len, "%s%s", len ? "." : "", key);
        bool same = other && agrees(c, path, each, other);
        path[len] = '\0';
        if (!same) return false;
    }
    return true;
}

static const json_t *texts_for_people(const run_plan *plan, const json_t *line)
{
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    rip_error err;
    if (aws_models_service(plan->models, rip_text(line, "service"), &service, &err) != RIP_OK ||
        aws_service_operation(service, rip_text(line, "operation"), &operation, &err) != RIP_OK)
        return NULL;
    return aws_operation_texts_for_people(operation);
}

static bool is_line(const run_plan *plan, const json_t *line, const json_t *wanted)
{
    static const char *const PLACES[] = {"service", "operation", "region", "account"};
    char path[PATH_MAX_BYTES] = "";
    comparison c = {plan, json_object_get(line, "times"), NULL};
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        const json_t *planned = json_object_get(line, PLACES[i]), *actual = json_object_get(wanted, PLACES[i]);
        if (planned != actual && !(planned && actual && agrees(&c, path, planned, actual))) return false;
    }
    c.people = texts_for_people(plan, line);
    const json_t *planned = json_object_get(line, "params"), *actual = json_object_get(wanted, "params");
    return planned == actual || (planned && actual && agrees(&c, path, planned, actual));
}

int run_plan_take(run_plan *plan, const json_t *request)
{
    for (size_t i = 0; i < json_array_size(plan->lines); i++) {
        if (plan->used[i] || !is_line(plan, json_array_get(plan->lines, i), request)) continue;
        plan->used[i] = true;
        return (int)i;
    }
    return -1;
}

void run_plan_give_back(run_plan *plan, int line)
{
    if (line >= 0) plan->used[line] = false;
}

static const json_t *at_path(const json_t *value, const char *path)
{
    while (*path && value) {
        size_t len = strcspn(path, ".");
        value = json_is_array(value) ? json_array_get(value, (size_t)strtoul(path, NULL, 10))
                                     : json_object_getn(value, path, len);
        path += len + (path[len] == '.');
    }
    return value;
}

void run_plan_bind(run_plan *plan, int line, const json_t *reply)
{
    const char *path;
    json_t *made_up;
    if (line < 0) return;
    json_object_foreach (json_object_get(json_array_get(plan->lines, (size_t)line), "returns"), path, made_up) {
        const char *real = json_string_value(at_path(reply, path));
        if (real) plan_bind(&plan->bindings, plan->unknowns, json_string_value(made_up), real);
    }
}

void run_plan_told_time(run_plan *plan, int64_t ms)
{
    if (json_array_size(plan->times) >= TIMES_MOST) json_array_remove(plan->times, 0);
    json_array_append_new(plan->times, json_integer(ms));
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
    json_t *plain = json_array(), *line;
    size_t i;
    json_array_foreach (lines, i, line) json_array_append_new(plain, line_of(line));
    json_t *copy = unknowns ? run_unknown_mask(unknowns, plain) : json_incref(plain);
    json_decref(plain);
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
