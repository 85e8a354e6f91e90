#include "engine/base/metrics.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/escape.h"

#define SETS_MOST 1000
#define LABELS_MOST 8
#define BUCKETS_MOST 32
#define VALUE_BYTES_MOST 128

/* One set of label values. */
typedef struct series {
    char *labels;      /* as it is written: key="value",…; "" where there are none */
    double value;      /* of a histogram: the sum */
    uint64_t *buckets; /* counts of their own, not added up; the last has what is over all bounds */
    uint64_t count;
} series;

struct metric {
    metric *next;
    const metric_definition *is;
    size_t label_count, bucket_count; /* bounds, without +Inf */
    series *sets;
    size_t count, room;
    json_t *places; /* labels -> index in sets */
};

struct metrics {
    metric *first, *last;
};

metrics *metrics_new(void)
{
    return calloc(1, sizeof(metrics));
}

static void metric_free(metric *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->sets[i].labels);
        free(m->sets[i].buckets);
    }
    free(m->sets);
    json_decref(m->places);
    free(m);
}

void metrics_free(metrics *all)
{
    if (!all) return;
    while (all->first) {
        metric *m = all->first;
        all->first = m->next;
        metric_free(m);
    }
    free(all);
}

metric *metrics_get(metrics *all, const metric_definition *definition)
{
    for (metric *m = all->first; m; m = m->next) {
        if (m->is == definition || strcmp(m->is->name, definition->name) == 0) return m;
    }
    metric *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->is = definition;
    m->places = json_object();
    if (!m->places) {
        metric_free(m);
        return NULL;
    }
    while (definition->labels && m->label_count < LABELS_MOST && definition->labels[m->label_count]) m->label_count++;
    while (definition->bounds && m->bucket_count < BUCKETS_MOST && definition->bounds[m->bucket_count] > 0)
        m->bucket_count++;
    if (all->last)
        all->last->next = m;
    else
        all->first = m;
    all->last = m;
    return m;
}

/* Sets of labels. */

/* The text format has three escapes, and knows nothing but UTF-8. */
static void put_value(rip_buffer *out, const char *value)
{
    size_t left = strlen(value), most = VALUE_BYTES_MOST;
    while (left > 0) {
        size_t len = rip_utf8_next(value, left, NULL), used = len ? len : 1;
        if (used > most) break;
        if (len == 0)
            rip_buffer_puts(out, "\xEF\xBF\xBD");
        else if (*value == '\n')
            rip_buffer_puts(out, "\\n");
        else if (*value == '\\' || *value == '"')
            rip_buffer_printf(out, "\\%c", *value);
        else
            rip_buffer_append(out, value, len);
        value += used;
        left -= used;
        most -= used;
    }
}

static void put_labels(const metric *m, const char *const *values, rip_buffer *out)
{
    for (size_t i = 0; i < m->label_count; i++) {
        rip_buffer_printf(out, "%s%s=\"", i ? "," : "", m->is->labels[i]);
        put_value(out, values ? values[i] : "other");
        rip_buffer_putc(out, '"');
    }
}

static series *add_set(metric *m, rip_buffer *labels)
{
    if (m->count == m->room) {
        size_t room = m->room ? m->room * 2 : 8;
        series *grown = realloc(m->sets, room * sizeof *grown);
        if (!grown) return NULL;
        m->sets = grown;
        m->room = room;
    }
    series *s = &m->sets[m->count];
    *s = (series){0};
    if (m->is->kind == METRIC_HISTOGRAM) {
        s->buckets = calloc(m->bucket_count + 1, sizeof *s->buckets);
        if (!s->buckets) return NULL;
    }
    s->labels = rip_buffer_take(labels, NULL);
    if (!s->labels || json_object_set_new_nocheck(m->places, s->labels, json_integer((json_int_t)m->count)) != 0) {
        free(s->labels);
        free(s->buckets);
        return NULL;
    }
    m->count++;
    return s;
}

/* The series of these values; NULL: memory is out, and it is not counted. */
static series *set_of(metric *m, const char *const *values)
{
    rip_buffer labels = {0};
    put_labels(m, values, &labels);
    const json_t *place = labels.failed ? NULL : json_object_get(m->places, labels.data ? labels.data : "");
    if (!place && m->count >= SETS_MOST - 1 && values && m->label_count) {
        rip_buffer_free(&labels);
        return set_of(m, NULL);
    }
    series *s = NULL;
    if (place)
        s = &m->sets[json_integer_value(place)];
    else if (!labels.failed)
        s = add_set(m, &labels);
    rip_buffer_free(&labels);
    return s;
}

void metric_add(metric *m, const char *const *values, double by)
{
    series *s = m ? set_of(m, values) : NULL;
    if (s) s->value += by;
}

void metric_set(metric *m, const char *const *values, double to)
{
    series *s = m ? set_of(m, values) : NULL;
    if (s) s->value = to;
}

void metric_observe(metric *m, const char *const *values, double value)
{
    series *s = m ? set_of(m, values) : NULL;
    if (!s || !s->buckets) return;
    size_t at = 0;
    while (at < m->bucket_count && value > m->is->bounds[at]) at++;
    s->buckets[at]++;
    s->count++;
    s->value += value;
}

/* Writing. */

/* The shortest that reads back the same: 0.1 as 0.1, 42 as 42. */
static void put_number(rip_buffer *out, double value)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    if (isinf(value))
        rip_buffer_puts(out, value > 0 ? "+Inf" : "-Inf");
    else
        rip_buffer_puts(out, isnan(value) ? "NaN" : text);
}

static void put_name(rip_buffer *out, const char *name, const char *suffix, const char *labels)
{
    rip_buffer_printf(out, *labels ? "%s%s{%s} " : "%s%s%s ", name, suffix, labels);
}

static void put_histogram(const metric *m, const series *s, rip_buffer *out)
{
    uint64_t below = 0;
    const char *comma = *s->labels ? "," : "";
    for (size_t i = 0; i < m->bucket_count; i++) {
        below += s->buckets[i];
        rip_buffer_printf(out, "%s_bucket{%s%sle=\"", m->is->name, s->labels, comma);
        put_number(out, m->is->bounds[i]);
        rip_buffer_printf(out, "\"} %llu\n", (unsigned long long)below);
    }
    rip_buffer_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", m->is->name, s->labels, comma,
                      (unsigned long long)s->count);
    put_name(out, m->is->name, "_sum", s->labels);
    put_number(out, s->value);
    rip_buffer_putc(out, '\n');
    put_name(out, m->is->name, "_count", s->labels);
    rip_buffer_printf(out, "%llu\n", (unsigned long long)s->count);
}

static void put_help(rip_buffer *out, const char *help)
{
    for (; *help; help++) {
        if (*help == '\\' || *help == '\n')
            rip_buffer_puts(out, *help == '\n' ? "\\n" : "\\\\");
        else
            rip_buffer_putc(out, *help);
    }
}

void metrics_write(const metrics *all, rip_buffer *out)
{
    static const char *const TYPES[] = {"counter", "gauge", "histogram"};
    for (const metric *m = all->first; m; m = m->next) {
        if (m->count == 0) continue;
        rip_buffer_printf(out, "# HELP %s ", m->is->name);
        put_help(out, m->is->help);
        rip_buffer_printf(out, "\n# TYPE %s %s\n", m->is->name, TYPES[m->is->kind]);
        for (size_t i = 0; i < m->count; i++) {
            const series *s = &m->sets[i];
            if (m->is->kind == METRIC_HISTOGRAM) {
                put_histogram(m, s, out);
                continue;
            }
            put_name(out, m->is->name, "", s->labels);
            put_number(out, s->value);
            rip_buffer_putc(out, '\n');
        }
    }
}
