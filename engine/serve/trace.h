/* OpenTelemetry traces: a span a run and a step below it, sent as OTLP/HTTP JSON (opentelemetry-proto 1.x, protobuf's
 * JSON mapping with ids in hexadecimal) in batches. A collector that is down loses spans and hinders nothing. */
#ifndef RIPOSTE_SERVE_TRACE_H
#define RIPOSTE_SERVE_TRACE_H

#include <jansson.h>

#include "engine/base/clock.h"
#include "engine/journal/journal.h"

typedef struct trace trace;

typedef struct trace_options {
    rip_clock *clock;     /* the real one; borrowed, as its loop */
    const char *endpoint; /* "http://127.0.0.1:4318/v1/traces"; borrowed */
    const char *version;  /* of this program; borrowed */
} trace_options;

/** RIP_EINVAL: the endpoint is no http or https URL. */
rip_status trace_new(const trace_options *options, trace **out, rip_error *err);
/** What was not sent is lost. NULL is allowed. Run the loop once more before it is closed. */
void trace_free(trace *t);

/** A run is over. `record` as the journal has it, with its steps still in memory; the event of `finding` (may be NULL)
 * may have a "traceparent" (W3C Trace Context, where CloudEvents has it): the run belongs to that trace then. All
 * borrowed. `t` may be NULL. */
void trace_run(trace *t, journal *j, const json_t *record, const json_t *finding);

/** Spans that wait to be sent, and that were dropped. */
size_t trace_waiting(const trace *t);
size_t trace_dropped(const trace *t);

#endif
