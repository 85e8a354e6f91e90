#include "lua/fiber.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "lua/json.h"

/* A generous bound on what one run may have under way: each fiber costs about 2 KB. */
#define FIBERS_MAX 100000

/* After so much work, of one fiber or of several, the loop has its turn. */
#define TURN_INSTRUCTIONS 200000

/* A fiber may end before its first instructions are counted. */
#define SPAWN_UNITS 250

#define APART "riposte.apart"

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

/* Queues. */

static void push(queue *q, fiber *f)
{
    f->state = FIBER_READY;
    f->next = NULL;
    if (q->last)
        q->last->next = f;
    else
        q->first = f;
    q->last = f;
}

static void push_front(queue *q, fiber *f)
{
    f->state = FIBER_READY;
    f->next = q->first;
    q->first = f;
    if (!q->last) q->last = f;
}

static fiber *pop(queue *q)
{
    fiber *f = q->first;
    if (!f) return NULL;
    q->first = f->next;
    if (!q->first) q->last = NULL;
    f->next = NULL;
    return f;
}

static bool is_quiet(const rip_fibers *fibers)
{
    return !fibers->ready.first && !fibers->replies.first;
}

/* Life of a fiber. */

static void forget_reply(fiber *f)
{
    json_decref(f->value);
    json_decref(f->error);
    f->value = f->error = NULL;
}

/* Children that nobody waited for, since an error went past run:parallel: those that run go on without a parent. */
static void leave_children(fiber *f)
{
    if (f->alive == 0) return;
    for (fiber *each = f->fibers->all; each; each = each->all_next) {
        if (each->parent == f) each->parent = NULL;
    }
}

static void fiber_free(fiber *f)
{
    rip_fibers *fibers = f->fibers;
    leave_children(f);
    while (f->ended_first) {
        fiber *child = f->ended_first;
        f->ended_first = child->next;
        fiber_free(child);
    }
    if (f->all_prev)
        f->all_prev->all_next = f->all_next;
    else
        fibers->all = f->all_next;
    if (f->all_next) f->all_next->all_prev = f->all_prev;
    fibers->count--;
    if (f->co) luaL_unref(rip_vm_state(fibers->vm), LUA_REGISTRYINDEX, f->anchor);
    if (f->apart) f->apart->child = NULL;
    forget_reply(f);
    free(f->path);
    free(f->phase);
    free(f);
}

static char *child_path(fiber *parent)
{
    if (!parent) return strdup("");
    rip_buffer path = {0};
    rip_buffer_printf(&path, "%s%s%u", parent->path, *parent->path ? "." : "", parent->children + 1);
    return rip_buffer_take(&path, NULL);
}

/* A fiber without its coroutine yet, so that nothing is lost if making that one raises a Lua error. */
static fiber *fiber_new(rip_fibers *fibers, fiber *parent)
{
    fiber *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->fibers = fibers;
    f->parent = parent;
    f->path = child_path(parent);
    f->phase = strdup(parent ? parent->phase : "");
    if (!f->path || !f->phase) {
        free(f->path);
        free(f->phase);
        free(f);
        return NULL;
    }
    f->all_next = fibers->all;
    if (fibers->all) fibers->all->all_prev = f;
    fibers->all = f;
    fibers->count++;
    return f;
}

/* Give the fiber its coroutine, with the function and `nargs` arguments that are on top of L. May raise a memory error.
 */
static void fiber_attach(fiber *f, lua_State *L, int nargs)
{
    lua_State *co = lua_newthread(L);
    f->anchor = luaL_ref(L, LUA_REGISTRYINDEX);
    f->co = co;
    /* Raised on `co`, which nothing protects, an error would end the program. */
    if (!lua_checkstack(co, nargs + 1)) luaL_error(L, "too many arguments for a fiber");
    lua_xmove(L, co, nargs + 1);
}

/* Running. */

static void finish(rip_fibers *fibers, rip_status status, const char *message);

static void wake_waiting(apart *a)
{
    for (fiber *each = a->waiting_first, *next; each; each = next) {
        next = each->next;
        push(&each->fibers->ready, each);
    }
    a->waiting_first = a->waiting_last = NULL;
}

static void fiber_ended(fiber *f, bool ok)
{
    fiber *parent = f->parent;
    if (!parent) {
        if (f->apart) wake_waiting(f->apart);
        fiber_free(f);
        return;
    }
    f->state = FIBER_ENDED;
    f->ok = ok;
    f->next = NULL;
    if (parent->ended_last)
        parent->ended_last->next = f;
    else
        parent->ended_first = f;
    parent->ended_last = f;
    if (parent->state == FIBER_WAITING) push(&parent->fibers->ready, parent);
}

static void run_fiber(fiber *f)
{
    rip_fibers *fibers = f->fibers;
    rip_error err = {RIP_OK, ""};
    int nargs = lua_status(f->co) == LUA_OK ? lua_gettop(f->co) - 1 : 0; /* LUA_OK: it has not started yet */
    int nresults = 0;
    f->state = FIBER_RUNNING;
    fibers->current = f;
    rip_vm_result result = rip_vm_resume(fibers->vm, f->co, nargs, &nresults, &err);
    fibers->current = NULL;
    if (fibers->over) return;
    switch (result) {
    case RIP_VM_SUSPENDED:
        /* An answer that came while the coroutine was on its way out has put it in a queue already. */
        break;
    case RIP_VM_PREEMPTED: push_front(&fibers->ready, f); break;
    case RIP_VM_DONE:
        if (f == fibers->root) {
            finish(fibers, RIP_OK, "");
            return;
        }
        if (nresults == 0)
            lua_pushnil(f->co); /* the coroutine's stack is empty: one slot is there */
        else
            lua_settop(f->co, lua_gettop(f->co) - nresults + 1);
        fiber_ended(f, true);
        break;
    case RIP_VM_FAILED:
        if (f == fibers->root)
            finish(fibers, err.status == RIP_OK ? RIP_EREMOTE : err.status, err.message);
        else
            fiber_ended(f, false);
        break;
    case RIP_VM_KILLED: finish(fibers, err.status == RIP_OK ? RIP_ELIMIT : err.status, err.message); break;
    }
}

static void on_turn(void *data);

/* One answer at a time: what it sets off runs until every fiber waits, and only then comes the next. So what the run
 * does depends on the order of the answers alone, and a replay that gives them in that order does the same. */
static void pump(rip_fibers *fibers)
{
    if (fibers->pumping) return;
    fibers->pumping = true;
    uint64_t start = rip_vm_instructions_used(fibers->vm);
    while (!fibers->over && !is_quiet(fibers)) {
        fiber *f = pop(&fibers->ready);
        run_fiber(f ? f : pop(&fibers->replies));
        if (fibers->over || is_quiet(fibers)) continue;
        if (rip_vm_instructions_used(fibers->vm) - start < TURN_INSTRUCTIONS) continue;
        rip_timer_start(&fibers->turn, fibers->clock, 0, on_turn, fibers); /* the loop has its turn */
        break;
    }
    fibers->pumping = false;
    if (!fibers->over && is_quiet(fibers) && fibers->door->quiet) fibers->door->quiet(fibers->door);
}

static void on_turn(void *data)
{
    rip_fibers *fibers = data;
    if (!fibers->over) {
        pump(fibers);
        return;
    }
    fibers->ended(fibers->data, fibers->end.status, &fibers->end);
}

static void finish(rip_fibers *fibers, rip_status status, const char *message)
{
    if (fibers->over) return;
    fibers->over = true;
    rip_fail(&fibers->end, status, "%s", message);
    rip_timer_start(&fibers->turn, fibers->clock, 0, on_turn, fibers);
}

void rip_fibers_stop(rip_fibers *fibers, rip_status status, const char *reason)
{
    rip_vm_kill(fibers->vm, status, reason);
    finish(fibers, status, reason);
}

/* Primitives. */

static rip_fibers *fibers_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static fiber *current_of(lua_State *L)
{
    fiber *current = fibers_of(L)->current;
    if (!current) luaL_error(L, "only a run can do this, not a file that loads");
    return current;
}

/* Whatever waits asks this before anything is under way. */
static void check_can_wait(lua_State *L)
{
    if (!rip_vm_can_suspend(L))
        luaL_error(L,
                   "cannot wait here: in a callback of gsub or sort, in a metamethod that C calls, in __close after "
                   "an error, or while a module loads");
}

static void on_reply(void *data, const rip_effect_reply *reply)
{
    fiber *f = data;
    forget_reply(f);
    f->value = json_incref(reply->value);
    f->error = json_incref(reply->error);
    f->planned = reply->planned;
    f->answered = f->state == FIBER_RUNNING && is_quiet(f->fibers);
    if (f->answered) return;
    push(&f->fibers->replies, f);
    pump(f->fibers);
}

/* ok, value or error, planned */
static int push_reply(lua_State *L, fiber *f)
{
    json_t *content = f->error ? f->error : f->value;
    lua_pushboolean(L, f->error == NULL);
    if (content)
        rip_lua_push_json(L, content);
    else
        lua_pushnil(L);
    lua_pushboolean(L, f->planned);
    forget_reply(f);
    return 3;
}

static int perform_continued(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return push_reply(L, current_of(L));
}

static json_t *to_json(lua_State *L, int index, const char *what)
{
    json_t *json = NULL;
    rip_error err;
    if (rip_lua_to_json(L, index, &json, &err) != RIP_OK) {
        json_decref(json);
        luaL_error(L, "%s: %s", what, err.message);
    }
    return json;
}

/* perform(kind, request, undo | nil, irreversible | nil) -> ok, value or error, planned */
static int l_perform(lua_State *L)
{
    rip_fibers *fibers = fibers_of(L);
    fiber *f = current_of(L);
    const char *kind = luaL_checkstring(L, 1);
    const char *irreversible = luaL_optstring(L, 4, NULL);
    check_can_wait(L);
    json_t *request = to_json(L, 2, kind);
    json_t *undo = NULL;
    if (!lua_isnoneornil(L, 3)) {
        rip_error err;
        if (rip_lua_to_json(L, 3, &undo, &err) != RIP_OK) {
            json_decref(request);
            return luaL_error(L, "undo: %s", err.message);
        }
    }
    f->effects++;
    f->answered = false;
    rip_effect effect = {kind, f->path, f->effects, f->phase, request, undo, irreversible};
    fibers->door->perform(fibers->door, &effect, on_reply, f);
    json_decref(request);
    json_decref(undo);
    if (f->answered) return push_reply(L, f);
    if (f->state == FIBER_RUNNING) f->state = FIBER_AT_DOOR;
    return rip_vm_suspend(L, perform_continued, 0);
}

/* same(a, b) -> boolean: two values of which one or both stand for a secret */
static int l_same(lua_State *L)
{
    rip_fibers *fibers = fibers_of(L);
    rip_error err;
    json_t *a = to_json(L, 1, "same"), *b = NULL;
    if (rip_lua_to_json(L, 2, &b, &err) != RIP_OK) {
        json_decref(a);
        return luaL_error(L, "same: %s", err.message);
    }
    rip_door *door = fibers->door;
    bool same = door->same ? door->same(door, a, b) : json_equal(a, b);
    json_decref(a);
    json_decref(b);
    lua_pushboolean(L, same);
    return 1;
}

/* A child of the current fiber, from the function and the arguments that are all there is on the stack. */
static fiber *spawn(lua_State *L)
{
    rip_fibers *fibers = fibers_of(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (fibers->count >= FIBERS_MAX) luaL_error(L, "over %d fibers at once: give run:parallel a limit", FIBERS_MAX);
    fiber *parent = current_of(L);
    rip_vm_charge(L, SPAWN_UNITS);
    fiber *child = fiber_new(fibers, parent);
    if (!child) luaL_error(L, "out of memory");
    fiber_attach(child, L, lua_gettop(L) - 1);
    child->index = ++parent->children;
    push(&fibers->ready, child);
    return child;
}

/* spawn(fn, ...) -> index of the child */
static int l_spawn(lua_State *L)
{
    fiber *child = spawn(L);
    child->parent->alive++;
    lua_pushinteger(L, child->index);
    return 1;
}

static int l_apart_collected(lua_State *L)
{
    apart *a = lua_touserdata(L, 1);
    if (a->child) a->child->apart = NULL;
    return 0;
}

/* apart(fn, ...) -> what wait takes: a child that wait() never gives. What fn returns or raises is its own affair. */
static int l_apart(lua_State *L)
{
    fiber *child = spawn(L);
    child->parent = NULL;
    apart *a = lua_newuserdatauv(L, sizeof *a, 0);
    *a = (apart){.child = child};
    child->apart = a;
    if (luaL_newmetatable(L, APART)) {
        lua_pushcfunction(L, l_apart_collected);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return 1;
}

/* index, ok, result or error object */
static int push_ended_child(lua_State *L, fiber *parent)
{
    fiber *child = parent->ended_first;
    luaL_checkstack(L, 3, NULL);
    lua_pushinteger(L, child->index);
    lua_pushboolean(L, child->ok);
    lua_xmove(child->co, L, 1);
    parent->ended_first = child->next;
    if (!parent->ended_first) parent->ended_last = NULL;
    parent->alive--;
    fiber_free(child);
    return 3;
}

static int wait_continued(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return push_ended_child(L, current_of(L));
}

static int apart_continued(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 0;
}

static int wait_apart(lua_State *L, apart *a)
{
    fiber *f = current_of(L);
    if (!a->child) return 0;
    check_can_wait(L);
    f->state = FIBER_WAITING_APART;
    f->next = NULL;
    if (a->waiting_last)
        a->waiting_last->next = f;
    else
        a->waiting_first = f;
    a->waiting_last = f;
    return rip_vm_suspend(L, apart_continued, 0);
}

/* wait() -> index, ok, result: the child of this fiber that ended first and was not waited for yet
 * wait(apart) -> nothing: that one child has ended, whoever waits */
static int l_wait(lua_State *L)
{
    fiber *f = current_of(L);
    if (!lua_isnone(L, 1)) return wait_apart(L, luaL_checkudata(L, 1, APART));
    if (f->ended_first) return push_ended_child(L, f);
    if (f->alive == 0) return luaL_error(L, "there is no child to wait for");
    check_can_wait(L);
    f->state = FIBER_WAITING;
    return rip_vm_suspend(L, wait_continued, 0);
}

/* phase(name | nil) -> the one before: names what this fiber and the children it spawns from now on are doing */
static int l_phase(lua_State *L)
{
    fiber *f = current_of(L);
    const char *phase = luaL_optstring(L, 1, "");
    lua_pushstring(L, f->phase);
    char *name = strdup(phase);
    if (!name) return luaL_error(L, "out of memory");
    free(f->phase);
    f->phase = name;
    return 1;
}

void rip_fibers_push_primitives(rip_fibers *fibers, lua_State *L)
{
    static const luaL_Reg PRIMITIVES[] = {
        {"perform", l_perform}, {"spawn", l_spawn}, {"apart", l_apart}, {"wait", l_wait},
        {"phase", l_phase},     {"same", l_same},   {NULL, NULL}};
    lua_newtable(L);
    lua_pushlightuserdata(L, fibers);
    luaL_setfuncs(L, PRIMITIVES, 1);
}

rip_status rip_fibers_new(rip_vm *vm, rip_clock *clock, rip_door *door, rip_fibers_ended ended, void *data,
                          rip_fibers **out, rip_error *err)
{
    rip_fibers *fibers = calloc(1, sizeof *fibers);
    if (!fibers) return rip_nomem(err);
    fibers->vm = vm;
    fibers->clock = clock;
    fibers->door = door;
    fibers->ended = ended;
    fibers->data = data;
    *out = fibers;
    return RIP_OK;
}

void rip_fibers_free(rip_fibers *fibers)
{
    if (!fibers) return;
    rip_timer_stop(&fibers->turn);
    for (fiber *each = fibers->all; each; each = each->all_next) { /* all go, in whatever order */
        each->ended_first = NULL;
        each->alive = 0;
    }
    for (fiber *each = fibers->all, *next; each; each = next) {
        next = each->all_next;
        fiber_free(each);
    }
    free(fibers);
}

void rip_fibers_start(rip_fibers *fibers, int nargs)
{
    lua_State *L = rip_vm_state(fibers->vm);
    fiber *root = fiber_new(fibers, NULL);
    if (!root) luaL_error(L, "out of memory");
    fibers->root = root;
    fiber_attach(root, L, nargs);
    push(&fibers->ready, root);
    rip_timer_start(&fibers->turn, fibers->clock, 0, on_turn, fibers);
}
