/* The inside of targets, shared by its files: target.c (the walk through the parameters), target_data.c (what is known
 * of a service), target_arn.c (from a value to ARNs and the call for tags). */
#ifndef RIPOSTE_RUN_TARGET_PRIVATE_H
#define RIPOSTE_RUN_TARGET_PRIVATE_H

#include "engine/run/target.h"

/* The file with the members that name what is handed over, in all services: roles, keys, subnets. */
#define TARGETS_COMMON "common"

/* target_data.c */

/** The data of a service by boto3's name; NULL: there is none, or it cannot be read (which is logged). Borrowed. */
const json_t *target_service(run_targets *targets, const char *name);
/** The data of the service that ARNs call so ("elasticloadbalancing"), and boto3's name of it ("elbv2"). Borrowed;
 * NULL: there is none. */
const json_t *target_service_of_arn(run_targets *targets, const char *arn_service, size_t len, const char **name);
/** What the data says of an operation: under its own name, else under the first pattern that fits. NULL: nothing. */
const json_t *target_operation(const json_t *service, const char *operation);
/** The services that there is data for, by boto3's names. New reference. */
json_t *target_service_names(const run_targets *targets);

/* target_arn.c */

/** Where a value stands. Borrowed. */
typedef struct target_context {
    run_targets *targets;
    const json_t *service;  /* its data */
    const char *name;       /* boto3's */
    const json_t *params;   /* all of them: a template may ask for another one */
    const json_t *defaults; /* what other ones are where they are left out; NULL: nothing */
    const run_target_place *place;
} target_context;

/** The target that `value` names as one of `kind` (in the service's data); NULL: out of memory. New reference. */
json_t *target_of_value(const target_context *context, const char *kind, const char *value);
/** The target that an ARN is, of whatever service. New reference. */
json_t *target_of_arn(const target_context *context, const char *arn);
bool target_is_arn(const char *text);

#endif
