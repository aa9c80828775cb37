// Every file of tests/golden/semantics says in its first lines what the checker must report: the place, the code, and
// how it says to mend it; no more, no less. Every code of the checker that a file can cause is shown by one.
#include "tests/support/golden.h"

static bool is_of_the_checker(const char *code) { return !strncmp(code, "E02", 3) || !strncmp(code, "W04", 3); }

Test(golden_semantics, every_file_and_every_code) {
  golden_check(&(Golden){.folder = SOURCE_DIR "/tests/golden/semantics",
                         .files = 70,
                         .check = check_file,
                         .belongs = is_of_the_checker,
                         .elsewhere = {DIAGNOSTIC_unknown_setting, DIAGNOSTIC_bad_setting}, // tests/unit/semantics.c
                         .elsewhere_count = 2});
}
