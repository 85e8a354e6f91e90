/* What people tell the engine: one request object, one answer, the same from the command line, the control socket and
 * the API. */
#ifndef RIPOSTE_DISPATCH_WORDS_H
#define RIPOSTE_DISPATCH_WORDS_H

#include "engine/dispatch/dispatch.h"

/** Do what `request` asks. Its fields:
 *
 *     do       what, below
 *     who      the person's name: recorded; whoever calls has made sure of it
 *     why      their reason; recorded, "" if they gave none
 *
 *     "approve", "deny"    run: the plan that waits is carried out, or never will be. The answer has
 *                          "missing": how many more people must approve
 *     "retry"              run: one that failed, was stopped, is parked or uncertain is done again from
 *                          the start. settled ("happened"|"repeat"): what is known of the change that
 *                          an uncertain run stopped at
 *     "cancel"             run: one that is queued, going on, or waits is ended
 *     "undo"               run: its changes are taken back, in reverse order, by a run of its own. step: only that one
 *                          ("2.7/3"); mode: "dry-run" | "enforce", lowered by the configuration's
 *     "pause", "resume"    scope: "all", "playbook:NAME", "account:ID"
 *     "runs"               filter: the fields of journal_filter
 *     "show"               run
 *     "status"             -
 *
 * A run may be named by the beginning of its id. `done` is called once, perhaps from inside, with the answer: for what
 * makes a run follow, {"run": the id of the one named, "follows": id of the new one or null, "mode": of the new one or
 * null, "outcome"}; for questions what the journal answers; for "status" {"running", "queued", "waiting", "pauses"}.
 * RIP_EINVAL for a request that is wrong, RIP_ENOTFOUND, RIP_EDENIED where the run is not in a state for it. */
void words_perform(dispatch *d, const json_t *request, journal_answer done, void *data);

#endif
