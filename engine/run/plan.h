/* A plan that was approved, and what of it is still to come: a change that is not in it is not made.
 *
 * What a plan could not know stands for exactly what came of it when it is carried out: a made-up value for what the
 * change that brings it returned, in this very run; a time that the planning run was told for one that this run was
 * told.
 *
 *     int line = run_plan_take(plan, request);      // -1: outside the plan
 *     // … AWS answers …
 *     run_plan_bind(plan, line, reply);             // or run_plan_give_back(plan, line), when it was not made
 */
#ifndef RIPOSTE_RUN_PLAN_H
#define RIPOSTE_RUN_PLAN_H

#include <jansson.h>
#include <stdbool.h>

#include "aws/model.h"
#include "engine/base/error.h"
#include "engine/journal/journal.h"

typedef struct run_plan run_plan;

/** The lines of a plan from the steps of the run that made it, in the order in which they were planned, values that
 * were made up included: an array of {"service", "operation", "params", "region", "account"}, with "returns", what the
 * change was taken to return ({path: text with a made-up value}), and "times", what the run had been told of the time
 * (ms), where there are any. New reference. */
json_t *run_plan_lines(journal *j, const char *run);

/** `lines` as run_plan_lines gives them (a reference is kept), made by run `planned_by`. `models` is borrowed. */
rip_status run_plan_new(json_t *lines, const char *planned_by, aws_models *models, run_plan **out, rip_error *err);
void run_plan_free(run_plan *plan);

/** The line that a change is, one of those still to come, which is crossed off; -1: it is none. `request` as the door
 * is asked. The order in which changes are made is free, since fibers overtake each other. Texts for people (a
 * finding's note) may differ. */
int run_plan_take(run_plan *plan, const json_t *request);

/** It was not made, as far as is known: it is still to come. -1: nothing. */
void run_plan_give_back(run_plan *plan, int line);

/** It was made, and this came back: what the plan made up for it stands for that from now on. -1: nothing. */
void run_plan_bind(run_plan *plan, int line, const json_t *reply);

/** The run that carries it out was told the time. */
void run_plan_told_time(run_plan *plan, int64_t ms);

/** What differs between two plans: {"added": [lines], "removed": [lines]}. New reference. */
json_t *run_plan_difference(json_t *before, const char *before_run, json_t *after, const char *after_run);

#endif
