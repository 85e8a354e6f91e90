foreach(part IN ITEMS profile metadata)
  riposte_fuzz(aws_${part} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz_aws_${part}.c LINKS riposte_aws
               CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/aws_${part})
endforeach()
