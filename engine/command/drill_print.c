/* What a drill came to, for people and for programs. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/command/drill_private.h"
#include "engine/command/expect.h"
#include "engine/command/report.h"
#include "engine/command/terminal.h"

static void print_quotas(const drill *d)
{
    const char *name;
    json_t *group;
    json_int_t bound = json_integer_value(json_object_get(d->quotas, "bound_ms"));
    char contained[32], least[32];
    report_span(d->containment_ms, contained);
    report_span(bound, least);
    terminal_print(stdout, TERMINAL_BOLD, "Containment took %s", contained);
    printf(" (virtual).\nThe request quotas allow no less than %s", least);
    if (bound > 0) printf(": %.3f times that", (double)d->containment_ms / (double)bound);
    puts(".");
    json_object_foreach (json_object_get(d->quotas, "groups"), name, group) {
        json_int_t own = json_integer_value(json_object_get(group, "bound_ms"));
        if (own <= 0) continue;
        report_span(own, least);
        printf("  %-28s %5" JSON_INTEGER_FORMAT " calls: at least %s\n", name,
               json_integer_value(json_object_get(group, "calls")), least);
    }
}

static void print_results(const drill *d)
{
    size_t i;
    json_t *result;
    terminal_print(stdout, TERMINAL_BOLD, "Expected\n");
    json_array_foreach (d->results, i, result) {
        bool met = json_is_true(json_object_get(result, "met"));
        const char *found = json_string_value(json_object_get(result, "found"));
        fputs("  ", stdout);
        terminal_print(stdout, met ? TERMINAL_GREEN : TERMINAL_RED, met ? "met    " : "NOT MET");
        fputs("  ", stdout);
        terminal_wrap(stdout, 11, 11, json_string_value(json_object_get(result, "expected")));
        if (!found) continue;
        fputs("           found: ", stdout);
        terminal_wrap(stdout, 18, 18, found);
    }
}

void drill_print_text(const drill *d)
{
    size_t i, count;
    json_t *entry;
    const char *about = json_string_value(json_object_get(d->scenario, "about"));
    terminal_print(stdout, TERMINAL_BOLD, "Drill ");
    terminal_quote(stdout, TERMINAL_BOLD, json_string_value(json_object_get(d->scenario, "name")), 64);
    printf(" (%s)\n  ", rip_config_string(d->engine.config, "mode"));
    terminal_wrap(stdout, 2, 2, about ? about : "");
    terminal_print(stdout, TERMINAL_BOLD, "\nWhat came in\n");
    json_array_foreach (d->findings, i, entry) {
        report_finding(stdout, json_object_get(entry, "finding"), json_string_value(json_object_get(entry, "origin")),
                       0);
    }
    count = dispatch_count(d->engine.dispatch).unwanted;
    if (count) printf("and %zu event%s that no playbook wants\n", count, count == 1 ? "" : "s");
    terminal_print(stdout, TERMINAL_BOLD, drill_acts(d) ? "\nWhat was done\n" : "\nWhat would be done\n");
    json_array_foreach (d->runs, i, entry) report_run(stdout, entry, d->verbose);
    putchar('\n');
    if (drill_acts(d)) {
        print_quotas(d);
        putchar('\n');
    }
    print_results(d);
}

void drill_print_json(const drill *d)
{
    json_t *all = json_pack("{s:O, s:s, s:O, s:O, s:I, s:O, s:O}", "name", json_object_get(d->scenario, "name"), "mode",
                            rip_config_string(d->engine.config, "mode"), "findings", d->findings, "runs", d->runs,
                            "containment_ms", d->containment_ms, "quotas", d->quotas, "expectations", d->results);
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
}
