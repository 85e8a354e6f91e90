/* What stops a change whatever the playbook says: undeclared permissions, foreign accounts and regions, protected
 * resources (the engine's own identity always), budgets, windows of time, and a pause. */
#ifndef RIPOSTE_RUN_GUARD_H
#define RIPOSTE_RUN_GUARD_H

#include <jansson.h>
#include <stdbool.h>

#include "aws/client.h"
#include "engine/base/error.h"
#include "engine/journal/journal.h"
#include "engine/run/target.h"
#include "engine/run/window.h"

/** Set by the configuration, the same for all runs. All borrowed. An empty or missing list of accounts or regions
 * allows all. */
typedef struct guard_policy {
    const json_t *accounts;       /* array of account ids that may be touched */
    const json_t *regions;        /* array of region globs */
    const json_t *protected_arns; /* array of ARN patterns; letters' case does not count */
    const json_t *protected_tags; /* array of {"key": glob, "value": glob} */
    unsigned playbook_hourly;     /* changes of one playbook within an hour; 0: any number */
    unsigned account_hourly;      /* …in one account */
    const guard_windows *windows; /* when changes may be made; NULL: always */
    bool has_role;                /* other accounts are reached through one: accounts.role */
    bool is_simulated;            /* there is no engine's own identity to protect */
} guard_policy;

typedef struct guard guard;
typedef struct guard_check guard_check;

/** What guards look at and ask. All borrowed. */
typedef struct guard_context {
    run_targets *targets;
    aws_client *client;
    journal *journal; /* pauses, and the changes of the last hour */
    rip_clock *clock;
} guard_context;

/** Guards for runs; the tags of resources that were looked up are kept for a minute. `policy` is copied (references are
 * kept). */
rip_status guard_new(const guard_policy *policy, const guard_context *context, guard **out, rip_error *err);
void guard_free(guard *g);
/** Other hourly budgets from now on. */
void guard_limit(guard *g, unsigned playbook_hourly, unsigned account_hourly);

/** What its runs' changes are about is told by these; borrowed. */
run_targets *guard_targets(const guard *g);

/** False: STS was asked who the engine is, in vain; changes are refused until it answers. `*why` is its error,
 * borrowed.
 */
bool guard_knows_itself(const guard *g, const char **why);

/** What is about to be done. Borrowed during the call. */
typedef struct guard_request {
    const aws_operation *operation;
    const json_t *params;
    const char *partition, *region, *account;
    const json_t *permissions; /* the header's: array of action globs */
    const char *playbook;
    unsigned changes_made; /* by the run so far */
    unsigned changes_allowed;
    bool uncounted;    /* no budget and no window holds for it */
    bool is_rehearsal; /* the changes made so far are not counted elsewhere */
} guard_request;

/** Does the header's list of action patterns declare this IAM action? */
bool guard_declares(const json_t *permissions, const char *action);

/** Whether a run may call the operation at all (reads too): declared permission, allowed account and region. RIP_OK or
 * RIP_EDENIED, `err` telling what forbids it and `*name` the guard ("permission", "account", "region"). */
rip_status guard_admit(const guard *g, const guard_request *request, const char **name, rip_error *err);

/** The scope ("all", "playbook:NAME", "account:ID") in which changes are paused; NULL: they are not. Borrowed. */
const char *guard_paused(journal *j, const char *playbook, const char *account);

/** `status` is RIP_OK, or RIP_EDENIED with `name` the guard ("protected", "identity", "budget", "window",
 * "account"). */
typedef void (*guard_done)(void *data, rip_status status, const char *name, const rip_error *err);

/** Whether a change may be made: budgets, windows, then protected resources, whose tags are looked up where tag
 * patterns are set. `done` is called once, perhaps from inside. `*out` is set before, to the check under way: forget it
 * in `done`. */
void guard_change(guard *g, const guard_request *request, guard_done done, void *data, guard_check **out);

/** `done` is not called any more. */
void guard_cancel(guard_check *check);

#endif
