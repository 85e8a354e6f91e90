riposte_fuzz(reply SOURCES fuzz_reply.c LINKS riposte_aws CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/reply)
