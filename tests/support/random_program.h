// Random programs as IR text, with variables that several statements read and overwrite, from a seed.
#ifndef BLUR_TESTS_RANDOM_PROGRAM_H
#define BLUR_TESTS_RANDOM_PROGRAM_H

#include "base/arena.h"

char *random_values(Arena *arena, unsigned seed);  // large values of what is given, each assigned once, of one shape
char *random_program(Arena *arena, unsigned seed); // statements in a row
char *random_repeats(Arena *arena, unsigned seed); // some of them in repeats, which may be nested

#endif
