#include "lua/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "engine/base/buffer.h"
#include "engine/base/escape.h"

static char NULL_VALUE; /* its address is the null value */
static char ARRAY_MARK; /* its address is the registry's key of the arrays' metatable */

void rip_lua_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, &NULL_VALUE);
}

void rip_lua_mark_array(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 3, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &ARRAY_MARK) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 2);
        lua_pushliteral(L, "array");
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &ARRAY_MARK);
    }
    lua_setmetatable(L, index);
}

/* From JSON. */

typedef struct counts {
    size_t values, bytes;
} counts;

static void count(lua_State *L, counts *seen, size_t bytes)
{
    seen->values++;
    seen->bytes += bytes;
    if (seen->values > RIP_LUA_JSON_VALUES_MAX || seen->bytes > RIP_LUA_JSON_BYTES_MAX)
        luaL_error(L, "the document is too large: at most %d values and %d bytes", RIP_LUA_JSON_VALUES_MAX,
                   (int)RIP_LUA_JSON_BYTES_MAX);
}

static void push_value(lua_State *L, const json_t *json, int depth, counts *seen);

static void push_array(lua_State *L, const json_t *json, int depth, counts *seen)
{
    size_t size = json_array_size(json);
    lua_createtable(L, size > INT_MAX ? INT_MAX : (int)size, 0);
    for (size_t i = 0; i < size; i++) {
        push_value(L, json_array_get(json, i), depth, seen);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    rip_lua_mark_array(L, -1);
}

static void push_object(lua_State *L, const json_t *json, int depth, counts *seen)
{
    lua_createtable(L, 0, (int)json_object_size(json));
    void *at = json_object_iter((json_t *)(uintptr_t)json);
    for (; at; at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
        const json_t *value = json_object_iter_value(at);
        if (json_is_null(value)) continue;
        size_t len = json_object_iter_key_len(at);
        count(L, seen, len);
        lua_pushlstring(L, json_object_iter_key(at), len);
        push_value(L, value, depth, seen);
        lua_rawset(L, -3);
    }
}

static void push_value(lua_State *L, const json_t *json, int depth, counts *seen)
{
    if (depth > RIP_LUA_JSON_DEPTH_MAX)
        luaL_error(L, "the document is too deep: at most %d levels", RIP_LUA_JSON_DEPTH_MAX);
    luaL_checkstack(L, 8, NULL);
    count(L, seen, json_string_length(json));
    switch (json_typeof(json)) {
    case JSON_OBJECT: push_object(L, json, depth + 1, seen); break;
    case JSON_ARRAY: push_array(L, json, depth + 1, seen); break;
    case JSON_STRING: lua_pushlstring(L, json_string_value(json), json_string_length(json)); break;
    case JSON_INTEGER: lua_pushinteger(L, json_integer_value(json)); break;
    case JSON_REAL: lua_pushnumber(L, json_real_value(json)); break;
    case JSON_TRUE: lua_pushboolean(L, 1); break;
    case JSON_FALSE: lua_pushboolean(L, 0); break;
    case JSON_NULL: rip_lua_push_null(L); break;
    }
}

void rip_lua_push_json(lua_State *L, const json_t *json)
{
    counts seen = {0, 0};
    if (!json) {
        luaL_checkstack(L, 1, NULL);
        lua_pushnil(L);
        return;
    }
    push_value(L, json, 0, &seen);
}

/* To JSON. Only calls of the API that cannot raise: no string is made, nothing is looked up by a C string. */

/* One step of the way to a value: a member's name, or an element's index. */
typedef struct step {
    const void *table; /* what the step leads into, for cycles */
    const char *name;
    size_t name_len;
    lua_Integer index;
} step;

typedef struct writer {
    lua_State *L;
    counts seen;
    int depth;
    step way[RIP_LUA_JSON_DEPTH_MAX + 1];
    rip_error *err;
    rip_status status;
} writer;

static bool is_plain_name(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return len > 0;
}

static json_t *fail(writer *w, rip_status status, const char *what)
{
    rip_buffer path = {0};
    for (int i = 0; i < w->depth; i++) {
        const step *s = &w->way[i];
        if (!s->name) {
            rip_buffer_printf(&path, "[%lld]", (long long)s->index);
        } else if (is_plain_name(s->name, s->name_len)) {
            if (path.len) rip_buffer_putc(&path, '.');
            rip_escape_line(&path, s->name, s->name_len, 64);
        } else {
            rip_buffer_putc(&path, '[');
            rip_escape_json(&path, s->name, s->name_len, 64);
            rip_buffer_putc(&path, ']');
        }
    }
    w->status = rip_fail(w->err, status, "%.400s %s", path.len ? path.data : "the value", what);
    rip_buffer_free(&path);
    return NULL;
}

static json_t *out_of_memory(writer *w)
{
    w->status = rip_nomem(w->err);
    return NULL;
}

static json_t *checked(writer *w, json_t *json)
{
    return json ? json : out_of_memory(w);
}

static bool is_utf8(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t one = (unsigned char)text[at] < 0x80 ? 1 : rip_utf8_next(text + at, len - at, NULL);
        if (one == 0) return false;
        at += one;
    }
    return true;
}

static json_t *write_value(writer *w);

static json_t *write_string(writer *w)
{
    size_t len = 0;
    const char *text = lua_tolstring(w->L, -1, &len);
    w->seen.bytes += len;
    if (w->seen.bytes > RIP_LUA_JSON_BYTES_MAX) return fail(w, RIP_ELIMIT, "makes the whole over 16 MiB of text");
    if (!is_utf8(text, len)) return fail(w, RIP_EINVAL, "is text that is not UTF-8");
    return checked(w, json_stringn_nocheck(text, len));
}

/* What the keys of the table on top are. */
typedef struct shape {
    size_t names, indices;
    lua_Integer last; /* the largest index */
    bool other;
} shape;

static shape shape_of(lua_State *L)
{
    shape s = {0, 0, 0, false};
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            s.names++;
        } else if (lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0) {
            s.indices++;
            if (lua_tointeger(L, -2) > s.last) s.last = lua_tointeger(L, -2);
        } else {
            s.other = true;
        }
        lua_pop(L, 1);
    }
    return s;
}

static bool is_marked(lua_State *L)
{
    if (!lua_getmetatable(L, -1)) return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ARRAY_MARK);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return marked;
}

static json_t *write_array(writer *w, const shape *s)
{
    json_t *array = json_array();
    if (!array) return out_of_memory(w);
    step *here = &w->way[w->depth++];
    here->name = NULL;
    for (lua_Integer i = 1; i <= s->last; i++) {
        here->index = i;
        lua_rawgeti(w->L, -1, i);
        json_t *value = write_value(w);
        lua_pop(w->L, 1);
        if (value && json_array_append_new(array, value) != 0) value = out_of_memory(w);
        if (!value) {
            json_decref(array);
            return NULL;
        }
    }
    w->depth--;
    return array;
}

typedef struct member {
    const char *name;
    size_t len;
    json_t *value;
} member;

#define MEMBERS_FEW 8

static int compare_members(const void *left, const void *right)
{
    const member *a = left, *b = right;
    int order = memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Most objects have few: those are not worth a qsort, which asks for memory. */
static void sort_members(member *members, size_t count_of)
{
    if (count_of > MEMBERS_FEW) {
        qsort(members, count_of, sizeof *members, compare_members);
        return;
    }
    for (size_t i = 1; i < count_of; i++) {
        member next = members[i];
        size_t place = i;
        for (; place > 0 && compare_members(&next, &members[place - 1]) < 0; place--)
            members[place] = members[place - 1];
        members[place] = next;
    }
}

/* A member's value is found by walking to it: a lookup by name would make a string. So the walk is done once, and the
 * members are put in order afterwards. */
static bool read_members(writer *w, member *members)
{
    step *here = &w->way[w->depth++];
    lua_pushnil(w->L);
    for (; lua_next(w->L, -2); members++) {
        here->name = lua_tolstring(w->L, -2, &here->name_len);
        w->seen.bytes += here->name_len;
        *members = (member){here->name, here->name_len, NULL};
        if (!is_utf8(here->name, here->name_len))
            fail(w, RIP_EINVAL, "has a name that is not UTF-8");
        else if (memchr(here->name, '\0', here->name_len))
            fail(w, RIP_EINVAL, "has a name with a NUL in it"); /* C would take it for another, shorter one */
        else
            members->value = write_value(w);
        lua_pop(w->L, 1);
        if (!members->value) {
            lua_pop(w->L, 1);
            return false;
        }
    }
    w->depth--;
    return true;
}

/* The members' values are taken over. */
static json_t *object_of(writer *w, member *members, size_t count_of)
{
    json_t *object = json_object();
    sort_members(members, count_of);
    for (size_t i = 0; i < count_of; i++) {
        json_t *value = members[i].value;
        members[i].value = NULL;
        if (json_object_setn_new_nocheck(object, members[i].name, members[i].len, value) == 0) continue;
        json_decref(object);
        return out_of_memory(w);
    }
    return checked(w, object);
}

static json_t *write_object(writer *w, const shape *s)
{
    if (s->names == 0) return checked(w, json_object());
    member few[MEMBERS_FEW] = {{0}};
    member *members = s->names > MEMBERS_FEW ? calloc(s->names, sizeof *members) : few;
    if (!members) return out_of_memory(w);
    json_t *object = read_members(w, members) ? object_of(w, members, s->names) : NULL;
    for (size_t i = 0; i < s->names; i++) json_decref(members[i].value);
    if (members != few) free(members);
    return object;
}

static json_t *write_table(writer *w)
{
    const void *self = lua_topointer(w->L, -1);
    for (int i = 0; i < w->depth; i++) {
        if (w->way[i].table == self) return fail(w, RIP_EINVAL, "leads back to a table that it is in");
    }
    if (w->depth >= RIP_LUA_JSON_DEPTH_MAX) return fail(w, RIP_ELIMIT, "is over 64 levels deep");
    if (!lua_checkstack(w->L, 8)) return out_of_memory(w);
    w->way[w->depth].table = self;
    shape s = shape_of(w->L);
    if (s.other) return fail(w, RIP_EINVAL, "has a key that is neither a name nor a place in a list");
    if (s.names && s.indices) return fail(w, RIP_EINVAL, "has both names and places in a list as keys");
    if ((size_t)s.last != s.indices) return fail(w, RIP_EINVAL, "is a list with a hole in it");
    bool marked = is_marked(w->L);
    if (marked && s.names) return fail(w, RIP_EINVAL, "is a list and has a name as a key");
    return s.indices || marked ? write_array(w, &s) : write_object(w, &s);
}

/* A new reference for the value on top of the stack, which stays there. */
static json_t *write_value(writer *w)
{
    lua_State *L = w->L;
    if (++w->seen.values > RIP_LUA_JSON_VALUES_MAX) return fail(w, RIP_ELIMIT, "makes the whole over a million values");
    switch (lua_type(L, -1)) {
    case LUA_TNIL: return checked(w, json_null());
    case LUA_TBOOLEAN: return checked(w, json_boolean(lua_toboolean(L, -1)));
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1)) return checked(w, json_integer(lua_tointeger(L, -1)));
        if (!isfinite(lua_tonumber(L, -1))) return fail(w, RIP_EINVAL, "is a number that JSON does not have");
        return checked(w, json_real(lua_tonumber(L, -1)));
    case LUA_TSTRING: return write_string(w);
    case LUA_TTABLE: return write_table(w);
    default: break;
    }
    if (lua_touserdata(L, -1) == &NULL_VALUE) return checked(w, json_null());
    char what[64];
    snprintf(what, sizeof what, "is a %s: only plain values go there", lua_typename(L, lua_type(L, -1)));
    return fail(w, RIP_EINVAL, what);
}

rip_status rip_lua_to_json(lua_State *L, int index, json_t **out, rip_error *err)
{
    *out = NULL;
    if (!lua_checkstack(L, 8)) return rip_nomem(err);
    writer w; /* the way is 2 KB that need not be cleared */
    w.L = L;
    w.seen = (counts){0, 0};
    w.depth = 0;
    w.err = err;
    w.status = RIP_OK;
    int top = lua_gettop(L);
    lua_pushvalue(L, index);
    *out = write_value(&w);
    lua_settop(L, top);
    return *out ? RIP_OK : w.status;
}
