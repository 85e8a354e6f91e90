/* When a change may be made: budgets, windows of time, and the pause. */
#include <stdio.h>
#include <string.h>

#include "engine/run/guard_private.h"

#define HOUR_MS (INT64_C(3600) * 1000)

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

/* Changes of others that are being checked: a budget must not be given out twice while tags are looked up. */
static unsigned reserved(const guard *g, const char *kind, const char *name)
{
    bool of_playbook = strcmp(kind, "playbook") == 0;
    unsigned count = 0;
    for (const guard_check *check = g->first; check; check = check->following)
        count += check->reserves && strcmp(of_playbook ? check->playbook : check->account, name) == 0;
    return count;
}

static bool has_budget(const guard *g, const guard_request *request, const char *kind, const char *name, unsigned most,
                       rip_error *err)
{
    char scope[192];
    if (most == 0) return true;
    snprintf(scope, sizeof scope, "%s:%s", kind, name);
    unsigned made = journal_spent(g->context.journal, scope, rip_clock_now(g->context.clock) - HOUR_MS);
    made += reserved(g, kind, name);
    if (request->is_rehearsal) made += request->changes_made;
    if (made < most) return true;
    rip_fail(err, RIP_EDENIED,
             "the budget of %u changes an hour for the %s %s is used up: raise limits.changes_per_%s if "
             "that is meant",
             most, kind, name, kind);
    return false;
}

rip_status guard_check_budgets(const guard *g, const guard_request *request, const char **name, rip_error *err)
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
