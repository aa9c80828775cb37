# Benchmarks that need more than the command: bench/products, bench/evolve.
add_executable(bench_products tests/bench/products.c cli/peak.c)
set_target_properties(bench_products PROPERTIES OUTPUT_NAME products RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
target_link_libraries(bench_products PRIVATE blur_compiler blur_base PkgConfig::OPENBLAS)
add_dependencies(bench_products blur_codegen)
add_executable(bench_evolve tests/bench/evolve.c)
set_target_properties(bench_evolve PROPERTIES OUTPUT_NAME evolve RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
target_link_libraries(bench_evolve PRIVATE blur_runtime blur_base)
