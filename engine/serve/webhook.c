#include "engine/serve/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/serve/problem.h"
#include "engine/serve/rate.h"
#include "engine/serve/routes.h"
#include "engine/serve/sns.h"
#include "engine/serve/sns_certificates.h"
#include "engine/serve/webhook_senders.h"
#include "engine/serve/webhook_token.h"

#define TRACEPARENT_LEN 55
#define SNS_TYPE_HEADER "x-amz-sns-message-type"
#define SNS_RAW_HEADER "x-amz-sns-rawdelivery"
/* An SNS envelope holds its event as a string, in which every quote is two bytes. */
#define ENVELOPE 2
#define LOG_EVERY_MS 1000
#define FORM_MOST 4096
#define FORM_TYPE "application/x-www-form-urlencoded"

typedef struct webhook {
    live_source source; /* first */
    webhook_options options;
    senders senders;
    sns_certificates *certificates;
    rate rate;
    replay replay;
    bool is_open;
    int64_t log_again_ms;
    struct delivery *deliveries;
    size_t under_way, taken, kept, failed, refused;
    char last_error[256];
    metric *requests;
} webhook;

/* One request that is being answered. */
typedef struct delivery {
    webhook *owner;
    http_exchange *x;
    const sender *from; /* NULL: not known yet */
    sns_message message;
    unsigned char digest[RIP_SHA256_BYTES];
    bool is_noted; /* its digest, against replay */
    bool is_under_way;
    struct delivery *next, **self;
} delivery;

static delivery *delivery_new(webhook *w, http_exchange *x)
{
    delivery *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    *d = (delivery){.owner = w, .x = x, .next = w->deliveries, .self = &w->deliveries};
    if (d->next) d->next->self = &d->next;
    w->deliveries = d;
    return d;
}

static void delivery_release(delivery *d)
{
    sns_message_free(&d->message);
    free(d);
}

static void delivery_free(delivery *d)
{
    *d->self = d->next;
    if (d->next) d->next->self = d->self;
    if (d->is_under_way) d->owner->under_way--;
    delivery_release(d);
}

/* Answers. */

static void count(const webhook *w, const sender *from, unsigned status)
{
    char code[16];
    snprintf(code, sizeof code, "%u", status);
    const char *const labels[] = {from ? from->name : "", code};
    if (w->requests) metric_add(w->requests, labels, 1);
}

static void end(delivery *d, unsigned status, const char *detail)
{
    static const char *const SOON[] = {"Retry-After", "1", NULL}, *const LATER[] = {"Retry-After", "5", NULL};
    static const char *const ASK[] = {"WWW-Authenticate", "Bearer realm=\"riposte\"", NULL};
    static const char KEPT[] = "{\"kept\":true}\n";
    webhook *w = d->owner;
    http_exchange *x = d->x;
    count(w, d->from, status);
    if (d->is_noted) replay_end(&w->replay, d->digest, status == 200);
    if (status == 200)
        w->kept += d->is_under_way; /* not what had been taken before, or was no event */
    else if (status == 503)
        w->failed++;
    else
        w->refused++;
    if (status != 200) snprintf(w->last_error, sizeof w->last_error, "%s", detail ? detail : problem_title(status));
    delivery_free(d);
    if (status == 200)
        http_answer(x, 200, "application/json", KEPT, strlen(KEPT), NULL);
    else
        problem_answer(x, status, detail, status == 429 ? SOON : status == 503 ? LATER : status == 401 ? ASK : NULL);
}

/* Who it was is not told to a stranger, but to the log: once a second, since strangers decide how often. */
static void refuse(delivery *d, const char *why)
{
    webhook *w = d->owner;
    int64_t now = rip_clock_monotonic(w->options.clock);
    if (now >= w->log_again_ms) rip_log(RIP_LOG_WARN, "webhook.refused", "remote", http_remote(d->x), "why", why, NULL);
    if (now >= w->log_again_ms) w->log_again_ms = now + LOG_EVERY_MS;
    end(d, 401, "no sender that is configured has these credentials");
}

static void end_with(delivery *d, rip_status status, const rip_error *err)
{
    if (status == RIP_OK)
        end(d, 200, NULL);
    else if (status == RIP_EINVAL || status == RIP_ELIMIT)
        end(d, problem_status(status), err->message);
    else
        end(d, 503,
            status == RIP_EAGAIN ? "enough is under way: send it again" : "it could not be kept: send it again");
}

/* Taking in. */

static void on_kept(void *data, rip_status status, const rip_error *err)
{
    delivery *d = data;
    if (status != RIP_OK)
        rip_log(RIP_LOG_ERROR, "webhook.not_kept", "sender", d->from->name, "error", err->message, NULL);
    end_with(d, status, err);
}

/* W3C Trace Context: "00-" trace "-" parent "-" flags, in lower-case hexadecimal. */
static bool is_traceparent(const char *header)
{
    return header && strlen(header) == TRACEPARENT_LEN && strspn(header, "0123456789abcdef-") == TRACEPARENT_LEN;
}

/* The trace that the request belongs to is put into the event, where CloudEvents have it: what the event says of itself
 * comes behind it, and holds. Into `out`, else nothing. */
static void add_trace(const delivery *d, const char *bytes, size_t len, rip_buffer *out)
{
    const char *trace = http_header(d->x, "traceparent");
    size_t open = 0;
    while (open < len && strchr(" \t\r\n", bytes[open]) && bytes[open]) open++;
    size_t next = open + 1;
    while (next < len && strchr(" \t\r\n", bytes[next]) && bytes[next]) next++;
    if (!is_traceparent(trace) || next >= len || bytes[open] != '{' || bytes[next] != '"') return;
    rip_buffer_printf(out, "{\"traceparent\":\"%s\",", trace);
    rip_buffer_append(out, bytes + next, len - next);
    if (out->failed) rip_buffer_free(out);
}

static void take(delivery *d, const char *id, const char *bytes, size_t len)
{
    rip_error err;
    char origin[256];
    webhook *w = d->owner;
    rip_buffer traced = {0};
    add_trace(d, bytes, len, &traced);
    if (traced.len > 0) {
        bytes = traced.data;
        len = traced.len;
    }
    snprintf(origin, sizeof origin, "webhook:%s/%s", d->from->name, id);
    d->is_under_way = true;
    w->under_way++;
    w->taken++;
    rip_status status = w->options.sink->take(w->options.sink->data, bytes, len, origin, on_kept, d, &err);
    rip_buffer_free(&traced);
    if (status != RIP_OK) end_with(d, status, &err);
}

/* Signed by a secret that is shared. */

static void take_signed(delivery *d, const char *header, const char *body, size_t len)
{
    rip_error err;
    signature by;
    webhook *w = d->owner;
    int64_t now = rip_clock_now(w->options.clock);
    rip_status status = signature_parse(header, &by, &err);
    if (status == RIP_OK) d->from = senders_by_signature(&w->senders, &by, body, len);
    if (status != RIP_OK || !d->from || !signature_is_timely(&by, now)) {
        refuse(d, status != RIP_OK ? err.message : d->from ? "the signature is not of now" : "the signature is wrong");
        return;
    }
    memcpy(d->digest, by.v1[0], sizeof d->digest);
    switch (replay_begin(&w->replay, d->digest, rip_clock_monotonic(w->options.clock))) {
    case REPLAY_NEW:
        d->is_noted = true;
        take(d, http_remote(d->x), body, len);
        break;
    case REPLAY_KEPT: end(d, 200, NULL); break; /* its sender did not see our answer */
    case REPLAY_PENDING: end(d, 503, "the same is being taken in"); break;
    case REPLAY_FULL: end(d, 503, "too many signed requests at once"); break;
    }
}

/* Signed by SNS. */

static void on_confirmed(void *data, rip_status status, const char *bytes, size_t len, const rip_error *err)
{
    delivery *d = data;
    (void)bytes;
    (void)len;
    if (status == RIP_OK)
        rip_log(RIP_LOG_INFO, "webhook.subscribed", "sender", d->from->name, "topic", d->message.topic, NULL);
    else
        rip_log(RIP_LOG_ERROR, "webhook.not_subscribed", "topic", d->message.topic, "error", err->message, NULL);
    end(d, status == RIP_OK ? 200 : 503, "the subscription could not be confirmed");
}

static void on_verified(delivery *d)
{
    const sns_message *m = &d->message;
    const fetcher *f = d->owner->options.fetcher;
    switch (m->type) {
    case SNS_NOTIFICATION: take(d, m->id, m->message, strlen(m->message)); break;
    case SNS_SUBSCRIPTION_CONFIRMATION: f->get(f->self, m->subscribe_url, on_confirmed, d); break;
    case SNS_UNSUBSCRIBE_CONFIRMATION:
        rip_log(RIP_LOG_WARN, "webhook.unsubscribed", "sender", d->from->name, "topic", m->topic, NULL);
        end(d, 200, NULL);
        break;
    }
}

static void on_certificate(void *data, rip_status status, const char *bytes, size_t len, const rip_error *err)
{
    delivery *d = data;
    rip_error why;
    if (status != RIP_OK) {
        rip_log(RIP_LOG_ERROR, "webhook.certificate", "url", d->message.certificate_url, "error", err->message, NULL);
        end(d, 503, "the certificate of SNS could not be fetched");
        return;
    }
    status = sns_verify(&d->message, bytes, len, rip_clock_now(d->owner->options.clock), &why);
    if (status == RIP_OK)
        on_verified(d);
    else
        refuse(d, why.message);
}

static void take_sns(delivery *d, const char *body, size_t len)
{
    rip_error err;
    webhook *w = d->owner;
    if (sns_parse(body, len, &d->message, &err) != RIP_OK) {
        end(d, 400, err.message);
        return;
    }
    d->from = senders_by_topic(&w->senders, d->message.topic);
    if (d->from)
        sns_certificates_get(w->certificates, d->message.certificate_url, on_certificate, d);
    else
        refuse(d, "no sender is configured for the topic");
}

/* All of them. */

static void take_as(delivery *d)
{
    size_t len;
    const char *body = http_body(d->x, &len), *signed_by = http_header(d->x, SIGNATURE_HEADER);
    const char *sns = http_header(d->x, SNS_TYPE_HEADER), *raw = http_header(d->x, SNS_RAW_HEADER);
    const char *type = http_header(d->x, "Content-Type"), *id = http_header(d->x, "x-amz-sns-message-id");
    /* SNS sends its JSON as text/plain. */
    if (!routes_type_is(type, "application/json") && !(sns && routes_type_is(type, "text/plain"))) {
        end(d, 415, "expected application/json");
        return;
    }
    if (signed_by) {
        take_signed(d, signed_by, body, len);
    } else if (sns && !raw) {
        take_sns(d, body, len);
    } else {
        d->from = senders_by_header(&d->owner->senders, d->x, rip_clock_now(d->owner->options.clock));
        if (d->from)
            take(d, id ? id : http_remote(d->x), body, len);
        else
            refuse(d, "credentials are missing or wrong");
    }
}

static void on_post(void *data, http_exchange *x)
{
    webhook *w = data;
    delivery *d = delivery_new(w, x);
    if (!d)
        problem_answer(x, 503, NULL, NULL);
    else if (!w->is_open)
        end(d, 503, "events are not taken in now");
    else if (!rate_take(&w->rate, http_remote(x), rip_clock_monotonic(w->options.clock)))
        end(d, 429, "too many requests from this address");
    else
        take_as(d);
}

/* EventBridge's connections ask for a token first. */
static void on_token(void *data, http_exchange *x)
{
    static const char *const SOON[] = {"Retry-After", "1", NULL};
    webhook *w = data;
    if (rate_take(&w->rate, http_remote(x), rip_clock_monotonic(w->options.clock)))
        webhook_token_answer(&w->senders, x, rip_clock_now(w->options.clock));
    else
        problem_answer(x, 429, NULL, SOON);
}

/* The source. */

static rip_status start(live_source *source, rip_error *err)
{
    (void)err;
    ((webhook *)(void *)source)->is_open = true;
    return RIP_OK;
}

static void stop(live_source *source)
{
    ((webhook *)(void *)source)->is_open = false;
}

static size_t under_way(const live_source *source)
{
    return ((const webhook *)(const void *)source)->under_way;
}

static json_t *status(const live_source *source)
{
    const webhook *w = (const void *)source;
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "name", "webhook", "kind", "webhook", "state",
                     w->is_open ? "open" : "closed", "taken", (json_int_t)w->taken, "kept", (json_int_t)w->kept,
                     "failed", (json_int_t)w->failed, "refused", (json_int_t)w->refused, "last_error", w->last_error);
}

static void webhook_free(live_source *source)
{
    webhook *w = (void *)source;
    sns_certificates_free(w->certificates);
    for (delivery *d = w->deliveries, *next; d; d = next) {
        next = d->next;
        delivery_release(d);
    }
    senders_free(&w->senders);
    free(w);
}

static const live_ops OPS = {start, stop, under_way, status, webhook_free};

static void count_requests(webhook *w)
{
    static const char *const LABELS[] = {"sender", "code", NULL};
    static const metric_definition REQUESTS = {"riposte_webhook_requests_total",
                                               "Requests to the webhook, by sender and by HTTP status.", METRIC_COUNTER,
                                               LABELS, NULL};
    w->requests = w->options.metrics ? metrics_get(w->options.metrics, &REQUESTS) : NULL;
}

rip_status webhook_new(const webhook_options *options, live_source **out, rip_error *err)
{
    webhook *w = calloc(1, sizeof *w);
    if (!w) return rip_nomem(err);
    unsigned second = (unsigned)rip_config_integer(options->config, "http.rate");
    *w = (webhook){.source = {&OPS}, .options = *options, .rate = {.second = second, .burst = 2 * second}};
    count_requests(w);
    w->certificates = sns_certificates_new(options->clock, options->fetcher);
    size_t most = ENVELOPE * (size_t)rip_config_size(options->config, "limits.event_bytes");
    rip_status status = w->certificates ? senders_load(options->config, &w->senders, err) : rip_nomem(err);
    if (status == RIP_OK) status = http_route(options->server, "POST", "/v1/events", most, NULL, on_post, w, err);
    if (status == RIP_OK)
        status = http_route(options->server, "POST", "/v1/token", FORM_MOST, FORM_TYPE, on_token, w, err);
    if (status == RIP_OK)
        *out = &w->source;
    else
        webhook_free(&w->source);
    return status;
}
