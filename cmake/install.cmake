# What `cmake --install` lays out: bin/blur; libblur, shared and static (one archive of base, compiler and runtime);
# the code generator, lib/blur/libblur_codegen.so; headers; share/blur/stdlib; a pkg-config file; a CMake package with the targets
# blur::blur and blur::static.
set(EMPTY ${GENERATED}/empty.c)
file(WRITE ${EMPTY} "extern int blur_of_parts;\n")
set(EXPORTS ${GENERATED}/exports.map)
file(WRITE ${EXPORTS} "{ global: blur_*; local: *; };\n")

add_library(blur_shared SHARED ${EMPTY})
set_target_properties(blur_shared PROPERTIES OUTPUT_NAME blur VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR})
set_target_properties(blur_shared PROPERTIES LINK_DEPENDS "$<TARGET_FILE:blur_runtime>;$<TARGET_FILE:blur_compiler>;$<TARGET_FILE:blur_base>")
add_dependencies(blur_shared blur_base blur_compiler blur_runtime)
target_link_libraries(blur_shared PRIVATE
  -Wl,--whole-archive $<TARGET_FILE:blur_runtime> $<TARGET_FILE:blur_compiler> $<TARGET_FILE:blur_base> -Wl,--no-whole-archive
  PkgConfig::JANSSON ZLIB::ZLIB Threads::Threads m ${CMAKE_DL_LIBS})
target_link_options(blur_shared PRIVATE -Wl,--version-script=${EXPORTS} -Wl,--as-needed)

# ar's own script language merges archives and keeps members of the same name apart.
set(STATIC_LIBRARY ${CMAKE_BINARY_DIR}/libblur.a)
file(GENERATE OUTPUT ${GENERATED}/merge.mri CONTENT
  "create ${STATIC_LIBRARY}\naddlib $<TARGET_FILE:blur_runtime>\naddlib $<TARGET_FILE:blur_compiler>\naddlib $<TARGET_FILE:blur_base>\nsave\nend\n")
add_custom_command(OUTPUT ${STATIC_LIBRARY}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${STATIC_LIBRARY}
  COMMAND ${CMAKE_AR} -M < ${GENERATED}/merge.mri
  DEPENDS blur_base blur_compiler blur_runtime VERBATIM)
add_custom_target(blur_static ALL DEPENDS ${STATIC_LIBRARY})

set(PACKAGE ${CMAKE_BINARY_DIR}/package)
file(RELATIVE_PATH FROM_LIBDIR_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR} /prefix/) # both find their prefix from where they lie
configure_file(cmake/blur.pc.in ${PACKAGE}/blur.pc @ONLY)
configure_file(cmake/blurConfig.cmake.in ${PACKAGE}/blurConfig.cmake @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${PACKAGE}/blurConfigVersion.cmake COMPATIBILITY SameMinorVersion)

install(TARGETS blur RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS blur_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS blur_codegen LIBRARY DESTINATION ${CODEGEN_FOLDER})
install(FILES ${STATIC_LIBRARY} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY base/include/ compiler/include/ runtime/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY stdlib/ DESTINATION ${CMAKE_INSTALL_DATADIR}/blur/stdlib FILES_MATCHING PATTERN "*.blur")
install(DIRECTORY examples/data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/blur/data FILES_MATCHING PATTERN "*.npz" PATTERN "*.md")
install(DIRECTORY ${PAGES}/man/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} FILES_MATCHING PATTERN "*.1")
foreach(shell bash-completion/completions zsh/site-functions fish/vendor_completions.d)
  install(DIRECTORY ${PAGES}/${shell}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/${shell})
endforeach()
install(FILES ${PACKAGE}/blur.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${PACKAGE}/blurConfig.cmake ${PACKAGE}/blurConfigVersion.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/blur)
