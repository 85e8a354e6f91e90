foreach(part IN ITEMS template url)
  riposte_fuzz(notify_${part} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz_notify_${part}.c LINKS riposte_notify
               CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/notify_${part})
endforeach()
