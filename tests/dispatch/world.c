#include "tests/dispatch/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/data.h"

static void on_started(void *data, const char *id, const char *playbook, const json_t *finding)
{
    world *w = data;
    (void)id;
    (void)finding;
    if (++w->now > w->most) w->most = w->now;
    json_array_append_new(w->log, json_sprintf("started %s", playbook));
}

static void on_ended(void *data, const char *id, const json_t *record)
{
    world *w = data;
    (void)id;
    w->now--;
    json_array_append_new(w->log, json_sprintf("%s %s", json_string_value(json_object_get(record, "outcome")),
                                               json_string_value(json_object_get(record, "playbook"))));
}

static void on_finding(void *data, const dispatched *what)
{
    world *w = data;
    json_array_append_new(w->log, json_sprintf("finding %s%s", json_string_value(json_object_get(what->finding, "id")),
                                               what->repeated ? " repeated" : ""));
}

static void on_fault(void *data, const char *origin, size_t line, const rip_error *err)
{
    world *w = data;
    json_array_append_new(w->log, json_sprintf("fault %s:%zu: %s", origin, line, err->message));
}

int dispatch_setup(void **state)
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
    w->fake = fake_aws_new(w->clock, w->replies);
    aws_client_options options = {
        .clock = w->clock, .models = w->models, .transport = fake_aws_transport(w->fake), .seed = 1, .alone = true};
    assert_int_equal(aws_client_new(&options, &w->client, &err), RIP_OK);
    assert_int_equal(run_targets_load(NULL, 0, &w->targets, &err), RIP_OK);
    assert_int_equal(journal_open_memory(&w->journal, &err), RIP_OK);
    guard_policy policy = {.is_simulated = true};
    guard_context guards = {w->targets, w->client, w->journal, w->clock};
    assert_int_equal(guard_new(&policy, &guards, &w->guard, &err), RIP_OK);
    w->context = (run_context){.clock = w->clock,
                               .journal = w->journal,
                               .client = w->client,
                               .guard = w->guard,
                               .mode = RUN_ENFORCE,
                               .changes = 100,
                               .run_time_ms = 3600000};
    w->began = rip_clock_now(w->clock);
    w->log = json_array();
    strcpy(w->folder, "/tmp/riposte-dispatch-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    *state = w;
    return 0;
}

int dispatch_teardown(void **state)
{
    world *w = *state;
    dispatch_free(w->dispatch);
    library_free(w->books);
    journal_close(w->journal);
    guard_free(w->guard);
    run_targets_free(w->targets);
    aws_client_free(w->client);
    aws_models_free(w->models);
    json_decref(w->replies);
    json_decref(w->log);
    rip_clock_free(w->clock);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    for (size_t i = 0; i < w->file_count; i++) {
        unlink(w->files[i]);
        free(w->files[i]);
    }
    rmdir(w->folder);
    free(w);
    return 0;
}

void playbook(world *w, const char *name, const char *rest, const char *body)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s.lua", w->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "return {\n  name = \"%s\",\n  trigger = { source = { \"test\" } },\n  permissions = { \"ecs:*\" },\n  %s\n"
            "  run = function(finding, run)\n    %s\n  end,\n}\n",
            name, rest, body);
    fclose(file);
    w->files[w->file_count++] = strdup(path);
}

void open_dispatch(world *w)
{
    rip_error err;
    const char *const paths[] = {w->folder};
    assert_int_equal(library_load(paths, 1, w->models, NULL, NULL, &w->mistakes, &w->books, &err), RIP_OK);
    dispatch_options options = {.context = &w->context,
                                .books = w->books,
                                .suppressions = w->suppressions,
                                .limits = w->limits,
                                .listener = {on_started, on_ended, on_finding, on_fault, w}};
    assert_int_equal(dispatch_new(&options, &w->dispatch, &err), RIP_OK);
}

static void on_kept(void *data, rip_status status, const rip_error *err)
{
    world *w = data;
    (void)err;
    w->kept += status == RIP_OK;
}

void take(world *w, const char *document)
{
    rip_error err;
    dispatch_source from = {.origin = "events.json", .line = 7, .done = on_kept, .data = w};
    assert_int_equal(dispatch_document(w->dispatch, &from, document, strlen(document), &err), RIP_OK);
}

void event(world *w, const char *id, const char *time)
{
    char document[512];
    snprintf(
        document, sizeof document,
        "{\"version\":\"0\",\"id\":\"%s\",\"detail-type\":\"Test\",\"source\":\"test\",\"account\":\"123456789012\",\"time\":\"%s\","
        "\"region\":\"us-east-1\",\"resources\":[],\"detail\":{}}",
        id, time);
    take(w, document);
}

void expect_log(world *w, const char *const *lines)
{
    size_t i = 0;
    for (; lines[i]; i++) {
        const char *line = json_string_value(json_array_get(w->log, i));
        if (!line || strcmp(line, lines[i]) != 0) {
            char *all = json_dumps(w->log, JSON_INDENT(1));
            fail_msg("expected %s as line %zu of %s", lines[i], i, all);
        }
    }
    assert_int_equal(json_array_size(w->log), i);
}
