/* A run as people and programs read it: one JSON object made from the journal. */
#ifndef RIPOSTE_RUN_RECORD_H
#define RIPOSTE_RUN_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/journal/journal.h"
#include "lua/playbook.h"

/** The record of a run that waits for its turn: id, playbook, what of the finding says which it is, mode, when it was
 * queued. New reference. */
json_t *record_queued(const char *id, const rip_playbook *playbook, const json_t *finding, const char *mode,
                      int64_t now_ms);

/** What is added when it begins: the playbook's text, the digest of the library it runs with, mode, start. New
 * reference. */
json_t *record_begin(const char *id, const rip_playbook *playbook, const char *library, const char *mode,
                     int64_t now_ms);

/** Has it ended as it was meant to, or does another run follow from it? If not, a person should look. */
bool record_is_well(const json_t *record);

/** The whole run for a report: its record without the playbook's text, and
 *  "changes":    one object for each change, in the order in which they were started: step, phase, at (ms from the
 * run's start), operation, params, region, account, state ("done", "planned", "failed", "refused", "started"), error,
 * undo or irreversible, ms "left_alone": [{"what","why"}], "evidence": [{"name","value"}], "log":
 * [{"at","text","fields"}], "calls":      {"ecs:ListServices": n, …} for all operations, "reads", "failed_reads".
 *  Values made up for a plan read "(known after the change)". New reference; NULL if there is no such run. */
json_t *record_report(journal *j, const char *id);

#endif
