riposte_fuzz(lua_json SOURCES fuzz_lua_json.c LINKS riposte_lua CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/lua_json)
