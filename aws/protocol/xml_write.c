/* Values as XML, by their shapes: requests of rest-xml. */
#include <stdint.h>
#include <string.h>

#include "aws/protocol/private.h"

static void write_escaped(rip_buffer *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '<': rip_buffer_puts(out, "&lt;"); break;
        case '>': rip_buffer_puts(out, "&gt;"); break;
        case '&': rip_buffer_puts(out, "&amp;"); break;
        case '"': rip_buffer_puts(out, "&quot;"); break;
        case '\r': rip_buffer_puts(out, "&#xD;"); break;
        case '\n': rip_buffer_puts(out, "&#xA;"); break;
        default: rip_buffer_putc(out, text[i]);
        }
    }
}

static void write_namespace(rip_buffer *out, const aws_member *member)
{
    const json_t *space = aws_member_trait(member, "xmlNamespace");
    const char *uri =
        json_is_object(space) ? json_string_value(json_object_get(space, "uri")) : json_string_value(space);
    const char *prefix = json_string_value(json_object_get(space, "prefix"));
    if (!uri) return;
    rip_buffer_printf(out, " xmlns%s%s=\"", prefix ? ":" : "", prefix ? prefix : "");
    write_escaped(out, uri, strlen(uri));
    rip_buffer_putc(out, '"');
}

static rip_status write_scalar(rip_buffer *out, const aws_member *member, const json_t *value, rip_error *err)
{
    rip_buffer text = {0};
    rip_status status = aws_value_write(&text, member, value, AWS_TIME_ISO8601, err);
    if (status == RIP_OK) write_escaped(out, text.data ? text.data : "", text.len);
    rip_buffer_free(&text);
    return status;
}

static rip_status write_attributes(rip_buffer *out, const aws_shape *shape, const json_t *value, rip_error *err)
{
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        const json_t *own = json_object_get(value, aws_member_name(member));
        if (!own || !json_is_true(aws_member_trait(member, "xmlAttribute"))) continue;
        rip_buffer_printf(out, " %s=\"", aws_member_location_name(member));
        rip_status status = write_scalar(out, member, own, err);
        rip_buffer_putc(out, '"');
        if (status != RIP_OK) return status;
    }
    return RIP_OK;
}

static rip_status write_members(rip_buffer *out, const aws_shape *shape, const json_t *value, rip_error *err)
{
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        const json_t *own = json_object_get(value, aws_member_name(member));
        if (!own || aws_member_location(member) != AWS_IN_BODY ||
            json_is_true(aws_member_trait(member, "xmlAttribute")))
            continue;
        rip_status status = aws_xml_write(out, member, aws_member_location_name(member), own, err);
        if (status != RIP_OK) return status;
    }
    return RIP_OK;
}

static const char *name_or(const aws_member *member, const char *otherwise)
{
    return aws_member_has_location_name(member) ? aws_member_location_name(member) : otherwise;
}

static rip_status write_list(rip_buffer *out, const aws_member *member, const char *name, const json_t *value,
                             rip_error *err)
{
    const aws_member *element = aws_shape_element(aws_member_shape(member));
    bool flat = json_is_true(aws_member_trait(member, "flattened"));
    size_t i;
    json_t *each;
    rip_status status = RIP_OK;
    if (!flat) {
        rip_buffer_printf(out, "<%s", name);
        write_namespace(out, member);
        rip_buffer_putc(out, '>');
    }
    json_array_foreach (value, i, each) {
        if (status == RIP_OK)
            status = aws_xml_write(out, element, flat ? name_or(element, name) : name_or(element, "member"), each, err);
    }
    if (!flat) rip_buffer_printf(out, "</%s>", name);
    return status;
}

static rip_status write_map(rip_buffer *out, const aws_member *member, const char *name, const json_t *value,
                            rip_error *err)
{
    const aws_shape *shape = aws_member_shape(member);
    bool flat = json_is_true(aws_member_trait(member, "flattened"));
    const char *key, *entry = flat ? name : "entry";
    json_t *each;
    rip_status status = RIP_OK;
    if (!flat) rip_buffer_printf(out, "<%s>", name);
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        const char *key_name = name_or(aws_shape_key(shape), "key");
        rip_buffer_printf(out, "<%s><%s>", entry, key_name);
        write_escaped(out, key, strlen(key));
        rip_buffer_printf(out, "</%s>", key_name);
        if (status == RIP_OK)
            status =
                aws_xml_write(out, aws_shape_element(shape), name_or(aws_shape_element(shape), "value"), each, err);
        rip_buffer_printf(out, "</%s>", entry);
    }
    if (!flat) rip_buffer_printf(out, "</%s>", name);
    return status;
}

rip_status aws_xml_write(rip_buffer *out, const aws_member *member, const char *name, const json_t *value,
                         rip_error *err)
{
    const aws_shape *shape = aws_member_shape(member);
    if (aws_shape_type(shape) == AWS_LIST) return write_list(out, member, name, value, err);
    if (aws_shape_type(shape) == AWS_MAP) return write_map(out, member, name, value, err);
    rip_status status = RIP_OK;
    rip_buffer_printf(out, "<%s", name);
    write_namespace(out, member);
    if (aws_shape_type(shape) == AWS_STRUCTURE) {
        status = write_attributes(out, shape, value, err);
        rip_buffer_putc(out, '>');
        size_t start = out->len;
        if (status == RIP_OK) status = write_members(out, shape, value, err);
        if (status == RIP_OK && out->len == start && !out->failed) {
            out->len--; /* nothing in it */
            rip_buffer_puts(out, " />");
            return status;
        }
    } else {
        rip_buffer_putc(out, '>');
        status = write_scalar(out, member, value, err);
    }
    rip_buffer_printf(out, "</%s>", name);
    return status;
}
