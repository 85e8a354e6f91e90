# A room is one static library: riposte_room(name SOURCES ... LINKS ...). Headers are included from the tree's root
# ("engine/base/error.h", "aws/client.h"), so that an include line says which room it reaches into.
function(riposte_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS" ${ARGN})
  add_library(riposte_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(riposte_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(riposte_${name} PUBLIC ${ROOM_LINKS})
  # Its texts are not for free() (engine/base/json_memory.h): who calls it is told at linking what to call instead.
  target_compile_definitions(riposte_${name} PRIVATE json_dumps=call_rip_json_dump_instead)
endfunction()

# A cmocka test program of one or more files: riposte_test(name SOURCES ... LINKS ...). It runs from the source root.
# RIPOSTE_TEST_PREFIX tells the same test of several builds apart where they are run together.
set(RIPOSTE_TEST_PREFIX "" CACHE STRING "What the names of this build's tests start with")
function(riposte_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LINKS;ARGS" ${ARGN})
  add_executable(test_${name} ${TEST_SOURCES})
  target_link_libraries(test_${name} PRIVATE ${TEST_LINKS} PkgConfig::CMOCKA)
  set(test ${RIPOSTE_TEST_PREFIX}${name})
  add_test(NAME ${test} COMMAND test_${name} ${TEST_ARGS} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${test} PROPERTIES TIMEOUT 120 LABELS unit SKIP_RETURN_CODE 77)
endfunction()

# A libFuzzer target with its seed corpus: riposte_fuzz(name SOURCES ... LINKS ... CORPUS dir). CI runs it for a short while.
function(riposte_fuzz name)
  cmake_parse_arguments(FUZZ "" "CORPUS" "SOURCES;LINKS" ${ARGN})
  if(NOT RIPOSTE_FUZZ)
    return()
  endif()
  set(RIPOSTE_FUZZ_SECONDS 20 CACHE STRING "Seconds each fuzz target runs under ctest")
  add_executable(fuzz_${name} ${FUZZ_SOURCES})
  target_link_libraries(fuzz_${name} PRIVATE ${FUZZ_LINKS})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  set(found ${CMAKE_CURRENT_BINARY_DIR}/corpus-${name})
  file(MAKE_DIRECTORY ${found})
  add_test(NAME fuzz_${name} COMMAND fuzz_${name} -max_total_time=${RIPOSTE_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=1024
           -print_final_stats=0 ${found} ${FUZZ_CORPUS})
  set_tests_properties(fuzz_${name} PROPERTIES LABELS fuzz)
endfunction()
