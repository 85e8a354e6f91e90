/* A session policy that grants no more than a list of permissions, within AWS's limit. */
#ifndef RIPOSTE_AWS_CREDENTIALS_SESSION_POLICY_H
#define RIPOSTE_AWS_CREDENTIALS_SESSION_POLICY_H

#include <jansson.h>

#include "engine/base/error.h"

#define AWS_SESSION_POLICY_MAX 2048

/** The policy as JSON in new memory. What is covered by another permission is left out; where the rest is longer than
 * AWS_SESSION_POLICY_MAX, actions of one service that begin with the same word become one ("ecs:Delete*"), and then
 * whole services ("ecs:*"). RIP_ELIMIT where even that is too long; RIP_EINVAL for what is no "service:Action".
 *
 * Follows: AWS STS API Reference, AssumeRole, "Policy". */
rip_status aws_session_policy(const json_t *permissions, char **out, rip_error *err);

#endif
