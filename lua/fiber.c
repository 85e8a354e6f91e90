#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "lua/fiber_private.h"
#include "lua/watch.h"

/* After so much work, of one fiber or of several, the loop has its turn. */
#define TURN_INSTRUCTIONS 200000

/* Queues. */

void fiber_push(queue *q, fiber *f)
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

bool fibers_are_quiet(const rip_fibers *fibers)
{
    return !fibers->ready.first && !fibers->replies.first;
}

/* Life of a fiber. */

void fiber_forget_reply(fiber *f)
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

void fiber_free(fiber *f)
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
    lua_State *L = rip_vm_state(fibers->vm);
    if (f->co && L) luaL_unref(L, LUA_REGISTRYINDEX, f->anchor);
    if (f->apart) f->apart->child = NULL;
    fiber_forget_reply(f);
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

fiber *fiber_new(rip_fibers *fibers, fiber *parent)
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
void fiber_attach(fiber *f, lua_State *L, int nargs)
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
        fiber_push(&each->fibers->ready, each);
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
    if (parent->state == FIBER_WAITING) fiber_push(&parent->fibers->ready, parent);
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
void fibers_pump(rip_fibers *fibers)
{
    if (fibers->pumping) return;
    fibers->pumping = true;
    uint64_t start = rip_vm_instructions_used(fibers->vm);
    unsigned ticks = rip_watch_ticks();
    while (!fibers->over && !fibers_are_quiet(fibers)) {
        fiber *f = pop(&fibers->ready);
        run_fiber(f ? f : pop(&fibers->replies));
        if (fibers->over || fibers_are_quiet(fibers)) continue;
        if (rip_vm_instructions_used(fibers->vm) - start < TURN_INSTRUCTIONS && rip_watch_ticks() == ticks) continue;
        rip_timer_start(&fibers->turn, fibers->clock, 0, on_turn, fibers); /* the loop has its turn */
        break;
    }
    fibers->pumping = false;
    if (!fibers->over && fibers_are_quiet(fibers) && fibers->door->quiet) fibers->door->quiet(fibers->door);
}

static void on_turn(void *data)
{
    rip_fibers *fibers = data;
    if (!fibers->over) {
        fibers_pump(fibers);
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
    fiber_push(&fibers->ready, root);
    rip_timer_start(&fibers->turn, fibers->clock, 0, on_turn, fibers);
}
