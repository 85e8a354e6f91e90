/* Services from documents in the form in which AWS publishes its models. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/model_private.h"
#include "engine/base/buffer.h"
#include "engine/base/json.h"

static int by_line_key(const void *a, const void *b)
{
    const char *const *first = a, *const *second = b;
    return strcmp(*first, *second);
}

static rip_status write_lines(rip_buffer *out, json_t *lines)
{
    size_t count = json_object_size(lines), i = 0;
    const char **keys = calloc(count + 1, sizeof *keys);
    if (!keys) return RIP_ENOMEM;
    const char *key;
    json_t *value;
    json_object_foreach (lines, key, value) keys[i++] = key;
    qsort(keys, count, sizeof *keys, by_line_key);
    for (i = 0; i < count; i++) {
        char *text = rip_json_dump(json_object_get(lines, keys[i]), JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        rip_buffer_printf(out, "%s\t%s\n", keys[i], text ? text : "null");
        free(text);
    }
    free(keys);
    return rip_buffer_status(out, NULL);
}

/* A reference {"shape": "S", traits…} as ["Name", "S", {traits…}]. */
static json_t *reference_of(const char *name, const json_t *from)
{
    json_t *traits = json_copy((json_t *)(uintptr_t)from);
    json_object_del(traits, "shape");
    json_t *reference = json_pack("[s, O]", name, json_object_get(from, "shape"));
    if (json_object_size(traits) > 0) json_array_append(reference, traits);
    json_decref(traits);
    return reference;
}

static json_t *shape_line(const json_t *shape)
{
    json_t *line = json_copy((json_t *)(uintptr_t)shape);
    json_object_set(line, "t", json_object_get(shape, "type"));
    if (json_object_get(shape, "required")) json_object_set(line, "r", json_object_get(shape, "required"));
    const char *name;
    json_t *member, *members = json_array();
    json_object_foreach (json_object_get(shape, "members"), name, member)
        json_array_append_new(members, reference_of(name, member));
    if (json_array_size(members) > 0) json_object_set(line, "m", members);
    json_decref(members);
    if (json_object_get(shape, "member"))
        json_object_set_new(line, "e", reference_of("member", json_object_get(shape, "member")));
    if (json_object_get(shape, "value"))
        json_object_set_new(line, "e", reference_of("value", json_object_get(shape, "value")));
    if (json_object_get(shape, "key"))
        json_object_set_new(line, "k", reference_of("key", json_object_get(shape, "key")));
    static const char *const GONE[] = {"type", "members", "member", "key", "value", "required"};
    for (size_t i = 0; i < sizeof GONE / sizeof *GONE; i++) json_object_del(line, GONE[i]);
    return line;
}

static json_t *operation_line(const json_t *operation)
{
    json_t *line = json_copy((json_t *)(uintptr_t)operation);
    const json_t *http = json_object_get(operation, "http");
    const char *method = json_string_value(json_object_get(http, "method"));
    const char *uri = json_string_value(json_object_get(http, "requestUri"));
    json_object_set_new(line, "http", json_pack("[s, s]", method ? method : "POST", uri ? uri : "/"));
    const json_t *input = json_object_get(operation, "input"), *output = json_object_get(operation, "output");
    if (input) json_object_set_new(line, "in", reference_of("input", input));
    if (output) json_object_set_new(line, "out", reference_of("output", output));
    if (json_object_get(output, "resultWrapper"))
        json_object_set(line, "wrapper", json_object_get(output, "resultWrapper"));
    json_t *errors = json_array(), *error;
    size_t i;
    json_array_foreach (json_object_get(operation, "errors"), i, error)
        json_array_append(errors, json_object_get(error, "shape"));
    json_object_set_new(line, "errors", errors);
    return line;
}

static rip_status document_lines(json_t *lines, const json_t *document)
{
    const char *name;
    json_t *value;
    rip_buffer key = {0};
    json_object_set(lines, "metadata", json_object_get(document, "metadata"));
    json_object_foreach (json_object_get(document, "shapes"), name, value) {
        rip_buffer_clear(&key);
        rip_buffer_printf(&key, "shape:%s", name);
        json_object_set_new(lines, key.data, shape_line(value));
    }
    json_object_foreach (json_object_get(document, "operations"), name, value) {
        rip_buffer_clear(&key);
        rip_buffer_printf(&key, "operation:%s", name);
        json_object_set_new(lines, key.data, operation_line(value));
    }
    rip_status status = rip_buffer_status(&key, NULL);
    rip_buffer_free(&key);
    return status;
}

rip_status aws_models_add_document(aws_models *models, const char *name, const json_t *document, rip_error *err)
{
    json_t *lines = json_object();
    rip_buffer text = {0};
    aws_service *service = aws_service_new(models, name);
    bool well = service && document_lines(lines, document) == RIP_OK && write_lines(&text, lines) == RIP_OK;
    json_decref(lines);
    if (!well) {
        rip_buffer_free(&text);
        if (service) aws_service_free(service);
        return rip_nomem(err);
    }
    service->bytes = rip_buffer_take(&text, &service->len);
    return aws_service_add(models, service, name, err);
}
