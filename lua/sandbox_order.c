/* next and pairs in an order that a replay repeats.
 *
 * Lua's own order depends on where things lie in memory and on a random seed. Here it is: whole numbers from 1 up,
 * other numbers in ascending order, strings in byte order, false, true. Other keys (tables, functions) have nothing to
 * be ordered by: one of them in a table comes last, two or more are refused. */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "lua/vm_state.h"

/* What the search for the next key costs beside an instruction, for each key it looks at. */
#define KEYS_PER_UNIT 2

typedef enum key_class { KEY_INDEX, KEY_NUMBER, KEY_STRING, KEY_BOOLEAN, KEY_OBJECT } key_class;

/* A key that can be compared without the state; the table keeps its string alive. */
typedef struct key {
    unsigned char class; /* a key_class */
    bool is_integer;
    uint32_t len; /* of text; a string is at most value_bytes long */
    union {
        lua_Integer integer; /* or the boolean */
        lua_Number number;
        const char *text;
    };
} key;

static key key_at(lua_State *L, int index)
{
    key k = {.class = KEY_OBJECT};
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        k.is_integer = lua_isinteger(L, index);
        if (k.is_integer)
            k.integer = lua_tointeger(L, index);
        else
            k.number = lua_tonumber(L, index);
        k.class = k.is_integer && k.integer > 0 ? KEY_INDEX : KEY_NUMBER;
        break;
    case LUA_TSTRING:
        k.class = KEY_STRING;
        k.text = lua_tostring(L, index);
        k.len = (uint32_t)lua_rawlen(L, index);
        break;
    case LUA_TBOOLEAN:
        k.class = KEY_BOOLEAN;
        k.integer = lua_toboolean(L, index);
        break;
    default: break;
    }
    return k;
}

/* Not above `integer`, which a double cannot always hold, for an `x` that has a fraction or is beyond all integers (a
 * float with an integer's value is made into that integer when it becomes a key). */
static bool float_below(lua_Number x, lua_Integer integer)
{
    if (x >= 0x1p63) return false;
    if (x < -0x1p63) return true;
    lua_Integer whole = (lua_Integer)x; /* towards zero */
    return x < 0 ? whole <= integer : whole < integer;
}

static int compare_numbers(const key *a, const key *b)
{
    if (a->is_integer && b->is_integer) return (a->integer > b->integer) - (a->integer < b->integer);
    if (a->is_integer) return float_below(b->number, a->integer) ? 1 : -1;
    if (b->is_integer) return float_below(a->number, b->integer) ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static int compare_keys(const void *left, const void *right)
{
    const key *a = left, *b = right;
    if (a->class != b->class) return a->class < b->class ? -1 : 1;
    if (a->class == KEY_STRING) {
        int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
        return order ? order : (a->len > b->len) - (a->len < b->len);
    }
    if (a->class == KEY_OBJECT) return 0;
    if (a->class == KEY_BOOLEAN) return (a->integer > b->integer) - (a->integer < b->integer);
    return compare_numbers(a, b);
}

static void refuse_objects(lua_State *L)
{
    luaL_error(L,
               "this table has several keys that are tables or functions: they have no order that a replay would "
               "repeat; keep them in a list");
}

/* Whether the key at -2 (value at -1) is the object that the walk is at. */
static bool is_same_object(lua_State *L, const key *from, int from_index)
{
    return from && from->class == KEY_OBJECT && lua_rawequal(L, -2, from_index);
}

/* Push the least key after `from` (NULL: of all) of the table at 1, and its value; 0 when there is none. `from_index`
 * is where `from` is on the stack. */
static int least_after(lua_State *L, const key *from, int from_index)
{
    lua_settop(L, 2);
    lua_pushnil(L); /* 3: the best so far */
    bool found = false;
    key best = {.class = KEY_OBJECT};
    unsigned objects = 0;
    uint64_t looked_at = 0;
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        if (++looked_at % 4096 == 0) rip_vm_charge(L, 4096 / KEYS_PER_UNIT);
        key k = key_at(L, -2);
        if (k.class == KEY_OBJECT && ++objects > 1) refuse_objects(L);
        bool after = !from || (compare_keys(&k, from) > 0 && !is_same_object(L, from, from_index));
        if (after && (!found || compare_keys(&k, &best) < 0)) {
            found = true;
            best = k;
            lua_pushvalue(L, -2);
            lua_replace(L, 3);
        }
        lua_pop(L, 1);
    }
    rip_vm_charge(L, looked_at % 4096 / KEYS_PER_UNIT + 1);
    if (!found) return 0;
    lua_pushvalue(L, 3);
    lua_rawget(L, 1);
    return 2;
}

/* next(table, key): no state is kept, so a key in a large table that is no list costs a look at all of it. */
static int l_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    bool first = lua_isnil(L, 2);
    key from = key_at(L, 2);
    if (first || from.class == KEY_INDEX) {
        lua_Integer index = first ? 1 : from.integer == LUA_MAXINTEGER ? 0 : from.integer + 1;
        lua_pushinteger(L, index);
        if (index > 0 && lua_rawgeti(L, 1, index) != LUA_TNIL) return 2;
    }
    if (least_after(L, first ? NULL : &from, 2)) return 2;
    lua_pushnil(L);
    return 1;
}

/* The keys beyond the list 1, 2, 3 …, in order. Upvalues of the iterator: the table of keys or nil while it is in the
 * list, the place in it. */

/* Collect what `next` has still to give into a sorted array of keys, pushed as a table. */
static void push_sorted_keys(lua_State *L, lua_Integer listed)
{
    size_t count = 0, objects = 0;
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        if (++count % 4096 == 0) rip_vm_charge(L, 4096 / KEYS_PER_UNIT);
        lua_pop(L, 1);
    }
    /* Lua's own memory: it is charged, and gone when something raises. */
    key *keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
    size_t kept = 0;
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        key k = key_at(L, -1);
        if (k.class == KEY_INDEX && k.integer <= listed) continue;
        if (k.class == KEY_OBJECT && ++objects > 1) refuse_objects(L);
        if (k.class == KEY_OBJECT) {
            lua_pushvalue(L, -1); /* stays below the walk's key */
            lua_insert(L, -2);
        }
        keys[kept++] = k;
    }
    uint64_t depth = 1;
    for (size_t n = kept; n > 1; n /= 2) depth++;
    rip_vm_charge(L, kept * depth);
    qsort(keys, kept, sizeof *keys, compare_keys);
    int object = lua_gettop(L); /* where there is one */
    lua_createtable(L, kept > INT32_MAX ? INT32_MAX : (int)kept, 0);
    for (size_t i = 0; i < kept; i++) {
        switch (keys[i].class) {
        case KEY_INDEX: lua_pushinteger(L, keys[i].integer); break;
        case KEY_NUMBER:
            if (keys[i].is_integer)
                lua_pushinteger(L, keys[i].integer);
            else
                lua_pushnumber(L, keys[i].number);
            break;
        case KEY_STRING: lua_pushlstring(L, keys[i].text, keys[i].len); break;
        case KEY_BOOLEAN: lua_pushboolean(L, (int)keys[i].integer); break;
        case KEY_OBJECT: lua_pushvalue(L, object); break;
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static int l_step(lua_State *L)
{
    lua_settop(L, 1);
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(2)) + 1;
    if (lua_isnil(L, lua_upvalueindex(1))) {
        lua_pushinteger(L, at);
        if (lua_rawgeti(L, 1, at) != LUA_TNIL) {
            lua_pushvalue(L, 2);
            lua_replace(L, lua_upvalueindex(2));
            return 2;
        }
        lua_settop(L, 1);
        push_sorted_keys(L, at - 1);
        lua_replace(L, lua_upvalueindex(1));
        lua_settop(L, 1);
        at = 1;
    }
    for (;; at++) { /* what was cleared since the keys were collected is passed over */
        if (lua_rawgeti(L, lua_upvalueindex(1), at) == LUA_TNIL) return 1;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL) break;
        lua_settop(L, 1);
    }
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(2));
    return 2;
}

static int pairs_continued(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 3;
}

static int l_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (rip_sandbox_metafield(L, 1, "__pairs")) {
        lua_pushvalue(L, 1);
        lua_callk(L, 1, 3, 0, pairs_continued);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushnil(L);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, l_step, 2);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

void rip_sandbox_open_order(lua_State *L)
{
    static const luaL_Reg FUNCTIONS[] = {{"next", l_next}, {"pairs", l_pairs}, {NULL, NULL}};
    luaL_setfuncs(L, FUNCTIONS, 0);
}
