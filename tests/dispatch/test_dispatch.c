/* From an event to the runs that answer it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/data.h"
#include "engine/dispatch/dispatch.h"
#include "tests/run/fake_aws.h"

#define FILES_MOST 8

typedef struct world {
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    json_t *replies;
    fake_aws *fake;
    aws_client *client;
    run_targets *targets;
    guard *guard;
    journal *journal;
    run_context context;
    library *books;
    dispatch *dispatch;
    suppressions *suppressions;
    dispatch_limits limits;
    char folder[64];
    char *files[FILES_MOST];
    size_t file_count, mistakes;
    json_t *log;        /* what the listener was told, in order */
    unsigned now, most; /* runs under way, and their maximum */
} world;

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

static int setup(void **state)
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
    assert_int_equal(run_targets_load(&w->targets, &err), RIP_OK);
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
    w->log = json_array();
    strcpy(w->folder, "/tmp/riposte-dispatch-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    *state = w;
    return 0;
}

static int teardown(void **state)
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

/* A playbook in the world's folder that wants every finding of kind "Test"; `rest` are more header fields, `run` the
 * body. */
static void playbook(world *w, const char *name, const char *rest, const char *body)
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

static void open_dispatch(world *w)
{
    rip_error err;
    const char *const paths[] = {w->folder};
    assert_int_equal(library_load(paths, 1, w->models, NULL, NULL, &w->mistakes, &w->books, &err), RIP_OK);
    dispatch_options options = {.context = &w->context,
                                .books = w->books,
                                .suppressions = w->suppressions,
                                .limits = w->limits,
                                .listener = {on_started, on_ended, NULL, on_finding, on_fault, w}};
    assert_int_equal(dispatch_new(&options, &w->dispatch, &err), RIP_OK);
}

static void take(world *w, const char *document)
{
    rip_error err;
    assert_int_equal(dispatch_document(w->dispatch, document, strlen(document), "events.json", 7, &err), RIP_OK);
}

static void event(world *w, const char *id, const char *time)
{
    char document[512];
    snprintf(
        document, sizeof document,
        "{\"version\":\"0\",\"id\":\"%s\",\"detail-type\":\"Test\",\"source\":\"test\",\"account\":\"123456789012\",\"time\":\"%s\","
        "\"region\":\"us-east-1\",\"resources\":[],\"detail\":{}}",
        id, time);
    take(w, document);
}

static void expect_log(world *w, const char *const *lines)
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

#define EXPECT_LOG(w, ...) expect_log(w, (const char *const[]){__VA_ARGS__, NULL})
#define NOON "2026-01-01T12:00:00Z"

static void test_an_event_that_no_playbook_wants_is_counted_and_let_go(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "");
    open_dispatch(w);
    take(
        w,
        "{\"id\":\"1\",\"source\":\"other\",\"detail-type\":\"Test\",\"account\":\"1\",\"region\":\"r\",\"time\":\"" NOON
        "\",\"detail\":{}}");
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(dispatch_count(w->dispatch).unwanted, 1);
    assert_int_equal(dispatch_count(w->dispatch).findings, 0);
    assert_int_equal(json_array_size(w->log), 0);
}

static void test_each_playbook_that_wants_a_finding_runs_once_in_order_of_names(void **state)
{
    world *w = *state;
    playbook(w, "b", "", "");
    playbook(w, "a", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started b", "done a", "done b", "finding 1");
}

static void test_the_same_version_of_a_finding_runs_nothing_again(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "done a", "finding 1", "finding 1 repeated");
    assert_int_equal(dispatch_count(w->dispatch).repeated, 1);
}

static void test_runs_with_an_equal_lock_never_overlap(void **state)
{
    world *w = *state;
    playbook(w, "a", "lock = function(f) return f.account end,", "run:sleep(1)");
    open_dispatch(w);
    event(w, "1", NOON);
    event(w, "2", NOON);
    event(w, "3", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->most, 1);
    EXPECT_LOG(w, "started a", "done a", "finding 1", "started a", "done a", "finding 2", "started a", "done a",
               "finding 3");
}

static void test_no_more_runs_at_once_than_allowed(void **state)
{
    world *w = *state;
    w->limits.runs = 2;
    playbook(w, "a", "", "run:sleep(1)");
    open_dispatch(w);
    for (char id[] = "1"; id[0] <= '5'; id[0]++) event(w, id, NOON);
    assert_int_equal(dispatch_backlog(w->dispatch), 5);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->most, 2);
    assert_int_equal(dispatch_count(w->dispatch).runs, 5);
    assert_int_equal(dispatch_backlog(w->dispatch), 0);
}

static void test_a_playbook_that_fails_does_not_stop_the_others(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "error('no')");
    playbook(w, "b", "", "run.aws.ecs():list_clusters()");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started b", "failed a", "done b", "finding 1");
    assert_int_equal(dispatch_count(w->dispatch).failed, 1);
}

static void test_a_lock_that_fails_is_told_and_the_others_go_on(void **state)
{
    world *w = *state;
    playbook(w, "a", "lock = function() error('no lock') end,", "");
    playbook(w, "b", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_non_null(strstr(json_string_value(json_array_get(w->log, 0)), "no lock"));
    assert_int_equal(dispatch_count(w->dispatch).failed, 1);
    assert_string_equal(json_string_value(json_array_get(w->log, 2)), "done b");
}

static void test_a_broken_document_is_told_with_its_line_and_the_next_goes_on(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "");
    open_dispatch(w);
    take(w, "{\"source\": tru}");
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(dispatch_count(w->dispatch).faults, 1);
    assert_non_null(strstr(json_string_value(json_array_get(w->log, 0)), "fault events.json:7: "));
    assert_string_equal(json_string_value(json_array_get(w->log, 3)), "finding 1");
}

static void test_a_run_that_takes_too_long_is_stopped(void **state)
{
    world *w = *state;
    playbook(w, "a", "limits = { time = \"2s\" },", "run:sleep('1h')");
    open_dispatch(w);
    int64_t before = rip_clock_now(w->clock);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "failed a", "finding 1");
    assert_in_range(rip_clock_now(w->clock) - before, 2000, 2100);
}

static void test_a_run_that_never_yields_is_stopped_and_the_others_go_on(void **state)
{
    world *w = *state;
    w->context.vm_limits.instructions = 1000000;
    playbook(w, "a", "", "while true do pcall(function() while true do end end) end");
    playbook(w, "b", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started b", "done b", "failed a", "finding 1");
}

static void test_in_observe_the_match_is_recorded_and_nothing_runs(void **state)
{
    world *w = *state;
    w->context.mode = RUN_OBSERVE;
    playbook(w, "a", "", "run.aws.ecs():delete_cluster { cluster = 'x' }");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "observed a", "finding 1");
    assert_int_equal(json_array_size(fake_aws_sent(w->fake)), 0);
}

static bool was_sent(world *w, const char *operation)
{
    size_t i;
    json_t *each;
    json_array_foreach (fake_aws_sent(w->fake), i, each) {
        if (strcmp(json_string_value(json_object_get(each, "operation")), operation) == 0) return true;
    }
    return false;
}

static void test_the_playbooks_own_mode_lowers_the_global_one_and_never_raises_it(void **state)
{
    world *w = *state;
    playbook(w, "a", "mode = \"dry-run\",", "run.aws.ecs():delete_cluster { cluster = 'x' }");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "planned a", "finding 1");
    assert_false(was_sent(w, "DeleteCluster"));
    const rip_playbook enforcing = {.mode = (char *)(uintptr_t) "enforce"};
    w->context.mode = RUN_DRY_RUN;
    assert_int_equal(run_effective_mode(&w->context, &enforcing, ""), RUN_DRY_RUN);
}

static void test_a_suppressed_event_is_counted_and_answered_by_nobody(void **state)
{
    world *w = *state;
    rip_error err;
    rip_config *config = rip_config_new();
    suppressions *set = NULL;
    const char *rows = "[{\"name\":\"known\",\"reason\":\"ours\",\"pattern\":{\"id\":[\"1\"]}}]";
    assert_int_equal(rip_config_set(config, "suppressions", rows, &err), RIP_OK);
    assert_int_equal(suppressions_new(config, "suppressions", NULL, NULL, &set, &err), RIP_OK);
    w->suppressions = set;
    playbook(w, "a", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    event(w, "2", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "done a", "finding 2");
    assert_int_equal(dispatch_count(w->dispatch).suppressed, 1);
    suppressions_free(set);
    rip_config_free(config);
}

static void test_giving_up_in_the_middle_calls_nobody(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "run:sleep('1h')");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    dispatch_free(w->dispatch);
    w->dispatch = NULL;
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_event_that_no_playbook_wants_is_counted_and_let_go),
        TEST(test_each_playbook_that_wants_a_finding_runs_once_in_order_of_names),
        TEST(test_the_same_version_of_a_finding_runs_nothing_again),
        TEST(test_runs_with_an_equal_lock_never_overlap),
        TEST(test_no_more_runs_at_once_than_allowed),
        TEST(test_a_playbook_that_fails_does_not_stop_the_others),
        TEST(test_a_lock_that_fails_is_told_and_the_others_go_on),
        TEST(test_a_broken_document_is_told_with_its_line_and_the_next_goes_on),
        TEST(test_a_run_that_takes_too_long_is_stopped),
        TEST(test_a_run_that_never_yields_is_stopped_and_the_others_go_on),
        TEST(test_in_observe_the_match_is_recorded_and_nothing_runs),
        TEST(test_the_playbooks_own_mode_lowers_the_global_one_and_never_raises_it),
        TEST(test_a_suppressed_event_is_counted_and_answered_by_nobody),
        TEST(test_giving_up_in_the_middle_calls_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
