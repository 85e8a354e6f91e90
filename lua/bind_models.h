/* What Lua's clients know of the API models. */
#ifndef RIPOSTE_LUA_BIND_MODELS_H
#define RIPOSTE_LUA_BIND_MODELS_H

#include <lua.h>

#include "aws/model.h"

/** Put two functions into the table on top of L's stack; `models` is borrowed. May raise a memory error.
 *
 *     operation(service, name) -> {name, read, pages} | nil, why      by AWS's or boto3's name
 *     waiter(service, name)    -> {operation, delay, maxAttempts, acceptors} | nil, why */
void rip_bind_models(lua_State *L, aws_models *models);

#endif
