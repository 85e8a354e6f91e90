#include "engine/notify/notify.h"

#include <stdlib.h>
#include <string.h>

#include "engine/notify/private.h"

static void open_metrics(notify *n)
{
    static const char *const LABELS[] = {"notifier", "result", NULL};
    static const metric_definition MESSAGES = {.name = "riposte_notify_messages_total",
                                               .help = "Messages told, failed (tried again), refused or dropped.",
                                               .kind = METRIC_COUNTER,
                                               .labels = LABELS};
    static const metric_definition BACKLOG = {
        .name = "riposte_notify_waiting", .help = "Messages that wait to be told.", .kind = METRIC_GAUGE};
    if (!n->options.metrics) return;
    n->messages = metrics_get(n->options.metrics, &MESSAGES);
    n->backlog = metrics_get(n->options.metrics, &BACKLOG);
}

static void open_outcome(notify *n)
{
    const rip_config *config = n->options.config;
    n->outcome_dry_run = rip_config_boolean(config, "outcome.dry_run");
    n->outcome_resolve = strcmp(rip_config_string(config, "outcome.resolve"), "done") == 0;
    n->outcome_securityhub = strcmp(rip_config_string(config, "outcome.securityhub"), "update") == 0;
    n->outcome_guardduty = strcmp(rip_config_string(config, "outcome.guardduty"), "archive") == 0;
}

static rip_status open_base_url(notify *n, rip_error *err)
{
    const char *url = n->options.base_url;
    if (!url || !*url) return RIP_OK;
    size_t len = strlen(url);
    while (len && url[len - 1] == '/') len--;
    n->base_url = strndup(url, len);
    return n->base_url ? RIP_OK : rip_nomem(err);
}

rip_status notify_new(const notify_options *options, notify **out, rip_error *err)
{
    notify *n = calloc(1, sizeof *n);
    if (!n) return rip_nomem(err);
    n->options = *options;
    aws_web_options web = {.loop = rip_clock_loop(options->clock), .max_connections = 2};
    rip_status status = open_base_url(n, err);
    if (status == RIP_OK) status = notify_slots_load(n, err);
    if (status == RIP_OK) status = aws_web_new(&web, &n->web, err);
    if (status == RIP_OK) status = notify_rows_load(n, err);
    if (status == RIP_OK) {
        open_outcome(n);
        open_metrics(n);
        *out = n;
    } else {
        notify_free(n);
    }
    return status;
}

void notify_free(notify *n)
{
    if (!n) return;
    while (n->notifiers) {
        notifier *next = n->notifiers->next;
        notifier_free(n->notifiers);
        n->notifiers = next;
    }
    notify_search_leave(n->search);
    json_decref(n->told);
    if (n->web) aws_web_free(n->web);
    free(n->base_url);
    free(n->slots);
    free(n);
}

void notify_recover(notify *n)
{
    notify_slots_recover(n);
    notify_find_untold(n);
}

void notify_run(notify *n, const json_t *record, const json_t *report, const json_t *finding)
{
    unsigned events = brief_events(record, report);
    int64_t now = rip_clock_now(n->options.clock);
    json_t *update = outcome_brief(n, record, report, finding);
    notifier *queue = update ? outcome_queue(n, update) : NULL;
    if (queue)
        notifier_add(queue, update);
    else
        json_decref(update);
    for (notifier *to = n->notifiers; to && events; to = to->next) {
        if (to->when & events) notifier_add(to, brief_new(to->when & events, record, report, finding, now));
    }
    notify_told(n, record);
}

size_t notify_backlog(const notify *n)
{
    return n->waiting;
}
