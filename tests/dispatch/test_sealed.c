/* Secrets that an undo needs: nothing of them is in the journal's files, and what was before comes back exactly. On the
 * simulated account, with a journal that lasts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/data.h"
#include "engine/dispatch/dispatch.h"
#include "engine/dispatch/words.h"
#include "lua/sim_transport.h"

#define SECRET "hush-hush-hush"
#define HOOK "arn:aws:lambda:us-east-1:123456789012:function:hook"
#define WEB(revision) "arn:aws:ecs:us-east-1:123456789012:task-definition/web:" revision

static const char SEED[] =
    "{\"account\": \"123456789012\", \"iam\": {\"roles\": [{\"RoleName\": \"worker\", \"AssumeRolePolicyDocument\": "
    "{\"Version\": \"2012-10-17\", \"Statement\": []}}]},"
    " \"lambda\": {\"functions\": [{\"FunctionName\": \"hook\", \"Role\": \"worker\", \"Runtime\": \"python3.12\","
    " \"Handler\": \"index.handler\", \"ReservedConcurrentExecutions\": 5,"
    " \"Environment\": {\"Variables\": {\"DB_URL\": \"" SECRET
    "-1\", \"STAGE\": \"prod\"}}}]},"
    " \"ecs\": {\"taskDefinitions\": [{\"family\": \"web\", \"containerDefinitions\": [{\"name\": \"web\", \"image\": "
    "\"web:1\", \"environment\": [{\"name\": \"DB_PASSWORD\", \"value\": \"" SECRET
    "-2\"},"
    " {\"name\": \"API\", \"value\": \"" SECRET "-3\"}]}]}]}}";

static const char PLAYBOOK[] =
    "return {\n  name = \"contain\", trigger = { source = { \"test\" } }, permissions = { \"lambda:*\", \"ecs:*\" },\n"
    "  run = function(_, run)\n"
    "    local lambda, ecs = run.aws.lambda(), run.aws.ecs()\n"
    "    lambda:put_function_concurrency { FunctionName = \"hook\", ReservedConcurrentExecutions = 0 }\n"
    "    lambda:update_function_configuration { FunctionName = \"hook\", Environment = { Variables = { S = \"1\" } } }\n"
    "    ecs:deregister_task_definition { taskDefinition = \"web:1\" }\n  end,\n}\n";

static const char EVENT[] =
    "{\"version\":\"0\",\"id\":\"e-1\",\"detail-type\":\"Test\",\"source\":\"test\",\"account\":\"123456789012\","
    "\"time\":\"2026-01-01T12:00:00Z\",\"region\":\"us-east-1\",\"resources\":[],\"detail\":{}}";

typedef struct world {
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    aws_transport *account;
    aws_client *client;
    run_targets *targets;
    guard *guard;
    journal *journal;
    library *books;
    run_context context;
    dispatch *dispatch;
    bool lasts; /* the journal: then the clock is the world's, which does not run ahead of the disk */
    char folder[64], path[96];
} world;

static void open_journal(world *w)
{
    rip_error err = {RIP_OK, ""};
    const journal_options options = {.path = w->path, .loop = &w->loop, .owner = "riposte test"};
    rip_status status =
        w->lasts ? journal_open_sqlite(&options, &w->journal, &err) : journal_open_memory(&w->journal, &err);
    if (status != RIP_OK) fail_msg("%s", err.message);
}

static void close_journal(world *w)
{
    journal_close(w->journal);
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

/* What hangs on the journal. */
static void open_engine(world *w)
{
    rip_error err = {RIP_OK, ""};
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
    dispatch_options dispatching = {.context = &w->context, .books = w->books};
    assert_int_equal(dispatch_new(&dispatching, &w->dispatch, &err), RIP_OK);
}

static void close_engine(world *w)
{
    dispatch_free(w->dispatch);
    guard_free(w->guard);
}

static int set_up(void **state, bool lasts)
{
    world *w = calloc(1, sizeof *w);
    rip_error err = {RIP_OK, ""};
    assert_non_null(w);
    w->lasts = lasts;
    assert_int_equal(uv_loop_init(&w->loop), 0);
    strcpy(w->folder, "/tmp/riposte-sealed-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/contain.lua", w->folder);
    FILE *file = fopen(w->path, "w");
    assert_non_null(file);
    fputs(PLAYBOOK, file);
    fclose(file);
    w->clock = lasts ? rip_clock_new_real(&w->loop) : rip_clock_new_virtual(&w->loop, 1762092849000);
    char *models = rip_data_path("aws/model", &err);
    const char *const folders[] = {models};
    assert_int_equal(aws_models_new(folders, 1, &w->models, &err), RIP_OK);
    free(models);
    json_t *seed = json_loads(SEED, 0, NULL);
    if (sim_transport_new(w->clock, seed, &w->account, &err) != RIP_OK) fail_msg("%s", err.message);
    json_decref(seed);
    aws_client_options options = {
        .clock = w->clock, .models = w->models, .transport = w->account, .seed = 1, .alone = true};
    assert_int_equal(aws_client_new(&options, &w->client, &err), RIP_OK);
    assert_int_equal(run_targets_load(NULL, 0, &w->targets, &err), RIP_OK);
    size_t mistakes = 0;
    const char *const paths[] = {w->path};
    assert_int_equal(library_load(paths, 1, w->models, NULL, NULL, &mistakes, &w->books, &err), RIP_OK);
    assert_int_equal(mistakes, 0);
    snprintf(w->path, sizeof w->path, "%s/journal.db", w->folder);
    open_journal(w);
    open_engine(w);
    *state = w;
    return 0;
}

static int set_up_lasting(void **state)
{
    return set_up(state, true);
}

static int set_up_in_memory(void **state)
{
    return set_up(state, false);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int tear_down(void **state)
{
    world *w = *state;
    close_engine(w);
    close_journal(w);
    library_free(w->books);
    run_targets_free(w->targets);
    aws_client_free(w->client);
    aws_models_free(w->models);
    rip_clock_free(w->clock);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(nftw(w->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(w);
    return 0;
}

static void run_all(world *w)
{
    while (dispatch_backlog(w->dispatch) > 0) uv_run(&w->loop, UV_RUN_ONCE);
}

static void keep(void *data, rip_status status, json_t *value, const rip_error *err)
{
    if (status != RIP_OK) fail_msg("%s", err->message);
    *(json_t **)data = json_incref(value);
}

static json_t *wait_for(world *w, json_t **value)
{
    while (!*value) uv_run(&w->loop, UV_RUN_ONCE);
    return *value;
}

static json_t *read_run(world *w, const char *id)
{
    json_t *whole = NULL;
    journal_read_run(w->journal, id, keep, &whole);
    return wait_for(w, &whole);
}

static json_t *account_now(const world *w)
{
    json_t *now = sim_transport_snapshot(w->account);
    assert_non_null(now);
    return now;
}

static json_t *environment(const json_t *account, const char *arn)
{
    const json_t *fields = json_object_get(account, arn);
    const json_t *container = json_array_get(json_object_get(fields, "containerDefinitions"), 0);
    return json_object_get(container ? container : fields, container ? "environment" : "Environment");
}

/* The id of the run that has answered the event. */
static void contain(world *w, char id[64])
{
    rip_error err;
    json_t *found = NULL;
    const dispatch_source from = {.origin = "test"};
    assert_int_equal(dispatch_document(w->dispatch, &from, EVENT, sizeof EVENT - 1, &err), RIP_OK);
    run_all(w);
    const journal_filter all = {0};
    journal_find_runs(w->journal, &all, keep, &found);
    const json_t *record = json_array_get(wait_for(w, &found), 0);
    assert_string_equal(json_string_value(json_object_get(record, "outcome")), "done");
    snprintf(id, 64, "%s", json_string_value(json_object_get(record, "id")));
    json_decref(found);
}

/* The run that takes it back is asked for; it has not begun. */
static void ask_undo(world *w, const char *id, char undo[64])
{
    json_t *word = json_pack("{s:s, s:s, s:s}", "do", "undo", "who", "alice", "run", id), *said = NULL;
    words_perform(w->dispatch, word, keep, &said);
    wait_for(w, &said);
    snprintf(undo, 64, "%s", json_string_value(json_object_get(said, "follows")));
    json_decref(said);
    json_decref(word);
}

static void check_outcome(world *w, const char *id, const char *outcome)
{
    json_t *whole = read_run(w, id), *record = json_object_get(whole, "record");
    if (strcmp(json_string_value(json_object_get(record, "outcome")), outcome) != 0)
        fail_msg("%s", json_dumps(record, JSON_INDENT(1)));
    json_decref(whole);
}

static void check_is_back(world *w, const json_t *before)
{
    json_t *now = account_now(w);
    assert_true(json_equal(environment(now, HOOK), environment(before, HOOK)));
    assert_true(json_equal(environment(now, WEB("2")), environment(before, WEB("1"))));
    assert_non_null(environment(now, HOOK));
    assert_non_null(environment(now, WEB("2")));
    json_decref(now);
}

static size_t count_in(const char *bytes, size_t len, const char *text)
{
    size_t count = 0;
    for (const char *at = bytes; (at = memmem(at, len - (size_t)(at - bytes), text, strlen(text))); at++) count++;
    return count;
}

/* How often a text stands in the journal's files. */
static size_t in_files(const world *w, const char *text)
{
    size_t count = 0;
    DIR *folder = opendir(w->folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[512], *bytes = NULL;
        size_t len = 0;
        snprintf(path, sizeof path, "%s/%s", w->folder, entry->d_name);
        if (strncmp(entry->d_name, "journal", 7) != 0) continue;
        if (rip_read_file(path, (size_t)1 << 26, &bytes, &len, NULL) == RIP_OK) count += count_in(bytes, len, text);
        free(bytes);
    }
    closedir(folder);
    return count;
}

static void test_an_undo_brings_secrets_back_and_no_file_of_the_journal_tells_them(void **state)
{
    world *w = *state;
    char id[64], undo[64];
    json_t *before = account_now(w);
    contain(w, id);
    json_t *locked = account_now(w);
    assert_false(json_equal(environment(locked, HOOK), environment(before, HOOK)));
    json_decref(locked);
    ask_undo(w, id, undo);
    run_all(w);
    check_outcome(w, undo, "done");
    check_is_back(w, before);
    json_decref(before);
    close_engine(w);
    close_journal(w);
    assert_int_equal(in_files(w, SECRET), 0);
    assert_true(in_files(w, "UpdateFunctionConfiguration") > 0);
    assert_true(in_files(w, "(sealed ") > 0);
    open_journal(w);
    open_engine(w);
}

static void test_what_an_undo_has_asked_for_is_on_record_as_digests(void **state)
{
    world *w = *state;
    char id[64], undo[64];
    contain(w, id);
    ask_undo(w, id, undo);
    run_all(w);
    json_t *whole = read_run(w, undo), *step;
    size_t i, changes = 0;
    json_array_foreach (json_object_get(whole, "steps"), i, step) {
        char *request = json_dumps(json_object_get(step, "request"), 0);
        assert_null(strstr(request, "(sealed "));
        bool sets = strstr(request, "UpdateFunctionConfiguration") || strstr(request, "RegisterTaskDefinition");
        if (sets) assert_non_null(strstr(request, "(secret "));
        changes += sets;
        free(request);
    }
    assert_int_equal(changes, 2);
    json_decref(whole);
}

static void test_an_undo_can_itself_be_undone(void **state)
{
    world *w = *state;
    char id[64], undo[64], redo[64];
    contain(w, id);
    json_t *locked = account_now(w);
    ask_undo(w, id, undo);
    run_all(w);
    ask_undo(w, undo, redo);
    run_all(w);
    check_outcome(w, redo, "done");
    json_t *now = account_now(w);
    assert_true(json_equal(environment(now, HOOK), environment(locked, HOOK)));
    json_decref(now);
    json_decref(locked);
}

static void on_recovered(void *data, rip_status status, const rip_error *err)
{
    if (status != RIP_OK) fail_msg("%s", err->message);
    *(bool *)data = true;
}

/* Wherever it is cut off: what it had read is known by its digests alone then. */
static void test_an_undo_that_was_cut_off_goes_on_to_the_same_end(void **state)
{
    unsigned cuts = 0;
    for (unsigned after = 1; after < 40; after++) {
        if (after > 1) assert_int_equal(set_up_in_memory(state), 0);
        world *w = *state;
        char id[64], undo[64];
        json_t *before = account_now(w);
        contain(w, id);
        ask_undo(w, id, undo);
        while (dispatch_backlog(w->dispatch) > 0 && journal_step_finished(w->journal, undo) < after)
            uv_run(&w->loop, UV_RUN_ONCE);
        bool was_cut = dispatch_backlog(w->dispatch) > 0, recovered = false;
        close_engine(w);
        open_engine(w);
        dispatch_recover(w->dispatch, on_recovered, &recovered);
        while (!recovered) uv_run(&w->loop, UV_RUN_ONCE);
        run_all(w);
        check_outcome(w, undo, "done");
        check_is_back(w, before);
        json_decref(before);
        cuts += was_cut;
        if (!was_cut) break;
        tear_down(state);
    }
    assert_true(cuts > 5);
}

/* As if PATH.key had been replaced, and the database made to believe in it. */
static void replace_key(const world *w)
{
    char key[128];
    sqlite3 *db;
    snprintf(key, sizeof key, "%s.key", w->path);
    assert_int_equal(unlink(key), 0);
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM meta WHERE name = 'key'", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static bool says(const json_t *steps, const char *step, const char *what)
{
    size_t i;
    json_t *each;
    bool found = false;
    json_array_foreach (steps, i, each) {
        char *text = json_dumps(json_object_get(each, "request"), 0);
        found = found || (strstr(text, step) && strstr(text, what));
        free(text);
    }
    return found;
}

static void test_with_another_key_the_step_is_named_and_the_others_are_taken_back(void **state)
{
    world *w = *state;
    char id[64], undo[64];
    contain(w, id);
    close_engine(w);
    close_journal(w);
    replace_key(w);
    open_journal(w);
    open_engine(w);
    json_t *locked = account_now(w);
    ask_undo(w, id, undo);
    run_all(w);
    check_outcome(w, undo, "done");
    json_t *whole = read_run(w, undo), *steps = json_object_get(whole, "steps"), *now = account_now(w);
    if (!says(steps, "lambda:UpdateFunctionConfiguration", "a secret that cannot be opened"))
        fail_msg("%s", json_dumps(steps, JSON_INDENT(1)));
    assert_true(says(steps, "ecs:DeregisterTaskDefinition", "a secret that cannot be opened"));
    assert_true(says(steps, "PutFunctionConcurrency", "5")); /* made */
    assert_true(json_equal(environment(now, HOOK), environment(locked, HOOK)));
    assert_null(json_object_get(now, WEB("2")));
    json_decref(now);
    json_decref(locked);
    json_decref(whole);
}

int main(void)
{
#define LASTING(test) cmocka_unit_test_setup_teardown(test, set_up_lasting, tear_down)
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up_in_memory, tear_down)
    const struct CMUnitTest tests[] = {
        LASTING(test_an_undo_brings_secrets_back_and_no_file_of_the_journal_tells_them),
        TEST(test_what_an_undo_has_asked_for_is_on_record_as_digests),
        TEST(test_an_undo_can_itself_be_undone),
        TEST(test_an_undo_that_was_cut_off_goes_on_to_the_same_end),
        LASTING(test_with_another_key_the_step_is_named_and_the_others_are_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
