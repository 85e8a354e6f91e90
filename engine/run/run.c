#include "engine/run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/digest.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "engine/run/effect.h"
#include "engine/run/plan.h"
#include "engine/run/preflight.h"
#include "engine/run/record.h"
#include "engine/run/session_tags.h"
#include "lua/library.h"

/* A run that only waits gives its Lua state (100 KB and more) back, and is replayed when the first of its waits is
 * over. To start a state takes about a millisecond: that is not worth doing for less than a minute, nor where the
 * replay itself takes longer than a turn of the loop should. */
#define ASLEEP_LEAST_MS 60000
#define REPLAY_STEPS_MOST 1000
#define REPLAY_INSTRUCTIONS_MOST 5000000

struct run {
    const run_context *context;
    const rip_playbook *playbook; /* what it runs: the one of today, or `recalled`; NULL while it sleeps without it */
    rip_playbook *recalled;       /* the text it began with, before a crash */
    const rip_library *library;   /* it runs with */
    json_t *finding, *record;
    const char *id;
    run_mode mode;
    effect_door *door;
    rip_script *script; /* NULL with a door: it sleeps */
    json_t *session_tags;
    json_t *permissions; /* its header's, and what a preflight needs */
    json_t *detail;      /* of why it was stopped */
    const char *outcome; /* it was stopped: how that is called */
    bool has_ended;      /* which the journal is being told */
    rip_error stopped;   /* why, where it had no script then */
    int64_t time_allowed_ms;
    rip_timer limit;
    rip_timer doze;
    run_listener listener;
};

void run_id(const rip_playbook *playbook, const json_t *finding, char out[32])
{
    rip_buffer key = {0};
    rip_buffer_printf(&key, "%s\n%s\n%s", playbook->name, rip_text_or(finding, "id", ""),
                      rip_text_or(finding, "version", ""));
    char hex[RIP_SHA256_HEX];
    rip_sha256_hex(key.data ? key.data : "", key.len, hex);
    rip_buffer_free(&key);
    snprintf(out, 32, "run-%.16s", hex);
}

run_mode run_effective_mode(const run_context *context, const rip_playbook *playbook, const char *account)
{
    run_mode own = RUN_ENFORCE, accounts = RUN_ENFORCE;
    const char *named = json_string_value(json_object_get(context->account_modes, account));
    if (playbook->mode && !run_mode_parse(playbook->mode, &own)) own = RUN_OBSERVE;
    if (named && !run_mode_parse(named, &accounts)) accounts = RUN_OBSERVE;
    run_mode lowest = own < context->mode ? own : context->mode;
    return lowest < accounts ? lowest : accounts;
}

/* The end. */

static void on_end_written(void *data, rip_status status, const rip_error *err)
{
    run *r = data;
    if (status != RIP_OK) rip_log(RIP_LOG_ERROR, "run.end", "run", r->id, "error", err->message, NULL);
    r->listener.done(r->listener.data, r, journal_run(r->context->journal, r->id));
}

static const char *outcome_of(const run *r, rip_status status)
{
    if (r->outcome) return r->outcome;
    if (status != RIP_OK) return "failed";
    switch (r->mode) {
    case RUN_OBSERVE: return "observed";
    case RUN_DRY_RUN: return "planned";
    case RUN_APPROVE: return "waiting";
    case RUN_ENFORCE: return "done";
    }
    return "done";
}

/* A plan without changes needs no approval. */
static const char *add_plan(run *r, const char *outcome, json_t *last)
{
    if (strcmp(outcome, "waiting") != 0) return outcome;
    json_t *plan = run_plan_lines(r->context->journal, r->id);
    if (json_array_size(plan) == 0) {
        json_decref(plan);
        return "planned";
    }
    json_object_set_new(last, "plan", plan);
    return outcome;
}

static void end(run *r, rip_status status, const rip_error *why)
{
    r->has_ended = true;
    rip_timer_stop(&r->limit);
    rip_timer_stop(&r->doze);
    effect_door_close(r->door);
    rip_script_free(r->script); /* the next run has its memory while it is in the cache; the journal may take a while */
    r->script = NULL;
    json_t *last = json_pack("{s:I}", "finished", (json_int_t)rip_clock_now(r->context->clock));
    const char *outcome = add_plan(r, outcome_of(r, status), last);
    json_object_set_new(last, "outcome", json_string(outcome));
    if (r->detail) json_object_set(last, "detail", r->detail);
    if (status != RIP_OK) {
        char *message = effect_door_hide_text(r->door, why->message, strlen(why->message));
        json_object_set_new(last, "error",
                            json_pack("{s:s, s:s, s:b}", "status", rip_status_name(status), "message",
                                      message ? message : "", "retryable", (int)(status == RIP_EAGAIN)));
        free(message);
    }
    json_t *next = r->listener.ending ? r->listener.ending(r->listener.data, r, last) : NULL;
    journal_run_end(r->context->journal, r->id, last, next, on_end_written, r);
    json_decref(next);
    json_decref(last);
}

static void on_script_ended(void *data, rip_status status, const rip_error *err)
{
    run *r = data;
    rip_error why = *err;
    if (status == RIP_OK && effect_door_is_replaying(r->door)) {
        r->outcome = "diverged";
        status =
            rip_fail(&why, RIP_EINVAL,
                     "diverged: it ended, and the journal holds steps that it did not ask for: the playbook is not "
                     "deterministic, or not the same");
    }
    end(r, status, &why);
}

/* What stops a run from outside its script. */

static void end_stopped(void *data)
{
    run *r = data;
    end(r, r->stopped.status, &r->stopped);
}

/* From the loop, and not from inside the door, which goes with it. */
static void end_asleep(run *r)
{
    rip_timer_start(&r->limit, r->context->clock, 0, end_stopped, r);
}

void run_stop(run *r, const char *outcome, rip_status status, const char *reason)
{
    if (r->outcome || r->has_ended) return;
    r->outcome = outcome;
    effect_door_hold(r->door);
    if (r->script) {
        rip_script_stop(r->script, status, reason);
        return;
    }
    rip_fail(&r->stopped, status, "%s", reason);
    if (run_is_asleep(r)) end_asleep(r);
}

/* Before its script began. */
static rip_status was_stopped(const run *r, rip_error *err)
{
    if (!r->outcome) return RIP_OK;
    *err = r->stopped;
    return err->status;
}

static void on_door_stop(void *data, const effect_end *why)
{
    run *r = data;
    if (!r->outcome) r->detail = json_incref(why->detail);
    run_stop(r, why->outcome, why->status, why->reason);
}

static int64_t time_allowed(const run *r)
{
    int64_t global = r->context->run_time_ms, own = r->playbook->limit_time_ms;
    return own > 0 && own < global ? own : global;
}

static void on_limit(void *data)
{
    run *r = data;
    char reason[160];
    snprintf(reason, sizeof reason, "it ran for over %lld s: raise limits.time in its header, or limits.run_time",
             (long long)(r->time_allowed_ms / 1000));
    run_stop(r, "failed", RIP_ETIMEOUT, reason);
}

/* The beginning. */

/* The library is the engine's own: the record says which. */
static void on_required(void *data, const char *name, const char *text, size_t len)
{
    run *r = data;
    bool known = json_object_get(json_object_get(r->record, "sources"), name);
    if (!known) journal_run_source(r->context->journal, r->id, name, text, len);
}

/* A run that began keeps its playbook's text, whatever the file says now. */
static rip_status recall(run *r, rip_error *err)
{
    const json_t *text = json_object_get(r->record, "text");
    if (!text && r->playbook) return RIP_OK;
    if (!text)
        return rip_fail(err, RIP_ENOTFOUND, "the playbook %s is not loaded any more",
                        rip_text_or(r->record, "playbook", "?"));
    rip_status status = rip_playbook_recall(rip_text_or(r->record, "file", "playbook.lua"), json_string_value(text),
                                            json_string_length(text), json_object_get(r->record, "sources"), r->library,
                                            &r->recalled, err);
    if (status != RIP_OK) return status;
    if (!r->playbook) r->playbook = r->recalled;
    return RIP_OK;
}

static char *hide(void *data, const char *text, size_t len)
{
    const run *r = data;
    return effect_door_hide_text(r->door, text, len);
}

/* What it prints was logged the first time. */
static bool is_replaying(void *data)
{
    const run *r = data;
    return effect_door_is_replaying(r->door);
}

static rip_status open_script(run *r, rip_error *err)
{
    /* What is carried out is what was planned: also where the run's id is a part of it. */
    const char *id = rip_text_or(r->record, "plan_of", r->id);
    json_t *about = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", id, "mode", run_mode_name(r->mode), "playbook",
                              r->playbook->name, "account", rip_text_or(r->finding, "account", ""), "region",
                              rip_text_or(r->finding, "region", "us-east-1"), "partition",
                              rip_text_or(r->finding, "partition", "aws"));
    static const char *const WITH[] = {"undo", "feedback"}; /* what the engine's own playbooks go by */
    for (size_t i = 0; about && i < sizeof WITH / sizeof *WITH; i++) {
        json_t *value = json_object_get(r->record, WITH[i]);
        if (value) json_object_set(about, WITH[i], value);
    }
    if (about && r->context->preflight) json_object_set_new(about, "preflight", json_true());
    if (!about) return rip_nomem(err);
    rip_script_options options = {
        .playbook = r->playbook,
        .finding = r->finding,
        .about = about,
        .door = effect_door_base(r->door),
        .models = aws_client_models(r->context->client),
        .clock = r->context->clock,
        .limits = r->context->vm_limits,
        .required = on_required,
        .repeats = is_replaying,
        .hide = hide,
        .ended = on_script_ended,
        .data = r,
    };
    rip_status status = rip_script_start(&options, &r->script, err);
    json_decref(about);
    return status;
}

/* Asleep. */

static bool may_sleep(const run *r)
{
    return r->script && !r->outcome && journal_step_count(r->context->journal, r->id) <= REPLAY_STEPS_MOST &&
           rip_script_instructions(r->script) <= REPLAY_INSTRUCTIONS_MOST &&
           effect_door_sleeps(r->door, ASLEEP_LEAST_MS);
}

static void fall_asleep(void *data)
{
    run *r = data;
    if (!may_sleep(r)) return;
    effect_door_leave(r->door);
    rip_script_free(r->script);
    r->script = NULL;
    if (!r->recalled) return;
    rip_playbook_free(r->recalled);
    r->recalled = NULL;
    r->playbook = NULL;
}

/* The script is on its way out of the door yet: it is freed from the loop. */
static void on_door_quiet(void *data)
{
    run *r = data;
    if (may_sleep(r)) rip_timer_start(&r->doze, r->context->clock, 0, fall_asleep, r);
}

/* The files of its own modules may have changed meanwhile; the playbook is the one that it began with. */
static rip_status recall_asleep(run *r, rip_error *err)
{
    if (r->playbook && json_object_size(json_object_get(r->record, "sources")) == 0) return RIP_OK;
    rip_status status = recall(r, err);
    if (r->recalled) r->playbook = r->recalled;
    return status;
}

static void on_door_awake(void *data)
{
    run *r = data;
    if (r->outcome) return; /* it was stopped in its sleep, and is about to end */
    effect_door_rewind(r->door);
    rip_status status = recall_asleep(r, &r->stopped);
    if (status == RIP_OK) status = open_script(r, &r->stopped);
    if (status != RIP_OK) end_asleep(r);
}

bool run_is_asleep(const run *r)
{
    return r->door && !r->script && !r->has_ended;
}

/* Begun. */

static rip_status open_door(run *r, rip_error *err)
{
    unsigned own = r->playbook->limit_changes;
    r->session_tags =
        run_session_tags(r->context->session_tags, r->id, r->playbook->name, rip_text_or(r->finding, "id", ""));
    r->permissions =
        r->context->preflight ? preflight_permissions(r->playbook->permissions) : json_incref(r->playbook->permissions);
    effect_settings settings = {
        .run = r->id,
        .playbook = rip_text(r->record, "playbook"), /* the text of a recalled one goes when the run falls asleep */
        .mode = r->mode,
        .plan = json_object_get(r->record, "approved"),
        .planned_by = rip_text_or(r->record, "plan_of", r->id),
        .tokens_of = rip_text_or(r->record, "tokens_of", r->id),
        .takes_back = json_object_get(r->record, "undo") ? rip_text_or(r->record, "undo_of", NULL) : NULL,
        .uncounted = json_object_get(r->record, "feedback") != NULL,
        .permissions = r->permissions,
        .session_tags = r->session_tags,
        .changes_allowed = own > 0 && own < r->context->changes ? own : r->context->changes,
        .steps_allowed = r->context->steps,
        .bytes_allowed = r->context->record_bytes,
        .partition = rip_text_or(r->finding, "partition", "aws"),
        .region = rip_text_or(r->finding, "region", "us-east-1"),
        .account = rip_text_or(r->finding, "account", ""),
        .journal = r->context->journal,
        .client = r->context->client,
        .guard = r->context->guard,
        .clock = r->context->clock,
        .stop = on_door_stop,
        .quiet = on_door_quiet,
        .awake = on_door_awake,
        .data = r,
    };
    return effect_door_new(&settings, &r->door, err);
}

static void on_begun(void *data, rip_status status, const rip_error *err)
{
    run *r = data;
    rip_error why = *err;
    if (status == RIP_OK) status = was_stopped(r, &why);
    if (status == RIP_OK) status = open_door(r, &why);
    if (status == RIP_OK && r->mode != RUN_OBSERVE) {
        status = open_script(r, &why);
        if (status == RIP_OK) {
            int64_t gone = rip_clock_now(r->context->clock) - json_integer_value(json_object_get(r->record, "started"));
            r->time_allowed_ms = time_allowed(r);
            int64_t left = gone > 0 ? r->time_allowed_ms - gone : r->time_allowed_ms;
            rip_timer_start(&r->limit, r->context->clock, left > 0 ? (uint64_t)left : 0, on_limit, r);
            return;
        }
    }
    end(r, status, &why);
}

/* A run that was cut off goes on with the library that it began with, though the engine may have been updated since.
 * Where that one is not to be had it goes on with the one of today; if that makes a difference, it ends as diverged. */
static void take_library(run *r)
{
    const char *before = rip_text_or(r->record, "library", ""), *today = rip_library_digest(r->library);
    if (!json_object_get(r->record, "started") || strcmp(before, today) == 0) return;
    size_t len = 0;
    rip_error err;
    const rip_library *own = NULL;
    const char *pack = journal_library(r->context->journal, before, &len);
    rip_status status = pack ? rip_library_recall(before, pack, len, &own, &err)
                             : rip_fail(&err, RIP_ENOTFOUND, "the journal has no copy of it that can be read");
    if (status == RIP_OK)
        r->library = own;
    else
        rip_log(RIP_LOG_WARN, "run.library", "run", r->id, "began_with", before, "now", today, "why", err.message,
                NULL);
}

/* The mode may have been lowered since it was queued: then less is done; since it began: then nothing more. */
static rip_status lower_mode(run *r, rip_error *err)
{
    if (json_object_get(r->record, "feedback")) return RIP_OK; /* what was done is done: it is only told */
    run_mode allowed = run_effective_mode(r->context, r->playbook, rip_text_or(r->finding, "account", ""));
    bool by_plan = json_object_get(r->record, "approved") && allowed == RUN_APPROVE;
    if (r->mode <= allowed || by_plan) return RIP_OK;
    if (json_object_get(r->record, "started") || json_object_get(r->record, "approved"))
        return rip_fail(err, RIP_EDENIED, "its mode is %s, and the configuration or the playbook allows only %s now",
                        run_mode_name(r->mode), run_mode_name(allowed));
    r->mode = allowed;
    return RIP_OK;
}

static void write_begin(run *r)
{
    size_t len = 0;
    const char *digest = rip_library_digest(r->library), *pack = rip_library_pack(r->library, &len);
    json_t *record = record_begin(r->id, r->playbook, digest, run_mode_name(r->mode), rip_clock_now(r->context->clock));
    journal_library_keep(r->context->journal, digest, pack, len);
    journal_run_begin(r->context->journal, record, on_begun, r);
    json_decref(record);
}

static void begin(void *data)
{
    run *r = data;
    rip_error err = {RIP_OK, ""};
    rip_status status = was_stopped(r, &err);
    if (status == RIP_OK) status = rip_library_current(&r->library, &err);
    if (status == RIP_OK) take_library(r);
    if (status == RIP_OK) status = recall(r, &err);
    if (status == RIP_OK) status = lower_mode(r, &err);
    if (status == RIP_OK && r->recalled) r->playbook = r->recalled;
    if (status != RIP_OK)
        end(r, status, &err);
    else if (json_object_get(r->record, "started"))
        on_begun(r, RIP_OK, &err);
    else
        write_begin(r);
}

rip_status run_start(const run_context *context, const run_order *order, const run_listener *listener, run **out,
                     rip_error *err)
{
    run *r = calloc(1, sizeof *r);
    if (!r) return rip_nomem(err);
    r->context = context;
    r->playbook = order->playbook;
    r->finding = json_incref(order->finding);
    r->record = json_incref(order->record);
    r->id = rip_text_or(r->record, "id", "");
    r->listener = *listener;
    if (!run_mode_parse(rip_text_or(r->record, "mode", ""), &r->mode)) r->mode = RUN_OBSERVE;
    *out = r;
    rip_timer_start(&r->limit, context->clock, 0, begin, r);
    return RIP_OK;
}

const char *run_name(const run *r)
{
    return r->id;
}

void run_free(run *r)
{
    if (!r) return;
    rip_timer_stop(&r->limit);
    rip_timer_stop(&r->doze);
    rip_script_free(r->script);
    effect_door_free(r->door);
    json_decref(r->session_tags);
    json_decref(r->permissions);
    json_decref(r->detail);
    json_decref(r->record);
    json_decref(r->finding);
    rip_playbook_free(r->recalled);
    free(r);
}
