// Adjoints of generated rules against central differences, in the float64 interpreter: for each seed the gradient of a
// loss after T = 1, 3, 10 steps (10 for every third seed) by every synapse and genome variable, along a random
// direction of each. Directions in which a difference steps over a kink (several widths disagree) are left out and
// counted. And compiled adjoints against the interpreter's, T = 3, in double to 1e-8 of the largest entry, on one and
// two threads.
//   derivatives [--first N] [--count N]     (default: 18 from 1; with BLUR_TEST_LONG set 500, all lengths)
#include "blur/runtime.h"
#include "compiler/rule.h"
#include "tests/differential/generate.h"
#include "tests/support/adjoint_run.h"

#include <unistd.h>

static const double tolerance = 1e-6;

typedef struct {
  int compared, kinks, failed, dull, checks;
} Tally;

static void fill(AdjointRun *a, uint64_t *random) {
  for (size_t b = 0; b < a->run->step->buffers.count; b++) {
    const IrBufferInfo *buffer = &a->run->step->buffers.items[b];
    int64_t elements = ir_buffer_elements(buffer);
    double scale = buffer->role == ROLE_GENOME ? 1.4 : 1.0 / sqrt((double)buffer->extent[buffer->states]);
    if (adjoint_run_is_variable(buffer))
      for (int64_t i = 0; i < elements; i++) a->initial[b][i] = scale * (generated_uniform(random) - 0.5) * 2;
  }
}

static double *drawn(Arena *arena, int64_t count, uint64_t *random, bool as_targets) {
  double *values = ARENA_ARRAY(arena, double, count);
  for (int64_t i = 0; i < count; i++) {
    double number = 2 * generated_uniform(random) - 1;
    values[i] = !as_targets ? number : number > 0 ? 1 : -1;
  }
  return values;
}

static void check_steps(AdjointRun *a, uint64_t seed, const GeneratedCase *generated, int64_t steps, uint64_t *random,
                        Tally *tally) {
  a->steps = steps;
  tally->checks++;
  AdjointCheck check = adjoint_run_check(a, random, generated_uniform);
  tally->compared += check.compared;
  tally->kinks += check.kinks;
  if (!isfinite(adjoint_run_loss(a))) tally->dull++;
  else if (!(check.worst <= tolerance)) {
    printf("seed %llu, T = %lld: error %.3g in %s\n%s", (unsigned long long)seed, (long long)steps, check.worst,
           check.where, text_get((Text *)(uintptr_t)&generated->script));
    tally->failed++;
  }
}

// ---- compiled code

static void set_batch(void *context, BlurNetwork *network, int64_t step) {
  const AdjointRun *a = context;
  bool query = step == a->steps;
  const double *x = query ? a->query_x : a->x + step * a->batch * a->inputs,
               *y = query ? a->query_y : a->y + step * a->batch * a->outputs;
  blur_network_set(network, blur_network_find(network, BLUR_X, NULL, -1), x);
  blur_network_set(network, blur_network_find(network, BLUR_Y, NULL, -1), y);
}

// The largest entry of all adjoints.
static double largest_adjoint(const AdjointRun *a) {
  double largest = 0;
  for (size_t b = 0; b < a->run->step->buffers.count; b++)
    for (int64_t i = 0; i < ir_buffer_elements(&a->run->step->buffers.items[b]); i++)
      largest = fmax(largest, fabs(a->adjoint[b][i]));
  return largest;
}

// The largest difference of the network's adjoints from those of `a`, relative to the largest entry of each variable;
// one whose derivatives are rounding beside the others' is not judged by itself.
static double compiled_error(AdjointRun *a, const BlurProgram *program, int threads) {
  BlurStatus status = {0};
  BlurPool *pool = blur_pool_create(threads, &status);
  BlurNetwork *network = blur_network_create(program, pool, 1, &status);
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables);
  double worst = 0, loss;
  adjoint_run_copy(a, a->run->step_storage, a->initial);
  for (size_t i = 0; i < count; i++) {
    if (!variables[i].adjoint || variables[i].kind == BLUR_LOSS) continue;
    double *values = calloc(blur_variable_count(&variables[i]), sizeof *values);
    rule_run_copy(a->run, variables[i].name, variables[i].layer, values, true);
    blur_network_set(network, &variables[i], values);
    free(values);
  }
  BlurUnroll *unroll = blur_unroll_create(network, NULL, a->steps, 0, &status);
  if (!blur_unroll_run(unroll, set_batch, a, &loss, &status)) worst = (double)INFINITY;
  for (size_t b = 0; b < a->run->step->buffers.count; b++) // the expected adjoints in the variables' place
    if (adjoint_run_is_variable(&a->run->step->buffers.items[b]))
      memcpy(a->run->step_storage[b], a->adjoint[b],
             (size_t)ir_buffer_elements(&a->run->step->buffers.items[b]) * sizeof(double));
  for (size_t i = 0; i < count; i++) {
    if (!variables[i].adjoint || variables[i].kind == BLUR_LOSS) continue;
    size_t elements = blur_variable_count(&variables[i]);
    double *expected = calloc(2 * elements, sizeof *expected), *found = expected + elements,
           largest = 1e-6 * largest_adjoint(a);
    rule_run_copy(a->run, variables[i].name, variables[i].layer, expected, true);
    blur_network_get_adjoint(network, &variables[i], found);
    for (size_t j = 0; j < elements; j++) largest = fmax(largest, fabs(expected[j]));
    for (size_t j = 0; j < elements; j++) {
      double error = fabs(found[j] - expected[j]) / (largest + 1e-30);
      if (!(error <= worst)) worst = error;
    }
    free(expected);
  }
  blur_unroll_destroy(unroll);
  blur_network_destroy(network);
  blur_pool_destroy(pool);
  return worst;
}

static void check_compiled(AdjointRun *a, uint64_t seed, const GeneratedCase *generated, Tally *tally) {
  BlurReport *report = blur_report_create();
  struct BlurRule rule = {a->run->arena, NULL, a->run->rule};
  BlurOptions options = {.layers = generated->layers,
                         .units = generated->units,
                         .batch = generated->batch,
                         .precision = BLUR_DOUBLE,
                         .adjoint = true,
                         .query_loss = (BlurLoss)(seed % 2),
                         .no_cache = true,
                         .all_live = seed % 3 == 0};
  BlurProgram *program = blur_compile(&rule, &options, report);
  a->steps = 3;
  tally->checks++;
  adjoint_run_gradient(a);
  for (int threads = 1; threads <= 2; threads++) {
    double error = program ? compiled_error(a, program, threads) : (double)INFINITY;
    if (error <= 1e-8) continue;
    printf("seed %llu: compiled, %d threads: error %.3g\n%s", (unsigned long long)seed, threads, error,
           program ? text_get((Text *)(uintptr_t)&generated->script) : blur_report_text(report, false));
    tally->failed++;
    break;
  }
  blur_program_destroy(program);
  blur_report_destroy(report);
}

// ---- forward mode

static void check_tangent(AdjointRun *a, uint64_t seed, const GeneratedCase *generated, uint64_t *random,
                          Tally *tally) {
  BlurOptions options = {.layers = generated->layers, .units = generated->units, .batch = generated->batch};
  IrProgram *tangent = driver_tangent(a->run->arena, a->run->rule, &options, &a->run->sink);
  double error = adjoint_run_transpose_error(a, tangent, random, generated_uniform);
  tally->checks++;
  if (error <= 1e-10) return;
  printf("seed %llu: forward mode differs from reverse mode by %.3g\n%s", (unsigned long long)seed, error,
         text_get((Text *)(uintptr_t)&generated->script));
  tally->failed++;
}

static void check_seed(uint64_t seed, Tally *tally) {
  GeneratedCase generated;
  generate_plain_case(seed, &generated);
  char net[128] = "";
  for (int l = 0; l < generated.layers; l++)
    snprintf(net + strlen(net), sizeof net - strlen(net), "%s%lld", l ? "-" : "", (long long)generated.units[l]);
  RuleRun *run = rule_run_open(text_get(&generated.script), "-", net, generated.batch, LOSS_CROSS_ENTROPY);
  AdjointRun *a = run ? adjoint_run_open(run, (TaskLoss)(seed % 2), true) : NULL;
  if (!a) {
    printf("seed %llu: cannot be lowered\n%s", (unsigned long long)seed, text_get(&generated.script));
    tally->failed++;
  } else {
    uint64_t random = seed * 77;
    fill(a, &random);
    a->x = drawn(run->arena, ADJOINT_RUN_MOST_STEPS * a->batch * a->inputs, &random, false);
    a->y = drawn(run->arena, ADJOINT_RUN_MOST_STEPS * a->batch * a->outputs, &random, true);
    a->query_x = drawn(run->arena, a->batch * a->inputs, &random, false);
    a->query_y = drawn(run->arena, a->batch * a->outputs, &random, true);
    static const int64_t steps[] = {1, 3, 10};
    int lengths = getenv("BLUR_TEST_LONG") || seed % 3 == 0 ? 3 : 2;
    for (int i = 0; i < lengths; i++) check_steps(a, seed, &generated, steps[i], &random, tally);
    check_compiled(a, seed, &generated, tally);
    check_tangent(a, seed, &generated, &random, tally);
  }
  rule_run_close(run);
  generated_free(&generated);
}

int main(int count, char **arguments) {
  uint64_t first = 1, cases = getenv("BLUR_TEST_LONG") ? 500 : 18;
  for (int i = 1; i + 1 < count; i += 2) {
    uint64_t number = strtoull(arguments[i + 1], NULL, 10);
    if (!strcmp(arguments[i], "--first")) first = number;
    else if (!strcmp(arguments[i], "--count")) cases = number;
  }
  Tally tally = {0};
  for (uint64_t seed = first; seed < first + cases; seed++) check_seed(seed, &tally);
  printf("%llu generated rules: %d directions compared, %d left out at kinks, %d unrolls not finite\n",
         (unsigned long long)cases, tally.compared, tally.kinks, tally.dull);
  bool enough = tally.kinks * 5 <= tally.compared && (uint64_t)tally.dull * 5 <= 2 * cases;
  if (!enough) printf("too little is compared: the generator must make smoother rules\n");
  int failed = tally.failed + (enough ? 0 : 1);
  printf("%d passed, %d failed\n", tally.checks - tally.failed, failed);
  return failed ? 1 : 0;
}
