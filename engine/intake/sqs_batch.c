/* What becomes of messages that were received: deleted, kept hidden, or given back, ten in a call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/intake/sqs_private.h"

#define GATHER_MS 20 /* what is kept within so long is deleted by one call */
#define RETRY_MS 1000

static void send_all(sqs_source *s, sqs_purpose purpose);

void sqs_message_drop(sqs_message *m)
{
    sqs_source *s = m->source;
    *(m->previous ? &m->previous->next : &s->first) = m->next;
    *(m->next ? &m->next->previous : &s->last) = m->previous;
    s->held--;
    if (m->state == SQS_WAITS) s->waiting--;
    json_decref(m->content);
    free(m->body);
    free(m->receipt);
    free(m->id);
    free(m);
}

void sqs_give_back(sqs_message *m, unsigned seconds)
{
    if (m->state == SQS_WAITS) m->source->waiting--;
    m->state = SQS_LEFT;
    m->give_back_s = seconds;
    sqs_settle(m->source);
}

static void batch_free(sqs_batch *b)
{
    *(b->previous ? &b->previous->next : &b->source->batches) = b->next;
    if (b->next) b->next->previous = b->previous;
    free(b);
}

void sqs_cancel_batches(sqs_source *s)
{
    for (sqs_batch *b = s->batches, *next; b; b = next) {
        next = b->next;
        aws_call_cancel(b->call);
        free(b);
    }
    s->batches = NULL;
}

/* Why an entry failed; NULL: it did not. */
static const json_t *entry_failure(const json_t *output, size_t index)
{
    const json_t *failed = json_object_get(output, "Failed"), *one;
    char id[24];
    size_t i;
    snprintf(id, sizeof id, "%zu", index);
    json_array_foreach (failed, i, one) {
        const char *told = json_string_value(json_object_get(one, "Id"));
        if (told && strcmp(told, id) == 0) return one;
    }
    return NULL;
}

/* True: it is to be tried again. What is kept and is not deleted comes again, and the journal knows it, so that giving
 * up costs nothing but a delivery. */
static bool settle_deleted(sqs_message *m, bool done, const json_t *why)
{
    sqs_source *s = m->source;
    if (m->renewed) return true; /* that was an old receipt's */
    bool is_hopeless =
        json_is_true(json_object_get(why, "SenderFault")) || rip_clock_monotonic(s->clock) >= m->hidden_until;
    if (!done && !is_hopeless) return true;
    if (!done) rip_log(RIP_LOG_INFO, "sqs.not_deleted", "source", s->tally.name, "message", m->id, NULL);
    sqs_message_drop(m);
    return false;
}

static void settle_extended(sqs_message *m, bool done, bool answered, int64_t until)
{
    if (m->renewed) return;
    if (done)
        m->hidden_until = until;
    else if (answered)
        m->hidden_until = INT64_MAX; /* its 12 hours are over, or the queue has it back: it comes again */
}

static void tell_trouble(sqs_batch *b, const aws_error *error)
{
    static const char *const NAMES[SQS_PURPOSES] = {"DeleteMessageBatch", "ChangeMessageVisibilityBatch",
                                                    "ChangeMessageVisibilityBatch"};
    rip_error why;
    (void)rip_fail(&why, RIP_EREMOTE, "%s: %s: %s", NAMES[b->purpose], error->code, error->message);
    live_tally_trouble(&b->source->tally, &why);
}

static void on_settle(void *data)
{
    send_all(data, SQS_DELETE);
    send_all(data, SQS_GIVE_BACK);
}

static void on_batch(void *data, const aws_result *result)
{
    sqs_batch *b = data;
    sqs_source *s = b->source;
    bool answered = result->output != NULL, again = false;
    /* counted from when it was sent: the queue counts from when it has it */
    int64_t until = rip_clock_monotonic(s->clock) + (int64_t)s->visibility * 1000 - result->elapsed_ms;
    for (size_t i = 0; i < b->count; i++) {
        sqs_message *m = b->messages[i];
        const json_t *why = answered ? entry_failure(result->output, i) : NULL;
        bool done = answered && !why;
        m->in_batch = false;
        if (b->purpose == SQS_DELETE)
            again |= settle_deleted(m, done, why);
        else if (b->purpose == SQS_EXTEND)
            settle_extended(m, done, answered, until);
        else
            sqs_message_drop(m); /* where it was not given back, it is seen again when its time runs out */
    }
    if (!answered) tell_trouble(b, result->error);
    batch_free(b);
    if (again)
        rip_timer_start(&s->flush, s->clock, RETRY_MS, on_settle, s);
    else
        sqs_settle(s);
}

static json_t *make_entry(const sqs_message *m, size_t index, sqs_purpose purpose)
{
    char id[24];
    snprintf(id, sizeof id, "%zu", index);
    json_t *entry = json_pack("{s:s, s:s}", "Id", id, "ReceiptHandle", m->receipt);
    json_int_t hidden = purpose == SQS_EXTEND ? m->source->visibility : m->give_back_s;
    if (purpose != SQS_DELETE) json_object_set_new(entry, "VisibilityTimeout", json_integer(hidden));
    return entry;
}

static bool is_due(const sqs_message *m, sqs_purpose purpose, int64_t now)
{
    if (m->in_batch) return false;
    if (purpose == SQS_DELETE) return m->state == SQS_KEPT;
    if (purpose == SQS_GIVE_BACK) return m->state == SQS_LEFT;
    return (m->state == SQS_WAITS || m->state == SQS_HANDED) && m->hidden_until != INT64_MAX &&
           m->hidden_until - now < (int64_t)m->source->visibility * 500;
}

/* Up to ten messages that are due, from `*at` on, which moves past them. False: there was none, or no memory. */
static bool send_batch(sqs_source *s, sqs_purpose purpose, sqs_message **at)
{
    const aws_operation *const operations[SQS_PURPOSES] = {s->forget, s->hide, s->hide};
    int64_t now = rip_clock_monotonic(s->clock);
    sqs_batch *b = calloc(1, sizeof *b);
    json_t *entries = json_array();
    for (; b && *at && b->count < SQS_BATCH_MOST; *at = (*at)->next) {
        if (!is_due(*at, purpose, now)) continue;
        json_array_append_new(entries, make_entry(*at, b->count, purpose));
        b->messages[b->count++] = *at;
    }
    json_t *params = json_pack("{s:s, s:o}", "QueueUrl", s->url, "Entries", entries);
    aws_call_options options = {.region = s->region};
    rip_error err = {RIP_OK, ""};
    if (!b || b->count == 0 || !params) {
        free(b);
        json_decref(params);
        return false;
    }
    b->source = s;
    b->purpose = purpose;
    rip_status status = aws_call_start(s->client, operations[purpose], params, &options, on_batch, b, &b->call, &err);
    json_decref(params);
    if (status != RIP_OK) {
        live_tally_trouble(&s->tally, &err);
        free(b);
        return false;
    }
    for (size_t i = 0; i < b->count; i++) {
        b->messages[i]->in_batch = true;
        b->messages[i]->renewed = false;
    }
    b->next = s->batches;
    if (b->next) b->next->previous = b;
    s->batches = b;
    return true;
}

static void send_all(sqs_source *s, sqs_purpose purpose)
{
    sqs_message *at = s->first;
    while (send_batch(s, purpose, &at)) continue;
}

void sqs_settle(sqs_source *s)
{
    if (!rip_timer_running(&s->flush)) rip_timer_start(&s->flush, s->clock, GATHER_MS, on_settle, s);
}

static void on_extend(void *data)
{
    sqs_source *s = data;
    send_all(s, SQS_EXTEND);
    sqs_extend_later(s);
}

void sqs_extend_later(sqs_source *s)
{
    /* a message is due when half its time is over: it is found with a quarter left at the least */
    if (s->held > 0 && !rip_timer_running(&s->extend))
        rip_timer_start(&s->extend, s->clock, (uint64_t)s->visibility * 250, on_extend, s);
}
