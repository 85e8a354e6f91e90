/* What a process tells of itself, as Prometheus reads it (text format 0.0.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/metrics.h"

static const char *const BY_OUTCOME[] = {"playbook", "outcome", NULL};
static const double SECONDS[] = {0.1, 1, 2.5, 0};
static const metric_definition RUNS = {"riposte_runs_total", "Runs that ended.", METRIC_COUNTER, BY_OUTCOME, NULL};
static const metric_definition QUEUE = {"riposte_queue_runs", "Runs \\ that\nwait.", METRIC_GAUGE, NULL, NULL};
static const metric_definition STEPS = {"riposte_step_seconds", "Time of a step.", METRIC_HISTOGRAM, NULL, SECONDS};
static const char *const SERVICE[] = {"service", NULL};
static const metric_definition CALLS = {"riposte_call_seconds", "Time of a call.", METRIC_HISTOGRAM, SERVICE, SECONDS};

static void expect(const metrics *all, const char *text)
{
    rip_buffer out = {0};
    metrics_write(all, &out);
    assert_int_equal(rip_buffer_status(&out, NULL), RIP_OK);
    assert_string_equal(out.data ? out.data : "", text);
    rip_buffer_free(&out);
}

static void test_counters_add_up_for_each_set_of_labels(void **state)
{
    (void)state;
    metrics *all = metrics_new();
    metric *runs = metrics_get(all, &RUNS);
    assert_ptr_equal(metrics_get(all, &RUNS), runs);
    expect(all, "");
    metric_add(runs, (const char *[]){"a", "done"}, 1);
    metric_add(runs, (const char *[]){"a", "failed"}, 1);
    metric_add(runs, (const char *[]){"a", "done"}, 2.5);
    expect(all,
           "# HELP riposte_runs_total Runs that ended.\n"
           "# TYPE riposte_runs_total counter\n"
           "riposte_runs_total{playbook=\"a\",outcome=\"done\"} 3.5\n"
           "riposte_runs_total{playbook=\"a\",outcome=\"failed\"} 1\n");
    metrics_free(all);
}

static void test_a_gauge_is_what_was_set_last(void **state)
{
    (void)state;
    metrics *all = metrics_new();
    metric *queue = metrics_get(all, &QUEUE);
    metric_set(queue, NULL, 12);
    metric_set(queue, NULL, 3);
    metric_add(queue, NULL, -1);
    expect(all,
           "# HELP riposte_queue_runs Runs \\\\ that\\nwait.\n"
           "# TYPE riposte_queue_runs gauge\n"
           "riposte_queue_runs 2\n");
    metrics_free(all);
}

static void test_buckets_count_all_that_is_not_above_them(void **state)
{
    (void)state;
    metrics *all = metrics_new();
    metric *steps = metrics_get(all, &STEPS);
    const double SEEN[] = {0.05, 0.1, 0.7, 2.5, 60};
    for (size_t i = 0; i < 5; i++) metric_observe(steps, NULL, SEEN[i]);
    metric_observe(metrics_get(all, &CALLS), (const char *[]){"ecs"}, 1.5);
    expect(all,
           "# HELP riposte_step_seconds Time of a step.\n"
           "# TYPE riposte_step_seconds histogram\n"
           "riposte_step_seconds_bucket{le=\"0.1\"} 2\n"
           "riposte_step_seconds_bucket{le=\"1\"} 3\n"
           "riposte_step_seconds_bucket{le=\"2.5\"} 4\n"
           "riposte_step_seconds_bucket{le=\"+Inf\"} 5\n"
           "riposte_step_seconds_sum 63.35\n"
           "riposte_step_seconds_count 5\n"
           "# HELP riposte_call_seconds Time of a call.\n"
           "# TYPE riposte_call_seconds histogram\n"
           "riposte_call_seconds_bucket{service=\"ecs\",le=\"0.1\"} 0\n"
           "riposte_call_seconds_bucket{service=\"ecs\",le=\"1\"} 0\n"
           "riposte_call_seconds_bucket{service=\"ecs\",le=\"2.5\"} 1\n"
           "riposte_call_seconds_bucket{service=\"ecs\",le=\"+Inf\"} 1\n"
           "riposte_call_seconds_sum{service=\"ecs\"} 1.5\n"
           "riposte_call_seconds_count{service=\"ecs\"} 1\n");
    metrics_free(all);
}

static void test_a_label_cannot_leave_its_quotes(void **state)
{
    (void)state;
    metrics *all = metrics_new();
    metric_add(metrics_get(all, &RUNS), (const char *[]){"a\"} 9\nevil_total 1\\", "\xC3\x28\xE2\x82\xAC"}, 1);
    expect(all,
           "# HELP riposte_runs_total Runs that ended.\n"
           "# TYPE riposte_runs_total counter\n"
           "riposte_runs_total{playbook=\"a\\\"} 9\\nevil_total 1\\\\\","
           "outcome=\"\xEF\xBF\xBD(\xE2\x82\xAC\"} 1\n");
    metrics_free(all);
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

static void test_a_thousand_sets_at_most_and_the_rest_is_other(void **state)
{
    (void)state;
    metrics *all = metrics_new();
    metric *runs = metrics_get(all, &RUNS);
    char name[400];
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "p%d", i);
        metric_add(runs, (const char *[]){name, "done"}, 1);
    }
    metric_add(runs, (const char *[]){"p1", "done"}, 1);
    rip_buffer out = {0};
    metrics_write(all, &out);
    assert_int_equal(lines_of(out.data), 2 + 1000);
    assert_non_null(strstr(out.data, "{playbook=\"p1\",outcome=\"done\"} 2\n"));
    assert_non_null(strstr(out.data, "{playbook=\"other\",outcome=\"other\"} 4001\n"));
    rip_buffer_free(&out);
    metrics_free(all);
}

static void test_a_long_label_is_cut_between_characters(void **state)
{
    (void)state;
    metrics *all = metrics_new();
    char name[400] = "x";
    for (size_t i = 1; i + 3 < sizeof name; i += 3) memcpy(name + i, "\xE2\x82\xAC", 3);
    name[sizeof name - 1] = '\0';
    metric_add(metrics_get(all, &RUNS), (const char *[]){name, ""}, 1);
    rip_buffer out = {0};
    metrics_write(all, &out);
    const char *value = strstr(out.data, "playbook=\"");
    assert_non_null(value);
    assert_int_equal(strcspn(value + 10, "\""), 1 + 42 * 3);
    rip_buffer_free(&out);
    metrics_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_add_up_for_each_set_of_labels),
        cmocka_unit_test(test_a_gauge_is_what_was_set_last),
        cmocka_unit_test(test_buckets_count_all_that_is_not_above_them),
        cmocka_unit_test(test_a_label_cannot_leave_its_quotes),
        cmocka_unit_test(test_a_thousand_sets_at_most_and_the_rest_is_other),
        cmocka_unit_test(test_a_long_label_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
