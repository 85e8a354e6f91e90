#include "tests/run/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"

static void ignore(void *data, rip_status status, const rip_error *err)
{
    (void)data;
    (void)err;
    assert_int_equal(status, RIP_OK);
}

static void on_stop(void *data, const effect_end *end)
{
    world *w = data;
    w->stopped = end->status;
    snprintf(w->outcome, sizeof w->outcome, "%s", end->outcome);
    snprintf(w->reason, sizeof w->reason, "%s", end->reason);
    json_decref(w->detail);
    w->detail = json_incref(end->detail);
}

static void on_awake(void *data)
{
    world *w = data;
    w->awake++;
}

int door_setup(void **state)
{
    world *w = calloc(1, sizeof *w);
    rip_error err;
    assert_non_null(w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    w->clock = rip_clock_new_virtual(&w->loop, 1762092849000);
    char *folder = rip_data_path("aws/model", &err);
    const char *const folders[] = {folder};
    assert_int_equal(aws_models_new(folders, 1, &w->models, &err), RIP_OK);
    free(folder);
    w->replies = json_object();
    w->accounts = json_array();
    w->regions = json_array();
    w->arns = json_array();
    w->tags = json_array();
    w->permissions = json_pack("[s, s, s, s, s]", "ecs:Delete*", "ecs:Describe*", "ecs:List*",
                               "ecs:RegisterTaskDefinition", "ec2:*");
    w->mode = RUN_ENFORCE;
    w->changes = 100;
    assert_int_equal(journal_open_memory(&w->journal, &err), RIP_OK);
    json_t *record = json_pack("{s:s, s:I}", "id", RUN, "started", (json_int_t)1762092849000);
    journal_run_begin(w->journal, record, ignore, NULL);
    json_decref(record);
    *state = w;
    return 0;
}

void open_door(world *w)
{
    rip_error err;
    w->fake = fake_aws_new(w->clock, w->replies);
    aws_client_options options = {
        .clock = w->clock, .models = w->models, .transport = fake_aws_transport(w->fake), .seed = 1, .alone = true};
    assert_int_equal(aws_client_new(&options, &w->client, &err), RIP_OK);
    assert_int_equal(run_targets_load(NULL, 0, &w->targets, &err), RIP_OK);
    guard_policy policy = {.accounts = w->accounts,
                           .regions = w->regions,
                           .protected_arns = w->arns,
                           .protected_tags = w->tags,
                           .playbook_hourly = w->playbook_hourly,
                           .is_simulated = !w->asks_identity};
    guard_context context = {w->targets, w->client, w->journal, w->clock};
    assert_int_equal(guard_new(&policy, &context, &w->guard, &err), RIP_OK);
    effect_settings settings = {
        .run = RUN,
        .playbook = "contain",
        .plan = w->plan,
        .planned_by = RUN,
        .tokens_of = RUN,
        .mode = w->mode,
        .permissions = w->permissions,
        .session_tags = w->session_tags,
        .changes_allowed = w->changes,
        .partition = "aws",
        .region = "us-east-1",
        .account = "123456789012",
        .journal = w->journal,
        .client = w->client,
        .guard = w->guard,
        .clock = w->clock,
        .stop = on_stop,
        .awake = on_awake,
        .data = w,
    };
    assert_int_equal(effect_door_new(&settings, &w->door, &err), RIP_OK);
}

void close_door(world *w)
{
    effect_door_free(w->door);
    guard_free(w->guard);
    run_targets_free(w->targets);
    aws_client_free(w->client);
    w->door = NULL;
    w->guard = NULL;
    w->targets = NULL;
    w->client = NULL;
}

int door_teardown(void **state)
{
    world *w = *state;
    close_door(w);
    journal_close(w->journal);
    aws_models_free(w->models);
    json_decref(w->replies);
    json_decref(w->accounts);
    json_decref(w->regions);
    json_decref(w->arns);
    json_decref(w->tags);
    json_decref(w->permissions);
    json_decref(w->session_tags);
    json_decref(w->detail);
    rip_clock_free(w->clock);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return 0;
}

void on_answer(void *data, const rip_effect_reply *reply)
{
    answer *a = data;
    assert_false(a->given);
    *a = (answer){true, json_incref(reply->value), json_incref(reply->error), reply->planned};
}

void answer_clear(answer *a)
{
    json_decref(a->value);
    json_decref(a->error);
    *a = (answer){0};
}

void ask(world *w, unsigned number, const char *kind, json_t *request, json_t *undo, answer *a)
{
    rip_effect effect = {kind, "", number, "", request, undo, NULL};
    effect_perform(effect_door_base(w->door), &effect, on_answer, a);
    json_decref(request);
    json_decref(undo);
}

json_t *call(const char *service, const char *operation, json_t *params)
{
    return json_pack("{s:s, s:s, s:o}", "service", service, "operation", operation, "params", params);
}

json_t *delete_cluster(const char *name)
{
    return call("ecs", "DeleteCluster", json_pack("{s:s}", "cluster", name));
}

answer perform(world *w, unsigned number, const char *kind, json_t *request)
{
    answer a = {0};
    ask(w, number, kind, request, NULL, &a);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    return a;
}

const char *code(const answer *a)
{
    const char *text = json_string_value(json_object_get(a->error, "code"));
    return text ? text : "";
}

size_t sent(world *w)
{
    return json_array_size(fake_aws_sent(w->fake));
}

const journal_step *step(world *w, unsigned number)
{
    const journal_step *found = journal_step_find(w->journal, RUN, "", number);
    assert_non_null(found);
    return found;
}
