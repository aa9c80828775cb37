// Every case of tests/reference, computed elsewhere (PyTorch, NumPy; float64), against compiled programs: through all
// passes, the schedule and the JIT, on each CPU level of this machine, in double to 1e-9 and in float to 1e-4 of the
// largest entry, on one and on two threads, with own and with OpenBLAS products, with and without dead values; and
// against the public interpreter engine.
#include "tests/support/reference_network.h"

ParameterizedTestParameters(reference, compiled) {
  static ReferenceCase cases[REFERENCE_MAX_CASES];
  return cr_make_param_array(ReferenceCase, cases, reference_rules(cases, reference_vectors(cases)));
}

static size_t list_ways(ReferenceWay *ways) {
  size_t count = 0;
  ways[count++] = (ReferenceWay){
      "interpreter", {.engine = BLUR_ENGINE_INTERPRET, .precision = BLUR_DOUBLE, .all_live = true}, 1, 1e-9};
  for (int cpu = BLUR_CPU_X86_64; cpu <= BLUR_CPU_AVX512; cpu++) {
    if (!blur_cpu_available((BlurCpu)cpu)) continue;
    for (int precision = BLUR_FLOAT; precision <= BLUR_DOUBLE; precision++) {
      ReferenceWay *way = &ways[count++];
      *way = (ReferenceWay){
          .options = {.precision = (BlurPrecision)precision, .cpu = (BlurCpu)cpu, .all_live = cpu != BLUR_CPU_AVX2},
          .threads = 1 + cpu % 2,
          .tolerance = precision == BLUR_DOUBLE ? 1e-9 : 1e-4};
      snprintf(way->text, sizeof way->text, "%s, %s, %d threads%s", blur_cpu_name((BlurCpu)cpu),
               precision == BLUR_DOUBLE ? "double" : "float", way->threads, way->options.all_live ? ", all live" : "");
    }
  }
  ways[count++] = (ReferenceWay){"OpenBLAS", {.precision = BLUR_DOUBLE, .products = BLUR_PRODUCTS_OPENBLAS}, 2, 1e-9};
  return count;
}

static void compare(const ReferenceCase *item, const ReferenceWay *way, const char *what, const double *found,
                    const double *expected, size_t count) {
  double error = reference_error(found, expected, count);
  cr_expect(error <= way->tolerance, "%s (%s): %s: error %.3g", item->name, way->text, what, error);
}

// Dead elements are not computed: they are not judged.
static void forgive_dead(const BlurVariable *variable, double *found, const double *expected) {
  size_t count = blur_variable_count(variable) / variable->pieces;
  size_t row = variable->has_bias ? count - (size_t)variable->extent[variable->dimensions - 1] : count;
  for (size_t piece = 0; piece < variable->pieces; piece++)
    for (size_t i = 0; i < count; i++)
      if ((i < row ? variable->piece[piece].offset : variable->piece[piece].bias_offset) < 0)
        found[piece * count + i] = expected[piece * count + i];
}

static void check_variables(const ReferenceCase *item, const ReferenceWay *way, BlurNetwork *network,
                            const NpzFile *file, int step) {
  char prefix[32];
  int length = snprintf(prefix, sizeof prefix, "after%d.", step), compared = 0;
  for (size_t i = 0; i < file->count; i++) {
    const NpzArray *array = &file->arrays[i];
    if (strncmp(array->name, prefix, (size_t)length) != 0) continue;
    const BlurVariable *variable = reference_variable(network, array->name + length);
    if (!variable) continue;
    // Neurons are kept only where all is live.
    if (blur_variable_is_dead(variable) || (variable->kind == BLUR_NEURON && !way->options.all_live)) continue;
    cr_assert_eq(blur_variable_count(variable), array->count, "%s: %s", item->name, array->name);
    double *found = malloc(array->count * sizeof(double));
    blur_network_get(network, variable, found);
    forgive_dead(variable, found, array->values);
    compare(item, way, array->name, found, array->values, array->count);
    free(found);
    compared++;
  }
  const int64_t *units;
  cr_expect(compared >= blur_program_layers(blur_network_program(network), &units) - 1, "%s (%s): only %d compared",
            item->name, way->text, compared);
}

static void predict(BlurNetwork *network, const double *x, double *prediction) {
  blur_network_set(network, blur_network_find(network, BLUR_X, NULL, -1), x);
  blur_network_predict(network);
  blur_network_get(network, blur_network_find(network, BLUR_PREDICTION, NULL, -1), prediction);
}

static void run_case(const ReferenceCase *item, const ReferenceWay *way, BlurNetwork *network, const NpzFile *file) {
  const NpzArray *x = npz_find(file, "x"), *y = npz_find(file, "y");
  const NpzArray *query_x = npz_find(file, "query_x"), *query_y = npz_find(file, "query_y");
  int64_t batch = x->extent[1], outputs = y->extent[2];
  double *prediction = malloc((size_t)(batch * outputs) * sizeof(double));
  for (int step = 1; step <= (int)x->extent[0]; step++) {
    const double *step_x = x->values + (step - 1) * batch * x->extent[2],
                 *step_y = y->values + (step - 1) * batch * outputs;
    char name[64];
    snprintf(name, sizeof name, "after%d.loss", step);
    if (!query_x) { // backprop: the loss before the step
      predict(network, step_x, prediction);
      double loss = reference_loss(item->loss, prediction, step_y, batch, outputs);
      compare(item, way, name, &loss, npz_find(file, name)->values, 1);
    }
    blur_network_set(network, blur_network_find(network, BLUR_X, NULL, -1), step_x);
    blur_network_set(network, blur_network_find(network, BLUR_Y, NULL, -1), step_y);
    blur_network_step(network);
    if (!reference_is_judged(item, step)) continue;
    check_variables(item, way, network, file, step);
    if (!query_x) continue;
    predict(network, query_x->values, prediction);
    double loss = reference_loss(item->loss, prediction, query_y->values, batch, outputs);
    compare(item, way, name, &loss, npz_find(file, name)->values, 1);
    snprintf(name, sizeof name, "after%d.prediction", step);
    compare(item, way, name, prediction, npz_find(file, name)->values, npz_find(file, name)->count);
  }
  free(prediction);
}

ParameterizedTest(ReferenceCase *item, reference, compiled) {
  ReferenceWay ways[16];
  reference_run_ways(item, ways, list_ways(ways), run_case);
}
