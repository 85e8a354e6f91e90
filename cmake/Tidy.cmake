# cmake -P cmake/Tidy.cmake: build the preset `tidy`, which fails at the first file that clang-tidy objects to.
execute_process(COMMAND ${CMAKE_COMMAND} --preset tidy OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build --preset tidy -- -k 0 COMMAND_ERROR_IS_FATAL ANY)
