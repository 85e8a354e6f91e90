riposte_fuzz(document SOURCES fuzz_document.c LINKS riposte_intake CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/document)
