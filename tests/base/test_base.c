/* The base room: errors, buffers, clocks, escaping, globs, suggestions. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/buffer.h"
#include "engine/base/clock.h"
#include "engine/base/data.h"
#include "engine/base/digest.h"
#include "engine/base/escape.h"
#include "engine/base/glob.h"
#include "engine/base/suggest.h"

static void test_an_error_is_one_printable_line(void **state)
{
    (void)state;
    rip_error err;
    assert_int_equal(rip_fail(&err, RIP_EINVAL, "bad %s", "a\nb\033[31m"), RIP_EINVAL);
    assert_string_equal(err.message, "bad a?b?[31m");
    rip_error_prefix(&err, "%s:%d: ", "x.lua", 12);
    assert_string_equal(err.message, "x.lua:12: bad a?b?[31m");
    char long_text[3000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    rip_fail(&err, RIP_EINVAL, "%s", long_text);
    rip_error_prefix(&err, "here: ");
    assert_int_equal(strlen(err.message), RIP_ERROR_MESSAGE_MAX - 1);
}

static void test_a_buffer_that_is_empty_is_an_empty_string(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t len = 1;
    rip_error err;
    rip_buffer b = {0};
    assert_true(rip_buffer_reserve(&b, 1000));
    assert_string_equal(b.data, "");
    rip_buffer_free(&b);
    assert_int_equal(rip_read_file("/dev/null", 10000, &bytes, &len, &err), RIP_OK);
    assert_int_equal(len, 0);
    assert_string_equal(bytes, "");
    free(bytes);
}

static void test_a_buffer_keeps_what_was_appended(void **state)
{
    (void)state;
    rip_buffer b = {0};
    for (int i = 0; i < 1000; i++) rip_buffer_printf(&b, "%d,", i);
    assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(rip_buffer_status(&b, NULL), RIP_OK);
    assert_false(rip_buffer_reserve(&b, SIZE_MAX));
    assert_int_equal(rip_buffer_status(&b, NULL), RIP_ENOMEM);
    assert_null(rip_buffer_take(&b, NULL));
}

static void test_a_buffer_that_was_fitted_takes_no_more_than_its_bytes_and_can_grow_again(void **state)
{
    (void)state;
    rip_buffer b = {0};
    rip_buffer_fit(&b); /* nothing to give back */
    assert_null(b.data);
    assert_true(rip_buffer_reserve(&b, 65536));
    rip_buffer_puts(&b, "text");
    rip_buffer_fit(&b);
    assert_int_equal(b.cap, 5);
    assert_string_equal(b.data, "text");
    rip_buffer_puts(&b, " and more");
    assert_string_equal(b.data, "text and more");
    rip_buffer_free(&b);
}

typedef struct firing {
    rip_clock *clock;
    char *order;
    char name;
    int64_t at;
    rip_timer timer;
} firing;

static void on_fire(void *data)
{
    firing *f = data;
    size_t n = strlen(f->order);
    f->order[n] = f->name;
    f->order[n + 1] = '\0';
    f->at = rip_clock_now(f->clock);
}

static void test_virtual_timers_fire_in_order_of_time_then_of_start(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    rip_clock *clock = rip_clock_new_virtual(&loop, 1000);
    char order[16] = "";
    firing a = {clock, order, 'a', 0, {0}}, b = {clock, order, 'b', 0, {0}}, c = {clock, order, 'c', 0, {0}},
           d = {clock, order, 'd', 0, {0}};
    rip_timer_start(&a.timer, clock, 3600 * 1000, on_fire, &a);
    rip_timer_start(&b.timer, clock, 5, on_fire, &b);
    rip_timer_start(&c.timer, clock, 5, on_fire, &c);
    rip_timer_start(&d.timer, clock, 1, on_fire, &d);
    rip_timer_stop(&d.timer);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_string_equal(order, "bca");
    assert_int_equal(b.at, 1005);
    assert_int_equal(a.at, 1000 + 3600 * 1000);
    rip_clock_free(clock);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_real_timers_fire_and_a_restarted_one_fires_once(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    rip_clock *clock = rip_clock_new_real(&loop);
    char order[16] = "";
    firing a = {clock, order, 'a', 0, {0}}, b = {clock, order, 'b', 0, {0}};
    rip_timer_start(&a.timer, clock, 2, on_fire, &a);
    rip_timer_start(&b.timer, clock, 0, on_fire, &b);
    rip_timer_start(&a.timer, clock, 4, on_fire, &a);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_string_equal(order, "ba");
    rip_clock_free(clock);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* A run that gives up its turn does this; on_heard is what waits for the socket. */
typedef struct busy {
    rip_clock *clock;
    rip_timer timer;
    uv_poll_t poll;
    int fires, heard_after;
} busy;

static void on_busy(void *data)
{
    busy *b = data;
    uv_sleep(2);
    if (++b->fires < 100 && b->heard_after == 0) rip_timer_start(&b->timer, b->clock, 0, on_busy, b);
}

static void on_heard(uv_poll_t *poll, int status, int events)
{
    busy *b = poll->data;
    (void)status;
    (void)events;
    b->heard_after = b->fires + 1;
    uv_poll_stop(poll);
    uv_close((uv_handle_t *)poll, NULL);
}

static void test_sockets_are_looked_at_between_timers_without_delay(void **state)
{
    (void)state;
    uv_loop_t loop;
    int pipe_ends[2];
    busy b = {0};
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(write(pipe_ends[1], "x", 1), 1);
    uv_loop_init(&loop);
    b.clock = rip_clock_new_real(&loop);
    uv_poll_init(&loop, &b.poll, pipe_ends[0]);
    b.poll.data = &b;
    uv_poll_start(&b.poll, UV_READABLE, on_heard);
    rip_timer_start(&b.timer, b.clock, 0, on_busy, &b);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_in_range(b.heard_after, 1, 3);
    rip_clock_free(b.clock);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

static void test_times_are_read_and_written(void **state)
{
    (void)state;
    int64_t ms = 0;
    char text[32];
    assert_true(rip_time_parse("2025-11-02T14:14:09Z", &ms));
    assert_int_equal(ms, INT64_C(1762092849000));
    rip_time_format(ms, text);
    assert_string_equal(text, "2025-11-02T14:14:09.000Z");
    assert_true(rip_time_parse("2020-01-15T15:55:49.624441+01:00", &ms));
    rip_time_format(ms, text);
    assert_string_equal(text, "2020-01-15T14:55:49.624Z");
    static const char *const WRONG[] = {
        "", "2025", "2025-13-01T00:00:00Z", "2025-11-02T14:14:09", "2025-11-02T14:14:09Zx", "2025-11-02T1:14:09Z"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) assert_false(rip_time_parse(WRONG[i], &ms));
}

static void escaped(const char *text, size_t len, const char *want)
{
    rip_buffer b = {0};
    rip_escape_line(&b, text, len, 64);
    assert_string_equal(b.data, want);
    rip_buffer_free(&b);
}

static void test_a_hostile_string_is_shown_as_one_harmless_line(void **state)
{
    (void)state;
    escaped("a\x1b[2Jb\nc", 8, "a\\u{1B}[2Jb\\nc");
    escaped("x\xE2\x80\xAEy", 5, "x\\u{202E}y");
    escaped("\xC0\xAF\xED\xA0\x80", 5, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    escaped("\xC2\x9B", 2, "\\u{9B}");
    rip_buffer b = {0};
    rip_escape_json(&b, "q\"\\\n\x01\xFF", 6, 64);
    assert_string_equal(b.data, "\"q\\\"\\\\\\n\\u0001\xEF\xBF\xBD\"");
    rip_buffer_free(&b);
}

static void test_globs_match_as_iam_does(void **state)
{
    (void)state;
    assert_true(rip_glob_match_nocase("ecs:Describe*", "ECS:describeServices"));
    assert_false(rip_glob_match("ecs:Describe*", "ecs:DeleteCluster"));
    assert_true(rip_glob_match("arn:*:ecs:*:*:cluster/prod-?*", "arn:aws:ecs:eu-west-1:1:cluster/prod-a"));
    assert_false(rip_glob_match("a*b*c", "aXbX"));
    assert_true(rip_glob_match("*", ""));
    char text[4000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(rip_glob_match("*a*a*a*a*a*a*a*a*b", text));
}

static void test_a_near_word_is_suggested_and_a_far_one_is_not(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"trigger", "permissions", "limits"};
    assert_string_equal(rip_suggest("permisions", WORDS, 3), "permissions");
    assert_string_equal(rip_suggest("Trigger", WORDS, 3), "trigger");
    assert_null(rip_suggest("zebra", WORDS, 3));
}

/* RFC 4231, cases 2 and 6. */
static void test_a_key_authenticates_one_text_after_the_other(void **state)
{
    (void)state;
    unsigned char long_key[131], mac[RIP_SHA256_BYTES];
    char hex[RIP_SHA256_HEX];
    static const char TEXT[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    rip_hmac *hmac = rip_hmac_new("Jefe", 4);
    for (int i = 0; i < 2; i++) {
        rip_hmac_sign(hmac, "what do ya want for nothing?", 28, mac);
        rip_hex(mac, sizeof mac, hex);
        assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
    rip_hmac_free(hmac);
    memset(long_key, 0xAA, sizeof long_key);
    rip_hmac_sha256(long_key, sizeof long_key, TEXT, strlen(TEXT), mac);
    rip_hex(mac, sizeof mac, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_sha256_of_the_empty_string(void **state)
{
    (void)state;
    char hex[RIP_SHA256_HEX];
    rip_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_a_file_over_its_limit_is_refused(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t len = 0;
    rip_error err;
    assert_int_equal(rip_read_file("CMakeLists.txt", 10, &bytes, &len, &err), RIP_ELIMIT);
    assert_int_equal(rip_read_file("no such file", 10, &bytes, &len, &err), RIP_ENOTFOUND);
    assert_int_equal(rip_read_file("CMakeLists.txt", 1 << 20, &bytes, &len, &err), RIP_OK);
    assert_int_equal(strlen(bytes), len);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_error_is_one_printable_line),
        cmocka_unit_test(test_a_buffer_keeps_what_was_appended),
        cmocka_unit_test(test_a_buffer_that_was_fitted_takes_no_more_than_its_bytes_and_can_grow_again),
        cmocka_unit_test(test_a_buffer_that_is_empty_is_an_empty_string),
        cmocka_unit_test(test_virtual_timers_fire_in_order_of_time_then_of_start),
        cmocka_unit_test(test_real_timers_fire_and_a_restarted_one_fires_once),
        cmocka_unit_test(test_sockets_are_looked_at_between_timers_without_delay),
        cmocka_unit_test(test_times_are_read_and_written),
        cmocka_unit_test(test_a_hostile_string_is_shown_as_one_harmless_line),
        cmocka_unit_test(test_globs_match_as_iam_does),
        cmocka_unit_test(test_a_near_word_is_suggested_and_a_far_one_is_not),
        cmocka_unit_test(test_a_key_authenticates_one_text_after_the_other),
        cmocka_unit_test(test_sha256_of_the_empty_string),
        cmocka_unit_test(test_a_file_over_its_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
