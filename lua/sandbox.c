/* The base library of the sandbox. docs/SANDBOX.md says what is there and why. */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "lua/json.h"
#include "lua/vm_state.h"

#define PRINT_BYTES_MAX 16384

static char OBJECT_IDS; /* its address is the registry's key of the numbers that objects go by */

bool rip_sandbox_metafield(lua_State *L, int index, const char *name)
{
    return luaL_getmetafield(L, index, name) != LUA_TNIL;
}

/* Numbers are given in the order in which they are asked for, so that a replay shows the same ones. */
static lua_Integer id_of(lua_State *L, int index)
{
    rip_vm *vm = rip_vm_of(L);
    index = lua_absindex(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &OBJECT_IDS);
    lua_pushvalue(L, index);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pushvalue(L, index);
        lua_pushinteger(L, ++vm->next_id);
        lua_rawset(L, -4);
        lua_pop(L, 2);
        return vm->next_id;
    }
    lua_Integer id = lua_tointeger(L, -1);
    lua_pop(L, 2);
    return id;
}

const char *rip_sandbox_tostring(lua_State *L, int index, size_t *len)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 6, NULL);
    int type = lua_type(L, index);
    if (rip_sandbox_metafield(L, index, "__tostring")) {
        lua_pushvalue(L, index);
        lua_call(L, 1, 1);
        if (!lua_isstring(L, -1)) luaL_error(L, "'__tostring' must return a string");
        return lua_tolstring(L, -1, len);
    }
    if (type == LUA_TLIGHTUSERDATA) {
        lua_pushliteral(L, "null");
    } else if (type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TTHREAD || type == LUA_TUSERDATA) {
        const char *name = lua_typename(L, type);
        if (rip_sandbox_metafield(L, index, "__name")) {
            if (lua_type(L, -1) == LUA_TSTRING) name = lua_tostring(L, -1);
        } else {
            lua_pushnil(L);
        }
        lua_Integer id = id_of(L, index);
        lua_pushfstring(L, "%s: %I", name, (LUAI_UACINT)id);
        lua_remove(L, -2);
    } else {
        luaL_tolstring(L, index, NULL);
    }
    return lua_tolstring(L, -1, len);
}

static int l_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    rip_sandbox_tostring(L, 1, NULL);
    return 1;
}

static int l_print(lua_State *L)
{
    rip_vm *vm = rip_vm_of(L);
    int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count && luaL_bufflen(&line) < PRINT_BYTES_MAX; i++) {
        if (i > 1) luaL_addchar(&line, '\t');
        size_t len = 0;
        const char *text = rip_sandbox_tostring(L, i, &len);
        if (len > PRINT_BYTES_MAX) {
            lua_pushlstring(L, text, PRINT_BYTES_MAX);
            lua_remove(L, -2);
        }
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    size_t len = 0;
    const char *text = lua_tolstring(L, -1, &len);
    rip_vm_charge(L, 100 + len);
    if (vm->print) vm->print(vm->print_data, text, len > PRINT_BYTES_MAX ? PRINT_BYTES_MAX : len);
    return 0;
}

/* Calls that catch. */

static int after_pcall(lua_State *L, int status, lua_KContext skipped)
{
    rip_vm_after_protected(L, status);
    if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)skipped;
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
}

static int l_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, after_pcall);
    return after_pcall(L, status, 0);
}

/* A message handler of the playbook's never sees a kill. */
static int l_handle(lua_State *L)
{
    if (rip_vm_of(L)->dead) return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int l_xpcall(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, l_handle, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    int status = lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, after_pcall);
    return after_pcall(L, status, 2);
}

/* Metatables. */

static int l_setmetatable(lua_State *L)
{
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (rip_sandbox_metafield(L, 1, "__metatable")) return luaL_error(L, "cannot change a protected metatable");
    if (type == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L,
                              "__gc is not there for playbooks: when it would run is not the same in a replay; use "
                              "a variable with <close>");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int l_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    rip_sandbox_metafield(L, 1, "__metatable");
    return 1;
}

static int l_select(lua_State *L)
{
    int count = lua_gettop(L);
    rip_vm_charge(L, (uint64_t)count / 8);
    if (lua_type(L, 1) == LUA_TSTRING && *lua_tostring(L, 1) == '#') {
        lua_pushinteger(L, count - 1);
        return 1;
    }
    lua_Integer from = luaL_checkinteger(L, 1);
    if (from < 0)
        from = count + from;
    else if (from > count)
        from = count;
    luaL_argcheck(L, 1 <= from, 1, "index out of range");
    return count - (int)from;
}

/* What is taken from Lua's own base library as it is: none of it can work long, catch or reach out. */
static const char *const KEPT[] = {"assert", "error",  "ipairs",   "rawequal", "rawget",
                                   "rawlen", "rawset", "tonumber", "type",     NULL};

static const luaL_Reg OWN[] = {
    {"getmetatable", l_getmetatable}, {"pcall", l_pcall},       {"print", l_print},   {"select", l_select},
    {"setmetatable", l_setmetatable}, {"tostring", l_tostring}, {"xpcall", l_xpcall}, {NULL, NULL}};

static void open_base(lua_State *L)
{
    lua_pushcfunction(L, luaopen_base); /* fills the globals, which are replaced below */
    lua_call(L, 0, 1);
    lua_createtable(L, 0, 32);
    for (const char *const *name = KEPT; *name; name++) {
        lua_getfield(L, -2, *name);
        lua_setfield(L, -2, *name);
    }
    luaL_setfuncs(L, OWN, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "_G");
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, -2, "_VERSION");
    lua_pushvalue(L, -1);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_remove(L, -2);
}

static void make_ids(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &OBJECT_IDS);
}

/* Errors name functions by looking through the registry's table of loaded libraries. They find copies there, which a
 * playbook cannot fill with a million fields. The library `name` is on top. */
static void remember_names(lua_State *L, const char *name)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, -4)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        if (lua_isfunction(L, -1))
            lua_rawset(L, -4);
        else
            lua_pop(L, 2);
    }
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

void rip_sandbox_open(lua_State *L)
{
    static const struct {
        const char *name;
        void (*open)(lua_State *L);
    } LIBRARIES[] = {{"coroutine", rip_sandbox_open_coroutine},
                     {"string", rip_sandbox_open_string},
                     {"table", rip_sandbox_open_table},
                     {"math", rip_sandbox_open_math},
                     {"utf8", rip_sandbox_open_utf8}};
    make_ids(L);
    open_base(L);
    rip_sandbox_open_order(L);
    remember_names(L, LUA_GNAME);
    for (size_t i = 0; i < sizeof LIBRARIES / sizeof *LIBRARIES; i++) {
        LIBRARIES[i].open(L);
        remember_names(L, LIBRARIES[i].name);
        lua_setfield(L, -2, LIBRARIES[i].name);
    }
    lua_pop(L, 1);
}
