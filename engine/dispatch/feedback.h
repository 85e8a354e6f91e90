/* The run that tells a service what the engine did about its findings. */
#ifndef RIPOSTE_DISPATCH_FEEDBACK_H
#define RIPOSTE_DISPATCH_FEEDBACK_H

#include <jansson.h>

#include "engine/dispatch/dispatch.h"

/** The IAM actions that telling about findings of a form ("asff", "ocsf", "guardduty") needs: the built-in playbook's
 * header, and what `riposte policy --engine` prints. NULL ends them; an unknown form has none. */
const char *const *feedback_permissions(const char *form);

/** The record of a run that tells about `briefs` (an array that is not empty, all of one form, account and region, as
 * notify/outcome.c makes them: {"form", "account", "region", "status", "text", "run", "finding", "key", "product",
 * "version"}): a built-in playbook ("feedback") in enforce mode, whatever the global mode is now. The same briefs have
 * the same record, so that a batch that is handed over twice is one run. New reference; NULL: out of memory. */
json_t *feedback_record(const json_t *briefs, int64_t now_ms);

/** Queue that run. `done` is called once, perhaps from inside, when the journal has it: from then on it is done by this
 * process or the next one. */
void dispatch_feedback(dispatch *d, const json_t *briefs, journal_done done, void *data);

#endif
