# base: memory, text, numbers. compiler: text to schedules, and the loading of machine code. codegen: schedules to machine code, on
# LLVM alone (cmake/codegen.cmake). runtime: networks, data, training.
file(GLOB BASE_SOURCES CONFIGURE_DEPENDS base/*.c)
add_library(blur_base STATIC ${BASE_SOURCES})
target_include_directories(blur_base PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/base/include)
target_link_libraries(blur_base PUBLIC ZLIB::ZLIB Threads::Threads m)

set(GENERATED ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${GENERATED})
set(GRAMMAR_SOURCES)
if(EXISTS ${CMAKE_SOURCE_DIR}/grammar/blur.y)
  add_custom_command(OUTPUT ${GENERATED}/parser.c ${GENERATED}/parser.h
    COMMAND ${BISON_EXECUTABLE} -Wall -Werror -d -o ${GENERATED}/parser.c ${CMAKE_SOURCE_DIR}/grammar/blur.y
    DEPENDS grammar/blur.y VERBATIM)
  add_custom_command(OUTPUT ${GENERATED}/scanner.c
    COMMAND ${RE2C} -W -Werror --no-debug-info -o ${GENERATED}/scanner.c ${CMAKE_SOURCE_DIR}/grammar/blur.re
    DEPENDS grammar/blur.re ${GENERATED}/parser.h VERBATIM)
  set(GRAMMAR_SOURCES ${GENERATED}/parser.c ${GENERATED}/scanner.c)
endif()

# What the object cache is valid for, and what says that a code generator fits: a hash of the files that decide the machine code
# and the memory that both sides share.
file(GLOB BACKEND_SOURCES CONFIGURE_DEPENDS compiler/backend/*.[ch] compiler/codegen/*.[ch] compiler/ir/ir.h
  compiler/ir/operations.def compiler/passes/schedule.h compiler/include/blur/compiler.h base/arena.[ch] base/text.[ch])
add_custom_command(OUTPUT ${GENERATED}/backend_identity.h
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${GENERATED}/backend_identity.h -DNAME=BACKEND_IDENTITY "-DINPUTS=${BACKEND_SOURCES}" -DSALT=LLVM-${LLVM_PACKAGE_VERSION}
          -P ${CMAKE_SOURCE_DIR}/cmake/identity.cmake
  DEPENDS ${BACKEND_SOURCES} cmake/identity.cmake VERBATIM)

# The same for what the passes and the schedule decide: any file of the compiler.
file(GLOB_RECURSE PLAN_SOURCES CONFIGURE_DEPENDS compiler/*.[ch] compiler/*.def base/*.[ch])
add_custom_command(OUTPUT ${GENERATED}/compiler_identity.h
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${GENERATED}/compiler_identity.h -DNAME=COMPILER_IDENTITY "-DINPUTS=${PLAN_SOURCES}" -P ${CMAKE_SOURCE_DIR}/cmake/identity.cmake
  DEPENDS ${PLAN_SOURCES} cmake/identity.cmake VERBATIM)

file(GLOB COMPILER_SOURCES CONFIGURE_DEPENDS compiler/*.c compiler/*/*.c)
list(FILTER COMPILER_SOURCES EXCLUDE REGEX /compiler/codegen/)
add_library(blur_compiler STATIC ${COMPILER_SOURCES} ${GRAMMAR_SOURCES} ${GENERATED}/backend_identity.h ${GENERATED}/compiler_identity.h)
target_include_directories(blur_compiler PUBLIC ${CMAKE_SOURCE_DIR}/compiler/include PRIVATE ${GENERATED})
target_link_libraries(blur_compiler PUBLIC blur_base ${CMAKE_DL_LIBS})

file(GLOB RUNTIME_SOURCES CONFIGURE_DEPENDS runtime/*.c runtime/*/*.c)
add_library(blur_runtime STATIC ${RUNTIME_SOURCES})
target_include_directories(blur_runtime PUBLIC ${CMAKE_SOURCE_DIR}/runtime/include ${CMAKE_SOURCE_DIR}/compiler/include)
target_link_libraries(blur_runtime PUBLIC blur_base PkgConfig::JANSSON ${CMAKE_DL_LIBS})
# Batches are gathered before every step: these loops are to be vectorized.
target_compile_options(blur_runtime PRIVATE $<$<CONFIG:RelWithDebInfo>:-O3>)
set_source_files_properties(base/normal.c PROPERTIES COMPILE_OPTIONS "$<$<CONFIG:RelWithDebInfo>:-O3>;-ffp-contract=off;-fno-trapping-math")
