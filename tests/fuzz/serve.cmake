foreach(part IN ITEMS sns signature)
  riposte_fuzz(${part} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz_${part}.c LINKS riposte_serve
               CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${part})
endforeach()
