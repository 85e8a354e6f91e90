/* The parts of a polling source: rounds and pages (poll.c), and what is asked of AWS (poll_ask.c). Private to the room.
 */
#ifndef RIPOSTE_INTAKE_POLL_PRIVATE_H
#define RIPOSTE_INTAKE_POLL_PRIVATE_H

#include "engine/intake/live_tally.h"
#include "engine/intake/poll.h"

typedef struct poll_source poll_source;

/* One finding of the page that is handed over. */
typedef struct poll_document {
    poll_source *source;
    char *key; /* its id and when it was updated; NULL: it tells neither */
} poll_document;

struct poll_source {
    live_source base;
    live_tally tally;
    poll_kind kind;
    char *region, *account;
    int64_t every_ms, since_ms;
    aws_client *client;
    rip_clock *clock;
    journal *journal;
    live_sink sink;
    const aws_operation *detectors, *list, *get; /* ListDetectors, ListFindings (both GuardDuty's), GetFindings */
    bool running;
    unsigned failures; /* in a row */

    rip_timer timer; /* the next round, or the next offer of what the sink did not take */
    aws_call *call;
    unsigned round;
    int64_t began; /* the round, on the monotonic scale */

    /* A round goes from one target to the next: GuardDuty's detectors; Security Hub has one, "". */
    json_t *targets;
    size_t target;
    char place[512];  /* what the journal knows the target by */
    int64_t from, to; /* of the updates that are asked for; milliseconds since the epoch */
    char *token;      /* of the next page; NULL: there is none */

    json_t *page;
    poll_document *documents;
    size_t offered, under_way;
    int64_t newest; /* update on this page and those before it */
    bool in_order;  /* no page held an update that is older than the page before it */
    bool is_kept;   /* all that was told of this page */
    json_t *seen;   /* key -> the round in which it was last seen */
};

/* poll_ask.c: each of them ends in one of the functions below, from the loop. */

rip_status poll_find_operations(poll_source *s, rip_error *err);
void poll_ask_targets(poll_source *s);
/** Those updated in [from, to], from s->token on. */
void poll_ask_page(poll_source *s);

/* poll.c */

const char *poll_target(const poll_source *s);
/** Takes the reference over. */
void poll_on_targets(poll_source *s, json_t *targets);
/** `findings` is borrowed; `token` NULL or "": the last page. */
void poll_on_page(poll_source *s, json_t *findings, const char *token);
/** The round is given up; the next one starts from what the journal holds. */
void poll_on_trouble(poll_source *s, const rip_error *why);

#endif
