/* Values of an event against what a pattern wants of them. */
#include <arpa/inet.h>
#include <jansson.h>
#include <string.h>

#include "engine/trigger/fold.h"
#include "engine/trigger/pattern.h"

#define DIGITS_MAX 17 /* a double tells no more apart */

/* Numbers. */

static size_t digits_at(const char *text, size_t len, size_t at)
{
    size_t from = at;
    while (at < len && text[at] >= '0' && text[at] <= '9') at++;
    return at - from;
}

bool number_is_json(const char *text, size_t len)
{
    size_t at = len && text[0] == '-' ? 1 : 0;
    size_t digits = digits_at(text, len, at);
    if (digits == 0 || (digits > 1 && text[at] == '0')) return false;
    at += digits;
    if (at < len && text[at] == '.') {
        digits = digits_at(text, len, at + 1);
        if (digits == 0) return false;
        at += 1 + digits;
    }
    if (at < len && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < len && (text[at] == '+' || text[at] == '-')) at++;
        digits = digits_at(text, len, at);
        if (digits == 0) return false;
        at += digits;
    }
    return at == len;
}

/* What strtod would give, by way of jansson, which minds the locale. */
static bool parse_slowly(const char *text, size_t len, double *number)
{
    json_error_t why;
    json_t *json = json_loadb(text, len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &why);
    bool is = json_is_real(json);
    if (is) *number = json_real_value(json);
    json_decref(json);
    return is;
}

bool number_parse(const char *text, size_t len, double *number)
{
    static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    uint64_t mantissa = 0;
    unsigned digits = 0, zeros = 0; /* zeros at the end count only when a digit follows */
    int scale = 0;
    bool point = false, exponent = false;
    for (size_t i = 0; i < len && !exponent; i++) {
        char c = text[i];
        if (c == '.') point = true;
        exponent = c == 'e' || c == 'E';
        if (c < '0' || c > '9') continue;
        if (point) scale++;
        if (c == '0') {
            zeros += mantissa != 0;
            continue;
        }
        digits += zeros + 1;
        if (digits > DIGITS_MAX) return false;
        for (; zeros; zeros--) mantissa *= 10;
        mantissa = mantissa * 10 + (uint64_t)(c - '0');
    }
    scale -= (int)zeros;
    if (mantissa == 0) {
        *number = 0;
        return true;
    }
    if (exponent || mantissa > (UINT64_C(1) << 53) || scale > 22 || scale < -22) return parse_slowly(text, len, number);
    /* Both are exact, so that one operation rounds once (W. D. Clinger, 1990). */
    double exact = scale >= 0 ? (double)mantissa / POWERS[scale] : (double)mantissa * POWERS[-scale];
    *number = text[0] == '-' ? -exact : exact;
    return true;
}

bool value_number(value *v, double *number)
{
    if (v->kind != VALUE_NUMBER) return false;
    if (!v->number_known) {
        v->number_known = true;
        v->is_number = number_parse(v->text, v->len, &v->number);
    }
    *number = v->number;
    return v->is_number;
}

/* Addresses. */

bool address_parse(const char *text, size_t len, address *out)
{
    char copy[INET6_ADDRSTRLEN];
    if (len == 0 || len >= sizeof copy || memchr(text, '\0', len)) return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    out->size = memchr(copy, ':', len) ? 16 : 4;
    return inet_pton(out->size == 4 ? AF_INET : AF_INET6, copy, out->bytes) == 1;
}

void address_mask(address *a, unsigned bits)
{
    for (unsigned i = 0; i < a->size; i++) {
        unsigned keep = bits > i * 8 ? bits - i * 8 : 0;
        if (keep < 8) a->bytes[i] &= (unsigned char)(0xFF00U >> keep);
    }
}

static bool match_net(const predicate *p, value *v)
{
    address found;
    double number;
    if (v->kind == VALUE_NUMBER) /* event-ruler takes numbers from 1 for addresses in the net of all of them */
        return p->bits == 0 && value_number(v, &number) && number >= 1;
    if (v->kind != VALUE_STRING || !address_parse(v->text, v->len, &found) || found.size != p->from.size) return false;
    if (memcmp(found.bytes, p->from.bytes, found.size) < 0) return false;
    address net = p->from;
    address_mask(&net, p->bits);
    address_mask(&found, p->bits);
    return memcmp(net.bytes, found.bytes, net.size) == 0;
}

/* Strings. */

/* Leftmost piece by leftmost piece: no choice is ever taken back, so time is linear in the value. */
static bool match_wildcard(const predicate *p, const value *v)
{
    const char *at = v->text, *end = v->text + v->len, *piece = p->text;
    size_t last = p->piece_count - 1;
    if (last == 0) return v->len == p->len && memcmp(v->text, p->text, p->len) == 0;
    if (v->len < (size_t)p->pieces[0] + p->pieces[last]) return false;
    if (memcmp(at, piece, p->pieces[0]) != 0) return false;
    if (memcmp(end - p->pieces[last], p->text + p->len - p->pieces[last], p->pieces[last]) != 0) return false;
    at += p->pieces[0];
    end -= p->pieces[last];
    piece += p->pieces[0];
    for (size_t i = 1; i < last; i++) {
        const char *found = memmem(at, (size_t)(end - at), piece, p->pieces[i]);
        if (!found) return false;
        at = found + p->pieces[i];
        piece += p->pieces[i];
    }
    return true;
}

static bool match_text(const predicate *p, const value *v, char *fold)
{
    if (v->kind != VALUE_STRING) return false;
    const char *text = v->text;
    size_t len = v->len;
    if (p->fold) {
        len = fold_case(text, len, fold);
        text = fold;
    }
    if (len < p->len || (p->kind == PREDICATE_STRING && len != p->len)) return false;
    return memcmp(p->kind == PREDICATE_SUFFIX ? text + len - p->len : text, p->text, p->len) == 0;
}

static bool match_number(const predicate *p, value *v)
{
    double number;
    if (v->kind != VALUE_NUMBER) return false;
    if (v->len == p->len && memcmp(v->text, p->text, p->len) == 0) return true;
    return p->has_number && value_number(v, &number) && number == p->low;
}

static bool match_range(const predicate *p, value *v)
{
    double number;
    if (!value_number(v, &number)) return false;
    return (p->low_open ? number > p->low : number >= p->low) && (p->high_open ? number < p->high : number <= p->high);
}

bool predicate_match(const predicate *p, value *v, char *fold)
{
    switch (p->kind) {
    case PREDICATE_STRING:
    case PREDICATE_PREFIX:
    case PREDICATE_SUFFIX: return match_text(p, v, fold);
    case PREDICATE_WORD: return v->kind == VALUE_WORD && v->len == p->len && memcmp(v->text, p->text, p->len) == 0;
    case PREDICATE_NUMBER: return match_number(p, v);
    case PREDICATE_RANGE: return match_range(p, v);
    case PREDICATE_WILDCARD: return v->kind == VALUE_STRING && match_wildcard(p, v);
    case PREDICATE_NET: return match_net(p, v);
    case PREDICATE_EXISTS: return true;
    case PREDICATE_ABSENT: return false;
    case PREDICATE_NONE_OF:
        for (size_t i = 0; i < p->count; i++) {
            if (predicate_match(p->items + i, v, fold)) return false;
        }
        return true;
    }
    return false;
}
