// Own orders of a step: passes, blocks at layers, repeats and their indices, signals, what is kept between steps, and
// predictions with steps of their own, in the interpreter. Two published rules are held against loops written here.
#include "tests/support/rule_expect.h"

static double value_of(RuleRun *run, const char *name, int layer) {
  double value = NAN;
  cr_assert_eq(rule_run_copy(run, name, layer, &value, true), 1, "%s of layer %d", name, layer);
  return value;
}

// Each block appends a digit to what its layer has seen; the input layer is clamped but for `all` and `at`.
Test(orders, blocks_run_in_the_order_said) {
  RuleRun *run = open_rule("rule r {\n neuron h, t\n synapse s (post) = 0\n input h <- x\n"
                           " pass rise up { post.t <- 10*post.t + 1 }\n pass fall down { pre.t <- 10*pre.t + 2 }\n"
                           " pass whole down all { pre.t <- 10*pre.t + 3 }\n at each touch { t <- 10*t + 4 }\n"
                           " at input low { t <- 10*t + 5 }\n at output high { t <- 10*t + 6 + y }\n"
                           " pass note up { s <- mean(batch: post.t + 100000*sum(pre: pre.t)) }\n"
                           " step { input; rise; fall; whole; touch; rise; low; high; note }\n"
                           " predict { input; whole; rise } t\n}\n",
                           "1-1-1", 1);
  double x[] = {1}, y[] = {0.5};
  rule_run_step(run, x, y);
  double low = 345, middle = 12341, high = 1416.5;
  cr_expect_float_eq(value_of(run, "s", 0), middle + 1e5 * low, 1e-6);
  cr_expect_float_eq(value_of(run, "s", 1), high + 1e5 * middle, 1e-6);
  expect("prediction", rule_run_predict(run, x), (double[]){1}, 1);
  rule_run_close(run);
}

// Repeats within repeats: i is 0, 1, 2 and j is 0, 1 in each round; a block may run elsewhere if it reads neither.
Test(orders, indices_of_repeats) {
  RuleRun *run = open_rule("rule r {\n neuron h, t\n synapse s (post) = 0\n input h <- x\n"
                           " pass outer up { post.t <- 10*post.t + i }\n"
                           " pass inner up { let both = i + j\n post.t <- 10*post.t + both }\n"
                           " pass plain up { post.t <- 10*post.t + 7 }\n pass note up { s <- mean(batch: post.t) }\n"
                           " step { input; plain; repeat i in 3 { outer; repeat j in 2 { inner } }\n"
                           "        repeat 2 { plain }; repeat 0 { plain }; repeat i in 1 { outer }; note }\n"
                           " predict { input } h\n}\n",
                           "1-1", 1);
  double x[] = {1}, y[] = {0};
  rule_run_step(run, x, y);
  // plain 7; i = 0: 0, then 0 1; i = 1: 1, then 1 2; i = 2: 2, then 2 3; plain 7 7; i = 0: 0
  cr_expect_float_eq(value_of(run, "s", 0), 7001112223770, 1e-3);
  rule_run_close(run);
}

// A `let` whose parts change before it is used has memory of its own, in each round anew.
Test(orders, lets_in_repeats) {
  RuleRun *run = open_rule("rule r {\n neuron h, t\n synapse s (post) = 0\n input h <- x\n"
                           " pass turn up { let old = post.t\n post.t <- post.t + 1\n s <- s + mean(batch: old) }\n"
                           " step { input; repeat 4 { turn } }\n predict { input; repeat 2 { turn } } t\n}\n",
                           "1-1", 1);
  double x[] = {1}, y[] = {0};
  rule_run_step(run, x, y);
  cr_expect_eq(value_of(run, "s", 0), 0 + 1 + 2 + 3);
  expect("prediction", rule_run_predict(run, x), (double[]){2}, 1);
  cr_expect_eq(value_of(run, "s", 0), 6); // the prediction's turns were on a copy
  rule_run_close(run);
}

// Signals belong to the network; they and persistent variables are kept, and a prediction changes neither.
Test(orders, signals_and_persistent_variables) {
  RuleRun *run = open_rule(
      "rule r {\n neuron h\n neuron theta (unit) = 2 persistent\n synapse w = 1, s (post) = 0\n"
      " signal reward (batch) = 1, total\n input h <- x\n"
      " forward { post.h <- sum(pre: w * pre.h) + post.theta\n total <- total + 1 }\n"
      " at output judge { reward <- reward + 10 * sum(unit: y - h)\n theta <- theta + 1 }\n"
      " update s <- sum(batch: reward * post.h) + total\n"
      " step { input; forward; judge; update }\n predict { input; forward; repeat 3 { forward } } h + total\n}\n",
      "1-1", 2);
  double x[] = {3, 5}, y[] = {6, 8}, reward[2];
  double zero_theta[] = {2};
  rule_run_copy(run, "theta", 1, zero_theta, false);
  rule_run_step(run, x, y); // h = 5, 7; reward = 1 + 10, 1 + 10; theta 3
  rule_run_copy(run, "reward", -1, reward, true);
  expect("reward", reward, (double[]){11, 11}, 2);
  cr_expect_eq(value_of(run, "total", -1), 1);
  cr_expect_eq(value_of(run, "theta", 1), 3);
  cr_expect_eq(value_of(run, "s", 0), 11 * 5 + 11 * 7 + 1);
  for (int i = 0; i < 2; i++) expect("prediction", rule_run_predict(run, x), (double[]){3 + 3 + 5, 5 + 3 + 5}, 2);
  rule_run_step(run, x, y); // h = 6, 8; reward stays
  rule_run_copy(run, "reward", -1, reward, true);
  expect("reward", reward, (double[]){11, 11}, 2);
  cr_expect_eq(value_of(run, "total", -1), 2);
  cr_expect_eq(value_of(run, "theta", 1), 4);
  rule_run_close(run);
}

// A rule like another replaces single passes, or the whole order; what then does not run is not looked at.
Test(orders, inheritance) {
  RuleRun *run = open_rule("rule base {\n neuron h, gone\n synapse s (post) = 0\n input h <- x\n"
                           " pass rise up { post.h <- post.h + 1 }\n pass lost up { post.gone <- post.gone + i }\n"
                           " pass note up { s <- mean(batch: post.h) }\n"
                           " step { input; repeat i in 2 { rise; lost }; note }\n predict { input; rise } h\n}\n"
                           "rule r like base {\n pass rise up { post.h <- post.h + 5 }\n"
                           " step { input; repeat 3 { rise }; note }\n}\n",
                           "1-1", 1);
  double x[] = {1}, y[] = {0};
  cr_expect_eq(rule_run_find(run->step, "gone", 1, false), -1);
  rule_run_step(run, x, y);
  cr_expect_eq(value_of(run, "s", 0), 15);
  expect("prediction", rule_run_predict(run, x), (double[]){5}, 1);
  rule_run_close(run);
}

// ---- predictive coding (Whittington and Bogacz 2017), net 2-3-1: the rule of the language's reference

enum { B = 2, I = 2, H = 3 };

static const char PREDICTIVE_CODING[] =
    "rule predictive_coding {\n"
    " fn act = tanh;  const n = 20;  neuron h, e;  synapse w ~ normal(0, 1/sqrt(fan_in)), c (post) = 0\n"
    " genome rate = 0.1, lr = 0.01\n"
    " input h <- x;  forward post.h <- c + sum(pre: w * act(pre.h));  at output clamp { h <- y };  predict h\n"
    " pass errors up   { post.e <- post.h - c - sum(pre: w * act(pre.h)) }\n"
    " pass relax  down { pre.h <- pre.h + rate * (act'(pre.h) * sum(post: w * post.e) - pre.e) }\n"
    " update { w <- w + lr * mean(batch: act(pre.h) * post.e);  c <- c + lr * mean(batch: post.e) }\n"
    " step { input; forward; clamp; repeat n { errors; relax }; errors; update }\n}\n";

typedef struct {
  double w0[I][H], c0[H], w1[H], c1;
} Synapses;

static double below(const Synapses *s, const double *x, int j) {
  double z = s->c0[j];
  for (int i = 0; i < I; i++) z += s->w0[i][j] * tanh(x[i]);
  return z;
}

static double above(const Synapses *s, const double *h) {
  double z = s->c1;
  for (int j = 0; j < H; j++) z += s->w1[j] * tanh(h[j]);
  return z;
}

static void coding_step(Synapses *s, const double *x, const double *y) {
  Synapses change = {0};
  for (int b = 0; b < B; b++) {
    double h[H], e[H], e1;
    for (int j = 0; j < H; j++) h[j] = below(s, x + I * b, j);
    for (int round = 0;; round++) {
      for (int j = 0; j < H; j++) e[j] = h[j] - below(s, x + I * b, j);
      e1 = y[b] - above(s, h);
      if (round == 20) break;
      for (int j = 0; j < H; j++) h[j] += 0.1 * ((1 - tanh(h[j]) * tanh(h[j])) * s->w1[j] * e1 - e[j]);
    }
    for (int j = 0; j < H; j++) {
      for (int i = 0; i < I; i++) change.w0[i][j] += 0.01 / B * tanh(x[I * b + i]) * e[j];
      change.c0[j] += 0.01 / B * e[j];
      change.w1[j] += 0.01 / B * tanh(h[j]) * e1;
    }
    change.c1 += 0.01 / B * e1;
  }
  for (size_t i = 0; i < sizeof change / sizeof(double); i++) ((double *)s)[i] += ((double *)&change)[i];
}

Test(orders, predictive_coding) {
  RuleRun *run = open_rule(PREDICTIVE_CODING, "2-3-1", B);
  Synapses s = {{{0.4, -0.3, 0.7}, {0.1, 0.9, -0.5}}, {0.1, 0, -0.2}, {0.6, -0.8, 0.3}, 0.05};
  double x[] = {0.3, -1.2, 0.8, 0.5}, y[] = {1.5, -0.7};
  rule_run_copy(run, "w", 0, &s.w0[0][0], false);
  rule_run_copy(run, "c", 0, s.c0, false);
  rule_run_copy(run, "w", 1, s.w1, false);
  rule_run_copy(run, "c", 1, &s.c1, false);
  for (int step = 0; step < 3; step++) {
    coding_step(&s, x, y);
    rule_run_step(run, x, y);
  }
  Synapses found;
  rule_run_copy(run, "w", 0, &found.w0[0][0], true);
  rule_run_copy(run, "c", 0, found.c0, true);
  rule_run_copy(run, "w", 1, found.w1, true);
  rule_run_copy(run, "c", 1, &found.c1, true);
  expect("synapses", (double *)&found, (double *)&s, sizeof s / sizeof(double));
  double h[H], answer[B];
  for (int b = 0; b < B; b++) {
    for (int j = 0; j < H; j++) h[j] = below(&s, x + I * b, j);
    answer[b] = above(&s, h);
  }
  expect("prediction", rule_run_predict(run, x), answer, B);
  rule_run_close(run);
}

// ---- equilibrium propagation (Scellier and Bengio 2017), net 2-3-1

static const char EQUILIBRIUM[] =
    "rule equilibrium_propagation {\n fn rho(v) = clamp(v, 0, 1)\n const dt = 0.2, beta = 0.5\n"
    " neuron s, drive, free\n synapse w = 0, c (post) = 0\n genome lr = 0.1\n input s <- x\n"
    " pass rise up { post.drive <- c + sum(pre: w * rho(pre.s)) }\n"
    " pass fall down { pre.drive <- pre.drive + sum(post: w * rho(post.s)) }\n"
    " pass settle up { post.s <- post.s + dt * (rho'(post.s) * post.drive - post.s) }\n"
    " at each keep { free <- s }\n at output nudge { drive <- drive + beta * (y - s) }\n"
    " update { let k = lr / beta\n w <- w + k * mean(batch: rho(post.s)*rho(pre.s) - rho(post.free)*rho(pre.free))\n"
    "          c <- c + k * mean(batch: rho(post.s) - rho(post.free)) }\n"
    " step { input; repeat 20 { rise; fall; settle }; keep; repeat 5 { rise; fall; nudge; settle }; update }\n"
    " predict { input; repeat 20 { rise; fall; settle } } s\n}\n";

static double rho(double v) { return v < 0 ? 0 : v > 1 ? 1 : v; }
static double slope(double v) { return v >= 0 && v <= 1; }

static void settle(const Synapses *s, const double *x, double *h, double *o, double beta, double y) {
  double drive[H], up = s->c1;
  for (int j = 0; j < H; j++) {
    drive[j] = s->c0[j] + s->w1[j] * rho(*o);
    for (int i = 0; i < I; i++) drive[j] += s->w0[i][j] * rho(x[i]);
    up += s->w1[j] * rho(h[j]);
  }
  for (int j = 0; j < H; j++) h[j] += 0.2 * (slope(h[j]) * drive[j] - h[j]);
  up += beta * (y - *o);
  *o += 0.2 * (slope(*o) * up - *o);
}

Test(orders, equilibrium_propagation) {
  RuleRun *run = open_rule(EQUILIBRIUM, "2-3-1", B);
  Synapses s = {{{0.4, -0.3, 0.7}, {0.5, 0.9, -0.5}}, {0.1, 0.2, -0.2}, {0.6, -0.8, 0.3}, 0.3};
  double x[] = {0.3, 1.2, 0.8, 0.5}, y[] = {0.9, 0.1}, answer[B];
  rule_run_copy(run, "w", 0, &s.w0[0][0], false);
  rule_run_copy(run, "c", 0, s.c0, false);
  rule_run_copy(run, "w", 1, s.w1, false);
  rule_run_copy(run, "c", 1, &s.c1, false);
  Synapses old = s;
  for (int b = 0; b < B; b++) {
    double h[H] = {0}, o = 0, free_h[H], free_o;
    for (int round = 0; round < 20; round++) settle(&old, x + I * b, h, &o, 0, 0);
    memcpy(free_h, h, sizeof h);
    answer[b] = free_o = o;
    for (int round = 0; round < 5; round++) settle(&old, x + I * b, h, &o, 0.5, y[b]);
    for (int j = 0; j < H; j++) {
      for (int i = 0; i < I; i++) s.w0[i][j] += 0.2 / B * rho(x[I * b + i]) * (rho(h[j]) - rho(free_h[j]));
      s.c0[j] += 0.2 / B * (rho(h[j]) - rho(free_h[j]));
      s.w1[j] += 0.2 / B * (rho(o) * rho(h[j]) - rho(free_o) * rho(free_h[j]));
    }
    s.c1 += 0.2 / B * (rho(o) - rho(free_o));
  }
  expect("prediction", rule_run_predict(run, x), answer, B);
  rule_run_step(run, x, y);
  Synapses found;
  rule_run_copy(run, "w", 0, &found.w0[0][0], true);
  rule_run_copy(run, "c", 0, found.c0, true);
  rule_run_copy(run, "w", 1, found.w1, true);
  rule_run_copy(run, "c", 1, &found.c1, true);
  expect("synapses", (double *)&found, (double *)&s, sizeof s / sizeof(double));
  rule_run_close(run);
}
