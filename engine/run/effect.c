#include "engine/run/effect_private.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/endpoint.h"
#include "engine/base/json.h"
#include "engine/run/secret.h"

#define CLOCK_OFF_LEAST_MS 2000 /* less is the way of a reply, and the second that it is told to */

/* The life of a pending effect. */

void pending_free(pending *p)
{
    effect_door *door = p->door;
    if (p->previous)
        p->previous->next = p->next;
    else if (door->first == p)
        door->first = p->next;
    if (p->next) p->next->previous = p->previous;
    if (p->check) guard_cancel(p->check);
    if (p->call) aws_call_cancel(p->call);
    rip_timer_stop(&p->timer);
    json_decref(p->request);
    json_decref(p->step.request);
    json_decref(p->step.undo);
    json_decref(p->step.reply);
    json_decref(p->value);
    json_decref(p->error);
    free(p->path);
    free(p->kind);
    free(p->phase);
    free(p->irreversible);
    free(p->unopened);
    free(p->region);
    free(p->account);
    free(p);
}

/* A fingerprint tells whether a replayed playbook asks for the same thing again. */
static void take_fingerprint(pending *p)
{
    rip_buffer text = {0};
    rip_buffer_printf(&text, "%s\n", p->kind);
    (void)rip_json_write(&text, p->step.request, RIP_JSON_SORTED, NULL);
    rip_sha256_hex(text.data ? text.data : "", text.len, p->fingerprint);
    rip_buffer_free(&text);
}

static char *field_or(const json_t *request, const char *key, const char *otherwise)
{
    const char *value = json_string_value(json_object_get(request, key));
    return strdup(value && *value ? value : otherwise);
}

/* `before`: what the journal holds of it; NULL: nothing. */
static pending *pending_new(effect_door *door, const rip_effect *effect, const journal_step *before,
                            rip_effect_done done, void *data)
{
    pending *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->door = door;
    p->done = done;
    p->data = data;
    p->path = strdup(effect->path);
    p->kind = strdup(effect->kind);
    p->phase = strdup(effect->phase);
    p->region = field_or(effect->request, "region", door->settings.region);
    p->account = field_or(effect->request, "account", door->settings.account);
    p->request = json_incref(effect->request);
    p->plan_line = -1;
    p->next = door->first;
    if (door->first) door->first->previous = p;
    door->first = p;
    if (!p->path || !p->kind || !p->phase || !p->region || !p->account) {
        pending_free(p);
        return NULL;
    }
    rip_error unknown_operation;
    if (strcmp(p->kind, "aws") == 0) effect_find_operation(p, &unknown_operation);
    p->step.path = p->path;
    p->step.number = effect->number;
    effect_open_request(p);
    p->step.request = effect_masked_request(p);
    effect_take_undo(p, effect, before);
    take_fingerprint(p);
    p->step.kind = p->kind;
    p->step.phase = p->phase;
    p->step.irreversible = p->irreversible;
    p->step.fingerprint = p->fingerprint;
    p->step.started_ms = rip_clock_now(door->settings.clock);
    return p;
}

void effect_stop_run(effect_door *door, const effect_end *end)
{
    if (door->stopped) return;
    door->stopped = true;
    door->settings.stop(door->settings.data, end);
}

static void fail_run(effect_door *door, rip_status status, const char *reason)
{
    effect_end end = {"failed", status, "", NULL};
    snprintf(end.reason, sizeof end.reason, "%s", reason);
    effect_stop_run(door, &end);
}

/* The journal has answered: does it go on? Its run may have been stopped meanwhile, or the journal have failed. */
static bool goes_on(pending *p, rip_status status, const rip_error *err)
{
    p->writing = false;
    if (p->door->stopped) {
        pending_free(p);
        return false;
    }
    if (status != RIP_OK) fail_run(p->door, status, err->message);
    return status == RIP_OK;
}

/* The end of the way: write *finished*, then answer. */

static void on_finished_written(void *data, rip_status status, const rip_error *err)
{
    pending *p = data;
    if (!goes_on(p, status, err)) return;
    if (p->door->left) {
        p->door->settings.awake(p->door->settings.data); /* p may be gone */
        return;
    }
    rip_effect_reply reply = {p->value, p->error, p->planned};
    rip_effect_done done = p->done;
    void *done_data = p->data;
    json_t *value = json_incref(p->value), *error = json_incref(p->error);
    pending_free(p);
    done(done_data, &reply);
    json_decref(value);
    json_decref(error);
}

void effect_finish(pending *p, const char *outcome)
{
    const effect_settings *settings = &p->door->settings;
    const aws_shape *shape = p->value && p->operation ? aws_operation_output(p->operation) : NULL;
    p->step.outcome = outcome;
    p->step.irreversible = p->irreversible;
    p->step.finished_ms = rip_clock_now(settings->clock);
    json_t *answer = p->error ? p->error : p->value;
    p->step.reply = secret_mask(settings->journal, shape, answer, &p->door->known);
    if (p->step.reply != answer) p->door->told_secret = true;
    effect_count_reply(p->door, p->step.reply);
    p->writing = true;
    journal_step_finish(settings->journal, settings->run, &p->step, on_finished_written, p);
}

json_t *effect_error(const pending *p, const char *code, const char *message)
{
    json_t *error = json_pack("{s:s, s:s, s:b}", "code", code, "message", message, "retryable", 0);
    if (error && p->operation) {
        json_object_set_new(error, "operation",
                            json_sprintf("%s:%s", aws_service_name(aws_operation_service(p->operation)),
                                         aws_operation_name(p->operation)));
    }
    return error;
}

void effect_fail(pending *p, const char *outcome)
{
    p->step.undo = (json_decref(p->step.undo), NULL);
    effect_finish(p, outcome);
}

void effect_succeed(pending *p, json_t *value, const char *outcome)
{
    p->value = json_incref(value);
    if (p->door->plan) run_plan_bind(p->door->plan, p->plan_line, value);
    effect_fill_undo(p, value);
    effect_finish(p, outcome);
}

/* A second run for the same may ask for something else at this step: that is another change. */
void effect_token(const pending *p, char out[37])
{
    char text[640];
    snprintf(text, sizeof text, "%s/%s/%u/%s", p->door->settings.tokens_of, p->path, p->step.number, p->fingerprint);
    effect_uuid_of(text, out);
}

/* On the way in. */

static void act(pending *p)
{
    if (p->operation)
        effect_aws_act(p);
    else
        effect_own_act(p);
}

static void on_started_written(void *data, rip_status status, const rip_error *err)
{
    pending *p = data;
    if (goes_on(p, status, err)) act(p);
}

static bool is_real_change(const pending *p)
{
    return p->step.is_change && p->door->settings.mode == RUN_ENFORCE;
}

/* AWS tells the times of what it made by its own clock: where that is not ours, a settled change is looked for by it.
 */
static void note_clock(pending *p)
{
    int64_t off = aws_client_clock_off(p->door->settings.client);
    if (off > -CLOCK_OFF_LEAST_MS && off < CLOCK_OFF_LEAST_MS) return;
    json_t *request = json_copy(p->step.request);
    json_object_set_new(request, EFFECT_CLOCK_OFF, json_integer(off));
    json_decref(p->step.request);
    p->step.request = request;
}

static void start(pending *p)
{
    effect_settings *settings = &p->door->settings;
    p->step.care = is_real_change(p) ? JOURNAL_SAFE : strcmp(p->kind, "sleep") == 0 ? JOURNAL_NOTED : JOURNAL_LIGHT;
    if (p->step.care == JOURNAL_SAFE) note_clock(p);
    p->writing = true;
    journal_step_start(settings->journal, settings->run, &p->step, on_started_written, p);
}

/* A refusal is a step too: it is on record that the playbook asked and what forbade it. */
static void on_refusal_written(void *data, rip_status status, const rip_error *err)
{
    pending *p = data;
    if (goes_on(p, status, err)) effect_fail(p, "refused");
}

static void refuse(pending *p, const char *guard_name, const rip_error *why)
{
    char code[64];
    p->step.is_change = false; /* nothing changes */
    snprintf(code, sizeof code, "Guard.%c%s", guard_name[0] - 'a' + 'A', guard_name + 1);
    p->error = effect_error(p, code, why->message);
    p->step.care = JOURNAL_LIGHT;
    p->writing = true;
    journal_step_start(p->door->settings.journal, p->door->settings.run, &p->step, on_refusal_written, p);
}

static const char *paused_scope(const pending *p)
{
    const effect_settings *settings = &p->door->settings;
    return guard_paused(settings->journal, settings->playbook, p->account);
}

bool effect_is_paused(const pending *p)
{
    return p->door->settings.mode == RUN_ENFORCE && paused_scope(p);
}

void effect_stop_paused(pending *p)
{
    const char *scope = paused_scope(p);
    effect_end end = {"paused", RIP_EDENIED, "", NULL};
    snprintf(end.reason, sizeof end.reason, "changes are paused (%.200s): it is done again when they are resumed",
             scope ? scope : "all");
    effect_stop_run(p->door, &end);
}

static void stop_outside_plan(pending *p)
{
    effect_end end = {"outside-plan", RIP_EDENIED, "", p->step.request};
    snprintf(end.reason, sizeof end.reason, "%s:%s is not in the plan that was approved: a new plan is made",
             aws_service_name(aws_operation_service(p->operation)), aws_operation_name(p->operation));
    effect_stop_run(p->door, &end);
}

/* The last look before a change is made. */
static bool may_change(pending *p)
{
    effect_door *door = p->door;
    if (effect_is_paused(p)) {
        effect_stop_paused(p);
        return false;
    }
    if (secret_lost(door->settings.journal, p->request)) {
        effect_end end = {"secret-lost", RIP_EIO,
                          "a secret that the next change needs was not kept over a restart: it is done again", NULL};
        effect_stop_run(door, &end);
        return false;
    }
    if (p->started || !door->plan) return true;
    p->plan_line = run_plan_take(door->plan, p->step.request);
    if (p->plan_line >= 0) return true;
    stop_outside_plan(p);
    return false;
}

static void spend(const pending *p)
{
    const effect_settings *settings = &p->door->settings;
    char scope[192];
    snprintf(scope, sizeof scope, "playbook:%s", settings->playbook);
    journal_spend(settings->journal, scope, p->step.started_ms);
    snprintf(scope, sizeof scope, "account:%s", p->account);
    journal_spend(settings->journal, scope, p->step.started_ms);
}

static void on_guarded(void *data, rip_status status, const char *name, const rip_error *err)
{
    pending *p = data;
    p->check = NULL;
    if (p->door->stopped) return;
    if (status != RIP_OK) {
        p->door->changes--;
        refuse(p, name, err);
        return;
    }
    if (is_real_change(p)) {
        if (!may_change(p)) return;
        if (!p->door->settings.uncounted) spend(p);
    }
    start(p);
}

static void admit_operation(pending *p)
{
    rip_error err = {RIP_OK, ""};
    const char *name = "operation";
    effect_settings *settings = &p->door->settings;
    if (effect_find_operation(p, &err) != RIP_OK || effect_check_place(p, &name, &err) != RIP_OK) {
        refuse(p, name, &err);
        return;
    }
    if (p->unopened) {
        rip_fail(&err, RIP_EDENIED, "%s", p->unopened);
        refuse(p, "seal", &err);
        return;
    }
    guard_request request = {
        .operation = p->operation,
        .params = json_object_get(p->request, "params"),
        .partition = aws_partition_of(p->region), /* where it goes, whatever the finding says of itself */
        .region = p->region,
        .account = p->account,
        .permissions = settings->permissions,
        .playbook = settings->playbook,
        .changes_made = p->door->changes,
        .changes_allowed = settings->changes_allowed,
        .uncounted = settings->uncounted,
        .is_rehearsal = settings->mode != RUN_ENFORCE,
    };
    if (guard_admit(settings->guard, &request, &name, &err) != RIP_OK) {
        refuse(p, name, &err);
    } else if (p->step.is_change && effect_check_undo(p, &err) != RIP_OK) {
        refuse(p, "permission", &err);
    } else if (p->step.is_change) {
        /* Counted before the guard's look-ups, so that parallel fibers cannot overdraw the budget. */
        p->door->changes++;
        guard_change(settings->guard, &request, on_guarded, p, &p->check);
    } else {
        start(p);
    }
}

/* It was started before a crash. */
static void go_on(pending *p)
{
    p->started = true;
    if (p->unopened) {
        fail_run(p->door, RIP_EDENIED, p->unopened);
    } else if (p->step.is_change && p->door->settings.mode == RUN_ENFORCE) {
        p->door->changes++;
        if (p->door->plan) p->plan_line = run_plan_take(p->door->plan, p->step.request);
        /* What is settled by a look at the world changes nothing yet. */
        if (!effect_aws_sends_again(p) || may_change(p)) effect_aws_settle(p);
    } else {
        act(p);
    }
}

void effect_proceed(pending *p)
{
    const effect_settings *settings = &p->door->settings;
    const journal_step *step = journal_step_find(settings->journal, settings->run, p->path, p->step.number);
    if (step)
        go_on(p);
    else if (!effect_has_room(p))
        return;
    else if (strcmp(p->kind, "aws") == 0)
        admit_operation(p);
    else
        start(p);
}

void effect_perform(rip_door *base, const rip_effect *effect, rip_effect_done done, void *data)
{
    effect_door *door = (effect_door *)base;
    if (door->stopped) return;
    const journal_step *step =
        journal_step_find(door->settings.journal, door->settings.run, effect->path, effect->number);
    pending *p = pending_new(door, effect, step, done, data);
    if (!p) {
        fail_run(door, RIP_ENOMEM, "out of memory");
        return;
    }
    if (!effect_replay_holds(p, step)) effect_proceed(p);
}

static void on_quiet(rip_door *base)
{
    effect_door *door = (effect_door *)base;
    effect_replay_quiet(door);
    if (door->settings.quiet && !door->stopped) door->settings.quiet(door->settings.data);
}

rip_status effect_door_new(const effect_settings *settings, effect_door **out, rip_error *err)
{
    effect_door *door = calloc(1, sizeof *door);
    if (!door) return rip_nomem(err);
    door->base = (rip_door){.perform = effect_perform, .quiet = on_quiet, .same = effect_same};
    door->settings = *settings;
    door->session =
        (aws_session){.name = settings->run, .tags = settings->session_tags, .permissions = settings->permissions};
    door->recorded = journal_step_finished(settings->journal, settings->run);
    effect_count_recorded(door);
    door->unknowns = run_unknowns_new(settings->run);
    rip_status status = door->unknowns ? RIP_OK : rip_nomem(err);
    if (status == RIP_OK && settings->plan)
        status =
            run_plan_new(settings->plan, settings->planned_by, aws_client_models(settings->client), &door->plan, err);
    if (status == RIP_OK)
        *out = door;
    else
        effect_door_free(door);
    return status;
}

void effect_door_hold(effect_door *door)
{
    if (door) door->stopped = true;
}

void effect_door_close(effect_door *door)
{
    if (!door) return;
    effect_door_hold(door);
    for (pending *p = door->first, *next; p; p = next) {
        next = p->next;
        if (!p->writing) pending_free(p);
    }
}

void effect_door_free(effect_door *door)
{
    if (!door) return;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes itself out of the list */
    while (door->first) pending_free(door->first);
    run_unknowns_free(door->unknowns);
    run_plan_free(door->plan);
    secret_known_clear(&door->known);
    free(door);
}

rip_door *effect_door_base(effect_door *door)
{
    return &door->base;
}

unsigned effect_door_changes(const effect_door *door)
{
    return door->changes;
}

json_t *effect_door_mask(const effect_door *door, const json_t *value)
{
    return run_unknown_mask(door->unknowns, value);
}
