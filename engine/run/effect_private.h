/* The inside of the door, shared by its files: effect.c (the way in and out), effect_aws.c (AWS operations),
 * effect_replay.c (what the journal already holds), effect_secret.c (what it must not hold). */
#ifndef RIPOSTE_RUN_EFFECT_PRIVATE_H
#define RIPOSTE_RUN_EFFECT_PRIVATE_H

#include "engine/base/digest.h"
#include "engine/run/effect.h"
#include "engine/run/plan.h"
#include "engine/run/secret_known.h"
#include "engine/run/unknown.h"

/* Member of a change's request on record: what aws_client_clock_off said when it was sent. */
#define EFFECT_CLOCK_OFF "clock_off_ms"

typedef struct pending pending;

struct effect_door {
    rip_door base;
    effect_settings settings;
    aws_session session; /* in another account the run can do no more than its header declares */
    run_unknowns *unknowns;
    run_plan *plan; /* the approved one; NULL: none is asked for */
    pending *first; /* under way */
    unsigned changes;
    size_t steps, bytes; /* on record, those from before a restart included */
    unsigned recorded;   /* steps that the journal held as finished when the script began */
    unsigned replayed;   /* of which so many were answered */
    secret_known known;
    bool told_secret; /* which the journal holds as a digest only: it cannot be told again */
    bool left;        /* by its script, which waits only */
    bool rewound;     /* what is replayed was counted when it was done */
    bool stopped;     /* nothing is begun any more */
};

/* One effect on its way through the door. */
struct pending {
    pending *previous, *next;
    effect_door *door;
    journal_step step; /* strings and JSON in it are this struct's own; requests and replies without their secrets */
    json_t *request;   /* as it was asked, what was sealed opened */
    char *path, *kind, *phase, *irreversible, *region, *account;
    char *unopened; /* why something in it could not be opened; NULL: all was */
    char fingerprint[RIP_SHA256_HEX];
    const aws_operation *operation; /* aws only */
    rip_effect_done done;
    void *data;
    guard_check *check;
    aws_call *call;
    rip_timer timer;
    json_t *value, *error; /* the answer, once known */
    bool planned;
    int plan_line;  /* of the approved plan; -1: none */
    unsigned order; /* of the recorded answer that it waits for; 0: none */
    bool held;      /* asked for during the replay, but not on record: it goes on when the replay is over */
    bool started;   /* the journal holds its start, from before a crash */
    bool writing;   /* the journal owes it an answer */
};

void pending_free(pending *p);

/** End the run: what it asked for cannot be answered. */
void effect_stop_run(effect_door *door, const effect_end *end);

/** Is it a run's that may change things, and are changes paused for it? */
bool effect_is_paused(const pending *p);
/** End the run as paused. */
void effect_stop_paused(pending *p);

/** The way on for an effect that the journal does not hold as finished. */
void effect_proceed(pending *p);

/** Write *finished* and answer. One of p->value and p->error is set. */
void effect_finish(pending *p, const char *outcome);
void effect_succeed(pending *p, json_t *value, const char *outcome);
void effect_fail(pending *p, const char *outcome);
/** {"code","message","retryable": false} and, where it is one of AWS, "operation". New reference. */
json_t *effect_error(const pending *p, const char *code, const char *message);

/** What the library found out about a change whose answer never came ("settled"): one that was made is none of those of
 * the approved plan that are still to come. */
void effect_settled(effect_door *door, const json_t *request);

/** The client token of a step: the same whenever the step is sent, also by a run that does it again, so that AWS takes
 * a repetition for what it is. */
void effect_token(const pending *p, char out[37]);

/* effect_own.c */

/** A UUID of a text's own. */
void effect_uuid_of(const char *text, char out[37]);
/** It is on record as started, and not one of AWS's: do it. */
void effect_own_act(pending *p);

/* effect_aws.c */

/** Does it name an operation there is? Sets p->operation and whether it is a change. */
rip_status effect_find_operation(pending *p, rip_error *err);
/** Are the region and the account that it names such? RIP_EDENIED, and `*name` which is not: "region", "account". */
rip_status effect_check_place(const pending *p, const char **name, rip_error *err);
/** The effect passed guards and is on record as started: do it, or answer from the plan. */
void effect_aws_act(pending *p);
/** It was started before a crash, and its end is not known: do it again where that is safe, else say so. */
void effect_aws_settle(pending *p);
/** Would settling it send it again, or only look? */
bool effect_aws_sends_again(const pending *p);

/* effect_replay.c */

/** Whether the effect is dealt with: it waits for its turn in the replay. */
bool effect_replay_holds(pending *p, const journal_step *step);
/** Every fiber waits. */
void effect_replay_quiet(effect_door *door);

/* effect_room.c */

/** What the journal holds of the run already. */
void effect_count_recorded(effect_door *door);
void effect_count_reply(effect_door *door, const json_t *reply);
/** Count a step that the journal does not hold yet. False: it is one too many, and the run is ended. */
bool effect_has_room(pending *p);

/* effect_secret.c */

/** What the journal holds of the request. New reference. */
json_t *effect_masked_request(const pending *p);
/** What takes the change back, its secrets sealed: as the library says, or as it was promised before a restart. */
void effect_take_undo(pending *p, const rip_effect *effect, const journal_step *before);
/** Does the header declare what the playbook itself says takes its change back? The library's own inverses it need not
 * declare, nor need an undo run. RIP_OK, or RIP_EDENIED with `err`. */
rip_status effect_check_undo(const pending *p, rip_error *err);
/** An undo may need what only the reply tells. */
void effect_fill_undo(pending *p, const json_t *reply);
/** In an undo run: what was sealed in the request is as it was. */
void effect_open_request(pending *p);
/** This is rip_door.same. */
bool effect_same(rip_door *base, json_t *a, json_t *b);

#endif
