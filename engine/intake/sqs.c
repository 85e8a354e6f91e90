/* An SQS queue: messages are received, handed over, and held until the journal holds what is in them. */
#include "engine/intake/sqs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/intake/sqs_private.h"

#define WAIT_SECONDS 20    /* a long poll, by SQS's limit */
#define AGAIN_MS 250       /* before what waits is offered once more */
#define HELD_MOST 1000     /* messages of one queue at a time */
#define NOT_KEPT_PAUSE 5   /* seconds: the journal may be well again by then */
#define POISON_PAUSE 900   /* seconds, for a message that no redrive policy takes away */
#define BACKOFF_FIRST 1000 /* ms */
#define BACKOFF_DOUBLINGS 6

static const double AGES[] = {0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 0};
static const char *const AGE_LABELS[] = {"source", NULL};
static const metric_definition AGE = {.name = "riposte_sqs_message_age_seconds",
                                      .help = "How long a message had been in its queue when it was received.",
                                      .kind = METRIC_HISTOGRAM,
                                      .labels = AGE_LABELS,
                                      .bounds = AGES};

static void receive(sqs_receiver *r);

static void origin_of(const sqs_message *m, char *origin, size_t size)
{
    snprintf(origin, size, "sqs:%s/%s", m->source->tally.name, m->id);
}

/* Handing over. */

/* The queue's redrive policy takes a message away that was delivered too often; without one it must not be delivered
 * over and over at full speed. */
static void poison(sqs_message *m, const rip_error *why)
{
    char origin[256];
    origin_of(m, origin, sizeof origin);
    live_tally_failed(&m->source->tally, origin, why);
    sqs_give_back(m, m->received > m->source->receives ? POISON_PAUSE : 0);
}

static void on_kept(void *data, rip_status status, const rip_error *err)
{
    sqs_message *m = data;
    sqs_source *s = m->source;
    if (status == RIP_OK) {
        live_tally_kept(&s->tally);
        m->state = SQS_KEPT;
        sqs_settle(s);
    } else if (status == RIP_EINVAL || status == RIP_ELIMIT) {
        poison(m, err);
    } else {
        live_tally_trouble(&s->tally, err);
        s->resume_at = rip_clock_monotonic(s->clock) + NOT_KEPT_PAUSE * 1000;
        sqs_give_back(m, NOT_KEPT_PAUSE);
    }
}

/* False: enough is under way. */
static bool offer(sqs_message *m)
{
    sqs_source *s = m->source;
    char origin[256];
    rip_error err = {RIP_OK, ""};
    origin_of(m, origin, sizeof origin);
    m->state = SQS_HANDED; /* `kept` may be called from inside */
    s->waiting--;
    rip_status status = s->sink.take(s->sink.data, m->text, m->len, origin, on_kept, m, &err);
    if (status == RIP_EAGAIN || status == RIP_ENOMEM) {
        m->state = SQS_WAITS;
        s->waiting++;
        return false;
    }
    if (status == RIP_OK)
        live_tally_taken(&s->tally);
    else
        poison(m, &err);
    json_decref(m->content);
    free(m->body);
    m->content = NULL;
    m->body = NULL;
    m->text = NULL;
    return true;
}

static void hand_over(void *data)
{
    sqs_source *s = data;
    bool taken = true;
    for (sqs_message *m = s->first; m && taken && s->waiting > 0; m = m->next) {
        if (m->state == SQS_WAITS) taken = offer(m);
    }
    if (!taken)
        rip_timer_start(&s->again, s->clock, AGAIN_MS, hand_over, s);
    else
        for (unsigned i = 0; i < s->concurrency; i++) receive(&s->receivers[i]);
}

/* Receiving. */

static sqs_message *find(const sqs_source *s, const char *id)
{
    sqs_message *m = s->last;
    while (m && strcmp(m->id, id) != 0) m = m->previous;
    return m;
}

/* Delivered again while it is held: its time ran out. The newer receipt is the one that counts. */
static void renew(sqs_message *m, const char *receipt, int64_t hidden_until)
{
    char *copy = strdup(receipt);
    if (!copy) return;
    free(m->receipt);
    m->receipt = copy;
    m->renewed = m->in_batch;
    m->hidden_until = hidden_until;
}

static const char *attribute(const json_t *told, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(told, "Attributes"), name));
    return text ? text : "0";
}

static void observe_age(const sqs_source *s, const json_t *told)
{
    const char *const values[] = {s->tally.name};
    long long sent = strtoll(attribute(told, "SentTimestamp"), NULL, 10);
    int64_t now = rip_clock_now(s->clock);
    if (s->age && sent > 0) metric_observe(s->age, values, now > sent ? (double)(now - sent) / 1000 : 0);
}

/* Without memory it is left alone: it is seen again when its time runs out. */
static void hold(sqs_source *s, const json_t *told, int64_t hidden_until)
{
    const char *id = json_string_value(json_object_get(told, "MessageId"));
    const char *receipt = json_string_value(json_object_get(told, "ReceiptHandle"));
    const json_t *body = json_object_get(told, "Body");
    if (!id || !receipt) return;
    sqs_message *m = find(s, id);
    if (m) {
        renew(m, receipt, hidden_until);
        return;
    }
    m = calloc(1, sizeof *m);
    if (!m) return;
    size_t len = json_string_length(body);
    m->source = s;
    m->id = strdup(id);
    m->receipt = strdup(receipt);
    m->body = malloc(len + 1);
    if (!m->id || !m->receipt || !m->body) {
        free(m->id);
        free(m->receipt);
        free(m->body);
        free(m);
        return;
    }
    memcpy(m->body, len ? json_string_value(body) : "", len + 1);
    m->text = sqs_unwrap(m->body, len, &m->content, &m->len);
    m->received = (unsigned)strtoul(attribute(told, "ApproximateReceiveCount"), NULL, 10);
    m->hidden_until = hidden_until;
    m->previous = s->last;
    *(s->last ? &s->last->next : &s->first) = m;
    s->last = m;
    s->held++;
    s->waiting++;
    observe_age(s, told);
    if (m->received > s->receives) {
        rip_error why;
        (void)rip_fail(&why, RIP_ELIMIT,
                       "delivered %u times and never kept: it is left to the queue's redrive policy (a dead-letter "
                       "queue takes such messages away)",
                       m->received);
        poison(m, &why);
    }
}

static void on_timer(void *data)
{
    receive(data);
}

static void wait_for(sqs_receiver *r, int64_t ms)
{
    rip_timer_start(&r->timer, r->source->clock, (uint64_t)ms, on_timer, r);
}

static void back_off(sqs_receiver *r, const rip_error *why)
{
    live_tally_trouble(&r->source->tally, why);
    wait_for(r, BACKOFF_FIRST << r->failures);
    if (r->failures < BACKOFF_DOUBLINGS) r->failures++;
}

static void on_received(void *data, const aws_result *result)
{
    sqs_receiver *r = data;
    sqs_source *s = r->source;
    r->call = NULL;
    if (!result->output) {
        rip_error why;
        (void)rip_fail(&why, RIP_EREMOTE, "ReceiveMessage: %s: %s", result->error->code, result->error->message);
        back_off(r, &why);
        return;
    }
    r->failures = 0;
    if (rip_clock_monotonic(s->clock) >= s->resume_at) live_tally_well(&s->tally);
    /* an answer that was long on its way has used up some of the time; a long poll has not */
    int64_t hidden_until = rip_clock_monotonic(s->clock) + (int64_t)s->visibility * 1000;
    const json_t *told;
    size_t i;
    json_array_foreach (json_object_get(result->output, "Messages"), i, told) hold(s, told, hidden_until);
    sqs_extend_later(s);
    if (rip_timer_running(&s->again)) return;
    hand_over(s);
}

static void receive(sqs_receiver *r)
{
    sqs_source *s = r->source;
    int64_t early = s->resume_at - rip_clock_monotonic(s->clock);
    if (!s->running || r->call || rip_timer_running(&r->timer) || s->waiting > 0) return;
    if (s->held + SQS_BATCH_MOST > HELD_MOST) early = early > AGAIN_MS ? early : AGAIN_MS;
    if (early > 0) {
        wait_for(r, early);
        return;
    }
    json_t *params = json_pack("{s:s, s:i, s:i, s:i, s:[s, s]}", "QueueUrl", s->url, "MaxNumberOfMessages",
                               SQS_BATCH_MOST, "WaitTimeSeconds", WAIT_SECONDS, "VisibilityTimeout", (int)s->visibility,
                               "MessageSystemAttributeNames", "ApproximateReceiveCount", "SentTimestamp");
    aws_call_options options = {.region = s->region};
    rip_error err = {RIP_ENOMEM, "out of memory"};
    rip_status status =
        params ? aws_call_start(s->client, s->receive, params, &options, on_received, r, &r->call, &err) : RIP_ENOMEM;
    json_decref(params);
    if (status != RIP_OK) back_off(r, &err);
}

/* The source. */

static rip_status sqs_start(live_source *source, rip_error *err)
{
    (void)err;
    sqs_source *s = (sqs_source *)source;
    s->running = true;
    for (unsigned i = 0; i < s->concurrency; i++) receive(&s->receivers[i]);
    return RIP_OK;
}

/* A long poll is given up: what the queue was about to answer is seen again when its time runs out. */
static void stop_receiving(sqs_source *s)
{
    s->running = false;
    rip_timer_stop(&s->again);
    for (unsigned i = 0; i < s->concurrency; i++) {
        sqs_receiver *r = &s->receivers[i];
        rip_timer_stop(&r->timer);
        if (r->call) aws_call_cancel(r->call);
        r->call = NULL;
    }
}

static void sqs_stop(live_source *source)
{
    sqs_source *s = (sqs_source *)source;
    stop_receiving(s);
    for (sqs_message *m = s->first; m; m = m->next) {
        if (m->state == SQS_WAITS) sqs_give_back(m, 0);
    }
}

/* Those that are kept and not deleted yet count: the queue is still to be told. */
static size_t sqs_under_way(const live_source *source)
{
    return ((const sqs_source *)source)->held;
}

static json_t *sqs_status(const live_source *source)
{
    const sqs_source *s = (const sqs_source *)source;
    json_t *told = live_tally_status(&s->tally, !s->running ? "stopped" : s->waiting ? "full" : "running");
    json_object_set_new(told, "under_way", json_integer((json_int_t)s->held));
    json_object_set_new(told, "queue", json_string(s->arn));
    return told;
}

static void sqs_free(live_source *source)
{
    sqs_source *s = (sqs_source *)source;
    if (!s) return;
    stop_receiving(s);
    sqs_cancel_batches(s);
    rip_timer_stop(&s->flush);
    rip_timer_stop(&s->extend);
    while (s->first) sqs_message_drop(s->first);
    live_tally_free(&s->tally);
    free(s->region);
    free(s->url);
    free(s);
}

static const live_ops OPS = {
    .start = sqs_start, .stop = sqs_stop, .under_way = sqs_under_way, .status = sqs_status, .free = sqs_free};

static rip_status within(const char *what, unsigned given, unsigned otherwise, unsigned least, unsigned most,
                         unsigned *out, rip_error *err)
{
    if (given != 0 && (given < least || given > most))
        return rip_fail(err, RIP_EINVAL, "%s is %u: expected %u to %u", what, given, least, most);
    *out = given ? given : otherwise;
    return RIP_OK;
}

static rip_status find_operations(sqs_source *s, rip_error *err)
{
    const aws_service *service = NULL;
    rip_status status = aws_models_service(aws_client_models(s->client), "sqs", &service, err);
    if (status == RIP_OK) status = aws_service_operation(service, "ReceiveMessage", &s->receive, err);
    if (status == RIP_OK) status = aws_service_operation(service, "DeleteMessageBatch", &s->forget, err);
    if (status == RIP_OK) status = aws_service_operation(service, "ChangeMessageVisibilityBatch", &s->hide, err);
    return status;
}

rip_status sqs_source_new(const sqs_options *options, live_source **out, rip_error *err)
{
    sqs_source *s = calloc(1, sizeof *s);
    if (!s) return rip_nomem(err);
    s->base.ops = &OPS;
    s->client = options->client;
    s->clock = options->clock;
    s->sink = options->sink;
    rip_status status = live_tally_init(&s->tally, "sqs", options->name, options->numbers, err);
    if (status == RIP_OK) status = sqs_url_arn(options->url, options->region, s->arn, err);
    if (status == RIP_OK)
        status = within("concurrency", options->concurrency, 2, 1, SQS_RECEIVERS_MOST, &s->concurrency, err);
    if (status == RIP_OK) status = within("visibility", options->visibility, 120, 5, 43200, &s->visibility, err);
    if (status == RIP_OK) status = within("receives", options->receives, 20, 1, 1000, &s->receives, err);
    if (status == RIP_OK) status = find_operations(s, err);
    if (status == RIP_OK && options->numbers) {
        s->age = metrics_get(options->numbers, &AGE);
        if (!s->age) status = rip_nomem(err);
    }
    char told[64];
    sqs_url_region(options->url, told);
    s->url = strdup(options->url);
    s->region = strdup(options->region && *options->region ? options->region : told);
    if (status == RIP_OK && (!s->url || !s->region)) status = rip_nomem(err);
    for (unsigned i = 0; i < SQS_RECEIVERS_MOST; i++) s->receivers[i].source = s;
    if (status == RIP_OK)
        *out = &s->base;
    else
        sqs_free(&s->base);
    return status;
}
