/* A Slack incoming webhook. Follows: Slack, "Sending messages using incoming webhooks" and "Text object": a verbatim
 * text has no links made of plain addresses, names or channels. */
#include <string.h>

#include "engine/notify/escape.h"
#include "engine/notify/private.h"

#define SECTION_MOST 2400 /* of the 3,000 characters of a text object, with room for command and link */

static rip_status slack_open(notifier *n, rip_error *err)
{
    return notify_url_check(n->secret ? n->secret : n->target, err);
}

static void write_section(rip_buffer *out, const json_t *words)
{
    size_t i;
    json_t *line;
    rip_buffer_putc(out, '*');
    notify_escape_slack(out, brief_text(words, "title", NULL));
    rip_buffer_putc(out, '*');
    json_array_foreach (json_object_get(words, "lines"), i, line) {
        rip_buffer safe = {0};
        notify_escape_slack(&safe, json_string_value(line));
        if (safe.data && out->len + safe.len < SECTION_MOST) rip_buffer_printf(out, "\n%s", safe.data);
        rip_buffer_free(&safe);
    }
    rip_buffer_puts(out, "\n`");
    notify_escape_slack(out, brief_text(words, "command", NULL));
    rip_buffer_putc(out, '`');
    if (!*brief_text(words, "link", NULL)) return;
    rip_buffer_puts(out, "\n<");
    notify_escape_html(out, brief_text(words, "link", NULL));
    rip_buffer_puts(out, "|Look at the plan, and decide>");
}

static json_t *slack_body(const json_t *all)
{
    json_t *blocks = json_array(), *words;
    rip_buffer text = {0}, section = {0};
    size_t i;
    json_array_foreach (all, i, words) {
        rip_buffer_clear(&section);
        write_section(&section, words);
        json_array_append_new(blocks, json_pack("{s:s, s:{s:s, s:b, s:s}}", "type", "section", "text", "type", "mrkdwn",
                                                "verbatim", 1, "text", section.data ? section.data : ""));
    }
    notify_escape_slack(&text, brief_text(json_array_get(all, 0), "title", NULL));
    if (i > 1) rip_buffer_printf(&text, " (and %zu more)", i - 1);
    json_t *body = json_pack("{s:s, s:o, s:b, s:b}", "text", text.data ? text.data : "", "blocks", blocks,
                             "unfurl_links", 0, "unfurl_media", 0);
    rip_buffer_free(&text);
    rip_buffer_free(&section);
    return body;
}

static void slack_send(notifier *n)
{
    json_t *all = brief_batch_words(n);
    notifier_post_json(n, n->secret ? n->secret : n->target, slack_body(all));
    json_decref(all);
}

const notifier_kind notify_slack = {.name = "slack", .most = 20, .open = slack_open, .send = slack_send};
