/* A webhook of Microsoft Teams' workflows, which takes an adaptive card. Text is put into text runs, in which neither
 * Markdown nor mentions mean anything. Follows: Adaptive Cards, RichTextBlock; Microsoft Teams, "Create incoming
 * webhooks with Workflows". */
#include "engine/notify/private.h"

static rip_status teams_open(notifier *n, rip_error *err)
{
    return notify_url_check(n->secret ? n->secret : n->target, err);
}

static json_t *run_of(const char *text, bool is_title)
{
    json_t *run = json_pack("{s:s, s:s}", "type", "TextRun", "text", text);
    if (is_title) json_object_set_new(run, "weight", json_string("Bolder"));
    return json_pack("{s:s, s:[o], s:s}", "type", "RichTextBlock", "inlines", run, "spacing",
                     is_title ? "Large" : "Small");
}

static void add_words(json_t *body, const json_t *words)
{
    size_t i;
    json_t *line;
    json_array_append_new(body, run_of(brief_text(words, "title", NULL), true));
    json_array_foreach (json_object_get(words, "lines"), i, line)
        json_array_append_new(body, run_of(json_string_value(line), false));
    json_array_append_new(body, run_of(brief_text(words, "command", NULL), false));
    if (!json_object_get(words, "link")) return;
    json_array_append_new(body, json_pack("{s:s, s:[{s:s, s:s, s:O}]}", "type", "ActionSet", "actions", "type",
                                          "Action.OpenUrl", "title", "Look at the plan, and decide", "url",
                                          json_object_get(words, "link")));
}

static void teams_send(notifier *n)
{
    json_t *all = brief_batch_words(n), *body = json_array(), *words;
    size_t i;
    json_array_foreach (all, i, words) add_words(body, words);
    json_t *card = json_pack("{s:s, s:s, s:s, s:o}", "type", "AdaptiveCard", "$schema",
                             "http://adaptivecards.io/schemas/adaptive-card.json", "version", "1.4", "body", body);
    json_decref(all);
    notifier_post_json(n, n->secret ? n->secret : n->target,
                       json_pack("{s:s, s:[{s:s, s:o}]}", "type", "message", "attachments", "contentType",
                                 "application/vnd.microsoft.card.adaptive", "content", card));
}

const notifier_kind notify_teams = {.name = "teams", .most = 5, .open = teams_open, .send = teams_send};
