/* A JSON document into Lua and back: the same, null members aside. */
#include <stdint.h>
#include <stdlib.h>

#include "lua/json.h"
#include "lua/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int l_push(lua_State *L)
{
    rip_lua_push_json(L, lua_touserdata(L, 1));
    return 1;
}

/* Members that are null are absent in Lua. */
static void drop_nulls(json_t *json)
{
    const char *key;
    size_t i, len;
    json_t *value;
    void *next;
    json_object_keylen_foreach_safe(json, next, key, len, value)
    {
        if (json_is_null(value))
            json_object_deln(json, key, len);
        else
            drop_nulls(value);
    }
    json_array_foreach (json, i, value) drop_nulls(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL), *back = NULL;
    rip_vm *vm = NULL;
    rip_error err;
    if (!json) return 0;
    if (rip_vm_new(NULL, &vm, &err) != RIP_OK) abort();
    lua_State *L = rip_vm_state(vm);
    lua_pushcfunction(L, l_push);
    lua_pushlightuserdata(L, json);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK && rip_lua_to_json(L, -1, &back, &err) == RIP_OK) {
        drop_nulls(json);
        if (!json_equal(json, back)) abort();
    }
    json_decref(json);
    json_decref(back);
    rip_vm_free(vm);
    return 0;
}
