riposte_fuzz(library_pack SOURCES fuzz_library_pack.c LINKS riposte_lua CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/library_pack)
