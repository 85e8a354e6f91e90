riposte_test(library SOURCES test_library.c LINKS riposte_dispatch)
# The configuration is the test's own: what is tested is what suppressions make of its rows.
riposte_test(suppress SOURCES test_suppress.c ${PROJECT_SOURCE_DIR}/engine/dispatch/suppress.c LINKS riposte_trigger)
