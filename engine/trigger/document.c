#include "engine/trigger/document.h"

#include <stdbool.h>
#include <string.h>

#include "engine/base/escape.h"
#include "engine/trigger/fold.h"
#include "engine/trigger/pattern.h"

#define MEMBERS_MAX 1000

typedef struct reader {
    const char *start, *at, *end;
    arena *memory;
    unsigned depth, depth_max;
    size_t where; /* of the mistake */
    rip_error *err;
} reader;

static rip_status wrong(reader *r, const char *at, const char *what)
{
    r->where = (size_t)(at - r->start);
    return rip_fail(r->err, RIP_EINVAL, "%s", what);
}

static int hex4(const char *text)
{
    int code = 0;
    for (int i = 0; i < 4; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        code = code << 4 | digit;
    }
    return code;
}

/* After "\u": one code point, of two escapes where the first is a high surrogate; the bytes that it took, 0 if it is
 * none. */
static size_t decode_unicode(const char *text, size_t len, unsigned *code)
{
    int first = len >= 4 ? hex4(text) : -1;
    if (first < 0 || (first >= 0xDC00 && first <= 0xDFFF)) return 0;
    *code = (unsigned)first;
    if (first < 0xD800 || first > 0xDBFF) return 4;
    int second = len >= 10 && text[4] == '\\' && text[5] == 'u' ? hex4(text + 6) : -1;
    if (second < 0xDC00 || second > 0xDFFF) return 0;
    *code = 0x10000 + (((unsigned)first & 0x3FF) << 10 | ((unsigned)second & 0x3FF));
    return 10;
}

const char *string_decode(const char *text, size_t len, char *out, size_t *out_len, size_t *at)
{
    static const char ESCAPES[] = "\"\\/bfnrt", MEANINGS[] = "\"\\/\b\f\n\r\t";
    size_t used = 0;
    for (size_t i = 0; i < len;) {
        *at = i;
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20) return "a control character in a string must be escaped";
        if (c >= 0x80) {
            size_t width = rip_utf8_next(text + i, len - i, NULL);
            if (width == 0) return "a string is not UTF-8";
            memcpy(out + used, text + i, width);
            used += width;
            i += width;
        } else if (c != '\\') {
            out[used++] = (char)c;
            i++;
        } else if (i + 1 < len && text[i + 1] == 'u') {
            unsigned code = 0;
            size_t width = decode_unicode(text + i + 2, len - i - 2, &code);
            if (width == 0) return "a \\u in a string is no character: four hexadecimal digits, surrogates in pairs";
            used += utf8_put(out + used, code);
            i += 2 + width;
        } else {
            const char *escape = i + 1 < len && text[i + 1] ? strchr(ESCAPES, text[i + 1]) : NULL;
            if (!escape) return "there is no such escape in JSON";
            out[used++] = MEANINGS[escape - ESCAPES];
            i += 2;
        }
    }
    *out_len = used;
    return NULL;
}

static void skip_space(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

/* At a quote. */
static rip_status read_string(reader *r, const char **out, size_t *out_len)
{
    const char *from = ++r->at;
    while (r->at < r->end && *r->at != '"') r->at += *r->at == '\\' && r->at + 1 < r->end ? 2 : 1;
    if (r->at >= r->end) return wrong(r, from - 1, "the string has no end");
    size_t len = (size_t)(r->at - from), bad = 0;
    char *text = arena_alloc(r->memory, len + 1);
    if (!text) return rip_nomem(r->err);
    const char *why = string_decode(from, len, text, out_len, &bad);
    if (why) return wrong(r, from + bad, why);
    *out = text;
    r->at++;
    return RIP_OK;
}

static rip_status read_value(reader *r, node **out);

static rip_status read_key(reader *r, node *object, const char **key, size_t *len)
{
    const char *from = r->at;
    if (object->count == MEMBERS_MAX) {
        r->where = object->at;
        return rip_fail(r->err, RIP_ELIMIT, "the object has more than %d keys", MEMBERS_MAX);
    }
    if (r->at == r->end || *r->at != '"') return wrong(r, r->at, "expected a key in double quotes");
    rip_status status = read_string(r, key, len);
    if (status != RIP_OK) return status;
    for (const node *other = object->first; other; other = other->next) {
        if (other->key && *key && other->key_len == *len && memcmp(other->key, *key, *len) == 0)
            return wrong(r, from, "this key was given before");
    }
    skip_space(r);
    if (r->at == r->end || *r->at != ':') return wrong(r, r->at, "expected ':' after the key");
    r->at++;
    skip_space(r);
    return RIP_OK;
}

static rip_status read_members(reader *r, node *parent)
{
    char close = parent->kind == NODE_OBJECT ? '}' : ']';
    node *last = NULL;
    r->at++;
    skip_space(r);
    if (r->at < r->end && *r->at == close) {
        r->at++;
        return RIP_OK;
    }
    for (;;) {
        const char *key = NULL, *key_at = r->at;
        size_t key_len = 0;
        node *child = NULL;
        rip_status status = parent->kind == NODE_OBJECT ? read_key(r, parent, &key, &key_len) : RIP_OK;
        if (status == RIP_OK) status = read_value(r, &child);
        if (status != RIP_OK) return status;
        child->key = key;
        child->key_len = key_len;
        child->key_at = (size_t)(key_at - r->start);
        if (last)
            last->next = child;
        else
            parent->first = child;
        last = child;
        parent->count++;
        skip_space(r);
        if (r->at < r->end && *r->at == close) break;
        if (r->at == r->end || *r->at != ',') {
            return wrong(r, r->at, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
        }
        r->at++;
        skip_space(r);
    }
    r->at++;
    return RIP_OK;
}

static rip_status read_word(reader *r, node *n)
{
    static const struct {
        const char *text;
        node_kind kind;
    } WORDS[] = {{"true", NODE_TRUE}, {"false", NODE_FALSE}, {"null", NODE_NULL}};
    const char *from = r->at;
    while (r->at < r->end && *r->at && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *r->at)) r->at++;
    n->len = (size_t)(r->at - from);
    n->text = arena_copy(r->memory, from, n->len);
    if (!n->text) return rip_nomem(r->err);
    n->kind = NODE_NUMBER;
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (strcmp(WORDS[i].text, n->text) == 0) n->kind = WORDS[i].kind;
    }
    if (n->kind == NODE_NUMBER && !number_is_json(n->text, n->len)) return wrong(r, from, "expected a JSON value");
    return RIP_OK;
}

static rip_status read_value(reader *r, node **out)
{
    node *n = arena_alloc(r->memory, sizeof *n);
    if (!n) return rip_nomem(r->err);
    *out = n;
    n->at = (size_t)(r->at - r->start);
    if (r->at == r->end) return wrong(r, r->at, "expected a JSON value, found the end");
    if (*r->at == '"') {
        n->kind = NODE_STRING;
        return read_string(r, &n->text, &n->len);
    }
    if (*r->at != '{' && *r->at != '[') return read_word(r, n);
    n->kind = *r->at == '{' ? NODE_OBJECT : NODE_ARRAY;
    if (++r->depth > r->depth_max) {
        r->where = n->at;
        return rip_fail(r->err, RIP_ELIMIT, "it is more than %u levels deep", r->depth_max);
    }
    rip_status status = read_members(r, n);
    r->depth--;
    return status;
}

rip_status document_parse(const char *text, size_t len, unsigned depth, arena *memory, node **out, size_t *at,
                          rip_error *err)
{
    reader r = {.start = text, .at = text, .end = text + len, .memory = memory, .depth_max = depth, .err = err};
    skip_space(&r);
    rip_status status = read_value(&r, out);
    skip_space(&r);
    if (status == RIP_OK && r.at < r.end) status = wrong(&r, r.at, "expected the end, found more text");
    *at = r.where;
    return status;
}
