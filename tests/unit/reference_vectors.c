// Every case of tests/reference/cases.txt, computed elsewhere (PyTorch, float64), against the interpreter on the
// lowered programs: synapses after each step, neuron states, predictions and losses, to 1e-9 of the largest entry.
#include "tests/support/reference_case.h"
#include "tests/support/rule_run.h"

static const double TOLERANCE = 1e-9;

ParameterizedTestParameters(reference, vectors) {
  static ReferenceCase cases[REFERENCE_MAX_CASES];
  return cr_make_param_array(ReferenceCase, cases, reference_vectors(cases));
}

static void compare(const ReferenceCase *item, const char *what, const double *found, const double *expected,
                    size_t count) {
  double error = reference_error(found, expected, count);
  cr_expect(error <= TOLERANCE, "%s: %s: error %.3g", item->name, what, error);
}

// Compares every array `PREFIX.KIND.VARIABLE.LAYER` of the file with the rule's; returns how many there were.
static int compare_variables(const ReferenceCase *item, RuleRun *run, const NpzFile *file, const char *prefix) {
  int compared = 0;
  for (size_t i = 0; i < file->count; i++) {
    const NpzArray *array = &file->arrays[i];
    char variable[64];
    int layer;
    size_t length = strlen(prefix);
    if (strncmp(array->name, prefix, length) != 0 || sscanf(array->name + length, "%63[a-z].%d", variable, &layer) != 2)
      continue;
    double *found = calloc(array->count + 1, sizeof(double));
    const CheckedVariable *declared = rule_run_variable(run, variable);
    cr_assert_not_null(declared, "%s: no variable for %s", item->name, array->name);
    int rows = rule_run_find(run->step, variable, layer, false);
    int unit = rule_run_find(run->step, variable, layer, true);
    cr_assert(rows >= 0);
    int64_t elements = ir_buffer_elements(&run->step->buffers.items[rows]) +
                       (unit >= 0 ? ir_buffer_elements(&run->step->buffers.items[unit]) : 0);
    cr_assert_eq((size_t)elements, array->count, "%s: %s has %zu elements, not %lld", item->name, array->name,
                 array->count, (long long)elements);
    rule_run_copy(run, variable, layer, found, true);
    compare(item, array->name, found, array->values, array->count);
    free(found);
    compared++;
  }
  return compared;
}

static void set_variables(RuleRun *run, const NpzFile *file) {
  for (size_t i = 0; i < file->count; i++) {
    const NpzArray *array = &file->arrays[i];
    char variable[64];
    int layer = -1;
    bool is_synapse = sscanf(array->name, "synapse.%63[a-z].%d", variable, &layer) == 2;
    bool is_genome = !is_synapse && sscanf(array->name, "genome.%63s", variable) == 1;
    if (is_genome) layer = -1;
    if (is_synapse || is_genome) rule_run_copy(run, variable, layer, array->values, false);
  }
}

ParameterizedTest(ReferenceCase *item, reference, vectors) {
  NpzFile file;
  cr_assert(reference_open(item, &file), "%s", item->name);
  const NpzArray *x = npz_find(&file, "x"), *y = npz_find(&file, "y"), *query_x = npz_find(&file, "query_x");
  const NpzArray *query_y = npz_find(&file, "query_y");
  TaskLoss task_loss = strcmp(item->loss, "squared_error") == 0 ? LOSS_SQUARED_ERROR : LOSS_CROSS_ENTROPY;
  int64_t batch = x->extent[1], inputs = x->extent[2], outputs = y->extent[2];
  RuleRun *run = rule_run_open(item->rule, item->settings, item->net, batch, task_loss);
  cr_assert_not_null(run, "%s", item->name);
  cr_assert_null(ir_verify(run->step), "%s: %s", item->name, ir_verify(run->step));
  cr_assert_null(ir_verify(run->predict), "%s: %s", item->name, ir_verify(run->predict));
  set_variables(run, &file);
  for (int64_t step = 0; step < x->extent[0]; step++) {
    const double *step_x = x->values + step * batch * inputs, *step_y = y->values + step * batch * outputs;
    char prefix[64], name[64];
    snprintf(name, sizeof name, "after%d.loss", (int)step + 1);
    const NpzArray *loss = npz_find(&file, name);
    double before = query_x ? 0 : reference_loss(item->loss, rule_run_predict(run, step_x), step_y, batch, outputs);
    rule_run_step(run, step_x, step_y);
    if (!reference_is_judged(item, (int)step + 1)) continue;
    snprintf(prefix, sizeof prefix, "after%d.synapse.", (int)step + 1);
    cr_expect(compare_variables(item, run, &file, prefix) >= run->network.layers - 1, "%s: nothing compared",
              item->name);
    snprintf(prefix, sizeof prefix, "after%d.neuron.", (int)step + 1);
    int neurons = compare_variables(item, run, &file, prefix);
    cr_expect(!query_x || step || neurons == run->network.layers, "%s: %d neuron layers", item->name, neurons);
    cr_assert_not_null(loss);
    if (!query_x) { // backprop: the loss before the step
      compare(item, "loss", &before, loss->values, 1);
      continue;
    }
    snprintf(name, sizeof name, "after%d.prediction", (int)step + 1);
    const NpzArray *prediction = npz_find(&file, name);
    const double *found = rule_run_predict(run, query_x->values);
    compare(item, name, found, prediction->values, prediction->count);
    double after = reference_loss(item->loss, found, query_y->values, batch, outputs);
    compare(item, "loss", &after, loss->values, 1);
  }
  rule_run_close(run);
  npz_free(&file);
}
