#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/data.h"
#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/command/command.h"
#include "engine/command/drill_private.h"
#include "engine/command/engine.h"
#include "engine/command/expect.h"
#include "engine/command/report.h"
#include "engine/command/terminal.h"
#include "engine/dispatch/words.h"
#include "engine/intake/source.h"
#include "engine/run/record.h"
#include "lua/datafile.h"
#include "lua/sim_transport.h"

static const char HELP[] =
    "Usage: riposte drill [OPTION]... FOLDER|FILE.lua\n"
    "\n"
    "Play a scenario: its events go to the playbooks, which act on a simulated\n"
    "account that behaves as AWS does, on a virtual clock. Then what came out is\n"
    "compared with what the scenario expects. Nothing outside this process is\n"
    "touched.\n"
    "\n"
    "A folder stands for the drill.lua in it. docs/DRILLS.md tells how to write one.\n"
    "\n"
    "  -m, --mode MODE       run in this mode, not the scenario's; where it is lower\n"
    "                        than enforce only what needs no change is expected\n"
    "  -p, --playbooks PATH  these playbooks, not the scenario's; may be given again\n"
    "      --approve         in the mode approve, as if a person approved every plan\n"
    "                        at once: what is carried out is what was planned\n"
    "      --preflight       below enforce: ask whether the planned changes would be\n"
    "                        allowed\n"
    "  -v, --verbose         every change on a line of its own\n"
    "      --output FORMAT   text | json\n"
    "      --state           print only the account's final state, as JSON\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 all expectations were met; 1 one was not, or a run failed; 2\n"
    "wrong usage, or a scenario that can't be read.\n"
    "\n"
    "Examples:\n"
    "  riposte drill examples/drills/ecs-cryptomining\n"
    "  riposte drill --mode dry-run --verbose examples/drills/ecs-cryptomining\n";

#define PLANS_MOST 1000

/* The scenario. */

static char *beside(const drill *d, const char *name)
{
    rip_buffer path = {0};
    if (name[0] != '/') rip_buffer_printf(&path, "%s/", d->folder);
    rip_buffer_puts(&path, name);
    return rip_buffer_take(&path, NULL);
}

static rip_status load_scenario(drill *d, const char *path, rip_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) return rip_fail(err, RIP_ENOTFOUND, "%s: there is no such drill", path);
    rip_buffer file = {0};
    rip_buffer_puts(&file, path);
    if (S_ISDIR(info.st_mode)) rip_buffer_puts(&file, "/drill.lua");
    d->folder = strdup(file.data);
    char *slash = strrchr(d->folder, '/');
    if (slash)
        *slash = '\0';
    else
        memcpy(d->folder, ".", 2); /* "drill.lua" at the least */
    rip_status status = rip_datafile_load(file.data, &d->scenario, err);
    if (status == RIP_OK && !json_is_string(json_object_get(d->scenario, "account"))) {
        status = rip_fail(err, RIP_EINVAL, "%s: account: expected the path of the account's file", file.data);
    }
    const char *unknown = expect_unknown_key(json_object_get(d->scenario, "expect"));
    if (status == RIP_OK && unknown) {
        status = rip_fail(err, RIP_EINVAL, "%s: expect.%s: there is no such expectation", file.data, unknown);
    }
    rip_buffer_free(&file);
    return status;
}

static rip_status start_of(drill *d, rip_error *err)
{
    const char *start = json_string_value(json_object_get(d->scenario, "start"));
    if (!start) return rip_fail(err, RIP_EINVAL, "start: expected a time such as 2025-11-02T14:24:00Z");
    if (!rip_time_parse(start, &d->start)) return rip_fail(err, RIP_EINVAL, "start: %s is no RFC 3339 time", start);
    return RIP_OK;
}

static rip_status load_event(drill *d, const json_t *entry, drill_event *event, rip_error *err)
{
    const char *file =
        json_is_object(entry) ? json_string_value(json_object_get(entry, "file")) : json_string_value(entry);
    const char *at = json_is_object(entry) ? json_string_value(json_object_get(entry, "at")) : NULL;
    if (!file) return rip_fail(err, RIP_EINVAL, "events: expected paths, or tables with file and at");
    if (at && !rip_duration_parse(at, &event->at))
        return rip_fail(err, RIP_EINVAL, "events: at: %s is no span of time", at);
    event->drill = d;
    event->path = beside(d, file);
    return event->path ? RIP_OK : rip_nomem(err);
}

static rip_status load_events(drill *d, rip_error *err)
{
    const json_t *events = json_object_get(d->scenario, "events");
    if (json_array_size(events) == 0) return rip_fail(err, RIP_EINVAL, "events: expected a list of files");
    d->events = calloc(json_array_size(events), sizeof *d->events);
    if (!d->events) return rip_nomem(err);
    size_t i;
    json_t *entry;
    json_array_foreach (events, i, entry) {
        rip_status status = load_event(d, entry, &d->events[i], err);
        if (status != RIP_OK) return status;
        d->event_count++;
    }
    return RIP_OK;
}

/* What happens. */

static void on_ended(void *data, const char *id, const json_t *record)
{
    drill *d = data;
    (void)record;
    json_t *report = record_report(d->engine.journal, id);
    size_t i;
    json_t *change;
    json_int_t started = json_integer_value(json_object_get(report, "started"));
    json_array_foreach (json_object_get(report, "changes"), i, change) {
        if (strcmp(json_string_value(json_object_get(change, "state")), "done") != 0) continue;
        if (json_object_get(report, "undo_of")) break; /* contained it was before */
        json_int_t end = started + json_integer_value(json_object_get(change, "at")) +
                         json_integer_value(json_object_get(change, "ms")) - d->start;
        if (end > d->containment_ms) d->containment_ms = end;
    }
    json_array_append_new(d->runs, report);
}

static void on_finding(void *data, const dispatched *what)
{
    drill *d = data;
    json_t *finding = json_copy((json_t *)(uintptr_t)what->finding);
    json_object_del(finding, "event");
    json_array_append_new(d->findings,
                          json_pack("{s:o, s:s, s:O}", "finding", finding, "origin", what->origin, "runs", what->runs));
}

static void on_fault(void *data, const char *origin, size_t line, const rip_error *err)
{
    drill *d = data;
    d->failed = true;
    terminal_error("drill", "%s:%zu: %s", origin, line, err->message);
}

static rip_status on_document(void *data, const source_document *document)
{
    drill *d = data;
    rip_error err;
    dispatch_source from = {.origin = document->origin, .line = document->line};
    return dispatch_document(d->engine.dispatch, &from, document->bytes, document->len, &err);
}

static rip_status on_source_fault(void *data, const source_fault *fault)
{
    drill *d = data;
    d->failed = true;
    terminal_error("drill", "%s", fault->error.message);
    return RIP_OK;
}

static void on_event_due(void *data)
{
    drill_event *event = data;
    drill *d = event->drill;
    const char *const paths[] = {event->path};
    source_sink sink = {on_document, on_source_fault, d};
    source *files = NULL;
    rip_error err;
    rip_status status = source_files(paths, 1, NULL, &sink, &files, &err);
    if (status == RIP_OK) status = source_drain(files, &err);
    source_free(files);
    if (status == RIP_OK) return;
    d->failed = true;
    terminal_error("drill", "%s", err.message);
}

/* Putting it together. */

static rip_status open_account(drill *d, rip_error *err)
{
    char *path = beside(d, json_string_value(json_object_get(d->scenario, "account")));
    json_t *seed = NULL;
    rip_status status = path ? rip_datafile_load(path, &seed, err) : rip_nomem(err);
    if (status == RIP_OK) {
        status = sim_transport_new(d->engine.clock, seed, &d->account, err);
        if (status != RIP_OK) rip_error_prefix(err, "%s: ", path);
    }
    json_decref(seed);
    free(path);
    return status;
}

static rip_status scenario_playbooks(drill *d, rip_error *err)
{
    size_t i;
    json_t *path;
    const json_t *paths = json_object_get(d->scenario, "playbooks");
    if (d->playbook_count > 0) return RIP_OK;
    json_array_foreach (paths, i, path) {
        if (!json_is_string(path) || i == PATHS_MOST)
            return rip_fail(err, RIP_EINVAL, "playbooks: expected up to %d paths", PATHS_MOST);
        d->playbooks[d->playbook_count] = beside(d, json_string_value(path));
        if (!d->playbooks[d->playbook_count++]) return rip_nomem(err);
    }
    return RIP_OK;
}

static rip_status open_engine(drill *d, rip_error *err)
{
    char mode[64];
    const char *wanted = json_string_value(json_object_get(d->scenario, "mode"));
    snprintf(mode, sizeof mode, "mode=%s", d->mode ? d->mode : wanted ? wanted : "enforce");
    const char *const settings[] = {mode};
    rip_config *config = NULL;
    rip_status status = engine_configure("drill", NULL, settings, 1, &config, err);
    if (status == RIP_OK) status = engine_open(&d->engine, "drill", config, d->start, err);
    if (status == RIP_OK) status = open_account(d, err);
    if (status != RIP_OK) return status;
    d->before = sim_transport_snapshot(d->account);
    dispatch_listener listener = {.ended = on_ended, .finding = on_finding, .fault = on_fault, .data = d};
    d->engine.preflight = d->preflight;
    return engine_start(&d->engine, d->account, d->playbooks, d->playbook_count, &listener, err);
}

static void on_approved(void *data, rip_status status, json_t *value, const rip_error *err)
{
    drill *d = data;
    (void)value;
    if (status == RIP_OK) return;
    d->failed = true;
    terminal_error("drill", "approve: %s", err->message);
}

static void approve(drill *d, json_t *id)
{
    json_t *request = json_pack("{s:s, s:s, s:O, s:s}", "do", "approve", "who", "drill", "run", id, "why", "--approve");
    words_perform(d->engine.dispatch, request, on_approved, d);
    json_decref(request);
    uv_run(&d->engine.loop, UV_RUN_DEFAULT);
}

/* Every plan that waits, also those that are made again since a change was outside of one: a few times, since that may
 * go on for ever. */
static void approve_plans(drill *d)
{
    for (size_t i = 0; i < json_array_size(d->runs); i++) {
        json_t *report = json_array_get(d->runs, i);
        if (strcmp(rip_text(report, "outcome"), "waiting") != 0) continue;
        if (i >= PLANS_MOST) {
            d->failed = true;
            terminal_error("drill", "stopped after %d runs: plans are made again and again", PLANS_MOST);
            return;
        }
        approve(d, json_object_get(report, "id"));
        json_array_set_new(d->runs, i, record_report(d->engine.journal, rip_text(json_array_get(d->runs, i), "id")));
    }
}

static void on_undone(void *data, rip_status status, json_t *value, const rip_error *err)
{
    drill *d = data;
    (void)value;
    if (status == RIP_OK || status == RIP_EDENIED) return; /* it made no changes */
    d->failed = true;
    terminal_error("drill", "undo: %s", err->message);
}

/* The scenario wants its runs taken back, the last first. */
static void undo_runs(drill *d)
{
    for (size_t i = json_array_size(d->runs); i-- > 0;) {
        json_t *id = json_object_get(json_array_get(d->runs, i), "id");
        json_t *request = json_pack("{s:s, s:s, s:O}", "do", "undo", "who", "drill", "run", id);
        words_perform(d->engine.dispatch, request, on_undone, d);
        json_decref(request);
        uv_run(&d->engine.loop, UV_RUN_DEFAULT);
        if (d->approve) approve_plans(d);
    }
}

static void play(drill *d)
{
    for (size_t i = 0; i < d->event_count; i++) {
        rip_timer_start(&d->events[i].timer, d->engine.clock, (uint64_t)d->events[i].at, on_event_due, &d->events[i]);
    }
    uv_run(&d->engine.loop, UV_RUN_DEFAULT);
    if (d->approve) approve_plans(d);
    if (json_is_true(json_object_get(d->scenario, "undo"))) undo_runs(d);
    d->quotas = sim_transport_quotas(d->account);
    d->after = sim_transport_snapshot(d->account);
}

bool drill_acts(const drill *d)
{
    return d->approve || strcmp(rip_config_string(d->engine.config, "mode"), "enforce") == 0;
}

/* The runs that carry plans out, without those that made them. New reference. */
static json_t *runs_that_act(const drill *d)
{
    json_t *acting = json_array(), *each;
    size_t i;
    json_array_foreach (d->runs, i, each) {
        if (strcmp(rip_text(each, "outcome"), "approved") != 0) json_array_append(acting, each);
    }
    return acting;
}

/* What is expected: a rehearsal changes nothing, whatever the scenario; where plans are made first, the time that takes
 * is none of containment's. New reference. */
static json_t *expected(const drill *d)
{
    if (!drill_acts(d)) return json_pack("{s:b}", "untouched", 1);
    json_t *expect = json_copy(json_object_get(d->scenario, "expect"));
    if (!d->approve) return expect;
    json_object_del(expect, "contained_within");
    json_object_del(expect, "quota_ratio");
    return expect;
}

static json_t *results_of(drill *d)
{
    json_t *runs = runs_that_act(d), *expect = expected(d);
    expect_outcome outcome = {d->before, d->after, runs, d->containment_ms,
                              json_integer_value(json_object_get(d->quotas, "bound_ms"))};
    json_t *results = expect_compare(expect, &outcome);
    json_decref(expect);
    json_decref(runs);
    return results;
}

static int judge(drill *d)
{
    size_t i;
    json_t *each;
    bool failed = d->failed || d->engine.mistakes > 0;
    json_array_foreach (d->results, i, each) failed = failed || !json_is_true(json_object_get(each, "met"));
    json_t *runs = runs_that_act(d);
    json_array_foreach (runs, i, each) { failed = failed || !record_is_well(each); }
    json_decref(runs);
    return failed ? COMMAND_FAILED : COMMAND_DONE;
}

/* The command. */

static int parse(drill *d, int argc, char **argv)
{
    enum { OPTION_OUTPUT = 256, OPTION_STATE, OPTION_PREFLIGHT, OPTION_APPROVE };
    static const struct option OPTIONS[] = {{"mode", required_argument, NULL, 'm'},
                                            {"playbooks", required_argument, NULL, 'p'},
                                            {"preflight", no_argument, NULL, OPTION_PREFLIGHT},
                                            {"approve", no_argument, NULL, OPTION_APPROVE},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {"output", required_argument, NULL, OPTION_OUTPUT},
                                            {"state", no_argument, NULL, OPTION_STATE},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":m:p:vh", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'm': d->mode = optarg; break;
        case 'p':
            if (d->playbook_count == PATHS_MOST)
                return terminal_usage("drill", "over %d times --playbooks", PATHS_MOST);
            d->playbooks[d->playbook_count++] = strdup(optarg);
            break;
        case 'v': d->verbose = true; break;
        case OPTION_OUTPUT:
            d->json = strcmp(optarg, "json") == 0;
            if (!d->json && strcmp(optarg, "text") != 0)
                return terminal_usage("drill", "--output %s: text or json", optarg);
            break;
        case OPTION_STATE: d->state_only = true; break;
        case OPTION_PREFLIGHT: d->preflight = true; break;
        case OPTION_APPROVE: d->approve = true; break;
        case 'h': fputs(HELP, stdout); return COMMAND_DONE;
        case ':': return terminal_usage("drill", "%s needs a value", argv[optind - 1]);
        default: return terminal_usage("drill", "there is no option %s", argv[optind - 1]);
        }
    }
    if (argc - optind != 1) return terminal_usage("drill", "expected one drill: a folder, or a Lua file");
    if (d->approve && d->mode && strcmp(d->mode, "approve") != 0)
        return terminal_usage("drill", "--approve goes with the mode approve, not with %s", d->mode);
    if (d->approve) d->mode = "approve";
    return -1;
}

static void drill_close(drill *d)
{
    engine_close(&d->engine);
    for (size_t i = 0; i < d->event_count; i++) free(d->events[i].path);
    for (size_t i = 0; i < d->playbook_count; i++) free((void *)(uintptr_t)d->playbooks[i]);
    free(d->events);
    free(d->folder);
    json_decref(d->scenario);
    json_decref(d->runs);
    json_decref(d->findings);
    json_decref(d->before);
    json_decref(d->after);
    json_decref(d->quotas);
    json_decref(d->results);
}

int command_drill(int argc, char **argv)
{
    drill d = {.runs = json_array(), .findings = json_array()};
    int end = parse(&d, argc, argv);
    if (end >= 0) {
        drill_close(&d);
        return end;
    }
    rip_error err;
    rip_status status = load_scenario(&d, argv[optind], &err);
    if (status == RIP_OK) status = start_of(&d, &err);
    if (status == RIP_OK) status = load_events(&d, &err);
    if (status == RIP_OK) status = scenario_playbooks(&d, &err);
    if (status == RIP_OK) status = open_engine(&d, &err);
    if (status != RIP_OK) {
        terminal_error("drill", "%s", err.message);
        drill_close(&d);
        return COMMAND_USAGE;
    }
    play(&d);
    d.results = results_of(&d);
    if (d.state_only) {
        json_dumpf(d.after, stdout, JSON_SORT_KEYS | JSON_INDENT(1));
        putchar('\n');
    } else if (d.json) {
        drill_print_json(&d);
    } else {
        drill_print_text(&d);
    }
    end = judge(&d);
    drill_close(&d);
    return end;
}
