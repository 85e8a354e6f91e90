#include "engine/base/json_scan.h"

#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/escape.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define EACH_BYTE(b) ((b)*UINT64_C(0x0101010101010101))

/* Tokens. */

bool rip_json_stop(rip_json_scan *s, rip_status status, const char *what)
{
    if (s->status != RIP_OK) return false;
    s->status = status;
    s->fault = s->at;
    snprintf(s->wrong, sizeof s->wrong, "%s", what);
    return false;
}

static bool wrong(rip_json_scan *s, const char *what)
{
    return rip_json_stop(s, RIP_EINVAL, what);
}

bool rip_json_take(rip_json_scan *s, char wanted)
{
    char what[] = "expected ' '";
    if (rip_json_peek(s) == wanted && s->at < s->end) {
        s->at++;
        return true;
    }
    what[sizeof what - 3] = wanted;
    return wrong(s, what);
}

bool rip_json_enter(rip_json_scan *s, char open)
{
    if (++s->depth > s->depth_max) return rip_json_stop(s, RIP_ELIMIT, "it nests too deeply");
    return rip_json_take(s, open);
}

bool rip_json_next(rip_json_scan *s, char close, bool first)
{
    if (s->status != RIP_OK) return false;
    char next = rip_json_peek(s);
    if (next == close) {
        s->at++;
        s->depth--;
        return false;
    }
    return first || rip_json_take(s, ',');
}

/* Texts. */

/* How many of a group of bytes, from the first, are printable ASCII but quote and backslash? */
#if defined(__SSE2__)
#define GROUP ((ptrdiff_t)16)

static size_t plain_of_group(const char *at)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i hits = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')); /* as signed numbers: what is no ASCII too */
    hits = _mm_or_si128(hits, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    hits = _mm_or_si128(hits, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    return (size_t)__builtin_ctz((unsigned)_mm_movemask_epi8(hits) | 1U << GROUP);
}
#else
#define GROUP ((ptrdiff_t)8)

/* A byte's top bit tells that it is zero after the exclusive or, or below a space; what a borrow adds comes only behind
 * a byte that was found already. */
static size_t plain_of_group(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word = le64toh(word);
    uint64_t quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');
    uint64_t hits = (quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1)) | (word - EACH_BYTE(' ')) | word;
    hits &= EACH_BYTE(0x80);
    return hits ? (size_t)__builtin_ctzll(hits) / 8 : (size_t)GROUP;
}
#endif

static bool is_plain(char c)
{
    return c >= ' ' && c != '"' && c != '\\' && (unsigned char)c < 0x80;
}

/** Behind the plain bytes of ASCII. */
static const char *plain_ascii(const char *at, const char *end)
{
    bool whole = end - at >= GROUP;
    while (end - at >= GROUP) {
        size_t plain = plain_of_group(at);
        at += plain;
        if ((ptrdiff_t)plain < GROUP) return at;
    }
    if (whole && at < end) return end - GROUP + plain_of_group(end - GROUP); /* known to be plain up to `at` */
    while (at < end && is_plain(*at)) at++;
    return at;
}

const char *rip_json_plain(const char *at, const char *end)
{
    for (;;) {
        at = plain_ascii(at, end);
        if (at == end || (unsigned char)*at < 0x80) return at;
        size_t character = rip_utf8_next(at, (size_t)(end - at), NULL);
        if (character == 0) return at;
        at += character;
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/** Four hexadecimal digits of an escape. */
static bool take_unit(rip_json_scan *s, unsigned *unit)
{
    *unit = 0;
    if (s->end - s->at < 4) return wrong(s, "a cut-off escape");
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(s->at[i]);
        if (digit < 0) return wrong(s, "an escape that is none");
        *unit = *unit << 4 | (unsigned)digit;
    }
    s->at += 4;
    return true;
}

static void put_utf8(rip_buffer *out, unsigned code)
{
    if (code < 0x80) {
        rip_buffer_putc(out, (char)code);
        return;
    }
    if (code < 0x800) {
        rip_buffer_putc(out, (char)(0xC0 | code >> 6));
    } else if (code < 0x10000) {
        rip_buffer_putc(out, (char)(0xE0 | code >> 12));
        rip_buffer_putc(out, (char)(0x80 | (code >> 6 & 0x3F)));
    } else {
        rip_buffer_putc(out, (char)(0xF0 | code >> 18));
        rip_buffer_putc(out, (char)(0x80 | (code >> 12 & 0x3F)));
        rip_buffer_putc(out, (char)(0x80 | (code >> 6 & 0x3F)));
    }
    rip_buffer_putc(out, (char)(0x80 | (code & 0x3F)));
}

/** The second half of a surrogate pair, \uDC00 to \uDFFF; what else comes next is left where it is. */
static bool take_low(rip_json_scan *s, unsigned *low)
{
    const char *from = s->at;
    if (s->end - s->at < 6 || s->at[0] != '\\' || s->at[1] != 'u') return false;
    s->at += 2;
    if (take_unit(s, low) && *low >= 0xDC00 && *low <= 0xDFFF) return true;
    if (s->status == RIP_OK) s->at = from;
    return false;
}

/** What follows \u: one code point, of one unit or of a surrogate pair. */
static bool take_code(rip_json_scan *s, rip_buffer *out)
{
    unsigned code, low;
    if (!take_unit(s, &code)) return false;
    if (code == 0 && s->nul == RIP_JSON_NUL_REFUSED) return wrong(s, "a NUL character in a text");
    if (code == 0 && s->nul == RIP_JSON_NUL_REPLACED) code = 0xFFFD;
    if (code >= 0xD800 && code <= 0xDFFF) {
        if (code < 0xDC00 && take_low(s, &low))
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        else if (s->status == RIP_OK && s->nul == RIP_JSON_NUL_REPLACED)
            code = 0xFFFD;
        else
            return wrong(s, "half a surrogate pair");
    }
    put_utf8(out, code);
    return true;
}

/** What follows a backslash. */
static bool take_escape(rip_json_scan *s, rip_buffer *out)
{
    static const char NAMES[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
    char c = s->at < s->end ? *s->at : '\0';
    const char *name = c ? strchr(NAMES, c) : NULL;
    if (!name && c != 'u') return wrong(s, "an escape that is none");
    s->at++;
    if (!name) return take_code(s, out);
    rip_buffer_putc(out, MEANT[name - NAMES]);
    return true;
}

bool rip_json_take_text(rip_json_scan *s, rip_buffer *room, rip_json_text *text)
{
    bool escaped = false;
    if (!rip_json_take(s, '"')) return false;
    for (;;) {
        const char *from = s->at;
        s->at = rip_json_plain(from, s->end);
        if (s->at == s->end) return wrong(s, "a text without an end");
        if (*s->at == '"' && !escaped) {
            *text = (rip_json_text){from, (size_t)(s->at++ - from)};
            return true;
        }
        if (!escaped) rip_buffer_clear(room);
        escaped = true;
        rip_buffer_append(room, from, (size_t)(s->at - from));
        if ((unsigned char)*s->at >= 0x80) return wrong(s, "a text that is no UTF-8");
        if ((unsigned char)*s->at < ' ') return wrong(s, "a control character in a text");
        if (*s->at++ == '"') break;
        if (!take_escape(s, room)) return false;
    }
    *text = (rip_json_text){room->data, room->len};
    return room->failed ? rip_json_stop(s, RIP_ENOMEM, "out of memory") : true;
}
