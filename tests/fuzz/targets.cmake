riposte_fuzz(targets SOURCES fuzz_targets.c LINKS riposte_run CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/targets)
