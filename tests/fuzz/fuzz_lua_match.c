/* The sandbox's patterns against Lua's own: a pattern, a zero byte, a subject. Both are kept short, since Lua's own has
 * no budget. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "lua/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LENGTH_MAX 12

static const char TEXT[] =
    "local s, p = ...\n"
    "local all = {}\n"
    "local function note(...)\n"
    "  for i = 1, select('#', ...) do all[#all + 1] = tostring((select(i, ...))) end\n"
    "end\n"
    "note(pcall(string.find, s, p))\n"
    "note(pcall(string.match, s, p, 2))\n"
    "note(pcall(string.gsub, s, p, '<%0%1>'))\n"
    "note(pcall(string.gsub, s, p, function(a) return a end, 3))\n"
    "note(pcall(function() for a, b in string.gmatch(s, p) do note(a, b) end end))\n"
    "return table.concat(all, '|')";

/* Push the two arguments. */
static void push_arguments(lua_State *L, const char *subject, size_t subject_len, const char *pattern,
                           size_t pattern_len)
{
    lua_pushlstring(L, subject, subject_len);
    lua_pushlstring(L, pattern, pattern_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = memchr(data, 0, size);
    if (!zero) return 0;
    const char *pattern = (const char *)data, *subject = (const char *)zero + 1;
    size_t pattern_len = (size_t)(zero - data), subject_len = size - pattern_len - 1;
    if (pattern_len > LENGTH_MAX || subject_len > LENGTH_MAX) return 0;
    rip_vm *vm = NULL;
    rip_error err;
    lua_State *theirs = luaL_newstate();
    if (!theirs || rip_vm_new(NULL, &vm, &err) != RIP_OK) abort();
    luaL_openlibs(theirs);
    if (luaL_loadbuffer(theirs, TEXT, strlen(TEXT), "@test.lua") != LUA_OK) abort();
    push_arguments(theirs, subject, subject_len, pattern, pattern_len);
    if (lua_pcall(theirs, 2, 1, 0) != LUA_OK) abort();
    if (rip_vm_load(vm, "test.lua", TEXT, strlen(TEXT), &err) != RIP_OK) abort();
    lua_State *ours = rip_vm_state(vm);
    push_arguments(ours, subject, subject_len, pattern, pattern_len);
    if (rip_vm_call(vm, 2, 1, &err) != RIP_VM_DONE) abort();
    size_t our_len = 0, their_len = 0;
    const char *our = lua_tolstring(ours, -1, &our_len), *their = lua_tolstring(theirs, -1, &their_len);
    if (our_len != their_len || memcmp(our, their, our_len) != 0) abort();
    lua_close(theirs);
    rip_vm_free(vm);
    return 0;
}
