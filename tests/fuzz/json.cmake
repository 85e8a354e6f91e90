riposte_fuzz(json SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz_json.c ${PROJECT_SOURCE_DIR}/tests/base/json_alike.c
             LINKS riposte_base CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/json)
