/* What the Lua library builds on: how a fiber asks the door, spawns others, and waits for them. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/fiber_private.h"
#include "lua/json.h"

/* A generous bound on what one run may have under way: each fiber costs about 2 KB. */
#define FIBERS_MAX 100000

/* A fiber may end before its first instructions are counted. */
#define SPAWN_UNITS 250

#define APART "riposte.apart"

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
    fiber_forget_reply(f);
    f->value = json_incref(reply->value);
    f->error = json_incref(reply->error);
    f->planned = reply->planned;
    f->answered = f->state == FIBER_RUNNING && fibers_are_quiet(f->fibers);
    if (f->answered) return;
    fiber_push(&f->fibers->replies, f);
    fibers_pump(f->fibers);
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
    fiber_forget_reply(f);
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

static _Noreturn void raise_memory(lua_State *L)
{
    luaL_error(L, "out of memory");
    abort(); /* it does not return */
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
    if (!child) raise_memory(L);
    fiber_attach(child, L, lua_gettop(L) - 1);
    child->index = ++parent->children;
    fiber_push(&fibers->ready, child);
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
