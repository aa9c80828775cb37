// Noise in rules: which numbers are drawn, each by its name in base/philox.h; what is one draw and what are two.
#include "base/philox.h"
#include "blur/runtime.h"
#include "tests/support/rule_expect.h"

// Element `element` of the draw at a place, in a step; the seed of these runs is 0.
static double normal(uint32_t place, int layer, uint32_t element, uint32_t step, uint32_t iteration) {
  return philox_noise(0, place, layer, element, step, iteration, 'n');
}

static double uniform(uint32_t place, int layer, uint32_t element, uint32_t step) {
  return philox_noise(0, place, layer, element, step, 0, 'u');
}

// Batch, pre, post, then states; over `pre` the unit neuron is the last element, with `bias` and without.
Test(noise, elements_by_axes) {
  RuleRun *run = open_rule("rule r {\n neuron h, a[3] persistent\n synapse w bias = 0, v = 0, s (post)\n input h <- x\n"
                           " forward post.a[c] <- 5 + 2 * normal(c, post, batch: 0, 1)\n"
                           " update { w <- uniform(pre, post: 2, 6)\n v <- normal(post, pre: 0, 1)\n"
                           "          s <- sum(pre: w * uniform(pre: 0, 1)) }\n predict h\n}\n",
                           "2-2-3", 2);
  double x[4] = {0}, y[6] = {0};
  for (uint32_t step = 0; step < 2; step++) {
    rule_run_step(run, x, y);
    for (int layer = 0; layer < 2; layer++) {
      uint32_t above = layer ? 3 : 2;
      double a[18], w[6], row[3], v[6], s[3];
      for (uint32_t c = 0; c < 3; c++)
        for (uint32_t b = 0; b < 2; b++)
          for (uint32_t j = 0; j < above; j++)
            a[(2 * c + b) * above + j] = 5 + 2 * normal(0, layer, (b * above + j) * 3 + c, step, 0);
      for (uint32_t j = 0; j < above; j++) {
        s[j] = 0;
        for (uint32_t i = 0; i < 3; i++) {
          double drawn = 2 + 4 * uniform(1, layer, i * above + j, step);
          *(i < 2 ? &w[i * above + j] : &row[j]) = drawn;
          if (i < 2) v[i * above + j] = normal(2, layer, i * above + j, step, 0);
          s[j] += drawn * uniform(3, layer, i, step);
        }
      }
      expect("a", memory_of(run, "a", layer + 1, false), a, (int)(6 * above));
      expect("w", memory_of(run, "w", layer, false), w, (int)(2 * above));
      expect("the row of w", memory_of(run, "w", layer, true), row, (int)above);
      expect("v", memory_of(run, "v", layer, false), v, (int)(2 * above));
      expect("s", memory_of(run, "s", layer, false), s, (int)above);
    }
  }
  rule_run_close(run);
}

// A `let` is one draw, however often it is read; two places are two; so are two calls of one function.
Test(noise, draws_are_neither_merged_nor_doubled) {
  RuleRun *run = open_rule(
      "fn jitter(A: z) = z + normal(A: 0, 1)\n"
      "rule r {\n neuron h, p persistent, q persistent, u[2] persistent\n synapse w = 0\n input h <- x\n"
      " forward { let one = normal(batch, post: 0, 1)\n post.p <- one - 3 * one\n"
      "  post.q <- normal(batch, post: 0, 1) - normal(batch, post: 0, 1) + one\n post.h <- jitter(batch, post: "
      "post.p) + 10 * jitter(batch, post: post.p)\n"
      "  let many[i] = { let d[j] = normal(post, j: 0, 1) + post.u[j]; d[i] + 10 * d[0] }\n"
      "  post.u[c] <- many[c] + 100 * many[1] }\n predict h\n}\n",
      "1-1", 1);
  double x[] = {0}, y[] = {0};
  rule_run_step(run, x, y);
  double one = normal(0, 0, 0, 0, 0), p = -2 * one;
  expect("p", memory_of(run, "p", 1, false), &p, 1);
  expect("q", memory_of(run, "q", 1, false), (double[]){normal(1, 0, 0, 0, 0) - normal(2, 0, 0, 0, 0) + one}, 1);
  double h = p + normal(3, 0, 0, 0, 0) + 10 * (p + normal(4, 0, 0, 0, 0));
  double d[] = {normal(5, 0, 0, 0, 0), normal(5, 0, 1, 0, 0)};
  double u[] = {d[0] + 10 * d[0] + 100 * (d[1] + 10 * d[0]), d[1] + 10 * d[0] + 100 * (d[1] + 10 * d[0])};
  expect("u", memory_of(run, "u", 1, false), u, 2);
  run->steps_made = 0; // the prediction of the same step draws the same
  expect("prediction", rule_run_predict(run, x), &h, 1);
  rule_run_close(run);
}

// The iteration counts the runs of the block in the step: rounds of repeats, and runs elsewhere.
Test(noise, runs_of_a_block) {
  RuleRun *run = open_rule("rule r {\n neuron h, t persistent\n synapse w = 0\n input h <- x\n"
                           " pass turn up { post.t <- 2 * post.t + normal(post: 0, 1) }\n"
                           " step { input; turn; repeat 3 { turn; repeat i in 2 { turn } }; repeat 2 { turn } }\n"
                           " predict { input; repeat 2 { turn } } t\n}\n",
                           "1-1", 1);
  double x[] = {0}, y[] = {0}, t = 0;
  rule_run_step(run, x, y);
  for (uint32_t i = 0; i < 1 + 3 * 3 + 2; i++) t = 2 * t + normal(0, 0, 0, 0, i);
  expect("t", memory_of(run, "t", 1, false), &t, 1);
  for (uint32_t i = 0; i < 2; i++) t = 2 * t + normal(0, 0, 0, 1, i);
  expect("prediction", rule_run_predict(run, x), &t, 1);
  rule_run_close(run);
}

// In blocks of one layer: of that layer. Dropout: a mask of zeros and ones, of each sample and neuron.
Test(noise, in_one_layer) {
  RuleRun *run = open_rule("rule r {\n neuron h persistent\n synapse w = 0\n input h <- x\n"
                           " at each drop { h <- if uniform(batch, unit: 0, 1) < 0.5 then 1 else 2 }\n"
                           " step { input; drop }\n predict { input } h\n}\n",
                           "3-2", 4);
  double x[12] = {0}, y[8] = {0}, low[12], high[8];
  rule_run_step(run, x, y);
  for (uint32_t i = 0; i < 12; i++) low[i] = uniform(0, 0, i, 0) < 0.5 ? 1 : 2;
  for (uint32_t i = 0; i < 8; i++) high[i] = uniform(0, 1, i, 0) < 0.5 ? 1 : 2;
  expect("the first layer", memory_of(run, "h", 0, false), low, 12);
  expect("the last layer", memory_of(run, "h", 1, false), high, 8);
  rule_run_close(run);
}

Test(noise, more_than_can_be_counted) {
  RuleRun *run = open_rule("rule r {\n neuron h\n synapse w = 0\n input h <- x\n"
                           " forward post.h <- sum(pre: normal(batch, pre, post: 0, 1))\n predict h\n}\n",
                           "2-2", 2);
  int64_t units[] = {1 << 12, 1 << 12};
  LowerNetwork network = {.layers = 2, .units = units, .batch = 1 << 9};
  cr_expect_null(lower_step(run->arena, run->rule, &network, &run->sink));
  cr_assert_eq(run->sink.errors, 1);
  cr_expect_str_eq(diagnostic_code_name(run->sink.items.items[run->sink.items.count - 1].code), "E0325");
  rule_run_close(run);
}
