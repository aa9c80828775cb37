// Genome values of their own a layer, neuron or synapse, and initial values made of genome values: in the interpreter
// against loops written here, and in networks of the runtime.
#include "blur/runtime.h"
#include "tests/support/rule_expect.h"

#include <unistd.h>

// The ABCD rule (Soltoggio and others 2007; Najarro and Risi 2020): four coefficients a synapse, one rate a layer.
Test(scopes, a_rule_of_each_synapse) {
  RuleRun *run =
      open_rule("rule abcd {\n neuron h\n synapse w bias = 0\n"
                " genome A bias, B bias, C bias, D bias per synapse = 0\n genome eta per layer = layer + 1\n"
                " input h <- x\n forward post.h <- tanh(sum(pre: w * pre.h))\n"
                " update w <- w + eta * mean(batch: A*pre.h*post.h + B*pre.h + C*post.h + D)\n predict h\n}\n",
                "2-3-2", 2);
  double x[2][2], y[4] = {0}, h[3][2][4];
  fill(&x[0][0], 4, 1);
  const char *names[] = {"A", "B", "C", "D", "w"};
  double *parts[5][2][2];
  for (int v = 0; v < 5; v++)
    for (int layer = 0; layer < 2; layer++)
      for (int row = 0; row < 2; row++) {
        parts[v][layer][row] = memory_of(run, names[v], layer, row);
        fill(parts[v][layer][row], row ? (layer ? 2 : 3) : 6, 2 + v + 5 * layer + 10 * row);
      }
  double before[2][2][6];
  for (int layer = 0; layer < 2; layer++) {
    memcpy(before[layer][0], parts[4][layer][0], 6 * sizeof(double));
    memcpy(before[layer][1], parts[4][layer][1], (layer ? 2 : 3) * sizeof(double));
  }
  for (int b = 0; b < 2; b++) memcpy(h[0][b], x[b], sizeof x[b]);
  int units[] = {2, 3, 2};
  for (int layer = 0; layer < 2; layer++) {
    int below = units[layer], above = units[layer + 1];
    for (int b = 0; b < 2; b++)
      for (int j = 0; j < above; j++) {
        double z = before[layer][1][j];
        for (int i = 0; i < below; i++) z += before[layer][0][i * above + j] * h[layer][b][i];
        h[layer + 1][b][j] = tanh(z);
      }
  }
  rule_run_step(run, &x[0][0], y);
  for (int layer = 0; layer < 2; layer++)
    for (int row = 0; row < 2; row++) {
      int rows = row ? 1 : units[layer], columns = units[layer + 1];
      double expected[6];
      for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
          int at = i * columns + j;
          expected[at] = before[layer][row][at];
          for (int b = 0; b < 2; b++) {
            double pre = row ? 1 : h[layer][b][i], post = h[layer + 1][b][j];
            expected[at] += 0.5 * (layer + 1) *
                            (parts[0][layer][row][at] * pre * post + parts[1][layer][row][at] * pre +
                             parts[2][layer][row][at] * post + parts[3][layer][row][at]);
          }
        }
      expect("w", parts[4][layer][row], expected, rows * columns);
    }
  rule_run_close(run);
}

// One value a neuron: by side in blocks of synapses, plain in those of one layer; 1 for the unit neuron.
Test(scopes, values_of_each_neuron) {
  RuleRun *run = open_rule("rule r {\n neuron h\n synapse w bias = 0, s (post), t (post), u (post)\n"
                           " genome b[2] per neuron = 0\n input h <- b[1] * x\n"
                           " forward { post.h <- sum(pre: w * pre.b[0] * pre.h) + post.b[0]\n"
                           "           s <- sum(post2: post2.b[1])\n t <- sum(output: output.b[0])\n"
                           "           u <- sum(pre: w * pre.b[1]) }\n predict h - b[0]\n}\n",
                           "2-2", 1);
  double w[] = {1, 2, 3, 4, 5, 6}, x[] = {1, 10}, below[] = {2, 3, 5, 7}, above[] = {11, 13, 17, 19};
  rule_run_copy(run, "w", 0, w, false);
  rule_run_copy(run, "b", 0, below, false);
  rule_run_copy(run, "b", 1, above, false);
  double h0 = 2 * 5 * 1 + 3 * 3 * 7 * 10 + 5, h1 = 2 * 2 * 5 * 1 + 4 * 3 * 7 * 10 + 6;
  expect("prediction", rule_run_predict(run, x), (double[]){h0, h1}, 2);
  rule_run_step(run, x, (double[]){0, 0});
  expect("s", memory_of(run, "s", 0, false), (double[]){36, 36}, 2);
  expect("t", memory_of(run, "t", 0, false), (double[]){24, 24}, 2);
  expect("u", memory_of(run, "u", 0, false), (double[]){1 * 5 + 3 * 7 + 5, 2 * 5 + 4 * 7 + 6}, 2);
  rule_run_close(run);
}

// ---- in networks

typedef struct {
  BlurReport *report;
  BlurRule *rule;
  BlurProgram *program;
  BlurPool *pool;
  BlurNetwork *network;
} Made;

static Made make(const char *text, const int64_t *units, int layers, uint64_t seed) {
  Made made = {.report = blur_report_create()};
  char path[] = "/tmp/blur-scopes-XXXXXX";
  int file = mkstemp(path);
  cr_assert_geq(file, 0);
  cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
  close(file);
  made.rule = blur_rule_load(path, NULL, 0, BLUR_LOSS_SQUARED_ERROR, made.report);
  unlink(path);
  cr_assert_not_null(made.rule, "%s", blur_report_text(made.report, false));
  BlurOptions options = {.layers = layers,
                         .units = units,
                         .batch = 2,
                         .engine = BLUR_ENGINE_INTERPRET,
                         .precision = BLUR_DOUBLE,
                         .all_live = true};
  made.program = blur_compile(made.rule, &options, made.report);
  cr_assert_not_null(made.program, "%s", blur_report_text(made.report, false));
  made.pool = blur_pool_create(1, NULL);
  made.network = blur_network_create(made.program, made.pool, seed, NULL);
  cr_assert_not_null(made.network);
  return made;
}

static void unmake(Made *made) {
  blur_network_destroy(made->network);
  blur_pool_destroy(made->pool);
  blur_program_destroy(made->program);
  blur_rule_destroy(made->rule);
  blur_report_destroy(made->report);
}

static void get(const Made *made, BlurKind kind, const char *name, int layer, double *values, size_t count) {
  const BlurVariable *variable = blur_network_find(made->network, kind, name, layer);
  cr_assert_not_null(variable, "%s", name);
  cr_assert_eq(blur_variable_count(variable), count, "%s: %zu", name, blur_variable_count(variable));
  blur_network_get(made->network, variable, values);
}

static void set(const Made *made, BlurKind kind, const char *name, int layer, const double *values) {
  blur_network_set(made->network, blur_network_find(made->network, kind, name, layer), values);
}

static const char LEARNED_SCALES[] =
    "rule r {\n neuron h\n neuron theta (unit) = shift persistent\n"
    " genome spread = 2 * scale + sum(i: pm[i]), scale = 0.5, pm[2] = [0.25, 1]\n"
    " genome shift ~ normal(0, 1)\n genome eta[2] per layer = fan_in + 10 * layer, mix[2,2] per layer ~ "
    "orthogonal(scale)\n"
    " synapse w bias ~ normal(shift, spread), c (post) = eta[1] + pm[0]\n"
    " input h <- x\n forward post.h <- c + sum(pre: w * pre.h) + post.theta * eta[0] * mix[0,1]\n predict h\n}\n";

Test(scopes, initial_values_of_genome_values) {
  Made made = make(LEARNED_SCALES, (int64_t[]){3, 2, 2}, 3, 7);
  double spread, shift, theta[2], eta[4], c[2], w[8], mix[8], scale = 0.5;
  get(&made, BLUR_GENOME, "spread", -1, &spread, 1);
  get(&made, BLUR_GENOME, "shift", -1, &shift, 1);
  get(&made, BLUR_GENOME, "eta", -1, eta, 4); // the synapse layers first
  get(&made, BLUR_GENOME, "mix", -1, mix, 8);
  get(&made, BLUR_NEURON, "theta", 1, theta, 2);
  get(&made, BLUR_SYNAPSE, "c", 1, c, 2);
  get(&made, BLUR_SYNAPSE, "w", 0, w, 8);
  cr_expect_eq(spread, 2 * 0.5 + 0.25 + 1);
  cr_expect(fabs(shift) > 1e-6);
  expect("theta", theta, (double[]){shift, shift}, 2);
  expect("eta", eta, (double[]){3, 3, 12, 12}, 4);
  expect("c", c, (double[]){12.25, 12.25}, 2);
  for (int layer = 0; layer < 2; layer++) {
    const double *m = mix + 4 * layer;
    double gram[] = {m[0] * m[0] + m[2] * m[2], m[0] * m[1] + m[2] * m[3], m[1] * m[1] + m[3] * m[3]};
    expect("mix, its columns", gram, (double[]){0.25, 0, 0.25}, 3);
  }
  // Another spread and mean: the same draws, scaled and shifted.
  double drawn[8], other_shift = 100, other_spread = 3;
  for (int i = 0; i < 8; i++) drawn[i] = (w[i] - shift) / spread;
  set(&made, BLUR_GENOME, "spread", -1, &other_spread);
  set(&made, BLUR_GENOME, "shift", -1, &other_shift);
  set(&made, BLUR_GENOME, "eta", -1, (double[]){1, 2, 3, 4});
  cr_assert(blur_network_reset_from_genome(made.network, NULL));
  get(&made, BLUR_SYNAPSE, "w", 0, w, 8);
  get(&made, BLUR_SYNAPSE, "c", 0, c, 2);
  get(&made, BLUR_NEURON, "theta", 2, theta, 2);
  get(&made, BLUR_GENOME, "scale", -1, &scale, 1);
  for (int i = 0; i < 8; i++) cr_expect_float_eq(w[i], 100 + 3 * drawn[i], 1e-12);
  expect("c", c, (double[]){2.25, 2.25}, 2);
  expect("theta", theta, (double[]){100, 100}, 2);
  cr_expect_eq(scale, 0.5);
  unmake(&made);
}

// A matrix in the initial value of a scoped genome value is that of each layer.
Test(scopes, matrices_of_each_layer) {
  Made made = make("rule r {\n neuron h\n synapse w = 1\n genome m[2,2] per layer = [[1, 2], [3, 4]]\n"
                   " genome g per synapse = fan_in\n input h <- x\n"
                   " forward post.h <- m[0,1] * m[1,0] * sum(pre: w * g * pre.h)\n predict h\n}\n",
                   (int64_t[]){2, 1, 1}, 3, 1);
  double m[8], g[2], x[] = {1, 2, 3, 4}, h[2];
  get(&made, BLUR_GENOME, "m", -1, m, 8);
  expect("m", m, (double[]){1, 2, 3, 4, 1, 2, 3, 4}, 8);
  get(&made, BLUR_GENOME, "g", 0, g, 2);
  expect("g", g, (double[]){2, 2}, 2);
  set(&made, BLUR_GENOME, "m", -1, (double[]){0, 2, 3, 0, 0, 5, 7, 0});
  set(&made, BLUR_X, "x", 0, x);
  blur_network_predict(made.network);
  const BlurVariable *prediction = blur_network_find(made.network, BLUR_PREDICTION, NULL, -1);
  blur_network_get(made.network, prediction, h);
  expect("prediction", h, (double[]){6 * 2 * 3 * 35, 6 * 2 * 7 * 35}, 2);
  unmake(&made);
}
