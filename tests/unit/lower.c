// Lowering, by what the lowered program computes in the interpreter: the unit neuron's row, lets, choices, the order of
// a step, what a prediction leaves alone; and the networks that are refused.
#include "tests/support/rule_run.h"

#include <criterion/criterion.h>
#include <math.h>

static void expect(const char *what, const double *found, const double *expected, int count) {
  for (int i = 0; i < count; i++)
    cr_expect(fabs(found[i] - expected[i]) < 1e-12, "%s[%d]: %.15g, not %.15g", what, i, found[i], expected[i]);
}

static RuleRun *open_rule(const char *text, const char *net, int64_t batch) {
  RuleRun *run = rule_run_open(text, "-", net, batch, LOSS_SQUARED_ERROR);
  cr_assert_not_null(run);
  cr_assert_null(ir_verify(run->step), "%s", ir_verify(run->step));
  cr_assert_null(ir_verify(run->predict), "%s", ir_verify(run->predict));
  return run;
}

// Both parts of w read both parts: they see what was before the statement.
Test(lower, bias_row_and_rows_change_at_once) {
  RuleRun *run =
      open_rule("rule r {\n neuron h\n synapse w bias\n input h <- x\n forward post.h <- sum(pre: w * pre.h)\n"
                " update w <- w + 10 * sum(pre: w)\n predict h\n}\n",
                "2-2", 1);
  double w[] = {1, 2, 3, 4, 5, 6}, x[] = {1, 1}, y[] = {0, 0}; // two rows and the unit neuron's
  rule_run_copy(run, "w", 0, w, false);
  expect("prediction", rule_run_predict(run, x), (double[]){1 + 3 + 5, 2 + 4 + 6}, 2);
  rule_run_step(run, x, y);
  rule_run_copy(run, "w", 0, w, true);
  expect("w", w, (double[]){91, 122, 93, 124, 95, 126}, 6);
  rule_run_close(run);
}

// A reduction over pre with a bias synapse has one more element, at position fan_in, where neurons are 1.
Test(lower, reductions_include_the_unit_neuron) {
  RuleRun *run =
      open_rule("rule r {\n neuron h\n synapse w bias, p (post) = 0, q (post) = 0, s (post) = 0, t (post) = 0\n"
                " synapse u (post) = 0, v (post) = 0\n input h <- x\n forward post.h <- sum(pre: w * pre.h)\n"
                " update { p <- mean(pre: w)\n q <- max(pre: w)\n s <- argmax(pre: w)\n"
                " t <- prod(pre: w)\n u <- sum(batch, pre: w * pre.h * pre)\n v <- min(pre: w) }\n predict h\n}\n",
                "2-2", 1);
  double w[] = {1, 2, 3, 4, 5, -6}, x[] = {7, 8}, y[] = {0, 0}, value[2];
  rule_run_copy(run, "w", 0, w, false);
  rule_run_step(run, x, y);
  const char *names[] = {"p", "q", "s", "t", "u", "v"};
  const double expected[][2] = {{3, 0}, {5, 4}, {2, 1}, {15, -48}, {3 * 8 + 5 * 2, 4 * 8 - 6 * 2}, {1, -6}};
  for (int i = 0; i < 6; i++) {
    rule_run_copy(run, names[i], 0, value, true);
    expect(names[i], value, expected[i], 2);
  }
  rule_run_close(run);
}

// `bias` tells the row; its position is fan_in; pre.h is 1 there.
Test(lower, the_row_of_a_target) {
  RuleRun *run =
      open_rule("rule r {\n neuron h\n synapse w bias\n input h <- x\n forward post.h <- sum(pre: w * pre.h)\n"
                " update w <- (if bias then 100 else 0) + 10 * pre + sum(batch: pre.h) + post\n predict h\n}\n",
                "2-2", 2);
  double w[6] = {0}, x[] = {0.1, 0.2, 0.3, 0.4}, y[4] = {0};
  rule_run_step(run, x, y);
  rule_run_copy(run, "w", 0, w, true);
  expect("w", w, (double[]){0.4, 1.4, 10.6, 11.6, 122, 123}, 6);
  rule_run_close(run);
}

// A let keeps what was when it was written, with and without indices, also where it needs memory.
Test(lower, lets_are_fixed_where_they_stand) {
  RuleRun *run =
      open_rule("rule r {\n neuron h\n synapse w[2], s (post) = 0, m like w = 0\n input h <- x\n"
                " forward post.h <- sum(pre: w[0] * pre.h)\n"
                " update { let old[c] = 2 * w[c] + c\n let total = sum(pre, c: w[c])\n let twice = 2 * total\n"
                "          w[c] <- 0\n s <- twice\n m[c] <- old[1] + 100 * old[c] }\n predict h\n}\n",
                "2-1", 1);
  double w[] = {1, 2, 3, 4}, x[] = {1, 1}, y[] = {0}, s[1], m[4];
  rule_run_copy(run, "w", 0, w, false);
  rule_run_step(run, x, y);
  rule_run_copy(run, "s", 0, s, true);
  rule_run_copy(run, "m", 0, m, true);
  expect("s", s, (double[]){20}, 1);
  expect("m", m, (double[]){7 + 200, 9 + 400, 7 + 700, 9 + 900}, 4);
  rule_run_close(run);
}

// The unit neuron's row of a stored let.
Test(lower, lets_have_the_unit_row) {
  RuleRun *run = open_rule("rule r {\n neuron h\n synapse w bias, s (post) = 0\n input h <- x\n"
                           " forward post.h <- sum(pre: w * pre.h)\n"
                           " update { let old = w * w\n w <- 0\n s <- sum(pre: old) }\n predict h\n}\n",
                           "2-1", 1);
  double w[] = {1, 2, 3}, x[] = {1, 1}, y[] = {0}, s[1];
  rule_run_copy(run, "w", 0, w, false);
  rule_run_step(run, x, y);
  rule_run_copy(run, "s", 0, s, true);
  expect("s", s, (double[]){14}, 1);
  rule_run_close(run);
}

// Layers see the neighbour that was already updated; the input layer is clamped; neurons start from zero.
Test(lower, order_of_a_step) {
  RuleRun *run =
      open_rule("rule r {\n neuron h, g\n synapse w\n input h <- x\n forward post.h <- post.h + sum(pre: w * pre.h)\n"
                " feedback g <- h - y\n backward { pre.g <- pre.g + sum(post: w * post.g)\n pre.h <- 5 }\n"
                " update w <- w + sum(batch: pre.h * post.g) * (if first then 1 else 10) + (if last then 100 else 0)\n"
                " predict h\n}\n",
                "1-1-1", 1);
  double w0[] = {2}, w1[] = {3}, x[] = {1}, y[] = {1};
  rule_run_copy(run, "w", 0, w0, false);
  rule_run_copy(run, "w", 1, w1, false);
  expect("prediction", rule_run_predict(run, x), (double[]){6}, 1);
  rule_run_step(run, x, y); // h = 1, 2, 6; g2 = 5, g1 = 15; h1 <- 5, h0 stays
  rule_run_copy(run, "w", 0, w0, true);
  rule_run_copy(run, "w", 1, w1, true);
  expect("w0", w0, (double[]){2 + 15}, 1);
  expect("w1", w1, (double[]){3 + 10 * 5 * 5 + 100}, 1);
  rule_run_close(run);
}

// A forward pass that changes synapses: a prediction works on a copy.
Test(lower, predictions_change_nothing) {
  RuleRun *run =
      open_rule("rule r {\n neuron h\n synapse w bias\n input h <- x\n"
                " forward { w <- w + (if training then 10 else 1)\n post.h <- sum(pre: w * pre.h) }\n predict h\n}\n",
                "1-1", 1);
  double w[] = {2, 3}, x[] = {4}, y[] = {0};
  rule_run_copy(run, "w", 0, w, false);
  for (int i = 0; i < 2; i++) expect("prediction", rule_run_predict(run, x), (double[]){3 * 4 + 4}, 1);
  rule_run_step(run, x, y);
  rule_run_copy(run, "w", 0, w, true);
  expect("w", w, (double[]){12, 13}, 2);
  rule_run_close(run);
}

// A vector has an index of its own: read with constants, and summed over.
Test(lower, vectors) {
  RuleRun *run = open_rule("rule r {\n neuron h\n synapse w, s (post) = 0, t (post) = 0\n genome u[3] = [1, 10, 100], "
                           "q[2,2] = [[1, 2], [3, 4]]\n"
                           " fn pick(v) = { let m = [[v, 2*v], [3*v, 4*v]]; sum(i, j: m[i,j] * q[j,i]) }\n"
                           " input h <- x\n forward post.h <- sum(pre: w * pre.h)\n"
                           " update { let z = [w, 2*w, 7]\n s <- sum(pre, j: u[j] * z[j]) + 1000 * sum(pre: z[1])\n"
                           " t <- pick(sum(pre: w)) }\n predict h\n}\n",
                           "2-1", 1);
  double w[] = {3, 4}, x[] = {1, 1}, y[] = {0}, s[1], t[1];
  rule_run_copy(run, "w", 0, w, false);
  rule_run_step(run, x, y);
  rule_run_copy(run, "s", 0, s, true);
  rule_run_copy(run, "t", 0, t, true);
  expect("s", s, (double[]){21 * (3 + 4) + 2 * 700 + 1000 * 14}, 1);
  expect("t", t, (double[]){7 * (1 * 1 + 2 * 3 + 3 * 2 + 4 * 4)}, 1);
  rule_run_close(run);
}

// A declared derivative counts in f' and within other functions; the value stays the function's.
Test(lower, declared_derivatives) {
  RuleRun *run =
      open_rule("rule r {\n neuron h\n synapse w, a (post) = 0, b (post) = 0, c (post) = 0, d (post) = 0\n"
                " fn spike(v) = (v > 0) derivative 1/pow(1 + abs(v), 2)\n"
                " fn twice(v) = 2 * spike(3 * v) + v\n fn square(v) = spike(v) * spike(v)\n"
                " input h <- x\n forward post.h <- sum(pre: w * pre.h)\n"
                " update { a <- sum(pre: spike'(w) + 100 * spike(w))\n b <- sum(pre: twice'(w))\n"
                " c <- sum(pre: square'(w))\n d <- sum(pre: spike''(w) + 10 * twice''(w)) }\n predict h\n}\n",
                "1-1", 1);
  double w[] = {0.5}, x[] = {1}, y[] = {0}, found[1];
  rule_run_copy(run, "w", 0, w, false);
  rule_run_step(run, x, y);
  rule_run_copy(run, "a", 0, found, true);
  expect("a", found, (double[]){1 / 2.25 + 100}, 1);
  rule_run_copy(run, "b", 0, found, true);
  expect("b", found, (double[]){6 / 6.25 + 1}, 1);
  rule_run_copy(run, "c", 0, found, true);
  expect("c", found, (double[]){2 / 2.25}, 1);
  rule_run_copy(run, "d", 0, found, true); // -2 / (1 + |v|)^3, at 0.5 and, times 2 * 9, at 1.5
  expect("d", found, (double[]){-2 / 3.375 + 10 * -36 / 15.625}, 1);
  rule_run_close(run);
}

// Initial values see the layer.
Test(lower, initial_values) {
  RuleRun *run = open_rule("rule r {\n neuron h\n synapse w = fan_in + 10*layer, c (post) = 1/fan_out\n input h <- x\n"
                           " forward post.h <- c + sum(pre: w * pre.h)\n predict h\n}\n",
                           "2-3-1", 1);
  double w[6], c[3];
  rule_run_copy(run, "w", 1, w, true);
  rule_run_copy(run, "c", 0, c, true);
  expect("w", w, (double[]){13, 13, 13}, 3);
  expect("c", c, (double[]){1.0 / 3, 1.0 / 3, 1.0 / 3}, 3);
  rule_run_close(run);
}

// ---- networks

static const char PLAIN[] =
    "rule r {\n neuron h\n synapse w bias\n input h <- x\n forward post.h <- sum(pre: w * pre.h)\n predict h\n}\n";

Test(lower, depth_needs_no_axes) {
  char net[1024] = "3";
  for (int i = 0; i < 100; i++) strcat(net, i % 2 ? "-7" : "-5");
  RuleRun *run = open_rule(PLAIN, net, 2);
  cr_expect_leq(run->step->axes.count, 8);
  rule_run_close(run);
}

static void expect_refused(LowerNetwork network, DiagnosticCode code) {
  RuleRun *run = open_rule(PLAIN, "2-2", 1);
  cr_expect_null(lower_step(run->arena, run->rule, &network, &run->sink));
  cr_assert_eq(run->sink.errors, 1);
  cr_expect_eq(run->sink.items.items[0].code, code);
  rule_run_close(run);
}

Test(lower, refused_networks) {
  int64_t units[] = {4, 0, 3}, wide[] = {1 << 24, 1 << 24}, sizes[60];
  for (int i = 0; i < 60; i++) sizes[i] = i + 1;
  expect_refused((LowerNetwork){1, units, 1, false, false}, DIAGNOSTIC_network_layers);
  expect_refused((LowerNetwork){3, units, 1, false, false}, DIAGNOSTIC_network_units);
  expect_refused((LowerNetwork){2, wide, 1, false, false}, DIAGNOSTIC_network_large);
  expect_refused((LowerNetwork){2, wide, 0, false, false}, DIAGNOSTIC_network_batch);
  expect_refused((LowerNetwork){60, sizes, 1, false, false}, DIAGNOSTIC_network_axes);
}
