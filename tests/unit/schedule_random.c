// Schedules of random programs, with variables that several statements read and overwrite, against the interpreter.
#include "tests/support/random_program.h"
#include "tests/support/schedule_check.h"

#include <criterion/criterion.h>

Test(schedule_random, agrees_with_the_interpreter) {
  for (unsigned seed = 0; seed < 300; seed++) {
    Arena *arena = arena_create();
    char *text = random_program(arena, seed);
    schedule_check_text(text, seed % 2 ? &schedule_wide_target : &schedule_narrow_target, seed % 4 < 2 ? 4 : 8,
                        seed % 8 == 7, 1);
    arena_destroy(arena);
  }
}

Test(schedule_random, repeats_agree_with_the_interpreter) {
  for (unsigned seed = 0; seed < 300; seed++) {
    Arena *arena = arena_create();
    char *text = random_repeats(arena, seed);
    schedule_check_text(text, seed % 2 ? &schedule_wide_target : &schedule_narrow_target, seed % 4 < 2 ? 4 : 8,
                        seed % 8 == 7, 2);
    arena_destroy(arena);
  }
}
