# The `blur` command: bin/blur; and the library of rules, embedded as its default copy and linked beside the command in the build tree (share/blur/stdlib, as when installed).
file(GLOB STDLIB_FILES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/stdlib/*.blur)
add_custom_command(OUTPUT ${GENERATED}/library_embedded.c
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${GENERATED}/library_embedded.c "-DINPUTS=${STDLIB_FILES}" -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${STDLIB_FILES} cmake/embed.cmake VERBATIM)
target_sources(blur_compiler PRIVATE ${GENERATED}/library_embedded.c)
set_source_files_properties(compiler/source/library.c PROPERTIES COMPILE_DEFINITIONS
  "BLUR_INSTALLED_STDLIB=\"${CMAKE_INSTALL_FULL_DATADIR}/blur/stdlib\"")
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/share/blur)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/stdlib ${CMAKE_BINARY_DIR}/share/blur/stdlib SYMBOLIC)
# Small sets of data: found by name (runtime/data/places.c).
set_source_files_properties(runtime/data/places.c PROPERTIES COMPILE_DEFINITIONS
  "BLUR_INSTALLED_DATA=\"${CMAKE_INSTALL_FULL_DATADIR}/blur/data\"")
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/examples/data ${CMAKE_BINARY_DIR}/share/blur/data SYMBOLIC)

file(GLOB COMMAND_SOURCES CONFIGURE_DEPENDS cli/*.c)
add_executable(blur ${COMMAND_SOURCES})
target_link_libraries(blur PRIVATE blur_runtime blur_compiler blur_base PkgConfig::SQLITE)
target_include_directories(blur SYSTEM PRIVATE ${CAIRO_INCLUDE_DIRS})
add_dependencies(blur blur_codegen)
# What a process pays before main: no relocations, and three libraries fewer to find, where there are static ones.
find_library(JANSSON_ARCHIVE libjansson.a)
find_library(ZLIB_ARCHIVE libz.a)
find_library(SQLITE_ARCHIVE libsqlite3.a)
if(NOT BLUR_SANITIZE AND JANSSON_ARCHIVE AND ZLIB_ARCHIVE AND SQLITE_ARCHIVE)
  target_link_libraries(blur PRIVATE ${SQLITE_ARCHIVE} ${JANSSON_ARCHIVE} ${ZLIB_ARCHIVE} m)
  target_link_options(blur PRIVATE -no-pie -Wl,--as-needed)
endif()
# The measured peak: multiply-adds in one instruction, and no warning about vectors wider than the base ABI's.
set_source_files_properties(cli/peak.c PROPERTIES COMPILE_OPTIONS "-ffp-contract=fast;-Wno-psabi;-O2")

# The manual's pages and the shells' completions, from the same tables as --help: share/ in the build tree, as when installed.
add_executable(blur_pages cli/pages/pages.c cli/pages/manual.c cli/pages/completion.c cli/tables.c)
target_include_directories(blur_pages PRIVATE ${CMAKE_SOURCE_DIR}/compiler/include)
target_link_libraries(blur_pages PRIVATE blur_runtime blur_compiler blur_base)
set(PAGES ${CMAKE_BINARY_DIR}/share)
add_custom_command(OUTPUT ${PAGES}/man/man1/blur.1
  COMMAND blur_pages ${PAGES}
  DEPENDS blur_pages VERBATIM)
add_custom_target(pages ALL DEPENDS ${PAGES}/man/man1/blur.1)
