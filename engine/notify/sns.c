/* An SNS topic: plain text, with the event and the severity as attributes that subscriptions filter by. */
#include <stdio.h>
#include <string.h>

#include "engine/base/digest.h"
#include "engine/notify/escape.h"
#include "engine/notify/plain.h"
#include "engine/notify/private.h"

static rip_status sns_open(notifier *n, rip_error *err)
{
    char region[64];
    if (notify_arn_region(n->target, "sns", region)) return RIP_OK;
    return rip_fail(err, RIP_EINVAL, "expected a topic's ARN, such as arn:aws:sns:eu-west-1:111122223333:security");
}

/* A FIFO topic takes a message once, however often it is sent within five minutes. */
static void add_fifo(json_t *params, const notifier *n, const char *text)
{
    char digest[RIP_SHA256_HEX];
    size_t len = strlen(n->target);
    if (len < 5 || strcmp(n->target + len - 5, ".fifo") != 0) return;
    rip_sha256_hex(text, strlen(text), digest);
    json_object_set_new(params, "MessageGroupId", json_string("riposte"));
    json_object_set_new(params, "MessageDeduplicationId", json_string(digest));
}

static void sns_send(notifier *n)
{
    char region[64] = "";
    json_t *all = brief_batch_words(n);
    const json_t *first = json_array_get(n->batch, 0);
    const char *severity = brief_text(json_object_get(first, "finding"), "severity", "label");
    rip_buffer text = {0}, title = {0}, subject = {0};
    notify_write_plain(&text, all);
    notify_write_subject(&title, all);
    if (title.data) notify_escape_subject(&subject, title.data);
    notify_arn_region(n->target, "sns", region);
    json_t *params = json_pack("{s:s, s:s, s:s, s:{s:{s:s, s:s}, s:{s:s, s:s}}}", "TopicArn", n->target, "Subject",
                               subject.data ? subject.data : "Riposte", "Message", text.data ? text.data : "",
                               "MessageAttributes", "event", "DataType", "String", "StringValue", brief_event(first),
                               "severity", "DataType", "String", "StringValue", *severity ? severity : "INFORMATIONAL");
    if (params && text.data) add_fifo(params, n, text.data);
    json_decref(all);
    rip_buffer_free(&text);
    rip_buffer_free(&title);
    rip_buffer_free(&subject);
    notifier_call(n, "sns", "Publish", "", region, params, notifier_judge);
}

const notifier_kind notify_sns = {.name = "sns", .most = 20, .open = sns_open, .send = sns_send};
