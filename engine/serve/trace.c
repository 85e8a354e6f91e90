#include "engine/serve/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/transport_curl.h"
#include "engine/base/digest.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/base/text.h"

#define SPANS_MOST 10000
#define BATCH_MOST 512
#define STEPS_MOST 1000 /* of one run: the rest is counted in an attribute */
#define SEND_MS 2000
#define TIMEOUT_MS 10000
#define REPLY_MOST ((size_t)64 << 10)
#define TEXT_MOST 256

enum { INTERNAL = 1, CLIENT = 3 }; /* SpanKind */

struct trace {
    rip_clock *clock;
    aws_web *web;
    char *scheme, *host, *path, *query;
    const char *version;
    json_t *waiting; /* spans */
    size_t sending;  /* of them, at the front, are on their way */
    size_t dropped;
    bool is_down; /* the last batch was not taken */
    aws_exchange *exchange;
    rip_timer timer;
};

/* Where to. */

static bool is_plain(const char *text)
{
    while (*text > ' ' && *text < 0x7F) text++;
    return *text == '\0';
}

static rip_status parse_endpoint(trace *t, const char *endpoint, rip_error *err)
{
    const char *colon = strstr(endpoint, "://"), *host = colon ? colon + 3 : NULL;
    size_t scheme = colon ? (size_t)(colon - endpoint) : 0;
    bool known =
        (scheme == 4 && memcmp(endpoint, "http", 4) == 0) || (scheme == 5 && memcmp(endpoint, "https", 5) == 0);
    size_t len = host ? strcspn(host, "/?#") : 0;
    if (!known || len == 0 || memchr(host, '@', len) || !is_plain(endpoint))
        return rip_fail(err, RIP_EINVAL, "trace.endpoint: expected http://HOST:PORT/v1/traces, found %s", endpoint);
    const char *path = host + len, *query = strchr(path, '?');
    t->scheme = strndup(endpoint, scheme);
    t->host = strndup(host, len);
    t->path = *path == '/' ? strndup(path, query ? (size_t)(query - path) : strlen(path)) : strdup("/v1/traces");
    t->query = strdup(query ? query + 1 : "");
    return t->scheme && t->host && t->path && t->query ? RIP_OK : rip_nomem(err);
}

rip_status trace_new(const trace_options *options, trace **out, rip_error *err)
{
    trace *t = calloc(1, sizeof *t);
    if (!t) return rip_nomem(err);
    t->clock = options->clock;
    t->version = options->version;
    t->waiting = json_array();
    aws_web_options web = {.loop = rip_clock_loop(options->clock), .max_connections = 1};
    rip_status status = t->waiting ? parse_endpoint(t, options->endpoint, err) : rip_nomem(err);
    if (status == RIP_OK) status = aws_web_new(&web, &t->web, err);
    if (status == RIP_OK)
        *out = t;
    else
        trace_free(t);
    return status;
}

void trace_free(trace *t)
{
    if (!t) return;
    rip_timer_stop(&t->timer);
    if (t->exchange) aws_web_cancel(t->exchange);
    if (t->web) aws_web_free(t->web);
    json_decref(t->waiting);
    free(t->scheme);
    free(t->host);
    free(t->path);
    free(t->query);
    free(t);
}

size_t trace_waiting(const trace *t)
{
    return json_array_size(t->waiting);
}

size_t trace_dropped(const trace *t)
{
    return t->dropped;
}

/* Sending. */

static void on_due(void *data);

static void forget(trace *t, size_t count)
{
    for (; count > 0; count--) json_array_remove(t->waiting, count - 1);
}

static void on_reply(void *data, const aws_http_response *response, const rip_error *err)
{
    trace *t = data;
    char status[16] = "";
    bool taken = response && response->status >= 200 && response->status < 300;
    t->exchange = NULL;
    forget(t, t->sending);
    if (!taken) t->dropped += t->sending;
    if (!taken && !t->is_down) {
        if (response) snprintf(status, sizeof status, "HTTP %d", response->status);
        rip_log(RIP_LOG_WARN, "trace.dropped", "endpoint", t->host, "error", response ? status : err->message, NULL);
    }
    t->is_down = !taken;
    t->sending = 0;
    if (json_array_size(t->waiting) > 0) rip_timer_start(&t->timer, t->clock, taken ? 1 : SEND_MS, on_due, t);
}

static json_t *attribute(const char *key, const char *value)
{
    char text[TEXT_MOST + 1];
    size_t len = strnlen(value, TEXT_MOST);
    while (len > 0 && value[len] && ((unsigned char)value[len] & 0xC0) == 0x80) len--; /* between characters */
    snprintf(text, sizeof text, "%.*s", (int)len, value);
    return json_pack("{s:s, s:{s:s}}", "key", key, "value", "stringValue", text);
}

static void put(json_t *attributes, const char *key, const char *value)
{
    if (value && *value) json_array_append_new(attributes, attribute(key, value));
}

static char *batch_text(trace *t)
{
    json_t *resource = json_array(), *spans = json_array();
    put(resource, "service.name", "riposte");
    put(resource, "service.version", t->version);
    for (size_t i = 0; i < t->sending; i++) json_array_append(spans, json_array_get(t->waiting, i));
    json_t *body = json_pack("{s:[{s:{s:o}, s:[{s:{s:s, s:s}, s:o}]}]}", "resourceSpans", "resource", "attributes",
                             resource, "scopeSpans", "scope", "name", "riposte", "version", t->version, "spans", spans);
    char *text = rip_json_dump(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

static void on_due(void *data)
{
    trace *t = data;
    rip_error err;
    aws_http_request request = {0};
    size_t waiting = json_array_size(t->waiting);
    t->sending = waiting < BATCH_MOST ? waiting : BATCH_MOST;
    char *text = batch_text(t);
    rip_status status = text ? RIP_OK : rip_nomem(&err);
    if (status == RIP_OK) {
        request.method = strdup("POST");
        request.scheme = strdup(t->scheme);
        request.host = strdup(t->host);
        request.path = strdup(t->path);
        request.query = strdup(t->query);
        rip_buffer_puts(&request.body, text);
        status = aws_headers_add(&request.headers, "Content-Type", "application/json", &err);
    }
    if (status == RIP_OK && (!request.method || !request.scheme || !request.host || !request.path || !request.query))
        status = rip_nomem(&err);
    aws_web_limits limits = {.timeout_ms = TIMEOUT_MS, .body_bytes = REPLY_MOST};
    if (status == RIP_OK) status = aws_web_send(t->web, &request, &limits, on_reply, t, &t->exchange, &err);
    aws_http_request_free(&request);
    free(text);
    if (status != RIP_OK) on_reply(t, NULL, &err);
}

static void add(trace *t, json_t *span)
{
    if (!span) return;
    if (json_array_size(t->waiting) >= SPANS_MOST) {
        t->dropped++;
        json_decref(span);
        return;
    }
    json_array_append_new(t->waiting, span);
}

/* Spans. */

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* Ids are made from names, so that the same run has the same ids after a crash. */
static void make_id(const char *kind, const char *name, char *out, size_t hex_len)
{
    rip_buffer text = {0};
    char hex[RIP_SHA256_HEX];
    rip_buffer_printf(&text, "%s\n%s", kind, name);
    rip_sha256_hex(text.data ? text.data : "", text.len, hex);
    rip_buffer_free(&text);
    memcpy(out, hex, hex_len);
    out[hex_len] = '\0';
}

static bool is_hex(const char *text, size_t len)
{
    bool zero = true;
    for (size_t i = 0; i < len; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f'))) return false;
        if (text[i] != '0') zero = false;
    }
    return !zero;
}

/* W3C Trace Context, 3.2: version-trace-parent-flags. */
static bool read_parent(const char *header, char id[33], char parent[17])
{
    if (strlen(header) < 55 || header[2] != '-' || header[35] != '-' || header[52] != '-') return false;
    if (memcmp(header, "ff", 2) == 0 || !is_hex(header + 3, 32) || !is_hex(header + 36, 16)) return false;
    memcpy(id, header + 3, 32);
    memcpy(parent, header + 36, 16);
    id[32] = parent[16] = '\0';
    return true;
}

typedef struct span {
    const char *trace_id, *id, *parent, *name, *error; /* error NULL: it went well */
    int kind;
    int64_t from_ms, to_ms;
    json_t *attributes; /* taken over */
} span;

static json_t *span_json(const span *s)
{
    char from[32], to[32];
    snprintf(from, sizeof from, "%" PRId64 "000000", s->from_ms);
    snprintf(to, sizeof to, "%" PRId64 "000000", s->to_ms > s->from_ms ? s->to_ms : s->from_ms);
    json_t *json = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:o, s:{s:i}}", "traceId", s->trace_id, "spanId", s->id,
                             "name", s->name, "kind", s->kind, "startTimeUnixNano", from, "endTimeUnixNano", to,
                             "attributes", s->attributes, "status", "code", s->error ? 2 : 1);
    if (json && *s->parent) json_object_set_new(json, "parentSpanId", json_string(s->parent));
    if (json && s->error)
        json_object_set_new(json_object_get(json, "status"), "message", json_sprintf("%.200s", s->error));
    return json;
}

static void add_step(trace *t, const char *run, const char *trace_id, const char *parent, const journal_step *step)
{
    char name[128], id[17];
    const json_t *request = step->request;
    bool is_call = strcmp(step->kind, "aws") == 0;
    bool failed = strcmp(step->outcome, "failed") == 0 || strcmp(step->outcome, "refused") == 0 ||
                  strcmp(step->outcome, "uncertain") == 0;
    snprintf(name, sizeof name, "%s/%s/%u", run, step->path, step->number);
    make_id("step", name, id, 16);
    json_t *attributes = json_array();
    put(attributes, "riposte.step.outcome", step->outcome);
    put(attributes, "riposte.step.phase", step->phase);
    if (is_call) {
        put(attributes, "rpc.system", "aws-api");
        put(attributes, "rpc.service", rip_text(request, "service"));
        put(attributes, "rpc.method", rip_text(request, "operation"));
        put(attributes, "cloud.region", rip_text(request, "region"));
        put(attributes, "cloud.account.id", rip_text(request, "account"));
        snprintf(name, sizeof name, "%s:%s", rip_text(request, "service"), rip_text(request, "operation"));
    } else {
        snprintf(name, sizeof name, "%s", step->kind);
    }
    const char *why = rip_text(step->reply, "code");
    span s = {
        trace_id,          id,        parent, name, failed ? why : NULL, is_call ? CLIENT : INTERNAL, step->started_ms,
        step->finished_ms, attributes};
    add(t, span_json(&s));
}

void trace_run(trace *t, journal *j, const json_t *record, const json_t *finding)
{
    char trace_id[33], id[17], parent[17] = "", name[96];
    if (!t) return;
    const char *run = rip_text(record, "id"), *base = rip_text(record, "base"), *outcome = rip_text(record, "outcome");
    if (!read_parent(rip_text(json_object_get(finding, "event"), "traceparent"), trace_id, parent))
        make_id("trace", *base ? base : run, trace_id, 32);
    make_id("run", run, id, 16);
    const json_t *about = json_object_get(record, "finding"), *error = json_object_get(record, "error");
    json_t *attributes = json_array();
    put(attributes, "riposte.run.id", run);
    put(attributes, "riposte.playbook", rip_text(record, "playbook"));
    put(attributes, "riposte.mode", rip_text(record, "mode"));
    put(attributes, "riposte.outcome", outcome);
    put(attributes, "riposte.finding.id", rip_text(about, "id"));
    put(attributes, "riposte.finding.kind", rip_text(about, "kind"));
    put(attributes, "cloud.account.id", rip_text(about, "account"));
    put(attributes, "cloud.region", rip_text(about, "region"));
    snprintf(name, sizeof name, "run %s", rip_text(record, "playbook"));
    int64_t started = number_of(record, "started");
    span s = {trace_id,
              id,
              parent,
              name,
              error ? rip_text(error, "message") : NULL,
              INTERNAL,
              started ? started : number_of(record, "queued"),
              number_of(record, "finished"),
              attributes};
    add(t, span_json(&s));
    size_t steps = journal_step_count(j, run);
    for (size_t i = 0; i < steps && i < STEPS_MOST; i++) {
        const journal_step *step = journal_step_at(j, run, i);
        if (step->state == JOURNAL_FINISHED) add_step(t, run, trace_id, id, step);
    }
    if (!t->exchange && !rip_timer_running(&t->timer)) rip_timer_start(&t->timer, t->clock, SEND_MS, on_due, t);
}
