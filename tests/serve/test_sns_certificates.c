/* Certificates of SNS: fetched once for all that wait, kept for a day, and never more than a few at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/serve/sns_certificates.h"

#define MOST 64
#define DAY_MS 86400000

typedef struct box {
    uv_loop_t loop;
    rip_clock *clock;
    rip_timer timer;
    fetcher fetcher;
    sns_certificates *certificates;
    /* Fetches under way, the oldest first. */
    fetched done[MOST];
    void *data[MOST];
    size_t fetches, answered;
    /* What those who asked were told. */
    size_t good, again, failed;
} box;

static void get(void *self, const char *url, fetched done, void *data)
{
    box *b = self;
    (void)url;
    b->done[b->fetches] = done;
    b->data[b->fetches++] = data;
}

/* The oldest fetch that is under way ends. */
static void answer(box *b, rip_status status)
{
    rip_error err = {status, "no network"};
    size_t i = b->answered++;
    b->done[i](b->data[i], status, status == RIP_OK ? "PEM" : NULL, 3, &err);
}

static void on_got(void *data, rip_status status, const char *bytes, size_t len, const rip_error *err)
{
    box *b = data;
    (void)err;
    if (status == RIP_OK) assert_memory_equal(bytes, "PEM", len);
    b->good += status == RIP_OK;
    b->again += status == RIP_EAGAIN;
    b->failed += status == RIP_EIO;
}

static void ask(box *b, unsigned which)
{
    char url[32];
    snprintf(url, sizeof url, "https://sns/%u.pem", which);
    sns_certificates_get(b->certificates, url, on_got, b);
}

static void on_time(void *data)
{
    *(bool *)data = true;
}

static void pass_time(box *b, uint64_t ms)
{
    bool passed = false;
    rip_timer_start(&b->timer, b->clock, ms, on_time, &passed);
    while (!passed) uv_run(&b->loop, UV_RUN_ONCE);
}

static int setup(void **state)
{
    box *b = calloc(1, sizeof *b);
    assert_non_null(b);
    uv_loop_init(&b->loop);
    b->clock = rip_clock_new_virtual(&b->loop, 1700000000000);
    b->fetcher = (fetcher){get, b};
    b->certificates = sns_certificates_new(b->clock, &b->fetcher);
    assert_non_null(b->certificates);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    box *b = *state;
    sns_certificates_free(b->certificates);
    rip_clock_free(b->clock);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    free(b);
    return 0;
}

static void test_all_that_wait_for_one_are_told_by_one_fetch(void **state)
{
    box *b = *state;
    for (int i = 0; i < 10; i++) ask(b, 1);
    assert_int_equal(b->fetches, 1);
    assert_int_equal(b->good, 0);
    answer(b, RIP_OK);
    assert_int_equal(b->good, 10);
    ask(b, 1);
    assert_int_equal(b->good, 11);
    assert_int_equal(b->fetches, 1);
}

static void test_one_is_kept_for_a_day(void **state)
{
    box *b = *state;
    ask(b, 1);
    answer(b, RIP_OK);
    pass_time(b, DAY_MS - 1000);
    ask(b, 1);
    assert_int_equal(b->fetches, 1);
    pass_time(b, 2000);
    ask(b, 1);
    assert_int_equal(b->fetches, 2);
}

static void test_one_that_was_not_to_be_had_is_asked_for_again_later(void **state)
{
    box *b = *state;
    ask(b, 1);
    answer(b, RIP_EIO);
    assert_int_equal(b->failed, 1);
    ask(b, 1);
    assert_int_equal(b->again, 1);
    assert_int_equal(b->fetches, 1);
    pass_time(b, 31000);
    ask(b, 1);
    assert_int_equal(b->fetches, 2);
    answer(b, RIP_OK);
    assert_int_equal(b->good, 1);
}

static void test_only_a_few_are_fetched_at_a_time(void **state)
{
    box *b = *state;
    for (unsigned i = 0; i < 10; i++) ask(b, i);
    assert_int_equal(b->fetches, 4);
    assert_int_equal(b->again, 6);
    answer(b, RIP_OK);
    ask(b, 9);
    assert_int_equal(b->fetches, 5);
}

/* Whoever makes up names of certificates must not drive out the one that is in use. */
static void test_those_that_are_not_there_make_room_first(void **state)
{
    box *b = *state;
    ask(b, 1);
    answer(b, RIP_OK);
    for (unsigned i = 100; i < 140; i++) {
        ask(b, i);
        answer(b, RIP_EIO);
    }
    size_t before = b->fetches;
    ask(b, 1);
    assert_int_equal(b->fetches, before);
    assert_int_equal(b->good, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_that_wait_for_one_are_told_by_one_fetch),
        TEST(test_one_is_kept_for_a_day),
        TEST(test_one_that_was_not_to_be_had_is_asked_for_again_later),
        TEST(test_only_a_few_are_fetched_at_a_time),
        TEST(test_those_that_are_not_there_make_room_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
