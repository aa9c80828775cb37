// Axes of their own: second indices over a layer, the last layer from everywhere, synapses between other axes, traces a
// sample, in the interpreter, against loops written here.
#include "tests/support/rule_expect.h"

enum { B = 3, I = 3, O = 4 };

// Sanger's generalized Hebbian rule (1989): each output takes away what the outputs before it, and itself, explain.
Test(axes, sanger) {
  RuleRun *run = open_rule("rule sanger {\n neuron h\n synapse w = 0\n genome lr = 0.1\n input h <- x\n"
                           " forward post.h <- sum(pre: w * pre.h)\n"
                           " update w <- w + lr*mean(batch: post.h * (pre.h - sum(post2: if post2 <= post then "
                           "w[post=post2]*post2.h else 0)))\n predict h\n}\n",
                           "3-4", B);
  double w[I][O], x[B][I], y[B][O] = {{0}}, h[B][O], expected[I][O];
  fill(&w[0][0], I * O, 1);
  fill(&x[0][0], B * I, 2);
  rule_run_copy(run, "w", 0, &w[0][0], false);
  rule_run_step(run, &x[0][0], &y[0][0]);
  for (int b = 0; b < B; b++)
    for (int j = 0; j < O; j++) {
      h[b][j] = 0;
      for (int i = 0; i < I; i++) h[b][j] += w[i][j] * x[b][i];
    }
  for (int i = 0; i < I; i++)
    for (int j = 0; j < O; j++) {
      expected[i][j] = w[i][j];
      for (int b = 0; b < B; b++) {
        double rest = x[b][i];
        for (int k = 0; k <= j; k++) rest -= w[i][k] * h[b][k];
        expected[i][j] += 0.1 / B * h[b][j] * rest;
      }
    }
  expect("w", memory_of(run, "w", 0, false), &expected[0][0], I * O);
  rule_run_close(run);
}

// Lateral synapses within a layer, none to itself; `like` takes their axes.
Test(axes, synapses_within_a_layer) {
  RuleRun *run = open_rule("rule lateral {\n neuron h, z\n synapse w = 0, l (post, post2) = 0, m like l = 1, d (post)\n"
                           " input h <- x\n"
                           " forward { post.z <- sum(pre: w * pre.h)\n post.h <- post.z - sum(post2: l * post2.z) }\n"
                           " update { l <- if post == post2 then 0 else l + mean(batch: post.h * post2.h)\n"
                           "          m <- m + 10 * post + post2\n d <- sum(post2: l[post=post2, post2=post] * m) }\n"
                           " predict h\n}\n",
                           "3-4", B);
  double w[I][O], l[O][O], x[B][I], y[B][O] = {{0}}, z[B][O], h[B][O], m[O][O], d[O];
  fill(&w[0][0], I * O, 1);
  fill(&l[0][0], O * O, 3);
  fill(&x[0][0], B * I, 2);
  rule_run_copy(run, "w", 0, &w[0][0], false);
  rule_run_copy(run, "l", 0, &l[0][0], false);
  rule_run_step(run, &x[0][0], &y[0][0]);
  for (int b = 0; b < B; b++) {
    for (int j = 0; j < O; j++) {
      z[b][j] = 0;
      for (int i = 0; i < I; i++) z[b][j] += w[i][j] * x[b][i];
    }
    for (int j = 0; j < O; j++) {
      h[b][j] = z[b][j];
      for (int k = 0; k < O; k++) h[b][j] -= l[j][k] * z[b][k];
    }
  }
  for (int j = 0; j < O; j++)
    for (int k = 0; k < O; k++) {
      for (int b = 0; b < B; b++) l[j][k] += h[b][j] * h[b][k] / B;
      if (j == k) l[j][k] = 0;
      m[j][k] = 1 + 10 * j + k;
    }
  for (int j = 0; j < O; j++) {
    d[j] = 0;
    for (int k = 0; k < O; k++) d[j] += l[k][j] * m[j][k]; // l with its axes exchanged
  }
  expect("l", memory_of(run, "l", 0, false), &l[0][0], O * O);
  expect("m", memory_of(run, "m", 0, false), &m[0][0], O * O);
  expect("d", memory_of(run, "d", 0, false), d, O);
  rule_run_close(run);
}

// Feedback straight from the last layer (Nokland 2016), each hidden layer by synapses of its own, with the unit row.
Test(axes, synapses_from_the_last_layer) {
  RuleRun *run = open_rule("rule direct {\n neuron h, g\n synapse w = 0, b (output, pre) bias = 0, s (output)\n"
                           " input h <- x\n forward post.h <- sum(pre: w * pre.h)\n feedback g <- h - y\n"
                           " backward pre.g <- sum(output: b * output.g)\n"
                           " update { s <- sum(batch, pre: b * pre.h * output.g)\n"
                           "          b <- 2 * b + (if bias then 100 else pre) + 10 * output }\n predict h\n}\n",
                           "2-3-2", 1);
  double w0[6], w1[6], b[2][3], row[2], x[] = {0.5, -1.5}, y[] = {0.25, 0.75};
  fill(w0, 6, 1);
  fill(w1, 6, 2);
  fill(&b[0][0], 6, 3);
  fill(row, 2, 4);
  rule_run_copy(run, "w", 0, w0, false);
  rule_run_copy(run, "w", 1, w1, false);
  memcpy(memory_of(run, "b", 1, false), b, sizeof b);
  memcpy(memory_of(run, "b", 1, true), row, sizeof row);
  rule_run_step(run, x, y);
  double h[3] = {0}, e[2], g[3] = {0}, s[2];
  for (int j = 0; j < 3; j++) h[j] = w0[j] * x[0] + w0[3 + j] * x[1];
  for (int o = 0; o < 2; o++) {
    e[o] = -y[o];
    for (int j = 0; j < 3; j++) e[o] += w1[2 * j + o] * h[j];
    s[o] = row[o] * e[o];
    for (int j = 0; j < 3; j++) {
      g[j] += b[o][j] * e[o];
      s[o] += b[o][j] * h[j] * e[o];
    }
    row[o] = 2 * row[o] + 100 + 10 * o;
  }
  for (int o = 0; o < 2; o++)
    for (int j = 0; j < 3; j++) b[o][j] = 2 * b[o][j] + j + 10 * o;
  expect("g of the hidden layer", memory_of(run, "g", 1, false), g, 3);
  expect("s", memory_of(run, "s", 1, false), s, 2);
  expect("b", memory_of(run, "b", 1, false), &b[0][0], 6);
  expect("the unit neuron's elements of b", memory_of(run, "b", 1, true), row, 2);
  rule_run_close(run);
}

// A trace a sample of what each synapse has seen, rewarded later (three-factor rules; Fremaux and Gerstner 2016).
Test(axes, traces_of_samples) {
  RuleRun *run = open_rule("rule three_factor {\n neuron h\n synapse w bias = 0, e (batch, pre, post) bias = 0\n"
                           " signal reward (batch)\n genome lr = 0.5, keep = 0.5\n input h <- x\n"
                           " forward post.h <- tanh(sum(pre: w * pre.h))\n"
                           " at output judge { reward <- sum(unit: y * h) }\n"
                           " update { e <- keep * e + pre.h * post.h\n w <- w + lr * mean(batch: reward * e) }\n"
                           " step { input; forward; judge; update }\n predict h\n}\n",
                           "2-2", 2);
  double w[3][2], e[2][3][2] = {{{0}}}, x[2][2] = {{0.5, -1}, {2, 0.25}}, y[2][2] = {{1, -1}, {-1, 1}};
  fill(&w[0][0], 6, 1);
  rule_run_copy(run, "w", 0, &w[0][0], false);
  for (int step = 0; step < 3; step++) {
    rule_run_step(run, &x[0][0], &y[0][0]);
    double old[3][2];
    memcpy(old, w, sizeof old);
    for (int b = 0; b < 2; b++) {
      double in[3] = {x[b][0], x[b][1], 1}, h[2] = {0}, reward = 0;
      for (int j = 0; j < 2; j++) {
        for (int i = 0; i < 3; i++) h[j] += old[i][j] * in[i];
        h[j] = tanh(h[j]);
        reward += y[b][j] * h[j];
      }
      for (int i = 0; i < 3; i++)
        for (int j = 0; j < 2; j++) {
          e[b][i][j] = 0.5 * e[b][i][j] + in[i] * h[j];
          w[i][j] += 0.5 / 2 * reward * e[b][i][j];
        }
    }
  }
  double found[3][2];
  rule_run_copy(run, "w", 0, &found[0][0], true);
  expect("w", &found[0][0], &w[0][0], 6);
  for (int b = 0; b < 2; b++) {
    expect("e", memory_of(run, "e", 0, false) + 4 * b, &e[b][0][0], 4);
    expect("e of the unit neuron", memory_of(run, "e", 0, true) + 2 * b, e[b][2], 2);
  }
  rule_run_close(run);
}

// Second indices below, through a function that takes its axes, on a layer of its own size and on equal layers.
Test(axes, second_indices_below) {
  RuleRun *run = open_rule("rule r {\n neuron h\n synapse w bias = 0, c (pre, pre2) bias = 0, q (pre)\n"
                           " fn spread(A, P: z, u) = sum(P: z * u)\n input h <- x\n"
                           " forward post.h <- sum(pre: w * pre.h)\n"
                           " update { c <- mean(batch: pre.h * pre2.h) + sum(post: w * w[pre=pre2])\n"
                           "          q <- spread(batch, pre2: mean(batch: pre2.h), if pre2 < pre then 1 else 0) }\n"
                           " predict h\n}\n",
                           "3-3-3", 2);
  double w[4][3], x[2][3];
  fill(&w[0][0], 12, 1);
  fill(&x[0][0], 6, 2);
  rule_run_copy(run, "w", 0, &w[0][0], false);
  rule_run_step(run, &x[0][0], (double[6]){0});
  double c[4][3], q[3] = {0};
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < 3; k++) {
      c[i][k] = 0;
      for (int b = 0; b < 2; b++) c[i][k] += (i < 3 ? x[b][i] : 1) * x[b][k] / 2;
      for (int j = 0; j < 3; j++) c[i][k] += w[i][j] * w[k][j];
    }
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < i; k++) q[i] += (x[0][k] + x[1][k]) / 2;
  expect("c", memory_of(run, "c", 0, false), &c[0][0], 9);
  expect("the unit neuron's row of c", memory_of(run, "c", 0, true), c[3], 3);
  expect("q", memory_of(run, "q", 0, false), q, 3);
  rule_run_close(run);
}
