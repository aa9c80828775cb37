# The code generator: lib/blur/libblur_codegen.so, a module with LLVM inside that exports one symbol. The command, the libraries
# and the tests open it when they compile something (compiler/backend/generator.c).
include(GNUInstallDirs)
set(CODEGEN_FOLDER ${CMAKE_INSTALL_LIBDIR}/blur)
file(RELATIVE_PATH FROM_BINDIR_TO_LIBDIR /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${CMAKE_INSTALL_LIBDIR})
set_source_files_properties(compiler/backend/generator.c PROPERTIES COMPILE_DEFINITIONS
  "BLUR_CODEGEN_INSTALLED=\"${CMAKE_INSTALL_FULL_LIBDIR}/blur\";BLUR_CODEGEN_FROM_COMMAND=\"${FROM_BINDIR_TO_LIBDIR}/blur\"")

file(GLOB CODEGEN_SOURCES CONFIGURE_DEPENDS compiler/codegen/*.c)
add_library(blur_codegen MODULE ${CODEGEN_SOURCES})
set_target_properties(blur_codegen PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${CODEGEN_FOLDER})
target_include_directories(blur_codegen PRIVATE ${GENERATED})
target_include_directories(blur_codegen SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS})
file(WRITE ${GENERATED}/codegen.map "{ global: blur_code_generator; local: *; };\n")
target_link_libraries(blur_codegen PRIVATE blur_compiler blur_base)
target_link_options(blur_codegen PRIVATE -Wl,--version-script=${GENERATED}/codegen.map -Wl,--as-needed)

# The sanitizers bring their own C++ runtime: there, and wherever static LLVM is missing, the shared one.
if(BLUR_SANITIZE OR NOT TARGET LLVMCore)
  target_link_directories(blur_codegen PRIVATE ${LLVM_LIBRARY_DIRS})
  target_link_libraries(blur_codegen PRIVATE LLVM stdc++)
else()
  llvm_map_components_to_libnames(LLVM_STATIC_LIBRARIES core passes x86codegen x86asmparser x86desc x86info target analysis support irprinter)
  target_link_libraries(blur_codegen PRIVATE ${LLVM_STATIC_LIBRARIES} -l:libstdc++.a)
  target_link_options(blur_codegen PRIVATE -Wl,--gc-sections -Wl,-Bsymbolic -Wl,-z,defs -static-libgcc)
  find_program(BLUR_LLD NAMES ld.lld PATHS ${LLVM_TOOLS_BINARY_DIR})
  if(BLUR_LLD) # 0.5 s a link instead of 5
    get_filename_component(LLD_FOLDER ${BLUR_LLD} DIRECTORY)
    target_link_options(blur_codegen PRIVATE -fuse-ld=lld -B${LLD_FOLDER})
  endif()
endif()
