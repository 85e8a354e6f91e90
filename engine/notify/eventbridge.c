/* An EventBridge bus: one event a run, for rules and machines. It holds no approval link: an event may have many
 * readers. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/notify/private.h"

static rip_status eventbridge_open(notifier *n, rip_error *err)
{
    char region[64];
    if (notify_arn_region(n->target, "events", region)) return RIP_OK;
    return rip_fail(err, RIP_EINVAL,
                    "expected a bus's ARN, such as arn:aws:events:eu-west-1:111122223333:event-bus/default");
}

/* The call succeeds though entries do not. */
static void on_put(notifier *n, const aws_result *result)
{
    size_t i;
    json_t *entry;
    json_array_foreach (json_object_get(result->output, "Entries"), i, entry) {
        const char *code = brief_text(entry, "ErrorCode", NULL);
        if (!*code) continue;
        bool passes = strstr(code, "Throttl") || strstr(code, "Internal");
        notifier_done(n, passes ? NOTIFY_LATER : NOTIFY_REFUSED, code, -1);
        return;
    }
    notifier_judge(n, result);
}

static void eventbridge_send(notifier *n)
{
    char region[64] = "";
    json_t *entries = json_array(), *brief;
    size_t i;
    json_array_foreach (n->batch, i, brief) {
        char *detail = rip_json_dump(brief, JSON_COMPACT);
        json_array_append_new(entries, json_pack("{s:s, s:s, s:s, s:s}", "Source", "riposte", "DetailType",
                                                 "Riposte Run Notification", "EventBusName", n->target, "Detail",
                                                 detail ? detail : "{}"));
        free(detail);
    }
    notify_arn_region(n->target, "events", region);
    notifier_call(n, "events", "PutEvents", "", region, json_pack("{s:o}", "Entries", entries), on_put);
}

const notifier_kind notify_eventbridge = {
    .name = "eventbridge", .most = 10, .open = eventbridge_open, .send = eventbridge_send};
