/* Findings and runs as people read them, and as programs do. */
#ifndef RIPOSTE_COMMAND_REPORT_H
#define RIPOSTE_COMMAND_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/** Severity, kind, place, title and origin of a finding: three lines. `line` 0: not told. */
void report_finding(FILE *out, const json_t *finding, const char *origin, size_t line);

/** A run (record_report's object): its outcome, its changes by phase and operation with what takes them back, what was
 * left alone, its log. With `every` each change is a line of its own, with its parameters. */
void report_run(FILE *out, const json_t *run, bool every);

/** Write a value as JSON that people read (rip_json_lay_out), escaped, cut after `most` bytes, with a line's end. It
 * starts at column `at` and goes on at `indent`. */
void report_json(FILE *out, unsigned indent, unsigned at, const json_t *value, size_t most);

/** "412 ms", "33.2 s", "4 min 10 s" in `out`, which has 32 bytes. */
void report_span(json_int_t ms, char out[32]);

/** How many changes of a run are in a state: "done", "planned", "failed", "refused"; NULL: all but
 * those that were refused. */
size_t report_changes(const json_t *run, const char *state);

#endif
