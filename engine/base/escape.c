#include "engine/base/escape.h"

#include <stdbool.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

size_t rip_utf8_next(const char *text, size_t len, unsigned *code)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned value = 0;
    size_t need = 0;
    if (len == 0) return 0;
    if (s[0] < 0x80) {
        need = 1;
        value = s[0];
    } else if (s[0] >= 0xC2 && s[0] <= 0xDF) {
        need = 2;
        value = s[0] & 0x1Fu;
    } else if ((s[0] & 0xF0) == 0xE0) {
        need = 3;
        value = s[0] & 0x0Fu;
    } else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        need = 4;
        value = s[0] & 0x07u;
    }
    if (need == 0 || need > len) return 0;
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        value = value << 6 | (s[i] & 0x3Fu);
    }
    bool overlong = (need == 3 && value < 0x800) || (need == 4 && value < 0x10000);
    if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return 0;
    if (code) *code = value;
    return need;
}

static bool is_unprintable(unsigned code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E ||
           code == 0x200F || code == 0xFEFF;
}

void rip_escape_line(rip_buffer *out, const char *text, size_t len, size_t max)
{
    size_t use = len < max ? len : max;
    for (size_t i = 0; i < use;) {
        unsigned code = 0;
        size_t n = rip_utf8_next(text + i, len - i, &code);
        if (n == 0) {
            rip_buffer_puts(out, REPLACEMENT);
            i++;
            continue;
        }
        if (code == '\n')
            rip_buffer_puts(out, "\\n");
        else if (code == '\t')
            rip_buffer_puts(out, "\\t");
        else if (code == '\r')
            rip_buffer_puts(out, "\\r");
        else if (is_unprintable(code))
            rip_buffer_printf(out, "\\u{%X}", code);
        else
            rip_buffer_append(out, text + i, n);
        i += n;
    }
    if (use < len) rip_buffer_puts(out, "…");
}

void rip_escape_json(rip_buffer *out, const char *text, size_t len, size_t max)
{
    size_t use = len < max ? len : max;
    rip_buffer_putc(out, '"');
    for (size_t i = 0; i < use;) {
        unsigned code = 0;
        size_t n = rip_utf8_next(text + i, len - i, &code);
        if (n == 0) {
            rip_buffer_puts(out, REPLACEMENT);
            i++;
            continue;
        }
        if (code == '"' || code == '\\')
            rip_buffer_printf(out, "\\%c", (int)code);
        else if (code == '\n')
            rip_buffer_puts(out, "\\n");
        else if (code == '\t')
            rip_buffer_puts(out, "\\t");
        else if (code < 0x10000 && is_unprintable(code))
            rip_buffer_printf(out, "\\u%04x", code);
        else
            rip_buffer_append(out, text + i, n);
        i += n;
    }
    rip_buffer_putc(out, '"');
}
