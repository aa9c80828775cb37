// Adjoints of generated rules against central differences, in the float64 interpreter: for each seed the gradient of a
// loss after T = 1, 3, 10 steps (10 for every third seed) by every synapse and genome variable, along a random
// direction of each. Directions in which a difference steps over a kink (several widths disagree) are left out and
// counted. And compiled adjoints against the interpreter's, T = 3, in double to 1e-8 of the largest entry, on one
// thread or two; and forward mode against reverse mode, interpreted and compiled.
//   derivatives [--first N] [--count N]     (default: 20 from 1; with BLUR_TEST_LONG set 500, all lengths)
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
    bool has_axes = buffer->role != ROLE_GENOME && buffer->dimensions > 0;
    double scale = has_axes ? 1 / sqrt((double)buffer->extent[0]) : 1.4;
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

// One way to the adjoints: a program of an engine, a network of it, and its adjoints after a->steps steps and the
// query.
typedef struct {
  BlurProgram *program;
  BlurPool *pool;
  BlurNetwork *network;
  double forward_error; // of the derivative along a direction by forward mode, from that by the adjoints
} Way;

static bool has_adjoint(const BlurVariable *variable) { return variable->adjoint && variable->kind != BLUR_LOSS; }

// The same initial values for the same seed, whatever the engine.
static void fill_network(const Way *way, uint64_t random) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(way->program, &variables);
  for (size_t i = 0; i < count; i++) {
    if (!has_adjoint(&variables[i])) continue;
    size_t elements = blur_variable_count(&variables[i]);
    int first = variables[i].states;
    double *values = calloc(elements + 1, sizeof *values), scale = 1.4;
    if (variables[i].kind != BLUR_GENOME && first < variables[i].dimensions)
      scale = 1 / sqrt((double)variables[i].extent[first]);
    for (size_t j = 0; j < elements; j++) values[j] = scale * (generated_uniform(&random) - 0.5) * 2;
    blur_network_set(way->network, &variables[i], values);
    free(values);
  }
}

static double *adjoint_values(const Way *way, const BlurVariable *variable) {
  double *values = calloc(blur_variable_count(variable) + 1, sizeof *values);
  blur_network_get_adjoint(way->network, variable, values);
  return values;
}

// Along the signs of the gradient: the derivative is the sum of its entries' sizes.
static void run_forward(Way *way, AdjointRun *a, BlurUnroll *unroll) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(way->program, &variables);
  double **direction = calloc(count, sizeof *direction), size = 0, loss, found = 0;
  BlurStatus status = {0};
  for (size_t i = 0; i < count; i++) {
    if (!has_adjoint(&variables[i])) continue;
    direction[i] = adjoint_values(way, &variables[i]);
    for (size_t j = 0; j < blur_variable_count(&variables[i]); j++) {
      size += fabs(direction[i][j]);
      direction[i][j] = direction[i][j] > 0 ? 1 : -1;
    }
  }
  bool done = blur_unroll_forward(unroll, set_batch, a, (const double *const *)direction, &loss, &found, &status);
  way->forward_error = size == 0 || !isfinite(size) ? 0 : done ? fabs(found - size) / size : (double)INFINITY;
  for (size_t i = 0; i < count; i++) free(direction[i]);
  free(direction);
}

static bool run_way(Way *way, AdjointRun *a, const BlurOptions *options, int threads, uint64_t random) {
  BlurReport *report = blur_report_create();
  struct BlurRule rule = {a->run->arena, NULL, a->run->rule};
  BlurStatus status = {0};
  way->program = blur_compile(&rule, options, report);
  if (!way->program) printf("%s", blur_report_text(report, false));
  blur_report_destroy(report);
  if (!way->program) return false;
  way->pool = blur_pool_create(threads, &status);
  way->network = blur_network_create(way->program, way->pool, 1, &status);
  fill_network(way, random);
  double loss;
  BlurUnroll *unroll = blur_unroll_create(way->network, NULL, a->steps, 0, &status);
  bool done = unroll && (blur_unroll_run(unroll, set_batch, a, &loss, &status) || status.code == BLUR_DIVERGED);
  if (done && status.code != BLUR_DIVERGED) run_forward(way, a, unroll);
  blur_unroll_destroy(unroll);
  return done;
}

static void close_way(Way *way) {
  blur_network_destroy(way->network);
  blur_pool_destroy(way->pool);
  blur_program_destroy(way->program);
}

// The largest entry of all adjoints; infinity where one is not finite.
static double largest_adjoint(const Way *way) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(way->program, &variables);
  double largest = 0;
  for (size_t i = 0; i < count; i++) {
    if (!has_adjoint(&variables[i])) continue;
    double *values = adjoint_values(way, &variables[i]);
    for (size_t j = 0; j < blur_variable_count(&variables[i]); j++)
      largest = isfinite(values[j]) ? fmax(largest, fabs(values[j])) : (double)INFINITY;
    free(values);
  }
  return largest;
}

// The largest difference of the adjoints, relative to the largest entry of each variable; one whose derivatives are
// rounding beside the others' is not judged by itself.
static double difference(const Way *reference, const Way *compiled) {
  const BlurVariable *variables, *same;
  size_t count = blur_program_variables(reference->program, &variables);
  blur_program_variables(compiled->program, &same);
  double worst = 0, all = largest_adjoint(reference);
  if (!isfinite(all)) return 0; // what follows a value that is not finite is nobody's promise
  for (size_t i = 0; i < count; i++) {
    if (!has_adjoint(&variables[i])) continue;
    double *expected = adjoint_values(reference, &variables[i]), *found = adjoint_values(compiled, &same[i]),
           largest = 1e-6 * all + 1e-30;
    size_t elements = blur_variable_count(&variables[i]);
    for (size_t j = 0; j < elements; j++) largest = fmax(largest, fabs(expected[j]));
    for (size_t j = 0; j < elements; j++) {
      double error = fabs(found[j] - expected[j]) / largest;
      if (!(error <= worst)) worst = error;
    }
    free(expected);
    free(found);
  }
  return worst;
}

static void check_compiled(AdjointRun *a, uint64_t seed, const GeneratedCase *generated, Tally *tally) {
  BlurOptions options = {.layers = generated->layers,
                         .units = generated->units,
                         .batch = generated->batch,
                         .precision = BLUR_DOUBLE,
                         .engine = BLUR_ENGINE_INTERPRET,
                         .adjoint = true,
                         .tangent = true,
                         .query_loss = (BlurLoss)(seed % 2),
                         .no_cache = true,
                         .all_live = seed % 3 == 0};
  a->steps = 3;
  tally->checks++;
  Way reference = {0}, compiled = {0};
  bool done = run_way(&reference, a, &options, 1, seed);
  options.engine = BLUR_ENGINE_JIT;
  done = done && run_way(&compiled, a, &options, 1 + (int)(seed % 2), seed);
  double error = done ? difference(&reference, &compiled) : (double)INFINITY;
  if (!(error <= 1e-8)) {
    printf("seed %llu: compiled: error %.3g\n%s", (unsigned long long)seed, error,
           text_get((Text *)(uintptr_t)&generated->script));
    tally->failed++;
  }
  double forward = fmax(reference.forward_error, compiled.forward_error);
  if (!(forward <= 1e-8)) {
    printf("seed %llu: forward mode of %s: error %.3g\n%s", (unsigned long long)seed,
           reference.forward_error > 1e-8 ? "the interpreter" : "compiled code", forward,
           text_get((Text *)(uintptr_t)&generated->script));
    tally->failed++;
  }
  close_way(&reference);
  close_way(&compiled);
}

// ---- forward mode

static void check_tangent(AdjointRun *a, uint64_t seed, const GeneratedCase *generated, uint64_t *random,
                          Tally *tally) {
  IrProgram *tangent = adjoint_run_tangent(a);
  double error = adjoint_run_transpose_error(a, tangent, random, generated_uniform);
  tally->checks++;
  if (error <= 1e-10 || !isfinite(adjoint_run_loss(a))) return;
  printf("seed %llu: forward mode differs from reverse mode by %.3g\n%s", (unsigned long long)seed, error,
         text_get((Text *)(uintptr_t)&generated->script));
  tally->failed++;
}

static void check_seed(uint64_t seed, Tally *tally) {
  GeneratedCase generated;
  generate_smooth_case(seed, &generated);
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
  uint64_t first = 1, cases = getenv("BLUR_TEST_LONG") ? 500 : 20;
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
