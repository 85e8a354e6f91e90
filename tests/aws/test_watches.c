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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_kept_connection_is_told_of_only_while_it_is_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_descriptor_that_was_closed_unasked_may_come_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
