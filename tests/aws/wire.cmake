add_executable(conformance-sigv4 conformance_sigv4.c)
target_link_libraries(conformance-sigv4 PRIVATE riposte_aws)
add_test(NAME conformance_sigv4 COMMAND conformance-sigv4 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(conformance_sigv4 PROPERTIES TIMEOUT 60 LABELS conformance SKIP_RETURN_CODE 77)

riposte_test(wire SOURCES test_wire.c loopback.c LINKS riposte_aws)
riposte_test(credentials SOURCES test_credentials.c loopback.c LINKS riposte_aws)
riposte_test(endpoint SOURCES test_endpoint.c LINKS riposte_aws)
riposte_test(sign SOURCES test_sign.c LINKS riposte_aws)
