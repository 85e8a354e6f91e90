/* Values from JSON, by their own form. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/json_scan.h"

#define NO_VALUE "expected a value"

static bool wrong(rip_json_scan *s, const char *what)
{
    return rip_json_stop(s, RIP_EINVAL, what);
}

static json_t *kept(rip_json_scan *s, json_t *value)
{
    if (!value) rip_json_stop(s, RIP_ENOMEM, "out of memory");
    return value;
}

/* Scalars. */

static json_t *read_text(rip_json_scan *s)
{
    rip_json_text text;
    return rip_json_take_text(s, &s->room, &text) ? kept(s, json_stringn_nocheck(text.at, text.len)) : NULL;
}

static json_t *read_word(rip_json_scan *s, const char *word, json_t *value)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0) {
        wrong(s, NO_VALUE);
        return NULL;
    }
    s->at += len;
    return value;
}

static bool is_next(const rip_json_scan *s, char one, char other)
{
    return s->at < s->end && (*s->at == one || *s->at == other);
}

static size_t skip_digits(rip_json_scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') s->at++;
    return (size_t)(s->at - from);
}

static json_t *integer(rip_json_scan *s, const char *digits, bool negative)
{
    uint64_t value = 0;
    const uint64_t most = (uint64_t)INT64_MAX + negative;
    bool fits = s->at - digits <= 19; /* so many always fit into 64 bits, unsigned */
    for (const char *at = digits; fits && at < s->at; at++) value = value * 10 + (uint64_t)(*at - '0');
    if (fits && value <= most) return kept(s, json_integer((json_int_t)(negative ? 0 - value : value)));
    wrong(s, "a number too great");
    return NULL;
}

static json_t *real(rip_json_scan *s, const char *from)
{
    rip_buffer_clear(&s->room);
    rip_buffer_append(&s->room, from, (size_t)(s->at - from)); /* strtod wants an end */
    if (s->room.failed) return kept(s, NULL);
    double value = strtod(s->room.data, NULL);
    if (isfinite(value)) return kept(s, json_real(value));
    wrong(s, "a number too great");
    return NULL;
}

static json_t *read_number(rip_json_scan *s)
{
    const char *from = s->at;
    bool negative = is_next(s, '-', '-');
    if (negative) s->at++;
    const char *digits = s->at;
    size_t count = skip_digits(s);
    bool well = count == 1 || (count > 1 && *digits != '0');
    bool fraction = well && is_next(s, '.', '.');
    if (fraction) {
        s->at++;
        well = skip_digits(s) > 0;
    }
    bool exponent = well && is_next(s, 'e', 'E');
    if (exponent) {
        s->at++;
        if (is_next(s, '+', '-')) s->at++;
        well = skip_digits(s) > 0;
    }
    if (well) return fraction || exponent ? real(s, from) : integer(s, digits, negative);
    wrong(s, NO_VALUE);
    return NULL;
}

/* Arrays and objects. */

static json_t *whole_or_null(const rip_json_scan *s, json_t *value)
{
    if (s->status == RIP_OK) return value;
    json_decref(value);
    return NULL;
}

static json_t *read_array(rip_json_scan *s)
{
    json_t *array = kept(s, json_array());
    rip_json_enter(s, '[');
    for (bool first = true; rip_json_next(s, ']', first); first = false) {
        json_t *item = rip_json_value(s);
        if (item && json_array_append_new(array, item) != 0) kept(s, NULL);
    }
    return whole_or_null(s, array);
}

/** Only what was escaped can hold one. */
static bool has_nul(rip_json_scan *s, const rip_buffer *room, rip_json_text name)
{
    return name.at == room->data && memchr(name.at, '\0', name.len) && !wrong(s, "a NUL character in a name");
}

static json_t *read_object(rip_json_scan *s)
{
    json_t *object = kept(s, json_object());
    rip_buffer room = {0}; /* a name outlives the reading of its value */
    rip_json_text name = {0};
    size_t members = 0;
    rip_json_enter(s, '{');
    for (bool first = true; rip_json_next(s, '}', first); first = false) {
        rip_json_peek(s);
        const char *from = s->at;
        if (!rip_json_take_text(s, &room, &name) || has_nul(s, &room, name)) break;
        json_t *value = rip_json_take(s, ':') ? rip_json_value(s) : NULL;
        if (!value) break;
        if (json_object_setn_new_nocheck(object, name.at, name.len, value) != 0) kept(s, NULL);
        if (s->repeats || json_object_size(object) == ++members) continue;
        s->at = from;
        wrong(s, "a name that the object holds already");
    }
    rip_buffer_free(&room);
    return whole_or_null(s, object);
}

json_t *rip_json_value(rip_json_scan *s)
{
    switch (rip_json_peek(s)) {
    case '{': return read_object(s);
    case '[': return read_array(s);
    case '"': return read_text(s);
    case 't': return read_word(s, "true", json_true());
    case 'f': return read_word(s, "false", json_false());
    case 'n': return read_word(s, "null", json_null());
    default: return read_number(s);
    }
}

/* Documents. */

static rip_status tell(const rip_json_scan *s, const char *bytes, rip_error *err)
{
    if (s->status == RIP_ENOMEM) return rip_nomem(err);
    if (s->status == RIP_ELIMIT) return rip_fail(err, RIP_ELIMIT, "the document nests deeper than %u", s->depth_max);
    size_t line = 1, column = 1;
    for (const char *at = bytes; at < s->fault; at++) {
        if (*at == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*at & 0xC0) != 0x80) {
            column++; /* characters, not bytes */
        }
    }
    return rip_fail(err, s->status, "the document is no JSON: %s, at byte %zu (its line %zu, column %zu)", s->wrong,
                    (size_t)(s->fault - bytes) + 1, line, column);
}

rip_status rip_json_read(const char *bytes, size_t len, const rip_json_rules *rules, json_t **out, rip_error *err)
{
    static const rip_json_rules STRICT = {0};
    if (!rules) rules = &STRICT;
    if (len == 0) bytes = ""; /* may be NULL */
    rip_json_scan s = {.at = bytes,
                       .end = bytes + len,
                       .depth_max = rules->depth ? rules->depth : RIP_JSON_DEPTH_MAX,
                       .nul = rules->nul ? RIP_JSON_NUL_KEPT : RIP_JSON_NUL_REFUSED};
    char form = rip_json_peek(&s);
    if (!rules->any && form != '{' && form != '[') wrong(&s, "expected '{' or '['");
    json_t *value = s.status == RIP_OK ? rip_json_value(&s) : NULL;
    rip_json_peek(&s);
    if (s.at < s.end) wrong(&s, "more than one value");
    rip_buffer_free(&s.room);
    *out = whole_or_null(&s, value);
    return s.status == RIP_OK ? RIP_OK : tell(&s, bytes, err);
}
