riposte_fuzz(finding SOURCES fuzz_finding.c LINKS riposte_finding CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/finding)
