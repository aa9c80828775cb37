// What rules of the library are known for, on small tasks: components that are found, neurons that become selective,
// feedback that comes to agree with the gradient. The components are eigenvectors by LAPACK; the rest are fixed points
// worked out by hand. Single steps: tests/reference/rules; rules that settle: rules_settling.c.
#include "tests/unit/behaviour.h"

#include <lapacke.h>

// ---- principal components

enum { COMPONENTS = 6, SAMPLES = 40 };

// Samples with directions of unlike spread, mixed by a fixed matrix; and the eigenvectors of their second moments,
// largest first: vectors[component][dimension].
static void make_components(double x[SAMPLES][COMPONENTS], double vectors[COMPONENTS][COMPONENTS]) {
  static const double spread[COMPONENTS] = {2, 1.4, 1, 0.7, 0.5, 0.3};
  double moments[COMPONENTS * COMPONENTS] = {0}, values[COMPONENTS];
  state = 1;
  for (int s = 0; s < SAMPLES; s++) {
    double part[COMPONENTS];
    for (int i = 0; i < COMPONENTS; i++) part[i] = spread[i] * draw_normal();
    for (int i = 0; i < COMPONENTS; i++)
      x[s][i] = part[i] + 0.4 * part[(i + 1) % COMPONENTS] - 0.3 * part[(i + 3) % COMPONENTS];
    for (int i = 0; i < COMPONENTS; i++)
      for (int j = 0; j < COMPONENTS; j++) moments[i * COMPONENTS + j] += x[s][i] * x[s][j] / SAMPLES;
  }
  cr_assert_eq(LAPACKE_dsyev(LAPACK_ROW_MAJOR, 'V', 'U', COMPONENTS, moments, COMPONENTS, values), 0);
  for (int c = 0; c < COMPONENTS; c++)
    for (int i = 0; i < COMPONENTS; i++) vectors[c][i] = moments[i * COMPONENTS + COMPONENTS - 1 - c];
}

// Column `column` of w [pre][post] is that component, or its opposite.
static void expect_component(const char *rule, const double *w, int columns, int column, const double *vector) {
  double product = 0;
  for (int i = 0; i < COMPONENTS; i++) product += w[i * columns + column] * vector[i];
  for (int i = 0; i < COMPONENTS; i++)
    cr_expect_float_eq(w[i * columns + column], product > 0 ? vector[i] : -vector[i], 1e-3, "%s: neuron %d", rule,
                       column);
}

Test(behaviour, oja_finds_the_first_component) {
  double x[SAMPLES][COMPONENTS], vectors[COMPONENTS][COMPONENTS], w[COMPONENTS * 2];
  make_components(x, vectors);
  Rig rig = open_rig("std.oja", 2, (int64_t[]){COMPONENTS, 2}, SAMPLES, 1, (BlurSetting[4]){{"lr", "0.03"}});
  for (int i = 0; i < 1000; i++) step(&rig, x[0], NULL);
  get(&rig, BLUR_SYNAPSE, "w", 0, w);
  for (int column = 0; column < 2; column++) expect_component("oja", w, 2, column, vectors[0]);
  rig_close(&rig);
}

Test(behaviour, sanger_finds_the_components_in_order) {
  enum { OUTPUTS = 4 };
  double x[SAMPLES][COMPONENTS], vectors[COMPONENTS][COMPONENTS], w[COMPONENTS * OUTPUTS];
  make_components(x, vectors);
  Rig rig = open_rig("std.sanger", 2, (int64_t[]){COMPONENTS, OUTPUTS}, SAMPLES, 1, (BlurSetting[4]){{"lr", "0.03"}});
  for (int i = 0; i < 4000; i++) step(&rig, x[0], NULL);
  get(&rig, BLUR_SYNAPSE, "w", 0, w);
  for (int column = 0; column < OUTPUTS; column++) expect_component("sanger", w, OUTPUTS, column, vectors[column]);
  rig_close(&rig);
}

// The example with lateral inhibition answers with as many numbers as it has neurons, linear in x. Each one's weights
// lie in the space of the first components.
Test(behaviour, lateral_inhibition_finds_the_principal_subspace) {
  enum { OUTPUTS = 3 };
  double x[SAMPLES][COMPONENTS], vectors[COMPONENTS][COMPONENTS], h[SAMPLES][OUTPUTS];
  make_components(x, vectors);
  Rig rig = open_rig(SOURCE_DIR "/examples/lateral.blur", 2, (int64_t[]){COMPONENTS, OUTPUTS}, SAMPLES, 1,
                     (BlurSetting[4]){{"lr", "0.03"}});
  for (int i = 0; i < 4000; i++) step(&rig, x[0], NULL);
  for (int s = 0; s < SAMPLES; s++)
    for (int i = 0; i < COMPONENTS; i++) x[s][i] = s == i;
  predict(&rig, x[0], h[0]); // h[i][n]: weight of input i on neuron n
  for (int n = 0; n < OUTPUTS; n++) {
    double length = 0, inside = 0;
    for (int i = 0; i < COMPONENTS; i++) length += h[i][n] * h[i][n];
    for (int c = 0; c < OUTPUTS; c++) {
      double product = 0;
      for (int i = 0; i < COMPONENTS; i++) product += h[i][n] * vectors[c][i];
      inside += product * product;
    }
    cr_expect(length > 0.01 && inside > (1 - 1e-6) * length, "neuron %d: %g of %g", n, inside, length);
  }
  rig_close(&rig);
}

// ---- Hebbian rules

// The fixed point of dw = lr (pre post - decay w) with the target in the place of post: the correlations over decay.
Test(behaviour, hebb_stores_correlations) {
  enum { INPUTS = 5, OUTPUTS = 2, BATCH = 7 };
  double x[BATCH][INPUTS], y[BATCH][OUTPUTS], w[INPUTS][OUTPUTS];
  state = 2;
  for (int s = 0; s < BATCH; s++) {
    for (int i = 0; i < INPUTS; i++) x[s][i] = draw();
    for (int o = 0; o < OUTPUTS; o++) y[s][o] = draw();
  }
  Rig rig = open_rig("std.hebb", 2, (int64_t[]){INPUTS, OUTPUTS}, BATCH, 1,
                     (BlurSetting[4]){{"lr", "0.2"}, {"decay", "0.5"}});
  for (int i = 0; i < 400; i++) step(&rig, x[0], y[0]);
  get(&rig, BLUR_SYNAPSE, "w", 0, w[0]);
  for (int i = 0; i < INPUTS; i++)
    for (int o = 0; o < OUTPUTS; o++) {
      double correlation = 0;
      for (int s = 0; s < BATCH; s++) correlation += x[s][i] * y[s][o] / BATCH;
      cr_expect_float_eq(w[i][o], correlation / 0.5, 1e-9);
    }
  rig_close(&rig);
}

// Of four equally frequent patterns one wins, for each neuron: there y (y - theta) = 0 for all asks for y = 0 or
// y = theta = y^2 / 4, so the answer is 4 to the winner and 0 to the others.
Test(behaviour, bcm_becomes_selective) {
  enum { INPUTS = 8, PATTERNS = 4, NEURONS = 5 };
  double x[PATTERNS][INPUTS], h[PATTERNS][NEURONS], theta[NEURONS];
  state = 3;
  for (int s = 0; s < PATTERNS; s++)
    for (int i = 0; i < INPUTS; i++) x[s][i] = 0.5 + 0.5 * draw();
  Rig rig = open_rig("std.bcm", 2, (int64_t[]){INPUTS, NEURONS}, PATTERNS, 1, NULL);
  predict(&rig, x[0], h[0]);
  double least = h[0][0], most = h[0][0];
  for (int s = 0; s < PATTERNS; s++)
    for (int n = 0; n < NEURONS; n++) least = fmin(least, h[s][n]), most = fmax(most, h[s][n]);
  cr_expect(least > 0.2 && most < 2, "before: answers of %g to %g", least, most);
  for (int i = 0; i < 30000; i++) step(&rig, x[0], NULL);
  predict(&rig, x[0], h[0]);
  get(&rig, BLUR_NEURON, "theta", 1, theta);
  for (int n = 0; n < NEURONS; n++) {
    int winners = 0;
    for (int s = 0; s < PATTERNS; s++) {
      winners += h[s][n] > 2;
      cr_expect(fabs(h[s][n] - (h[s][n] > 2 ? PATTERNS : 0)) < 1e-3, "neuron %d, pattern %d: %g", n, s, h[s][n]);
    }
    cr_expect_eq(winners, 1);
    cr_expect_float_eq(theta[n], PATTERNS, 1e-2); // it slid there from 1
  }
  rig_close(&rig);
}

// ---- feedback by other ways than the transposed synapses

enum { PROTOTYPES = 5, VIEWS = 50, WIDE = 12 };

// Noisy views of five prototypes, others for each `seed`.
static void make_views(uint32_t seed, double x[VIEWS][WIDE], double y[VIEWS][PROTOTYPES]) {
  double prototype[PROTOTYPES][WIDE];
  state = 6;
  for (int p = 0; p < PROTOTYPES; p++)
    for (int i = 0; i < WIDE; i++) prototype[p][i] = draw();
  state = seed;
  for (int s = 0; s < VIEWS; s++) {
    for (int i = 0; i < WIDE; i++) x[s][i] = prototype[s % PROTOTYPES][i] + 1.5 * draw();
    for (int o = 0; o < PROTOTYPES; o++) y[s][o] = o == s % PROTOTYPES ? 1 : -1;
  }
}

// The update of the hidden layers against that of backpropagation from the same synapses: at first they have nothing to
// do with each other; they come to agree, and stay so.
static void check_alignment(const char *rule) {
  static const int64_t units[] = {WIDE, 20, 16, PROTOTYPES};
  enum { NUMBERS = (WIDE + 1) * 20 + 21 * 16 };
  double x[VIEWS][WIDE], y[VIEWS][PROTOTYPES], w[17 * PROTOTYPES], found[2][NUMBERS];
  BlurSetting settings[4] = {{"act", "tanh"}, {"lr", "0.2"}};
  Rig rig = open_rig(rule, 4, units, VIEWS, 2, settings),
      exact = open_rig("std.backprop", 4, units, VIEWS, 2, settings);
  for (int i = 0; i <= 600; i++) {
    make_views((uint32_t)i, x, y);
    Rig *both[2] = {&rig, &exact};
    for (int layer = 0; layer < 3; layer++) {
      double values[NUMBERS];
      get(&rig, BLUR_SYNAPSE, "w", layer, layer < 2 ? values : w);
      set(&exact, BLUR_SYNAPSE, "w", layer, layer < 2 ? values : w);
    }
    for (int k = 0; k < 2; k++) {
      get(both[k], BLUR_SYNAPSE, "w", 0, found[k]);
      get(both[k], BLUR_SYNAPSE, "w", 1, found[k] + (WIDE + 1) * 20);
      double after[NUMBERS];
      step(both[k], x[0], y[0]);
      get(both[k], BLUR_SYNAPSE, "w", 0, after);
      get(both[k], BLUR_SYNAPSE, "w", 1, after + (WIDE + 1) * 20);
      for (int n = 0; n < NUMBERS; n++) found[k][n] -= after[n];
    }
    double agree = cosine(found[0], found[1], NUMBERS);
    if (i == 0) cr_expect_lt(fabs(agree), 0.3, "%s: %g before", rule, agree);
    if (i >= 200) cr_expect_gt(agree, 0.25, "%s: %g at step %d", rule, agree, i);
  }
  rig_close(&rig);
  rig_close(&exact);
}

Test(behaviour, feedback_alignment_comes_to_agree_with_the_gradient) { check_alignment("std.feedback_alignment"); }
Test(behaviour, direct_feedback_alignment_comes_to_agree_with_the_gradient) {
  check_alignment("std.direct_feedback_alignment");
}

// What the synapses up and down differ by shrinks by 1 - decay in every step, whatever the data.
Test(behaviour, kolen_pollack_makes_synapses_symmetric) {
  static const int64_t units[] = {WIDE, 9, PROTOTYPES};
  enum { STEPS = 50, NUMBERS = 9 * PROTOTYPES };
  double x[VIEWS][WIDE], y[VIEWS][PROTOTYPES], w[NUMBERS + PROTOTYPES], b[NUMBERS], difference[NUMBERS];
  make_views(1, x, y);
  Rig rig = open_rig("std.kolen_pollack", 3, units, VIEWS, 2, (BlurSetting[4]){{"decay", "0.03"}});
  get(&rig, BLUR_SYNAPSE, "w", 1, w);
  get(&rig, BLUR_SYNAPSE, "b", 1, b);
  for (int n = 0; n < NUMBERS; n++) difference[n] = w[n] - b[n];
  for (int i = 0; i < STEPS; i++) step(&rig, x[0], y[0]);
  get(&rig, BLUR_SYNAPSE, "w", 1, w);
  get(&rig, BLUR_SYNAPSE, "b", 1, b);
  for (int n = 0; n < NUMBERS; n++)
    cr_expect_float_eq(w[n] - b[n], difference[n] * pow(0.97, STEPS), 1e-12, "synapse %d", n);
  rig_close(&rig);
}

// ---- reward

// Six situations, each with one right answer of four. The reward comes a step after the answer, when the next one has
// been given, and differs from sample to sample; what is left after 1000 steps is the loss.
static double loss_by_reward(const char *rule) {
  enum { SITUATIONS = 6, ANSWERS = 4, BATCH = 32 };
  static const int right[SITUATIONS] = {0, 1, 2, 3, 0, 1};
  double x[BATCH][SITUATIONS] = {{0}}, y[BATCH][ANSWERS], h[BATCH][ANSWERS];
  Rig rig =
      open_rig(rule, 2, (int64_t[]){SITUATIONS, ANSWERS}, BATCH, 4, (BlurSetting[4]){{"sigma", "0.3"}, {"lr", "0.1"}});
  state = 7;
  for (int i = 0; i <= 1000; i++) {
    for (int s = 0; s < BATCH; s++) {
      int situation = (int)(3 * (draw() + 1));
      for (int n = 0; n < SITUATIONS; n++) x[s][n] = n == situation;
      for (int o = 0; o < ANSWERS; o++) y[s][o] = o == right[situation] ? 1 : -1;
    }
    if (i < 1000) step(&rig, x[0], y[0]);
  }
  predict(&rig, x[0], h[0]);
  rig_close(&rig);
  return blur_loss_value(BLUR_LOSS_CROSS_ENTROPY, BATCH, ANSWERS, h[0], y[0]);
}

// With the mean of traces and of rewards over the batch, who did what for which reward is lost.
Test(behaviour, three_factor_needs_a_trace_a_sample) {
  char *mean = rule_file("rule mean_trace like std.three_factor {\n  synapse e bias = 0\n"
                         "  update { e <- keep * e + mean(batch: pre.h * post.n) / (sigma * sigma)\n"
                         "           w <- w + lr * e * mean(batch: reward) }\n}\n");
  double by_sample = loss_by_reward("std.three_factor"), by_mean = loss_by_reward(mean);
  cr_expect_lt(by_sample, 0.2, "%g", by_sample);
  cr_expect_gt(by_mean, 0.6, "%g", by_mean);
  unlink(mean);
  free(mean);
}
