#include "engine/command/report.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/escape.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/command/terminal.h"

#define NAMES_SHOWN 3     /* of the resources behind one line of a report */
#define NAMES_COLUMN 20   /* where they start */
#define NAME_COLUMNS 40   /* of one of them */
#define PARAMS_MOST 16384 /* bytes of a change's parameters */

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

void report_span(json_int_t ms, char out[32])
{
    if (ms < 1000)
        snprintf(out, 32, "%" JSON_INTEGER_FORMAT " ms", ms);
    else if (ms < 120000)
        snprintf(out, 32, "%.1f s", (double)ms / 1000);
    else
        snprintf(out, 32, "%" JSON_INTEGER_FORMAT " min %" JSON_INTEGER_FORMAT " s", ms / 60000, ms % 60000 / 1000);
}

/* A value. */

void report_json(FILE *out, unsigned indent, unsigned at, const json_t *value, size_t most)
{
    rip_buffer text = {0};
    rip_json_lay_out(&text, value, indent, at, terminal_width(out));
    const char *p = text.data ? text.data : "", *end = p + text.len;
    bool is_cut = text.len > most;
    if (is_cut) end = p + most;
    while (is_cut && end > p && ((unsigned char)*end & 0xC0) == 0x80) end--;
    while (p < end) {
        size_t len = strcspn(p, "\n");
        if (len > (size_t)(end - p)) len = (size_t)(end - p);
        rip_buffer line = {0};
        rip_escape_line(&line, p, len, 6 * len + 1);
        fwrite(line.data ? line.data : "", 1, line.len, out);
        rip_buffer_free(&line);
        p += len;
        if (p < end) fputc(*p++, out);
    }
    fputs(is_cut ? " …\n" : "\n", out);
    rip_buffer_free(&text);
}

/* A finding. */

static terminal_style severity_style(const char *label)
{
    if (strcmp(label, "CRITICAL") == 0 || strcmp(label, "HIGH") == 0) return TERMINAL_RED;
    if (strcmp(label, "MEDIUM") == 0) return TERMINAL_YELLOW;
    return TERMINAL_CYAN;
}

void report_finding(FILE *out, const json_t *finding, const char *origin, size_t line)
{
    const char *label = rip_text(json_object_get(finding, "severity"), "label");
    terminal_quote(out, severity_style(label), label, 16);
    fputs("  ", out);
    terminal_quote(out, TERMINAL_BOLD, rip_text(finding, "kind"), 200);
    fputs("\n  ", out);
    terminal_wrap(out, 2, 2, rip_text(finding, "title"));
    rip_buffer place = {0};
    rip_buffer_printf(&place, "%s in %s %s", rip_text(finding, "source"), rip_text(finding, "account"),
                      rip_text(finding, "region"));
    if (origin && *origin) rip_buffer_printf(&place, ", from %s", origin);
    if (origin && *origin && line) rip_buffer_printf(&place, ":%zu", line);
    fputs("  ", out);
    terminal_wrap(out, 2, 2, place.data ? place.data : "");
    rip_buffer_free(&place);
}

/* Changes, gathered by phase and operation. */

typedef struct change_group {
    const char *phase, *operation, *state;
    const json_t *error;
    const char *irreversible;
    const json_t *preflight; /* {"verdict","why"}, or NULL */
    bool undo;
    json_int_t from, to;
    size_t count;
    const json_t *names[NAMES_SHOWN];
} change_group;

size_t report_changes(const json_t *run, const char *state)
{
    size_t i, count = 0;
    json_t *change;
    json_array_foreach (json_object_get(run, "changes"), i, change) {
        const char *own = rip_text(change, "state");
        bool tried = strcmp(own, "refused") != 0;
        count += state ? strcmp(own, state) == 0 : tried;
    }
    return count;
}

/* How well a parameter tells what a change is about: a name or an id does, a document or a sentence does not. */
static int telling(const char *key, const char *value)
{
    size_t len = strlen(key);
    if (strncmp(value, "arn:", 4) == 0) return 3;
    if (*value == '{' || strchr(value, ' ')) return 0;
    bool named = (len >= 4 && strcmp(key + len - 4, "Name") == 0) || (len >= 2 && strcmp(key + len - 2, "Id") == 0);
    return named && strcmp(key, "PolicyName") != 0 ? 2 : 1;
}

/* The parameter that tells best what a change is about; of equals the last, which is the narrowest ("cluster",
 * "service"). */
static const json_t *name_of(const json_t *params)
{
    const json_t *best = NULL;
    const char *key;
    json_t *value;
    int most = 0;
    json_object_foreach ((json_t *)(uintptr_t)params, key, value) {
        if (json_is_array(value)) value = json_array_get(value, 0);
        if (!json_is_string(value) || telling(key, json_string_value(value)) < most) continue;
        best = value;
        most = telling(key, json_string_value(value));
    }
    return best;
}

static bool same_group(const change_group *group, const json_t *change)
{
    const json_t *error = json_object_get(change, "error");
    return strcmp(group->phase, rip_text(change, "phase")) == 0 &&
           strcmp(group->operation, rip_text(change, "operation")) == 0 &&
           strcmp(group->state, rip_text(change, "state")) == 0 &&
           group->undo == (json_object_get(change, "undo") != NULL) &&
           strcmp(group->irreversible, rip_text(change, "irreversible")) == 0 &&
           strcmp(rip_text(group->preflight, "verdict"), rip_text(json_object_get(change, "preflight"), "verdict")) ==
               0 &&
           strcmp(group->error ? rip_text(group->error, "code") : "", error ? rip_text(error, "code") : "") == 0;
}

static void add_change(change_group *group, const json_t *change)
{
    json_int_t at = number(change, "at"), end = at + number(change, "ms");
    if (group->count == 0) {
        *group = (change_group){.phase = rip_text(change, "phase"),
                                .operation = rip_text(change, "operation"),
                                .state = rip_text(change, "state"),
                                .error = json_object_get(change, "error"),
                                .irreversible = rip_text(change, "irreversible"),
                                .preflight = json_object_get(change, "preflight"),
                                .undo = json_object_get(change, "undo") != NULL,
                                .from = at};
    }
    if (end > group->to) group->to = end;
    if (group->count < NAMES_SHOWN) group->names[group->count] = name_of(json_object_get(change, "params"));
    group->count++;
}

static size_t gather(const json_t *changes, change_group *groups)
{
    size_t i, count = 0;
    json_t *change;
    json_array_foreach (changes, i, change) {
        size_t at = 0;
        while (at < count && !same_group(&groups[at], change)) at++;
        add_change(&groups[at], change);
        if (at == count) count++;
    }
    return count;
}

/* The name behind the last '/' or ':' of an ARN. */
static const char *short_name(const char *name)
{
    if (strncmp(name, "arn:", 4) != 0) return name;
    const char *cut = strrchr(name, '/');
    if (!cut) cut = strrchr(name, ':');
    return cut && cut[1] ? cut + 1 : name;
}

/* As many names as fit onto the line. */
static void print_names(FILE *out, const change_group *group)
{
    size_t shown = 0, column = NAMES_COLUMN, width = terminal_width(out);
    for (size_t i = 0; i < NAMES_SHOWN && i < group->count; i++) {
        if (!group->names[i]) continue;
        const char *name = short_name(json_string_value(group->names[i]));
        size_t columns = strlen(name) < NAME_COLUMNS ? strlen(name) : NAME_COLUMNS + 1;
        if (shown > 0 && column + columns + 4 > width) break;
        fputs(shown > 0 ? ", " : "  ", out);
        terminal_quote(out, TERMINAL_DIM, name, NAME_COLUMNS);
        column += columns + 2;
        shown++;
    }
    if (group->count > shown) terminal_print(out, TERMINAL_DIM, " …");
}

static void print_undo(FILE *out, bool undo, const char *irreversible, const char *state)
{
    if (strcmp(state, "failed") == 0 || strcmp(state, "refused") == 0) return;
    if (undo) {
        terminal_print(out, TERMINAL_GREEN, "can be undone");
    } else {
        terminal_print(out, TERMINAL_YELLOW, "can't be undone");
        if (*irreversible) {
            fputs(": ", out);
            terminal_wrap(out, 22, 39, irreversible);
            return;
        }
    }
    fputc('\n', out);
}

/* Whether AWS would allow it. Of a group only the first reason is told. */
static void print_preflight(FILE *out, const json_t *preflight, int indent)
{
    const char *verdict = rip_text(preflight, "verdict");
    if (!preflight) return;
    fprintf(out, "%*s", indent, "");
    if (strcmp(verdict, "allowed") == 0) {
        terminal_print(out, TERMINAL_GREEN, "permission proven\n");
        return;
    }
    bool denied = strcmp(verdict, "denied") == 0;
    terminal_print(out, denied ? TERMINAL_RED : TERMINAL_YELLOW, denied ? "would be refused" : "permission not proven");
    fputs(": ", out);
    terminal_wrap(out, indent, indent + (denied ? 18 : 23), rip_text(preflight, "why"));
}

static void print_group(FILE *out, const change_group *group)
{
    char from[32], to[32], when[80];
    report_span(group->from, from);
    report_span(group->to, to);
    snprintf(when, sizeof when, "%s – %s", from, to);
    int pad = 21 + 2 - (int)strlen(when); /* the dash is three bytes and one column */
    fprintf(out, "  %s%*s", when, pad > 1 ? pad - 1 : 1, "");
    terminal_quote(out, TERMINAL_BOLD, group->operation, 64);
    fprintf(out, " ×%zu", group->count);
    if (strcmp(group->state, "done") != 0 && strcmp(group->state, "planned") != 0) {
        terminal_print(out, TERMINAL_RED, " %s: ", group->state);
        terminal_quote(out, TERMINAL_RED, group->error ? rip_text(group->error, "code") : "", 80);
    }
    fprintf(out, "\n%22s", "");
    if (group->error) {
        terminal_wrap(out, 22, 22, rip_text(group->error, "message"));
    } else {
        print_undo(out, group->undo, group->irreversible, group->state);
        print_preflight(out, group->preflight, 22);
    }
    if (group->names[0]) {
        fprintf(out, "%20s", "");
        print_names(out, group);
        fputc('\n', out);
    }
}

/* Each phase once, in the order in which they began. */
static void print_groups(FILE *out, const json_t *changes)
{
    change_group *groups = calloc(json_array_size(changes) + 1, sizeof *groups);
    if (!groups) return;
    size_t count = gather(changes, groups);
    for (size_t i = 0; i < count; i++) {
        const char *phase = groups[i].phase;
        if (!phase) continue; /* printed with an earlier one of its phase */
        if (*phase) {
            fputs("  ", out);
            terminal_quote(out, TERMINAL_CYAN, phase, 64);
            fputc('\n', out);
        }
        for (size_t k = i; k < count; k++) {
            if (!groups[k].phase || strcmp(groups[k].phase, phase) != 0) continue;
            print_group(out, &groups[k]);
            groups[k].phase = NULL;
        }
    }
    free(groups);
}

static void print_each(FILE *out, const json_t *changes)
{
    size_t i;
    json_t *change;
    json_array_foreach (changes, i, change) {
        char at[32];
        report_span(number(change, "at"), at);
        fprintf(out, "  %9s  ", at);
        terminal_quote(out, TERMINAL_BOLD, rip_text(change, "operation"), 64);
        fprintf(out, "  %s\n%13s", rip_text(change, "state"), "");
        report_json(out, 13, 13, json_object_get(change, "params"), PARAMS_MOST);
        const json_t *error = json_object_get(change, "error");
        fprintf(out, "%13s", "");
        if (error)
            terminal_wrap(out, 13, 13, rip_text(error, "message"));
        else
            print_undo(out, json_object_get(change, "undo") != NULL, rip_text(change, "irreversible"),
                       rip_text(change, "state"));
        print_preflight(out, json_object_get(change, "preflight"), 13);
    }
}

/* The rest of a run. */

static void print_left_alone(FILE *out, const json_t *run)
{
    const json_t *list = json_object_get(run, "left_alone");
    size_t i;
    json_t *entry;
    if (json_array_size(list) == 0) return;
    terminal_print(out, TERMINAL_CYAN, "  left alone\n");
    json_array_foreach (list, i, entry) {
        fputs("    ", out);
        terminal_quote(out, TERMINAL_PLAIN, rip_text(entry, "what"), 200);
        fprintf(out, "\n      ");
        terminal_wrap(out, 6, 6, rip_text(entry, "why"));
    }
}

static void print_log(FILE *out, const json_t *run)
{
    size_t i;
    json_t *entry;
    if (json_array_size(json_object_get(run, "log")) == 0) return;
    terminal_print(out, TERMINAL_CYAN, "  log\n");
    json_array_foreach (json_object_get(run, "log"), i, entry) {
        char at[32];
        report_span(number(entry, "at"), at);
        fprintf(out, "  %9s  ", at);
        terminal_wrap(out, 13, 13, rip_text(entry, "text"));
    }
}

static terminal_style outcome_style(const char *outcome)
{
    static const char *const CALM[] = {"planned", "observed", "waiting", "approved", "retried", "resumed"};
    for (size_t i = 0; i < sizeof CALM / sizeof *CALM; i++) {
        if (strcmp(outcome, CALM[i]) == 0) return TERMINAL_YELLOW;
    }
    return strcmp(outcome, "done") == 0 ? TERMINAL_GREEN : TERMINAL_RED;
}

void report_run(FILE *out, const json_t *run, bool every)
{
    const char *outcome = rip_text(run, "outcome"), *mode = rip_text(run, "mode");
    const json_t *changes = json_object_get(run, "changes"), *error = json_object_get(run, "error");
    char took[32];
    bool began = json_object_get(run, "started"); /* else it was stopped before */
    report_span(began ? number(run, "finished") - number(run, "started") : 0, took);
    terminal_quote(out, TERMINAL_BOLD, rip_text(run, "playbook"), 64);
    fprintf(out, " (%s, %s) ", mode, rip_text(run, "id"));
    terminal_print(out, outcome_style(outcome), "%s", outcome);
    size_t failed = report_changes(run, "failed"), refused = report_changes(run, "refused");
    fprintf(out, "\n  %zu change%s, %" JSON_INTEGER_FORMAT " reads, %s", report_changes(run, NULL),
            report_changes(run, NULL) == 1 ? "" : "s", number(run, "reads"), took);
    if (failed) terminal_print(out, TERMINAL_RED, ", %zu failed", failed);
    if (refused) terminal_print(out, TERMINAL_RED, ", %zu refused", refused);
    fputc('\n', out);
    if (error) {
        fputs("  ", out);
        terminal_print(out, TERMINAL_RED, "%s: ", rip_text(error, "status"));
        terminal_wrap(out, 4, 12, rip_text(error, "message"));
    }
    if (strcmp(outcome, "waiting") == 0) {
        fprintf(out, "  This plan waits for approval, where there is a journal to keep it:\n    riposte approve %s\n",
                rip_text(run, "id"));
    }
    const char *next = json_string_value(json_object_get(run, "next"));
    if (next) fprintf(out, "  It goes on as %s\n", next);
    if (every)
        print_each(out, changes);
    else
        print_groups(out, changes);
    print_left_alone(out, run);
    print_log(out, run);
}
