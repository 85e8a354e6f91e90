#include "tests/notify/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "engine/finding/finding.h"

#define START_MS INT64_C(1762092849000)

static loopback_reply answer(void *data, const char *request)
{
    fixture *f = data;
    const char *body = strstr(request, "\r\n\r\n");
    json_t *posted = body ? json_loads(body + 4, 0, NULL) : NULL;
    json_array_append_new(f->posted, posted ? posted : json_null());
    snprintf(f->head, sizeof f->head, "%.*s", (int)(body ? body - request : 0), request);
    return (loopback_reply){.bytes = f->reply};
}

static int setup(void **state, bool is_virtual)
{
    fixture *f = calloc(1, sizeof *f);
    rip_error err;
    assert_non_null(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->clock = is_virtual ? rip_clock_new_virtual(&f->loop, START_MS) : rip_clock_new_real(&f->loop);
    const char *const folders[] = {"aws/model"};
    assert_int_equal(aws_models_new(folders, 1, &f->models, &err), RIP_OK);
    f->replies = json_object();
    f->fake = fake_aws_new(f->clock, f->replies);
    aws_client_options options = {.clock = f->clock,
                                  .models = f->models,
                                  .transport = fake_aws_transport(f->fake),
                                  .seed = 1,
                                  .max_attempts = 1,
                                  .alone = true};
    assert_int_equal(aws_client_new(&options, &f->client, &err), RIP_OK);
    assert_int_equal(journal_open_memory(&f->journal, &err), RIP_OK);
    f->config = rip_config_new();
    f->metrics = metrics_new();
    f->posted = json_array();
    f->handed = json_array();
    f->reply = OK_REPLY;
    if (!is_virtual) f->server = loopback_start(&f->loop, answer, f);
    *state = f;
    return 0;
}

int fixture_setup(void **state)
{
    return setup(state, false);
}

int fixture_setup_virtual(void **state)
{
    return setup(state, true);
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    notify_free(f->notify);
    if (f->server) loopback_stop(f->server);
    aws_client_free(f->client);
    aws_models_free(f->models);
    journal_close(f->journal);
    rip_config_free(f->config);
    metrics_free(f->metrics);
    rip_clock_free(f->clock);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    json_decref(f->replies);
    json_decref(f->posted);
    json_decref(f->handed);
    rip_buffer_free(&f->mistakes);
    free(f);
    return 0;
}

static void collect(void *data, const rip_error *mistake)
{
    fixture *f = data;
    rip_buffer_printf(&f->mistakes, "%s\n", mistake->message);
}

static void take_feedback(void *data, const json_t *briefs, journal_done done, void *done_data)
{
    fixture *f = data;
    rip_error err = {RIP_OK, ""};
    json_array_append_new(f->handed, json_deep_copy(briefs));
    done(done_data, f->hands_off ? rip_fail(&err, RIP_EIO, "the disk is full") : RIP_OK, &err);
}

static rip_status make(fixture *f)
{
    rip_error err;
    notify_options options = {.config = f->config,
                              .clock = f->clock,
                              .client = f->client,
                              .journal = f->journal,
                              .metrics = f->metrics,
                              .base_url = "https://riposte.example/",
                              .mistake = collect,
                              .feedback = take_feedback,
                              .data = f};
    return notify_new(&options, &f->notify, &err);
}

rip_status open_notify(fixture *f, const char *rows)
{
    rip_error err = {0};
    if (rows) {
        rip_buffer filled = {0};
        for (const char *c = rows; *c; c++) {
            if (strncmp(c, "%d", 2) == 0)
                rip_buffer_printf(&filled, "%d", loopback_port(f->server)), c++;
            else
                rip_buffer_putc(&filled, *c);
        }
        if (rip_config_set(f->config, "notify", filled.data, &err) != RIP_OK) fail_msg("%s", err.message);
        rip_buffer_free(&filled);
    }
    return make(f);
}

void reopen_notify(fixture *f)
{
    notify_free(f->notify);
    f->notify = NULL;
    assert_int_equal(make(f), RIP_OK);
    notify_recover(f->notify);
}

static void on_over(void *data)
{
    *(bool *)data = true;
}

static void run_until(fixture *f, int ms, bool until_told)
{
    bool over = false;
    rip_timer limit = {0};
    if (rip_clock_is_virtual(f->clock)) {
        uv_run(&f->loop, UV_RUN_DEFAULT);
        return;
    }
    rip_timer_start(&limit, f->clock, (uint64_t)ms, on_over, &over);
    while (!over && (!until_told || notify_backlog(f->notify))) uv_run(&f->loop, UV_RUN_ONCE);
    rip_timer_stop(&limit);
}

void settle(fixture *f, int ms)
{
    run_until(f, ms, true);
}

void run_for(fixture *f, int ms)
{
    run_until(f, ms, false);
}

void tell_of(fixture *f, const char *id, const char *mode, const char *outcome, const char *change, const char *state,
             const json_t *finding)
{
    json_t *record = json_pack("{s:s, s:s, s:s, s:s?, s:I}", "id", id, "playbook", "contain-ecs", "mode", mode,
                               "outcome", outcome, "deadline", (json_int_t)rip_clock_now(f->clock) + 86400000);
    if (outcome && strcmp(outcome, "failed") == 0)
        json_object_set_new(record, "error", json_pack("{s:s}", "message", "AccessDenied: not you"));
    json_t *report = json_pack("{s:[{s:s, s:s, s:s, s:s}]}", "changes", "operation", change, "state", state, "account",
                               "123456789012", "region", "us-east-1");
    notify_run(f->notify, record, report, finding);
    json_decref(record);
    json_decref(report);
}

void tell(fixture *f, const char *id, const char *outcome, const char *title)
{
    json_t *finding = json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s}, s:s, s:s, s:[{s:s}]}", "id", "f-1", "version", "1",
                                "form", "event", "kind", "Backdoor:ECS/C&CActivity.B", "title", title, "severity",
                                "label", "HIGH", "account", "123456789012", "region", "us-east-1", "resources", "arn",
                                "arn:aws:ecs:us-east-1:123456789012:cluster/prod");
    bool waits = strcmp(outcome, "waiting") == 0;
    tell_of(f, id, waits ? "approve" : "enforce", outcome, "ecs:DeleteCluster",
            waits                            ? "planned"
            : strcmp(outcome, "failed") == 0 ? "failed"
                                             : "done",
            finding);
    json_decref(finding);
}

json_t *example_file(const char *file)
{
    char path[128];
    snprintf(path, sizeof path, "examples/events/%s", file);
    json_t *whole = json_load_file(path, 0, NULL);
    assert_non_null(whole);
    return whole;
}

static rip_status keep(void *data, const char *event, size_t len)
{
    rip_error err;
    json_t **out = data;
    return *out ? RIP_OK : finding_normalise(event, len, NULL, out, &err);
}

json_t *example(const char *file)
{
    json_t *whole = example_file(file), *finding = NULL;
    char *text = json_dumps(whole, 0);
    rip_error err = {0};
    event_split(text, strlen(text), NULL, keep, &finding, &err);
    if (!finding) fail_msg("%s: %s", file, err.message);
    free(text);
    json_decref(whole);
    return finding;
}

const json_t *sent(const fixture *f, const char *operation, size_t nth)
{
    size_t i;
    json_t *call;
    json_array_foreach (fake_aws_sent(f->fake), i, call) {
        if (strcmp(json_string_value(json_object_get(call, "operation")), operation) == 0 && nth-- == 0)
            return json_object_get(call, "params");
    }
    return NULL;
}

size_t count_sent(const fixture *f, const char *operation)
{
    size_t count = 0;
    while (sent(f, operation, count)) count++;
    return count;
}
