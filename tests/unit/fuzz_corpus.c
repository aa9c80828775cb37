// What the fuzzer found worth keeping, without the fuzzer: a small corpus that reaches most of the front end, and every
// input that once broke something. Each must go its way (tests/fuzz/front_end.h) without an invariant broken.
#include "tests/fuzz/front_end.h"
#include "tests/support/expectation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void run_file(const char *path, void *context) {
  (void)context;
  FILE *file = fopen(path, "rb");
  cr_assert_not_null(file, "%s", path);
  enum { MOST = 1 << 20 };
  char *bytes = malloc(MOST);
  size_t length = fread(bytes, 1, MOST, file);
  fclose(file);
  fprintf(stderr, "%s\n", path); // an invariant that breaks ends the process: the last one is it
  fuzz_front_end(bytes, length);
  free(bytes);
}

static size_t run_folder(const char *folder) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  return expectation_files(folder, ".blur", run_file, NULL);
}

Test(fuzz_corpus, kept_inputs) { cr_expect_gt(run_folder(SOURCE_DIR "/tests/fuzz/corpus"), 100); }

Test(fuzz_corpus, past_findings) { cr_expect_gt(run_folder(SOURCE_DIR "/tests/fuzz/findings"), 0); }
