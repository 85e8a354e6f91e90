/* The string and utf8 libraries of the sandbox: Lua's own functions, with their work charged before it is done, and
 * with nothing that shows an address or makes code.
 *
 * The methods of strings (("x"):rep) are looked up in a table of their own, which no playbook can reach: what it does
 * to its global `string` changes nothing for the library. */
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "lua/vm_state.h"

/* The longest piece of a format between '%' and its letter: flags, width, precision. */
#define SPEC_MAX 20

static uint64_t cost_of_arguments(lua_State *L)
{
    uint64_t bytes = 0;
    for (int i = lua_gettop(L); i >= 1; i--) {
        if (lua_type(L, i) == LUA_TSTRING) bytes += lua_rawlen(L, i);
    }
    return 2 + (uint64_t)lua_gettop(L) + bytes / 8;
}

/* Call the function in the first upvalue once its arguments are paid for. */
static int l_charged(lua_State *L)
{
    lua_CFunction function = lua_tocfunction(L, lua_upvalueindex(1));
    rip_vm_charge(L, cost_of_arguments(L));
    return function(L);
}

/* Put the functions called `names` of the table at the top into a new table on top, charged. */
static void take_charged(lua_State *L, const char *const *names)
{
    lua_createtable(L, 0, 20);
    for (; *names; names++) {
        lua_getfield(L, -2, *names);
        lua_pushcclosure(L, l_charged, 1);
        lua_setfield(L, -2, *names);
    }
}

typedef struct span {
    const char *at;
    size_t len;
} span;

/* The text and the glue, in turn, to `size` bytes less the last glue. What is there is doubled: Lua's own copies each
 * piece by itself, and takes 60 ms for 16 million of one byte. */
static void push_repeated(lua_State *L, const span piece[2], size_t size)
{
    luaL_Buffer result;
    char *to = luaL_buffinitsize(L, &result, size);
    size_t filled = piece[0].len + piece[1].len;
    memcpy(to, piece[0].at, piece[0].len);
    memcpy(to + piece[0].len, piece[1].at, piece[1].len);
    while (filled < size) {
        size_t more = filled < size - filled ? filled : size - filled;
        memcpy(to + filled, to, more);
        filled += more;
    }
    luaL_pushresultsize(&result, size - piece[1].len);
}

static int l_rep(lua_State *L)
{
    size_t len = 0, glue_len = 0;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_Integer times = luaL_checkinteger(L, 2);
    const char *glue = luaL_optlstring(L, 3, "", &glue_len);
    size_t most = rip_vm_of(L)->limits.value_bytes;
    size_t each = len + glue_len;
    if (times > 0 && (lua_Unsigned)times > (lua_Unsigned)most)
        return luaL_error(L, "resulting string too large: at most %I bytes", (LUAI_UACINT)most);
    if (times > 0 && each > 0 && (lua_Unsigned)times > (lua_Unsigned)(most / each))
        return luaL_error(L, "resulting string too large: at most %I bytes", (LUAI_UACINT)most);
    if (times <= 0 || each == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    rip_vm_charge(L, 2 + (uint64_t)times * each / 32);
    push_repeated(L, (const span[2]){{text, len}, {glue, glue_len}}, (size_t)times * each);
    return 1;
}

/* One conversion by Lua's own format, which checks it: the format "%-5d" is put before the argument on top. */
static void convert_one(lua_State *L, const char *spec, size_t len)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, -2);
    lua_pushlstring(L, spec, len);
    lua_insert(L, -2);
    lua_call(L, 2, 1);
}

static const char *end_of_spec(lua_State *L, const char *at, const char *end)
{
    const char *stop = at;
    while (stop < end && stop - at < SPEC_MAX && strchr("-+ #0123456789.", *stop)) stop++;
    if (stop == end || *stop == '\0') luaL_error(L, "invalid conversion '%%' to 'format'");
    return stop;
}

/* Push the argument as its conversion wants it, checked, so that a mistake names the right argument. */
static void push_argument(lua_State *L, int index, char letter)
{
    switch (letter) {
    case 'd':
    case 'i':
    case 'c':
    case 'o':
    case 'u':
    case 'x':
    case 'X': lua_pushinteger(L, luaL_checkinteger(L, index)); break;
    case 'a':
    case 'A':
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': lua_pushnumber(L, luaL_checknumber(L, index)); break;
    case 's': rip_sandbox_tostring(L, index, NULL); break;
    case 'p': luaL_error(L, "invalid conversion '%%p' to 'format': addresses are not for playbooks"); break;
    default: lua_pushvalue(L, index);
    }
}

static int l_format(lua_State *L)
{
    size_t len = 0;
    const char *format = luaL_checklstring(L, 1, &len);
    const char *end = format + len;
    int top = lua_gettop(L), argument = 1;
    luaL_Buffer result;
    luaL_buffinit(L, &result);
    for (const char *at = format; at < end;) {
        const char *percent = memchr(at, '%', (size_t)(end - at));
        if (!percent) percent = end;
        rip_vm_charge(L, 4 + (uint64_t)(percent - at) / 32);
        luaL_addlstring(&result, at, (size_t)(percent - at));
        if (percent == end) break;
        if (percent + 1 < end && percent[1] == '%') {
            luaL_addchar(&result, '%');
            at = percent + 2;
            continue;
        }
        const char *stop = end_of_spec(L, percent + 1, end);
        if (++argument > top) luaL_argerror(L, argument, "no value");
        luaL_checkstack(L, 8, NULL);
        push_argument(L, argument, *stop);
        if (lua_type(L, -1) == LUA_TSTRING) rip_vm_charge(L, lua_rawlen(L, -1) / 8);
        rip_vm_charge(L, 30);
        if (stop > percent + 1 || *stop != 's') convert_one(L, percent, (size_t)(stop + 1 - percent));
        luaL_addvalue(&result);
        at = stop + 1;
    }
    luaL_pushresult(&result);
    return 1;
}

/* Put a function of ours, with Lua's own of that name as its upvalue, into the table on top; Lua's library is below. */
static void put_over(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -2, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

static void push_library(lua_State *L)
{
    static const char *const CHARGED[] = {"byte", "char", "len", "lower", "reverse", "sub", "upper", NULL};
    take_charged(L, CHARGED);
    put_over(L, "rep", l_rep);
    put_over(L, "format", l_format);
    rip_sandbox_open_match(L);
}

void rip_sandbox_open_string(lua_State *L)
{
    lua_pushcfunction(L, luaopen_string);
    lua_call(L, 0, 1);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1); /* has the arithmetic of numbers in strings */
    lua_remove(L, -2);
    lua_insert(L, -2);
    push_library(L);
    lua_setfield(L, -3, "__index");
    lua_pushliteral(L, "string");
    lua_setfield(L, -3, "__metatable");
    push_library(L);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

void rip_sandbox_open_utf8(lua_State *L)
{
    static const char *const CHARGED[] = {"char", "codepoint", "codes", "len", "offset", NULL};
    lua_pushcfunction(L, luaopen_utf8);
    lua_call(L, 0, 1);
    take_charged(L, CHARGED);
    lua_getfield(L, -2, "charpattern");
    lua_setfield(L, -2, "charpattern");
    lua_remove(L, -2);
}
