// Networks: initial values, whole variables in and out, steps and predictions; by the interpreter.
#include "tests/unit/training.h"

#include "base/hash.h"
#include "base/philox.h"

#include <math.h>
#include <string.h>

static const int64_t three_layers[] = {5, 4, 3};

static const char probe[] = "rule probe {\n"
                            "  const k = 2\n"
                            "  neuron h[k]\n"
                            "  synapse w[k] bias ~ normal(1, 0.5)\n"
                            "  synapse o bias ~ orthogonal(2)\n"
                            "  synapse u bias ~ uniform(-3, -1)\n"
                            "  synapse c (post) = 0.25\n"
                            "  genome m[k,k] = [[1, 2], [3, 4]], r = 0.5\n"
                            "  input h[0] <- x\n"
                            "  forward post.h[s] <- c + sum(pre, d: (w[s] + o * u) * m[s,d] * pre.h[d])\n"
                            "  feedback h[1] <- y\n"
                            "  update w[s] <- w[s] - r * sum(batch, d: m[s,d] * pre.h[s] * post.h[d])\n"
                            "  predict h[0]\n"
                            "}\n";

static Rig open_probe(RigOptions options) {
  char *path = rule_file(probe);
  options.rule = path;
  options.layers = 3;
  options.units = three_layers;
  options.batch = 2;
  Rig rig = rig_open(options);
  unlink(path);
  free(path);
  return rig;
}

static const RigOptions interpreted = {.engine = BLUR_ENGINE_INTERPRET, .precision = BLUR_DOUBLE, .all_live = true};

Test(network, initial_values_are_named_draws) {
  RigOptions options = interpreted;
  options.seed = 77;
  Rig rig = open_probe(options);
  size_t count;
  for (int layer = 0; layer < 2; layer++) {
    double *w = values_of(&rig, BLUR_SYNAPSE, "w", layer, &count);
    cr_assert_eq(count, (size_t)(2 * (three_layers[layer] + 1) * three_layers[layer + 1]));
    uint64_t stream = philox_mix(hash_text("w"), (uint64_t)layer + 1);
    for (size_t i = 0; i < count; i++) cr_assert_eq(w[i], 1 + 0.5 * philox_normal(77, stream, i));
    free(w);
    double *u = values_of(&rig, BLUR_SYNAPSE, "u", layer, &count);
    for (size_t i = 0; i < count; i++) cr_assert(u[i] >= -3 && u[i] < -1);
    free(u);
    double *c = values_of(&rig, BLUR_SYNAPSE, "c", layer, &count);
    cr_assert_eq(count, (size_t)three_layers[layer + 1]);
    for (size_t i = 0; i < count; i++) cr_assert_eq(c[i], 0.25);
    free(c);
  }
  double *m = values_of(&rig, BLUR_GENOME, "m", -1, &count);
  cr_assert_eq(count, 4);
  for (size_t i = 0; i < 4; i++) cr_assert_eq(m[i], (double)i + 1);
  free(m);
  rig_close(&rig);
}

// Q^T Q = gain^2 for the wider side; the unit neuron's row is 0.
Test(network, orthogonal_synapses) {
  Rig rig = open_probe(interpreted);
  size_t count;
  for (int layer = 0; layer < 2; layer++) {
    int64_t pre = three_layers[layer], post = three_layers[layer + 1];
    double *o = values_of(&rig, BLUR_SYNAPSE, "o", layer, &count);
    for (int64_t a = 0; a < post; a++) {
      for (int64_t b = 0; b < post; b++) {
        double sum = 0;
        for (int64_t i = 0; i < pre; i++) sum += o[i * post + a] * o[i * post + b];
        cr_assert_float_eq(sum, a == b ? 4 : 0, 1e-14);
      }
      cr_assert_eq(o[pre * post + a], 0);
    }
    free(o);
  }
  rig_close(&rig);
}

static bool same_values(const Rig *a, const Rig *b, const char *name, int layer) {
  size_t count, other;
  double *left = values_of(a, BLUR_SYNAPSE, name, layer, &count),
         *right = values_of(b, BLUR_SYNAPSE, name, layer, &other);
  bool same = count == other && memcmp(left, right, count * sizeof *left) == 0;
  free(left);
  free(right);
  return same;
}

Test(network, seeds_and_resets) {
  RigOptions options = interpreted;
  Rig first = open_probe(options), again = open_probe(options);
  options.seed = 1;
  Rig other = open_probe(options);
  static const char *const drawn[] = {"w", "o", "u"};
  for (int i = 0; i < 3; i++) {
    cr_assert(same_values(&first, &again, drawn[i], 0));
    cr_assert_not(same_values(&first, &other, drawn[i], 0));
  }
  for (int i = 0; i < 3; i++) blur_network_step(first.network);
  cr_assert_eq(blur_network_steps(first.network), 3);
  cr_assert(blur_network_reset(first.network, 0, NULL));
  cr_assert_eq(blur_network_steps(first.network), 0);
  cr_assert(same_values(&first, &again, "w", 1));
  rig_close(&first);
  rig_close(&again);
  rig_close(&other);
}

// Every variable of the rule, the unit neuron's rows among them, comes back as it was put in.
Test(network, whole_variables_in_and_out) {
  Rig rig = open_probe(interpreted);
  const BlurVariable *variables;
  size_t count = blur_program_variables(rig.program, &variables), checked = 0;
  for (size_t i = 0; i < count; i++) {
    const BlurVariable *variable = &variables[i];
    if (variable->kind == BLUR_STEP || blur_variable_has_dead_states(variable)) continue;
    size_t numbers = blur_variable_count(variable);
    double *in = calloc(numbers, sizeof *in), *out = calloc(numbers, sizeof *out);
    for (size_t j = 0; j < numbers; j++) in[j] = (double)(i * 1000 + j) + 0.5;
    blur_network_set(rig.network, variable, in);
    blur_network_get(rig.network, variable, out);
    for (size_t j = 0; j < numbers; j++) cr_assert_eq(out[j], in[j], "%s", variable->name);
    free(in);
    free(out);
    checked++;
  }
  cr_assert(checked >= 2 * 4 + 2 + 2, "%zu", checked); // synapses of two layers, genome, x and y at least
  cr_assert_null(blur_network_find(rig.network, BLUR_SYNAPSE, "absent", 0));
  cr_assert_null(blur_network_find(rig.network, BLUR_SYNAPSE, "w", 2));
  rig_close(&rig);
}

static void put(const Rig *rig, BlurKind kind, const char *name, int layer, const double *values) {
  const BlurVariable *variable = blur_network_find(rig->network, kind, name, layer);
  cr_assert(variable);
  blur_network_set(rig->network, variable, values);
}

// One linear layer by std.backprop, in numbers: h = x w + b, dw = sum over the batch of x * 2 (h - y) / 2 / batch_size
// (squared_error is the mean over two outputs).
Test(network, a_step_of_one_linear_layer) {
  RigOptions options = interpreted;
  options.rule = "std.backprop";
  options.loss = BLUR_LOSS_SQUARED_ERROR;
  options.settings[0] = (BlurSetting){"lr", "0.5"};
  options.layers = 2;
  options.units = (int64_t[]){1, 2};
  options.batch = 2;
  Rig rig = rig_open(options);
  put(&rig, BLUR_X, NULL, -1, (double[]){2, -1});
  put(&rig, BLUR_Y, NULL, -1, (double[]){1, 0, -1, 3});
  put(&rig, BLUR_SYNAPSE, "w", 0, (double[]){0.5, 1, 0.25, -1});
  size_t count;
  blur_network_predict(rig.network);
  double *h = values_of(&rig, BLUR_PREDICTION, NULL, -1, &count);
  const double expected[4] = {1.25, 1, -0.25, -2};
  cr_assert_eq(count, 4);
  for (int i = 0; i < 4; i++) cr_assert_float_eq(h[i], expected[i], 1e-15);
  free(h);
  blur_network_step(rig.network);
  double *w = values_of(&rig, BLUR_SYNAPSE, "w", 0, &count);
  // h - y = {0.25, 1}, {0.75, -5}; over the batch of 2: dw = {2*0.25 - 0.75, 2*1 + 5} / 2, db = {1, -4} / 2.
  const double after[4] = {0.5 + 0.5 * 0.125, 1 - 0.5 * 3.5, 0.25 - 0.5 * 0.5, -1 + 0.5 * 2};
  for (int i = 0; i < 4; i++) cr_assert_float_eq(w[i], after[i], 1e-15, "%d: %g, not %g", i, w[i], after[i]);
  free(w);
  cr_assert_eq(blur_network_steps(rig.network), 1);
  rig_close(&rig);
}

Test(network, numbers_that_are_not_finite_are_found) {
  Rig rig = open_probe(interpreted);
  const BlurVariable *where = NULL;
  cr_assert(blur_network_is_finite(rig.network, &where));
  static const char *const names[] = {"w", "o", "u"};
  for (int i = 0; i < 3; i++) {
    size_t count;
    double *values = values_of(&rig, BLUR_SYNAPSE, names[i], 1, &count);
    for (size_t place = 0; place < count; place++) {
      double old = values[place];
      values[place] = place % 2 ? NAN : -INFINITY;
      put(&rig, BLUR_SYNAPSE, names[i], 1, values);
      cr_assert_not(blur_network_is_finite(rig.network, &where), "%s[%zu]", names[i], place);
      cr_assert(strcmp(where->name, names[i]) == 0 && where->layer == 1);
      values[place] = old;
    }
    put(&rig, BLUR_SYNAPSE, names[i], 1, values);
    free(values);
  }
  cr_assert(blur_network_is_finite(rig.network, &where));
  rig_close(&rig);
}
