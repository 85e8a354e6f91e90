#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/escape.h"
#include "engine/command/command.h"
#include "engine/command/engine.h"
#include "engine/command/report.h"
#include "engine/command/terminal.h"
#include "engine/intake/source.h"
#include "engine/run/record.h"

#define BACKLOG_MOST 256 /* findings under way before the next is read */
#define PATHS_MOST 64

static const char HELP[] =
    "Usage: riposte run [OPTION]... [FILE|FOLDER|-]...\n"
    "\n"
    "Take findings in and answer each with the playbooks that want it. Without a\n"
    "file, or with -, standard input is read. A file holds one JSON document, an\n"
    "array, or one document a line: EventBridge events, GuardDuty findings, ASFF,\n"
    "OCSF, CloudTrail records. Of a folder the .json, .jsonl and .ndjson files are\n"
    "read.\n"
    "\n"
    "Out of the box nothing is changed: the mode is dry-run, and what would be done\n"
    "is shown as a plan.\n"
    "\n"
    "  -m, --mode MODE       observe | dry-run | approve | enforce\n"
    "      --preflight       ask AWS whether the changes of a plan would be allowed,\n"
    "                        without making them\n"
    "  -p, --playbooks PATH  a playbook or a folder of them; may be given again\n"
    "                        (default: the configuration's, else the shipped ones)\n"
    "  -c, --config FILE     configuration (default: $RIPOSTE_CONFIG, else none)\n"
    "  -J, --journal PATH    keep findings and runs there, and go on with what is\n"
    "                        open in it (as journal.path of the configuration)\n"
    "  -s, --set KEY=VALUE   one setting over the configuration; may be given again\n"
    "      --endpoint-url URL  send AWS calls there (as $AWS_ENDPOINT_URL)\n"
    "      --profile NAME    AWS profile (as $AWS_PROFILE)\n"
    "  -v, --verbose         every change on a line of its own\n"
    "      --output FORMAT   text | json: one JSON object a finding, then a summary\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 done; 1 a finding, playbook or run failed; 2 wrong usage or\n"
    "configuration.\n"
    "\n"
    "Examples:\n"
    "  riposte run finding.json\n"
    "  riposte run --mode enforce --playbooks ./playbooks events/\n"
    "  aws guardduty get-findings --detector-id D --finding-ids F | riposte run -\n";

typedef struct run_command {
    engine engine;
    bool json, verbose, tty, preflight;
    const char *mode, *journal, *config, *endpoint_url, *profile;
    const char *playbooks[PATHS_MOST];
    size_t playbook_count;
    const char *settings[PATHS_MOST];
    size_t setting_count;
    source *source;
    uv_idle_t reading; /* steps the source */
    uv_poll_t input;   /* while the source waits for bytes that have not come */
    bool input_open;
    bool recovering; /* the journal is being read */
    bool paused;     /* enough is under way: reading goes on when a finding is dealt with */
    bool failed;
    rip_error broken; /* what stopped the reading */
} run_command;

/* What happens, told. */

static json_t *reports_of(run_command *c, const json_t *ids)
{
    json_t *reports = json_array();
    size_t i;
    json_t *id;
    json_array_foreach (ids, i, id) {
        json_t *report = record_report(c->engine.journal, json_string_value(id));
        if (report) json_array_append_new(reports, report);
    }
    return reports;
}

static void clear_progress(const run_command *c)
{
    if (c->tty) fputs("\r\x1b[K", stderr);
}

static void show_progress(run_command *c)
{
    if (!c->tty) return;
    dispatch_counts counts = dispatch_count(c->engine.dispatch);
    fprintf(stderr, "\r\x1b[K%zu events, %zu findings, %zu under way", counts.events, counts.findings,
            dispatch_backlog(c->engine.dispatch));
    fflush(stderr);
}

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
    putchar('\n');
    json_decref(object);
}

static json_t *origin_of(const dispatched *what)
{
    return json_pack("{s:s, s:I}", "name", what->origin, "line", (json_int_t)what->line);
}

static void on_idle(uv_idle_t *handle);

static void on_finding(void *data, const dispatched *what)
{
    run_command *c = data;
    json_t *reports = reports_of(c, what->runs);
    clear_progress(c);
    if (c->json) {
        json_t *finding = json_copy((json_t *)(uintptr_t)what->finding);
        json_object_del(finding, "event");
        print_json(json_pack("{s:o, s:o, s:b, s:o}", "finding", finding, "origin", origin_of(what), "repeated",
                             (int)what->repeated, "runs", json_incref(reports)));
    } else if (!what->repeated) {
        size_t i;
        json_t *report;
        report_finding(stdout, what->finding, what->origin, what->line);
        json_array_foreach (reports, i, report) report_run(stdout, report, c->verbose);
        putchar('\n');
    }
    fflush(stdout);
    json_decref(reports);
    show_progress(c);
    if (!c->paused) return;
    c->paused = false;
    uv_idle_start(&c->reading, on_idle);
}

static void on_fault(void *data, const char *origin, size_t line, const rip_error *err)
{
    run_command *c = data;
    c->failed = true;
    clear_progress(c);
    terminal_error("run", "%s:%zu: %s", origin, line, err->message);
}

static void on_ended(void *data, const char *id, const json_t *record)
{
    run_command *c = data;
    (void)id;
    if (!record_is_well(record)) c->failed = true;
}

static void print_summary(run_command *c)
{
    dispatch_counts n = dispatch_count(c->engine.dispatch);
    clear_progress(c);
    if (c->json) {
        json_t *summary = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "events", (json_int_t)n.events,
                                    "unwanted", (json_int_t)n.unwanted, "suppressed", (json_int_t)n.suppressed,
                                    "findings", (json_int_t)n.findings, "repeated", (json_int_t)n.repeated, "faults",
                                    (json_int_t)n.faults, "runs", (json_int_t)n.runs, "failed", (json_int_t)n.failed,
                                    "rejected_playbooks", (json_int_t)c->engine.mistakes);
        print_json(json_pack("{s:o}", "summary", summary));
        return;
    }
    printf("%zu event%s: %zu wanted, %zu that no playbook wants", n.events, n.events == 1 ? "" : "s", n.findings,
           n.unwanted);
    if (n.suppressed) printf(", %zu suppressed", n.suppressed);
    if (n.repeated) printf(", %zu repeated", n.repeated);
    if (n.faults) printf(", %zu faulty", n.faults);
    printf("; %zu run%s", n.runs, n.runs == 1 ? "" : "s");
    if (n.failed) terminal_print(stdout, TERMINAL_RED, ", %zu failed", n.failed);
    putchar('\n');
}

/* Reading, as fast as findings are dealt with. */

static rip_status on_document(void *data, const source_document *document)
{
    run_command *c = data;
    dispatch_source from = {.origin = document->origin, .line = document->line};
    return dispatch_document(c->engine.dispatch, &from, document->bytes, document->len, &c->broken);
}

static rip_status on_source_fault(void *data, const source_fault *fault)
{
    run_command *c = data;
    c->failed = true;
    clear_progress(c);
    terminal_error("run", "%s", fault->error.message);
    return RIP_OK;
}

static void on_input(uv_poll_t *handle, int status, int events)
{
    run_command *c = handle->data;
    (void)status;
    (void)events;
    uv_poll_stop(handle);
    uv_idle_start(&c->reading, on_idle);
}

static void wait_for_input(run_command *c)
{
    if (!c->input_open && uv_poll_init(&c->engine.loop, &c->input, source_waits_for(c->source)) != 0) return;
    c->input_open = true;
    c->input.data = c;
    uv_idle_stop(&c->reading);
    uv_poll_start(&c->input, UV_READABLE | UV_DISCONNECT, on_input);
}

static void on_idle(uv_idle_t *handle)
{
    run_command *c = handle->data;
    bool more = true;
    if (dispatch_backlog(c->engine.dispatch) >= BACKLOG_MOST) {
        c->paused = true;
        uv_idle_stop(handle);
        return;
    }
    if (source_step(c->source, &more, &c->broken) != RIP_OK) {
        terminal_error("run", "%s", c->broken.message);
        c->failed = true;
        more = false;
    }
    show_progress(c);
    if (!more) uv_idle_stop(handle);
    if (more && source_waits_for(c->source) >= 0) wait_for_input(c);
}

/* The command. */

static rip_status add_setting(run_command *c, const char *setting, rip_error *err)
{
    if (c->setting_count == PATHS_MOST) return rip_fail(err, RIP_EINVAL, "over %d settings", PATHS_MOST);
    c->settings[c->setting_count++] = setting;
    return RIP_OK;
}

enum { OPTION_ENDPOINT = 256, OPTION_PROFILE, OPTION_OUTPUT, OPTION_PREFLIGHT };

/* -1: go on; else the command's exit status. */
static int parse(run_command *c, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"mode", required_argument, NULL, 'm'},
                                            {"playbooks", required_argument, NULL, 'p'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"journal", required_argument, NULL, 'J'},
                                            {"set", required_argument, NULL, 's'},
                                            {"endpoint-url", required_argument, NULL, OPTION_ENDPOINT},
                                            {"profile", required_argument, NULL, OPTION_PROFILE},
                                            {"preflight", no_argument, NULL, OPTION_PREFLIGHT},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {"output", required_argument, NULL, OPTION_OUTPUT},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    rip_error err;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":m:p:c:J:s:vh", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'm': c->mode = optarg; break;
        case 'p':
            if (c->playbook_count == PATHS_MOST) return terminal_usage("run", "over %d times --playbooks", PATHS_MOST);
            c->playbooks[c->playbook_count++] = optarg;
            break;
        case 'c': c->config = optarg; break;
        case 'J': c->journal = optarg; break;
        case 's':
            if (add_setting(c, optarg, &err) != RIP_OK) return terminal_usage("run", "--set: %s", err.message);
            break;
        case OPTION_ENDPOINT: c->endpoint_url = optarg; break;
        case OPTION_PROFILE: c->profile = optarg; break;
        case OPTION_PREFLIGHT: c->preflight = true; break;
        case 'v': c->verbose = true; break;
        case OPTION_OUTPUT:
            c->json = strcmp(optarg, "json") == 0;
            if (!c->json && strcmp(optarg, "text") != 0)
                return terminal_usage("run", "--output %s: text or json", optarg);
            break;
        case 'h': fputs(HELP, stdout); return COMMAND_DONE;
        case ':': return terminal_usage("run", "%s needs a value", argv[optind - 1]);
        default: return terminal_usage("run", "there is no option %s", argv[optind - 1]);
        }
    }
    return -1;
}

static rip_status open_source(run_command *c, char **files, int count, rip_error *err)
{
    static const char *const STDIN[] = {"-"};
    source_sink sink = {on_document, on_source_fault, c};
    document_limits limits = {(size_t)rip_config_size(c->engine.config, "limits.event_bytes"),
                              (unsigned)rip_config_integer(c->engine.config, "limits.event_depth")};
    if (count == 0) return source_files(STDIN, 1, &limits, &sink, &c->source, err);
    return source_files((const char *const *)files, (size_t)count, &limits, &sink, &c->source, err);
}

static rip_status open_all(run_command *c, char **files, int count, rip_error *err)
{
    dispatch_listener listener = {.ended = on_ended, .finding = on_finding, .fault = on_fault, .data = c};
    char mode[64], path[PATH_MAX + 16];
    rip_config *config = NULL;
    rip_status status = RIP_OK;
    if (c->mode) {
        snprintf(mode, sizeof mode, "mode=%s", c->mode);
        status = add_setting(c, mode, err);
    }
    if (status == RIP_OK && c->journal) {
        snprintf(path, sizeof path, "journal.path=%s", c->journal);
        status = add_setting(c, path, err);
    }
    if (status == RIP_OK) status = engine_configure("run", c->config, c->settings, c->setting_count, &config, err);
    if (status == RIP_OK) status = engine_open(&c->engine, "run", config, -1, err);
    c->engine.waits = true;
    aws_transport *transport = NULL;
    if (status == RIP_OK) {
        aws_wire_options wire = engine_wire_options(&c->engine, c->profile, c->endpoint_url);
        status = aws_wire_new(&wire, &transport, err);
    }
    c->engine.preflight = c->preflight;
    if (status == RIP_OK) {
        status = engine_start(&c->engine, transport, c->playbooks, c->playbook_count, &listener, err);
    }
    if (status == RIP_OK && library_count(c->engine.books) == 0) {
        status = rip_fail(err, RIP_EINVAL, "no playbook could be loaded");
    }
    if (status == RIP_OK) status = open_source(c, files, count, err);
    return status;
}

static bool is_reading(const run_command *c)
{
    return uv_is_active((const uv_handle_t *)&c->reading) ||
           (c->input_open && uv_is_active((const uv_handle_t *)&c->input)) || c->paused || c->recovering;
}

/* What the journal holds from before has its turn first. */
static void on_recovered(void *data, rip_status status, const rip_error *err)
{
    run_command *c = data;
    c->recovering = false;
    if (status != RIP_OK) {
        terminal_error("run", "%s", err->message);
        c->failed = true;
        return;
    }
    engine_listen(&c->engine);
    uv_idle_start(&c->reading, on_idle);
}

int command_run(int argc, char **argv)
{
    run_command c = {0};
    int end = parse(&c, argc, argv);
    if (end >= 0) return end;
    rip_error err;
    c.tty = isatty(STDERR_FILENO) && !c.json;
    if (open_all(&c, argv + optind, argc - optind, &err) != RIP_OK) {
        terminal_error("run", "%s", err.message);
        engine_close(&c.engine);
        return COMMAND_USAGE;
    }
    if (c.engine.mistakes) c.failed = true;
    uv_idle_init(&c.engine.loop, &c.reading);
    c.reading.data = &c;
    c.recovering = true;
    dispatch_recover(c.engine.dispatch, on_recovered, &c);
    while (is_reading(&c) || dispatch_backlog(c.engine.dispatch) > 0) {
        if (uv_run(&c.engine.loop, UV_RUN_ONCE) == 0 && !is_reading(&c)) break;
    }
    if (dispatch_backlog(c.engine.dispatch) > 0) {
        bool paused = json_object_size(journal_pauses(c.engine.journal)) > 0;
        terminal_error("run",
                       paused ? "%zu runs wait until changes are resumed (riposte resume)"
                              : "%zu runs wait for something that can't come",
                       dispatch_backlog(c.engine.dispatch));
        c.failed = true;
    }
    print_summary(&c);
    source_free(c.source);
    engine_close(&c.engine);
    return c.failed ? COMMAND_FAILED : COMMAND_DONE;
}
