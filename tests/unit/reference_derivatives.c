// Meta-gradients of tests/reference, computed elsewhere (PyTorch, float64): the derivative of the query's loss after 1
// and 3 steps by every genome value and initial synapse, by the interpreter and by compiled code on each CPU level, in
// double to 1e-8 and in float to 1e-3 of the largest entry; with any number of snapshots, to the last bit. And by
// forward mode: along the gradient itself the loss changes by the sum of its squares.
#include "tests/support/reference_network.h"

ParameterizedTestParameters(reference, derivatives) {
  static ReferenceCase cases[REFERENCE_MAX_CASES];
  size_t count = 0, all = reference_vectors(cases);
  for (size_t i = 0; i < all; i++)
    if (strncmp(cases[i].name, "blur_", 5) == 0) cases[count++] = cases[i];
  return cr_make_param_array(ReferenceCase, cases, count);
}

static size_t list_ways(ReferenceWay *ways) {
  size_t count = 0;
  ways[count++] = (ReferenceWay){"interpreter", {.engine = BLUR_ENGINE_INTERPRET, .precision = BLUR_DOUBLE}, 1, 1e-8};
  for (int cpu = BLUR_CPU_X86_64; cpu <= BLUR_CPU_AVX512; cpu++) {
    if (!blur_cpu_available((BlurCpu)cpu)) continue;
    for (int precision = BLUR_FLOAT; precision <= BLUR_DOUBLE; precision++) {
      bool other = precision != (cpu == BLUR_CPU_AVX2 ? BLUR_FLOAT : BLUR_DOUBLE);
      if (other && cpu != BLUR_CPU_AVX512) continue; // both on the best machine, one on each other level
      ReferenceWay *way = &ways[count++];
      *way = (ReferenceWay){.options = {.precision = (BlurPrecision)precision, .cpu = (BlurCpu)cpu},
                            .threads = 1 + (cpu + precision) % 2,
                            .tolerance = precision == BLUR_DOUBLE ? 1e-8 : 1e-3};
      way->options.all_live = cpu != BLUR_CPU_AVX2;
      snprintf(way->text, sizeof way->text, "%s, %s", blur_cpu_name((BlurCpu)cpu),
               precision == BLUR_DOUBLE ? "double" : "float");
    }
  }
  for (size_t i = 0; i < count; i++) ways[i].options.adjoint = true;
  ways[0].options.tangent = ways[count - 1].options.tangent = true; // interpreted; compiled for the best machine
  return count;
}

typedef struct {
  const NpzArray *x, *y, *query_x, *query_y;
  int64_t steps;
} Batches;

static void set_batch(void *context, BlurNetwork *network, int64_t step) {
  const Batches *batches = context;
  const double *x = batches->query_x->values, *y = batches->query_y->values;
  int64_t batch = batches->x->extent[1], inputs = batches->x->extent[2], outputs = batches->y->extent[2];
  if (step < batches->steps) {
    x = batches->x->values + step * batch * inputs;
    y = batches->y->values + step * batch * outputs;
  }
  blur_network_set(network, blur_network_find(network, BLUR_X, NULL, -1), x);
  blur_network_set(network, blur_network_find(network, BLUR_Y, NULL, -1), y);
}

// What an array's error is told relative to, in float: its largest entry; single numbers of the genome count as one
// array, since normalization makes some of them sums that almost cancel.
static double scale_of(const NpzFile *file, const char *prefix, const NpzArray *array) {
  double largest = 1e-12;
  for (size_t i = 0; i < file->count; i++) {
    const NpzArray *other = &file->arrays[i];
    bool together = other == array || (other->count == 1 && array->count == 1 &&
                                       strncmp(other->name, prefix, strlen(prefix)) == 0 && other->dimensions == 0);
    for (size_t j = 0; together && j < other->count; j++) largest = fmax(largest, fabs(other->values[j]));
  }
  return largest;
}

static void check_gradient(const ReferenceCase *item, const ReferenceWay *way, const BlurNetwork *network,
                           const NpzFile *file, int steps) {
  char prefix[32];
  int compared = 0;
  snprintf(prefix, sizeof prefix, "after%d.d.", steps);
  for (size_t i = 0; i < file->count; i++) {
    const NpzArray *array = &file->arrays[i];
    if (strncmp(array->name, prefix, strlen(prefix)) != 0) continue;
    const BlurVariable *variable = reference_variable(network, array->name + strlen(prefix));
    if (!variable) continue; // a value that the case's rule does not use
    cr_assert_eq(blur_variable_count(variable), array->count, "%s: %s", item->name, array->name);
    double *found = malloc(array->count * sizeof *found);
    blur_network_get_adjoint(network, variable, found);
    double error = reference_error(found, array->values, array->count);
    if (way->options.precision == BLUR_FLOAT && array->count == 1)
      error = fabs(*found - *array->values) / scale_of(file, prefix, array);
    cr_expect(error <= way->tolerance, "%s (%s): %s: error %.3g", item->name, way->text, array->name, error);
    free(found);
    compared++;
  }
  cr_expect(compared >= 8, "%s (%s): only %d compared", item->name, way->text, compared);
}

static void check_forward(const ReferenceCase *item, const ReferenceWay *way, BlurNetwork *network, const NpzFile *file,
                          BlurUnroll *unroll, Batches *batches) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(blur_network_program(network), &variables);
  const double **direction = calloc(count, sizeof *direction);
  double expected = 0, loss, found;
  char prefix[32];
  BlurStatus status = {0};
  snprintf(prefix, sizeof prefix, "after%d.d.", (int)batches->steps);
  for (size_t i = 0; i < file->count; i++) {
    const NpzArray *array = &file->arrays[i];
    if (strncmp(array->name, prefix, strlen(prefix)) != 0) continue;
    const BlurVariable *variable = reference_variable(network, array->name + strlen(prefix));
    if (!variable) continue;
    direction[variable - variables] = array->values;
    for (size_t j = 0; j < array->count; j++) expected += array->values[j] * array->values[j];
  }
  cr_assert(blur_unroll_forward(unroll, set_batch, batches, direction, &loss, &found, &status), "%s", status.message);
  cr_expect(expected > 0 && fabs(found - expected) <= way->tolerance * expected, "%s (%s): forward %.12g, not %.12g",
            item->name, way->text, found, expected);
  free(direction);
}

static void run_case(const ReferenceCase *item, const ReferenceWay *way, BlurNetwork *network, const NpzFile *file) {
  Batches batches = {npz_find(file, "x"), npz_find(file, "y"), npz_find(file, "query_x"), npz_find(file, "query_y"), 0};
  BlurStatus status = {0};
  for (batches.steps = 1; batches.steps <= 3; batches.steps += 2) {
    double found;
    BlurUnroll *unroll = blur_unroll_create(network, NULL, batches.steps, 0, &status);
    cr_assert_not_null(unroll, "%s", status.message);
    cr_assert(blur_unroll_run(unroll, set_batch, &batches, &found, &status), "%s", status.message);
    char name[32];
    snprintf(name, sizeof name, "after%d.loss", (int)batches.steps);
    cr_expect(fabs(found - *npz_find(file, name)->values) <= way->tolerance, "%s (%s): loss %g", item->name, way->text,
              found);
    check_gradient(item, way, network, file, (int)batches.steps);
    if (way->options.tangent) check_forward(item, way, network, file, unroll, &batches);
    blur_unroll_destroy(unroll);
  }
}

ParameterizedTest(ReferenceCase *item, reference, derivatives) {
  ReferenceWay ways[16];
  reference_run_ways(item, ways, list_ways(ways), run_case);
}
