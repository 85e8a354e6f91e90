/* Which resources a change is about: what the guards look at.
 *
 * What is known of a service is data, one file a service (aws/targets/SERVICE.json, docs/TARGETS.md): its kinds of
 * resources, which parameters name one, and which operations are about none. A target is a set of ARNs, written as a
 * pattern, since a parameter need not tell all of an ARN: an IAM user's name has no path, a secret's no random suffix.
 *
 *     run_targets *targets;
 *     run_targets_load(NULL, 0, &targets, err);
 *     json_t *found = run_targets_of(targets, operation, params, &place, &why);
 *     // [{"kind": "secret", "name": "db", "arns": ["arn:aws:secretsmanager:us-east-1:123456789012:secret:db-??????",
 * …],
 *     //   "tags": {"service", "operation", "params", "list", "key", "value", "none"}}]
 */
#ifndef RIPOSTE_RUN_TARGET_H
#define RIPOSTE_RUN_TARGET_H

#include <jansson.h>

#include "aws/model.h"
#include "engine/base/error.h"

typedef struct run_targets run_targets;

/** Where a change goes. Borrowed. */
typedef struct run_target_place {
    const char *partition, *region, *account;
} run_target_place;

/** What is known of the targets of a change. */
typedef enum run_target_verdict {
    RUN_TARGETS_KNOWN,    /* the list has them all */
    RUN_TARGETS_NONE,     /* it is about nothing that exists already */
    RUN_TARGETS_UNDECIDED /* it cannot be told: a guard says no */
} run_target_verdict;

/** `folders`: where a user's models are; a file SERVICE.targets.json in one of them goes before the shipped one.
 * Copied. A file is read when its service is first asked for. */
rip_status run_targets_load(const char *const *folders, size_t count, run_targets **out, rip_error *err);
void run_targets_free(run_targets *targets);

/** The resources that these parameters name, in a new JSON array of objects:
 *
 *     kind, name   as the data calls them; "arn" for an ARN of no known kind
 *     arns         patterns; the first one is the ARN itself where the parameters tell all of it
 *     caller       true: the caller of the operation itself (IAM's operations without a name). `arns` is empty
 *     tags         how its tags are read, see run_targets.c; missing: not known; false: the kind has none
 *
 * `*verdict` says what the list is worth; for RUN_TARGETS_UNDECIDED `err` (never NULL) tells why. NULL: out of memory.
 */
json_t *run_targets_of(run_targets *targets, const aws_operation *operation, const json_t *params,
                       const run_target_place *place, run_target_verdict *verdict, rip_error *err);

/** All calls by which tags are read, of every service there is data for: IAM actions in a new JSON array, sorted. */
json_t *run_targets_tag_actions(run_targets *targets, aws_models *models);

#endif
