// What tests that hold a rule in the interpreter against loops of their own have in common: opening it, reaching its
// arrays, comparing them.
#ifndef BLUR_TESTS_RULE_EXPECT_H
#define BLUR_TESTS_RULE_EXPECT_H

#include "tests/support/rule_run.h"

#include <criterion/criterion.h>
#include <math.h>

static inline void expect(const char *what, const double *found, const double *expected, int count) {
  for (int i = 0; i < count; i++)
    cr_expect(fabs(found[i] - expected[i]) < 1e-12, "%s[%d]: %.15g, not %.15g", what, i, found[i], expected[i]);
}

// The rule of a text, on a network, with both programs verified.
static inline RuleRun *open_rule_with_loss(const char *text, const char *net, int64_t batch, TaskLoss loss) {
  RuleRun *run = rule_run_open(text, "-", net, batch, loss);
  cr_assert_not_null(run);
  cr_assert_null(ir_verify(run->step), "%s", ir_verify(run->step));
  cr_assert_null(ir_verify(run->predict), "%s", ir_verify(run->predict));
  return run;
}

static inline RuleRun *open_rule(const char *text, const char *net, int64_t batch) {
  return open_rule_with_loss(text, net, batch, LOSS_SQUARED_ERROR);
}

static inline double *memory_of(RuleRun *run, const char *name, int layer, bool is_bias) {
  int buffer = rule_run_find(run->step, name, layer, is_bias);
  cr_assert_geq(buffer, 0, "%s of layer %d", name, layer);
  return run->step_storage[buffer];
}

// Numbers without a pattern, in (-1, 1).
static inline void fill(double *array, int count, double seed) {
  for (int i = 0; i < count; i++) array[i] = sin(seed + 1.7 * i + 0.3 * i * i);
}

#endif
