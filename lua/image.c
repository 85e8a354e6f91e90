#include "lua/image.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "lua/arena_image.h"
#include "lua/json.h"
#include "lua/vm_state.h"

#define REGION_BYTES ((size_t)1 << 20)

struct rip_image {
    rip_arena_image *memory;
    rip_vm vm; /* what is in it, but for its memory and limits */
};

rip_status rip_image_prepare(rip_vm **out, rip_error *err)
{
    *out = NULL;
    if (!RIP_VM_ARENA) return rip_fail(err, RIP_ENOTFOUND, "images need states with memory of their own");
    static const rip_vm_limits IN_ONE_GO = {.instructions = 100000000, .slice_instructions = 100000000};
    rip_vm *vm = rip_vm_shell(&IN_ONE_GO);
    rip_status status = vm ? rip_vm_fill(vm, REGION_BYTES, err) : rip_nomem(err);
    if (status == RIP_OK) *out = vm;
    return status;
}

void rip_image_free(rip_image *image)
{
    if (!image) return;
    rip_arena_image_free(image->memory);
    free(image);
}

rip_status rip_image_copy(const rip_image *image, const rip_vm_limits *limits, rip_vm **out, rip_error *err)
{
    *out = NULL;
    const rip_vm *from = &image->vm;
    rip_vm *vm = rip_vm_shell(limits);
    if (!vm) return rip_nomem(err);
    if (from->memory_used > vm->limits.memory_bytes || !rip_arena_image_copy(image->memory, &vm->arena)) {
        rip_vm_free(vm);
        return rip_nomem(err);
    }
    vm->main = rip_arena_image_place(image->memory, &vm->arena, from->main);
    vm->memory_used = from->memory_used;
    vm->next_id = from->next_id;
    memcpy(vm->words, from->words, sizeof vm->words);
    rip_vm_claim(vm);
    *out = vm;
    return RIP_OK;
}

void rip_image_rest(const rip_image *image)
{
    rip_arena_image_rest(image->memory);
}

/* What cannot be copied. A table finds objects by their address, which is another one in the copy; a coroutine and a
 * userdata are known to C. */

static void look(lua_State *L);

/* Of pointers to what is not the state's only null is known to be the same for every copy. */
static void check_is_null(lua_State *L)
{
    rip_lua_push_null(L);
    if (!lua_rawequal(L, -1, -2)) luaL_error(L, "a light userdata");
    lua_pop(L, 1);
}

/* The value on top is popped. */
static void look_at(lua_State *L, int seen)
{
    int type = lua_type(L, -1);
    if (type == LUA_TTHREAD && lua_tothread(L, -1) != L) luaL_error(L, "a coroutine");
    if (type == LUA_TUSERDATA) luaL_error(L, "a userdata");
    if (type == LUA_TLIGHTUSERDATA) check_is_null(L);
    if (type == LUA_TTABLE || type == LUA_TFUNCTION) {
        lua_pushvalue(L, -1);
        if (lua_rawget(L, seen) == LUA_TNIL) {
            lua_pushvalue(L, -2);
            lua_pushboolean(L, 1);
            lua_rawset(L, seen);
            lua_pushvalue(L, -2);
            look(L);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void look_into_table(lua_State *L, int seen)
{
    if (lua_getmetatable(L, -1)) look_at(L, seen);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        int key = lua_type(L, -2);
        if (key == LUA_TTABLE || key == LUA_TFUNCTION || key == LUA_TTHREAD || key == LUA_TUSERDATA)
            luaL_error(L, "a table with a %s as a key", lua_typename(L, key));
        look_at(L, seen);
    }
}

/* The table or function on top is popped. */
static void look(lua_State *L)
{
    luaL_checkstack(L, 8, "a structure as deep as this");
    if (lua_istable(L, -1))
        look_into_table(L, 1);
    else
        for (int i = 1; lua_getupvalue(L, -1, i); i++) look_at(L, 1);
    lua_pop(L, 1);
}

/* From the registry; `seen` is a table at index 1. */
static int l_look(lua_State *L)
{
    lua_settop(L, 0);
    lua_newtable(L);
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    look(L);
    return 0;
}

/* A copy is looked at: what looking needs would be left in the image. */
static rip_status check(const rip_image *image, rip_error *err)
{
    rip_vm *vm = NULL;
    rip_error why;
    rip_status status = rip_image_copy(image, NULL, &vm, err);
    if (status != RIP_OK) return status;
    lua_pushcfunction(vm->main, l_look);
    if (rip_vm_call(vm, 0, 0, &why) != RIP_VM_DONE)
        status = rip_fail(err, RIP_EINVAL, "an image cannot be taken: it holds %s", why.message);
    rip_vm_free(vm);
    return status;
}

rip_status rip_image_take(rip_vm *vm, rip_image **out, rip_error *err)
{
    *out = NULL;
    if (lua_gettop(vm->main) > 0)
        return rip_fail(err, RIP_EINVAL, "an image cannot be taken: something is on the stack");
    lua_gc(vm->main, LUA_GCCOLLECT);
    if (!rip_arena_is_whole(&vm->arena))
        return rip_fail(err, RIP_ELIMIT, "an image cannot be taken: the state takes over %zu bytes", REGION_BYTES);
    rip_image *image = calloc(1, sizeof *image);
    if (!image) return rip_nomem(err);
    *image = (rip_image){rip_arena_image_take(&vm->arena), *vm};
    rip_status status = image->memory ? check(image, err) : rip_nomem(err);
    if (status == RIP_OK)
        *out = image;
    else
        rip_image_free(image);
    return status;
}
