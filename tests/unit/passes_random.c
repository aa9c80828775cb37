// simplify and contract on random programs: the interpreter gives the same before and after, costs fall, running a pass
// again changes nothing. Programs are drawn as text, so that a failure prints what reproduces it.
#include "compiler/passes/passes.h"
#include "tests/support/ir_run.h"
#include "tests/support/random_program.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *printed(Arena *arena, const IrProgram *program) {
  Text text = {0};
  ir_print(program, &text);
  char *copy = arena_copy(arena, text.bytes, text.length);
  text_free(&text);
  return copy;
}

static void check(unsigned seed, const char *const *passes, int count, int *cheaper) {
  Arena *arena = arena_create();
  char *text = random_values(arena, seed);
  IrProgram *before = ir_run_parse(arena, text), *after = ir_run_parse(arena, text);
  char *as_printed = printed(arena, before);
  cr_assert_str_eq(printed(arena, ir_run_parse(arena, as_printed)), as_printed, "seed %u", seed);
  double cost = ir_cost(after, after->statements);
  for (int i = 0; i < count; i++) {
    pass_find(passes[i])->run(after);
    const char *fault = ir_verify(after);
    cr_assert_null(fault, "seed %u: after %s %s\n%s", seed, passes[i], fault, text);
    double now = ir_cost(after, after->statements);
    if (!strcmp(passes[i], "contract"))
      cr_assert_leq(now, cost, "seed %u: %s costs %g instead of %g\n%s", seed, passes[i], now, cost, text);
    if (now < cost) ++*cheaper;
    cost = now;
  }
  int64_t compared;
  double difference =
      ir_run_difference(before, ir_run(arena, before, seed), after, ir_run(arena, after, seed), &compared);
  cr_assert_eq(compared, 24 + 24 + 15 + 60 + 1);
  cr_assert_lt(difference, 1e-12, "seed %u: the result differs by %g\n%s\n%s", seed, difference, text,
               printed(arena, after));
  arena_destroy(arena);
}

enum { PROGRAMS = 1500 };

Test(passes_random, simplify_keeps_the_result) {
  int cheaper = 0;
  for (unsigned seed = 0; seed < PROGRAMS; seed++) check(seed, (const char *const[]){"simplify"}, 1, &cheaper);
  cr_assert_gt(cheaper, PROGRAMS / 2);
}

Test(passes_random, contract_keeps_the_result) {
  int cheaper = 0;
  for (unsigned seed = 0; seed < PROGRAMS; seed++) check(seed, (const char *const[]){"contract"}, 1, &cheaper);
  cr_assert_gt(cheaper, PROGRAMS / 4);
}

Test(passes_random, the_driver_s_order_keeps_the_result) {
  int cheaper = 0;
  for (unsigned seed = 0; seed < PROGRAMS; seed++)
    check(seed, (const char *const[]){"simplify", "contract", "unroll_states", "version", "propagate", "simplify"}, 6,
          &cheaper);
}

Test(passes_random, simplify_reaches_a_fixed_point) {
  for (unsigned seed = 0; seed < PROGRAMS; seed++) {
    Arena *arena = arena_create();
    IrProgram *program = ir_run_parse(arena, random_values(arena, seed));
    pass_simplify(program);
    char *once = printed(arena, program);
    pass_simplify(program);
    cr_assert_str_eq(printed(arena, program), once, "seed %u", seed);
    arena_destroy(arena);
  }
}
