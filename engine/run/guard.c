#include "engine/run/guard.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/glob.h"
#include "engine/base/log.h"

#define HOUR_MS (INT64_C(3600) * 1000)

struct guard {
    json_t *accounts, *regions, *protected_arns, *protected_tags;
    unsigned playbook_hourly, account_hourly;
    const guard_windows *windows;
    bool has_role;
    guard_context context;
    json_t *tags;     /* ARN -> {"key": "value"} as last read */
    json_t *identity; /* the engine's own ARN, once it is known; null: it could not be told */
};

struct guard_check {
    guard *guard;
    json_t *arns;
    size_t next;
    char *region, *account;
    json_t *call; /* how the tags under way are read, see run_targets_tag_call */
    aws_call *under_way;
    guard_done done;
    void *data;
};

static json_t *kept(const json_t *list)
{
    return list ? json_incref((json_t *)(uintptr_t)list) : json_array();
}

rip_status guard_new(const guard_policy *policy, const guard_context *context, guard **out, rip_error *err)
{
    guard *g = calloc(1, sizeof *g);
    if (!g) return rip_nomem(err);
    g->accounts = kept(policy->accounts);
    g->regions = kept(policy->regions);
    g->protected_arns = kept(policy->protected_arns);
    g->protected_tags = kept(policy->protected_tags);
    g->playbook_hourly = policy->playbook_hourly;
    g->account_hourly = policy->account_hourly;
    g->windows = policy->windows;
    g->has_role = policy->has_role;
    g->context = *context;
    g->identity = policy->is_simulated ? json_null() : NULL;
    g->tags = json_object();
    if (!g->accounts || !g->regions || !g->protected_arns || !g->protected_tags || !g->tags) {
        guard_free(g);
        return rip_nomem(err);
    }
    *out = g;
    return RIP_OK;
}

void guard_limit(guard *g, unsigned playbook_hourly, unsigned account_hourly)
{
    g->playbook_hourly = playbook_hourly;
    g->account_hourly = account_hourly;
}

void guard_free(guard *g)
{
    if (!g) return;
    json_decref(g->accounts);
    json_decref(g->regions);
    json_decref(g->protected_arns);
    json_decref(g->protected_tags);
    json_decref(g->tags);
    json_decref(g->identity);
    free(g);
}

static bool any_matches(const json_t *globs, const char *text, bool (*match)(const char *, const char *))
{
    for (size_t i = 0; i < json_array_size(globs); i++) {
        const char *glob = json_string_value(json_array_get(globs, i));
        if (glob && match(glob, text)) return true;
    }
    return false;
}

const run_targets *guard_targets(const guard *g)
{
    return g->context.targets;
}

rip_status guard_admit(const guard *g, const guard_request *request, const char **name, rip_error *err)
{
    const char *action = aws_operation_iam_action(request->operation);
    if (!any_matches(request->permissions, action, rip_glob_match_nocase)) {
        *name = "permission";
        return rip_fail(
            err, RIP_EDENIED,
            "the playbook's header does not declare the permission %s: add it to `permissions` if it is meant", action);
    }
    if (json_array_size(g->accounts) > 0 && !any_matches(g->accounts, request->account, rip_glob_match)) {
        *name = "account";
        return rip_fail(err, RIP_EDENIED, "account %s is not in accounts.allow", request->account);
    }
    if (json_array_size(g->regions) > 0 && !any_matches(g->regions, request->region, rip_glob_match)) {
        *name = "region";
        return rip_fail(err, RIP_EDENIED, "region %s is not in regions.allow", request->region);
    }
    return RIP_OK;
}

/* Protected resources. */

/* IAM's calls give a user's or role's name without its path, so a pattern with a path protects the name under every
 * path: "arn:aws:iam::*:user/admin/alice" and "arn:aws:iam::123456789012:user/alice" agree on what stands before the
 * path and behind it. */
static bool iam_name_matches(const char *pattern, const char *arn)
{
    const char *name = strrchr(arn, '/'), *pattern_name = strrchr(pattern, '/');
    const char *path = strchr(arn, '/'), *pattern_path = strchr(pattern, '/');
    if (!strstr(arn, ":iam::") || !name || !pattern_name || pattern_path == pattern_name) return false;
    char head[256], pattern_head[256];
    size_t head_len = (size_t)(path - arn), pattern_head_len = (size_t)(pattern_path - pattern);
    if (head_len >= sizeof head || pattern_head_len >= sizeof pattern_head) return false;
    memcpy(head, arn, head_len);
    head[head_len] = '\0';
    memcpy(pattern_head, pattern, pattern_head_len);
    pattern_head[pattern_head_len] = '\0';
    return rip_glob_match(pattern_head, head) && rip_glob_match(pattern_name + 1, name + 1);
}

static const char *protecting_pattern(const guard *g, const char *arn)
{
    for (size_t i = 0; i < json_array_size(g->protected_arns); i++) {
        const char *pattern = json_string_value(json_array_get(g->protected_arns, i));
        if (pattern && (rip_glob_match(pattern, arn) || iam_name_matches(pattern, arn))) return pattern;
    }
    return NULL;
}

static bool tag_matches(const json_t *pattern, const char *key, const char *value)
{
    const char *key_glob = json_string_value(json_object_get(pattern, "key"));
    const char *value_glob = json_string_value(json_object_get(pattern, "value"));
    return key_glob && rip_glob_match(key_glob, key) && (!value_glob || rip_glob_match(value_glob, value));
}

static const char *protecting_tag(const guard *g, const json_t *tags)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)tags, key, value) {
        for (size_t i = 0; i < json_array_size(g->protected_tags); i++) {
            const char *text = json_string_value(value);
            if (tag_matches(json_array_get(g->protected_tags, i), key, text ? text : "")) return key;
        }
    }
    return NULL;
}

/* Tags come as a list of pairs or, where "key" is empty, as an object. */
static json_t *read_tags(const json_t *call, const json_t *output)
{
    json_t *list = json_object_get(output, json_string_value(json_object_get(call, "list")));
    const char *key_name = json_string_value(json_object_get(call, "key"));
    if (json_is_object(list)) return json_incref(list);
    json_t *tags = json_object();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *pair = json_array_get(list, i);
        const char *key = json_string_value(json_object_get(pair, key_name));
        json_t *value = json_object_get(pair, json_string_value(json_object_get(call, "value")));
        if (key && value) json_object_set(tags, key, value);
    }
    return tags;
}

static void check_free(guard_check *check)
{
    json_decref(check->arns);
    json_decref(check->call);
    free(check->region);
    free(check->account);
    free(check);
}

static void decide(guard_check *check, const char *name, rip_status status, const rip_error *err)
{
    guard_done done = check->done;
    void *data = check->data;
    check_free(check);
    done(data, status, name, err);
}

static void check_next(guard_check *check);

static void on_tags(void *data, const aws_result *result)
{
    guard_check *check = data;
    const char *arn = json_string_value(json_array_get(check->arns, check->next));
    check->under_way = NULL;
    if (result->error && !strstr(result->error->code, "NotFound") && !strstr(result->error->code, "NoSuchEntity")) {
        rip_error err;
        rip_fail(&err, RIP_EDENIED, "the tags of %s could not be read (%s: %s), so it counts as protected", arn,
                 result->error->code, result->error->message);
        decide(check, "protected", RIP_EDENIED, &err);
        return;
    }
    json_object_set_new(check->guard->tags, arn,
                        result->error ? json_object() : read_tags(check->call, result->output));
    check_next(check);
}

/* Ask for the tags of the ARN that is next; false if they cannot be asked for. */
static bool look_up(guard_check *check, const char *arn, rip_error *err)
{
    json_decref(check->call);
    check->call = run_targets_tag_call(check->guard->context.targets, arn);
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    aws_call_options options = {.region = check->region, .account = check->account};
    if (!check->call) {
        rip_fail(err, RIP_EDENIED, "it is not known how to read the tags of %s, so it counts as protected", arn);
        return false;
    }
    const char *service_name = json_string_value(json_object_get(check->call, "service"));
    const char *operation_name = json_string_value(json_object_get(check->call, "operation"));
    json_t *params = json_object_get(check->call, "params");
    if (aws_models_service(aws_client_models(check->guard->context.client), service_name, &service, err) != RIP_OK ||
        aws_service_operation(service, operation_name, &operation, err) != RIP_OK ||
        aws_call_start(check->guard->context.client, operation, params, &options, on_tags, check, &check->under_way,
                       err) != RIP_OK) {
        err->status = RIP_EDENIED;
        return false;
    }
    return true;
}

/* The engine's own identity: an assumed role's session is known by its role. */
static json_t *identity_of(const json_t *output)
{
    const char *arn = json_string_value(json_object_get(output, "Arn"));
    const char *role = arn ? strstr(arn, ":assumed-role/") : NULL;
    if (!role) return arn ? json_string(arn) : json_null();
    const char *name = role + strlen(":assumed-role/");
    const char *iam = strstr(arn, ":sts:");
    if (!iam) return json_null();
    return json_sprintf("%.*s:iam:%.*s:role/%.*s", (int)(iam - arn), arn, (int)(role - iam - 5), iam + 5,
                        (int)strcspn(name, "/"), name);
}

static void on_identity(void *data, const aws_result *result)
{
    guard_check *check = data;
    check->under_way = NULL;
    if (result->error)
        rip_log(RIP_LOG_WARN, "guard.identity", "error", result->error->code, "message", result->error->message, NULL);
    if (!check->guard->identity) check->guard->identity = result->error ? json_null() : identity_of(result->output);
    check_next(check);
}

/* Who we are is asked once, before the first change. */
static bool ask_identity(guard_check *check, rip_error *err)
{
    const aws_service *sts = NULL;
    const aws_operation *operation = NULL;
    aws_client *client = check->guard->context.client;
    aws_call_options options = {.region = check->region};
    json_t *params = json_object();
    bool asked =
        aws_models_service(aws_client_models(client), "sts", &sts, err) == RIP_OK &&
        aws_service_operation(sts, "GetCallerIdentity", &operation, err) == RIP_OK &&
        aws_call_start(client, operation, params, &options, on_identity, check, &check->under_way, err) == RIP_OK;
    json_decref(params);
    if (!asked) err->status = RIP_EDENIED;
    return asked;
}

static bool is_own(const guard *g, const char *arn)
{
    const char *own = json_string_value(g->identity);
    return own && (strcmp(own, arn) == 0 || iam_name_matches(own, arn));
}

/* Without a role, the credentials' own account is the only one: a change meant for another would be made in it. */
static bool is_reachable(const guard_check *check, rip_error *err)
{
    const char *own = json_string_value(check->guard->identity);
    if (check->guard->has_role || !own || !*check->account) return true;
    const char *iam = strstr(own, ":iam::");
    size_t len = strlen(check->account);
    if (!iam || (strncmp(iam + 6, check->account, len) == 0 && iam[6 + len] == ':')) return true;
    rip_fail(err, RIP_EDENIED,
             "account %s is not the credentials' own (%.12s), and accounts.role names no role to act in others",
             check->account, iam + 6);
    return false;
}

/* Go through the ARNs until one is protected, one must be asked for, or none is left. */
static void check_next(guard_check *check)
{
    rip_error err = {RIP_OK, ""};
    if (!check->guard->identity) {
        if (ask_identity(check, &err)) return;
        decide(check, "protected", err.status, &err);
        return;
    }
    if (!is_reachable(check, &err)) {
        decide(check, "account", err.status, &err);
        return;
    }
    for (; check->next < json_array_size(check->arns); check->next++) {
        const char *arn = json_string_value(json_array_get(check->arns, check->next));
        if (is_own(check->guard, arn)) {
            rip_fail(&err, RIP_EDENIED, "%s is the engine's own identity", arn);
            break;
        }
        const char *pattern = protecting_pattern(check->guard, arn);
        if (pattern) {
            rip_fail(&err, RIP_EDENIED, "%s is protected by the pattern %s", arn, pattern);
            break;
        }
        if (json_array_size(check->guard->protected_tags) == 0) continue;
        const json_t *tags = json_object_get(check->guard->tags, arn);
        if (!tags) {
            if (look_up(check, arn, &err)) return;
            break;
        }
        const char *key = protecting_tag(check->guard, tags);
        if (!key) continue;
        rip_fail(&err, RIP_EDENIED, "%s is protected by its tag %s=%s", arn, key,
                 json_string_value(json_object_get(tags, key)));
        break;
    }
    decide(check, "protected", err.status, &err);
}

/* Budgets, windows and the pause. */

const char *guard_paused(journal *j, const char *playbook, const char *account)
{
    json_t *pauses = journal_pauses(j);
    const char *scope;
    json_t *about;
    json_object_foreach (pauses, scope, about) {
        const char *name = strchr(scope, ':');
        bool of_playbook = strncmp(scope, "playbook:", strlen("playbook:")) == 0;
        if (!name || strcmp(name + 1, of_playbook ? playbook : account) == 0) return scope;
    }
    return NULL;
}

static bool has_budget(const guard *g, const guard_request *request, const char *kind, const char *name, unsigned most,
                       rip_error *err)
{
    char scope[192];
    if (most == 0) return true;
    snprintf(scope, sizeof scope, "%s:%s", kind, name);
    unsigned made = journal_spent(g->context.journal, scope, rip_clock_now(g->context.clock) - HOUR_MS);
    if (request->is_rehearsal) made += request->changes_made;
    if (made < most) return true;
    rip_fail(err, RIP_EDENIED,
             "the budget of %u changes an hour for the %s %s is used up: raise limits.changes_per_%s if "
             "that is meant",
             most, kind, name, kind);
    return false;
}

/* RIP_OK, or what forbids a change at this time. */
static rip_status check_budgets(const guard *g, const guard_request *request, const char **name, rip_error *err)
{
    *name = "budget";
    if (request->changes_made >= request->changes_allowed)
        return rip_fail(err, RIP_EDENIED,
                        "the run's budget of %u changes is used up: raise limits.changes if that is meant",
                        request->changes_allowed);
    if (!has_budget(g, request, "playbook", request->playbook, g->playbook_hourly, err) ||
        !has_budget(g, request, "account", request->account, g->account_hourly, err))
        return RIP_EDENIED;
    *name = "window";
    int64_t now = rip_clock_now(g->context.clock);
    if (guard_windows_open(g->windows, request->playbook, request->account, now)) return RIP_OK;
    return rip_fail(err, RIP_EDENIED,
                    "no window of the configuration's `windows` is open for the playbook %s in account %s",
                    request->playbook, request->account);
}

void guard_change(guard *g, const guard_request *request, guard_done done, void *data, guard_check **out)
{
    rip_error err = {RIP_OK, ""};
    const char *name;
    *out = NULL;
    if (!request->uncounted && check_budgets(g, request, &name, &err) != RIP_OK) {
        done(data, RIP_EDENIED, name, &err);
        return;
    }
    guard_check *check = calloc(1, sizeof *check);
    if (check) {
        check->guard = g;
        check->done = done;
        check->data = data;
        check->region = strdup(request->region);
        check->account = strdup(request->account);
        check->arns = run_targets_of(g->context.targets, request->operation, request->params, request->partition,
                                     request->region, request->account);
    }
    if (!check || !check->region || !check->account || !check->arns) {
        if (check) check_free(check);
        rip_nomem(&err);
        done(data, RIP_ENOMEM, "protected", &err);
        return;
    }
    *out = check;
    check_next(check);
}

void guard_cancel(guard_check *check)
{
    if (check->under_way) aws_call_cancel(check->under_way);
    check_free(check);
}
