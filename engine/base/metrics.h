/* Numbers that a process tells of itself: counters, gauges, histograms, with labels; written as Prometheus reads them
 * (text format 0.0.4), named by its conventions ("riposte_runs_total", "riposte_step_seconds"). Loop thread only. */
#ifndef RIPOSTE_BASE_METRICS_H
#define RIPOSTE_BASE_METRICS_H

#include <stddef.h>

#include "engine/base/buffer.h"
#include "engine/base/error.h"

typedef struct metrics metrics;
typedef struct metric metric;

typedef enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM } metric_kind;

/** What one is. All borrowed for good: string literals. */
typedef struct metric_definition {
    const char *name, *help;
    metric_kind kind;
    const char *const *labels; /* names, ended by NULL; NULL: none */
    const double *bounds;      /* of a histogram's buckets, rising, ended by 0 */
} metric_definition;

metrics *metrics_new(void); /* NULL: out of memory */
void metrics_free(metrics *all);

/** The metric of that definition; made when it is first asked for. NULL: out of memory. */
metric *metrics_get(metrics *all, const metric_definition *definition);

/** Counters and gauges: add `by`. `values` are the labels' values in their order (NULL: none); a metric has 1,000 sets
 * of them at most, the rest counts as "other": findings hold attackers' strings. */
void metric_add(metric *m, const char *const *values, double by);
void metric_set(metric *m, const char *const *values, double to);
/** Histograms. */
void metric_observe(metric *m, const char *const *values, double value);

/** All of them, in the order in which they were made, label values escaped. */
void metrics_write(const metrics *all, rip_buffer *out);

#endif
