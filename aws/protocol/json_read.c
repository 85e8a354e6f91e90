/* JSON replies, read by their shapes in one pass: no tree of the wire's form is built first (docs/adr/0009). Tokens,
 * and what no shape tells, are the common scanner's. */
#include <string.h>

#include "aws/protocol/private.h"
#include "engine/base/json_scan.h"

typedef struct reader {
    rip_json_scan scan;
    const aws_member *mistyped; /* why the scanner was stopped */
} reader;

static json_t *read_value(reader *r, const aws_member *member);

static json_t *mistyped(reader *r, const aws_member *member)
{
    if (r->scan.status == RIP_OK) r->mistyped = member;
    rip_json_stop(&r->scan, RIP_EINVAL, "another type");
    return NULL;
}

static void keep(reader *r, int failure)
{
    if (failure) rip_json_stop(&r->scan, RIP_ENOMEM, "out of memory");
}

static json_t *whole_or_null(const reader *r, json_t *value)
{
    if (r->scan.status == RIP_OK) return value;
    json_decref(value);
    return NULL;
}

/* Lists and objects. */

static json_t *read_list(reader *r, const aws_member *element)
{
    json_t *list = json_array();
    rip_json_enter(&r->scan, '[');
    for (bool first = true; rip_json_next(&r->scan, ']', first); first = false) {
        keep(r, json_array_append_new(list, read_value(r, element)));
    }
    return whole_or_null(r, list);
}

static json_t *read_map(reader *r, const aws_member *element)
{
    json_t *map = json_object();
    rip_buffer room = {0}; /* the key outlives the reading of its value */
    rip_json_text key = {0};
    rip_json_enter(&r->scan, '{');
    for (bool first = true; rip_json_next(&r->scan, '}', first); first = false) {
        if (!rip_json_take_text(&r->scan, &room, &key) || !rip_json_take(&r->scan, ':')) break;
        json_t *value = read_value(r, element);
        if (!json_is_null(value)) keep(r, json_object_setn_new_nocheck(map, key.at, key.len, value));
    }
    rip_buffer_free(&room);
    return whole_or_null(r, map);
}

/** The body's member of that name on the wire. `hint`: where it likely is, since services keep to the model's order. */
static const aws_member *find_member(const aws_shape *shape, rip_json_text name, size_t *hint)
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
    rip_json_text name = {0};
    rip_json_enter(&r->scan, '{');
    for (bool first = true; rip_json_next(&r->scan, '}', first); first = false) {
        if (!rip_json_take_text(&r->scan, &r->scan.room, &name)) break;
        const aws_member *member = find_member(shape, name, &hint);
        bool odd =
            !member && !unknown && aws_shape_is_union(shape) && !(name.len == 6 && !memcmp(name.at, "__type", 6));
        json_t *told = odd ? json_stringn_nocheck(name.at, name.len) : NULL;
        json_t *own = rip_json_take(&r->scan, ':') ? read_value(r, member) : NULL;
        if (told && own && !json_is_null(own))
            unknown = told;
        else
            json_decref(told);
        if (!member || json_is_null(own))
            json_decref(own);
        else
            keep(r, json_object_set_new_nocheck(value, aws_member_name(member), own));
    }
    if (unknown && json_object_size(value) == 0)
        json_object_set_new(value, AWS_UNKNOWN_MEMBER, json_pack("{s:O}", "name", unknown));
    json_decref(unknown);
    return whole_or_null(r, value);
}

static json_t *read_time(reader *r, const aws_member *member)
{
    int64_t ms;
    json_t *wire = rip_json_value(&r->scan);
    bool well = wire && aws_value_time(wire, &ms);
    json_decref(wire);
    return well ? aws_value_time_json(ms) : mistyped(r, member);
}

/** The value that comes next, by its member's shape; by its own form where there is no member. */
static json_t *read_value(reader *r, const aws_member *member)
{
    const aws_shape *shape = member ? aws_member_shape(member) : NULL;
    char form = rip_json_peek(&r->scan);
    if (form == 'n' || !shape || aws_shape_is_document(shape)) return rip_json_value(&r->scan);
    switch (aws_shape_type(shape)) {
    case AWS_STRUCTURE: return form == '{' ? read_structure(r, shape) : mistyped(r, member);
    case AWS_MAP: return form == '{' ? read_map(r, aws_shape_element(shape)) : mistyped(r, member);
    case AWS_LIST: return form == '[' ? read_list(r, aws_shape_element(shape)) : mistyped(r, member);
    case AWS_TIMESTAMP: return read_time(r, member);
    default: return rip_json_value(&r->scan);
    }
}

static reader reader_of(const char *bytes, size_t len)
{
    if (len == 0) bytes = ""; /* may be NULL */
    return (reader){.scan = {.at = bytes,
                             .end = bytes + len,
                             .depth_max = AWS_DEPTH_MAX,
                             .nul = RIP_JSON_NUL_REPLACED,
                             .repeats = true}};
}

static void tell(const reader *r, rip_error *err)
{
    const rip_json_scan *s = &r->scan;
    if (s->status == RIP_ENOMEM)
        (void)rip_nomem(err);
    else if (s->status == RIP_ELIMIT)
        rip_fail(err, RIP_EIO, "the reply nests deeper than %d", AWS_DEPTH_MAX);
    else if (r->mistyped)
        rip_fail(err, RIP_EIO, "the reply's %s is not of the type that the API model tells",
                 aws_member_name(r->mistyped));
    else
        rip_fail(err, RIP_EIO, "the reply is no JSON that can be read: %s, %zu bytes before its end", s->wrong,
                 (size_t)(s->end - s->fault));
}

/** All of `r`'s text is one value. */
static json_t *finish(reader *r, json_t *value, rip_error *err)
{
    if (!value) keep(r, -1);
    rip_json_peek(&r->scan);
    if (r->scan.at < r->scan.end) rip_json_stop(&r->scan, RIP_EINVAL, "more than one value");
    rip_buffer_free(&r->scan.room);
    if (r->scan.status != RIP_OK) tell(r, err);
    return whole_or_null(r, value);
}

json_t *aws_json_load(const char *bytes, size_t len, rip_error *err)
{
    reader r = reader_of(bytes, len);
    return finish(&r, rip_json_value(&r.scan), err);
}

/** What is answered where the model has no output: whatever it is, but for a page of somebody else's. */
static json_t *nothing(const char *bytes, size_t len, rip_error *err)
{
    reader r = reader_of(bytes, len);
    if (rip_json_peek(&r.scan) != '<') return json_object();
    rip_fail(err, RIP_EIO, "the reply is no JSON that can be read: it is another page");
    return NULL;
}

json_t *aws_json_read(const aws_shape *shape, const char *bytes, size_t len, rip_error *err)
{
    if (!shape) return nothing(bytes, len, err);
    if (aws_shape_is_document(shape)) return aws_json_load(bytes, len, err);
    reader r = reader_of(bytes, len);
    if (rip_json_peek(&r.scan) == '{' || r.scan.at == r.scan.end) return finish(&r, read_structure(&r, shape), err);
    rip_fail(err, RIP_EIO, "the reply is not a JSON object");
    return NULL;
}
