// Random programs, compiled for each level of the machine and run by one thread and by two, against the interpreter.
#include "tests/support/random_program.h"
#include "tests/support/schedule_check.h"

#include <criterion/criterion.h>

Test(emit_random, repeats_agree_with_the_interpreter) {
  for (unsigned seed = 0; seed < 40; seed++)
    for (BlurCpu cpu = BLUR_CPU_X86_64; cpu <= BLUR_CPU_AVX512 && blur_cpu_available(cpu); cpu++) {
      Arena *arena = arena_create();
      schedule_check_compiled(random_repeats(arena, seed), cpu, 1 + (int)(seed + (unsigned)cpu) % 2, 2);
      arena_destroy(arena);
    }
}
