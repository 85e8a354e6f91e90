/* The keys of a playbook's header that depend on the finding: strings, or functions that give one. */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "lua/json.h"
#include "lua/playbook.h"
#include "lua/playbook_vm.h"

static const rip_vm_limits LIMITS = {.memory_bytes = (size_t)16 << 20, .instructions = 10000000};

/* (header, name, finding as light userdata) -> what header[name](finding) gives */
static int l_key(lua_State *L)
{
    lua_pushvalue(L, 2);
    lua_gettable(L, 1);
    rip_lua_push_json(L, lua_touserdata(L, 3));
    lua_call(L, 1, 1);
    return 1;
}

static rip_status call_key(rip_vm *vm, const char *name, const json_t *finding, char **out, rip_error *err)
{
    lua_State *L = rip_vm_state(vm);
    int header = lua_gettop(L);
    lua_pushcfunction(L, l_key);
    lua_pushvalue(L, header);
    lua_pushstring(L, name);
    lua_pushlightuserdata(L, (void *)(uintptr_t)finding);
    if (rip_vm_call(vm, 3, 1, err) != RIP_VM_DONE) return rip_error_prefix(err, "%s: ", name);
    rip_status status = RIP_OK;
    if (lua_type(L, -1) == LUA_TSTRING)
        status = (*out = strdup(lua_tostring(L, -1))) ? RIP_OK : rip_nomem(err);
    else if (!lua_isnil(L, -1))
        status = rip_fail(err, RIP_EINVAL, "%s: expected the function to give a string or nil, it gave %s", name,
                          luaL_typename(L, -1));
    lua_pop(L, 1);
    return status;
}

static rip_status call_functions(const rip_playbook *playbook, const json_t *finding, rip_playbook_keys *out,
                                 rip_error *err)
{
    rip_playbook_vm box = {0};
    rip_status status = rip_playbook_vm_open(&box, playbook, &LIMITS, NULL, NULL, err);
    if (status == RIP_OK) status = rip_playbook_push(&box, playbook, err);
    if (status == RIP_OK && rip_vm_call(box.vm, 0, 1, err) != RIP_VM_DONE) status = err->status;
    if (status == RIP_OK && playbook->lock.is_function) status = call_key(box.vm, "lock", finding, &out->lock, err);
    if (status == RIP_OK && playbook->correlate.is_function)
        status = call_key(box.vm, "correlate", finding, &out->correlate, err);
    rip_playbook_vm_close(&box);
    return status;
}

rip_status rip_playbook_read_keys(const rip_playbook *playbook, const json_t *finding, rip_playbook_keys *out,
                                  rip_error *err)
{
    *out = (rip_playbook_keys){0};
    rip_status status = RIP_OK;
    if (playbook->lock.text && !(out->lock = strdup(playbook->lock.text))) status = rip_nomem(err);
    if (playbook->correlate.text && !(out->correlate = strdup(playbook->correlate.text))) status = rip_nomem(err);
    if (status == RIP_OK && (playbook->lock.is_function || playbook->correlate.is_function))
        status = call_functions(playbook, finding, out, err);
    if (status != RIP_OK) rip_playbook_keys_free(out);
    return status;
}

void rip_playbook_keys_free(rip_playbook_keys *keys)
{
    free(keys->lock);
    free(keys->correlate);
    *keys = (rip_playbook_keys){0};
}
