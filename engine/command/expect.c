#include "engine/command/expect.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/glob.h"
#include "engine/base/json.h"

#define NAMES_TOLD 5

static void note(json_t *results, bool met, const char *found, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void note(json_t *results, bool met, const char *found, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_t *expected = json_vsprintf(format, args);
    va_end(args);
    json_array_append_new(results,
                          json_pack("{s:o, s:b, s:s?}", "expected", expected, "met", (int)met, "found", found));
}

static bool matches_any(const json_t *globs, const char *arn)
{
    size_t i;
    json_t *glob;
    json_array_foreach (globs, i, glob) {
        if (rip_glob_match(json_string_value(glob), arn)) return true;
    }
    return false;
}

/* ARNs told as "a, b, c and 4 more". */
typedef struct names {
    rip_buffer text;
    size_t count;
} names;

static void names_add(names *list, const char *arn, const char *what)
{
    if (list->count < NAMES_TOLD) rip_buffer_printf(&list->text, "%s%s%s", list->count ? ", " : "", what, arn);
    list->count++;
}

static const char *names_text(names *list)
{
    if (list->count > NAMES_TOLD) rip_buffer_printf(&list->text, " and %zu more", list->count - NAMES_TOLD);
    return list->text.data;
}

static void check_gone(json_t *results, const json_t *globs, const expect_outcome *outcome)
{
    size_t i;
    json_t *glob, *value;
    const char *arn;
    json_array_foreach (globs, i, glob) {
        size_t before = 0;
        names left = {0};
        json_object_foreach ((json_t *)(uintptr_t)outcome->before, arn, value) {
            if (rip_glob_match(json_string_value(glob), arn)) before++;
        }
        json_object_foreach ((json_t *)(uintptr_t)outcome->after, arn, value) {
            if (rip_glob_match(json_string_value(glob), arn)) names_add(&left, arn, "");
        }
        const char *found = before == 0 ? "there was none to begin with" : left.count ? names_text(&left) : NULL;
        note(results, before > 0 && left.count == 0, found, "gone: %s (%zu)", json_string_value(glob), before);
        rip_buffer_free(&left.text);
    }
}

static void check_kept(json_t *results, const json_t *globs, const expect_outcome *outcome)
{
    size_t i;
    json_t *glob, *value;
    const char *arn;
    json_array_foreach (globs, i, glob) {
        size_t before = 0;
        names differ = {0};
        json_object_foreach ((json_t *)(uintptr_t)outcome->before, arn, value) {
            if (!rip_glob_match(json_string_value(glob), arn)) continue;
            before++;
            const json_t *now = json_object_get(outcome->after, arn);
            if (!now)
                names_add(&differ, arn, "gone: ");
            else if (!json_equal(now, value))
                names_add(&differ, arn, "changed: ");
        }
        const char *found = before == 0 ? "there was none to begin with" : differ.count ? names_text(&differ) : NULL;
        note(results, before > 0 && differ.count == 0, found, "kept: %s (%zu)", json_string_value(glob), before);
        rip_buffer_free(&differ.text);
    }
}

static bool has_fields(const json_t *value, const json_t *fields)
{
    const char *key;
    json_t *wanted;
    json_object_foreach ((json_t *)(uintptr_t)fields, key, wanted) {
        if (!json_equal(json_object_get(value, key), wanted)) return false;
    }
    return true;
}

static void check_changed(json_t *results, const json_t *changed, const expect_outcome *outcome)
{
    const char *glob, *arn;
    json_t *fields, *value;
    json_object_foreach ((json_t *)(uintptr_t)changed, glob, fields) {
        size_t count = 0;
        names wrong = {0};
        json_object_foreach ((json_t *)(uintptr_t)outcome->after, arn, value) {
            if (!rip_glob_match(glob, arn)) continue;
            count++;
            if (!has_fields(value, fields)) names_add(&wrong, arn, "");
        }
        char *text = rip_json_dump(fields, JSON_COMPACT);
        const char *found = count == 0 ? "it is not there" : wrong.count ? names_text(&wrong) : NULL;
        note(results, count > 0 && wrong.count == 0, found, "changed: %s has %s", glob, text ? text : "");
        free(text);
        rip_buffer_free(&wrong.text);
    }
}

static bool changes_expected(const json_t *changed, const char *arn)
{
    const char *glob;
    json_t *fields;
    json_object_foreach ((json_t *)(uintptr_t)changed, glob, fields) {
        if (rip_glob_match(glob, arn)) return true;
    }
    return false;
}

static void check_untouched(json_t *results, const json_t *expect, const expect_outcome *outcome)
{
    const json_t *gone = json_object_get(expect, "gone"), *changed = json_object_get(expect, "changed"),
                 *created = json_object_get(expect, "created");
    names differ = {0};
    size_t same = 0;
    const char *arn;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)outcome->before, arn, value) {
        if (matches_any(gone, arn) || changes_expected(changed, arn)) continue;
        const json_t *now = json_object_get(outcome->after, arn);
        if (!now)
            names_add(&differ, arn, "gone: ");
        else if (!json_equal(now, value))
            names_add(&differ, arn, "changed: ");
        else
            same++;
    }
    json_object_foreach ((json_t *)(uintptr_t)outcome->after, arn, value) {
        if (!json_object_get(outcome->before, arn) && !matches_any(created, arn) && !changes_expected(changed, arn)) {
            names_add(&differ, arn, "new: ");
        }
    }
    note(results, differ.count == 0, names_text(&differ), "untouched: all else (%zu resources)", same);
    rip_buffer_free(&differ.text);
}

static void check_runs(json_t *results, const json_t *runs, const expect_outcome *outcome)
{
    const char *playbook;
    json_t *wanted, *run;
    size_t i;
    json_object_foreach ((json_t *)(uintptr_t)runs, playbook, wanted) {
        const char *found = NULL;
        json_array_foreach (outcome->runs, i, run) {
            if (strcmp(json_string_value(json_object_get(run, "playbook")), playbook) == 0) {
                found = json_string_value(json_object_get(run, "outcome"));
                if (found && strcmp(found, json_string_value(wanted)) != 0) break;
            }
        }
        bool met = found && strcmp(found, json_string_value(wanted)) == 0;
        note(results, met,
             met     ? NULL
             : found ? found
                     : "it did not run",
             "run: %s is %s", playbook, json_string_value(wanted));
    }
    json_array_foreach (outcome->runs, i, run) {
        const char *name = json_string_value(json_object_get(run, "playbook"));
        if (!json_object_get(runs, name)) note(results, false, "it ran", "run: %s does not run", name);
    }
}

/* The phases in the order of their first changes, over all runs. */
static json_t *phases_of(const json_t *runs)
{
    json_t *phases = json_array();
    size_t i, k, p;
    json_t *run, *change, *known;
    json_array_foreach (runs, i, run) {
        json_array_foreach (json_object_get(run, "changes"), k, change) {
            json_t *phase = json_object_get(change, "phase");
            bool seen = !*json_string_value(phase);
            json_array_foreach (phases, p, known) seen = seen || json_equal(known, phase);
            if (!seen) json_array_append(phases, phase);
        }
    }
    return phases;
}

static void check_order(json_t *results, const json_t *order, const expect_outcome *outcome)
{
    json_t *phases = phases_of(outcome->runs);
    bool met = json_equal(phases, order);
    char *wanted = rip_json_dump(order, JSON_COMPACT), *found = rip_json_dump(phases, JSON_COMPACT);
    note(results, met, met ? NULL : found, "order: %s", wanted ? wanted : "");
    free(wanted);
    free(found);
    json_decref(phases);
}

static void check_times(json_t *results, const json_t *expect, const expect_outcome *outcome)
{
    const json_t *within = json_object_get(expect, "contained_within"), *ratio = json_object_get(expect, "quota_ratio");
    char found[96];
    if (within) {
        snprintf(found, sizeof found, "%.3f s", (double)outcome->containment_ms / 1000);
        note(results, outcome->containment_ms <= json_integer_value(within), found, "contained within %.1f s",
             json_number_value(within) / 1000);
    }
    if (ratio) {
        double is = outcome->bound_ms > 0 ? (double)outcome->containment_ms / (double)outcome->bound_ms : 0;
        snprintf(found, sizeof found, "%.3f", is);
        note(results, outcome->bound_ms > 0 && is <= json_number_value(ratio), found,
             "at most %.2f times what the request quotas allow", json_number_value(ratio));
    }
}

static const char *const KEYS[] = {
    "runs", "gone", "kept", "changed", "created", "untouched", "order", "contained_within", "quota_ratio"};

const char *expect_unknown_key(const json_t *expect)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)expect, key, value) {
        bool known = false;
        for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) known = known || strcmp(KEYS[i], key) == 0;
        if (!known) return key;
    }
    return NULL;
}

json_t *expect_compare(const json_t *expect, const expect_outcome *outcome)
{
    json_t *results = json_array();
    if (json_object_get(expect, "runs")) check_runs(results, json_object_get(expect, "runs"), outcome);
    check_gone(results, json_object_get(expect, "gone"), outcome);
    check_kept(results, json_object_get(expect, "kept"), outcome);
    check_changed(results, json_object_get(expect, "changed"), outcome);
    if (json_is_true(json_object_get(expect, "untouched"))) check_untouched(results, expect, outcome);
    if (json_object_get(expect, "order")) check_order(results, json_object_get(expect, "order"), outcome);
    check_times(results, expect, outcome);
    return results;
}
