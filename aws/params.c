/* Parameters checked against the model before anything is sent. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "aws/model.h"
#include "engine/base/buffer.h"
#include "engine/base/escape.h"
#include "engine/base/suggest.h"

#define DEPTH_MAX 64
#define PLACE_MAX 512

typedef struct check {
    json_t *warnings;
    rip_error *err;
    char place[PLACE_MAX];
    unsigned depth;
} check;

static rip_status check_value(check *c, const aws_member *member, const json_t *value);

static rip_status wrong(check *c, const char *what, const json_t *found)
{
    static const char *const TYPES[] = {"an object", "a list", "text",  "a whole number",
                                        "a number",  "true",   "false", "null"};
    return rip_fail(c->err, RIP_EINVAL, "%s: expected %s, found %s", *c->place ? c->place : "parameters", what,
                    TYPES[json_typeof(found)]);
}

/* Put a step onto the place; returns its former length, to go back to. */
static size_t enter(check *c, const char *name, size_t index)
{
    size_t len = strlen(c->place);
    if (name)
        snprintf(c->place + len, PLACE_MAX - len, "%s%s", len ? "." : "", name);
    else
        snprintf(c->place + len, PLACE_MAX - len, "[%zu]", index);
    return len;
}

static rip_status unknown_member(check *c, const aws_shape *shape, const char *name)
{
    const char *names[256];
    size_t count = aws_shape_member_count(shape);
    if (count > 256) count = 256;
    for (size_t i = 0; i < count; i++) names[i] = aws_member_name(aws_shape_member_at(shape, i));
    const char *meant = rip_suggest(name, names, count);
    return rip_fail(c->err, RIP_EINVAL, "%s%s%s: there is no such parameter%s%s", c->place, *c->place ? "." : "", name,
                    meant ? "; did you mean " : "", meant ? meant : "");
}

static rip_status check_structure(check *c, const aws_shape *shape, const json_t *value)
{
    const char *name;
    json_t *each;
    if (!json_is_object(value)) return wrong(c, "an object", value);
    json_object_foreach ((json_t *)(uintptr_t)value, name, each) {
        const aws_member *member = aws_shape_member(shape, name);
        if (!member) return unknown_member(c, shape, name);
        size_t back = enter(c, name, 0);
        rip_status status = check_value(c, member, each);
        if (status != RIP_OK) return status;
        c->place[back] = '\0';
    }
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        if (!aws_member_is_required(member) || aws_member_is_idempotency_token(member)) continue;
        if (json_object_get(value, aws_member_name(member))) continue;
        return rip_fail(c->err, RIP_EINVAL, "%s%s%s: it is required, and missing", c->place, *c->place ? "." : "",
                        aws_member_name(member));
    }
    if (aws_shape_is_union(shape) && json_object_size(value) != 1) {
        return rip_fail(c->err, RIP_EINVAL, "%s: exactly one of its members may be set", c->place);
    }
    return RIP_OK;
}

static rip_status check_list(check *c, const aws_shape *shape, const json_t *value)
{
    if (json_is_object(value) && json_object_size(value) == 0) return RIP_OK; /* Lua's empty table */
    if (!json_is_array(value)) return wrong(c, "a list", value);
    size_t i;
    json_t *each;
    json_array_foreach (value, i, each) {
        size_t back = enter(c, NULL, i);
        rip_status status = check_value(c, aws_shape_element(shape), each);
        if (status != RIP_OK) return status;
        c->place[back] = '\0';
    }
    return RIP_OK;
}

static rip_status check_map(check *c, const aws_shape *shape, const json_t *value)
{
    const char *key;
    json_t *each;
    if (!json_is_object(value)) return wrong(c, "an object", value);
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        size_t back = enter(c, key, 0);
        rip_status status = check_value(c, aws_shape_element(shape), each);
        if (status != RIP_OK) return status;
        c->place[back] = '\0';
    }
    return RIP_OK;
}

static rip_status check_range(check *c, const aws_shape *shape, double value, const char *what)
{
    const json_t *least = aws_shape_trait(shape, "min"), *most = aws_shape_trait(shape, "max");
    if (json_is_number(least) && value < json_number_value(least)) {
        return rip_fail(c->err, RIP_EINVAL, "%s: %s is %g, the least is %g", c->place, what, value,
                        json_number_value(least));
    }
    if (json_is_number(most) && value > json_number_value(most)) { /* AWS raises maxima before models learn of it */
        if (c->warnings) {
            json_array_append_new(c->warnings, json_sprintf("%s: %s is %g, the most is %g", c->place, what, value,
                                                            json_number_value(most)));
        }
    }
    return RIP_OK;
}

static rip_status check_string(check *c, const aws_shape *shape, const json_t *value)
{
    if (!json_is_string(value)) return wrong(c, "text", value);
    const json_t *words = aws_shape_trait(shape, "enum");
    size_t i;
    json_t *word;
    bool known = !words;
    json_array_foreach (words, i, word) known = known || json_equal(word, value);
    if (!known && c->warnings) {
        json_array_append_new(c->warnings, json_sprintf("%s: %s is none of the values that the model knows", c->place,
                                                        json_string_value(value)));
    }
    return check_range(c, shape, (double)json_string_length(value), "its length");
}

static rip_status check_value(check *c, const aws_member *member, const json_t *value)
{
    const aws_shape *shape = aws_member_shape(member);
    rip_status status = RIP_OK;
    if (json_is_null(value)) return rip_fail(c->err, RIP_EINVAL, "%s: it is null: leave it out", c->place);
    if (aws_shape_is_document(shape)) return RIP_OK;
    if (json_is_true(aws_member_trait(member, "jsonvalue"))) return RIP_OK;
    if (++c->depth > DEPTH_MAX) return rip_fail(c->err, RIP_ELIMIT, "%s: nested deeper than %d", c->place, DEPTH_MAX);
    switch (aws_shape_type(shape)) {
    case AWS_STRUCTURE: status = check_structure(c, shape, value); break;
    case AWS_LIST: status = check_list(c, shape, value); break;
    case AWS_MAP: status = check_map(c, shape, value); break;
    case AWS_STRING: status = check_string(c, shape, value); break;
    case AWS_BLOB:
        if (!json_is_string(value)) status = wrong(c, "base64 text", value);
        break;
    case AWS_INTEGER:
    case AWS_LONG:
        if (json_is_integer(value))
            status = check_range(c, shape, json_number_value(value), "it");
        else
            status = wrong(c, "a whole number", value);
        break;
    case AWS_FLOAT:
    case AWS_DOUBLE:
        if (!json_is_number(value) && !json_is_string(value)) status = wrong(c, "a number", value);
        break;
    case AWS_BOOLEAN:
        if (!json_is_boolean(value)) status = wrong(c, "true or false", value);
        break;
    case AWS_TIMESTAMP:
        if (!json_is_string(value) && !json_is_number(value)) status = wrong(c, "an RFC 3339 time or seconds", value);
        break;
    }
    c->depth--;
    return status;
}

rip_status aws_params_check(const aws_operation *operation, const json_t *params, json_t *warnings, rip_error *err)
{
    rip_error own;
    check c = {.warnings = warnings, .err = err ? err : &own};
    const aws_shape *input = aws_operation_input(operation);
    rip_status status = RIP_OK;
    if (input)
        status = check_structure(&c, input, params);
    else if (json_object_size(params) > 0)
        status = rip_fail(c.err, RIP_EINVAL, "it takes no parameters");
    if (status != RIP_OK)
        rip_error_prefix(c.err, "%s:%s: ", aws_service_name(aws_operation_service(operation)),
                         aws_operation_name(operation));
    return status;
}
