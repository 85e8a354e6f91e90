/* Form-encoded requests: the query protocol and EC2's dialect of it. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/protocol/private.h"

typedef struct form {
    rip_buffer *out;
    rip_buffer prefix;
    bool ec2;
    rip_error *err;
    unsigned depth;
} form;

static rip_status write_value(form *f, const aws_member *member, const json_t *value);

/* Put a part onto the prefix; returns its former length, to go back to. */
static size_t enter(form *f, const char *name)
{
    size_t back = f->prefix.len;
    rip_buffer_printf(&f->prefix, "%s%s", back ? "." : "", name);
    return back;
}

static size_t enter_number(form *f, size_t number)
{
    size_t back = f->prefix.len;
    rip_buffer_printf(&f->prefix, "%s%zu", back ? "." : "", number);
    return back;
}

static void leave(form *f, size_t back)
{
    f->prefix.len = back;
    if (f->prefix.data) f->prefix.data[back] = '\0';
}

static void write_pair(form *f, const char *value, size_t len)
{
    rip_buffer_putc(f->out, '&');
    aws_uri_encode(f->out, f->prefix.data ? f->prefix.data : "", f->prefix.len, false);
    rip_buffer_putc(f->out, '=');
    aws_uri_encode(f->out, value, len, false);
}

/* EC2 names a member by its queryName, else by its locationName with a capital, else as it is called. */
static size_t enter_member(form *f, const aws_member *member)
{
    if (!f->ec2) return enter(f, aws_member_location_name(member));
    if (aws_member_query_name(member)) return enter(f, aws_member_query_name(member));
    size_t back = enter(f, aws_member_location_name(member));
    char *first = f->prefix.data ? f->prefix.data + back + (back ? 1 : 0) : NULL;
    if (first) *first = (char)toupper((unsigned char)*first);
    return back;
}

static rip_status write_structure(form *f, const aws_shape *shape, const json_t *value)
{
    /* In the model's order, so that the same parameters give the same bytes. */
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        const json_t *own = json_object_get(value, aws_member_name(member));
        if (!own) continue;
        size_t back = enter_member(f, member);
        rip_status status = write_value(f, member, own);
        leave(f, back);
        if (status != RIP_OK) return status;
    }
    return RIP_OK;
}

static rip_status write_list(form *f, const aws_member *member, const json_t *value)
{
    const aws_shape *shape = aws_member_shape(member);
    const aws_member *element = aws_shape_element(shape);
    size_t i, outer = f->prefix.len;
    json_t *each;
    rip_status status = RIP_OK;
    char *replaced = NULL;
    if (json_array_size(value) == 0) {
        if (!f->ec2) write_pair(f, "", 0);
        return RIP_OK;
    }
    if (!f->ec2 && !json_is_true(aws_member_trait(member, "flattened"))) {
        enter(f, aws_member_has_location_name(element) ? aws_member_location_name(element) : "member");
    } else if (!f->ec2 && aws_member_has_location_name(element)) { /* a flattened list goes by its element's name */
        char *dot = f->prefix.data ? strrchr(f->prefix.data, '.') : NULL;
        replaced = f->prefix.data ? strdup(f->prefix.data) : NULL;
        leave(f, dot ? (size_t)(dot - f->prefix.data) : 0);
        enter(f, aws_member_location_name(element));
    }
    json_array_foreach (value, i, each) {
        size_t back = enter_number(f, i + 1);
        if (status == RIP_OK) status = write_value(f, element, each);
        leave(f, back);
    }
    if (replaced) {
        rip_buffer_clear(&f->prefix);
        rip_buffer_puts(&f->prefix, replaced);
        free(replaced);
    }
    leave(f, outer);
    return status;
}

static rip_status write_map(form *f, const aws_member *member, const json_t *value)
{
    const aws_shape *shape = aws_member_shape(member);
    const aws_member *key_member = aws_shape_key(shape), *value_member = aws_shape_element(shape);
    size_t outer = f->prefix.len, number = 0;
    const char *key;
    json_t *each;
    rip_status status = RIP_OK;
    if (!json_is_true(aws_member_trait(member, "flattened"))) enter(f, "entry");
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        size_t back = enter_number(f, ++number);
        size_t inner =
            enter(f, aws_member_has_location_name(key_member) ? aws_member_location_name(key_member) : "key");
        write_pair(f, key, strlen(key));
        leave(f, inner);
        enter(f, aws_member_has_location_name(value_member) ? aws_member_location_name(value_member) : "value");
        if (status == RIP_OK) status = write_value(f, value_member, each);
        leave(f, back);
    }
    leave(f, outer);
    return status;
}

static rip_status write_value(form *f, const aws_member *member, const json_t *value)
{
    const aws_shape *shape = aws_member_shape(member);
    rip_status status;
    if (f->depth == AWS_DEPTH_MAX)
        return rip_fail(f->err, RIP_ELIMIT, "%s: nested deeper than %d", aws_member_name(member), AWS_DEPTH_MAX);
    f->depth++;
    if (aws_shape_type(shape) == AWS_STRUCTURE) {
        status = write_structure(f, shape, value);
    } else if (aws_shape_type(shape) == AWS_LIST) {
        status = write_list(f, member, value);
    } else if (aws_shape_type(shape) == AWS_MAP) {
        status = write_map(f, member, value);
    } else {
        rip_buffer text = {0};
        status = aws_value_write(&text, member, value, AWS_TIME_ISO8601, f->err);
        if (status == RIP_OK) write_pair(f, text.data ? text.data : "", text.len);
        rip_buffer_free(&text);
    }
    f->depth--;
    return status;
}

rip_status aws_query_write(const aws_operation *operation, const json_t *params, rip_buffer *out, rip_error *err)
{
    const aws_service *service = aws_operation_service(operation);
    const aws_shape *input = aws_operation_input(operation);
    form f = {.out = out, .ec2 = aws_service_protocol(service) == AWS_EC2, .err = err};
    rip_buffer_printf(out, "Action=%s&Version=%s", aws_operation_name(operation), aws_service_api_version(service));
    rip_status status = input ? write_structure(&f, input, params) : RIP_OK;
    if (status == RIP_OK && f.prefix.failed) status = rip_nomem(err);
    rip_buffer_free(&f.prefix);
    return status;
}
