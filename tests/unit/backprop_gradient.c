// std.backprop's step is lr times the gradient of the loss: against central differences of the prediction's loss, for
// each activation, each loss and one to five layers; the same for std.backprop_standardized, whose gradient goes
// through mean and variance of the batch.
#include "tests/support/rule_run.h"

#include <criterion/criterion.h>
#include <math.h>

enum { BATCH = 6, MAX_WIDTH = 8 };

static const char *const NETS[] = {"5-4", "5-7-4", "5-6-7-4", "5-6-5-6-4", "5-6-5-7-6-4"};
static const char *const LOSSES[] = {"cross_entropy", "squared_error", "logistic", "hinge"};

static double uniform(uint64_t *state) { // in -1..1; Steele et al. 2014, SplitMix64
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (double)((z ^ z >> 31) >> 11) * 0x1p-52 - 1;
}

static double loss_of(TaskLoss loss, const double *prediction, const double *y, int64_t outputs) {
  double total = 0;
  for (int64_t b = 0; b < BATCH; b++) {
    double sum = 0, sample = 0;
    const double *p = prediction + b * outputs, *t = y + b * outputs;
    for (int64_t o = 0; o < outputs; o++) sum += exp(p[o]);
    for (int64_t o = 0; o < outputs; o++) switch (loss) {
      case LOSS_CROSS_ENTROPY: sample += t[o] > 0 ? log(sum) - p[o] : 0; break;
      case LOSS_SQUARED_ERROR: sample += (p[o] - t[o]) * (p[o] - t[o]) / (double)outputs; break;
      case LOSS_LOGISTIC: sample += log(1 + exp(-t[o] * p[o])) / (double)outputs; break;
      case LOSS_HINGE: sample += fmax(1 - t[o] * p[o], 0) / (double)outputs; break;
      }
    total += sample / BATCH;
  }
  return total;
}

static void check_gradient(const char *rule, const char *act, const char *net, TaskLoss loss) {
  char settings[64];
  snprintf(settings, sizeof settings, "act=%s,lr=1", act);
  RuleRun *run = rule_run_open(rule, settings, net, BATCH, loss);
  cr_assert_not_null(run, "%s %s %s", rule, act, net);
  uint64_t state = 7;
  int64_t outputs = run->network.units[run->network.layers - 1];
  double x[BATCH * MAX_WIDTH], y[BATCH * MAX_WIDTH], weights[5][MAX_WIDTH * (MAX_WIDTH + 1)];
  double updated[MAX_WIDTH * (MAX_WIDTH + 1)];
  for (int i = 0; i < BATCH * MAX_WIDTH; i++) x[i] = uniform(&state);
  for (int i = 0; i < BATCH; i++)
    for (int64_t o = 0; o < outputs; o++) y[i * outputs + o] = o == (i * 3 + 1) % outputs ? 1 : -1;
  for (int layer = 0; layer + 1 < run->network.layers; layer++) {
    int64_t count = (run->network.units[layer] + 1) * run->network.units[layer + 1];
    for (int64_t i = 0; i < count; i++) weights[layer][i] = uniform(&state);
    cr_assert_eq(rule_run_copy(run, "w", layer, weights[layer], false), count);
  }
  rule_run_step(run, x, y);
  double gradient[5][MAX_WIDTH * (MAX_WIDTH + 1)], largest = 0, worst = 0;
  for (int layer = 0; layer + 1 < run->network.layers; layer++) {
    int64_t count = rule_run_copy(run, "w", layer, updated, true);
    for (int64_t i = 0; i < count; i++) gradient[layer][i] = weights[layer][i] - updated[i];
    rule_run_copy(run, "w", layer, weights[layer], false);
  }
  for (int layer = 0; layer + 1 < run->network.layers; layer++) {
    int64_t count = (run->network.units[layer] + 1) * run->network.units[layer + 1];
    for (int64_t i = 0; i < count; i++) {
      double saved = weights[layer][i], ends[2], step = 1e-5;
      for (int end = 0; end < 2; end++) {
        weights[layer][i] = saved + (end ? step : -step);
        rule_run_copy(run, "w", layer, weights[layer], false);
        ends[end] = loss_of(loss, rule_run_predict(run, x), y, outputs);
      }
      weights[layer][i] = saved;
      rule_run_copy(run, "w", layer, weights[layer], false);
      double expected = (ends[1] - ends[0]) / (2 * step);
      largest = fmax(largest, fabs(expected));
      worst = fmax(worst, fabs(expected - gradient[layer][i]));
    }
  }
  cr_expect(largest > 1e-3, "%s %s %s %s: there is a gradient", rule, act, net, LOSSES[loss]);
  cr_expect(worst < 1e-6 * largest, "%s %s %s %s: error %.3g of %.3g", rule, act, net, LOSSES[loss], worst, largest);
  rule_run_close(run);
}

Test(backprop, activations_and_depths) {
  static const char *const acts[] = {"tanh", "sigmoid", "relu", "gelu"};
  for (size_t act = 0; act < 4; act++)
    for (size_t depth = 0; depth < 5; depth++)
      check_gradient("std.backprop", acts[act], NETS[depth], LOSS_CROSS_ENTROPY);
}

Test(backprop, losses) {
  for (int loss = LOSS_CROSS_ENTROPY; loss <= LOSS_HINGE; loss++)
    check_gradient("std.backprop", "tanh", NETS[2], (TaskLoss)loss);
}

Test(backprop, library_activations) {
  static const char *const acts[] = {"linear", "silu",     "relu_tanh", "leaky_relu",
                                     "elu",    "softsign", "hard_tanh", "softplus"};
  for (size_t act = 0; act < sizeof acts / sizeof *acts; act++)
    check_gradient("std.backprop", acts[act], NETS[2], LOSS_CROSS_ENTROPY);
}

Test(backprop, standardized) {
  static const char *const acts[] = {"tanh", "sigmoid", "relu", "gelu"};
  for (size_t act = 0; act < 4; act++)
    for (size_t depth = 0; depth < 5; depth++)
      check_gradient("std.backprop_standardized", acts[act], NETS[depth], LOSS_CROSS_ENTROPY);
}
