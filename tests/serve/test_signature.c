/* Signed requests: which headers are read, which signatures are right, and what is remembered of them; and the rate of
 * an address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/serve/rate.h"
#include "engine/serve/signature.h"

static const char SECRET[] = "It's a Secret to Everybody";

/* HMAC-SHA-256 over "1700000000.{}" by `openssl dgst -sha256 -hmac "It's a Secret to Everybody"`. */
static const char KNOWN[] = "1df0d47c3774d7ccf5c4d51759477d319136747489fd8d3da926674d75de192f";

static void test_a_signature_that_openssl_made_is_right(void **state)
{
    (void)state;
    signature s;
    rip_error err;
    char header[128];
    snprintf(header, sizeof header, "t=1700000000,v1=%s", KNOWN);
    assert_int_equal(signature_parse(header, &s, &err), RIP_OK);
    assert_true(signature_is_of(&s, SECRET, "{}", 2));
    assert_false(signature_is_of(&s, SECRET, "{ }", 3));
    assert_false(signature_is_of(&s, "another", "{}", 2));
    snprintf(header, sizeof header, "t=1700000001,v1=%s", KNOWN);
    assert_int_equal(signature_parse(header, &s, &err), RIP_OK);
    assert_false(signature_is_of(&s, SECRET, "{}", 2));
}

static void test_one_of_several_signatures_suffices(void **state)
{
    (void)state;
    signature s;
    rip_error err;
    char header[256];
    snprintf(header, sizeof header, "t=1700000000, v1=%064d, v2=later, v1=%s", 0, KNOWN);
    assert_int_equal(signature_parse(header, &s, &err), RIP_OK);
    assert_int_equal(s.count, 2);
    assert_true(signature_is_of(&s, SECRET, "{}", 2));
}

static void test_headers_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"",
                                        "t=1700000000",
                                        "t=,v1=00",
                                        "v1="
                                        "0000000000000000000000000000000000000000000000000000000000000000",
                                        "t=1700000000,v1=0000",
                                        "t=-1,v1="
                                        "0000000000000000000000000000000000000000000000000000000000000000",
                                        "t=1,t=2,v1="
                                        "0000000000000000000000000000000000000000000000000000000000000000",
                                        "t=1700000000,v1="
                                        "g000000000000000000000000000000000000000000000000000000000000000",
                                        "t=99999999999999999999,v1="
                                        "0000000000000000000000000000000000000000000000000000000000000000"};
    signature s;
    rip_error err;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        assert_int_equal(signature_parse(WRONG[i], &s, &err), RIP_EINVAL);
}

static void test_a_time_far_from_now_is_not_good(void **state)
{
    (void)state;
    signature s = {.at = 1700000000};
    assert_true(signature_is_timely(&s, INT64_C(1700000299000)));
    assert_true(signature_is_timely(&s, INT64_C(1699999701000)));
    assert_false(signature_is_timely(&s, INT64_C(1700000301000)));
    assert_false(signature_is_timely(&s, INT64_C(1699999699000)));
}

static void test_what_was_kept_is_not_taken_twice(void **state)
{
    (void)state;
    replay *r = calloc(1, sizeof *r);
    unsigned char digest[RIP_SHA256_BYTES] = {1, 2, 3};
    assert_int_equal(replay_begin(r, digest, 1000), REPLAY_NEW);
    assert_int_equal(replay_begin(r, digest, 1000), REPLAY_PENDING);
    replay_end(r, digest, false);
    assert_int_equal(replay_begin(r, digest, 1000), REPLAY_NEW);
    replay_end(r, digest, true);
    assert_int_equal(replay_begin(r, digest, 1000 + 2 * SIGNATURE_WINDOW_MS), REPLAY_KEPT);
    free(r);
}

static void test_a_full_memory_is_told_not_overwritten(void **state)
{
    (void)state;
    replay *r = calloc(1, sizeof *r);
    unsigned char digest[RIP_SHA256_BYTES] = {0};
    int taken = 0;
    replay_state seen = REPLAY_NEW;
    for (unsigned char i = 0; i < 255 && seen == REPLAY_NEW; i++) { /* the same first bytes: one place for all */
        digest[8] = i;
        seen = replay_begin(r, digest, 1000);
        if (seen == REPLAY_NEW) replay_end(r, digest, true);
        taken += seen == REPLAY_NEW;
    }
    assert_int_equal(seen, REPLAY_FULL);
    digest[8] = 0;
    assert_int_equal(replay_begin(r, digest, 1000), REPLAY_KEPT);
    assert_true(taken > 10);
    digest[8] = 254;
    assert_int_equal(replay_begin(r, digest, 1000 + 3 * SIGNATURE_WINDOW_MS),
                     REPLAY_NEW); /* they have had their time */
    free(r);
}

static void test_an_address_has_its_rate(void **state)
{
    (void)state;
    rate *r = calloc(1, sizeof *r);
    *r = (rate){.second = 2, .burst = 3};
    for (int i = 0; i < 3; i++) assert_true(rate_take(r, "192.0.2.1", 1000));
    assert_false(rate_take(r, "192.0.2.1", 1000));
    assert_true(rate_take(r, "192.0.2.2", 1000));
    assert_true(rate_take(r, "192.0.2.1", 1500));
    assert_false(rate_take(r, "192.0.2.1", 1500));
    /* All addresses of a /64 are one client's. */
    for (int i = 0; i < 3; i++) assert_true(rate_take(r, "2001:db8:1:2:3::1", 1000));
    assert_false(rate_take(r, "2001:db8:1:2:4::9", 1000));
    assert_true(rate_take(r, "2001:db8:1:3:4::9", 1000));
    for (int i = 0; i < 3; i++) assert_true(rate_take(r, "2001:db8::1", 1000));
    assert_false(rate_take(r, "2001:db8::2", 1000));
    *r = (rate){0};
    for (int i = 0; i < 1000; i++) assert_true(rate_take(r, "192.0.2.1", 1000));
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signature_that_openssl_made_is_right),
        cmocka_unit_test(test_one_of_several_signatures_suffices),
        cmocka_unit_test(test_headers_that_are_none_are_refused),
        cmocka_unit_test(test_a_time_far_from_now_is_not_good),
        cmocka_unit_test(test_what_was_kept_is_not_taken_twice),
        cmocka_unit_test(test_a_full_memory_is_told_not_overwritten),
        cmocka_unit_test(test_an_address_has_its_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
