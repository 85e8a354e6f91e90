/* Telling people and systems what runs came to. A notifier that is down never holds up a run: what is to be told waits
 * in the journal (as a position of its own) and is tried again. */
#ifndef RIPOSTE_NOTIFY_NOTIFY_H
#define RIPOSTE_NOTIFY_NOTIFY_H

#include <jansson.h>

#include "aws/client.h"
#include "engine/base/clock.h"
#include "engine/base/config.h"
#include "engine/base/metrics.h"
#include "engine/journal/journal.h"

typedef struct notify notify;

/** All borrowed; outlives it. */
typedef struct notify_options {
    const rip_config *config; /* keys notify.* and outcome.* */
    rip_clock *clock;
    aws_client *client;
    journal *journal;
    metrics *metrics;                                      /* may be NULL */
    const char *base_url;                                  /* of the API, for approval links; NULL: there is none */
    void (*mistake)(void *data, const rip_error *mistake); /* each mistake in the configuration */
    /** Have a run tell a service about its findings: `briefs` (an array, borrowed) as dispatch_feedback takes them.
     * `done` is called once, when the journal has the run. */
    void (*feedback)(void *data, const json_t *briefs, journal_done done, void *done_data);
    void *data;
} notify_options;

rip_status notify_new(const notify_options *options, notify **out, rip_error *err);
/** What waits to be told is told by the next process. */
void notify_free(notify *n);
/** What the journal still has to tell, and runs that ended in another process before anybody was told. Once, before the
 * first run is told of. */
void notify_recover(notify *n);

/** A run has begun (its record has no outcome), has ended, or waits for people: the finding it answers is updated where
 * it came from, and whoever wants to know is told. `record` as in the journal, `report` as record_report gives it
 * (NULL: none), `finding` normalised with its event; all borrowed. */
void notify_run(notify *n, const json_t *record, const json_t *report, const json_t *finding);

/** Messages that wait to be told. */
size_t notify_backlog(const notify *n);

/** The approval link's token for a run: signed with the journal's key, for one use, until `expires_ms`. `out` has 256
 * bytes. */
void notify_link_make(const journal *j, const char *run, int64_t expires_ms, char out[256]);
/** Whether a token is good for this run at `now_ms`; RIP_EDENIED tells why not. That it is used once is the caller's
 * affair: a plan that was decided about does not wait any more. */
rip_status notify_link_check(const journal *j, const char *token, const char *run, int64_t now_ms, rip_error *err);

#endif
