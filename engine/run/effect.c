#include "engine/run/effect.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/digest.h"
#include "engine/run/imagine.h"
#include "engine/run/unknown.h"

struct effect_door {
    rip_door base;
    effect_settings settings;
    aws_session session; /* in another account the run can do no more than its header declares */
    run_unknowns *unknowns;
    struct pending *first; /* under way */
    unsigned changes;
};

/* One effect on its way through the door. */
typedef struct pending {
    struct pending *previous, *next;
    effect_door *door;
    journal_step step; /* strings and JSON in it are this struct's own */
    char *path, *kind, *phase, *irreversible, *region, *account;
    char fingerprint[RIP_SHA256_HEX];
    const aws_operation *operation; /* aws only */
    rip_effect_done done;
    void *data;
    guard_check *check;
    aws_call *call;
    rip_timer timer;
    json_t *value, *error; /* the answer, once known */
    bool planned;
} pending;

/* The life of a pending effect. */

static void pending_free(pending *p)
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
    json_decref(p->step.request);
    json_decref(p->step.undo);
    json_decref(p->value);
    json_decref(p->error);
    free(p->path);
    free(p->kind);
    free(p->phase);
    free(p->irreversible);
    free(p->region);
    free(p->account);
    free(p);
}

/* A fingerprint tells whether a replayed playbook asks for the same thing again. */
static void take_fingerprint(pending *p)
{
    char *request = json_dumps(p->step.request, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    rip_buffer text = {0};
    rip_buffer_printf(&text, "%s\n%s", p->kind, request ? request : "");
    rip_sha256_hex(text.data ? text.data : "", text.len, p->fingerprint);
    rip_buffer_free(&text);
    free(request);
}

static char *field_or(const json_t *request, const char *key, const char *otherwise)
{
    const char *value = json_string_value(json_object_get(request, key));
    return strdup(value && *value ? value : otherwise);
}

static pending *pending_new(effect_door *door, const rip_effect *effect, rip_effect_done done, void *data)
{
    pending *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->door = door;
    p->done = done;
    p->data = data;
    p->path = strdup(effect->path);
    p->kind = strdup(effect->kind);
    p->phase = strdup(effect->phase);
    p->irreversible = effect->irreversible ? strdup(effect->irreversible) : NULL;
    p->region = field_or(effect->request, "region", door->settings.region);
    p->account = field_or(effect->request, "account", door->settings.account);
    p->step.request = json_incref(effect->request);
    p->step.undo = effect->undo ? json_deep_copy(effect->undo) : NULL;
    p->next = door->first;
    if (door->first) door->first->previous = p;
    door->first = p;
    if (!p->path || !p->kind || !p->phase || !p->region || !p->account || (effect->irreversible && !p->irreversible)) {
        pending_free(p);
        return NULL;
    }
    take_fingerprint(p);
    p->step.path = p->path;
    p->step.number = effect->number;
    p->step.kind = p->kind;
    p->step.phase = p->phase;
    p->step.irreversible = p->irreversible;
    p->step.fingerprint = p->fingerprint;
    p->step.started_ms = rip_clock_now(door->settings.clock);
    return p;
}

static void stop(effect_door *door, rip_status status, const char *reason)
{
    door->settings.stop(door->settings.data, status, reason);
}

/* The end of the way: write *finished*, then answer. */

static void on_finished_written(void *data, rip_status status, const rip_error *err)
{
    pending *p = data;
    if (status != RIP_OK) {
        stop(p->door, status, err->message);
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

static void finish(pending *p, const char *outcome)
{
    p->step.outcome = outcome;
    p->step.finished_ms = rip_clock_now(p->door->settings.clock);
    p->step.reply = p->error ? p->error : p->value;
    journal_step_finish(p->door->settings.journal, p->door->settings.run, &p->step, on_finished_written, p);
}

static json_t *error_object(const pending *p, const char *code, const char *message)
{
    json_t *error = json_pack("{s:s, s:s, s:b}", "code", code, "message", message, "retryable", 0);
    if (error && p->operation) {
        json_object_set_new(error, "operation",
                            json_sprintf("%s:%s", aws_service_name(aws_operation_service(p->operation)),
                                         aws_operation_name(p->operation)));
    }
    return error;
}

static void refuse(pending *p, const char *code, const char *message)
{
    p->error = error_object(p, code, message);
    p->step.undo = (json_decref(p->step.undo), NULL);
    finish(p, "refused");
}

/* An undo step may need what only the reply tells: {"$reply": "taskDefinition.taskDefinitionArn"} stands for it. */

static json_t *reply_value(const json_t *reply, const char *path)
{
    char name[256];
    while (*path && reply) {
        size_t len = strcspn(path, ".");
        if (len >= sizeof name) return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        reply = json_is_array(reply) ? json_array_get(reply, (size_t)strtoul(name, NULL, 10))
                                     : json_object_get(reply, name);
        path += len + (path[len] == '.');
    }
    return json_incref((json_t *)(uintptr_t)reply);
}

static json_t *with_reply(json_t *undo, const json_t *reply)
{
    const char *path = json_is_object(undo) ? json_string_value(json_object_get(undo, "$reply")) : NULL;
    if (path && json_object_size(undo) == 1) {
        json_t *value = reply_value(reply, path);
        return value ? value : json_null();
    }
    if (json_is_array(undo)) {
        for (size_t i = 0; i < json_array_size(undo); i++)
            json_array_set_new(undo, i, with_reply(json_array_get(undo, i), reply));
    } else if (json_is_object(undo)) {
        const char *key;
        json_t *value;
        void *tmp;
        json_object_foreach_safe (undo, tmp, key, value) json_object_set_new(undo, key, with_reply(value, reply));
    }
    return json_incref(undo);
}

static void succeed(pending *p, json_t *value, const char *outcome)
{
    p->value = json_incref(value);
    if (p->step.undo) json_decref(with_reply(p->step.undo, value));
    finish(p, outcome);
}

/* AWS operations. */

static void on_aws(void *data, const aws_result *result)
{
    pending *p = data;
    p->call = NULL;
    if (!result->error) {
        succeed(p, result->output, "done");
        return;
    }
    p->error = error_object(p, result->error->code, result->error->message);
    json_object_set_new(p->error, "status", json_integer(result->error->http_status));
    json_object_set_new(p->error, "request_id", json_string(result->error->request_id));
    json_object_set_new(p->error, "retryable", json_boolean(result->error->retryable));
    if (result->error->fields) json_object_set(p->error, "fields", result->error->fields);
    p->step.undo = (json_decref(p->step.undo), NULL);
    finish(p, "failed");
}

/* The client token of a step is the same whenever the step is sent, so that AWS takes a repetition for what it is. */
static void client_token(const pending *p, char out[37])
{
    char text[512], hex[RIP_SHA256_HEX];
    snprintf(text, sizeof text, "%s/%s/%u", p->door->settings.run, p->path, p->step.number);
    rip_sha256_hex(text, strlen(text), hex);
    snprintf(out, 37, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
}

static void call_aws(pending *p)
{
    char token[37];
    client_token(p, token);
    aws_call_options options = {p->region, p->account, token, &p->door->session};
    json_t *params = json_object_get(p->step.request, "params");
    rip_error err;
    if (aws_call_start(p->door->settings.client, p->operation, params, &options, on_aws, p, &p->call, &err) == RIP_OK)
        return;
    p->error = error_object(p, "ParamValidationError", err.message);
    p->step.undo = (json_decref(p->step.undo), NULL);
    finish(p, "failed");
}

/* Answer without AWS: a change that is only planned, or a read about something that exists in the plan alone. */
static void answer_from_plan(pending *p, const char *outcome)
{
    json_t *params = json_object_get(p->step.request, "params");
    imagine_place place = {p->door->settings.partition, p->region, p->account, p->path, p->step.number};
    json_t *value = imagine_output(p->door->unknowns, p->operation, params, &place);
    p->planned = true;
    succeed(p, value, outcome);
    json_decref(value);
}

static void act_on_aws(pending *p)
{
    bool rehearsal = p->door->settings.mode != RUN_ENFORCE;
    if (rehearsal && p->step.is_change)
        answer_from_plan(p, "planned");
    else if (rehearsal && run_unknown_within(p->door->unknowns, json_object_get(p->step.request, "params")))
        answer_from_plan(p, "foreseen");
    else
        call_aws(p);
}

/* Effects that are not AWS's. */

static void on_slept(void *data)
{
    pending *p = data;
    p->value = json_true();
    finish(p, "done");
}

/* 64 bits that are the same whenever this step of this run asks. */
static uint64_t step_random(const pending *p)
{
    char text[512];
    unsigned char digest[RIP_SHA256_BYTES];
    int n = snprintf(text, sizeof text, "random/%s/%s/%u", p->door->settings.run, p->path, p->step.number);
    rip_sha256(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1, digest);
    uint64_t value;
    memcpy(&value, digest, sizeof value);
    return value;
}

static void sleep_or_go_on(pending *p)
{
    bool nothing_happens = p->door->settings.mode != RUN_ENFORCE && p->door->changes > 0;
    json_int_t ms = json_integer_value(json_object_get(p->step.request, "ms"));
    if (nothing_happens || ms <= 0)
        on_slept(p);
    else
        rip_timer_start(&p->timer, p->door->settings.clock, (uint64_t)ms, on_slept, p);
}

static void act(pending *p)
{
    char token[37];
    if (p->operation) {
        act_on_aws(p);
    } else if (strcmp(p->kind, "sleep") == 0) {
        sleep_or_go_on(p);
    } else {
        json_t *value = NULL;
        if (strcmp(p->kind, "now") == 0) {
            value = json_integer(rip_clock_now(p->door->settings.clock));
        } else if (strcmp(p->kind, "random") == 0) {
            json_int_t most = json_integer_value(json_object_get(p->step.request, "most"));
            value = json_integer(1 + (json_int_t)(step_random(p) % (uint64_t)(most > 0 ? most : 1)));
        } else if (strcmp(p->kind, "uuid") == 0) {
            client_token(p, token);
            value = json_string(token);
        } else { /* log, evidence, left-alone: being in the journal is all there is to them */
            value = json_true();
        }
        succeed(p, value, "done");
        json_decref(value);
    }
}

/* On the way in. */

static void on_started_written(void *data, rip_status status, const rip_error *err)
{
    pending *p = data;
    if (status == RIP_OK)
        act(p);
    else
        stop(p->door, status, err->message);
}

static void start(pending *p)
{
    effect_settings *settings = &p->door->settings;
    journal_step_start(settings->journal, settings->run, &p->step, on_started_written, p);
}

/* A refusal is a step too: it is on record that the playbook asked and what forbade it. */
typedef struct refusal {
    pending *effect;
    char code[64];
    rip_error err;
} refusal;

static void on_refusal_written(void *data, rip_status status, const rip_error *err)
{
    refusal *r = data;
    pending *p = r->effect;
    if (status == RIP_OK)
        refuse(p, r->code, r->err.message);
    else
        stop(p->door, status, err->message);
    free(r);
}

static void start_refusal(pending *p, const char *guard_name, const rip_error *why)
{
    refusal *r = calloc(1, sizeof *r);
    if (!r) {
        stop(p->door, RIP_ENOMEM, "out of memory");
        return;
    }
    r->effect = p;
    r->err = *why;
    snprintf(r->code, sizeof r->code, "Guard.%c%s", guard_name[0] - 'a' + 'A', guard_name + 1);
    journal_step_start(p->door->settings.journal, p->door->settings.run, &p->step, on_refusal_written, r);
}

static void on_guarded(void *data, rip_status status, const char *name, const rip_error *err)
{
    pending *p = data;
    p->check = NULL;
    if (status == RIP_OK)
        start(p);
    else
        start_refusal(p, name, err);
}

static rip_status find_operation(pending *p, rip_error *err)
{
    const char *service_name = json_string_value(json_object_get(p->step.request, "service"));
    const char *name = json_string_value(json_object_get(p->step.request, "operation"));
    const aws_service *service = NULL;
    rip_status status = aws_models_service(aws_client_models(p->door->settings.client),
                                           service_name ? service_name : "", &service, err);
    if (status == RIP_OK) status = aws_service_operation(service, name ? name : "", &p->operation, err);
    return status;
}

static void admit_operation(pending *p)
{
    rip_error err = {RIP_OK, ""};
    const char *name = "operation";
    effect_settings *settings = &p->door->settings;
    if (find_operation(p, &err) != RIP_OK) {
        start_refusal(p, name, &err);
        return;
    }
    guard_request request = {p->operation,        json_object_get(p->step.request, "params"),
                             settings->partition, p->region,
                             p->account,          settings->permissions,
                             p->door->changes,    settings->changes_allowed};
    p->step.is_change = !aws_operation_is_read(p->operation);
    if (guard_admit(settings->guard, &request, &name, &err) != RIP_OK) {
        start_refusal(p, name, &err);
    } else if (p->step.is_change) {
        p->door
            ->changes++; /* counted before the guard's look-ups, so that parallel fibers cannot overdraw the budget */
        guard_change(settings->guard, &request, on_guarded, p, &p->check);
    } else {
        start(p);
    }
}

/* The journal holds the step: same question, same answer. */
static void answer_from_journal(pending *p, const journal_step *step)
{
    if (strcmp(step->fingerprint, p->fingerprint) != 0) {
        char reason[RIP_ERROR_MESSAGE_MAX];
        snprintf(
            reason, sizeof reason,
            "diverged: step %s%s%u was %s %.12s and is now %s %.12s: the playbook is not deterministic, or not the same",
            p->path, *p->path ? "/" : "", p->step.number, step->kind, step->fingerprint, p->kind, p->fingerprint);
        stop(p->door, RIP_EINVAL, reason);
        return;
    }
    bool failed = strcmp(step->outcome, "failed") == 0 || strcmp(step->outcome, "refused") == 0;
    rip_effect_reply reply = {failed ? NULL : step->reply, failed ? step->reply : NULL,
                              strcmp(step->outcome, "planned") == 0 || strcmp(step->outcome, "foreseen") == 0};
    p->door->changes += step->is_change;
    rip_effect_done done = p->done;
    void *data = p->data;
    pending_free(p);
    done(data, &reply);
}

void effect_perform(rip_door *base, const rip_effect *effect, rip_effect_done done, void *data)
{
    effect_door *door = (effect_door *)base;
    pending *p = pending_new(door, effect, done, data);
    if (!p) {
        stop(door, RIP_ENOMEM, "out of memory");
        return;
    }
    const journal_step *step =
        journal_step_find(door->settings.journal, door->settings.run, effect->path, effect->number);
    if (step && step->state == JOURNAL_FINISHED)
        answer_from_journal(p, step);
    else if (strcmp(effect->kind, "aws") == 0)
        admit_operation(p);
    else
        start(p);
}

rip_status effect_door_new(const effect_settings *settings, effect_door **out, rip_error *err)
{
    effect_door *door = calloc(1, sizeof *door);
    if (!door) return rip_nomem(err);
    door->base.perform = effect_perform;
    door->settings = *settings;
    door->session =
        (aws_session){.name = settings->run, .tags = settings->session_tags, .permissions = settings->permissions};
    door->unknowns = run_unknowns_new(settings->run);
    if (!door->unknowns) {
        free(door);
        return rip_nomem(err);
    }
    *out = door;
    return RIP_OK;
}

void effect_door_free(effect_door *door)
{
    if (!door) return;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes itself out of the list */
    while (door->first) pending_free(door->first);
    run_unknowns_free(door->unknowns);
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
