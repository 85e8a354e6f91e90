add_executable(conformance-protocols conformance_protocols.c)
target_link_libraries(conformance-protocols PRIVATE riposte_aws)
add_test(NAME conformance_protocols COMMAND conformance-protocols WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(conformance_protocols PROPERTIES TIMEOUT 60 LABELS conformance SKIP_RETURN_CODE 77)

riposte_test(client SOURCES test_client.c LINKS riposte_aws)
riposte_test(json SOURCES test_json.c LINKS riposte_aws)
riposte_test(model SOURCES test_model.c LINKS riposte_aws)

find_program(PYTHON3 python3)
if(PYTHON3)
  add_test(NAME import_models COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/import_models.py)
  set_tests_properties(import_models PROPERTIES TIMEOUT 120 LABELS unit SKIP_RETURN_CODE 77)
endif()
