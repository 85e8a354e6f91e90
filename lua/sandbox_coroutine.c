/* Coroutines of the playbook's, through which a wait at the door and the end of a slice pass unseen.
 *
 * When a coroutine gives up its turn for the engine, each resume between it and the fiber yields as well, and later
 * hands down what came. Meanwhile such a coroutine is `busy`: nobody else can resume or close it. */
#include <lauxlib.h>

#include "lua/vm_state.h"

/* Closing runs code of the playbook's on the C stack, in a coroutine that counts its C calls anew. */
#define CLOSING_MAX 10

static lua_State *check_coroutine(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    return co;
}

typedef enum co_state { CO_RUNNING, CO_DEAD, CO_SUSPENDED, CO_NORMAL } co_state;

static const char *const STATES[] = {"running", "dead", "suspended", "normal"};

static co_state state_of(lua_State *L, lua_State *co)
{
    lua_Debug ar;
    if (L == co) return CO_RUNNING;
    if (rip_co_is(co, RIP_CO_BUSY) || !rip_co_is(co, RIP_CO_OWN)) return CO_NORMAL; /* a fiber is the engine's */
    if (lua_status(co) == LUA_YIELD) return CO_SUSPENDED;
    if (lua_status(co) != LUA_OK) return CO_DEAD;
    if (lua_getstack(co, 0, &ar)) return CO_NORMAL;
    return lua_gettop(co) == 0 ? CO_DEAD : CO_SUSPENDED;
}

static int l_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    rip_vm_charge(L, RIP_VM_HOOK_COUNT); /* it may end before its first count is full */
    lua_State *co = lua_newthread(L);
    rip_co_mark(co, RIP_CO_OWN, true);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

/* Give `co` the `nargs` values on top of L and let it run. The number of values that it gave, now on top of L; -1 when
 * there is an error object instead. Yields with `k` when `co` gave up its turn for the engine. */
static int go_on(lua_State *L, lua_State *co, int nargs, lua_KFunction k)
{
    rip_vm *vm = rip_vm_of(L);
    if (state_of(L, co) != CO_SUSPENDED) {
        lua_pushfstring(L, "cannot resume %s coroutine", state_of(L, co) == CO_DEAD ? "dead" : "non-suspended");
        return -1;
    }
    if (!lua_checkstack(co, nargs)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    rip_vm_charge(L, 20);
    lua_xmove(L, co, nargs);
    bool through = vm->through;
    vm->through = through && lua_isyieldable(L);
    vm->running = co;
    int nresults = 0;
    int status = lua_resume(co, L, nargs, &nresults);
    vm->running = L;
    vm->through = through;
    rip_vm_after_protected(L, status);
    if (status == LUA_YIELD && vm->transit != RIP_TRANSIT_NONE) {
        rip_co_mark(co, RIP_CO_BUSY, true);
        return lua_yieldk(L, 0, 0, k);
    }
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(co, L, 1);
        return -1;
    }
    if (!lua_checkstack(L, nresults + 1)) {
        lua_pop(co, nresults);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(co, L, nresults);
    return nresults;
}

static int resume_continued(lua_State *L, int status, lua_KContext context);

static int resume(lua_State *L, lua_State *co)
{
    int nresults = go_on(L, co, lua_gettop(L) - 1, resume_continued);
    lua_pushboolean(L, nresults >= 0);
    if (nresults < 0) nresults = 1;
    lua_insert(L, -(nresults + 1));
    return nresults + 1;
}

static int resume_continued(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    lua_State *co = lua_tothread(L, 1);
    rip_co_mark(co, RIP_CO_BUSY, false);
    return resume(L, co);
}

static int l_resume(lua_State *L)
{
    return resume(L, check_coroutine(L));
}

/* Close `co`: LUA_OK, or the error object is on top of it. */
static int close_coroutine(lua_State *L, lua_State *co)
{
    rip_vm *vm = rip_vm_of(L);
    if (vm->closing >= CLOSING_MAX) return luaL_error(L, "over %d coroutine.close within each other", CLOSING_MAX);
    bool through = vm->through;
    vm->through = false;
    vm->running = co;
    vm->closing++;
    int status = lua_resetthread(co);
    vm->closing--;
    vm->running = L;
    vm->through = through;
    rip_vm_after_protected(L, status);
    return status;
}

static int wrap_continued(lua_State *L, int status, lua_KContext context);

static int wrapped(lua_State *L, lua_State *co)
{
    int nresults = go_on(L, co, lua_gettop(L), wrap_continued);
    if (nresults >= 0) return nresults;
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD && rip_co_is(co, RIP_CO_OWN)) {
        lua_pushvalue(L, -1);
        lua_xmove(L, co, 1); /* closing wants the error object where it was */
        close_coroutine(L, co);
        lua_xmove(co, L, 1);
    }
    if (lua_type(L, -1) == LUA_TSTRING) { /* where it came to light, as Lua's own does */
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int wrap_continued(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    rip_co_mark(co, RIP_CO_BUSY, false);
    return wrapped(L, co);
}

static int l_wrapped(lua_State *L)
{
    return wrapped(L, lua_tothread(L, lua_upvalueindex(1)));
}

static int l_wrap(lua_State *L)
{
    l_create(L);
    lua_pushcclosure(L, l_wrapped, 1);
    return 1;
}

static int l_yield(lua_State *L)
{
    if (L == rip_vm_of(L)->fiber) return luaL_error(L, "attempt to yield from outside a coroutine");
    rip_vm_of(L)->transit = RIP_TRANSIT_NONE;
    return lua_yield(L, lua_gettop(L));
}

static int l_status(lua_State *L)
{
    lua_pushstring(L, STATES[state_of(L, check_coroutine(L))]);
    return 1;
}

static int l_isyieldable(lua_State *L)
{
    lua_pushboolean(L, L != rip_vm_of(L)->fiber && lua_isyieldable(L));
    return 1;
}

static int l_running(lua_State *L)
{
    lua_pushthread(L);
    lua_pushboolean(L, L == rip_vm_of(L)->fiber);
    return 2;
}

static int l_close(lua_State *L)
{
    lua_State *co = check_coroutine(L);
    co_state state = state_of(L, co);
    if (state != CO_DEAD && state != CO_SUSPENDED) return luaL_error(L, "cannot close a %s coroutine", STATES[state]);
    if (close_coroutine(L, co) == LUA_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushboolean(L, 0);
    lua_xmove(co, L, 1);
    return 2;
}

void rip_sandbox_open_coroutine(lua_State *L)
{
    static const luaL_Reg FUNCTIONS[] = {{"close", l_close},   {"create", l_create},   {"isyieldable", l_isyieldable},
                                         {"resume", l_resume}, {"running", l_running}, {"status", l_status},
                                         {"wrap", l_wrap},     {"yield", l_yield},     {NULL, NULL}};
    luaL_newlib(L, FUNCTIONS);
}
