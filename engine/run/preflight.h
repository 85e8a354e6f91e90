/* Preflight: what a plan would be refused, asked before it is carried out. The library asks AWS (riposte.preflight);
 * here is what it asks about, and where its answer is read. */
#ifndef RIPOSTE_RUN_PREFLIGHT_H
#define RIPOSTE_RUN_PREFLIGHT_H

#include <jansson.h>

#include "aws/model.h"
#include "engine/journal/journal.h"
#include "engine/run/target.h"
#include "engine/run/unknown.h"

/** Where a plan's changes are looked up. All borrowed. */
typedef struct preflight_place {
    run_targets *targets;
    aws_models *models;
    const run_unknowns *unknowns;
    const char *partition;
} preflight_place;

/** The changes that a run has planned: [{"step","service","operation","params","region","account","action": IAM's,
 * "resources": [ARNs that are known], "dry_run": EC2 has it, "unknown": other changes bring what it acts on}]. New
 * reference. */
json_t *preflight_changes(journal *j, const char *run, const preflight_place *place);

/** A header's permissions with those that a preflight needs besides. New reference. */
json_t *preflight_permissions(const json_t *permissions);

/** Put {"verdict","why"} as "preflight" into each of the report's changes ("step") that `verdicts` tells of. */
void preflight_mark(json_t *changes, const json_t *verdicts);

#endif
