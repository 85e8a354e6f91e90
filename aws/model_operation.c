/* Operations: found by AWS's name or boto3's, read from their lines when they are first asked for, and kept. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/model_private.h"
#include "engine/base/buffer.h"
#include "engine/base/glob.h"
#include "engine/base/suggest.h"

#define METHOD_MOST 128 /* bytes of a suggestion */

json_t *aws_service_operations(const aws_service *service)
{
    static const char PREFIX[] = "operation:";
    json_t *list = json_array();
    const char *line = service->bytes, *end = service->bytes + service->len;
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        const char *tab = memchr(line, '\t', (size_t)(stop - line));
        if (tab && (size_t)(tab - line) > sizeof PREFIX - 1 && memcmp(line, PREFIX, sizeof PREFIX - 1) == 0) {
            json_array_append_new(list,
                                  json_stringn(line + sizeof PREFIX - 1, (size_t)(tab - line) - (sizeof PREFIX - 1)));
        }
        line = stop + 1;
    }
    return list;
}

void aws_operation_free(aws_operation *operation)
{
    json_decref(operation->line);
    free(operation->input);
    free(operation->output);
    free(operation->iam_action);
    free(operation->name);
    free(operation->method);
    free(operation);
}

static bool matches_any(const json_t *patterns, const char *action)
{
    size_t i;
    json_t *pattern;
    json_array_foreach (patterns, i, pattern) {
        if (rip_glob_match(json_string_value(pattern), action)) return true;
    }
    return false;
}

static bool listed(const aws_models *models, const char *list, const char *action)
{
    return matches_any(json_object_get(models->traits, list), action);
}

/* Each rule has its "operations", those that are no such ones though they look like it ("but"), and "why". */
static bool may_be_sent_twice(const aws_models *models, const char *action)
{
    size_t i;
    json_t *rule;
    json_array_foreach (json_object_get(models->traits, "idempotent"), i, rule) {
        if (matches_any(json_object_get(rule, "operations"), action) &&
            !matches_any(json_object_get(rule, "but"), action))
            return true;
    }
    return false;
}

static bool starts_with_verb(const aws_models *models, const char *name)
{
    size_t i;
    json_t *verb;
    json_array_foreach (json_object_get(models->traits, "read_verbs"), i, verb) {
        size_t len = json_string_length(verb);
        /* "Get" starts GetItem, not Getaway. */
        if (strncmp(name, json_string_value(verb), len) == 0 && !(name[len] >= 'a' && name[len] <= 'z')) return true;
    }
    return false;
}

/* Nothing is a read by its name alone: only the operations of services whose names were looked through are. A model
 * from elsewhere says it itself, or all that it has are changes. */
static bool only_reads(const aws_models *models, const char *service, const char *name, const char *action,
                       const json_t *line)
{
    const json_t *own = json_object_get(line, "readonly");
    if (listed(models, "writes", action)) return false;
    if (json_is_boolean(own) && !listed(models, "services", service)) return json_is_true(own);
    return listed(models, "reads", action) || (listed(models, "services", service) && starts_with_verb(models, name));
}

static aws_member *member_of(const aws_service *service, const json_t *reference)
{
    if (!reference) return NULL;
    aws_member *member = calloc(1, sizeof *member);
    if (member && !aws_member_init(member, service, reference)) {
        free(member);
        return NULL;
    }
    return member;
}

static void find_token(aws_operation *operation)
{
    const aws_shape *input = aws_operation_input(operation);
    for (size_t i = 0; input && i < input->member_count; i++) {
        if (input->members[i].token) operation->token_member = input->members[i].name;
    }
}

static aws_operation *operation_new(const aws_service *service, const char *name, json_t *line)
{
    aws_operation *operation = calloc(1, sizeof *operation);
    rip_buffer plain = {0};
    rip_buffer_printf(&plain, "%s:%s", service->name, name);
    if (!operation || !plain.data || !(operation->name = strdup(name))) {
        free(operation);
        rip_buffer_free(&plain);
        return NULL;
    }
    const aws_models *models = service->models;
    operation->service = service;
    operation->line = json_incref(line);
    operation->input = member_of(service, json_object_get(line, "in"));
    operation->output = member_of(service, json_object_get(line, "out"));
    const char *action = json_string_value(json_object_get(json_object_get(models->traits, "iam_actions"), plain.data));
    rip_buffer full = {0};
    if (action)
        rip_buffer_puts(&full, action);
    else
        rip_buffer_printf(&full, "%s:%s", aws_service_iam_prefix(service), name);
    operation->iam_action = rip_buffer_take(&full, NULL);
    operation->is_read = only_reads(models, service->name, name, plain.data, line);
    operation->is_idempotent = operation->is_read || json_is_true(json_object_get(line, "idempotent")) ||
                               may_be_sent_twice(models, plain.data);
    rip_buffer_free(&plain);
    find_token(operation);
    if (operation->iam_action) return operation;
    aws_operation_free(operation);
    return NULL;
}

/* "TerminateInstances" as boto3 spells it, near enough to be a suggestion. */
static void as_method(const char *name, char *out, size_t size)
{
    size_t len = 0;
    for (const char *at = name; *at && len + 2 < size; at++) {
        bool upper = *at >= 'A' && *at <= 'Z';
        bool before = at > name && (at[-1] < 'A' || at[-1] > 'Z'), after = at[0] && at[1] >= 'a' && at[1] <= 'z';
        if (upper && at > name && (before || after)) out[len++] = '_';
        out[len++] = (char)(upper ? *at - 'A' + 'a' : *at);
    }
    out[len] = '\0';
}

static rip_status no_operation(const aws_service *service, const char *name, rip_error *err)
{
    json_t *list = aws_service_operations(service);
    size_t count = json_array_size(list);
    const char **names = calloc(count + 1, sizeof *names);
    for (size_t i = 0; names && i < count; i++) names[i] = json_string_value(json_array_get(list, i));
    bool is_method = name[0] >= 'a' && name[0] <= 'z';
    char(*methods)[METHOD_MOST] = is_method ? calloc(count + 1, sizeof *methods) : NULL;
    for (size_t i = 0; names && methods && i < count; i++) {
        as_method(names[i], methods[i], sizeof methods[i]);
        names[i] = methods[i];
    }
    const char *meant = names ? rip_suggest(name, names, count) : NULL;
    rip_fail(err, RIP_ENOTFOUND, "%s has no operation %s%s%s", service->name, name, meant ? "; did you mean " : "",
             meant ? meant : "");
    free(methods);
    free(names);
    json_decref(list);
    return RIP_ENOTFOUND;
}

/* An operation by boto3's name; NULL: it is not known by that yet. */
static const aws_operation *known_method(const aws_service *service, const char *name)
{
    for (const aws_operation *known = service->methods[aws_name_slot(name)]; known; known = known->next_method) {
        if (strcmp(known->method, name) == 0) return known;
    }
    return NULL;
}

static rip_status by_method(const aws_service *service, const char *name, const aws_operation **out, rip_error *err)
{
    json_t *line = aws_service_line(service, "method", name);
    rip_status status = json_is_string(line) ? aws_service_operation(service, json_string_value(line), out, err)
                                             : no_operation(service, name, err);
    json_decref(line);
    if (status != RIP_OK) return status;
    aws_operation *found = (aws_operation *)(uintptr_t)*out;
    aws_service *mutable = (aws_service *)(uintptr_t)service;
    if (!found || found->method) return RIP_OK; /* it goes by two names */
    found->method = strdup(name);
    if (!found->method) return rip_nomem(err);
    found->next_method = mutable->methods[aws_name_slot(name)];
    mutable->methods[aws_name_slot(name)] = found;
    return RIP_OK;
}

rip_status aws_service_operation(const aws_service *service, const char *name, const aws_operation **out,
                                 rip_error *err)
{
    for (const aws_operation *known = service->operations[aws_name_slot(name)]; known; known = known->next) {
        if (strcmp(known->name, name) == 0) {
            *out = known;
            return RIP_OK;
        }
    }
    if ((*out = known_method(service, name))) return RIP_OK;
    json_t *line = aws_service_line(service, "operation", name);
    if (!line) return by_method(service, name, out, err);
    aws_operation *operation = operation_new(service, name, line);
    json_decref(line);
    if (!operation) return rip_nomem(err);
    aws_service *mutable = (aws_service *)(uintptr_t)service; /* what is known of it grows as it is asked for */
    operation->next = mutable->operations[aws_name_slot(name)];
    mutable->operations[aws_name_slot(name)] = operation;
    *out = operation;
    return RIP_OK;
}

const aws_service *aws_operation_service(const aws_operation *operation)
{
    return operation->service;
}

const char *aws_operation_name(const aws_operation *operation)
{
    return operation->name;
}

const char *aws_operation_http_method(const aws_operation *operation)
{
    return json_string_value(json_array_get(json_object_get(operation->line, "http"), 0));
}

const char *aws_operation_http_uri(const aws_operation *operation)
{
    return json_string_value(json_array_get(json_object_get(operation->line, "http"), 1));
}

const char *aws_operation_result_wrapper(const aws_operation *operation)
{
    return json_string_value(json_object_get(operation->line, "wrapper"));
}

const aws_shape *aws_operation_input(const aws_operation *operation)
{
    return operation->input ? aws_member_shape(operation->input) : NULL;
}

const aws_member *aws_operation_input_member(const aws_operation *operation)
{
    return operation->input;
}

const aws_member *aws_operation_output_member(const aws_operation *operation)
{
    return operation->output;
}

const aws_shape *aws_operation_output(const aws_operation *operation)
{
    return operation->output ? aws_member_shape(operation->output) : NULL;
}

bool aws_operation_is_read(const aws_operation *operation)
{
    return operation->is_read;
}

const char *aws_operation_iam_action(const aws_operation *operation)
{
    return operation->iam_action;
}

const json_t *aws_operation_texts_for_people(const aws_operation *operation)
{
    char name[192];
    snprintf(name, sizeof name, "%s:%s", operation->service->name, operation->name);
    return json_object_get(json_object_get(operation->service->models->traits, "texts_for_people"), name);
}

bool aws_operation_is_idempotent(const aws_operation *operation)
{
    return operation->is_idempotent;
}

const char *aws_operation_token_member(const aws_operation *operation)
{
    return operation->token_member;
}

const json_t *aws_operation_pagination(const aws_operation *operation)
{
    return json_object_get(operation->line, "pages");
}

const json_t *aws_operation_trait(const aws_operation *operation, const char *key)
{
    return json_object_get(operation->line, key);
}

const json_t *aws_service_waiter(const aws_service *service, const char *name)
{
    const json_t *known = json_object_get(service->waiters, name);
    if (known) return known;
    json_t *line = aws_service_line(service, "waiter", name);
    if (line) json_object_set_new(service->waiters, name, line);
    return line;
}

const aws_shape *aws_operation_error(const aws_operation *operation, const char *code)
{
    size_t i;
    json_t *name;
    json_array_foreach (json_object_get(operation->line, "errors"), i, name) {
        const aws_shape *shape = aws_service_shape(operation->service, json_string_value(name));
        if (!shape) continue;
        const char *own = json_string_value(json_object_get(aws_shape_trait(shape, "error"), "code"));
        if (strcmp(own ? own : shape->name, code) == 0 || strcmp(shape->name, code) == 0) return shape;
    }
    /* Operations do not list all that they answer with. */
    const aws_shape *shape = aws_service_shape(operation->service, code);
    return shape && json_is_true(aws_shape_trait(shape, "exception")) ? shape : NULL;
}
