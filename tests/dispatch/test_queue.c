/* Whose turn it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/dispatch/queue.h"

#define MINUTE INT64_C(60000)

static turn turn_of(int severity, int64_t at, const char *lock, const char *playbook)
{
    return (turn){.rank = queue_rank(severity, at), .lock = lock, .playbook = playbook, .account = "1"};
}

static void test_the_most_severe_goes_first_then_the_oldest(void **state)
{
    (void)state;
    queue_limits limits = {0};
    queue *q = queue_new(&limits);
    turn low = turn_of(10, 0, NULL, "p"), high = turn_of(80, 1000, NULL, "p"), older = turn_of(80, 500, NULL, "p");
    turn critical = turn_of(95, 2000, NULL, "p");
    turn *const ORDER[] = {&critical, &older, &high, &low};
    queue_add(q, &low);
    queue_add(q, &high);
    queue_add(q, &older);
    queue_add(q, &critical);
    for (size_t i = 0; i < 4; i++) assert_ptr_equal(queue_take(q, NULL, NULL), ORDER[i]);
    assert_null(queue_take(q, NULL, NULL));
    queue_free(q);
}

static void test_nothing_starves_since_waiting_counts_too(void **state)
{
    (void)state;
    queue_limits limits = {0};
    queue *q = queue_new(&limits);
    turn old = turn_of(0, 0, NULL, "p"), new = turn_of(100, 61 * MINUTE, NULL, "p");
    queue_add(q, &new);
    queue_add(q, &old);
    assert_ptr_equal(queue_take(q, NULL, NULL), &old);
    queue_free(q);
}

static void test_a_lock_is_handed_on_in_order(void **state)
{
    (void)state;
    queue_limits limits = {0};
    queue *q = queue_new(&limits);
    turn one = turn_of(0, 1, "l", "p"), two = turn_of(0, 2, "l", "p"), three = turn_of(0, 3, "l", "p");
    turn other = turn_of(0, 4, "m", "p");
    queue_add(q, &one);
    queue_add(q, &two);
    queue_add(q, &three);
    queue_add(q, &other);
    assert_ptr_equal(queue_take(q, NULL, NULL), &one);
    assert_ptr_equal(queue_take(q, NULL, NULL), &other);
    assert_null(queue_take(q, NULL, NULL));
    queue_done(q, &one);
    assert_ptr_equal(queue_take(q, NULL, NULL), &two);
    queue_done(q, &two);
    assert_ptr_equal(queue_take(q, NULL, NULL), &three);
    queue_free(q);
}

static void test_limits_hold_in_all_and_for_each_playbook(void **state)
{
    (void)state;
    queue_limits limits = {.all = 2, .playbook = 1};
    queue *q = queue_new(&limits);
    turn a1 = turn_of(0, 1, NULL, "a"), a2 = turn_of(0, 2, NULL, "a"), b = turn_of(0, 3, NULL, "b"),
         c = turn_of(0, 4, NULL, "c");
    queue_add(q, &a1);
    queue_add(q, &a2);
    queue_add(q, &b);
    queue_add(q, &c);
    assert_ptr_equal(queue_take(q, NULL, NULL), &a1);
    assert_ptr_equal(queue_take(q, NULL, NULL), &b);
    assert_null(queue_take(q, NULL, NULL)); /* two go on */
    queue_done(q, &a1);
    assert_ptr_equal(queue_take(q, NULL, NULL), &a2);
    queue_done(q, &b);
    assert_ptr_equal(queue_take(q, NULL, NULL), &c);
    queue_free(q);
}

static void test_one_that_does_nothing_more_leaves_its_place_but_not_its_lock(void **state)
{
    (void)state;
    queue_limits limits = {.all = 2, .playbook = 1, .account = 2};
    queue *q = queue_new(&limits);
    turn one = turn_of(0, 1, "l", "a"), same = turn_of(0, 2, "l", "b"), other = turn_of(0, 3, NULL, "a");
    turn last = turn_of(0, 4, NULL, "c");
    queue_add(q, &one);
    queue_add(q, &same);
    queue_add(q, &other);
    assert_ptr_equal(queue_take(q, NULL, NULL), &one);
    assert_null(queue_take(q, NULL, NULL)); /* of the same lock, and of the same playbook */
    queue_leave(q, &one);
    assert_ptr_equal(queue_take(q, NULL, NULL), &other);
    assert_null(queue_take(q, NULL, NULL));
    queue_leave(q, &one); /* nothing more to leave */
    queue_add(q, &last);
    assert_ptr_equal(queue_take(q, NULL, NULL), &last);
    queue_done(q, &one);
    assert_null(queue_take(q, NULL, NULL)); /* two go on */
    queue_done(q, &other);
    assert_ptr_equal(queue_take(q, NULL, NULL), &same);
    queue_free(q);
}

static void test_what_is_taken_out_never_comes(void **state)
{
    (void)state;
    queue_limits limits = {0};
    queue *q = queue_new(&limits);
    turn turns[100];
    for (int i = 0; i < 100; i++) {
        turns[i] = turn_of(0, (i * 37) % 100, i % 10 == 0 ? "l" : NULL, "p");
        queue_add(q, &turns[i]);
    }
    turn *first = queue_take(q, NULL, NULL);
    for (int i = 0; i < 100; i += 2) {
        if (&turns[i] != first) queue_remove(q, &turns[i]);
    }
    int64_t last = first->rank;
    size_t count = 1;
    for (turn *t; (t = queue_take(q, NULL, NULL)); count++) {
        assert_true(t->rank >= last);
        assert_true((t - turns) % 2 == 1);
        last = t->rank;
    }
    assert_true(count == 50 || count == 51);
    queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_most_severe_goes_first_then_the_oldest),
        cmocka_unit_test(test_nothing_starves_since_waiting_counts_too),
        cmocka_unit_test(test_a_lock_is_handed_on_in_order),
        cmocka_unit_test(test_limits_hold_in_all_and_for_each_playbook),
        cmocka_unit_test(test_one_that_does_nothing_more_leaves_its_place_but_not_its_lock),
        cmocka_unit_test(test_what_is_taken_out_never_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
