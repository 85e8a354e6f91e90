/* One pass over an event's bytes: fields that patterns name are read, the rest is stepped over, by blocks of 64 bytes
 * where it is an object or a list. What is stepped over is followed (strings, brackets), not checked. */
#include <stdlib.h>
#include <string.h>

#include "engine/trigger/document.h"
#include "engine/trigger/set.h"
#include "engine/trigger/simd.h"

#define PADDING 80 /* a block of 64 bytes may begin at the end */

typedef struct scanner {
    trigger_set *set;
    const char *start, *at, *end;
    unsigned depth;
    uint32_t keys;
    rip_error *err;
} scanner;

static rip_status wrong(scanner *s, const char *at, const char *what)
{
    if (at >= s->end)
        return rip_fail(s->err, RIP_EINVAL, "byte %zu: the event ends too early", (size_t)(s->end - s->start));
    return rip_fail(s->err, RIP_EINVAL, "byte %zu: %s", (size_t)(at - s->start), what);
}

static rip_status limit(scanner *s, const char *what, unsigned most)
{
    return rip_fail(s->err, RIP_ELIMIT, "byte %zu: the event has more than %u %s", (size_t)(s->at - s->start), most,
                    what);
}

static inline void skip_space(scanner *s)
{
    while (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r') s->at++;
}

/* Stepping over. */

/* After an opening quote, to after the closing one. */
static rip_status skip_string(scanner *s)
{
    unsigned high = 0;
    for (;;) {
        s->at = simd_string_stop(s->at, &high);
        if (*s->at == '"') break;
        if (*s->at != '\\') return wrong(s, s->at, "a control character in a string must be escaped");
        s->at += 2;
        if (s->at >= s->end) return wrong(s, s->end, "");
    }
    s->at++;
    return RIP_OK;
}

/* Within one block, bracket by bracket: to after the one that closes the container. */
static bool find_close(scanner *s, json_bits bits, unsigned *depth, unsigned *deepest)
{
    for (uint64_t both = bits.opens | bits.closes; both; both &= both - 1) {
        uint64_t lowest = both & (~both + 1);
        if (bits.opens & lowest) {
            if (++*depth > *deepest) *deepest = *depth;
        } else if (--*depth == 0) {
            s->at += __builtin_ctzll(both) + 1;
            return true;
        }
    }
    return false;
}

/* After an opening bracket, to after the one that closes it. */
static rip_status skip_container(scanner *s)
{
    uint64_t carry = 0, inside = 0;
    unsigned depth = 1, deepest = 1;
    for (; s->at < s->end; s->at += 64) {
        json_bits bits = simd_json(s->at);
        bits.quotes &= ~simd_escaped(bits.backslashes, &carry);
        uint64_t strings = simd_parity(bits.quotes) ^ inside;
        inside = (uint64_t)0 - (strings >> 63);
        bits.opens &= ~strings;
        bits.closes &= ~strings;
        unsigned opens = (unsigned)__builtin_popcountll(bits.opens),
                 closes = (unsigned)__builtin_popcountll(bits.closes);
        if (closes < depth && s->depth + depth + opens <= EVENT_DEPTH_MAX) {
            depth += opens - closes;
            continue;
        }
        bool closed = find_close(s, bits, &depth, &deepest);
        if (s->depth + deepest > EVENT_DEPTH_MAX) return limit(s, "levels", EVENT_DEPTH_MAX);
        if (closed) return s->at <= s->end ? RIP_OK : wrong(s, s->end, "");
    }
    return wrong(s, s->end, "");
}

static bool in_scalar(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

static rip_status skip_value(scanner *s)
{
    char c = *s->at;
    if (c == '"') {
        s->at++;
        return skip_string(s);
    }
    if (c == '{' || c == '[') {
        s->at++;
        return skip_container(s);
    }
    const char *from = s->at;
    while (in_scalar(*s->at)) s->at++;
    return s->at > from ? RIP_OK : wrong(s, from, "expected a JSON value");
}

/* Reading. */

/* At a quote: the decoded text, which lives as long as the event is matched. */
static rip_status read_string(scanner *s, const char **text, size_t *len)
{
    const char *from = ++s->at;
    unsigned high = 0;
    s->at = simd_string_stop(s->at, &high);
    if (*s->at == '"' && !high) {
        *text = from;
        *len = (size_t)(s->at++ - from);
        return RIP_OK;
    }
    rip_status status = skip_string(s);
    if (status != RIP_OK) return status;
    size_t raw = (size_t)(s->at - 1 - from), bad = 0;
    trigger_set *set = s->set;
    if (set->decoded_room < set->text_room) { /* once an event: what was decoded before must not move */
        free(set->decoded);
        set->decoded = malloc(set->text_room);
        set->decoded_room = set->decoded ? set->text_room : 0;
        if (!set->decoded) return rip_nomem(s->err);
    }
    char *out = set->decoded + set->decoded_used;
    const char *why = string_decode(from, raw, out, len, &bad);
    if (why) return wrong(s, from + bad, why);
    set->decoded_used += *len;
    *text = out;
    return RIP_OK;
}

static rip_status read_scalar(scanner *s, value *v)
{
    size_t len = 0;
    if (*s->at == '"') {
        rip_status status = read_string(s, &v->text, &len);
        v->kind = VALUE_STRING;
        v->len = (uint32_t)len;
        return status;
    }
    const char *from = s->at;
    while (in_scalar(*s->at)) s->at++;
    len = (size_t)(s->at - from);
    v->text = from;
    v->len = (uint32_t)len;
    v->kind = VALUE_WORD;
    if ((len == 4 && (memcmp(from, "true", 4) == 0 || memcmp(from, "null", 4) == 0)) ||
        (len == 5 && memcmp(from, "false", 5) == 0))
        return RIP_OK;
    v->kind = VALUE_NUMBER;
    return number_is_json(from, len) ? RIP_OK : wrong(s, from, "expected a JSON value");
}

static bool room_for_value(trigger_set *set)
{
    if (set->value_count < set->value_room) return true;
    uint32_t room = set->value_room ? set->value_room * 2 : 64;
    value *grown = realloc(set->values, room * sizeof *grown);
    if (!grown) return false;
    set->values = grown;
    set->value_room = room;
    return true;
}

/* A scalar of a field: keep it, and find what hangs on it. */
static rip_status take_value(scanner *s, path *field, uint32_t in)
{
    trigger_set *set = s->set;
    if (set->value_count >= EVENT_VALUES_MAX) return limit(s, "values", EVENT_VALUES_MAX);
    if (!room_for_value(set)) return rip_nomem(s->err);
    value *v = &set->values[set->value_count];
    *v = (value){.element = in};
    rip_status status = read_scalar(s, v);
    if (status != RIP_OK) return status;
    uint32_t number = ++set->value_count, outer = in ? set->elements[in].outer : 0;
    if (field->generation != set->generation) {
        field->generation = set->generation;
        field->first = number;
        field->outer = outer;
        field->in_array = in != 0;
    } else {
        set->values[field->last - 1].next = number;
        if (field->outer != outer) field->outer = UINT32_MAX;
        field->in_array = field->in_array || in != 0;
    }
    field->last = number;
    index_find(set, field, v);
    return set->out_of_memory ? rip_nomem(s->err) : RIP_OK;
}

static rip_status scan_object(scanner *s, path *p, uint32_t in);
static rip_status scan_array(scanner *s, path *p, uint32_t in);

static rip_status scan_value(scanner *s, path *p, uint32_t in)
{
    rip_status status;
    if (*s->at == '{') {
        s->at++;
        if (p->children == 0) return skip_container(s);
        if (++s->depth > EVENT_DEPTH_MAX) return limit(s, "levels", EVENT_DEPTH_MAX);
        status = scan_object(s, p, in);
        s->depth--;
        return status;
    }
    if (*s->at == '[') {
        s->at++;
        if (++s->depth > EVENT_DEPTH_MAX) return limit(s, "levels", EVENT_DEPTH_MAX);
        status = scan_array(s, p, in);
        s->depth--;
        return status;
    }
    return p->fields ? take_value(s, p, in) : skip_value(s);
}

static rip_status add_element(scanner *s, uint32_t parent, uint32_t array, uint32_t index, uint32_t *out)
{
    trigger_set *set = s->set;
    if (set->element_count + 1 >= set->element_room) {
        uint32_t room = set->element_room ? set->element_room * 2 : 64;
        element *grown = realloc(set->elements, room * sizeof *grown);
        if (!grown) return rip_nomem(s->err);
        set->elements = grown;
        set->element_room = room;
        set->elements[0] = (element){0};
    }
    const element *up = &set->elements[parent];
    *out = ++set->element_count;
    set->elements[*out] = (element){parent, array, index, parent ? up->depth + 1 : 1, parent ? up->outer : array};
    return RIP_OK;
}

/* After '['. Elements that are objects or lists tie the fields in them together; scalars do not. */
static rip_status scan_array(scanner *s, path *p, uint32_t in)
{
    uint32_t array = ++s->set->arrays, index = 0;
    skip_space(s);
    if (*s->at == ']') {
        s->at++;
        return RIP_OK;
    }
    for (;; index++) {
        uint32_t inside = in;
        rip_status status = RIP_OK;
        if ((*s->at == '{' && p->children) || *s->at == '[') status = add_element(s, in, array, index, &inside);
        if (status == RIP_OK) status = scan_value(s, p, inside);
        if (status != RIP_OK) return status;
        skip_space(s);
        if (*s->at == ']') break;
        if (*s->at != ',') return wrong(s, s->at, "expected ',' or ']'");
        s->at++;
        skip_space(s);
    }
    s->at++;
    return RIP_OK;
}

/* The path of a member. A dot in a key is the same as a step down. */
static path *find_member(path *p, const char *name, size_t len)
{
    path *child = path_child(p, name, len);
    const char *dot;
    while (!child && (dot = memchr(name, '.', len))) {
        p = path_child(p, name, (size_t)(dot - name));
        if (!p) return NULL;
        len -= (size_t)(dot + 1 - name);
        name = dot + 1;
        child = path_child(p, name, len);
    }
    return child;
}

/* After '{'. */
static rip_status scan_object(scanner *s, path *p, uint32_t in)
{
    skip_space(s);
    if (*s->at == '}') {
        s->at++;
        return RIP_OK;
    }
    for (;;) {
        const char *name = "";
        size_t len = 0;
        if (*s->at != '"') return wrong(s, s->at, "expected a key in double quotes");
        if (++s->keys > EVENT_KEYS_MAX) return limit(s, "keys", EVENT_KEYS_MAX);
        rip_status status = read_string(s, &name, &len);
        if (status != RIP_OK) return status;
        if (len > KEY_BYTES_MAX) return limit(s, "bytes in a key", KEY_BYTES_MAX);
        skip_space(s);
        if (*s->at != ':') return wrong(s, s->at, "expected ':' after the key");
        s->at++;
        skip_space(s);
        path *child = find_member(p, name, len);
        status = child ? scan_value(s, child, in) : skip_value(s);
        if (status != RIP_OK) return status;
        skip_space(s);
        if (*s->at == '}') break;
        if (*s->at != ',') return wrong(s, s->at, "expected ',' or '}'");
        s->at++;
        skip_space(s);
    }
    s->at++;
    return RIP_OK;
}

static bool copy_text(trigger_set *set, const char *event, size_t len)
{
    if (set->text_room < len + PADDING) {
        free(set->text);
        set->text = malloc(len + PADDING);
        set->text_room = set->text ? len + PADDING : 0;
        if (!set->text) return false;
    }
    if (len) memcpy(set->text, event, len);
    memset(set->text + len, 0, PADDING);
    return true;
}

rip_status event_scan(trigger_set *set, const char *event, size_t len, rip_error *err)
{
    if (len > UINT32_MAX / 2) return rip_fail(err, RIP_ELIMIT, "the event has %zu bytes", len);
    if (!copy_text(set, event, len)) return rip_nomem(err);
    set->decoded_used = 0;
    set->value_count = set->element_count = set->arrays = 0;
    scanner s = {.set = set, .start = set->text, .at = set->text, .end = set->text + len, .depth = 1, .err = err};
    skip_space(&s);
    if (*s.at != '{') return wrong(&s, s.at, "expected an object");
    s.at++;
    rip_status status = scan_object(&s, &set->root, 0);
    if (status != RIP_OK) return status;
    skip_space(&s);
    return s.at == s.end ? RIP_OK : wrong(&s, s.at, "expected the end, found more text");
}
