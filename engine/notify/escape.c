#include "engine/notify/escape.h"

#include <string.h>

#include "engine/base/escape.h"

#define SUBJECT_MOST 100
#define WORD_JOINER "\xE2\x81\xA0" /* U+2060: takes no room, and parts what is on both sides of it */

void notify_escape_slack(rip_buffer *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        switch (*c) {
        case '&': rip_buffer_puts(out, "&amp;"); break;
        case '<': rip_buffer_puts(out, "&lt;"); break;
        case '>': rip_buffer_puts(out, "&gt;"); break;
        case '`': rip_buffer_putc(out, '\''); break;
        case '@':
        case '#':
            rip_buffer_putc(out, *c);
            rip_buffer_puts(out, WORD_JOINER);
            break;
        case '*':
        case '~':
            rip_buffer_puts(out, WORD_JOINER);
            rip_buffer_putc(out, *c);
            rip_buffer_puts(out, WORD_JOINER);
            break;
        default: rip_buffer_putc(out, *c);
        }
    }
}

void notify_escape_html(rip_buffer *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        switch (*c) {
        case '&': rip_buffer_puts(out, "&amp;"); break;
        case '<': rip_buffer_puts(out, "&lt;"); break;
        case '>': rip_buffer_puts(out, "&gt;"); break;
        case '"': rip_buffer_puts(out, "&quot;"); break;
        case '\'': rip_buffer_puts(out, "&#39;"); break;
        default: rip_buffer_putc(out, *c);
        }
    }
}

void notify_escape_json(rip_buffer *out, const char *text)
{
    rip_buffer quoted = {0};
    rip_escape_json(&quoted, text, strlen(text), strlen(text));
    if (quoted.failed)
        out->failed = true;
    else
        rip_buffer_append(out, quoted.data + 1, quoted.len - 2);
    rip_buffer_free(&quoted);
}

void notify_escape_subject(rip_buffer *out, const char *text)
{
    size_t left = strlen(text), written = 0, step;
    for (; left && written < SUBJECT_MOST; text += step, left -= step) {
        step = rip_utf8_next(text, left, NULL);
        if (!step) step = 1;
        bool fits = step == 1 && *text >= ' ' && *text <= '~';
        if (written == 0 && *text == ' ') continue;
        rip_buffer_putc(out, fits ? *text : '?');
        written++;
    }
}
