#include "engine/run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/digest.h"
#include "engine/run/effect.h"
#include "engine/run/record.h"
#include "engine/run/session_tags.h"

struct run {
    const run_context *context;
    const rip_playbook *playbook;
    json_t *finding;
    char id[32];
    run_mode mode;
    effect_door *door;
    rip_script *script;
    json_t *session_tags;
    json_t *sources; /* module name -> text, as they were required */
    rip_timer limit;
    run_done done;
    void *data;
};

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && *text ? text : otherwise;
}

void run_id(const rip_playbook *playbook, const json_t *finding, char out[32])
{
    rip_buffer key = {0};
    rip_buffer_printf(&key, "%s\n%s\n%s", playbook->name, text_of(finding, "id", ""), text_of(finding, "version", ""));
    char hex[RIP_SHA256_HEX];
    rip_sha256_hex(key.data ? key.data : "", key.len, hex);
    rip_buffer_free(&key);
    snprintf(out, 32, "run-%.16s", hex);
}

run_mode run_effective_mode(const run_context *context, const rip_playbook *playbook)
{
    run_mode own = RUN_ENFORCE;
    if (playbook->mode && !run_mode_parse(playbook->mode, &own)) own = RUN_OBSERVE;
    return own < context->mode ? own : context->mode;
}

/* The end. */

static void on_end_written(void *data, rip_status status, const rip_error *err)
{
    (void)status;
    (void)err;
    run *r = data;
    r->done(r->data, r, journal_run(r->context->journal, r->id));
}

static void end(run *r, rip_status status, const rip_error *why)
{
    rip_timer_stop(&r->limit);
    effect_door_free(r->door);
    r->door = NULL;
    bool planned = r->mode == RUN_DRY_RUN || r->mode == RUN_APPROVE;
    const char *outcome = status != RIP_OK         ? "failed"
                          : r->mode == RUN_OBSERVE ? "observed"
                          : planned                ? "planned"
                                                   : "done";
    json_t *last = json_pack("{s:s, s:I, s:o}", "outcome", outcome, "finished",
                             (json_int_t)rip_clock_now(r->context->clock), "sources", json_incref(r->sources));
    if (status != RIP_OK) {
        json_object_set_new(last, "error",
                            json_pack("{s:s, s:s}", "status", rip_status_name(status), "message", why->message));
    }
    journal_run_end(r->context->journal, r->id, last, on_end_written, r);
    json_decref(last);
}

static void on_script_ended(void *data, rip_status status, const rip_error *err)
{
    end(data, status, err);
}

/* What stops a run from outside its script. */

void run_stop(run *r, rip_status status, const char *reason)
{
    if (r->script) rip_script_stop(r->script, status, reason);
}

static void on_door_stop(void *data, rip_status status, const char *reason)
{
    run_stop(data, status, reason);
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
             (long long)(time_allowed(r) / 1000));
    run_stop(r, RIP_ETIMEOUT, reason);
}

/* The beginning. */

static void on_required(void *data, const char *name, const char *text, size_t len)
{
    run *r = data;
    json_object_set_new(r->sources, name, json_stringn(text, len));
}

static rip_status open_door(run *r, rip_error *err)
{
    unsigned own = r->playbook->limit_changes;
    r->session_tags =
        run_session_tags(r->context->session_tags, r->id, r->playbook->name, text_of(r->finding, "id", ""));
    effect_settings settings = {
        .run = r->id,
        .mode = r->mode,
        .permissions = r->playbook->permissions,
        .session_tags = r->session_tags,
        .changes_allowed = own > 0 && own < r->context->changes ? own : r->context->changes,
        .partition = text_of(r->finding, "partition", "aws"),
        .region = text_of(r->finding, "region", "us-east-1"),
        .account = text_of(r->finding, "account", ""),
        .journal = r->context->journal,
        .client = r->context->client,
        .guard = r->context->guard,
        .clock = r->context->clock,
        .stop = on_door_stop,
        .data = r,
    };
    return effect_door_new(&settings, &r->door, err);
}

static rip_status open_script(run *r, rip_error *err)
{
    json_t *about =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", r->id, "mode", run_mode_name(r->mode), "playbook",
                  r->playbook->name, "account", text_of(r->finding, "account", ""), "region",
                  text_of(r->finding, "region", "us-east-1"), "partition", text_of(r->finding, "partition", "aws"));
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
        .ended = on_script_ended,
        .data = r,
    };
    rip_status status = rip_script_start(&options, &r->script, err);
    json_decref(about);
    return status;
}

static void on_begun(void *data, rip_status status, const rip_error *err)
{
    run *r = data;
    rip_error why = *err;
    if (status == RIP_OK) status = open_door(r, &why);
    if (status == RIP_OK && r->mode != RUN_OBSERVE) {
        status = open_script(r, &why);
        if (status == RIP_OK) {
            rip_timer_start(&r->limit, r->context->clock, (uint64_t)time_allowed(r), on_limit, r);
            return;
        }
    }
    end(r, status, &why);
}

static void begin(void *data)
{
    run *r = data;
    json_t *record =
        record_begin(r->id, r->playbook, r->finding, run_mode_name(r->mode), rip_clock_now(r->context->clock));
    journal_run_begin(r->context->journal, record, on_begun, r);
    json_decref(record);
}

rip_status run_start(const run_context *context, const rip_playbook *playbook, json_t *finding, run_done done,
                     void *data, run **out, rip_error *err)
{
    run *r = calloc(1, sizeof *r);
    if (!r) return rip_nomem(err);
    r->context = context;
    r->playbook = playbook;
    r->finding = json_incref(finding);
    r->sources = json_object();
    r->mode = run_effective_mode(context, playbook);
    r->done = done;
    r->data = data;
    run_id(playbook, finding, r->id);
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
    rip_script_free(r->script);
    effect_door_free(r->door);
    json_decref(r->session_tags);
    json_decref(r->sources);
    json_decref(r->finding);
    free(r);
}
