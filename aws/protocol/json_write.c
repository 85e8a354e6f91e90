/* JSON bodies of requests: AWS JSON 1.0 and 1.1, and rest-json. */
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
    if (aws_shape_is_document(shape)) return json_incref((json_t *)(uintptr_t)value);
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
    if (aws_shape_is_document(shape)) return json_incref((json_t *)(uintptr_t)value);
    return write_structure(shape, value, 0, err);
}
