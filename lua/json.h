/* Values between Lua and jansson, exact both ways.
 *
 * | JSON    | Lua                                                                                              |
 * |---------|--------------------------------------------------------------------------------------------------|
 * | object  | table with string keys; an empty table without array mark is an object                           |
 * | array   | sequence that carries the array mark (a protected metatable), so that an empty one stays an array |
 * | integer | integer, 64 bits                                                                                 |
 * | real    | float, also where it is integral (1.0 stays 1.0); NaN and infinities are refused                  |
 * | string  | string; must be UTF-8 on the way to JSON                                                         |
 * | null    | absent in an object; the null value in an array (holes would shift what follows)                  |
 *
 * The null value is accepted anywhere on the way to JSON. Object members are written in byte order of their keys, so
 * that the same table always gives the same text. Metamethods are not called. */
#ifndef RIPOSTE_LUA_JSON_H
#define RIPOSTE_LUA_JSON_H

#include <jansson.h>
#include <lua.h>

#include "engine/base/error.h"

#define RIP_LUA_JSON_DEPTH_MAX 64
#define RIP_LUA_JSON_VALUES_MAX 1000000
#define RIP_LUA_JSON_BYTES_MAX ((size_t)16 << 20)

/** Push the value (borrowed) as a Lua value. Raises a Lua error when it is deeper or larger than the limits, or memory
 * is out. NULL pushes nil. */
void rip_lua_push_json(lua_State *L, const json_t *json);

/** A new reference to the JSON of the value at `index`. Never raises. RIP_EINVAL names the path and what is wrong there
 * ("params.tags[2] is a function: …"): not a JSON value, a hole in an array, mixed keys, a cycle, text that is not
 * UTF-8; RIP_ELIMIT for depth or size. *out is NULL on failure. nil gives JSON null. */
rip_status rip_lua_to_json(lua_State *L, int index, json_t **out, rip_error *err);

/** Push the null value; it equals itself, is true, and cannot be called or indexed. */
void rip_lua_push_null(lua_State *L);

/** Mark the table at `index` as an array. Replaces its metatable. May raise a memory error. */
void rip_lua_mark_array(lua_State *L, int index);

#endif
