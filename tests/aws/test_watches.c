/* Descriptors that are watched for libcurl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "aws/watches.h"

typedef struct fixture {
    uv_loop_t loop;
    aws_watches *watches;
    int ends[2];
    int told; /* how often */
} fixture;

static void on_ready(void *data, int fd, int status, int events)
{
    fixture *f = data;
    char byte;
    assert_int_equal(fd, f->ends[0]);
    assert_int_equal(status, 0);
    assert_true(events & UV_READABLE);
    assert_int_equal(read(fd, &byte, 1), 1);
    f->told++;
}

static int set_up(void **state)
{
    static fixture f;
    f = (fixture){.told = 0};
    uv_loop_init(&f.loop);
    f.watches = aws_watches_new(&f.loop, on_ready, &f);
    assert_non_null(f.watches);
    assert_int_equal(pipe(f.ends), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    aws_watches_free(f->watches);
    close(f->ends[0]);
    close(f->ends[1]);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&f->loop);
}

static void write_and_turn(fixture *f)
{
    assert_int_equal(write(f->ends[1], "x", 1), 1);
    for (int i = 0; i < 5; i++) uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void test_a_kept_connection_is_told_of_only_while_it_is_wanted(void **state)
{
    fixture *f = *state;
    assert_true(aws_watches_open(f->watches, f->ends[0]));
    assert_true(aws_watches_want(f->watches, f->ends[0], UV_READABLE));
    write_and_turn(f);
    assert_int_equal(f->told, 1);
    assert_true(aws_watches_want(f->watches, f->ends[0], 0));
    assert_false(uv_run(&f->loop, UV_RUN_NOWAIT)); /* it keeps no loop alive */
    write_and_turn(f);
    assert_int_equal(f->told, 1);
    assert_true(aws_watches_want(f->watches, f->ends[0], UV_READABLE));
    for (int i = 0; i < 5; i++) uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->told, 2);
}

static void test_a_descriptor_that_was_closed_unasked_may_come_again(void **state)
{
    fixture *f = *state;
    int first = f->ends[0];
    assert_true(aws_watches_want(f->watches, first, UV_READABLE));
    write_and_turn(f);
    assert_true(aws_watches_want(f->watches, first, 0));
    close(f->ends[0]);
    close(f->ends[1]);
    assert_int_equal(pipe(f->ends), 0);
    assert_int_equal(f->ends[0], first);
    assert_true(aws_watches_want(f->watches, first, UV_READABLE));
    write_and_turn(f);
    assert_int_equal(f->told, 2);
}

/** Both ends are closed, and two others have their numbers. */
static void close_unasked(fixture *f, bool and_open_others)
{
    int first = f->ends[0];
    close(f->ends[0]);
    close(f->ends[1]);
    f->ends[0] = f->ends[1] = -1;
    if (!and_open_others) return;
    assert_int_equal(pipe(f->ends), 0);
    assert_int_equal(f->ends[0], first);
}

static void test_a_connection_that_was_closed_unasked_before_it_was_made_is_forgotten(void **state)
{
    fixture *f = *state;
    for (int turned = 0; turned < 2; turned++) { /* whether the loop has seen the watch by then */
        if (turned) assert_int_equal(pipe(f->ends), 0);
        int fd = f->ends[0];
        assert_true(aws_watches_open(f->watches, fd));
        assert_true(aws_watches_want(f->watches, fd, UV_READABLE));
        if (turned) uv_run(&f->loop, UV_RUN_NOWAIT);
        close_unasked(f, false);
        assert_true(aws_watches_want(f->watches, fd, 0));
        assert_false(uv_run(&f->loop, UV_RUN_NOWAIT)); /* libuv aborts over a descriptor that is none */
    }
}

static void test_a_number_that_is_somebody_elses_by_then_is_not_watched(void **state)
{
    fixture *f = *state;
    assert_true(aws_watches_open(f->watches, f->ends[0]));
    assert_true(aws_watches_want(f->watches, f->ends[0], UV_READABLE));
    close_unasked(f, true);
    assert_true(aws_watches_want(f->watches, f->ends[0], 0));
    uv_poll_t other;
    assert_int_equal(uv_poll_init(&f->loop, &other, f->ends[0]), 0); /* EEXIST where it is watched */
    uv_close((uv_handle_t *)&other, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void test_the_next_address_may_have_the_number_of_the_one_before(void **state)
{
    fixture *f = *state;
    assert_true(aws_watches_open(f->watches, f->ends[0]));
    assert_true(aws_watches_want(f->watches, f->ends[0], UV_READABLE));
    for (int i = 0; i < 5; i++) uv_run(&f->loop, UV_RUN_NOWAIT);
    close_unasked(f, true);
    assert_true(aws_watches_open(f->watches, f->ends[0])); /* and nobody asks again */
    write_and_turn(f);
    assert_int_equal(f->told, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_kept_connection_is_told_of_only_while_it_is_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_descriptor_that_was_closed_unasked_may_come_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_connection_that_was_closed_unasked_before_it_was_made_is_forgotten,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_number_that_is_somebody_elses_by_then_is_not_watched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_next_address_may_have_the_number_of_the_one_before, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
