#include <stdlib.h>
#include <string.h>

#include "engine/base/glob.h"
#include "engine/run/guard_private.h"

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
    g->is_simulated = policy->is_simulated;
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
    free(g->identity);
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

run_targets *guard_targets(const guard *g)
{
    return g->context.targets;
}

bool guard_declares(const json_t *permissions, const char *action)
{
    return any_matches(permissions, action, rip_glob_match_nocase);
}

/* An account or region that is not told is none that is allowed. */
static bool is_allowed(const json_t *globs, const char *text)
{
    return *text && any_matches(globs, text, rip_glob_match);
}

rip_status guard_admit(const guard *g, const guard_request *request, const char **name, rip_error *err)
{
    const char *action = aws_operation_iam_action(request->operation);
    if (!guard_declares(request->permissions, action)) {
        *name = "permission";
        return rip_fail(
            err, RIP_EDENIED,
            "the playbook's header does not declare the permission %s: add it to `permissions` if it is meant", action);
    }
    if (json_array_size(g->accounts) > 0 && !is_allowed(g->accounts, request->account)) {
        *name = "account";
        return rip_fail(err, RIP_EDENIED, "account %s is not in accounts.allow", request->account);
    }
    if (json_array_size(g->regions) > 0 && !is_allowed(g->regions, request->region)) {
        *name = "region";
        return rip_fail(err, RIP_EDENIED, "region %s is not in regions.allow", request->region);
    }
    return RIP_OK;
}

/* Changes. */

static void check_free(guard_check *check)
{
    guard *g = check->guard;
    if (check->previous)
        check->previous->following = check->following;
    else if (g->first == check)
        g->first = check->following;
    if (check->following) check->following->previous = check->previous;
    free(check->playbook);
    json_decref(check->params);
    json_decref(check->targets);
    free(check->partition);
    free(check->region);
    free(check->account);
    free(check);
}

void guard_decide(guard_check *check, const char *name, rip_status status, const rip_error *err)
{
    guard_done done = check->done;
    void *data = check->data;
    done(data, status, name, err); /* what is let through is spent in there: only then is it given back here */
    check_free(check);
}

static guard_check *check_new(guard *g, const guard_request *request, guard_done done, void *data)
{
    guard_check *check = calloc(1, sizeof *check);
    if (!check) return NULL;
    *check = (guard_check){.guard = g,
                           .operation = request->operation,
                           .params = json_incref((json_t *)(uintptr_t)request->params),
                           .partition = strdup(request->partition),
                           .region = strdup(request->region),
                           .account = strdup(request->account),
                           .playbook = strdup(request->playbook),
                           .reserves = !request->is_rehearsal && !request->uncounted,
                           .following = g->first,
                           .done = done,
                           .data = data};
    if (g->first) g->first->previous = check;
    g->first = check;
    if (check->partition && check->region && check->account && check->playbook) return check;
    check_free(check);
    return NULL;
}

void guard_change(guard *g, const guard_request *request, guard_done done, void *data, guard_check **out)
{
    rip_error err = {RIP_OK, ""};
    const char *name;
    *out = NULL;
    if (!request->uncounted && guard_check_budgets(g, request, &name, &err) != RIP_OK) {
        done(data, RIP_EDENIED, name, &err);
        return;
    }
    guard_check *check = check_new(g, request, done, data);
    if (!check) {
        rip_nomem(&err);
        done(data, RIP_ENOMEM, "protected", &err);
        return;
    }
    *out = check;
    guard_protect(check);
}

void guard_cancel(guard_check *check)
{
    if (check->under_way) aws_call_cancel(check->under_way);
    check_free(check);
}
