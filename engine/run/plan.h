/* A plan that was approved, and what of it is still to come: a change that is not in it is not made. */
#ifndef RIPOSTE_RUN_PLAN_H
#define RIPOSTE_RUN_PLAN_H

#include <jansson.h>
#include <stdbool.h>

#include "engine/base/error.h"
#include "engine/journal/journal.h"

typedef struct run_plan run_plan;

/** The lines of a plan from the steps of the run that made it: an array of {"service","operation","params","region",
 * "account"}, in the order in which they were planned, values that were made up included. New reference. */
json_t *run_plan_lines(journal *j, const char *run);

/** `lines` as run_plan_lines gives them (a reference is kept), made by run `planned_by`: its made-up values stand for
 * whatever AWS then chose. */
rip_status run_plan_new(json_t *lines, const char *planned_by, run_plan **out, rip_error *err);
void run_plan_free(run_plan *plan);

/** Whether a change is one of those still to come; it is crossed off then. `request` as the door is asked. The order in
 * which changes are made is free, since fibers overtake each other. */
bool run_plan_allows(run_plan *plan, const json_t *request);

/** It was crossed off and not made, as far as is known: it is still to come. */
void run_plan_gives_back(run_plan *plan, const json_t *request);

/** What differs between two plans: {"added": [lines], "removed": [lines]}. New reference. */
json_t *run_plan_difference(json_t *before, const char *before_run, json_t *after, const char *after_run);

#endif
