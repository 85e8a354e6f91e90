/* Other playbooks and limits while work is under way. */
#include <stdio.h>
#include <unistd.h>

#include "tests/dispatch/world.h"

static size_t reload(world *w)
{
    rip_error err;
    library *books = NULL;
    size_t mistakes = 0;
    const char *const paths[] = {w->folder};
    assert_int_equal(library_reload(w->books, paths, 1, w->models, NULL, NULL, &mistakes, &books, &err), RIP_OK);
    assert_int_equal(dispatch_reload(w->dispatch, books, NULL, &w->limits, &err), RIP_OK);
    library_free(w->books);
    w->books = books;
    return mistakes;
}

/* Over what is there: the file is the world's already. */
static void rewrite(const world *w, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s.lua", w->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#define BOOK(name, body)                                                                                               \
    "return { name = \"" name                                                                                          \
    "\", trigger = { source = { \"test\" } }, permissions = { \"ecs:*\" },"                                            \
    " run = function(finding, run) " body " end }\n"

static void test_a_run_under_way_keeps_its_playbook_and_the_next_has_the_new_one(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "run:sleep('10m')");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    rewrite(w, "a", BOOK("a", "error('new')"));
    assert_int_equal(reload(w), 0);
    event(w, "2", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started a", "failed a", "finding 2", "done a", "finding 1");
}

static void test_a_run_whose_playbook_went_ends_all_the_same(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "run:sleep('10m')");
    playbook(w, "b", "", "");
    open_dispatch(w);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    unlink(w->files[0]);
    assert_int_equal(reload(w), 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started b", "done b", "done a", "finding 1");
}

static void test_a_broken_playbook_stays_as_it_was_and_the_others_are_new(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "");
    playbook(w, "b", "", "");
    open_dispatch(w);
    rewrite(w, "a", "return { name = ");
    rewrite(w, "b", BOOK("b", "error('new')"));
    assert_int_equal(reload(w), 1);
    event(w, "1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    EXPECT_LOG(w, "started a", "started b", "done a", "failed b", "finding 1");
}

static void test_a_permission_that_no_api_has_keeps_the_old_playbook_too(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "");
    open_dispatch(w);
    rewrite(w, "a",
            "return { name = \"a\", trigger = { source = { \"test\" } }, permissions = { \"ecs:DropCluster\" },"
            " run = function() end }");
    assert_int_equal(reload(w), 1);
    assert_int_equal(library_count(w->books), 1);
    assert_string_equal(json_string_value(json_array_get(library_at(w->books, 0)->permissions, 0)), "ecs:*");
}

static void test_a_broken_playbook_stays_over_several_reloads(void **state)
{
    world *w = *state;
    playbook(w, "a", "", "");
    open_dispatch(w);
    rewrite(w, "a", "return 1");
    for (int i = 0; i < 3; i++) assert_true(reload(w) > 0);
    assert_non_null(library_find(w->books, "a"));
    rewrite(w, "a", BOOK("renamed", ""));
    assert_int_equal(reload(w), 0);
    assert_null(library_find(w->books, "a"));
    assert_non_null(library_find(w->books, "renamed"));
}

static void test_a_higher_limit_starts_what_waits(void **state)
{
    world *w = *state;
    w->limits.runs = 1;
    playbook(w, "a", "", "run:sleep('10m')");
    open_dispatch(w);
    for (char id[] = "1"; id[0] <= '4'; id[0]++) event(w, id, NOON);
    assert_int_equal(w->now, 1);
    assert_true(dispatch_oldest(w->dispatch) > 0);
    w->limits.runs = 3;
    assert_int_equal(reload(w), 0);
    assert_int_equal(w->now, 3);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->most, 3);
    assert_int_equal(dispatch_oldest(w->dispatch), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_setup, dispatch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_run_under_way_keeps_its_playbook_and_the_next_has_the_new_one),
        TEST(test_a_run_whose_playbook_went_ends_all_the_same),
        TEST(test_a_broken_playbook_stays_as_it_was_and_the_others_are_new),
        TEST(test_a_permission_that_no_api_has_keeps_the_old_playbook_too),
        TEST(test_a_broken_playbook_stays_over_several_reloads),
        TEST(test_a_higher_limit_starts_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
