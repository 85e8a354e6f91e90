/* Runs the Lua file that is its one argument, with the library of playbooks to `require` from: what it prints is what
 * came out. tests/e2e/test_waiters.py compares that with botocore. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    if (argc != 2 || !L) return EXIT_FAILURE;
    luaL_openlibs(L);
    bool well = luaL_dostring(L, "package.path = 'lua/?.lua'") == LUA_OK && luaL_dofile(L, argv[1]) == LUA_OK;
    if (!well) fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_close(L);
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
