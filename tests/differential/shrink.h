// Makes a failing case smaller while it still fails.
#ifndef BLUR_TESTS_SHRINK_H
#define BLUR_TESTS_SHRINK_H

#include "tests/differential/generate.h"

#include <stdbool.h>

// `fails`: whether a candidate, which may be no rule at all, fails in the same way. At most `most` candidates are
// tried.
typedef bool ShrinkTest(const GeneratedCase *candidate, void *context);
void shrink_case(GeneratedCase *failing, ShrinkTest *fails, void *context, int most);

#endif
