/* Which resources a change is about: what the guards look at. */
#ifndef RIPOSTE_RUN_TARGET_H
#define RIPOSTE_RUN_TARGET_H

#include <jansson.h>

#include "aws/model.h"
#include "engine/base/error.h"

typedef struct run_targets run_targets;

/** Read the data folder's `aws/resources.json`: for each service, which parameters name resources, how a name becomes
 * an ARN, and how a resource's tags are read. */
rip_status run_targets_load(run_targets **out, rip_error *err);
void run_targets_free(run_targets *targets);

/** The ARNs of the resources that these parameters name, in a new JSON array of strings: given ARNs as they are, names
 * and ids made into ARNs. Where nothing is known of a service, every parameter at the top that is an ARN counts. NULL:
 * out of memory. */
json_t *run_targets_of(const run_targets *targets, const aws_operation *operation, const json_t *params,
                       const char *partition, const char *region, const char *account);

/** How to read the tags of the resource `arn`: {"service","operation","params","list","key","value"} in a new object;
 * NULL if it is not known for that kind of resource. */
json_t *run_targets_tag_call(const run_targets *targets, const char *arn);

#endif
