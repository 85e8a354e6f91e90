#include "engine/command/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/text.h"
#include "engine/command/report.h"
#include "engine/command/terminal.h"
#include "engine/run/unknown.h"

#define COLUMN 13        /* where a step's own text starts */
#define REQUEST_MOST 800 /* bytes of a request that are shown */
#define REPLY_MOST 320

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_operation(FILE *out, terminal_style style, const json_t *request)
{
    char name[160];
    snprintf(name, sizeof name, "%s:%s", rip_text(request, "service"), rip_text(request, "operation"));
    terminal_quote(out, style, name, sizeof name);
}

/* "undo ecs:DeleteCluster", and its parameters below it. */
static void print_line(FILE *out, terminal_style style, unsigned indent, const char *mark, const json_t *line)
{
    unsigned inner = indent + (unsigned)strlen(mark) + 1;
    fprintf(out, "%*s", (int)indent, "");
    terminal_print(out, style, "%s ", mark);
    print_operation(out, TERMINAL_PLAIN, line);
    fprintf(out, "\n%*s", (int)inner, "");
    report_json(out, inner, inner, json_object_get(line, "params"), REQUEST_MOST);
}

static void print_lines(FILE *out, const char *mark, const char *what, const json_t *lines)
{
    size_t i;
    json_t *line;
    if (json_array_size(lines) == 0) return;
    terminal_print(out, TERMINAL_CYAN, "  %s\n", what);
    json_array_foreach (lines, i, line) print_line(out, TERMINAL_PLAIN, 4, mark, line);
}

void timeline_detail(FILE *out, const json_t *detail)
{
    print_lines(out, "+", "not in its plan", json_object_get(detail, "added"));
    print_lines(out, "-", "in its plan, and not asked for", json_object_get(detail, "removed"));
    if (!json_object_get(detail, "operation")) return;
    terminal_print(out, TERMINAL_CYAN, "  what may have happened, or not\n");
    print_line(out, TERMINAL_YELLOW, 4, "?", detail);
}

/* One step. */

static bool has_outcome(const json_t *step, const char *outcome)
{
    return strcmp(rip_text(step, "outcome"), outcome) == 0;
}

static void print_outcome(FILE *out, const json_t *step)
{
    if (strcmp(rip_text(step, "state"), "finished") != 0) {
        terminal_print(out, TERMINAL_YELLOW, "  started, and not finished");
    } else if (!has_outcome(step, "done")) {
        bool bad = has_outcome(step, "failed") || has_outcome(step, "refused") || has_outcome(step, "uncertain");
        fputs("  ", out);
        terminal_quote(out, bad ? TERMINAL_RED : TERMINAL_YELLOW, rip_text(step, "outcome"), 32);
    }
    json_int_t took = number(step, "finished_ms") - number(step, "started_ms");
    if (!json_object_get(step, "finished_ms") || took == 0) return;
    char span[32];
    report_span(took, span);
    terminal_print(out, TERMINAL_DIM, "  %s", span);
}

static bool tells_nothing(const json_t *value)
{
    return !value || json_is_null(value) || json_is_true(value) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/* What was asked: parameters, or the text of a line for the log. */
static void print_request(FILE *out, const json_t *request)
{
    const char *said = json_string_value(json_object_get(request, "text"));
    if (tells_nothing(request)) return;
    fprintf(out, "%*s", COLUMN, "");
    if (said && json_object_size(request) == 1)
        terminal_wrap(out, COLUMN, COLUMN, said);
    else
        report_json(out, COLUMN, COLUMN, request, REQUEST_MOST);
}

static void print_reply(FILE *out, const json_t *step, const json_t *reply)
{
    const char *message = json_string_value(json_object_get(reply, "message"));
    bool bad = has_outcome(step, "failed") || has_outcome(step, "refused");
    if (tells_nothing(reply) || has_outcome(step, "planned")) return; /* a plan's replies are made up */
    if (bad && message) {
        fprintf(out, "%*s", COLUMN, "");
        terminal_quote(out, TERMINAL_RED, rip_text(reply, "code"), 80);
        fputs(": ", out);
        terminal_wrap(out, COLUMN, COLUMN + (unsigned)strlen(rip_text(reply, "code")) + 2, message);
        return;
    }
    fprintf(out, "%*s-> ", COLUMN, "");
    report_json(out, COLUMN + 3, COLUMN + 3, reply, REPLY_MOST);
}

static void print_undo(FILE *out, const json_t *step, const json_t *undo)
{
    size_t i;
    json_t *each;
    json_array_foreach (undo, i, each) print_line(out, TERMINAL_GREEN, COLUMN, "undo", each);
    const char *why = rip_text(step, "irreversible");
    if (!*why) return;
    fprintf(out, "%*s", COLUMN, "");
    terminal_print(out, TERMINAL_YELLOW, "can't be undone: ");
    terminal_wrap(out, COLUMN, COLUMN + 17, why);
}

static void print_step(FILE *out, const json_t *step, json_int_t began, const run_unknowns *unknowns)
{
    const char *path = rip_text(step, "path"), *kind = rip_text(step, "kind");
    char at[32];
    report_span(number(step, "started_ms") - began, at);
    fprintf(out, "  %9s  ", at);
    json_t *request = run_unknown_mask(unknowns, json_object_get(step, "request"));
    json_t *reply = run_unknown_mask(unknowns, json_object_get(step, "reply"));
    json_t *undo = run_unknown_mask(unknowns, json_object_get(step, "undo"));
    bool call = strcmp(kind, "aws") == 0;
    if (call)
        print_operation(out, TERMINAL_BOLD, request);
    else
        terminal_quote(out, TERMINAL_BOLD, kind, 64);
    print_outcome(out, step);
    terminal_print(out, TERMINAL_DIM, "  %s%s%" JSON_INTEGER_FORMAT, path, *path ? "/" : "", number(step, "number"));
    fputc('\n', out);
    print_request(out, call ? json_object_get(request, "params") : request);
    print_reply(out, step, reply);
    print_undo(out, step, undo);
    json_decref(request);
    json_decref(reply);
    json_decref(undo);
}

/* All of them. */

static void print_heading(FILE *out, const json_t *steps, bool only_changes)
{
    size_t i, changes = 0, lasting = 0;
    json_t *step;
    json_array_foreach (steps, i, step) {
        if (!json_is_true(json_object_get(step, "is_change"))) continue;
        changes++;
        lasting += json_array_size(json_object_get(step, "undo")) == 0;
    }
    terminal_print(out, TERMINAL_CYAN, "  %s", only_changes ? "changes" : "steps");
    fprintf(out, ": %zu of %zu change something", changes, json_array_size(steps));
    if (lasting) terminal_print(out, TERMINAL_YELLOW, ", %zu can't be undone", lasting);
    fputc('\n', out);
}

void timeline_print(FILE *out, const json_t *record, const json_t *steps, bool only_changes)
{
    run_unknowns *unknowns = run_unknowns_new(rip_text(record, "id"));
    if (!unknowns || json_array_size(steps) == 0) {
        run_unknowns_free(unknowns);
        return;
    }
    const char *phase = "";
    size_t i;
    json_t *step;
    print_heading(out, steps, only_changes);
    json_array_foreach (steps, i, step) {
        bool shown = json_is_true(json_object_get(step, "is_change")) || has_outcome(step, "refused");
        if (only_changes && !shown) continue;
        if (strcmp(rip_text(step, "phase"), phase) != 0) {
            phase = rip_text(step, "phase");
            fputs("  ", out);
            terminal_quote(out, TERMINAL_CYAN, *phase ? phase : "(no phase)", 64);
            fputc('\n', out);
        }
        print_step(out, step, number(record, "started"), unknowns);
    }
    run_unknowns_free(unknowns);
}

bool timeline_can_be_undone(const json_t *steps)
{
    size_t i;
    json_t *step;
    json_array_foreach (steps, i, step) {
        bool made = has_outcome(step, "done") || has_outcome(step, "uncertain");
        if (json_is_true(json_object_get(step, "is_change")) && made && json_object_get(step, "undo")) return true;
    }
    return false;
}
