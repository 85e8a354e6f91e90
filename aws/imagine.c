/* Values made from shapes alone: replies for a dry run. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "aws/model.h"

#define IMAGINE_DEPTH 6 /* enough for a service inside a reply; deeper parts are left out */
#define PATH_MAX_LEN 256

typedef struct imagining {
    const json_t *params;
    aws_unknown_fn unknown;
    void *data;
} imagining;

/* The request's own value for a member, from its top or one level down ("cluster" as it was asked for). */
static json_t *given(const json_t *params, const char *name)
{
    json_t *value = json_object_get(params, name);
    if (value) return value;
    const char *key;
    json_t *inner;
    json_object_foreach ((json_t *)(uintptr_t)params, key, inner) {
        value = json_is_object(inner) ? json_object_get(inner, name) : NULL;
        if (value) return value;
    }
    return NULL;
}

static bool fits(const aws_shape *shape, const json_t *value)
{
    switch (aws_shape_type(shape)) {
    case AWS_STRUCTURE:
    case AWS_MAP: return json_is_object(value);
    case AWS_LIST: return json_is_array(value);
    case AWS_STRING:
    case AWS_BLOB:
    case AWS_TIMESTAMP: return json_is_string(value);
    case AWS_INTEGER:
    case AWS_LONG:
    case AWS_FLOAT:
    case AWS_DOUBLE: return json_is_number(value);
    case AWS_BOOLEAN: return json_is_boolean(value);
    }
    return false;
}

static json_t *imagine(const imagining *how, const aws_shape *shape, const char *path, unsigned depth)
{
    switch (aws_shape_type(shape)) {
    case AWS_STRUCTURE: {
        json_t *object = json_object();
        for (size_t i = 0; object && depth < IMAGINE_DEPTH && i < aws_shape_member_count(shape); i++) {
            const aws_member *member = aws_shape_member_at(shape, i);
            const char *name = aws_member_name(member);
            const aws_shape *inner = aws_member_shape(member);
            json_t *own = given(how->params, name);
            char place[PATH_MAX_LEN];
            snprintf(place, sizeof place, "%s%s%s", path, *path ? "." : "", name);
            if (own && fits(inner, own))
                json_object_set_new(object, name, json_deep_copy(own));
            else
                json_object_set_new(object, name, imagine(how, inner, place, depth + 1));
        }
        return object;
    }
    case AWS_LIST: return json_array();
    case AWS_MAP: return json_object();
    case AWS_INTEGER:
    case AWS_LONG: return json_integer(0);
    case AWS_FLOAT:
    case AWS_DOUBLE: return json_real(0);
    case AWS_BOOLEAN: return json_false();
    case AWS_STRING:
    case AWS_BLOB:
    case AWS_TIMESTAMP: break;
    }
    return how->unknown(how->data, path, shape);
}

json_t *aws_output_imagine(const aws_operation *operation, const json_t *params, aws_unknown_fn unknown, void *data)
{
    const aws_shape *output = aws_operation_output(operation);
    imagining how = {params, unknown, data};
    return output ? imagine(&how, output, "", 0) : json_object();
}
