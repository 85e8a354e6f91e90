#include "engine/serve/html.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/escape.h"

#define TEXT_MOST ((size_t)16 << 10)

void html_text(rip_buffer *out, const char *text)
{
    rip_buffer line = {0};
    if (!text) return;
    rip_escape_line(&line, text, strlen(text), TEXT_MOST);
    out->failed = out->failed || line.failed;
    for (size_t i = 0; i < line.len; i++) {
        switch (line.data[i]) {
        case '&': rip_buffer_puts(out, "&amp;"); break;
        case '<': rip_buffer_puts(out, "&lt;"); break;
        case '>': rip_buffer_puts(out, "&gt;"); break;
        case '"': rip_buffer_puts(out, "&quot;"); break;
        case '\'': rip_buffer_puts(out, "&#39;"); break;
        default: rip_buffer_putc(out, line.data[i]);
        }
    }
    rip_buffer_free(&line);
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static char *decode(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < len; i++) {
        int high = text[i] == '%' && i + 2 < len ? nibble(text[i + 1]) : -1;
        int low = high >= 0 ? nibble(text[i + 2]) : -1;
        if (low >= 0) {
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    if (!out || memchr(out, '\0', n)) {
        free(out);
        return NULL;
    }
    out[n] = '\0';
    return out;
}

char *html_form_field(const char *body, size_t len, const char *name)
{
    const char *end = body + len;
    size_t name_len = strlen(name);
    while (body < end) {
        const char *stop = memchr(body, '&', (size_t)(end - body));
        if (!stop) stop = end;
        if ((size_t)(stop - body) > name_len && strncmp(body, name, name_len) == 0 && body[name_len] == '=')
            return decode(body + name_len + 1, (size_t)(stop - body) - name_len - 1);
        body = stop + (stop < end);
    }
    return NULL;
}
