/* JSON bodies: AWS JSON 1.0 and 1.1, and the bodies of rest-json. */
#include <stdint.h>
#include <string.h>

#include "aws/protocol/private.h"

static json_t *write_value(const aws_member *member, const json_t *value, unsigned depth, rip_error *err);

static json_t *write_time(const aws_member *member, const json_t *value, rip_error *err)
{
    int64_t ms;
    if (!aws_value_time(value, &ms)) {
        rip_fail(err, RIP_EINVAL, "%s: expected an RFC 3339 time or seconds since 1970", aws_member_name(member));
        return NULL;
    }
    aws_time_format format = aws_value_time_format(member, AWS_TIME_UNIX);
    if (format == AWS_TIME_UNIX) return ms % 1000 ? json_real((double)ms / 1000) : json_integer(ms / 1000);
    rip_buffer text = {0};
    aws_value_write_time(&text, ms, format);
    json_t *wire = json_stringn(text.data ? text.data : "", text.len);
    rip_buffer_free(&text);
    return wire;
}

static json_t *write_structure(const aws_shape *shape, const json_t *value, unsigned depth, rip_error *err)
{
    json_t *wire = json_object(), *each;
    const char *name;
    json_object_foreach ((json_t *)(uintptr_t)value, name, each) {
        const aws_member *member = aws_shape_member(shape, name);
        if (!member || aws_member_location(member) != AWS_IN_BODY) continue;
        json_t *written = write_value(member, each, depth, err);
        if (!written || json_object_set_new(wire, aws_member_location_name(member), written) != 0) {
            json_decref(wire);
            return NULL;
        }
    }
    return wire;
}

static json_t *write_list(const aws_shape *shape, const json_t *value, unsigned depth, rip_error *err)
{
    json_t *wire = json_array(), *each;
    size_t i;
    json_array_foreach (value, i, each) {
        json_t *written = write_value(aws_shape_element(shape), each, depth, err);
        if (!written || json_array_append_new(wire, written) != 0) {
            json_decref(wire);
            return NULL;
        }
    }
    return wire;
}

static json_t *write_map(const aws_shape *shape, const json_t *value, unsigned depth, rip_error *err)
{
    json_t *wire = json_object(), *each;
    const char *key;
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        json_t *written = write_value(aws_shape_element(shape), each, depth, err);
        if (!written || json_object_set_new(wire, key, written) != 0) {
            json_decref(wire);
            return NULL;
        }
    }
    return wire;
}

static json_t *write_value(const aws_member *member, const json_t *value, unsigned depth, rip_error *err)
{
    const aws_shape *shape = aws_member_shape(member);
    if (depth > AWS_DEPTH_MAX) {
        rip_fail(err, RIP_ELIMIT, "%s: nested deeper than %d", aws_member_name(member), AWS_DEPTH_MAX);
        return NULL;
    }
    if (json_is_true(aws_shape_trait(shape, "document"))) return json_incref((json_t *)(uintptr_t)value);
    switch (aws_shape_type(shape)) {
    case AWS_STRUCTURE: return write_structure(shape, value, depth + 1, err);
    case AWS_LIST: return write_list(shape, value, depth + 1, err);
    case AWS_MAP: return write_map(shape, value, depth + 1, err);
    case AWS_TIMESTAMP: return write_time(member, value, err);
    default: return json_incref((json_t *)(uintptr_t)value);
    }
}

json_t *aws_json_write(const aws_shape *shape, const json_t *value, rip_error *err)
{
    if (!shape) return json_object();
    if (json_is_true(aws_shape_trait(shape, "document"))) return json_incref((json_t *)(uintptr_t)value);
    return write_structure(shape, value, 0, err);
}

/* From the wire. */

static void replace_nul(json_t *value)
{
    const char *key;
    json_t *each;
    size_t i;
    if (json_is_object(value)) {
        json_object_foreach (value, key, each) replace_nul(each);
    } else if (json_is_array(value)) {
        json_array_foreach (value, i, each) replace_nul(each);
    } else if (json_is_string(value) && strlen(json_string_value(value)) < json_string_length(value)) {
        rip_buffer text = {0};
        const char *from = json_string_value(value);
        for (i = 0; i < json_string_length(value); i++) {
            if (from[i])
                rip_buffer_putc(&text, from[i]);
            else
                rip_buffer_puts(&text, "\xEF\xBF\xBD");
        }
        json_string_setn(value, text.data ? text.data : "", text.len);
        rip_buffer_free(&text);
    }
}

json_t *aws_json_load(const char *bytes, size_t len, rip_error *err)
{
    static const char NUL[] = "\\u0000";
    json_error_t where;
    bool has_nul = len > 0 && memmem(bytes, len, NUL, sizeof NUL - 1);
    json_t *wire = json_loadb(bytes ? bytes : "", len, JSON_DECODE_ANY | (has_nul ? JSON_ALLOW_NUL : 0), &where);
    if (!wire)
        rip_fail(err, RIP_EIO, "the reply is no JSON that can be read: line %d: %s", where.line, where.text);
    else if (has_nul)
        replace_nul(wire);
    return wire;
}

static json_t *read_value(const aws_member *member, const json_t *wire, unsigned depth, rip_error *err);

static json_t *mistyped(const aws_member *member, rip_error *err)
{
    rip_fail(err, RIP_EIO, "the reply's %s is not of the type that the API model tells", aws_member_name(member));
    return NULL;
}

/* A choice that the model does not know yet is told by its name. */
static void note_unknown(json_t *value, const json_t *wire)
{
    const char *name;
    json_t *each;
    json_object_foreach ((json_t *)(uintptr_t)wire, name, each) {
        if (json_is_null(each) || strcmp(name, "__type") == 0) continue;
        json_object_set_new(value, AWS_UNKNOWN_MEMBER, json_pack("{s:s}", "name", name));
        return;
    }
}

static json_t *read_structure(const aws_shape *shape, const json_t *wire, unsigned depth, rip_error *err)
{
    json_t *value = json_object();
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        const json_t *own = json_object_get(wire, aws_member_location_name(member));
        if (!own || json_is_null(own) || aws_member_location(member) != AWS_IN_BODY) continue;
        json_t *read = read_value(member, own, depth, err);
        if (!read || json_object_set_new(value, aws_member_name(member), read) != 0) {
            json_decref(value);
            return NULL;
        }
    }
    if (json_is_true(aws_shape_trait(shape, "union")) && json_object_size(value) == 0) note_unknown(value, wire);
    return value;
}

static json_t *read_list(const aws_member *member, const aws_shape *shape, const json_t *wire, unsigned depth,
                         rip_error *err)
{
    if (!json_is_array(wire)) return mistyped(member, err);
    json_t *value = json_array(), *each;
    size_t i;
    json_array_foreach (wire, i, each) {
        json_t *read = json_is_null(each) ? json_null() : read_value(aws_shape_element(shape), each, depth, err);
        if (!read || json_array_append_new(value, read) != 0) {
            json_decref(value);
            return NULL;
        }
    }
    return value;
}

static json_t *read_map(const aws_member *member, const aws_shape *shape, const json_t *wire, unsigned depth,
                        rip_error *err)
{
    if (!json_is_object(wire)) return mistyped(member, err);
    json_t *value = json_object(), *each;
    const char *key;
    json_object_foreach ((json_t *)(uintptr_t)wire, key, each) {
        if (json_is_null(each)) continue;
        json_t *read = read_value(aws_shape_element(shape), each, depth, err);
        if (!read || json_object_set_new(value, key, read) != 0) {
            json_decref(value);
            return NULL;
        }
    }
    return value;
}

static json_t *read_value(const aws_member *member, const json_t *wire, unsigned depth, rip_error *err)
{
    const aws_shape *shape = aws_member_shape(member);
    int64_t ms;
    if (depth > AWS_DEPTH_MAX) {
        rip_fail(err, RIP_EIO, "the reply nests deeper than %d", AWS_DEPTH_MAX);
        return NULL;
    }
    if (json_is_true(aws_shape_trait(shape, "document"))) return json_incref((json_t *)(uintptr_t)wire);
    switch (aws_shape_type(shape)) {
    case AWS_STRUCTURE:
        if (!json_is_object(wire)) return mistyped(member, err);
        return read_structure(shape, wire, depth + 1, err);
    case AWS_LIST: return read_list(member, shape, wire, depth + 1, err);
    case AWS_MAP: return read_map(member, shape, wire, depth + 1, err);
    case AWS_TIMESTAMP: return aws_value_time(wire, &ms) ? aws_value_time_json(ms) : mistyped(member, err);
    default: return json_incref((json_t *)(uintptr_t)wire);
    }
}

json_t *aws_json_read(const aws_shape *shape, const json_t *wire, rip_error *err)
{
    if (!shape) return json_object();
    if (json_is_true(aws_shape_trait(shape, "document"))) return json_incref((json_t *)(uintptr_t)wire);
    if (!json_is_object(wire)) {
        rip_fail(err, RIP_EIO, "the reply is not a JSON object");
        return NULL;
    }
    return read_structure(shape, wire, 0, err);
}
