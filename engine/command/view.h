/* Runs as the journal tells of them, for people: a line of the list, and the whole of one. All that came from outside
 * is escaped. */
#ifndef RIPOSTE_COMMAND_VIEW_H
#define RIPOSTE_COMMAND_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/** The outcome of a record, or "queued" or "running" where it has none yet. Borrowed. */
const char *view_state(const json_t *record);

/** One run of the list, as journal_find_runs gives it: two lines or more. Its age is told at `now_ms`. */
void view_run_brief(FILE *out, const json_t *record, int64_t now_ms);

/** The pauses that hold, {scope: {"who", "why", "at"}}: a line or more each. */
void view_pauses(FILE *out, const json_t *pauses, int64_t now_ms);

typedef enum view_steps {
    VIEW_AS_FITS, /* of a plan that waits the changes, else all */
    VIEW_ALL,
    VIEW_CHANGES
} view_steps;

/** One run as journal_read_run gives it: what it answers, when, what was decided about it, its steps in the order in
 * which they began, and which commands are of use now. Values made up for a plan read "(known after the change)". */
void view_run(FILE *out, const json_t *whole, view_steps steps);

/** "12s", "4m", "3h", "2d": a span of time in its largest unit; `out` has 16 bytes. */
void view_age(int64_t ms, char out[16]);

#endif
