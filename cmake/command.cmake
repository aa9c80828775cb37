# The `blur` command: bin/blur, with LLVM's static libraries and no relocations at start; and the library of rules, embedded
# as its default copy and linked beside the command in the build tree (share/blur/stdlib, as when installed).
file(GLOB STDLIB_FILES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/stdlib/*.blur)
add_custom_command(OUTPUT ${GENERATED}/library_embedded.c
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${GENERATED}/library_embedded.c "-DINPUTS=${STDLIB_FILES}" -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${STDLIB_FILES} cmake/embed.cmake VERBATIM)
target_sources(blur_compiler PRIVATE ${GENERATED}/library_embedded.c)
include(GNUInstallDirs)
set_source_files_properties(compiler/source/library.c PROPERTIES COMPILE_DEFINITIONS
  "BLUR_INSTALLED_STDLIB=\"${CMAKE_INSTALL_FULL_DATADIR}/blur/stdlib\"")
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/share/blur)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/stdlib ${CMAKE_BINARY_DIR}/share/blur/stdlib SYMBOLIC)

file(GLOB COMMAND_SOURCES CONFIGURE_DEPENDS cli/*.c)
add_executable(blur ${COMMAND_SOURCES})
target_link_libraries(blur PRIVATE blur_runtime blur_compiler blur_base)

# The sanitizers slow LLVM's own start and bring their own runtime: there, and wherever static LLVM is missing, the shared one.
if(BLUR_SANITIZE OR NOT TARGET LLVMCore)
  target_link_directories(blur PRIVATE ${LLVM_LIBRARY_DIRS})
  target_link_libraries(blur PRIVATE LLVM)
else()
  target_link_libraries(blur PRIVATE ${LLVM_STATIC_LIBRARIES} -l:libstdc++.a)
  target_link_options(blur PRIVATE -no-pie -Wl,--gc-sections -Wl,--as-needed -static-libgcc)
  find_program(BLUR_LLD NAMES ld.lld PATHS ${LLVM_TOOLS_BINARY_DIR})
  if(BLUR_LLD) # 0.5 s a link instead of 5
    get_filename_component(LLD_FOLDER ${BLUR_LLD} DIRECTORY)
    target_link_options(blur PRIVATE -fuse-ld=lld -B${LLD_FOLDER})
    endif()
endif()
# The measured peak: multiply-adds in one instruction, and no warning about vectors wider than the base ABI's.
set_source_files_properties(cli/peak.c PROPERTIES COMPILE_OPTIONS "-ffp-contract=fast;-Wno-psabi;-O2")
