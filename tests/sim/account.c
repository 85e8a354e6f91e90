#include "tests/sim/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/data.h"
#include "lua/sim_transport.h"

void account_open(account *a, const char *seed)
{
    rip_error err = {0};
    *a = (account){.region = "us-east-1"};
    uv_loop_init(&a->loop);
    a->clock = rip_clock_new_virtual(&a->loop, ACCOUNT_START);
    char *folder = rip_data_path("aws/model", &err);
    const char *const folders[] = {folder};
    assert_int_equal(aws_models_new(folders, 1, &a->models, &err), RIP_OK);
    free(folder);
    json_error_t why;
    json_t *json = json_loads(seed, 0, &why);
    if (!json) fail_msg("the test's seed: %s", why.text);
    if (sim_transport_new(a->clock, json, &a->transport, &err) != RIP_OK) fail_msg("%s", err.message);
    json_decref(json);
}

void account_close(account *a)
{
    a->transport->free(a->transport);
    aws_models_free(a->models);
    rip_clock_free(a->clock);
    uv_run(&a->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&a->loop), 0);
}

void account_refuses(const char *seed, char *message)
{
    uv_loop_t loop;
    aws_transport *transport = NULL;
    rip_error err = {0};
    uv_loop_init(&loop);
    rip_clock *clock = rip_clock_new_virtual(&loop, ACCOUNT_START);
    json_t *json = json_loads(seed, 0, NULL);
    assert_non_null(json);
    assert_int_equal(sim_transport_new(clock, json, &transport, &err), RIP_EINVAL);
    assert_null(transport);
    json_decref(json);
    rip_clock_free(clock);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    memcpy(message, err.message, sizeof err.message);
}

/* Every member of a reply must be one of the model's, of the model's type. */

static void check_reply(const aws_shape *shape, const json_t *value, const char *path);

static void check_structure(const aws_shape *shape, const json_t *value, const char *path)
{
    const char *name;
    json_t *member;
    char below[512];
    if (!json_is_object(value)) fail_msg("%s: expected an object", path);
    if (aws_shape_trait(shape, "document")) return;
    json_object_foreach ((json_t *)(uintptr_t)value, name, member) {
        const aws_member *known = aws_shape_member(shape, name);
        if (!known) fail_msg("%s.%s: AWS's %s has no such member", path, name, aws_shape_name(shape));
        snprintf(below, sizeof below, "%s.%s", path, name);
        check_reply(aws_member_shape(known), member, below);
    }
}

static void check_list(const aws_shape *shape, const json_t *value, const char *path)
{
    size_t i;
    json_t *item;
    char below[512];
    if (!json_is_array(value)) fail_msg("%s: expected an array", path);
    json_array_foreach (value, i, item) {
        snprintf(below, sizeof below, "%s[%zu]", path, i);
        check_reply(aws_member_shape(aws_shape_element(shape)), item, below);
    }
}

static void check_map(const aws_shape *shape, const json_t *value, const char *path)
{
    const char *name;
    json_t *item;
    char below[512];
    if (!json_is_object(value)) fail_msg("%s: expected an object", path);
    json_object_foreach ((json_t *)(uintptr_t)value, name, item) {
        snprintf(below, sizeof below, "%s.%s", path, name);
        check_reply(aws_member_shape(aws_shape_element(shape)), item, below);
    }
}

static void check_reply(const aws_shape *shape, const json_t *value, const char *path)
{
    int64_t ms;
    bool fits = true;
    switch (aws_shape_type(shape)) {
    case AWS_STRUCTURE: check_structure(shape, value, path); break;
    case AWS_LIST: check_list(shape, value, path); break;
    case AWS_MAP: check_map(shape, value, path); break;
    case AWS_STRING:
    case AWS_BLOB: fits = json_is_string(value); break;
    case AWS_INTEGER:
    case AWS_LONG: fits = json_is_integer(value); break;
    case AWS_FLOAT:
    case AWS_DOUBLE: fits = json_is_number(value); break;
    case AWS_BOOLEAN: fits = json_is_boolean(value); break;
    case AWS_TIMESTAMP: fits = json_is_string(value) && rip_time_parse(json_string_value(value), &ms); break;
    }
    if (!fits) fail_msg("%s: has the wrong type for AWS's %s", path, aws_shape_name(shape));
}

typedef struct outcome {
    bool came;
    json_t *output;
    aws_error error;
} outcome;

typedef struct
try {
    aws_attempt attempt; /* first */
    outcome outcome;
}
try;

static void on_done(aws_attempt *attempt, const aws_reply *reply)
{
    outcome *o = &((try *)attempt)->outcome;
    assert_false(o->came);
    o->came = true;
    assert_true(strlen(reply->request_id) > 0);
    if (reply->error)
        o->error = *reply->error;
    else
        o->output = json_incref(reply->output);
}

json_t *account_try(account *a, const char *service, const char *operation, const char *params, aws_error *error)
{
    rip_error err = {0};
    const aws_service *model = NULL;
    try t = {0};
    json_t *json = json_loads(params, 0, NULL);
    if (!json) fail_msg("params of %s are no JSON: %s", operation, params);
    assert_int_equal(aws_models_service(a->models, service, &model, &err), RIP_OK);
    if (aws_service_operation(model, operation, &t.attempt.operation, &err) != RIP_OK) fail_msg("%s", err.message);
    if (aws_params_check(t.attempt.operation, json, NULL, &err) != RIP_OK) fail_msg("%s", err.message);
    t.attempt.params = json;
    t.attempt.account = "";
    t.attempt.region = a->region;
    t.attempt.done = on_done;
    a->transport->send(a->transport, &t.attempt);
    assert_false(t.outcome.came); /* never from inside send */
    while (!t.outcome.came) uv_run(&a->loop, UV_RUN_ONCE);
    const aws_shape *shape = aws_operation_output(t.attempt.operation);
    if (t.outcome.output && shape) check_reply(shape, t.outcome.output, operation);
    if (t.outcome.output && !shape) assert_int_equal(json_object_size(t.outcome.output), 0);
    json_decref(json);
    *error = t.outcome.error;
    return t.outcome.output;
}

static char *formatted(const char *format, va_list args)
{
    json_t *string = json_vsprintf(format, args);
    assert_non_null(string);
    char *text = strdup(json_string_value(string));
    assert_non_null(text);
    json_decref(string);
    return text;
}

static json_t *must(account *a, const char *service, const char *operation, char *params)
{
    aws_error error = {0};
    json_t *output = account_try(a, service, operation, params, &error);
    if (!output) fail_msg("%s:%s %s: %s: %s", service, operation, params, error.code, error.message);
    free(params);
    return output;
}

json_t *account_call(account *a, const char *service, const char *operation, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_t *output = must(a, service, operation, formatted(format, args));
    va_end(args);
    return output;
}

void account_do(account *a, const char *service, const char *operation, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_decref(must(a, service, operation, formatted(format, args)));
    va_end(args);
}

int account_fails(account *a, const char *code, const char *service, const char *operation, const char *format, ...)
{
    aws_error error = {0};
    va_list args;
    va_start(args, format);
    char *params = formatted(format, args);
    va_end(args);
    json_t *output = account_try(a, service, operation, params, &error);
    free(params);
    assert_null(output);
    if (strcmp(error.code, code) != 0) fail_msg("expected %s, got %s: %s", code, error.code, error.message);
    return error.http_status;
}

static void on_time(void *data)
{
    *(bool *)data = true;
}

void account_wait(account *a, int64_t ms)
{
    bool over = false;
    rip_timer timer = {0};
    rip_timer_start(&timer, a->clock, (uint64_t)ms, on_time, &over);
    while (!over) uv_run(&a->loop, UV_RUN_ONCE);
}

void account_has(account *a, const char *arn, const char *field, const char *json)
{
    json_t *all = sim_transport_snapshot(a->transport);
    json_t *wanted = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(wanted);
    const json_t *resource = json_object_get(all, arn);
    if (!resource) fail_msg("there is no %s", arn);
    const json_t *found = value_at(resource, field);
    char *text = found ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (!found || !json_equal(found, wanted)) fail_msg("%s: %s is %s", arn, field, text ? text : "not there");
    free(text);
    json_decref(wanted);
    json_decref(all);
}

void account_lacks(account *a, const char *arn)
{
    json_t *all = sim_transport_snapshot(a->transport);
    assert_non_null(all);
    if (json_object_get(all, arn)) fail_msg("%s is still there", arn);
    json_decref(all);
}

const json_t *value_at(const json_t *value, const char *path)
{
    char word[128];
    while (value && *path) {
        size_t len = strcspn(path, ".");
        snprintf(word, sizeof word, "%.*s", (int)len, path);
        value = json_is_array(value) ? json_array_get(value, strtoul(word, NULL, 10)) : json_object_get(value, word);
        path += len + (path[len] == '.');
    }
    return value;
}

const char *text_at(const json_t *value, const char *path)
{
    const char *text = json_string_value(value_at(value, path));
    if (!text) fail_msg("there is no text at %s", path);
    return text;
}
