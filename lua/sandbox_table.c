/* The table and math libraries of the sandbox, with the work that they do in C charged. */
#include <lauxlib.h>
#include <lualib.h>

#include "lua/vm_state.h"

/* More results than this from one table.unpack only fill the stack; string.char of a page of text needs fewer. */
#define UNPACK_MAX 10000

/* Table accesses of one call are charged in portions, so that a kill comes in between. */
#define PORTION 1024

static void charge_each(lua_State *L, lua_Integer done)
{
    if (done % PORTION == 0) rip_vm_charge(L, (uint64_t)PORTION * 4);
}

static lua_Integer check_length(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    return luaL_len(L, 1);
}

static int l_concat(lua_State *L)
{
    lua_Integer last = check_length(L);
    size_t glue_len = 0;
    const char *glue = luaL_optlstring(L, 2, "", &glue_len);
    lua_Integer i = luaL_optinteger(L, 3, 1);
    last = luaL_optinteger(L, 4, last);
    luaL_Buffer result;
    luaL_buffinit(L, &result);
    lua_Integer done = 0;
    while (i <= last) {
        charge_each(L, ++done);
        rip_vm_charge(L, glue_len / 32 + 2);
        lua_geti(L, 1, i);
        if (!lua_isstring(L, -1))
            return luaL_error(L, "invalid value (at index %I) in table for 'concat'", (LUAI_UACINT)i);
        luaL_addvalue(&result);
        if (i == last) break; /* the largest integer has no next */
        luaL_addlstring(&result, glue, glue_len);
        i++;
    }
    luaL_pushresult(&result);
    return 1;
}

static int l_insert(lua_State *L)
{
    lua_Integer end = (lua_Integer)((lua_Unsigned)check_length(L) + 1);
    lua_Integer place = end;
    int count = lua_gettop(L);
    if (count != 2 && count != 3) return luaL_error(L, "wrong number of arguments to 'insert'");
    if (count == 3) {
        place = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)place - 1U < (lua_Unsigned)end, 2, "position out of bounds");
        for (lua_Integer i = end; i > place; i--) {
            charge_each(L, end - i + 1);
            lua_geti(L, 1, i - 1);
            lua_seti(L, 1, i);
        }
        rip_vm_charge(L, (uint64_t)(end - place) % PORTION * 4);
    }
    lua_seti(L, 1, place);
    return 0;
}

static int l_remove(lua_State *L)
{
    lua_Integer size = check_length(L);
    lua_Integer place = luaL_optinteger(L, 2, size);
    if (place != size) luaL_argcheck(L, (lua_Unsigned)place - 1U <= (lua_Unsigned)size, 2, "position out of bounds");
    lua_geti(L, 1, place);
    lua_Integer moved = 0;
    for (; place < size; place++) {
        charge_each(L, ++moved);
        lua_geti(L, 1, place + 1);
        lua_seti(L, 1, place);
    }
    rip_vm_charge(L, (uint64_t)moved % PORTION * 4);
    lua_pushnil(L);
    lua_seti(L, 1, place);
    return 1;
}

static int l_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2), end = luaL_checkinteger(L, 3), to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, target, LUA_TTABLE);
    if (end >= from) {
        luaL_argcheck(L, from > 0 || end < LUA_MAXINTEGER + from, 3, "too many elements to move");
        lua_Integer count = end - from + 1;
        luaL_argcheck(L, to <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        bool upwards = to > end || to <= from || (target != 1 && !lua_compare(L, 1, target, LUA_OPEQ));
        for (lua_Integer done = 0; done < count; done++) {
            lua_Integer i = upwards ? done : count - 1 - done;
            charge_each(L, done + 1);
            lua_geti(L, 1, from + i);
            lua_seti(L, target, to + i);
        }
        rip_vm_charge(L, (uint64_t)count % PORTION * 4);
    }
    lua_pushvalue(L, target);
    return 1;
}

static int l_pack(lua_State *L)
{
    int count = lua_gettop(L);
    lua_createtable(L, count, 1);
    lua_insert(L, 1);
    for (int i = count; i >= 1; i--) lua_rawseti(L, 1, i);
    lua_pushinteger(L, count);
    lua_setfield(L, 1, "n");
    rip_vm_charge(L, (uint64_t)count);
    return 1;
}

static int l_unpack(lua_State *L)
{
    lua_Integer i = luaL_optinteger(L, 2, 1);
    lua_Integer end = luaL_opt(L, luaL_checkinteger, 3, luaL_len(L, 1));
    if (i > end) return 0;
    lua_Unsigned count = (lua_Unsigned)end - (lua_Unsigned)i;
    if (count >= UNPACK_MAX || !lua_checkstack(L, (int)count + 1))
        return luaL_error(L, "too many results to unpack: at most %d", UNPACK_MAX);
    rip_vm_charge(L, count * 2);
    for (; i < end; i++) lua_geti(L, 1, i);
    lua_geti(L, 1, end);
    return (int)count + 1;
}

/* Sorting: a merge sort, since Lua's own takes its pivots from the clock, and can be kept busy, or brought to read past
 * the array, by a comparison that contradicts itself. This one is stable, and makes at most n log n comparisons. */

static bool comes_first(lua_State *L, int compare)
{
    if (!compare) return lua_compare(L, -2, -1, LUA_OPLT);
    lua_pushvalue(L, compare);
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -3);
    lua_call(L, 2, 1);
    bool first = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return first;
}

/* Merge source[left, middle) and source[middle, right) into target at left. */
static void merge(lua_State *L, int source, int target, lua_Integer left, lua_Integer middle, lua_Integer right,
                  int compare)
{
    lua_Integer a = left, b = middle;
    for (lua_Integer at = left; at < right; at++) {
        rip_vm_charge(L, 6);
        bool take_b = a >= middle;
        if (!take_b && b < right) {
            lua_rawgeti(L, source, b);
            lua_rawgeti(L, source, a);
            take_b = comes_first(L, compare); /* only what is truly less goes before its elder */
            lua_pop(L, 2);
        }
        lua_rawgeti(L, source, take_b ? b++ : a++);
        lua_rawseti(L, target, at);
    }
}

static int l_sort(lua_State *L)
{
    lua_Integer size = check_length(L);
    int compare = 0;
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TFUNCTION);
        compare = 2;
    }
    if (size < 2) return 0;
    luaL_argcheck(L, size < INT32_MAX, 1, "array too big");
    lua_settop(L, 2);
    luaL_checkstack(L, 10, NULL);
    lua_createtable(L, (int)size, 0);
    lua_createtable(L, (int)size, 0);
    int source = 3, target = 4;
    for (lua_Integer i = 1; i <= size; i++) {
        charge_each(L, i);
        lua_geti(L, 1, i);
        lua_rawseti(L, source, i);
    }
    for (lua_Integer width = 1; width < size; width *= 2) {
        for (lua_Integer left = 1; left <= size; left += 2 * width) {
            lua_Integer middle = left + width > size ? size + 1 : left + width;
            lua_Integer right = left + 2 * width > size ? size + 1 : left + 2 * width;
            merge(L, source, target, left, middle, right, compare);
        }
        int other = source;
        source = target;
        target = other;
    }
    for (lua_Integer i = 1; i <= size; i++) {
        charge_each(L, i);
        lua_rawgeti(L, source, i);
        lua_seti(L, 1, i);
    }
    return 0;
}

void rip_sandbox_open_table(lua_State *L)
{
    static const luaL_Reg FUNCTIONS[] = {{"concat", l_concat}, {"insert", l_insert}, {"move", l_move},
                                         {"pack", l_pack},     {"remove", l_remove}, {"sort", l_sort},
                                         {"unpack", l_unpack}, {NULL, NULL}};
    luaL_newlib(L, FUNCTIONS);
}

static int l_random(lua_State *L)
{
    return luaL_error(L, "math.random is not there, since a replay would see other numbers: use run:random(most)");
}

/* max and min see only their arguments: what a call passes on is bounded and cheap. */
void rip_sandbox_open_math(lua_State *L)
{
    lua_pushcfunction(L, luaopen_math);
    lua_call(L, 0, 1);
    lua_pushcfunction(L, l_random);
    lua_setfield(L, -2, "random");
    lua_pushcfunction(L, l_random);
    lua_setfield(L, -2, "randomseed");
}
