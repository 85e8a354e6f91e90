/* The engine was updated while runs were cut off: they go on with the library that they began with, and new ones have
 * the new one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/digest.h"
#include "lua/library.h"
#include "tests/dispatch/world.h"

/* It tells the world which library it runs with: only the one of before has this module. */
static const char BODY[] =
    "local ok, era = pcall(require, 'riposte.zone')\n"
    "    run.aws.ecs():delete_cluster { cluster = ok and era or 'today' } run:sleep('10m')\n"
    "    run.aws.ecs():delete_cluster { cluster = 'last' }";

/* Today's and one module more. */
typedef struct before {
    rip_buffer pack;
    char digest[RIP_SHA256_HEX];
} before;

static before library_of_before(void)
{
    static const char MORE[] = "riposte.zone 15\nreturn 'before'";
    const rip_library *today;
    before b = {0};
    size_t len = 0;
    rip_error err;
    assert_int_equal(rip_library_current(&today, &err), RIP_OK);
    const char *pack = rip_library_pack(today, &len);
    rip_buffer_append(&b.pack, pack, len);
    rip_buffer_append(&b.pack, MORE, sizeof MORE - 1);
    rip_sha256_hex(b.pack.data, b.pack.len, b.digest);
    return b;
}

static void keep_answer(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(json_t **)data = json_incref(value);
}

/* The record of the run that was queued first. */
static json_t *first_run(world *w)
{
    json_t *found = NULL;
    const journal_filter filter = {0};
    journal_find_runs(w->journal, &filter, keep_answer, &found);
    assert_true(json_array_size(found) > 0);
    json_t *oldest = json_incref(json_array_get(found, json_array_size(found) - 1));
    json_decref(found);
    return oldest;
}

static void end_process(world *w)
{
    dispatch_free(w->dispatch);
    library_free(w->books);
    w->now = 0;
}

static void on_recovered(void *data, rip_status status, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(bool *)data = true;
}

static void restart(world *w)
{
    bool recovered = false;
    end_process(w);
    open_dispatch(w);
    dispatch_recover(w->dispatch, on_recovered, &recovered);
    assert_true(recovered);
}

/* A process of before the update was killed right after a run of it had begun. */
static void begin_before_the_update(world *w, const char *digest)
{
    playbook(w, "a", "", BODY);
    open_dispatch(w);
    event(w, "1", NOON);
    json_t *first = first_run(w);
    json_t *record = json_pack("{s:O, s:s, s:s, s:I}", "id", json_object_get(first, "id"), "text",
                               library_at(w->books, 0)->text, "library", digest, "started", (json_int_t)w->began);
    journal_run_begin(w->journal, record, journal_ignore, NULL);
    json_decref(record);
    json_decref(first);
}

static json_t *deleted(const world *w)
{
    json_t *names = json_array();
    size_t i;
    json_t *sent;
    json_array_foreach (fake_aws_sent(w->fake), i, sent) {
        if (strcmp(json_string_value(json_object_get(sent, "operation")), "DeleteCluster") == 0)
            json_array_append(names, json_object_get(json_object_get(sent, "params"), "cluster"));
    }
    return names;
}

/* These clusters were deleted, in this order. */
static void expect_deleted(world *w, const char *expected)
{
    json_t *names = deleted(w);
    char *text = json_dumps(names, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(names);
}

/* Of runs that go on at the same time, either may be the first. */
static void expect_deleted_by_two(world *w, const char *first, const char *second)
{
    json_t *names = deleted(w);
    char *text = json_dumps(names, JSON_COMPACT);
    if (strcmp(text, first) != 0) assert_string_equal(text, second);
    free(text);
    json_decref(names);
}

static void run_all(world *w)
{
    while (dispatch_backlog(w->dispatch) > 0) uv_run(&w->loop, UV_RUN_ONCE);
}

static void run_half_way(world *w)
{
    while (rip_clock_now(w->clock) < w->began + 60000) uv_run(&w->loop, UV_RUN_ONCE);
}

static void expect_outcome(world *w, const char *outcome)
{
    json_t *first = first_run(w);
    assert_string_equal(json_string_value(json_object_get(first, "outcome")), outcome);
    json_decref(first);
}

static void test_a_run_goes_on_with_the_library_that_it_began_with(void **state)
{
    world *w = *state;
    before b = library_of_before();
    journal_library_keep(w->journal, b.digest, b.pack.data, b.pack.len);
    begin_before_the_update(w, b.digest);
    restart(w);
    run_half_way(w);
    expect_deleted(w, "[\"before\"]");
    restart(w); /* and it is the same run again when it is replayed */
    run_all(w);
    expect_deleted(w, "[\"before\",\"last\"]");
    expect_outcome(w, "done");
    json_t *first = first_run(w);
    assert_string_equal(json_string_value(json_object_get(first, "library")), b.digest);
    json_decref(first);
    rip_buffer_free(&b.pack);
}

static void test_a_run_that_is_new_has_the_library_of_today(void **state)
{
    world *w = *state;
    before b = library_of_before();
    journal_library_keep(w->journal, b.digest, b.pack.data, b.pack.len);
    begin_before_the_update(w, b.digest);
    restart(w);
    event(w, "2", NOON);
    run_all(w);
    expect_deleted_by_two(w, "[\"before\",\"today\",\"last\",\"last\"]", "[\"today\",\"before\",\"last\",\"last\"]");
    rip_buffer_free(&b.pack);
}

static void test_a_run_whose_library_was_not_kept_goes_on_with_the_one_of_today(void **state)
{
    world *w = *state;
    before b = library_of_before();
    b.digest[0] = b.digest[0] == '0' ? '1' : '0'; /* one that no test has recalled */
    begin_before_the_update(w, b.digest);
    restart(w);
    run_all(w);
    expect_deleted(w, "[\"today\",\"last\"]");
    expect_outcome(w, "done");
    rip_buffer_free(&b.pack);
}

/* What it did with the one must not be taken for what it does with the other. */
static void test_a_run_whose_library_was_lost_half_way_ends_as_diverged(void **state)
{
    world *w = *state;
    before b = library_of_before();
    journal_library_keep(w->journal, b.digest, b.pack.data, b.pack.len);
    begin_before_the_update(w, b.digest);
    restart(w);
    run_half_way(w);
    json_t *first = first_run(w);
    json_object_set_new(journal_run(w->journal, json_string_value(json_object_get(first, "id"))), "library",
                        json_string("of nobody"));
    json_decref(first);
    restart(w);
    run_all(w);
    expect_deleted(w, "[\"before\"]");
    expect_outcome(w, "diverged");
    rip_buffer_free(&b.pack);
}

int main(void)
{
#define ON(test) cmocka_unit_test_setup_teardown(test, dispatch_setup, dispatch_teardown)
    const struct CMUnitTest tests[] = {
        ON(test_a_run_goes_on_with_the_library_that_it_began_with),
        ON(test_a_run_that_is_new_has_the_library_of_today),
        ON(test_a_run_whose_library_was_not_kept_goes_on_with_the_one_of_today),
        ON(test_a_run_whose_library_was_lost_half_way_ends_as_diverged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
