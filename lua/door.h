/* The door, seen from Lua: everything a playbook does that the world can see goes through one function that the run
 * supplies.
 *
 * The Lua room knows only this interface; what stands behind it (journal, permissions, guards, mode, AWS) is
 * engine/run's. */
#ifndef RIPOSTE_LUA_DOOR_H
#define RIPOSTE_LUA_DOOR_H

#include <jansson.h>
#include <stdbool.h>

/** One effect as the playbook asks for it. All is borrowed during rip_door.perform. */
typedef struct rip_effect {
    const char *kind;  /* "aws", "sleep", "now", "random", "uuid", "log", "evidence", "left-alone", "settled",
                          "park", "plan", "preflight" */
    const char *path;  /* the fiber's place: "" for the first, "2.7" for the seventh child of its second child */
    unsigned number;   /* of the effect within its fiber, from 1 */
    const char *phase; /* the run:phase it belongs to, or "" */
    json_t *request;   /* aws: {"service","operation","params","region","account"}; others: their own few fields */
    json_t *undo;      /* the operations that take a change back, in order; NULL: not known */
    const char *irreversible; /* why a change cannot be taken back, or NULL */
} rip_effect;

/** What came of it. Borrowed during the callback. */
typedef struct rip_effect_reply {
    json_t *value; /* NULL when there is an error */
    json_t *error; /* {"code","message","operation","status","request_id","retryable"}, or NULL */
    bool planned;  /* a dry run: the change became a line of the plan, and `value` is made up */
} rip_effect_reply;

typedef void (*rip_effect_done)(void *data, const rip_effect_reply *reply);

typedef struct rip_door rip_door;
struct rip_door {
    /** Calls `done` exactly once, perhaps from inside, unless the run ends first. */
    void (*perform)(rip_door *self, const rip_effect *effect, rip_effect_done done, void *data);
    /** Every fiber waits, and no answer is on its way to one. May be NULL. */
    void (*quiet)(rip_door *self);
    /** Are they the same, though in one or both a mark stands in a secret's place? NULL: only where they are equal. */
    bool (*same)(rip_door *self, json_t *a, json_t *b);
};

#endif
