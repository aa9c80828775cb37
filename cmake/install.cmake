# What `cmake --install` lays out: bin/blur, libblur (shared, with the shared LLVM; and static, of one archive), headers,
# share/blur/stdlib, a pkg-config file and a CMake package.
