/* The inside of the fibers of a run: for fiber.c, which runs them, and fiber_primitives.c, where Lua asks for them. */
#ifndef RIPOSTE_LUA_FIBER_PRIVATE_H
#define RIPOSTE_LUA_FIBER_PRIVATE_H

#include "lua/fiber.h"

typedef enum fiber_state {
    FIBER_READY,
    FIBER_RUNNING,
    FIBER_AT_DOOR,
    FIBER_WAITING,
    FIBER_WAITING_APART,
    FIBER_ENDED
} fiber_state;

typedef struct fiber fiber;

/* What Lua holds of a child that was spawned apart. */
typedef struct apart {
    fiber *child;                        /* NULL: it has ended */
    fiber *waiting_first, *waiting_last; /* for its end; their arguments keep this from being collected */
} apart;

struct fiber {
    rip_fibers *fibers;
    fiber *parent;
    lua_State *co;
    int anchor; /* keeps `co` in the registry */
    char *path;
    char *phase;
    unsigned index;    /* among its parent's children, from 1 */
    unsigned effects;  /* asked for so far */
    unsigned children; /* spawned so far */
    unsigned alive;    /* children not yet handed to wait */
    fiber_state state;
    bool ok;       /* ended without an error; its result or error object is on top of `co` */
    bool answered; /* inside perform, with nothing before it: the fiber just goes on */
    bool planned;
    json_t *value;
    json_t *error;
    fiber *ended_first, *ended_last; /* children that ended and were not waited for yet, oldest first */
    apart *apart;                    /* NULL: no child apart, or nobody can wait for it any more */
    fiber *next;                     /* in a queue, or among the parent's ended children */
    fiber *all_prev, *all_next;
};

typedef struct queue {
    fiber *first, *last;
} queue;

struct rip_fibers {
    rip_vm *vm;
    rip_clock *clock;
    rip_door *door;
    rip_fibers_ended ended;
    void *data;
    fiber *root;
    fiber *current;
    queue ready;   /* go on at once */
    queue replies; /* answered at the door; the next of them goes on when none is ready */
    fiber *all;
    unsigned count;
    rip_timer turn;
    bool pumping;
    bool over; /* `end` says how it ended; the turn timer tells the owner */
    rip_error end;
};

/** Behind the last of the queue. */
void fiber_push(queue *q, fiber *f);

/** No fiber can go on until something is answered. */
bool fibers_are_quiet(const rip_fibers *fibers);

/** Let what can go on, until all wait or the loop wants its turn. */
void fibers_pump(rip_fibers *fibers);

/** A fiber without its coroutine yet, so that nothing is lost if making that one raises a Lua error. NULL: out of
 * memory. */
fiber *fiber_new(rip_fibers *fibers, fiber *parent);

/** Give the fiber its coroutine, with the function and `nargs` arguments that are on top of L. May raise a memory
 * error.
 */
void fiber_attach(fiber *f, lua_State *L, int nargs);

void fiber_free(fiber *f);

/** Release what the door answered. */
void fiber_forget_reply(fiber *f);

#endif
