# Tests: one Criterion executable a file in tests/unit.
find_path(CRITERION_INCLUDE criterion/criterion.h REQUIRED)
find_library(CRITERION_LIBRARY criterion REQUIRED)
file(GLOB UNIT_TESTS CONFIGURE_DEPENDS tests/unit/*.c)
add_library(test_support STATIC tests/differential/generate.c tests/differential/generate_expression.c tests/support/schedule_run.c tests/support/schedule_check.c tests/support/ir_run.c
  tests/support/expectation.c tests/support/random_program.c tests/fuzz/front_end.c)
target_include_directories(test_support SYSTEM PRIVATE ${CRITERION_INCLUDE})
target_link_libraries(test_support PUBLIC blur_compiler)
foreach(source ${UNIT_TESTS})
  get_filename_component(name ${source} NAME_WE)
  add_executable(unit_${name} ${source})
  set_target_properties(unit_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_include_directories(unit_${name} SYSTEM PRIVATE ${CRITERION_INCLUDE})
  target_compile_options(unit_${name} PRIVATE -Wno-pedantic)
  target_compile_definitions(unit_${name} PRIVATE SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(unit_${name} PRIVATE test_support blur_runtime blur_compiler blur_base ${CRITERION_LIBRARY})
  add_dependencies(unit_${name} blur_codegen)
  add_test(NAME unit_${name} COMMAND unit_${name})
endforeach()
find_library(LAPACKE_LIBRARY lapacke REQUIRED)
target_link_libraries(unit_rules_behaviour PRIVATE ${LAPACKE_LIBRARY}) # eigenvectors to compare with

# The command, by shell tests: one ctest entry a file of tests/cli.
foreach(helper json_check npz make_idx run_sql)
  add_executable(${helper} tests/support/${helper}.c)
  set_target_properties(${helper} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${helper} PRIVATE blur_base PkgConfig::JANSSON)
endforeach()
target_link_libraries(run_sql PRIVATE PkgConfig::SQLITE)
file(GLOB COMMAND_TESTS CONFIGURE_DEPENDS tests/cli/*.test)
foreach(test ${COMMAND_TESTS})
  get_filename_component(name ${test} NAME_WE)
  add_test(NAME cli_${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/cli/run.sh $<TARGET_FILE:blur> ${CMAKE_BINARY_DIR}/tests ${test})
endforeach()

# The example for embedders, as part of the build; tests/cli/embed.test builds it again from what is installed.
add_executable(example_embed examples/embed.c)
set_target_properties(example_embed PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(example_embed PRIVATE blur_runtime blur_compiler blur_base)
add_dependencies(example_embed blur_codegen)
# JIT against interpreter on generated rules: 200 of them, 2000 with BLUR_TEST_LONG (./dev test --long). Under the sanitizers, which make
# each ten times as long, fewer: they look for other things.
if(BLUR_SANITIZE)
  set(GENERATED_RULES --count 30)
  set(GENERATED_DERIVATIVES --count 6)
endif()
file(GLOB DIFFERENTIAL_SOURCES CONFIGURE_DEPENDS tests/differential/*.c)
list(FILTER DIFFERENTIAL_SOURCES EXCLUDE REGEX derivatives)
add_executable(differential ${DIFFERENTIAL_SOURCES})
set_target_properties(differential PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(differential PRIVATE blur_runtime blur_compiler blur_base)
add_dependencies(differential blur_codegen)
add_test(NAME differential COMMAND differential ${GENERATED_RULES})
set_tests_properties(differential PROPERTIES PROCESSORS 2 TIMEOUT 3600)
# The shapes of AVX-512 on machines without it: the same vectors, tiles and layouts, made of AVX2 instructions.
add_test(NAME differential_avx512 COMMAND differential --first 1001 --count 20)
add_test(NAME reference_avx512 COMMAND unit_reference_compiled)
set_tests_properties(differential_avx512 reference_avx512 PROPERTIES ENVIRONMENT BLUR_EMULATE_AVX512=1)
# Adjoints of generated rules against central differences: 20 of them, 500 with BLUR_TEST_LONG.
add_executable(derivatives tests/differential/derivatives.c tests/differential/generate.c
  tests/differential/generate_expression.c)
set_target_properties(derivatives PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(derivatives PRIVATE blur_runtime blur_compiler blur_base)
add_dependencies(derivatives blur_codegen)
add_test(NAME derivatives COMMAND derivatives ${GENERATED_DERIVATIVES})
set_tests_properties(derivatives PROPERTIES TIMEOUT 3600) # 500 rules take 13 minutes of processor time
