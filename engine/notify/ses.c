/* E-mail through SES: plain text, and the same in HTML. */
#include <string.h>

#include "engine/notify/escape.h"
#include "engine/notify/plain.h"
#include "engine/notify/private.h"

static bool is_address(const char *text, size_t len)
{
    const char *at = memchr(text, '@', len);
    if (!at || at == text || at == text + len - 1) return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("<>()\"\\;:,", text[i])) return false;
    }
    return true;
}

/* "soc@example.com, lead@example.com"; NULL: not all are addresses. */
static json_t *addresses_of(const char *text)
{
    json_t *list = json_array();
    while (*text) {
        size_t len = strcspn(text, ","), skip = strspn(text, " ");
        if (skip > len || !is_address(text + skip, len - skip)) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, json_stringn(text + skip, len - skip));
        text += len;
        if (*text) text++;
    }
    return list;
}

static rip_status ses_open(notifier *n, rip_error *err)
{
    json_t *to = addresses_of(n->target);
    size_t count = json_array_size(to);
    json_decref(to);
    if (!count || count > 50)
        return rip_fail(err, RIP_EINVAL, "expected 1 to 50 e-mail addresses, separated by commas");
    if (!is_address(n->from, strlen(n->from)))
        return rip_fail(err, RIP_EINVAL, "`from` is missing: the sender's address, which SES has verified");
    return *n->region ? RIP_OK : rip_fail(err, RIP_EINVAL, "`region` is missing: where SES is used");
}

static void write_html(rip_buffer *out, const json_t *all)
{
    size_t i, k;
    json_t *words, *line;
    rip_buffer_puts(out, "<!DOCTYPE html><html><body>");
    json_array_foreach (all, i, words) {
        rip_buffer_puts(out, "<h3>");
        notify_escape_html(out, brief_text(words, "title", NULL));
        rip_buffer_puts(out, "</h3><p>");
        json_array_foreach (json_object_get(words, "lines"), k, line) {
            notify_escape_html(out, json_string_value(line));
            rip_buffer_puts(out, "<br>");
        }
        rip_buffer_puts(out, "<code>");
        notify_escape_html(out, brief_text(words, "command", NULL));
        rip_buffer_puts(out, "</code></p>");
        if (!json_object_get(words, "link")) continue;
        rip_buffer_puts(out, "<p><a href=\"");
        notify_escape_html(out, brief_text(words, "link", NULL));
        rip_buffer_puts(out, "\">Look at the plan, and decide</a></p>");
    }
    rip_buffer_puts(out, "</body></html>");
}

static json_t *content_of(const rip_buffer *text)
{
    return json_pack("{s:s, s:s}", "Data", text->data ? text->data : "", "Charset", "UTF-8");
}

static void ses_send(notifier *n)
{
    json_t *all = brief_batch_words(n);
    rip_buffer text = {0}, html = {0}, subject = {0};
    notify_write_plain(&text, all);
    write_html(&html, all);
    notify_write_subject(&subject, all);
    json_t *params = json_pack("{s:s, s:{s:o}, s:{s:{s:o, s:{s:o, s:o}}}}", "FromEmailAddress", n->from, "Destination",
                               "ToAddresses", addresses_of(n->target), "Content", "Simple", "Subject",
                               content_of(&subject), "Body", "Text", content_of(&text), "Html", content_of(&html));
    json_decref(all);
    rip_buffer_free(&text);
    rip_buffer_free(&html);
    rip_buffer_free(&subject);
    notifier_call(n, "sesv2", "SendEmail", "", n->region, params, notifier_judge);
}

const notifier_kind notify_ses = {.name = "ses", .most = 20, .open = ses_open, .send = ses_send};
