// Which constructs of the language a generated rule uses.
#ifndef BLUR_TESTS_COVERAGE_H
#define BLUR_TESTS_COVERAGE_H

#include <stdbool.h>

enum { MOST_CONSTRUCTS = 80 };

int coverage_constructs(void);
const char *coverage_name(int construct);
bool coverage_uses(const char *script, int construct);

#endif
