// The rules that the language is designed to say shortly, as files: they check without a word, and compute what loops
// written here compute. Others of them have tests of their own: orders.c, axes.c, scopes.c, and those of the library.
#include "tests/support/rule_expect.h"

// With the loss of classes, and nothing to complain of.
static RuleRun *open_clean_rule(const char *text, const char *net, int64_t batch) {
  RuleRun *run = open_rule_with_loss(text, net, batch, LOSS_CROSS_ENTROPY);
  cr_expect_eq(run->sink.items.count, 0, "%zu diagnostics", run->sink.items.count);
  return run;
}

enum { B = 3, I = 2, O = 2, N = 5, M = 3 };

// Oja 1982.
Test(language_rules, oja) {
  RuleRun *run =
      open_clean_rule("rule oja {\n  neuron h\n  synapse w ~ normal(0, 0.1)\n  genome lr = 0.1\n  input h <- x\n"
                      "  forward post.h <- sum(pre: w * pre.h)\n"
                      "  update w <- w + lr*mean(batch: post.h * (pre.h - post.h*w))\n  predict h\n}\n",
                      "2-2", B);
  double w[I][O], x[B][I], y[B * O] = {0}, h[B][O] = {{0}}, expected[I][O];
  fill(&w[0][0], I * O, 1);
  fill(&x[0][0], B * I, 2);
  rule_run_copy(run, "w", 0, &w[0][0], false);
  rule_run_step(run, &x[0][0], y);
  for (int b = 0; b < B; b++)
    for (int j = 0; j < O; j++)
      for (int i = 0; i < I; i++) h[b][j] += w[i][j] * x[b][i];
  for (int i = 0; i < I; i++)
    for (int j = 0; j < O; j++) {
      expected[i][j] = w[i][j];
      for (int b = 0; b < B; b++) expected[i][j] += 0.1 / B * h[b][j] * (x[b][i] - h[b][j] * w[i][j]);
    }
  expect("w", memory_of(run, "w", 0, false), &expected[0][0], I * O);
  rule_run_close(run);
}

// Variable shared meta learning (Kirsch and Schmidhuber 2021): a synapse is a small recurrent network.
Test(language_rules, vsml) {
  RuleRun *run = open_clean_rule(
      "rule vsml {\n  const n = 5, m = 3\n  neuron f[m], e[m]\n  synapse s[n] ~ normal(0, 0.1)\n"
      "  genome U[n,n], V[n,m], W[n,m], P[m,n] ~ normal(0, 0.1)\n  input f[c] <- x\n"
      "  forward post.f[c] <- tanh(sum(pre, i: s[i] * P[c,i] * pre.f[c]))\n  feedback e[c] <- f[c] - y\n"
      "  update s[c] <- tanh(sum(d: U[c,d]*s[d]) + mean(batch: sum(i: V[c,i]*pre.f[i]) + sum(i: W[c,i]*post.e[i])))\n"
      "  predict f[0]\n}\n",
      "2-2", B);
  double s[N][I][O], U[N][N], V[N][M], W[N][M], P[M][N], x[B][I], y[B][O], f[M][B][O], expected[N][I][O];
  fill(&s[0][0][0], N * I * O, 1);
  fill(&U[0][0], N * N, 2);
  fill(&V[0][0], N * M, 3);
  fill(&W[0][0], N * M, 4);
  fill(&P[0][0], M * N, 5);
  fill(&x[0][0], B * I, 6);
  fill(&y[0][0], B * O, 7);
  rule_run_copy(run, "s", 0, &s[0][0][0], false);
  rule_run_copy(run, "U", -1, &U[0][0], false);
  rule_run_copy(run, "V", -1, &V[0][0], false);
  rule_run_copy(run, "W", -1, &W[0][0], false);
  rule_run_copy(run, "P", -1, &P[0][0], false);
  rule_run_step(run, &x[0][0], &y[0][0]);
  for (int c = 0; c < M; c++)
    for (int b = 0; b < B; b++)
      for (int j = 0; j < O; j++) {
        double z = 0;
        for (int i = 0; i < I; i++)
          for (int n = 0; n < N; n++) z += s[n][i][j] * P[c][n] * x[b][i];
        f[c][b][j] = tanh(z);
      }
  for (int n = 0; n < N; n++)
    for (int i = 0; i < I; i++)
      for (int j = 0; j < O; j++) {
        double z = 0;
        for (int d = 0; d < N; d++) z += U[n][d] * s[d][i][j];
        for (int b = 0; b < B; b++)
          for (int c = 0; c < M; c++) z += (V[n][c] * x[b][i] + W[n][c] * (f[c][b][j] - y[b][j])) / B;
        expected[n][i][j] = tanh(z);
      }
  expect("s", memory_of(run, "s", 0, false), &expected[0][0][0], N * I * O);
  rule_run_close(run);
}

// A small network for every synapse, with a hidden layer of 32 (after Andrychowicz and others 2016).
Test(language_rules, learned_optimizer) {
  enum { H = 32 };
  RuleRun *run = open_clean_rule(
      "rule learned_optimizer like std.backprop {\n"
      "  const n = 32;  genome { W1[n,4], W2[2,n] ~ normal(0, 0.1);  b1[n] = 0 };  synapse m like w = 0\n"
      "  update { let d = sum(batch: pre.h * post.g);  m <- 0.9*m + 0.1*d\n"
      "           let z = [d, w, m, tanh(step/100 - 1)];  let u[i] = relu(sum(j: W1[i,j]*z[j]) + b1[i]);  let o[i] = "
      "sum(j: W2[i,j]*u[j])\n"
      "           w <- w - 0.001 * o[0] * exp(0.001*o[1]) }\n}\n",
      "2-2", B);
  double w[I + 1][O], W1[H][4], W2[2][H], b1[H], x[B][I], y[B][O] = {{1, -1}, {-1, 1}, {1, -1}};
  fill(&w[0][0], (I + 1) * O, 1);
  fill(&W1[0][0], H * 4, 2);
  fill(&W2[0][0], 2 * H, 3);
  fill(b1, H, 4);
  fill(&x[0][0], B * I, 5);
  for (int i = 0; i < 2 * H; i++) (&W2[0][0])[i] *= 100; // so that a step is seen
  rule_run_copy(run, "w", 0, &w[0][0], false);
  rule_run_copy(run, "W1", -1, &W1[0][0], false);
  rule_run_copy(run, "W2", -1, &W2[0][0], false);
  rule_run_copy(run, "b1", -1, b1, false);
  double m[I + 1][O] = {{0}};
  for (int step = 0; step < 2; step++) {
    double h[B][O], g[B][O];
    for (int b = 0; b < B; b++) {
      double total = 0;
      for (int j = 0; j < O; j++) {
        h[b][j] = w[I][j];
        for (int i = 0; i < I; i++) h[b][j] += w[i][j] * x[b][i];
        total += exp(h[b][j]);
      }
      for (int j = 0; j < O; j++) g[b][j] = (exp(h[b][j]) / total - (y[b][j] > 0)) / B;
    }
    for (int i = 0; i < I + 1; i++)
      for (int j = 0; j < O; j++) {
        double d = 0, o[2] = {0};
        for (int b = 0; b < B; b++) d += (i < I ? x[b][i] : 1) * g[b][j];
        m[i][j] = 0.9 * m[i][j] + 0.1 * d;
        double z[] = {d, w[i][j], m[i][j], tanh(step / 100.0 - 1)};
        for (int k = 0; k < H; k++) {
          double u = b1[k];
          for (int q = 0; q < 4; q++) u += W1[k][q] * z[q];
          for (int q = 0; q < 2; q++) o[q] += W2[q][k] * (u > 0 ? u : 0);
        }
        w[i][j] -= 0.001 * o[0] * exp(0.001 * o[1]);
      }
    rule_run_step(run, &x[0][0], &y[0][0]);
  }
  double found[I + 1][O];
  rule_run_copy(run, "w", 0, &found[0][0], true);
  expect("w", &found[0][0], &w[0][0], (I + 1) * O);
  rule_run_copy(run, "m", 0, &found[0][0], true);
  expect("m", &found[0][0], &m[0][0], (I + 1) * O);
  rule_run_close(run);
}

// Those of the design that are whole, word for word; spelled out elsewhere or in the library where values are compared.
Test(language_rules, as_designed) {
  static const char *const rules[] = {
      "rule adam like std.backprop {\n"
      "  genome  lr = 0.001 in (0, 1) log, b1 = 0.9 in (0, 1), b2 = 0.999 in (0, 1), eps = 1e-8\n"
      "  synapse m like w = 0, s like w = 0\n"
      "  update { let d = sum(batch: pre.h * post.g)\n"
      "           m <- b1*m + (1-b1)*d;   s <- b2*s + (1-b2)*d*d\n"
      "           w <- w - lr * (m/(1-pow(b1,step+1))) / (sqrt(s/(1-pow(b2,step+1))) + eps) }\n}\n",
      "rule direct_feedback_alignment like std.backprop {\n  synapse b (output, pre) ~ normal(0, 1/sqrt(outputs))\n"
      "  backward pre.g <- pre.g * sum(output: b * output.g)\n}\n",
      "rule bcm {\n  neuron h\n  neuron theta (unit) = 1 persistent\n  synapse w ~ normal(0, 0.1)\n"
      "  genome lr = 0.1, keep = 0.9\n  input h <- x\n  forward post.h <- sigmoid(sum(pre: w * pre.h))\n"
      "  update { w <- w + lr * mean(batch: pre.h * post.h * (post.h - post.theta))\n"
      "           post.theta <- keep * post.theta + (1 - keep) * mean(batch: post.h * post.h) }\n  predict h\n}\n",
      "rule lateral_inhibition {\n  neuron h, z\n  synapse w ~ normal(0, 0.1), l (post, post2) = 0.1\n  input h <- x\n"
      "  pass feed up { post.z <- sum(pre: w * pre.h); post.h <- post.z }\n"
      "  pass inhibit up { post.h <- relu(post.z - sum(post2: if post2 == post then 0 else l * post2.h)) }\n"
      "  update l <- l + 0.01 * mean(batch: post.h * post2.h)\n"
      "  step { input; feed; repeat 5 { inhibit }; update }\n  predict { input; feed; repeat 5 { inhibit } } h\n}\n",
      "rule spiking {\n  fn spike(v) = (v > 0) derivative 1/pow(1 + abs(v), 2)\n  neuron u, s, g\n"
      "  synapse w bias ~ normal(0, 1/sqrt(fan_in))\n  genome decay = 0.9, lr = 0.1\n  input s <- x\n"
      "  pass leak up { post.u <- decay * post.u + sum(pre: w * pre.s); post.s <- spike(post.u - 1) }\n"
      "  feedback g <- s - y\n  backward pre.g <- spike'(pre.u - 1) * sum(post: w * post.g)\n"
      "  update w <- w - lr * mean(batch: pre.s * post.g)\n"
      "  step { input; repeat 10 { leak }; feedback; backward; update }\n  predict { input; repeat 10 { leak } } "
      "s\n}\n",
      "rule dropout like std.backprop {\n  genome keep = 0.8\n  forward { let z = sum(pre: w * pre.h)\n"
      "    let mask = if training and not last then (uniform(batch, post: 0, 1) < keep) / keep else 1\n"
      "    post.h <- if last then z else mask * act(z)\n    post.g <- if last then 1 else mask * act'(z) }\n}\n",
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    RuleRun *run = open_clean_rule(rules[i], "3-4-2", B);
    double x[B * 3], y[B * 2] = {1, -1, -1, 1, 1, -1};
    fill(x, B * 3, (double)i);
    for (size_t b = 0; b < run->step->buffers.count; b++) { // draws stay zero in these runs: numbers above 0
      int64_t elements = ir_buffer_elements(&run->step->buffers.items[b]);
      if (run->step->buffers.items[b].role != ROLE_SYNAPSE) continue;
      for (int64_t e = 0; e < elements; e++) run->step_storage[b][e] = 0.1 + fabs(sin((double)e + (double)b));
    }
    for (int step = 0; step < 3; step++) rule_run_step(run, x, y);
    const double *prediction = rule_run_predict(run, x);
    double sum = 0;
    for (int j = 0; j < B * 2; j++) sum += fabs(prediction[j]);
    cr_expect(isfinite(sum) && sum > 0, "rule %zu: %g", i, sum);
    rule_run_close(run);
  }
}
