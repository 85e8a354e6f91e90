riposte_fuzz(source_map SOURCES fuzz_source_map.c LINKS riposte_lua CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/source_map)
