/* The life of `riposte serve`: start, work, reload, stop. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/json_memory.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "engine/command/command.h"
#include "engine/command/serve.h"
#include "engine/command/settings.h"
#include "engine/command/terminal.h"
#include "engine/dispatch/feedback.h"
#include "engine/run/record.h"
#include "engine/serve/privileges.h"
#include "engine/serve/systemd.h"
#include "lua/library_image.h"

#define LOOK_MS 5000
#define EMF_MS 60000
#define STOP_LOOK_MS 50
#define PRUNE_FIRST_MS (60 * 1000)
#define PRUNE_MS (24 * 3600 * 1000)

/* What happens, told. */

static void on_started(void *data, const char *id, const char *playbook, const json_t *finding)
{
    serve *s = data;
    rip_log(RIP_LOG_INFO, "run.started", "run", id, "playbook", playbook, "finding", rip_text(finding, "id"), NULL);
    json_t *about = json_pack("{s:s, s:s, s:s}", "run", id, "playbook", playbook, "finding", rip_text(finding, "id"));
    if (s->ways.api && about) api_publish(s->ways.api, "started", about);
    json_decref(about);
    notify_run(s->notify, journal_run(s->engine.journal, id), NULL, finding);
    json_object_set_nocheck(s->findings, id, (json_t *)(uintptr_t)finding);
}

static void on_ended(void *data, const char *id, const json_t *record)
{
    serve *s = data;
    const char *outcome = rip_text(record, "outcome");
    rip_log(record_is_well(record) ? RIP_LOG_INFO : RIP_LOG_WARN, "run.ended", "run", id, "playbook",
            rip_text(record, "playbook"), "outcome", outcome, "finding",
            rip_text(json_object_get(record, "finding"), "id"), "error",
            json_string_value(json_object_get(json_object_get(record, "error"), "message")), NULL);
    json_t *about =
        json_pack("{s:s, s:s, s:s}", "run", id, "playbook", rip_text(record, "playbook"), "outcome", outcome);
    if (s->ways.api && about) api_publish(s->ways.api, "ended", about);
    json_decref(about);
    tally_run(&s->tally, s->engine.journal, record);
    trace_run(s->trace, s->engine.journal, record, json_object_get(s->findings, id));
    json_t *report = record_report(s->engine.journal, id);
    notify_run(s->notify, record, report, json_object_get(s->findings, id));
    json_decref(report);
    json_object_del(s->findings, id);
}

static void on_finding(void *data, const dispatched *what)
{
    serve *s = data;
    tally_finding(&s->tally, what);
}

static void on_fault(void *data, const char *origin, size_t line, const rip_error *err)
{
    serve *s = data;
    (void)line;
    rip_log(RIP_LOG_WARN, "event.faulty", "origin", origin, "error", err->message, NULL);
    sink_fault(&s->sink, err);
}

/* Every so often. */

static void on_look(void *data)
{
    serve *s = data;
    tally_look(&s->tally, &s->engine);
    rip_library_images_rest();
    rip_json_memory_rest();
    rip_timer_start(&s->look, s->engine.clock, LOOK_MS, on_look, s);
}

static void on_watchdog(void *data)
{
    serve *s = data;
    systemd_tell("WATCHDOG=1");
    rip_timer_start(&s->watchdog, s->engine.clock, s->watchdog_ms / 2 + 1, on_watchdog, s);
}

static void on_emf(void *data)
{
    serve *s = data;
    tally_emf(&s->tally, &s->engine, stdout);
    rip_timer_start(&s->emf, s->engine.clock, EMF_MS, on_emf, s);
}

static void on_pruned(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)data;
    char runs[24] = "";
    if (status != RIP_OK) {
        rip_log(RIP_LOG_WARN, "journal.prune", "error", err->message, NULL);
        return;
    }
    snprintf(runs, sizeof runs, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(value, "runs")));
    rip_log(RIP_LOG_INFO, "journal.pruned", "runs", runs, NULL);
}

static void on_prune(void *data)
{
    serve *s = data;
    int64_t before = rip_clock_now(s->engine.clock) - rip_config_duration(s->engine.config, "journal.keep");
    journal_prune(s->engine.journal, before, on_pruned, s);
    rip_timer_start(&s->prune, s->engine.clock, PRUNE_MS, on_prune, s);
}

/* Reloading. */

static bool is_same(const rip_config *a, const rip_config *b, const rip_config_key *key)
{
    rip_buffer one = {0}, other = {0};
    settings_value(a, key, &one);
    settings_value(b, key, &other);
    bool same = one.len == other.len && (one.len == 0 || memcmp(one.data, other.data, one.len) == 0);
    rip_buffer_free(&one);
    rip_buffer_free(&other);
    return same;
}

static void tell_of_rest(const serve *s, const rip_config *config)
{
    size_t count;
    const rip_config_key *schema = rip_config_schema(&count);
    for (size_t i = 0; i < count; i++) {
        if (settings_reloads(schema[i].name) || is_same(s->engine.config, config, &schema[i])) continue;
        rip_log(RIP_LOG_WARN, "config.needs_restart", "key", schema[i].name, NULL);
    }
}

static void tell_reloading(void)
{
    char lines[64];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    systemd_tell(lines);
}

void serve_reload(serve *s, const char *why)
{
    rip_config *config = NULL;
    rip_error err;
    char books[24], mistakes[24];
    tell_reloading();
    rip_status status =
        engine_configure("serve", s->flags.config, s->flags.settings, s->flags.setting_count, &config, &err);
    if (status == RIP_OK) status = engine_reload(&s->engine, config, &err);
    if (status == RIP_OK) {
        tell_of_rest(s, config);
        snprintf(books, sizeof books, "%zu", library_count(s->engine.books));
        snprintf(mistakes, sizeof mistakes, "%zu", s->engine.mistakes);
        rip_log(s->engine.mistakes ? RIP_LOG_WARN : RIP_LOG_INFO, "serve.reloaded", "why", why, "playbooks", books,
                "mistakes", mistakes, NULL);
    } else {
        rip_log(RIP_LOG_ERROR, "serve.reload_failed", "why", why, "error", err.message, "kept",
                "all is as it was before", NULL);
    }
    tally_reload(&s->tally, status == RIP_OK && s->engine.mistakes == 0);
    tally_look(&s->tally, &s->engine);
    rip_config_free(config);
    systemd_tell("READY=1");
}

static void on_changed(void *data)
{
    serve *s = data;
    if (s->state == SERVE_READY) serve_reload(s, "files have changed");
}

static rip_status start_watch(serve *s, rip_error *err)
{
    int64_t every = rip_config_duration(s->engine.config, "serve.watch");
    if (every == 0) return RIP_OK;
    size_t count;
    const char *const *books = engine_book_paths(&s->engine, &count);
    const char *config = s->flags.config ? s->flags.config : getenv("RIPOSTE_CONFIG");
    s->watched = calloc(count + 1, sizeof *s->watched);
    if (!s->watched) return rip_nomem(err);
    memcpy((void *)(uintptr_t)s->watched, (const void *)books, count * sizeof *books);
    if (config && *config) s->watched[count++] = config;
    watch_options options = {s->engine.clock, s->watched, count, (uint64_t)every, on_changed, s};
    return watch_start(&options, &s->watch, err);
}

/* Stopping. */

static void on_stopping(void *data)
{
    serve *s = data;
    size_t left = dispatch_under_way(s->engine.dispatch) + ways_under_way(&s->ways);
    char runs[24];
    if (left > 0 && rip_clock_monotonic(s->engine.clock) < s->stop_by) {
        rip_timer_start(&s->stopping, s->engine.clock, STOP_LOOK_MS, on_stopping, s);
        return;
    }
    snprintf(runs, sizeof runs, "%zu", dispatch_backlog(s->engine.dispatch));
    rip_log(RIP_LOG_INFO, "serve.stopped", "left_to_the_journal", runs, NULL);
    s->state = SERVE_OVER;
}

static void begin_stop(serve *s, const char *why)
{
    if (s->state == SERVE_STOPPING) {
        rip_log(RIP_LOG_WARN, "serve.stopped_at_once", "why", why, NULL);
        s->state = SERVE_OVER;
        return;
    }
    s->state = SERVE_STOPPING;
    systemd_tell("STOPPING=1");
    rip_log(RIP_LOG_INFO, "serve.stopping", "why", why, NULL);
    s->sink.closed = true;
    ways_stop(&s->ways);
    dispatch_quiet(s->engine.dispatch);
    s->stop_by = rip_clock_monotonic(s->engine.clock) + rip_config_duration(s->engine.config, "serve.stop");
    on_stopping(s);
}

static void on_signal(uv_signal_t *handle, int number)
{
    serve *s = handle->data;
    if (s->state == SERVE_OVER) return; /* it is being taken apart */
    if (number != SIGHUP)
        begin_stop(s, number == SIGTERM ? "SIGTERM" : "SIGINT");
    else if (s->state == SERVE_READY)
        serve_reload(s, "SIGHUP");
}

static rip_status start_signals(serve *s, rip_error *err)
{
    static const int NUMBERS[] = {SIGTERM, SIGINT, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        if (uv_signal_init(&s->engine.loop, &s->signals[i]) != 0 ||
            uv_signal_start(&s->signals[i], on_signal, NUMBERS[i]) != 0)
            return rip_fail(err, RIP_EIO, "the signals can't be waited for");
        s->signals[i].data = s;
    }
    return RIP_OK;
}

/* Starting. */

static rip_status check(const rip_config *config, rip_error *err)
{
    if (*rip_config_string(config, "journal.path")) return RIP_OK;
    return rip_fail(err, RIP_EINVAL,
                    "journal.path is not set: a service needs a journal, so that nothing is lost or done twice when it "
                    "stops (--journal PATH)");
}

static rip_status open_engine(serve *s, rip_config *config, rip_error *err)
{
    engine *e = &s->engine;
    dispatch_listener listener = {on_started, on_ended, on_finding, on_fault, s};
    aws_transport *transport = NULL;
    rip_status status = engine_open(e, "serve", config, -1, err);
    e->stays = e->waits = true;
    if (status == RIP_OK) {
        aws_wire_options wire = engine_wire_options(e, s->flags.profile, s->flags.endpoint_url);
        status = aws_wire_new(&wire, &transport, err);
    }
    if (status == RIP_OK)
        status = engine_start(e, transport, s->flags.playbooks, s->flags.playbook_count, &listener, err);
    if (status == RIP_OK && library_count(e->books) == 0)
        status = rip_fail(err, RIP_EINVAL, "no playbook could be loaded");
    return status;
}

static void on_mistake(void *data, const rip_error *mistake)
{
    (void)data;
    terminal_error("serve", "%s", mistake->message);
}

static void on_feedback(void *data, const json_t *briefs, journal_done done, void *done_data)
{
    serve *s = data;
    dispatch_feedback(s->engine.dispatch, briefs, done, done_data);
}

/* Links lead to the approval page, which is there where the API is. */
static rip_status start_notify(serve *s, rip_error *err)
{
    const rip_config *config = s->engine.config;
    const char *url = rip_config_string(config, "http.url");
    notify_options options = {
        .config = config,
        .clock = s->engine.clock,
        .client = s->engine.client,
        .journal = s->engine.journal,
        .metrics = s->tally.all,
        .base_url = *url && *rip_config_string(config, "http.listen") ? url : NULL,
        .mistake = on_mistake,
        .feedback = on_feedback,
        .data = s,
    };
    return notify_new(&options, &s->notify, err);
}

static bool is_ready(void *data, const char **why)
{
    const serve *s = data;
    const char *unknown;
    bool knows = !s->engine.guard || guard_knows_itself(s->engine.guard, &unknown);
    *why = s->state == SERVE_STARTING ? "what the journal holds from before is being read"
           : s->state != SERVE_READY  ? "it stops"
                                      : "who the engine is could not be told by STS: nothing is changed";
    return s->state == SERVE_READY && knows;
}

static rip_status start_trace(serve *s, rip_error *err)
{
    const char *endpoint = rip_config_string(s->engine.config, "trace.endpoint");
    if (!*endpoint) return RIP_OK;
    trace_options options = {s->engine.clock, endpoint, RIPOSTE_VERSION};
    return trace_new(&options, &s->trace, err);
}

rip_status serve_open(serve *s, rip_error *err)
{
    rip_config *config = NULL;
    const serve_flags *f = &s->flags;
    s->findings = json_object();
    rip_status status = s->findings && tally_open(&s->tally) ? RIP_OK : rip_nomem(err);
    if (status == RIP_OK) status = engine_configure("serve", f->config, f->settings, f->setting_count, &config, err);
    if (status == RIP_OK) status = check(config, err);
    if (status == RIP_OK && *rip_config_string(config, "serve.user"))
        status = privileges_drop(rip_config_string(config, "serve.user"), err);
    if (status != RIP_OK) {
        rip_config_free(config);
        return status;
    }
    status = open_engine(s, config, err);
    if (status == RIP_OK) status = start_signals(s, err);
    if (status == RIP_OK) status = start_watch(s, err);
    if (status == RIP_OK) status = start_trace(s, err);
    if (status == RIP_OK) status = start_notify(s, err);
    if (status != RIP_OK) return status;
    aws_client_watch(s->engine.client, tally_call, &s->tally);
    sink_open(&s->sink, s->engine.dispatch, (size_t)rip_config_integer(config, "serve.backlog"));
    ways_options in = {&s->engine, &s->sink, s->tally.all, is_ready, s};
    return ways_open(&s->ways, &in, err);
}

static void fail(serve *s, const rip_error *err)
{
    rip_log(RIP_LOG_ERROR, "serve.failed", "error", err->message, NULL);
    s->failed = true;
    s->state = SERVE_OVER;
}

/* What was under way has its turn before anything new. */
static void on_recovered(void *data, rip_status status, const rip_error *err)
{
    serve *s = data;
    char left[24];
    if (s->state != SERVE_STARTING) return;
    if (status != RIP_OK) {
        fail(s, err);
        return;
    }
    engine_listen(&s->engine);
    notify_recover(s->notify);
    rip_error why;
    if (ways_start(&s->ways, &why) != RIP_OK) {
        fail(s, &why);
        return;
    }
    s->state = SERVE_READY;
    snprintf(left, sizeof left, "%zu", dispatch_backlog(s->engine.dispatch));
    rip_log(RIP_LOG_INFO, "serve.ready", "version", RIPOSTE_VERSION, "mode", run_mode_name(s->engine.context.mode),
            "from_before", left, NULL);
    systemd_tell("READY=1\nSTATUS=Answering findings");
}

int serve_work(serve *s)
{
    s->watchdog_ms = systemd_watchdog_ms();
    if (s->watchdog_ms) on_watchdog(s);
    on_look(s);
    rip_timer_start(&s->prune, s->engine.clock, PRUNE_FIRST_MS, on_prune, s);
    if (rip_config_boolean(s->engine.config, "log.emf")) on_emf(s);
    dispatch_recover(s->engine.dispatch, on_recovered, s);
    while (s->state != SERVE_OVER) uv_run(&s->engine.loop, UV_RUN_ONCE);
    return s->failed ? COMMAND_FAILED : COMMAND_DONE;
}

void serve_close(serve *s)
{
    rip_timer *timers[] = {&s->look, &s->watchdog, &s->prune, &s->emf, &s->stopping};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) rip_timer_stop(timers[i]);
    watch_free(s->watch);
    trace_free(s->trace);
    engine_end(&s->engine);
    ways_close(&s->ways);
    notify_free(s->notify);
    engine_close(&s->engine);
    tally_close(&s->tally);
    json_decref(s->findings);
    free(s->watched);
}
