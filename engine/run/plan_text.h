/* Texts of a plan beside those that its execution asks for: made-up values and times in them. Private to plan.c. */
#ifndef RIPOSTE_RUN_PLAN_TEXT_H
#define RIPOSTE_RUN_PLAN_TEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "engine/run/unknown.h"

/** What made-up values stand for: an array of [made up, real], the longest first. */
typedef struct plan_bindings {
    json_t *pairs;
} plan_bindings;

/** `made_up`, a whole text of a planned reply, stands for `real`, and so does the mark in it for what is in its place.
 */
void plan_bind(plan_bindings *bindings, const run_unknowns *unknowns, const char *made_up, const char *real);

/** `planned` with what its made-up values stand for. The caller frees it; NULL: one of them stands for nothing yet, or
 * out of memory. */
char *plan_resolve(const plan_bindings *bindings, const run_unknowns *unknowns, const char *planned);

/** Is there a time in it, as RFC 3339 writes it? */
bool plan_has_time(const char *text);

/** Is `actual` the same as `planned` but for times, each of which is as far from a time that the planning run was told
 * (`planned_times`) as the one in its place is from a time that the run was told (`times`)? Arrays of milliseconds. */
bool plan_same_but_times(const char *planned, const char *actual, const json_t *planned_times, const json_t *times);

#endif
