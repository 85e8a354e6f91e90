#include <lauxlib.h>

#include "lua/vm_state.h"

void rip_sandbox_open_match(lua_State *L)
{
    (void)L;
}
