/* Permissions of playbooks, looked up in the API models: IAM actions, with wildcards. */
#ifndef RIPOSTE_DISPATCH_PERMISSION_H
#define RIPOSTE_DISPATCH_PERMISSION_H

#include "aws/model.h"
#include "engine/base/error.h"

typedef struct permissions permissions;

/** `models` is borrowed and outlives it. Actions of a service are read when one of them is first asked for. */
rip_status permissions_new(aws_models *models, permissions **out, rip_error *err);
void permissions_free(permissions *known);

/** Is there an operation that needs this action ("ecs:DeleteCluster"), or one that the wildcard covers
 * ("ecs:Describe*")? RIP_EINVAL says what is not known, with a suggestion. */
rip_status permissions_check(permissions *known, const char *permission, rip_error *err);

#endif
