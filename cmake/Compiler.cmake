# Warnings as errors, sanitizers, hardening, coverage: one place, for every target.
option(RIPOSTE_WERROR "Treat compiler warnings as errors: the presets do" OFF)
option(RIPOSTE_COVERAGE "Instrument for gcov" OFF)
option(RIPOSTE_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(RIPOSTE_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (address,undefined or thread)")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
                    -Wwrite-strings -Wcast-qual -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough)
# -Wsign-conversion is left out: jansson and Lua mix size_t, int and lua_Integer in every call, and casts would hide more than they tell.
add_compile_options(-Wno-sign-conversion)
if(RIPOSTE_WERROR)
  add_compile_options(-Werror)
endif()
add_compile_definitions(_GNU_SOURCE)
add_compile_options(-fno-common -fstack-protector-strong)

if(RIPOSTE_SANITIZE)
  add_compile_options(-fsanitize=${RIPOSTE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${RIPOSTE_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  # All symbols are bound at the start, so a library's functions are called through their addresses, without a stub.
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fno-plt)
  add_link_options(-Wl,-z,relro,-z,now -Wl,-z,noexecstack)
endif()
if(RIPOSTE_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "RIPOSTE_FUZZ needs clang: use the preset `fuzz`, or CC=clang")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(RIPOSTE_COVERAGE)
  add_compile_options(--coverage -O0)
  add_link_options(--coverage)
endif()

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
