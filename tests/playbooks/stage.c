#include "tests/playbooks/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/data.h"
#include "lua/datafile.h"
#include "lua/script.h"
#include "lua/sim_transport.h"

#define START 1762093440000 /* 2025-11-02T14:24:00Z */
#define QUIET_MS 300000

/* One effect on its way. */
typedef struct pending {
    stage *s;
    json_t *step, *request;
    const aws_operation *operation;
    rip_effect_done done;
    void *data;
    rip_timer timer;
    aws_call *call;
    int64_t started; /* milliseconds since the epoch */
    bool lost;
} pending;

static void answer(pending *p, json_t *value, json_t *error, bool planned)
{
    p->done(p->data, &(rip_effect_reply){.value = value, .error = error, .planned = planned});
    json_decref(p->step);
    json_decref(p->request);
    free(p);
}

static void answer_uncertain(pending *p)
{
    json_object_set_new(p->step, "outcome", json_string("uncertain"));
    json_t *error = json_pack("{s:s, s:s, s:O, s:I}", "code", "Uncertain", "message", "its answer is not known", "step",
                              json_object_get(p->step, "step"), "started_ms", (json_int_t)p->started);
    answer(p, NULL, error, false);
    json_decref(error);
}

static void on_aws(void *data, const aws_result *result)
{
    pending *p = data;
    bool is_change = !aws_operation_is_read(p->operation);
    if (p->lost) {
        answer_uncertain(p);
        return;
    }
    if (result->error) {
        json_t *error = json_pack("{s:s, s:s}", "code", result->error->code, "message", result->error->message);
        answer(p, NULL, error, false);
        json_decref(error);
        return;
    }
    if (is_change) {
        json_object_set(p->step, "reply", result->output);
        json_object_set_new(p->step, "outcome", json_string("done"));
        json_array_append(p->s->steps, p->step);
    }
    answer(p, result->output, NULL, false);
}

static bool loses_answer(stage *s, const char *service, const char *operation)
{
    char name[256];
    snprintf(name, sizeof name, "%s:%s", service, operation);
    if (!s->lost || strcmp(s->lost, name) != 0) return false;
    s->lost = NULL;
    return true;
}

static void on_lost(void *data)
{
    answer_uncertain(data);
}

static void on_unread(void *data)
{
    json_t *error = json_pack("{s:s, s:s, s:b}", "code", "ConnectionError", "message", "no answer", "retryable", 1);
    answer(data, NULL, error, false);
    json_decref(error);
}

static void call_aws(pending *p)
{
    stage *s = p->s;
    rip_error err = {0};
    const aws_service *service = NULL;
    const char *service_name = json_string_value(json_object_get(p->request, "service"));
    const char *name = json_string_value(json_object_get(p->request, "operation"));
    assert_int_equal(aws_models_service(s->models, service_name, &service, &err), RIP_OK);
    if (aws_service_operation(service, name, &p->operation, &err) != RIP_OK) fail_msg("%s", err.message);
    json_t *params = json_object_get(p->request, "params");
    if (!s->lost && s->unread > 0 && aws_operation_is_read(p->operation)) {
        s->unread--;
        rip_timer_start(&p->timer, s->clock, 1, on_unread, p);
        return;
    }
    p->lost = loses_answer(s, service_name, name);
    if (p->lost && s->lost_before) {
        rip_timer_start(&p->timer, s->clock, 1, on_lost, p);
        return;
    }
    bool dry = json_is_true(json_object_get(params, "DryRun"));
    if (strcmp(s->mode, "enforce") != 0 && !aws_operation_is_read(p->operation) && !dry) {
        json_object_set_new(p->step, "outcome", json_string("planned"));
        json_array_append(s->steps, p->step);
        json_t *made_up = json_object();
        answer(p, made_up, NULL, true);
        json_decref(made_up);
        return;
    }
    aws_call_options options = {.region = json_string_value(json_object_get(p->request, "region")), .account = ""};
    if (aws_call_start(s->client, p->operation, params, &options, on_aws, p, &p->call, &err) == RIP_OK) return;
    json_t *error = json_pack("{s:s, s:s}", "code", "ParamValidationError", "message", err.message);
    answer(p, NULL, error, false);
    json_decref(error);
}

static void on_slept(void *data)
{
    pending *p = data;
    json_t *value = json_true();
    answer(p, value, NULL, false);
}

static void note(stage *s, const char *kind, json_t *request)
{
    if (!json_object_get(s->effects, kind)) json_object_set_new(s->effects, kind, json_array());
    json_array_append(json_object_get(s->effects, kind), request);
    if (strcmp(kind, "left-alone") == 0) {
        json_array_append_new(s->left, json_sprintf("%s: %s", json_string_value(json_object_get(request, "what")),
                                                    json_string_value(json_object_get(request, "why"))));
    }
}

static json_t *step_of(const rip_effect *effect)
{
    json_t *step = json_copy(effect->request);
    json_object_set_new(step, "step", json_sprintf("%s%s%u", effect->path, *effect->path ? "/" : "", effect->number));
    if (effect->undo) json_object_set(step, "undo", effect->undo);
    if (effect->irreversible) json_object_set_new(step, "irreversible", json_string(effect->irreversible));
    return step;
}

static void perform(rip_door *door, const rip_effect *effect, rip_effect_done done, void *data)
{
    stage *s = (stage *)door;
    pending *p = calloc(1, sizeof *p);
    assert_non_null(p);
    *p = (pending){.s = s,
                   .step = step_of(effect),
                   .request = json_incref(effect->request),
                   .done = done,
                   .data = data,
                   .started = rip_clock_now(s->clock)};
    if (strcmp(effect->kind, "aws") == 0) {
        call_aws(p);
        return;
    }
    note(s, effect->kind, p->step);
    if (strcmp(effect->kind, "sleep") == 0) {
        uint64_t ms = (uint64_t)json_integer_value(json_object_get(effect->request, "ms"));
        rip_timer_start(&p->timer, s->clock, ms, on_slept, p);
        return;
    }
    if (strcmp(effect->kind, "park") == 0) { /* nothing comes back any more: a person has to look */
        json_decref(p->step);
        json_decref(p->request);
        free(p);
        s->ended = true;
        return;
    }
    json_t *value = strcmp(effect->kind, "now") == 0    ? json_integer(rip_clock_now(s->clock))
                    : strcmp(effect->kind, "uuid") == 0 ? json_string("3f2a9c1e-0000-4000-8000-000000000000")
                                                        : json_true();
    answer(p, value, NULL, false);
    json_decref(value);
}

static void on_ended(void *data, rip_status status, const rip_error *err)
{
    stage *s = data;
    s->ended = true;
    s->status = status;
    s->err = *err;
}

static void on_quiet(void *data)
{
    *(bool *)data = true;
}

static void let_time_go_by(stage *s)
{
    bool over = false;
    rip_timer timer = {0};
    rip_timer_start(&timer, s->clock, QUIET_MS, on_quiet, &over);
    while (!over) uv_run(&s->loop, UV_RUN_ONCE);
}

void stage_open(stage *s, const char *folder)
{
    stage_open_as(s, folder, NULL);
}

void stage_open_as(stage *s, const char *folder, const char *caller)
{
    rip_error err = {0};
    json_t *seed = NULL;
    char path[256];
    *s = (stage){.mode = "enforce"};
    s->door.perform = perform;
    uv_loop_init(&s->loop);
    s->clock = rip_clock_new_virtual(&s->loop, START);
    char *models = rip_data_path("aws/model", &err);
    const char *const folders[] = {models};
    assert_int_equal(aws_models_new(folders, 1, &s->models, &err), RIP_OK);
    free(models);
    snprintf(path, sizeof path, "%s/account.lua", folder);
    if (rip_datafile_load(path, &seed, &err) != RIP_OK) fail_msg("%s", err.message);
    if (caller) json_object_set_new(seed, "caller", json_string(caller));
    if (sim_transport_new(s->clock, seed, &s->account, &err) != RIP_OK) fail_msg("%s", err.message);
    json_decref(seed);
    aws_client_options options = {
        .clock = s->clock, .models = s->models, .transport = s->account, .alone = true, .seed = 1};
    if (aws_client_new(&options, &s->client, &err) != RIP_OK) fail_msg("%s", err.message);
    snprintf(path, sizeof path, "%s/playbook.lua", folder);
    if (rip_playbook_load(path, NULL, NULL, &s->playbook, &err) != RIP_OK) fail_msg("%s", err.message);
}

static void forget(stage *s)
{
    json_decref(s->steps);
    json_decref(s->left);
    json_decref(s->effects);
    s->steps = s->left = s->effects = NULL;
}

void stage_close(stage *s)
{
    forget(s);
    rip_playbook_free(s->playbook);
    aws_client_free(s->client);
    aws_models_free(s->models);
    rip_clock_free(s->clock);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
}

void stage_run(stage *s, const char *kind, json_t *more)
{
    rip_script *script = NULL;
    rip_error err = {0};
    forget(s);
    s->steps = json_array();
    s->left = json_array();
    s->effects = json_object();
    s->ended = false;
    json_t *finding =
        json_pack("{s:s, s:[], s:s, s:s}", "kind", kind, "resources", "account", "123456789012", "region", "us-east-1");
    if (more) json_object_update(finding, more);
    json_decref(more);
    json_t *about = json_pack("{s:s, s:s, s:s, s:s}", "id", "run-1", "mode", s->mode, "account", "123456789012",
                              "region", "us-east-1");
    rip_script_options options = {.playbook = s->playbook,
                                  .finding = finding,
                                  .about = about,
                                  .door = &s->door,
                                  .models = s->models,
                                  .clock = s->clock,
                                  .ended = on_ended,
                                  .data = s};
    if (rip_script_start(&options, &script, &err) != RIP_OK) fail_msg("%s", err.message);
    while (!s->ended) uv_run(&s->loop, UV_RUN_ONCE);
    rip_script_free(script);
    json_decref(finding);
    json_decref(about);
    let_time_go_by(s);
}

json_t *stage_snapshot(stage *s)
{
    json_t *all = sim_transport_snapshot(s->account);
    assert_non_null(all);
    return all;
}

bool stage_left(const stage *s, const char *part)
{
    size_t i;
    json_t *text;
    json_array_foreach (s->left, i, text) {
        if (strstr(json_string_value(text), part)) return true;
    }
    return false;
}

const char *stage_text(const stage *s, const char *kind)
{
    const json_t *all = json_object_get(s->effects, kind);
    const char *text = json_string_value(json_object_get(json_array_get(all, json_array_size(all) - 1), "text"));
    if (!text) fail_msg("nothing was said (%s)", kind);
    return text;
}
