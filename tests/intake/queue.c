#include "tests/intake/queue.h"

static json_t *refuse(const char *code)
{
    return json_pack("{s:s}", "$error", code);
}

static json_t *receive(queue *q, const json_t *params)
{
    int64_t now = rip_clock_monotonic(q->desk->clock);
    json_int_t hidden = json_integer_value(json_object_get(params, "VisibilityTimeout"));
    json_t *messages = json_array();
    for (size_t i = 0; i < q->count && json_array_size(messages) < 10; i++) {
        queue_message *m = &q->messages[i];
        if (m->is_deleted || m->is_dead || m->visible_at > now) continue;
        if (q->redrive && m->received >= q->redrive) {
            m->is_dead = true;
            continue;
        }
        char id[32], receipt[32], received[16];
        m->visible_at = now + hidden * 1000;
        snprintf(id, sizeof id, "m-%zu", i);
        snprintf(received, sizeof received, "%u", ++m->received);
        snprintf(receipt, sizeof receipt, "%zu#%u", i, m->received);
        json_array_append_new(messages, json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "MessageId", id, "ReceiptHandle",
                                                  receipt, "Body", m->body, "Attributes", "ApproximateReceiveCount",
                                                  received, "SentTimestamp", "1762092848000"));
    }
    q->receives++;
    json_int_t wait =
        json_array_size(messages) ? 1 : 1000 * json_integer_value(json_object_get(params, "WaitTimeSeconds"));
    return json_pack("{s:o, s:I}", "Messages", messages, "$after", wait);
}

/* The message of a receipt that is the latest. */
static queue_message *find(queue *q, const json_t *entry)
{
    char *rest;
    size_t index = strtoul(json_string_value(json_object_get(entry, "ReceiptHandle")), &rest, 10);
    assert_int_equal(*rest, '#');
    unsigned long received = strtoul(rest + 1, NULL, 10);
    assert_true(index < q->count);
    return q->messages[index].received == received ? &q->messages[index] : NULL;
}

static json_t *settle(queue *q, const json_t *params, bool deletes)
{
    int64_t now = rip_clock_monotonic(q->desk->clock);
    const json_t *entries = json_object_get(params, "Entries"), *entry;
    json_t *failed = json_array(), *done = json_array();
    size_t i;
    assert_in_range(json_array_size(entries), 1, 10);
    json_array_foreach (entries, i, entry) {
        queue_message *m = find(q, entry);
        json_t *id = json_object_get(entry, "Id");
        if (!m || m->is_deleted || (!deletes && m->visible_at <= now)) {
            json_array_append_new(
                failed, json_pack("{s:O, s:b, s:s}", "Id", id, "SenderFault", 1, "Code", "ReceiptHandleIsInvalid"));
            continue;
        }
        if (deletes)
            m->is_deleted = true;
        else
            m->visible_at = now + 1000 * json_integer_value(json_object_get(entry, "VisibilityTimeout"));
        json_array_append_new(done, json_pack("{s:O}", "Id", id));
    }
    if (deletes) q->entries += (unsigned)json_array_size(entries);
    return json_pack("{s:o, s:o}", "Failed", failed, "Successful", done);
}

json_t *queue_answer(void *data, const aws_attempt *attempt)
{
    queue *q = data;
    const char *operation = aws_operation_name(attempt->operation);
    assert_string_equal(json_string_value(json_object_get(attempt->params, "QueueUrl")),
                        "https://sqs.eu-west-1.amazonaws.com/123456789012/findings");
    assert_string_equal(attempt->region, "eu-west-1");
    if (strcmp(operation, "ReceiveMessage") == 0) {
        if (q->fail_receives && q->fail_receives--) return refuse("AccessDenied");
        return receive(q, attempt->params);
    }
    bool deletes = strcmp(operation, "DeleteMessageBatch") == 0;
    if (!deletes) assert_string_equal(operation, "ChangeMessageVisibilityBatch");
    unsigned *fail = deletes ? &q->fail_deletes : &q->fail_hides;
    ++*(deletes ? &q->deletes : &q->hides);
    if (*fail && (*fail)--) return refuse("AccessDenied");
    return settle(q, attempt->params, deletes);
}

void queue_put(queue *q, const char *body)
{
    assert_true(q->count < QUEUE_MOST);
    snprintf(q->messages[q->count++].body, sizeof q->messages->body, "%s", body);
}

size_t queue_deleted(const queue *q)
{
    size_t count = 0;
    for (size_t i = 0; i < q->count; i++) count += q->messages[i].is_deleted;
    return count;
}

size_t queue_dead(const queue *q)
{
    size_t count = 0;
    for (size_t i = 0; i < q->count; i++) count += q->messages[i].is_dead;
    return count;
}
