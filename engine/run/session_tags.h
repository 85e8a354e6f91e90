/* The tags of a role's session: what CloudTrail's records of a run, and policies that ask for aws:PrincipalTag, get to
 * know of it.
 *
 * Follows: IAM User Guide, "Pass session tags in AWS STS". */
#ifndef RIPOSTE_RUN_SESSION_TAGS_H
#define RIPOSTE_RUN_SESSION_TAGS_H

#include <jansson.h>

#include "engine/base/error.h"

/** Check what a person configured: [{"key", "value"}, …], where a value may hold {run}, {playbook} and {finding}.
 * RIP_EINVAL says which tag AWS would not take, and why. */
rip_status run_session_tags_check(const json_t *templates, rip_error *err);

/** The tags of one run, {"key": "value"}: a new reference; NULL where there are no templates. What AWS does not take in
 * a value becomes '-', and a value ends after 256 characters: a finding's id is not ours to choose. */
json_t *run_session_tags(const json_t *templates, const char *run, const char *playbook, const char *finding);

#endif
