#include "box.h"

#include <time.h>

#include "holds.h"
#include "lua/watch.h"

/* What a run may hold the loop for is 50 ms; the machine of a test may be a slow one. */
#define MOST_MS 100

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The longest that the thread worked in one turn. */
static double longest_turn(const char *text, char *end, size_t size)
{
    box b;
    static const rip_vm_limits LIMITS = {.instructions = 20000000};
    box_open(&b, &LIMITS);
    double start = cpu_ms(), longest = 0;
    if (rip_vm_load(b.vm, "hold.lua", text, strlen(text), &b.err) != RIP_OK) fail_msg("%s", b.err.message);
    lua_State *L = rip_vm_state(b.vm), *co = lua_newthread(L);
    lua_pushvalue(L, -2);
    lua_xmove(L, co, 1);
    rip_vm_result result = RIP_VM_PREEMPTED;
    int nresults = 0;
    while (result == RIP_VM_PREEMPTED) {
        result = rip_vm_resume(b.vm, co, 0, &nresults, &b.err);
        double now = cpu_ms();
        if (now - start > longest) longest = now - start;
        start = now;
    }
    snprintf(end, size, "%s", result == RIP_VM_DONE ? "done" : b.err.message);
    box_close(&b);
    return longest;
}

static void test_none_of_the_worst_playbooks_holds_the_loop(void **state)
{
    (void)state;
    char end[RIP_ERROR_MESSAGE_MAX];
    box b;
    box_open(&b, NULL);
    assert_prints(&b, "print(1)", "1\n"); /* the timer is there */
    box_close(&b);
    if (!rip_watch_leaves()) skip();
    unsigned bad = 0;
    for (size_t i = 0; i < HOLDS_COUNT; i++) {
        double ms = longest_turn(HOLDS[i].text, end, sizeof end);
        if (ms > MOST_MS) bad++;
        print_message("%-40s %6.1f ms  %.60s\n", HOLDS[i].name, ms, end);
    }
    assert_int_equal(bad, 0);
}

static void test_what_is_left_ends_killed_and_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        box b;
        box_open(&b, NULL);
        if (!rip_watch_leaves()) assert_prints(&b, "print(1)", "1\n");
        if (!rip_watch_leaves()) {
            box_close(&b);
            skip();
        }
        assert_killed(&b, HOLDS[0].text, "worked too long where it cannot be interrupted");
        assert_null(rip_vm_state(b.vm));
        assert_int_equal(rip_vm_load(b.vm, "x.lua", "", 0, &b.err), RIP_ELIMIT);
        assert_int_equal(rip_vm_call(b.vm, 0, 0, &b.err), RIP_VM_KILLED);
        box_close(&b);
        box_open(&b, NULL);
        assert_prints(&b, "print(2)", "2\n");
        box_close(&b);
    }
}

static void test_a_long_loop_gives_up_its_turn_by_time_and_ends_as_it_should(void **state)
{
    (void)state;
    box b;
    rip_vm_limits limits = {.slice_instructions = 50000000};
    box_open(&b, &limits);
    assert_prints(&b, "local n = 0 for i = 1, 2e7 do n = n + i end print(n)", "200000010000000\n");
    if (rip_watch_leaves()) assert_true(b.turns > 1);
    box_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_of_the_worst_playbooks_holds_the_loop),
        cmocka_unit_test(test_what_is_left_ends_killed_and_leaves_nothing_behind),
        cmocka_unit_test(test_a_long_loop_gives_up_its_turn_by_time_and_ends_as_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
