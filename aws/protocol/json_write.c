/* JSON bodies of requests, written by their shapes in one pass: AWS JSON 1.0 and 1.1, and rest-json. */
#include <stdint.h>
#include <string.h>

#include "aws/protocol/private.h"
#include "engine/base/escape.h"
#include "engine/base/json.h"

static rip_status write_value(rip_buffer *out, const aws_member *member, const json_t *value, unsigned depth,
                              rip_error *err);

static void write_text(rip_buffer *out, const char *text, size_t len)
{
    rip_escape_json(out, text, len, SIZE_MAX);
}

static void write_name(rip_buffer *out, const char *name)
{
    char last = out->len ? out->data[out->len - 1] : '{';
    if (last != '{') rip_buffer_putc(out, ',');
    write_text(out, name, strlen(name));
    rip_buffer_putc(out, ':');
}

static rip_status write_time(rip_buffer *out, const aws_member *member, const json_t *value, rip_error *err)
{
    int64_t ms;
    if (!aws_value_time(value, &ms))
        return rip_fail(err, RIP_EINVAL, "%s: expected an RFC 3339 time or seconds since 1970",
                        aws_member_name(member));
    aws_time_format format = aws_value_time_format(member, AWS_TIME_UNIX);
    if (format != AWS_TIME_UNIX) rip_buffer_putc(out, '"');
    aws_value_write_time(out, ms, format);
    if (format != AWS_TIME_UNIX) rip_buffer_putc(out, '"');
    return RIP_OK;
}

static rip_status write_structure(rip_buffer *out, const aws_shape *shape, const json_t *value, unsigned depth,
                                  rip_error *err)
{
    const char *name;
    json_t *each;
    rip_status status = RIP_OK;
    rip_buffer_putc(out, '{');
    json_object_foreach ((json_t *)(uintptr_t)value, name, each) {
        const aws_member *member = aws_shape_member(shape, name);
        if (!member || aws_member_location(member) != AWS_IN_BODY) continue;
        write_name(out, aws_member_location_name(member));
        status = write_value(out, member, each, depth, err);
        if (status != RIP_OK) return status;
    }
    rip_buffer_putc(out, '}');
    return RIP_OK;
}

static rip_status write_list(rip_buffer *out, const aws_shape *shape, const json_t *value, unsigned depth,
                             rip_error *err)
{
    json_t *each;
    size_t i;
    rip_buffer_putc(out, '[');
    json_array_foreach (value, i, each) {
        if (i > 0) rip_buffer_putc(out, ',');
        rip_status status = write_value(out, aws_shape_element(shape), each, depth, err);
        if (status != RIP_OK) return status;
    }
    rip_buffer_putc(out, ']');
    return RIP_OK;
}

static rip_status write_map(rip_buffer *out, const aws_shape *shape, const json_t *value, unsigned depth,
                            rip_error *err)
{
    const char *key;
    json_t *each;
    rip_buffer_putc(out, '{');
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        write_name(out, key);
        rip_status status = write_value(out, aws_shape_element(shape), each, depth, err);
        if (status != RIP_OK) return status;
    }
    rip_buffer_putc(out, '}');
    return RIP_OK;
}

static rip_status write_as_it_is(rip_buffer *out, const json_t *value, rip_error *err)
{
    if (!json_is_string(value)) return rip_json_write(out, value, 0, err);
    write_text(out, json_string_value(value), json_string_length(value));
    return RIP_OK;
}

static rip_status write_value(rip_buffer *out, const aws_member *member, const json_t *value, unsigned depth,
                              rip_error *err)
{
    const aws_shape *shape = aws_member_shape(member);
    if (depth > AWS_DEPTH_MAX)
        return rip_fail(err, RIP_ELIMIT, "%s: nested deeper than %d", aws_member_name(member), AWS_DEPTH_MAX);
    if (aws_shape_is_document(shape)) return write_as_it_is(out, value, err);
    switch (aws_shape_type(shape)) {
    case AWS_STRUCTURE: return write_structure(out, shape, value, depth + 1, err);
    case AWS_LIST: return write_list(out, shape, value, depth + 1, err);
    case AWS_MAP: return write_map(out, shape, value, depth + 1, err);
    case AWS_TIMESTAMP: return write_time(out, member, value, err);
    default: return write_as_it_is(out, value, err);
    }
}

rip_status aws_json_write(rip_buffer *out, const aws_shape *shape, const json_t *value, rip_error *err)
{
    rip_status status = RIP_OK;
    if (!shape)
        rip_buffer_puts(out, "{}");
    else if (aws_shape_is_document(shape))
        status = write_as_it_is(out, value, err);
    else
        status = write_structure(out, shape, value, 0, err);
    return status == RIP_OK ? rip_buffer_status(out, err) : status;
}
