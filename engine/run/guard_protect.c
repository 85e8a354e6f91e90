/* Protected resources: by ARN, by tag, and what is the engine's own. What cannot be told counts as protected. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/glob.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/run/guard_private.h"

#define TAGS_KEPT_MS INT64_C(60000)
#define TAGS_KEPT_MOST 10000 /* resources */

static bool protects_anything(const guard *g)
{
    return json_array_size(g->protected_arns) > 0 || json_array_size(g->protected_tags) > 0;
}

/* By ARN. */

static bool is_protected_arn(const guard *g, const json_t *target, rip_error *err)
{
    json_t *arns = json_object_get(target, "arns"), *arn, *pattern;
    size_t i, k;
    json_array_foreach (arns, i, arn) {
        if (guard_is_own(g, json_string_value(arn))) {
            rip_fail(err, RIP_EDENIED, "%.300s is the engine's own identity", g->identity);
            return true;
        }
        json_array_foreach (g->protected_arns, k, pattern) {
            if (!rip_glob_meet_nocase(json_string_value(pattern), json_string_value(arn))) continue;
            rip_fail(err, RIP_EDENIED, "%.300s is protected by the pattern %.300s", json_string_value(arn),
                     json_string_value(pattern));
            return true;
        }
    }
    return false;
}

/* By tag. */

static bool tag_matches(const json_t *pattern, const char *key, const char *value)
{
    const char *key_glob = json_string_value(json_object_get(pattern, "key"));
    const char *value_glob = json_string_value(json_object_get(pattern, "value"));
    return key_glob && rip_glob_match(key_glob, key) && (!value_glob || rip_glob_match(value_glob, value));
}

static const char *protecting_tag(const guard *g, json_t *tags)
{
    const char *key;
    json_t *value, *pattern;
    size_t i;
    json_object_foreach (tags, key, value) {
        json_array_foreach (g->protected_tags, i, pattern) {
            if (tag_matches(pattern, key, json_string_value(value) ? json_string_value(value) : "")) return key;
        }
    }
    return NULL;
}

static json_t *at_path(json_t *value, const char *path)
{
    while (*path && value) {
        size_t len = strcspn(path, ".");
        value = json_is_array(value) ? json_array_get(value, (size_t)strtoul(path, NULL, 10))
                                     : json_object_getn(value, path, len);
        path += len + (path[len] == '.');
    }
    return value;
}

/* Tags come as a list of pairs or as an object. NULL: the reply does not hold them where it should, or not all of them.
 */
static json_t *read_tags(const json_t *call, const aws_operation *operation, json_t *output)
{
    json_t *list = at_path(output, rip_text_or(call, "list", "Tags")), *pair, *tags;
    const char *more = rip_text(aws_operation_pagination(operation), "output_token");
    size_t i;
    if (*more && json_is_string(json_object_get(output, more)) && *rip_text(output, more)) return NULL;
    if (json_is_object(list)) return json_incref(list);
    if (list && !json_is_array(list) && !json_is_null(list)) return NULL;
    tags = json_object();
    json_array_foreach (list, i, pair) {
        const char *key = json_string_value(json_object_get(pair, rip_text_or(call, "key", "Key")));
        json_t *value = json_object_get(pair, rip_text_or(call, "value", "Value"));
        if (key) json_object_set_new(tags, key, value ? json_incref(value) : json_string(""));
    }
    return tags;
}

/* Says the error that there is no such resource, or (where the data names the code) that it has no tags? */
static bool says_none(const json_t *call, const char *code)
{
    json_t *each;
    size_t i;
    json_array_foreach (json_object_get(call, "none"), i, each) {
        if (strcmp(json_string_value(each), code) == 0) return true;
    }
    return strstr(code, "NotFound") || strncmp(code, "NoSuch", 6) == 0;
}

/* What the answer is kept under. The caller frees it. */
static char *cache_key(const guard_check *check, const json_t *call)
{
    rip_buffer key = {0};
    rip_buffer_printf(&key, "%s %s ", check->account, check->region);
    (void)rip_json_write(&key, call, RIP_JSON_SORTED, NULL);
    return rip_buffer_take(&key, NULL);
}

static void keep_tags(guard_check *check, const json_t *call, json_t *tags)
{
    guard *g = check->guard;
    char *key = cache_key(check, call);
    if (json_object_size(g->tags) >= TAGS_KEPT_MOST) json_object_clear(g->tags);
    if (key)
        json_object_set_new(g->tags, key,
                            json_pack("{s:I, s:O}", "at", (json_int_t)rip_clock_now(g->context.clock), "tags", tags));
    free(key);
}

/* Borrowed; NULL: not known, or not any more. */
static json_t *kept_tags(const guard_check *check, const json_t *call)
{
    char *key = cache_key(check, call);
    json_t *kept = key ? json_object_get(check->guard->tags, key) : NULL;
    free(key);
    int64_t age = rip_clock_now(check->guard->context.clock) - json_integer_value(json_object_get(kept, "at"));
    return kept && age >= 0 && age < TAGS_KEPT_MS ? json_object_get(kept, "tags") : NULL;
}

static const json_t *current(const guard_check *check)
{
    return json_array_get(check->targets, check->next);
}

/* How people find the resource in the message. */
static const char *shown(const json_t *target)
{
    const char *arn = json_string_value(json_array_get(json_object_get(target, "arns"), 0));
    return arn ? arn : rip_text(target, "name");
}

static void deny_unread(guard_check *check, const char *code, const char *message)
{
    rip_error err;
    rip_fail(&err, RIP_EDENIED, "the tags of %.300s could not be read (%.80s: %.200s), so it counts as protected",
             shown(current(check)), code, message);
    guard_decide(check, "protected", RIP_EDENIED, &err);
}

static const aws_operation *tag_operation(const guard_check *check, const json_t *call, rip_error *err)
{
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    if (aws_models_service(aws_client_models(check->guard->context.client), rip_text(call, "service"), &service, err) !=
        RIP_OK)
        return NULL;
    return aws_service_operation(service, rip_text(call, "operation"), &operation, err) == RIP_OK ? operation : NULL;
}

static void on_tags(void *data, const aws_result *result)
{
    guard_check *check = data;
    const json_t *call = json_object_get(current(check), "tags");
    rip_error err;
    check->under_way = NULL;
    if (result->error && !says_none(call, result->error->code)) {
        deny_unread(check, result->error->code, result->error->message);
        return;
    }
    json_t *tags = result->error ? json_object() : read_tags(call, tag_operation(check, call, &err), result->output);
    if (!tags) {
        deny_unread(check, "Incomplete", "the reply does not hold all of them");
        return;
    }
    keep_tags(check, call, tags);
    json_decref(tags);
    guard_protect(check);
}

/* A tag call's `region`, where the resource's service answers in one place. */
static bool ask_tags(guard_check *check, const json_t *call, rip_error *err)
{
    const aws_operation *operation = tag_operation(check, call, err);
    aws_call_options options = {.region = rip_text_or(call, "region", check->region), .account = check->account};
    return operation && aws_call_start(check->guard->context.client, operation, json_object_get(call, "params"),
                                       &options, on_tags, check, &check->under_way, err) == RIP_OK;
}

typedef enum tag_verdict { TAGS_FREE, TAGS_PROTECT, TAGS_ASKED } tag_verdict;

static tag_verdict check_tags(guard_check *check, const json_t *target, rip_error *err)
{
    const json_t *call = json_object_get(target, "tags");
    if (json_array_size(check->guard->protected_tags) == 0 || json_is_false(call)) return TAGS_FREE;
    json_t *tags = call ? kept_tags(check, call) : NULL;
    if (!call) {
        rip_fail(err, RIP_EDENIED, "it is not known how to read the tags of %.300s, so it counts as protected",
                 shown(target));
        return TAGS_PROTECT;
    }
    if (!tags && ask_tags(check, call, err)) return TAGS_ASKED;
    if (!tags) {
        err->status = RIP_EDENIED;
        return TAGS_PROTECT;
    }
    const char *key = protecting_tag(check->guard, tags);
    if (!key) return TAGS_FREE;
    rip_fail(err, RIP_EDENIED, "%.300s is protected by its tag %.128s=%.128s", shown(target), key, rip_text(tags, key));
    return TAGS_PROTECT;
}

/* The targets. */

static bool is_caller(const guard_check *check, const json_t *target, rip_error *err)
{
    if (!json_is_true(json_object_get(target, "caller")) || check->guard->is_simulated) return false;
    rip_fail(err, RIP_EDENIED, "without a name %s:%s is about the engine's own identity",
             aws_service_name(aws_operation_service(check->operation)), aws_operation_name(check->operation));
    return true;
}

/* False: it cannot be told what the change is about, and something is protected. */
static bool find_targets(guard_check *check, rip_error *err)
{
    run_target_verdict verdict;
    rip_error why;
    run_target_place place = {*check->partition ? check->partition : "*", *check->region ? check->region : "*",
                              *check->account ? check->account : "*"};
    check->targets =
        run_targets_of(check->guard->context.targets, check->operation, check->params, &place, &verdict, &why);
    if (!check->targets) {
        rip_nomem(err);
        return false;
    }
    if (verdict != RUN_TARGETS_UNDECIDED || !protects_anything(check->guard)) return true;
    rip_fail(err, RIP_EDENIED,
             "%.300s: it is not done while protect.arns or protect.tags protect anything. Name what is changed by its "
             "ARN, id or name, or see docs/TARGETS.md",
             why.message);
    return false;
}

void guard_protect(guard_check *check)
{
    rip_error err = {RIP_OK, ""};
    if (!guard_identify(check)) return;
    if (!guard_is_reachable(check, &err)) {
        guard_decide(check, "account", err.status, &err);
        return;
    }
    if (!check->targets && !find_targets(check, &err)) {
        guard_decide(check, "protected", err.status, &err);
        return;
    }
    for (const json_t *target; (target = current(check)); check->next++) {
        if (is_caller(check, target, &err) || is_protected_arn(check->guard, target, &err)) break;
        tag_verdict verdict = check_tags(check, target, &err);
        if (verdict == TAGS_ASKED) return;
        if (verdict == TAGS_PROTECT) break;
    }
    guard_decide(check, "protected", err.status, &err);
}
