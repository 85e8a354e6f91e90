/* JSON from values. A depth that is bounded does for loops what jansson's dumper keeps a table of all open values for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/json_scan.h"

typedef struct member {
    const char *name;
    size_t len;
    const json_t *value;
} member;

typedef struct writer {
    rip_buffer *out;
    bool sorted;
    unsigned depth;
    member *open; /* the members, sorted, of all objects that are being written: the innermost's last */
    size_t used, room;
    rip_error *err;
} writer;

static rip_status write_value(writer *w, const json_t *value);

/** rip_buffer_append without its NUL, for the many short ones; rip_json_write sets one at the end. */
static inline void put(rip_buffer *out, const char *bytes, size_t len)
{
    if (out->cap - out->len <= len && !rip_buffer_reserve(out, len)) return;
    memcpy(out->data + out->len, bytes, len);
    out->len += len;
}

/* Scalars. */

static void put_escape(rip_buffer *out, char c)
{
    static const char MEANT[] = "\"\\\b\f\n\r\t", NAMES[] = "\"\\bfnrt", HEX[] = "0123456789ABCDEF";
    const char *named = c ? strchr(MEANT, c) : NULL;
    char escape[] = "\\u00..";
    size_t len = sizeof escape - 1;
    if (named) {
        escape[1] = NAMES[named - MEANT];
        len = 2;
    }
    escape[4] = HEX[c >> 4 & 0xF];
    escape[5] = HEX[c & 0xF];
    put(out, escape, len);
}

static rip_status write_text(writer *w, const char *text, size_t len)
{
    const char *end = text + len;
    put(w->out, "\"", 1);
    for (const char *at = text;; at++) {
        const char *plain = rip_json_plain(at, end);
        put(w->out, at, (size_t)(plain - at));
        at = plain;
        if (at == end) break;
        if ((unsigned char)*at >= 0x80) return rip_fail(w->err, RIP_EINVAL, "a text is no UTF-8");
        put_escape(w->out, *at);
    }
    put(w->out, "\"", 1);
    return RIP_OK;
}

static void write_integer(rip_buffer *out, json_int_t value)
{
    char text[20]; /* of -2^63 */
    char *at = text + sizeof text;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
    } while (rest /= 10);
    if (value < 0) *--at = '-';
    put(out, at, (size_t)(text + sizeof text - at));
}

/** jansson's versions differ in the digits they write. */
static rip_status write_real(writer *w, const json_t *value)
{
    char text[64];
    size_t len = json_dumpb(value, text, sizeof text, JSON_ENCODE_ANY);
    if (len == 0 || len > sizeof text) return rip_nomem(w->err);
    put(w->out, text, len);
    return RIP_OK;
}

/* Arrays and objects. */

static rip_status write_array(writer *w, const json_t *array)
{
    rip_status status = RIP_OK;
    size_t count = json_array_size(array);
    put(w->out, "[", 1);
    for (size_t i = 0; i < count && status == RIP_OK; i++) {
        if (i > 0) put(w->out, ",", 1);
        status = write_value(w, json_array_get(array, i));
    }
    put(w->out, "]", 1);
    return status;
}

static rip_status write_member(writer *w, const member *m, bool first)
{
    if (!first) put(w->out, ",", 1);
    rip_status status = write_text(w, m->name, m->len);
    put(w->out, ":", 1);
    return status == RIP_OK ? write_value(w, m->value) : status;
}

static member member_of(void *at)
{
    return (member){json_object_iter_key(at), json_object_iter_key_len(at), json_object_iter_value(at)};
}

static int by_name(const void *one, const void *other)
{
    const member *a = one, *b = other;
    int order = memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static bool open_sorted(writer *w, json_t *object)
{
    size_t from = w->used, need = from + json_object_size(object);
    if (need > w->room) {
        member *open = realloc(w->open, 2 * need * sizeof *open);
        if (!open) return false;
        w->open = open;
        w->room = 2 * need;
    }
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at))
        w->open[w->used++] = member_of(at);
    if (w->used > from) qsort(w->open + from, w->used - from, sizeof *w->open, by_name);
    return true;
}

static rip_status write_sorted(writer *w, json_t *object)
{
    rip_status status = RIP_OK;
    size_t from = w->used;
    if (!open_sorted(w, object)) return rip_nomem(w->err);
    size_t to = w->used;
    for (size_t i = from; i < to && status == RIP_OK; i++) {
        member m = w->open[i]; /* they may move meanwhile */
        status = write_member(w, &m, i == from);
    }
    w->used = from;
    return status;
}

static bool is_named(const member *m, const char *const *names)
{
    for (; names && *names; names++) {
        if (strcmp(m->name, *names) == 0) return true;
    }
    return false;
}

/* All but those that are named. */
static rip_status write_in_order(writer *w, json_t *object, const char *const *names)
{
    rip_status status = RIP_OK;
    bool first = true;
    for (void *at = json_object_iter(object); at && status == RIP_OK; at = json_object_iter_next(object, at)) {
        member m = member_of(at);
        if (is_named(&m, names)) continue;
        status = write_member(w, &m, first);
        first = false;
    }
    return status;
}

static rip_status write_object(writer *w, json_t *object)
{
    put(w->out, "{", 1);
    rip_status status = w->sorted ? write_sorted(w, object) : write_in_order(w, object, NULL);
    put(w->out, "}", 1);
    return status;
}

static rip_status write_nested(writer *w, const json_t *value)
{
    if (++w->depth > RIP_JSON_DEPTH_MAX)
        return rip_fail(w->err, RIP_ELIMIT, "a value nests deeper than %d", RIP_JSON_DEPTH_MAX);
    rip_status status = json_is_array(value) ? write_array(w, value) : write_object(w, (json_t *)(uintptr_t)value);
    w->depth--;
    return status;
}

static rip_status write_value(writer *w, const json_t *value)
{
    if (!value) return rip_fail(w->err, RIP_EINVAL, "a value is missing");
    switch (json_typeof(value)) {
    case JSON_NULL: put(w->out, "null", 4); return RIP_OK;
    case JSON_TRUE: put(w->out, "true", 4); return RIP_OK;
    case JSON_FALSE: put(w->out, "false", 5); return RIP_OK;
    case JSON_INTEGER: write_integer(w->out, json_integer_value(value)); return RIP_OK;
    case JSON_REAL: return write_real(w, value);
    case JSON_STRING: return write_text(w, json_string_value(value), json_string_length(value));
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    return write_nested(w, value);
}

/* What was begun before it failed is taken back. */
static rip_status finish(writer *w, rip_status status, size_t before)
{
    rip_buffer *out = w->out;
    free(w->open);
    if (status != RIP_OK) out->len = before;
    if (out->data) out->data[out->len] = '\0';
    return status == RIP_OK ? rip_buffer_status(out, w->err) : status;
}

rip_status rip_json_write(rip_buffer *out, const json_t *value, unsigned flags, rip_error *err)
{
    size_t before = out->len;
    writer w = {.out = out, .sorted = flags & RIP_JSON_SORTED, .err = err};
    return finish(&w, write_value(&w, value), before);
}

rip_status rip_json_write_without(rip_buffer *out, const json_t *object, const char *const *names, rip_error *err)
{
    size_t before = out->len;
    writer w = {.out = out, .depth = 1, .err = err};
    put(out, "{", 1);
    rip_status status = write_in_order(&w, (json_t *)(uintptr_t)object, names);
    put(out, "}", 1);
    return finish(&w, status, before);
}

static int append(const char *bytes, size_t len, void *out)
{
    rip_buffer_append(out, bytes, len);
    return 0;
}

char *rip_json_dump(const json_t *value, size_t flags)
{
    rip_buffer out = {0};
    if (json_dump_callback(value, append, &out, flags) == 0) return rip_buffer_take(&out, NULL);
    rip_buffer_free(&out);
    return NULL;
}
