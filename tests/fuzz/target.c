// libFuzzer's entry. `./dev fuzz` builds and runs it; tests/unit/fuzz_corpus.c runs the same on the kept files.
#include "tests/fuzz/front_end.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  fuzz_front_end((const char *)bytes, length);
  return 0;
}
