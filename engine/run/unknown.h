/* Values that only AWS can choose, made up for a dry run and marked so that they are never taken for real ones. */
#ifndef RIPOSTE_RUN_UNKNOWN_H
#define RIPOSTE_RUN_UNKNOWN_H

#include <jansson.h>
#include <stdbool.h>

typedef struct run_unknowns run_unknowns;

/** How a plan shows such a value. */
#define RUN_UNKNOWN_TEXT "(known after the change)"

/** `run` (its id) keeps the marks of one run apart from another's, and from strings that an attacker wrote. NULL: out
 * of memory. */
run_unknowns *run_unknowns_new(const char *run);
void run_unknowns_free(run_unknowns *unknowns);

/** A new made-up string for the value at `what` ("2.7/3:taskDefinition.taskDefinitionArn"): the same again for the same
 * `what`. With an `arn_prefix` ("arn:aws:ecs:us-east-1:123456789012:task-definition/") it is put behind that. New
 * reference. */
json_t *run_unknown_make(run_unknowns *unknowns, const char *what, const char *arn_prefix);

/** Is any made-up value in this string? */
bool run_unknown_in(const run_unknowns *unknowns, const char *text);

/** Where the first made-up value in this string begins; it ends where the string does, or 8 hexadecimal digits behind
 * the run's own tag. NULL: there is none. */
const char *run_unknown_mark(const run_unknowns *unknowns, const char *text);

/** Is any made-up value in a string anywhere in this value? */
bool run_unknown_within(const run_unknowns *unknowns, const json_t *value);

/** A copy of `value` in which every string that holds a made-up value is RUN_UNKNOWN_TEXT. New reference. */
json_t *run_unknown_mask(const run_unknowns *unknowns, const json_t *value);

#endif
