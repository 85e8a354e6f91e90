# Style and static checks: the target `format` rewrites, the tests of label `lint` only look.
file(GLOB_RECURSE C_FILES CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
     engine/*.[ch] aws/*.[ch] lua/*.[ch] tests/*.[ch] bench/*.[ch])

find_program(CLANG_FORMAT NAMES clang-format)
find_program(CLANG_TIDY NAMES clang-tidy)
find_program(LUACHECK NAMES luacheck)
mark_as_advanced(CLANG_FORMAT CLANG_TIDY LUACHECK)

if(CLANG_FORMAT)
  add_custom_target(format COMMAND ${CLANG_FORMAT} -i ${C_FILES} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM
                    COMMENT "Formatting the C files")
endif()

# A tool that is not here is told by the test, not passed over: scripts/deps installs them.
function(riposte_lint name tool)
  if(tool)
    add_test(NAME ${name} COMMAND ${tool} ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  else()
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E false)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS lint)
endfunction()

if(BUILD_TESTING AND "lint" IN_LIST RIPOSTE_TESTS)
  riposte_lint(format "${CLANG_FORMAT}" --dry-run -Werror ${C_FILES})
  riposte_lint(luacheck "${LUACHECK}" --quiet .)
  # A build of its own, because Ninja then checks again only what changed, headers included, and on every processor.
  riposte_lint(tidy "${CMAKE_COMMAND}" -P cmake/Tidy.cmake)
  set_tests_properties(tidy PROPERTIES TIMEOUT 3000 RUN_SERIAL TRUE)
endif()
