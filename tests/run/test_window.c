/* When changes may be made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/run/window.h"

static guard_windows *windows_of(const char *rows)
{
    rip_error err;
    guard_windows *windows = NULL;
    rip_config *config = rip_config_new();
    assert_int_equal(rip_config_set(config, "windows", rows, &err), RIP_OK);
    rip_status status = guard_windows_new(config, "windows", &windows, &err);
    rip_config_free(config);
    assert_true(status == RIP_OK || windows == NULL);
    return windows;
}

static bool is_open(const guard_windows *windows, const char *playbook, const char *time)
{
    int64_t now = 0;
    assert_true(rip_time_parse(time, &now));
    return guard_windows_open(windows, playbook, "123456789012", now);
}

static void test_a_playbook_that_no_window_names_may_act_at_any_time(void **state)
{
    (void)state;
    guard_windows *windows = windows_of("[{\"playbook\":\"hygiene-*\",\"from\":\"08:00\",\"to\":\"17:00\"}]");
    assert_true(is_open(windows, "contain", "2026-01-01T03:00:00Z"));
    assert_false(is_open(windows, "hygiene-ecs", "2026-01-01T03:00:00Z"));
    assert_true(is_open(windows, "hygiene-ecs", "2026-01-01T08:00:00Z"));
    assert_false(is_open(windows, "hygiene-ecs", "2026-01-01T17:00:00Z"));
    guard_windows_free(windows);
}

static void test_a_window_past_midnight_belongs_to_the_day_on_which_it_begins(void **state)
{
    (void)state;
    guard_windows *windows = windows_of("[{\"days\":\"fri\",\"from\":\"22:00\",\"to\":\"04:00\"}]");
    assert_true(is_open(windows, "p", "2026-01-02T23:00:00Z")); /* a Friday */
    assert_true(is_open(windows, "p", "2026-01-03T03:59:00Z"));
    assert_false(is_open(windows, "p", "2026-01-03T04:00:00Z"));
    assert_false(is_open(windows, "p", "2026-01-03T23:00:00Z"));
    assert_false(is_open(windows, "p", "2026-01-02T03:00:00Z"));
    guard_windows_free(windows);
}

static void test_days_may_wrap_around_the_week(void **state)
{
    (void)state;
    guard_windows *windows = windows_of("[{\"days\":\"sat-mon,wed\",\"from\":\"00:00\",\"to\":\"24:00\"}]");
    static const bool OPEN[] = {true, false, true, false, false, true, true}; /* from Monday, 2026-01-05 */
    for (int day = 0; day < 7; day++) {
        char time[32];
        snprintf(time, sizeof time, "2026-01-%02dT12:00:00Z", day + 5);
        assert_int_equal(is_open(windows, "p", time), OPEN[day]);
    }
    guard_windows_free(windows);
}

static void test_times_and_days_that_are_none_are_mistakes(void **state)
{
    (void)state;
    static const char *const ROWS[] = {
        "[{\"from\":\"8:00\",\"to\":\"17:00\"}]", "[{\"from\":\"08:60\",\"to\":\"17:00\"}]",
        "[{\"from\":\"08:00\",\"to\":\"24:01\"}]", "[{\"from\":\"08:00\",\"to\":\"17:00\",\"days\":\"monday\"}]",
        "[{\"from\":\"08:00\",\"to\":\"17:00\",\"days\":\"mon-\"}]"};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) assert_null(windows_of(ROWS[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_playbook_that_no_window_names_may_act_at_any_time),
        cmocka_unit_test(test_a_window_past_midnight_belongs_to_the_day_on_which_it_begins),
        cmocka_unit_test(test_days_may_wrap_around_the_week),
        cmocka_unit_test(test_times_and_days_that_are_none_are_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
