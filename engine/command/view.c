#include "engine/command/view.h"

#include <inttypes.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/text.h"
#include "engine/command/report.h"
#include "engine/command/terminal.h"
#include "engine/command/timeline.h"

#define LIST_COLUMN 19 /* where the second line of a run starts */

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

void view_age(int64_t ms, char out[16])
{
    int64_t seconds = ms > 0 ? ms / 1000 : 0;
    if (seconds < 100)
        snprintf(out, 16, "%" PRId64 "s", seconds);
    else if (seconds < INT64_C(100) * 60)
        snprintf(out, 16, "%" PRId64 "m", seconds / 60);
    else if (seconds < INT64_C(48) * 3600)
        snprintf(out, 16, "%" PRId64 "h", seconds / 3600);
    else
        snprintf(out, 16, "%" PRId64 "d", seconds / 86400);
}

const char *view_state(const json_t *record)
{
    const char *outcome = rip_text(record, "outcome");
    if (*outcome) return outcome;
    return json_object_get(record, "started") ? "running" : "queued";
}

static bool is_one_of(const char *word, const char *const *words)
{
    while (*words && strcmp(*words, word) != 0) words++;
    return *words != NULL;
}

static const char *const BAD[] = {"failed", "parked", "diverged", "outside-plan", "secret-lost", "uncertain", NULL};

static terminal_style state_style(const char *state)
{
    static const char *const WELL[] = {"done", "approved", "observed", NULL};
    if (is_one_of(state, WELL)) return TERMINAL_GREEN;
    return is_one_of(state, BAD) ? TERMINAL_RED : TERMINAL_YELLOW;
}

/* A list's line. */

void view_run_brief(FILE *out, const json_t *record, int64_t now_ms)
{
    const json_t *finding = json_object_get(record, "finding");
    const char *state = view_state(record);
    json_int_t changes = number(record, "changes");
    char age[16];
    view_age(now_ms - number(record, "queued"), age);
    terminal_quote(out, state_style(state), state, 12);
    int pad = 12 - (int)strlen(state);
    fprintf(out, "%*s %4s  ", pad > 0 ? pad : 0, "", age);
    terminal_quote(out, TERMINAL_BOLD, rip_text(record, "id"), 64);
    fputs("  ", out);
    terminal_quote(out, TERMINAL_PLAIN, rip_text(record, "playbook"), 64);
    fprintf(out, "\n%*s", LIST_COLUMN, "");
    terminal_wrapf(out, LIST_COLUMN, LIST_COLUMN, "%s %s in %s %s, %s, %" JSON_INTEGER_FORMAT " change%s",
                   rip_text(json_object_get(finding, "severity"), "label"), rip_text(finding, "kind"),
                   rip_text(finding, "account"), rip_text(finding, "region"), rip_text(record, "mode"), changes,
                   changes == 1 ? "" : "s");
}

void view_pauses(FILE *out, const json_t *pauses, int64_t now_ms)
{
    const char *scope;
    json_t *about;
    json_object_foreach ((json_t *)(uintptr_t)pauses, scope, about) {
        char age[16];
        const char *why = rip_text(about, "why");
        view_age(now_ms - number(about, "at"), age);
        terminal_print(out, TERMINAL_YELLOW, "paused");
        terminal_wrapf(out, LIST_COLUMN, 6, " %s, %s ago by %s%s%s", scope, age, rip_text(about, "who"),
                       *why ? ": " : "", why);
    }
}

/* One run. */

static void print_times(FILE *out, const json_t *record)
{
    json_int_t queued = number(record, "queued"), started = number(record, "started"),
               finished = number(record, "finished");
    char at[32], span[32];
    json_int_t first = queued ? queued : started;
    rip_time_format(first, at);
    fprintf(out, "  queued %s", at);
    if (queued && started) {
        report_span(started - queued, span);
        fprintf(out, ", began %s later", span);
    }
    if (finished) {
        report_span(finished - (started ? started : first), span);
        fprintf(out, ", %s %s", started ? "took" : "ended after", span);
    }
    fputc('\n', out);
}

/* Where it comes from, and what came of it. */
static void print_relations(FILE *out, const json_t *record)
{
    static const struct {
        const char *key, *what;
    } RELATIONS[] = {{"plan_of", "carries out the plan of"},
                     {"retry_of", "is a retry of"},
                     {"replan_of", "is a new plan after"},
                     {"undo_of", "takes back what was done by"},
                     {"next", "goes on as"}};
    for (size_t i = 0; i < sizeof RELATIONS / sizeof *RELATIONS; i++) {
        const char *other = rip_text(record, RELATIONS[i].key);
        if (!*other) continue;
        fprintf(out, "  %s ", RELATIONS[i].what);
        terminal_quote(out, TERMINAL_PLAIN, other, 64);
        fputc('\n', out);
    }
}

static void print_error(FILE *out, const json_t *record)
{
    const json_t *error = json_object_get(record, "error"), *detail = json_object_get(record, "detail");
    if (error) {
        fputs("  ", out);
        terminal_quote(out, TERMINAL_RED, rip_text(error, "status"), 32);
        terminal_wrapf(out, 4, 12, ": %s", rip_text(error, "message"));
    }
    if (json_is_object(detail)) timeline_detail(out, detail);
}

static void print_decisions(FILE *out, const json_t *whole)
{
    const json_t *decisions = json_object_get(whole, "decisions");
    size_t i;
    json_t *decision;
    if (json_array_size(decisions) == 0) return;
    terminal_print(out, TERMINAL_CYAN, "  decisions\n");
    json_array_foreach (decisions, i, decision) {
        char at[32];
        const char *why = rip_text(decision, "why");
        rip_time_format(number(decision, "at"), at);
        fputs("    ", out);
        terminal_wrapf(out, 6, 4, "%s by %s at %s%s%s", rip_text(decision, "decision"), rip_text(decision, "who"), at,
                       *why ? ": " : "", why);
    }
}

/* How long a plan waits, for whom, and how it differs from the one before it. */
static void print_terms(FILE *out, const json_t *whole, const json_t *record)
{
    json_int_t deadline = number(record, "deadline"), needed = number(record, "approvers"), have = 0;
    size_t i;
    json_t *decision;
    char until[32];
    if (!deadline) return;
    json_array_foreach (json_object_get(whole, "decisions"), i, decision) {
        have += strcmp(rip_text(decision, "decision"), "approve") == 0;
    }
    rip_time_format(deadline, until);
    fprintf(out, "  waits until %s; %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " people have approved\n", until,
            have, needed);
    timeline_detail(out, json_object_get(record, "difference"));
}

static void print_finding(FILE *out, const json_t *whole, const json_t *record)
{
    const json_t *finding = json_object_get(whole, "finding");
    report_finding(out, finding ? finding : json_object_get(record, "finding"), NULL, 0);
}

/* What a person can do about it now. */
static void print_help(FILE *out, const json_t *record, bool can_be_undone)
{
    const char *state = view_state(record), *id = rip_text(record, "id");
    if (strcmp(state, "waiting") == 0)
        terminal_wrapf(out, 2, 0, "It waits for approval: riposte approve %s, or riposte deny %s.", id, id);
    else if (strcmp(state, "uncertain") == 0)
        terminal_wrapf(out, 2, 0, "Look whether the change happened, then: riposte retry %s --happened, or --repeat.",
                       id);
    else if (strcmp(state, "paused") == 0)
        terminal_wrapf(out, 2, 0, "A pause stopped it: it goes on after riposte resume.");
    else if (is_one_of(state, BAD) && !json_object_get(record, "next"))
        terminal_wrapf(out, 2, 0, "Try it again: riposte retry %s.", id);
    if (can_be_undone) terminal_wrapf(out, 2, 0, "Take back what it did: riposte undo %s.", id);
}

void view_run(FILE *out, const json_t *whole, view_steps steps)
{
    const json_t *record = json_object_get(whole, "record"), *all = json_object_get(whole, "steps");
    const char *state = view_state(record);
    bool waits = strcmp(state, "waiting") == 0;
    terminal_quote(out, TERMINAL_BOLD, rip_text(record, "id"), 64);
    fputs("  ", out);
    terminal_quote(out, TERMINAL_PLAIN, rip_text(record, "playbook"), 64);
    fputs(" (", out);
    terminal_quote(out, TERMINAL_PLAIN, rip_text(record, "mode"), 32);
    fputs(") ", out);
    terminal_quote(out, state_style(state), state, 64);
    fputc('\n', out);
    print_times(out, record);
    print_relations(out, record);
    print_error(out, record);
    print_finding(out, whole, record);
    print_decisions(out, whole);
    if (waits) print_terms(out, whole, record);
    timeline_print(out, record, all, steps == VIEW_CHANGES || (steps == VIEW_AS_FITS && waits));
    print_help(out, record, timeline_can_be_undone(all));
}
