/* The inside of notify: a queue for each notifier, and for the findings that are updated where they came from. */
#ifndef RIPOSTE_NOTIFY_PRIVATE_H
#define RIPOSTE_NOTIFY_PRIVATE_H

#include "aws/transport_curl.h"
#include "engine/notify/notify.h"

/* Messages that wait, over all notifiers: what a notifier that is down for days may take of memory and journal. */
#define NOTIFY_WAITING_MOST 10000u
/* A message that could not be told for so long is given up. */
#define NOTIFY_KEPT_MS (INT64_C(3) * 86400000)

/** What a message is about; several may hold, and the first in this order names it. */
typedef enum notify_event {
    NOTIFY_APPROVAL = 1,
    NOTIFY_GUARD = 2,
    NOTIFY_FAILED = 4,
    NOTIFY_CONTAINED = 8,
    NOTIFY_ALL = 15
} notify_event;

typedef struct notifier notifier;
typedef struct notify_search notify_search;
typedef struct notify_handover notify_handover;

/** How a try ended. */
typedef enum notify_verdict {
    NOTIFY_TOLD,
    NOTIFY_LATER,  /* it is down, or says that it has enough: again after a while */
    NOTIFY_REFUSED /* it will never take this message */
} notify_verdict;

typedef struct notifier_kind {
    const char *name;
    size_t most; /* briefs in one message */
    /** Check and set up what the row says; NULL: nothing to check. */
    rip_status (*open)(notifier *n, rip_error *err);
    /** Send one message about `n->batch`; ends in one notifier_done, perhaps from inside. */
    void (*send)(notifier *n);
    /** May they go into one message? NULL: always. */
    bool (*together)(const json_t *first, const json_t *other);
} notifier_kind;

/** A brief that waits, and its place in the journal. */
typedef struct notify_item {
    struct notify_item *next;
    json_t *brief;
    unsigned slot;
} notify_item;

struct notifier {
    notify *owner;
    notifier *next;
    const notifier_kind *kind;
    char *name;
    const char *target, *from, *region; /* the configuration's; "" where not given */
    char *secret;                       /* NULL: none */
    char *form;                         /* http: the template; NULL: none */
    unsigned when;                      /* notify_events */
    int64_t digest_ms, retry_ms;
    double rate, rate_ms, tokens; /* rate messages in rate_ms; 0: any number */
    int64_t filled_ms;            /* when tokens was right */
    notify_item *first, *last;    /* oldest first */
    notify_item *sending;         /* what the message that is under way is about */
    json_t *batch;                /* their briefs */
    char *place;                  /* outcome: whose findings; NULL for others */
    notify_handover *handover;    /* outcome: the batch becomes a run; NULL: none does */
    unsigned fails;               /* tries since one was told */
    rip_timer timer;
    aws_exchange *exchange; /* what is under way, if anything is */
    aws_call *call;
    void (*answered)(notifier *n, const aws_result *result);
};

struct notify {
    notify_options options;
    char *base_url;
    aws_web *web;
    notifier *notifiers;
    json_t *told;          /* how far the telling has come (recover.c); NULL: not known yet */
    notify_search *search; /* for runs that nobody was told of; NULL: none goes on */
    size_t waiting;
    unsigned char *slots; /* of the journal's places, which are taken */
    unsigned slot_count;
    bool outcome_dry_run, outcome_resolve, outcome_guardduty, outcome_securityhub;
    metric *messages, *backlog;
};

/* queue.c */

/** Keep a brief (stolen) and tell it when its time has come. */
void notifier_add(notifier *n, json_t *brief);
/** The message under way has ended. `retry_after_ms` below 0: not told. */
void notifier_done(notifier *n, notify_verdict verdict, const char *why, int64_t retry_after_ms);
/** Forget what waits in memory; the journal keeps it. */
void notifier_empty(notifier *n);
/** Which places of the journal are taken. */
rip_status notify_slots_load(notify *n, rip_error *err);
void notify_slots_recover(notify *n);

/* recover.c */

/** A run that has ended is told of: its messages are written. */
void notify_told(notify *n, const json_t *record);
/** Tell of runs that ended in a process before this one, and that nobody was told of. */
void notify_find_untold(notify *n);
/** What still goes on of it ends by itself. NULL is allowed. */
void notify_search_leave(notify_search *s);

/* rows.c: the configuration. */

rip_status notify_rows_load(notify *n, rip_error *err);
void notifier_free(notifier *n);

/* brief.c: what is told of a run. */

/** Which events a run that ended amounts to; 0: nothing that people asked to be told of. */
unsigned brief_events(const json_t *record, const json_t *report);
/** New reference; it holds no more of the finding than a message shows. NULL: out of memory. */
json_t *brief_new(unsigned event, const json_t *record, const json_t *report, const json_t *finding, int64_t now_ms);
/** The same in words: {"title", "lines": […], "command", "link" (where there is one)}, each one printable line. What a
 * target takes for markup is still in it. New reference. */
json_t *brief_words(const notify *n, const json_t *brief);
/** Words of the whole batch: an array; new reference. */
json_t *brief_batch_words(const notifier *n);
/** "approval". */
const char *brief_event(const json_t *brief);
const char *notify_event_name(unsigned event);
/** A text at a path of two keys (`inner` NULL: one), "" where there is none. */
const char *brief_text(const json_t *object, const char *key, const char *inner);

/* send.c: what kinds send with. */

/** POST `body` as JSON to the notifier's address. `authorization` may be NULL. */
void notifier_post(notifier *n, const char *url, const char *authorization, const char *body, size_t len);
/** The same for a JSON value, which is stolen. */
void notifier_post_json(notifier *n, const char *url, json_t *body);
/** Call AWS; `params` is stolen. `answered` judges the result; notifier_judge does it where nothing more is to be said.
 */
void notifier_call(notifier *n, const char *service, const char *operation, const char *account, const char *region,
                   json_t *params, void (*answered)(notifier *n, const aws_result *result));
void notifier_judge(notifier *n, const aws_result *result);
/** Whether an address may be posted to: https, or http on this machine; no user, no fragment. */
rip_status notify_url_check(const char *url, rip_error *err);
/** Into a request's scheme, host, path and query. */
rip_status notify_url_split(const char *url, aws_http_request *request, rip_error *err);
/** The region of an ARN of that service; false if it is none. `out` has 64 bytes. */
bool notify_arn_region(const char *arn, const char *service, char out[64]);

/* outcome.c */

extern const notifier_kind notify_outcome_kind;
/** Its notifier goes. NULL is allowed. */
void outcome_leave(notify_handover *h);
/** The queue for the findings of that brief's account and region: one whose service says no holds up no other. NULL:
 * out of memory. */
notifier *outcome_queue(notify *n, const json_t *brief);
/** The brief of an update that a run's record calls for; NULL: none. New reference. */
json_t *outcome_brief(const notify *n, const json_t *record, const json_t *report, const json_t *finding);

/* One file each. */
extern const notifier_kind notify_sns, notify_eventbridge, notify_slack, notify_teams, notify_pagerduty, notify_http,
    notify_ses;

#endif
