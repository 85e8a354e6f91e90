riposte_fuzz(config SOURCES fuzz_config.c LINKS riposte_base CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/config)
