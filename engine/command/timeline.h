/* The steps of one run, one after the other: when, what was asked, what came back, what takes it back. */
#ifndef RIPOSTE_COMMAND_TIMELINE_H
#define RIPOSTE_COMMAND_TIMELINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/** `steps` as journal_read_run gives them. With `only_changes` no others, but for what was refused. */
void timeline_print(FILE *out, const json_t *record, const json_t *steps, bool only_changes);

/** What is known of why a run was stopped: the request that is uncertain, or how its changes differ from its plan. */
void timeline_detail(FILE *out, const json_t *detail);

/** Did it make a change whose inverse is known? */
bool timeline_can_be_undone(const json_t *steps);

#endif
