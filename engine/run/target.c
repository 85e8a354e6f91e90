#include "engine/run/target.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/data.h"

#define FILE_MAX_BYTES (1 << 20)

struct run_targets {
    json_t *services; /* the file: service -> {"params", "references", "tags"} */
};

rip_status run_targets_load(run_targets **out, rip_error *err)
{
    char *path = rip_data_path("aws/resources.json", err);
    if (!path) return err->status;
    char *text = NULL;
    rip_status status = rip_read_file(path, FILE_MAX_BYTES, &text, NULL, err);
    json_error_t why;
    json_t *services = status == RIP_OK ? json_loads(text, JSON_REJECT_DUPLICATES, &why) : NULL;
    if (status == RIP_OK && !services)
        status = rip_fail(err, RIP_EINVAL, "%s:%d:%d: %s", path, why.line, why.column, why.text);
    free(text);
    free(path);
    run_targets *targets = status == RIP_OK ? calloc(1, sizeof *targets) : NULL;
    if (status == RIP_OK && !targets) status = rip_nomem(err);
    if (status != RIP_OK) {
        json_decref(services);
        return status;
    }
    targets->services = services;
    *out = targets;
    return RIP_OK;
}

void run_targets_free(run_targets *targets)
{
    if (!targets) return;
    json_decref(targets->services);
    free(targets);
}

typedef struct expansion {
    const json_t *params;
    const char *partition, *region, *account;
} expansion;

/* A cluster may be given by its ARN where a template wants its name. */
static const char *last_part(const char *value)
{
    if (strncmp(value, "arn:", 4) != 0) return value;
    const char *slash = strrchr(value, '/');
    return slash ? slash + 1 : value;
}

static const char *placeholder(const expansion *e, const char *name, size_t len, const char *value)
{
    if (len == 5 && strncmp(name, "value", 5) == 0) return value;
    if (len == 9 && strncmp(name, "partition", 9) == 0) return e->partition;
    if (len == 6 && strncmp(name, "region", 6) == 0) return e->region;
    if (len == 7 && strncmp(name, "account", 7) == 0) return e->account;
    json_t *other = json_object_getn(e->params, name, len);
    return json_is_string(other) ? last_part(json_string_value(other)) : "*";
}

/* "arn:{partition}:ecs:{region}:{account}:service/{cluster}/{value}"; a name in braces that is none of ours is another
 * parameter. */
static json_t *expand(const expansion *e, const char *template, const char *value)
{
    if (strncmp(value, "arn:", 4) == 0) return json_string(value);
    rip_buffer arn = {0};
    for (const char *at = template; *at;) {
        const char *close = *at == '{' ? strchr(at, '}') : NULL;
        if (close) {
            rip_buffer_puts(&arn, placeholder(e, at + 1, (size_t)(close - at - 1), value));
            at = close + 1;
        } else {
            rip_buffer_putc(&arn, *at++);
        }
    }
    json_t *text = arn.failed ? NULL : json_stringn_nocheck(arn.data ? arn.data : "", arn.len);
    rip_buffer_free(&arn);
    return text;
}

static void add(json_t *arns, json_t *arn)
{
    for (size_t i = 0; i < json_array_size(arns); i++) {
        if (!json_equal(json_array_get(arns, i), arn)) continue;
        json_decref(arn);
        return;
    }
    json_array_append_new(arns, arn);
}

static void add_each(json_t *arns, const expansion *e, const char *template, const json_t *value)
{
    if (json_is_string(value)) {
        add(arns, expand(e, template, json_string_value(value)));
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        if (json_is_string(item)) add(arns, expand(e, template, json_string_value(item)));
    }
}

static bool is_arn(const json_t *value)
{
    return json_is_string(value) && strncmp(json_string_value(value), "arn:", 4) == 0;
}

static bool holds(const json_t *names, const char *name)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (strcmp(json_string_value(json_array_get(names, i)), name) == 0) return true;
    }
    return false;
}

json_t *run_targets_of(const run_targets *targets, const aws_operation *operation, const json_t *params,
                       const char *partition, const char *region, const char *account)
{
    const json_t *service = json_object_get(targets->services, aws_service_name(aws_operation_service(operation)));
    const json_t *templates = json_object_get(service, "params");
    const json_t *references = json_object_get(service, "references");
    expansion e = {params, partition, region, account};
    json_t *arns = json_array();
    if (!arns) return NULL;
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)params, name, value) {
        const char *template = json_string_value(json_object_get(templates, name));
        if (template)
            add_each(arns, &e, template, value);
        else if (is_arn(value) && !holds(references, name))
            add(arns, json_incref(value));
    }
    return arns;
}

/* The `n`th field of an ARN (0 is "arn"), which ends at the next ':' but for the sixth, the resource. */
static const char *arn_field(const char *arn, int n, size_t *len)
{
    for (; n > 0; n--) {
        arn = strchr(arn, ':');
        if (!arn) return NULL;
        arn++;
    }
    const char *end = strchr(arn, ':');
    *len = end ? (size_t)(end - arn) : strlen(arn);
    return arn;
}

/* Put `arn` and `id` (what follows the resource's last '/' or ':') where a template of parameters says "{arn}" and
 * "{id}". */
static json_t *fill(const json_t *template, const char *arn, const char *id)
{
    if (json_is_string(template)) {
        const char *text = json_string_value(template);
        if (strcmp(text, "{arn}") == 0) return json_string(arn);
        return json_string(strcmp(text, "{id}") == 0 ? id : text);
    }
    if (json_is_array(template)) {
        json_t *copy = json_array();
        for (size_t i = 0; i < json_array_size(template); i++) {
            json_array_append_new(copy, fill(json_array_get(template, i), arn, id));
        }
        return copy;
    }
    if (json_is_object(template)) {
        json_t *copy = json_object();
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t) template, key, value)
            json_object_set_new(copy, key, fill(value, arn, id));
        return copy;
    }
    return json_incref((json_t *)(uintptr_t) template);
}

json_t *run_targets_tag_call(const run_targets *targets, const char *arn)
{
    size_t service_len = 0, resource_len = 0;
    const char *service = arn_field(arn, 2, &service_len);
    const char *resource = arn_field(arn, 5, &resource_len);
    if (!service || !resource) return NULL;
    const json_t *calls = json_object_get(json_object_getn(targets->services, service, service_len), "tags");
    size_t type_len = strcspn(resource, "/:");
    const json_t *call = json_object_getn(calls, resource, type_len);
    if (!call) call = json_object_get(calls, "*");
    if (!call) return NULL;
    const char *id = resource + strlen(resource);
    while (id > resource && id[-1] != '/' && id[-1] != ':') id--;
    json_t *filled = fill(call, arn, id);
    if (filled) json_object_set_new(filled, "service", json_stringn(service, service_len));
    return filled;
}
