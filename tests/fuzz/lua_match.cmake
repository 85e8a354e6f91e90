riposte_fuzz(lua_match SOURCES fuzz_lua_match.c LINKS riposte_lua CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/lua_match)
