/* JSON replies, read by their shapes in one pass: no tree of the wire's form is built first (docs/adr/0009). Strict:
 * the grammar of RFC 8259, and what jansson's own decoder refuses. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aws/protocol/private.h"

typedef struct reader {
    const char *at, *end;
    rip_buffer room; /* for a text with escapes, or a number */
    unsigned depth;
    rip_error *err;
    bool broken; /* `err` tells why */
} reader;

typedef struct slice {
    const char *at;
    size_t len;
} slice;

static json_t *read_value(reader *r, const aws_member *member);

/* Endings. */

static bool broken(reader *r, const char *what)
{
    if (!r->broken)
        rip_fail(r->err, RIP_EIO, "the reply is no JSON that can be read: %s, %zu bytes before its end", what,
                 (size_t)(r->end - r->at));
    r->broken = true;
    return false;
}

static json_t *mistyped(reader *r, const aws_member *member)
{
    if (!r->broken)
        rip_fail(r->err, RIP_EIO, "the reply's %s is not of the type that the API model tells",
                 aws_member_name(member));
    r->broken = true;
    return NULL;
}

static json_t *whole_or_null(const reader *r, json_t *value)
{
    if (!r->broken) return value;
    json_decref(value);
    return NULL;
}

/* Tokens. */

/** The next character that is no white space; NUL at the end. */
static char peek(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
    return r->at < r->end ? *r->at : '\0';
}

static bool take(reader *r, char wanted)
{
    char what[] = "expected ' '";
    if (peek(r) == wanted && r->at < r->end) {
        r->at++;
        return true;
    }
    what[sizeof what - 3] = wanted;
    return broken(r, what);
}

static bool take_word(reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0) return broken(r, "expected a value");
    r->at += len;
    return true;
}

static bool enter(reader *r, char open)
{
    if (++r->depth <= AWS_DEPTH_MAX) return take(r, open);
    if (!r->broken) rip_fail(r->err, RIP_EIO, "the reply nests deeper than %d", AWS_DEPTH_MAX);
    r->broken = true;
    return false;
}

/** Is there one more item? Behind the list's or object's end if not. */
static bool next_item(reader *r, char close, bool first)
{
    if (r->broken) return false;
    if (peek(r) == close) {
        r->at++;
        r->depth--;
        return false;
    }
    return first || take(r, ',');
}

/** Four hexadecimal digits of an escape. */
static bool take_unit(reader *r, unsigned *unit)
{
    *unit = 0;
    if (r->end - r->at < 4) return broken(r, "a cut-off escape");
    for (int i = 0; i < 4; i++) {
        char c = *r->at++;
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 32) - 'a' + 10;
        if (digit > 15 || (c < '0' || (c > '9' && c < 'A'))) return broken(r, "an escape that is none");
        *unit = *unit << 4 | digit;
    }
    return true;
}

static void put_utf8(rip_buffer *out, unsigned code)
{
    if (code == 0) code = 0xFFFD; /* what takes texts as C strings must not see half of them */
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

/** What follows a backslash. */
static bool take_escape(reader *r, rip_buffer *out)
{
    static const char NAMES[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
    char c = r->at < r->end ? *r->at++ : '\0';
    const char *name = c ? strchr(NAMES, c) : NULL;
    unsigned code, low;
    if (name) {
        rip_buffer_putc(out, MEANT[name - NAMES]);
        return true;
    }
    if (c != 'u') return broken(r, "an escape that is none");
    if (!take_unit(r, &code)) return false;
    if (code >= 0xD800 && code <= 0xDFFF) {
        bool pair = code < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u';
        if (pair) r->at += 2;
        if (!pair || !take_unit(r, &low) || low < 0xDC00 || low > 0xDFFF) return broken(r, "half a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    put_utf8(out, code);
    return true;
}

/** A text's bytes: where they stand, or, when some are escaped, in `room`, for as long as that is left alone. */
static bool take_text(reader *r, rip_buffer *room, slice *text)
{
    bool escaped = false;
    if (!take(r, '"')) return false;
    for (const char *from = r->at;; from = r->at) {
        while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= ' ') r->at++;
        if (r->at == r->end) return broken(r, "a text without an end");
        if (*r->at == '"' && !escaped) {
            *text = (slice){from, (size_t)(r->at++ - from)};
            return true;
        }
        if (!escaped) rip_buffer_clear(room);
        escaped = true;
        rip_buffer_append(room, from, (size_t)(r->at - from));
        char c = *r->at++;
        if (c == '"') break;
        if (c != '\\') return broken(r, "a control character in a text");
        if (!take_escape(r, room)) return false;
    }
    *text = (slice){room->data, room->len};
    return room->failed ? broken(r, "a text that memory can't hold") : true;
}

/* Scalars. */

static json_t *read_text(reader *r)
{
    slice text;
    if (!take_text(r, &r->room, &text)) return NULL;
    json_t *value = json_stringn(text.at, text.len);
    if (!value) broken(r, "a text that is no UTF-8");
    return value;
}

static bool skip_digits(reader *r)
{
    const char *from = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
    return r->at > from;
}

static json_t *read_number(reader *r)
{
    const char *from = r->at;
    bool whole = true;
    bool well = true;
    if (*r->at == '-') r->at++;
    bool zero = r->at < r->end && *r->at == '0';
    const char *digits = r->at;
    well = skip_digits(r) && (!zero || r->at == digits + 1);
    if (well && r->at < r->end && *r->at == '.') {
        whole = false;
        r->at++;
        well = skip_digits(r);
    }
    if (well && r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        whole = false;
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at++;
        well = skip_digits(r);
    }
    rip_buffer_clear(&r->room);
    rip_buffer_append(&r->room, from, (size_t)(r->at - from));
    if (!well || r->room.failed) {
        broken(r, "expected a value");
        return NULL;
    }
    errno = 0;
    long long integer = whole ? strtoll(r->room.data, NULL, 10) : 0;
    double real = whole ? 0 : strtod(r->room.data, NULL);
    if (whole ? errno == 0 : isfinite(real)) return whole ? json_integer(integer) : json_real(real);
    broken(r, "a number too great");
    return NULL;
}

static json_t *read_scalar(reader *r)
{
    switch (peek(r)) {
    case '"': return read_text(r);
    case 't': return take_word(r, "true") ? json_true() : NULL;
    case 'f': return take_word(r, "false") ? json_false() : NULL;
    case 'n': return take_word(r, "null") ? json_null() : NULL;
    case '\0': broken(r, "expected a value"); return NULL;
    default: return read_number(r);
    }
}

/* Lists and objects. */

static json_t *read_list(reader *r, const aws_member *element)
{
    json_t *list = json_array();
    enter(r, '[');
    for (bool first = true; next_item(r, ']', first); first = false) {
        if (json_array_append_new(list, read_value(r, element)) != 0) broken(r, "a value that can't be kept");
    }
    return whole_or_null(r, list);
}

/** A map; or, without an element, an object of which no model tells anything, where null is a value too. */
static json_t *read_map(reader *r, const aws_member *element)
{
    json_t *map = json_object();
    rip_buffer room = {0}; /* the key outlives the reading of its value */
    slice key = {0};
    enter(r, '{');
    for (bool first = true; next_item(r, '}', first); first = false) {
        if (!take_text(r, &room, &key) || !take(r, ':')) break;
        json_t *value = read_value(r, element);
        if (element && json_is_null(value)) continue;
        if (json_object_setn_new(map, key.at, key.len, value) != 0) broken(r, "a name that is no UTF-8");
    }
    rip_buffer_free(&room);
    return whole_or_null(r, map);
}

/** The body's member of that name on the wire. `hint`: where it likely is, since services keep to the model's order. */
static const aws_member *find_member(const aws_shape *shape, slice name, size_t *hint)
{
    size_t count = aws_shape_member_count(shape);
    for (size_t i = 0; i < count; i++) {
        size_t index = (*hint + i) % count;
        const aws_member *member = aws_shape_member_at(shape, index);
        const char *wire = aws_member_location_name(member);
        if (strncmp(wire, name.at, name.len) != 0 || wire[name.len] || aws_member_location(member) != AWS_IN_BODY)
            continue;
        *hint = index + 1;
        return member;
    }
    return NULL;
}

static json_t *read_structure(reader *r, const aws_shape *shape)
{
    json_t *value = json_object();
    json_t *unknown = NULL; /* of a union: the first choice that the model does not know, which is told by its name */
    size_t hint = 0;
    slice name = {0};
    enter(r, '{');
    for (bool first = true; next_item(r, '}', first); first = false) {
        if (!take_text(r, &r->room, &name)) break;
        const aws_member *member = find_member(shape, name, &hint);
        bool odd =
            !member && !unknown && aws_shape_is_union(shape) && !(name.len == 6 && !memcmp(name.at, "__type", 6));
        json_t *told = odd ? json_stringn(name.at, name.len) : NULL;
        json_t *own = take(r, ':') ? read_value(r, member) : NULL;
        if (told && own && !json_is_null(own))
            unknown = told;
        else
            json_decref(told);
        if (!member || json_is_null(own))
            json_decref(own);
        else if (json_object_set_new_nocheck(value, aws_member_name(member), own) != 0)
            broken(r, "a value that can't be kept");
    }
    if (unknown && json_object_size(value) == 0)
        json_object_set_new(value, AWS_UNKNOWN_MEMBER, json_pack("{s:O}", "name", unknown));
    json_decref(unknown);
    return whole_or_null(r, value);
}

static json_t *read_time(reader *r, const aws_member *member)
{
    int64_t ms;
    json_t *wire = read_value(r, NULL);
    bool well = wire && aws_value_time(wire, &ms);
    json_decref(wire);
    return well ? aws_value_time_json(ms) : mistyped(r, member);
}

/** The value that comes next, by its member's shape; by its own form where there is no member. */
static json_t *read_value(reader *r, const aws_member *member)
{
    const aws_shape *shape = member ? aws_member_shape(member) : NULL;
    char form = peek(r);
    if (form == 'n' || !shape || aws_shape_is_document(shape)) {
        return form == '{' ? read_map(r, NULL) : form == '[' ? read_list(r, NULL) : read_scalar(r);
    }
    switch (aws_shape_type(shape)) {
    case AWS_STRUCTURE: return form == '{' ? read_structure(r, shape) : mistyped(r, member);
    case AWS_MAP: return form == '{' ? read_map(r, aws_shape_element(shape)) : mistyped(r, member);
    case AWS_LIST: return form == '[' ? read_list(r, aws_shape_element(shape)) : mistyped(r, member);
    case AWS_TIMESTAMP: return read_time(r, member);
    default: return read_value(r, NULL);
    }
}

static reader reader_of(const char *bytes, size_t len, rip_error *err)
{
    if (len == 0) bytes = ""; /* may be NULL */
    return (reader){.at = bytes, .end = bytes + len, .err = err};
}

/** All of `r`'s text is one value. */
static json_t *finish(reader *r, json_t *value)
{
    if (value && (peek(r) || r->at < r->end)) broken(r, "more than one value");
    rip_buffer_free(&r->room);
    if (!value && !r->broken) (void)rip_nomem(r->err);
    return whole_or_null(r, value);
}

json_t *aws_json_load(const char *bytes, size_t len, rip_error *err)
{
    rip_error own;
    reader r = reader_of(bytes, len, err ? err : &own);
    return finish(&r, read_value(&r, NULL));
}

json_t *aws_json_read(const aws_shape *shape, const char *bytes, size_t len, rip_error *err)
{
    rip_error own;
    if (!shape) return json_object();
    if (aws_shape_is_document(shape)) return aws_json_load(bytes, len, err);
    reader r = reader_of(bytes, len, err ? err : &own);
    if (peek(&r) == '{' || r.at == r.end) return finish(&r, read_structure(&r, shape));
    rip_fail(r.err, RIP_EIO, "the reply is not a JSON object");
    return NULL;
}
