foreach(part IN ITEMS pattern event match)
  riposte_fuzz(trigger_${part} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz_trigger_${part}.c LINKS riposte_trigger
               CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/trigger_${part})
endforeach()
