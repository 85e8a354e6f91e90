/* The inside of the guards, shared by their files: guard.c (their life, what any call must pass), guard_budget.c
 * (budgets, windows, the pause), guard_identity.c (who we are), guard_protect.c (protected resources). */
#ifndef RIPOSTE_RUN_GUARD_PRIVATE_H
#define RIPOSTE_RUN_GUARD_PRIVATE_H

#include "engine/run/guard.h"

struct guard {
    json_t *accounts, *regions, *protected_arns, *protected_tags;
    unsigned playbook_hourly, account_hourly;
    const guard_windows *windows;
    guard_check *first; /* under way */
    bool has_role, is_simulated;
    guard_context context;
    json_t *tags;               /* how they were asked for -> {"at": ms, "tags": {"key": "value"}} */
    char *identity;             /* the engine's own ARN; NULL: not known (yet) */
    unsigned identity_failures; /* in a row */
    int64_t identity_asked_ms;  /* when it was asked for in vain */
    char identity_why[256];     /* it is not known; "": it was not asked for */
};

/* A change that is being checked. */
struct guard_check {
    guard *guard;
    const aws_operation *operation;
    json_t *params;
    json_t *targets; /* once they are worked out */
    char *playbook;
    bool reserves; /* it counts in the hourly budgets until it is decided, and then as what the caller has spent */
    guard_check *previous, *following;
    size_t next; /* of the targets */
    char *partition, *region, *account;
    aws_call *under_way;
    guard_done done;
    void *data;
};

/** Forget the check and tell: RIP_OK, or RIP_EDENIED with the guard's name. */
void guard_decide(guard_check *check, const char *name, rip_status status, const rip_error *err);

/* guard_budget.c */

/** RIP_OK, or what forbids a change at this time ("budget", "window"). Changes that are being checked count as made. */
rip_status guard_check_budgets(const guard *g, const guard_request *request, const char **name, rip_error *err);

/* guard_identity.c */

/** Go on with the check once it is known who we are; asks where it is not, and decides where it cannot be told. True:
 * it is known now. */
bool guard_identify(guard_check *check);
/** Can the set of ARNs hold the engine's own? */
bool guard_is_own(const guard *g, const char *arns);
/** Would the change be made in the account it is meant for? */
bool guard_is_reachable(const guard_check *check, rip_error *err);

/* guard_protect.c */

/** Go through the targets until one is protected, one's tags must be asked for, or none is left. */
void guard_protect(guard_check *check);

#endif
