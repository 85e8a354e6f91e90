/* PagerDuty's Events API v2. A run and those that follow from it are one alert, which a run that contains its finding
 * resolves. Follows: PagerDuty, "Send an alert event". */
#include <stdio.h>
#include <string.h>

#include "engine/notify/private.h"

#define ENQUEUE "https://events.pagerduty.com/v2/enqueue"

static const char *url_of(const notifier *n)
{
    return *n->target ? n->target : ENQUEUE;
}

static rip_status pagerduty_open(notifier *n, rip_error *err)
{
    if (!n->secret) return rip_fail(err, RIP_EINVAL, "secret_file is missing: it holds the integration's routing key");
    return notify_url_check(url_of(n), err);
}

static const char *severity_of(const json_t *brief)
{
    static const char *const NAMES[][2] = {{"CRITICAL", "critical"}, {"HIGH", "error"}, {"MEDIUM", "warning"}};
    const char *label = brief_text(json_object_get(brief, "finding"), "severity", "label");
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (strcmp(NAMES[i][0], label) == 0) return NAMES[i][1];
    }
    return "info";
}

static void pagerduty_send(notifier *n)
{
    const json_t *brief = json_array_get(n->batch, 0);
    json_t *words = brief_words(n->owner, brief);
    const char *link = brief_text(words, "link", NULL), *account = brief_text(brief, "finding", "account");
    char key[256], at[32];
    snprintf(key, sizeof key, "riposte:%.240s", brief_text(brief, "base", NULL));
    rip_time_format(json_integer_value(json_object_get(brief, "at")), at);
    json_t *links =
        *link ? json_pack("[{s:s, s:s}]", "href", link, "text", "Look at the plan, and decide") : json_array();
    json_t *payload =
        json_pack("{s:O, s:s, s:s, s:s, s:s, s:s, s:{s:O, s:O}}", "summary", json_object_get(words, "title"), "source",
                  *account ? account : "riposte", "severity", severity_of(brief), "timestamp", at, "component",
                  brief_text(brief, "playbook", NULL), "class", brief_text(brief, "finding", "kind"), "custom_details",
                  "lines", json_object_get(words, "lines"), "command", json_object_get(words, "command"));
    bool is_over = strcmp(brief_event(brief), "contained") == 0;
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "routing_key", n->secret, "event_action",
                             is_over ? "resolve" : "trigger", "dedup_key", key, "client", "Riposte", "payload", payload,
                             "links", links);
    json_decref(words);
    notifier_post_json(n, url_of(n), body);
}

const notifier_kind notify_pagerduty = {.name = "pagerduty", .most = 1, .open = pagerduty_open, .send = pagerduty_send};
