# The front end under libFuzzer: `./dev fuzz`, preset `fuzz`.
add_executable(fuzz_front_end tests/fuzz/target.c tests/fuzz/mutate.c tests/fuzz/front_end.c)
set_target_properties(fuzz_front_end PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_options(fuzz_front_end PRIVATE -fsanitize=fuzzer)
target_link_libraries(fuzz_front_end PRIVATE blur_compiler blur_base)
