/* The door: the one way from a run to the world.
 *
 * For every effect it asks, in this order: does the journal already hold this step? did the header declare the
 * permission? does a guard forbid it? does the mode let it through, or does it become a line of the plan? Then: write
 * *started*, do it, write *finished*, answer. */
#ifndef RIPOSTE_RUN_EFFECT_H
#define RIPOSTE_RUN_EFFECT_H

#include "aws/client.h"
#include "engine/base/clock.h"
#include "engine/journal/journal.h"
#include "engine/run/guard.h"
#include "engine/run/mode.h"
#include "lua/door.h"

typedef struct effect_door effect_door;

/** Why a run cannot go on. Borrowed during the call. */
typedef struct effect_end {
    const char *outcome; /* "failed" (the journal could not be written …), "diverged", "paused", "outside-plan",
                            "uncertain", "secret-lost" */
    rip_status status;
    char reason[RIP_ERROR_MESSAGE_MAX];
    json_t *detail; /* "outside-plan": the change; "uncertain": what is known; else NULL */
} effect_end;

typedef void (*effect_stop)(void *data, const effect_end *end);

/** What a door stands in front of. All borrowed; outlives the door. */
typedef struct effect_settings {
    const char *run; /* the run's id */
    const char *playbook;
    run_mode mode;
    const json_t *permissions;  /* array of action globs */
    const json_t *session_tags; /* {"key": "value"}; NULL: none */
    json_t *plan;               /* the approved lines, see plan.h; NULL: any change that the guards allow */
    const char *planned_by;     /* the run that made the plan; itself where there is none */
    const char *tokens_of;      /* the run whose client tokens it goes by: itself, or the one that it does again */
    const char *takes_back;     /* the run whose changes this one undoes: what is sealed in them opens. NULL: none */
    unsigned changes_allowed;
    size_t steps_allowed, bytes_allowed; /* on record; 0: any number */
    bool uncounted; /* budgets and windows are for what is done about findings, not for what is said of it */
    const char *partition, *region, *account; /* where an operation goes that names none */
    journal *journal;
    aws_client *client;
    guard *guard;
    rip_clock *clock;
    effect_stop stop;
    void (*quiet)(void *data); /* every fiber waits: see effect_door_sleeps. NULL: nobody asks */
    void (*awake)(void *data); /* the first wait is over of a door that its script has left */
    void *data;
} effect_settings;

rip_status effect_door_new(const effect_settings *settings, effect_door **out, rip_error *err);

/** Its run is being stopped: from now on nothing is sent, and no step begins. What AWS still answers gets on record,
 * until the door is closed. It may be called from within the door. */
void effect_door_hold(effect_door *door);

/** Gives up what is under way: no answer comes any more, and nothing is sent. What the journal still owes an answer to
 * stays: the door may be freed once the journal has answered what is written after it, or is closed. NULL: nothing. */
void effect_door_close(effect_door *door);
void effect_door_free(effect_door *door);

/** The door as Lua knows it. */
rip_door *effect_door_base(effect_door *door);

/** Changes that were let through or planned so far. */
unsigned effect_door_changes(const effect_door *door);

/** Whether waits that last `least_ms` and longer are all that is under way, and a script that starts from the top would
 * be answered as this one was: the one that waits may go. */
bool effect_door_sleeps(const effect_door *door, int64_t least_ms);

/** Its script is gone: the waits go on, and the end of the first is put on record and told to `awake`, which rewinds
 * the door, or is about to free it. */
void effect_door_leave(effect_door *door);

/** A script starts from the top: it is answered from the journal what was answered before. Counts and the approved plan
 * stay as they are, what waited is asked for again. */
void effect_door_rewind(effect_door *door);

/** Whether steps that the journal held when its script began were not asked for yet: a run that ends so has diverged.
 */
bool effect_door_is_replaying(const effect_door *door);

/** A copy of `value` with every value that was made up for a plan shown as "(known after the change)". New reference.
 */
json_t *effect_door_mask(const effect_door *door, const json_t *value);

/** A copy of a text that the run writes, without the secrets that it was told (secret_known.h); the caller frees it.
 * NULL: out of memory. `door` NULL: it was told none. */
char *effect_door_hide_text(const effect_door *door, const char *text, size_t len);

/** One effect; this is rip_door.perform. */
void effect_perform(rip_door *base, const rip_effect *effect, rip_effect_done done, void *data);

#endif
