/* What a drill expects of the account and of the runs, and whether it came so. */
#ifndef RIPOSTE_COMMAND_EXPECT_H
#define RIPOSTE_COMMAND_EXPECT_H

#include <jansson.h>

/** What a drill came to. All borrowed. */
typedef struct expect_outcome {
    const json_t *before, *after; /* the account: ARN -> its fields */
    const json_t *runs;           /* array of reports (record_report), in the order in which they ended */
    json_int_t containment_ms;    /* from the first event to the end of the last change */
    json_int_t bound_ms;          /* the least that the request quotas allow for the same calls */
} expect_outcome;

/** Compare with `expect`, a drill's table (docs/DRILLS.md):
 *
 *     runs              {playbook = outcome}: exactly these ran
 *     gone              ARN globs: each matches at least one resource before, and none after
 *     kept              ARN globs: each matches at least one resource, and all it matches are as before
 *     changed           {ARN glob = {field = value}}: may differ, and have these fields after
 *     created           ARN globs: what may be new
 *     untouched         true: all that gone, changed and created do not name is as before, and nothing else is new
 *     order             phases, in the order of their first changes
 *     contained_within  milliseconds
 *     quota_ratio       containment time over the quotas' bound, at most
 *
 * A new array of {"expected", "met", "found"}: texts for people, and a boolean. */
json_t *expect_compare(const json_t *expect, const expect_outcome *outcome);

/** What a drill's `expect` may hold; the first unknown key, or NULL. */
const char *expect_unknown_key(const json_t *expect);

#endif
