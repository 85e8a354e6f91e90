# An install: the program, the data it finds in share/riposte beside it (engine/base/data.h), manual pages, documents.
# The data keeps the tree's own shape, so that paths in examples are the same in both.
set(RIPOSTE_DATA ${CMAKE_INSTALL_DATADIR}/riposte)
install(DIRECTORY aws/model aws/targets DESTINATION ${RIPOSTE_DATA}/aws)
file(GLOB AWS_DATA CONFIGURE_DEPENDS aws/*.json)
install(FILES ${AWS_DATA} DESTINATION ${RIPOSTE_DATA}/aws)
install(FILES api/openapi.json DESTINATION ${RIPOSTE_DATA}/api)
install(DIRECTORY lua/ DESTINATION ${RIPOSTE_DATA}/lua FILES_MATCHING PATTERN "*.lua")
install(DIRECTORY playbooks examples DESTINATION ${RIPOSTE_DATA})
install(PROGRAMS tools/import-models tools/draft-targets DESTINATION ${RIPOSTE_DATA}/tools)

file(GLOB MANUAL_PAGES CONFIGURE_DEPENDS packaging/man/*.1)
install(FILES ${MANUAL_PAGES} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES README.md CHANGELOG.md LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")

# What a service needs: the unit names the program where it is installed.
configure_file(packaging/systemd/riposte.service.in ${CMAKE_CURRENT_BINARY_DIR}/riposte.service @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/riposte.service DESTINATION lib/systemd/system)
install(FILES packaging/systemd/riposte.sysusers DESTINATION lib/sysusers.d RENAME riposte.conf)
install(FILES packaging/systemd/riposte.tmpfiles DESTINATION lib/tmpfiles.d RENAME riposte.conf)
