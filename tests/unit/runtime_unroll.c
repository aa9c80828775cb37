// Unrolls: the gradient does not depend on snapshots or threads, to the last bit; a query of another size; Adam on an
// input that is always 0; what is refused.
#include "training.h"

#include <math.h>
#include <string.h>

enum { BATCH = 6, INPUTS = 5, OUTPUTS = 3, STEPS = 9, MOST_VALUES = 4096 };

static Rig make(RigOptions options) {
  static const int64_t units[] = {INPUTS, 7, OUTPUTS};
  options.layers = 3;
  options.units = units;
  options.adjoint = true;
  options.seed = 3;
  if (!options.batch) options.batch = BATCH;
  return rig_open(options);
}

// Numbers that depend on step, sample and column alone; a context that is not NULL says how often each step was asked
// for. Column 1 of x is always 0.
static void set_batch(void *context, BlurNetwork *network, int64_t step) {
  const int64_t batch = blur_program_batch(blur_network_program(network));
  double *x = calloc((size_t)(batch * INPUTS), sizeof *x), *y = calloc((size_t)(batch * OUTPUTS), sizeof *y);
  for (int64_t b = 0; b < batch; b++) {
    int64_t sample = b % BATCH;
    for (int64_t i = 0; i < INPUTS; i++) x[b * INPUTS + i] = i == 1 ? 0 : sin((double)(step * 31 + sample * 7 + i * 3));
    for (int64_t o = 0; o < OUTPUTS; o++) y[b * OUTPUTS + o] = o == (step + sample) % OUTPUTS ? 1 : -1;
  }
  blur_network_set(network, blur_network_find(network, BLUR_X, NULL, -1), x);
  blur_network_set(network, blur_network_find(network, BLUR_Y, NULL, -1), y);
  free(x);
  free(y);
  if (context) ((int *)context)[step]++;
}

// Values (or adjoints) of all that lives, one after the other; returns how many.
static size_t collect(const BlurNetwork *network, bool adjoints, double *values) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(blur_network_program(network), &variables), at = 0;
  for (size_t i = 0; i < count; i++) {
    if (!variables[i].adjoint || variables[i].kind == BLUR_LOSS) continue;
    cr_assert(at + blur_variable_count(&variables[i]) <= MOST_VALUES);
    if (adjoints) blur_network_get_adjoint(network, &variables[i], values + at);
    else blur_network_get(network, &variables[i], values + at);
    at += blur_variable_count(&variables[i]);
  }
  return at;
}

static double run(BlurNetwork *network, BlurNetwork *query, int64_t steps, size_t memory, int *asked) {
  BlurStatus status = {0};
  double loss;
  BlurUnroll *unroll = blur_unroll_create(network, query, steps, memory, &status);
  cr_assert_not_null(unroll, "%s", status.message);
  cr_assert(blur_unroll_run(unroll, set_batch, asked, &loss, &status), "%s", status.message);
  blur_unroll_destroy(unroll);
  return loss;
}

Test(unroll, snapshots_change_nothing) {
  Rig rig = make((RigOptions){.rule = "std.blur"});
  static double before[MOST_VALUES], after[MOST_VALUES], expected[MOST_VALUES], found[MOST_VALUES];
  collect(rig.network, false, before);
  int asked[STEPS + 1] = {0};
  double loss = run(rig.network, NULL, STEPS, 0, asked);
  size_t count = collect(rig.network, true, expected);
  collect(rig.network, false, after);
  cr_expect_arr_eq(before, after, count * sizeof *before, "the network is not as it was");
  cr_expect_eq(blur_network_steps(rig.network), 0);
  for (int step = 0; step < STEPS; step++) cr_expect_eq(asked[step], 2); // forward and in reverse
  cr_expect_eq(asked[STEPS], 1);
  BlurStatus status = {0};
  BlurUnroll *all = blur_unroll_create(rig.network, NULL, STEPS, 0, &status);
  BlurUnrollCost cost = blur_unroll_cost(all);
  blur_unroll_destroy(all);
  cr_expect_eq(cost.snapshots, STEPS);
  cr_expect_eq(cost.steps, STEPS);
  size_t each = (cost.bytes - cost.least_bytes) / (STEPS - 1);
  for (int64_t snapshots = 1; snapshots < STEPS; snapshots++) {
    size_t memory = cost.least_bytes + each * (size_t)(snapshots - 1) + each / 2;
    BlurUnroll *unroll = blur_unroll_create(rig.network, NULL, STEPS, memory, &status);
    BlurUnrollCost of = blur_unroll_cost(unroll);
    blur_unroll_destroy(unroll);
    cr_expect_eq(of.snapshots, snapshots);
    cr_expect_leq(of.bytes, memory);
    memset(asked, 0, sizeof asked);
    cr_expect_eq(run(rig.network, NULL, STEPS, memory, asked), loss);
    collect(rig.network, true, found);
    cr_expect_arr_eq(expected, found, count * sizeof *found, "%d snapshots: another gradient", (int)snapshots);
    int forward = -STEPS; // each step is asked for once more, to be reversed
    for (int step = 0; step < STEPS; step++) forward += asked[step];
    cr_expect_eq((double)forward, of.steps, "%d snapshots: %d steps, not %g", (int)snapshots, forward, of.steps);
  }
  cr_expect_null(blur_unroll_create(rig.network, NULL, STEPS, cost.least_bytes - 1, &status));
  char least[32];
  snprintf(least, sizeof least, "%zu", cost.least_bytes);
  cr_expect_eq(status.code, BLUR_FAILED_INPUT);
  cr_expect_not_null(strstr(status.message, least), "%s", status.message);
  rig_close(&rig);
}

#ifndef __SANITIZE_ADDRESS__ // its own memory would be counted
// Kilobytes of /proc/self/status: VmRSS, VmHWM. -1: not told.
static long kilobytes(const char *field) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long found = -1;
  while (file && found < 0 && fgets(line, sizeof line, file))
    if (!strncmp(line, field, strlen(field))) found = strtol(line + strlen(field) + 1, NULL, 10);
  if (file) fclose(file);
  return found;
}

static void keep_batch(void *context, BlurNetwork *network, int64_t step) { (void)context, (void)network, (void)step; }

// What an unroll of 200 steps takes beside the network, as the machine counts it, stays within the budget; a quarter of
// what all snapshots would take.
Test(unroll, resident_memory) {
  static const int64_t units[] = {300, 100, 10};
  Rig rig = rig_open((RigOptions){
      .rule = "std.blur", .layers = 3, .units = units, .batch = 64, .adjoint = true, .seed = 3, .threads = 2});
  BlurStatus status = {0};
  BlurUnroll *all = blur_unroll_create(rig.network, NULL, 200, 0, &status);
  BlurUnrollCost cost = blur_unroll_cost(all);
  blur_unroll_destroy(all);
  size_t budget = cost.least_bytes + (cost.bytes - cost.least_bytes) / 4;
  FILE *file = fopen("/proc/self/clear_refs", "w"); // the peak begins anew
  bool reset = file && fputs("5", file) >= 0 && fclose(file) == 0;
  long before = kilobytes("VmRSS:");
  if (!reset || before < 0) cr_skip("this machine does not tell");
  double loss;
  BlurUnroll *unroll = blur_unroll_create(rig.network, NULL, 200, budget, &status);
  cr_assert_not_null(unroll, "%s", status.message);
  cr_assert(blur_unroll_run(unroll, keep_batch, NULL, &loss, &status), "%s", status.message);
  cost = blur_unroll_cost(unroll);
  long taken = (kilobytes("VmHWM:") - before) * 1024;
  cr_expect(cost.snapshots > 1 && cost.snapshots < 200 && cost.bytes <= budget);
  cr_expect(taken > (long)(cost.bytes / 4), "%ld bytes are too few to have been measured", taken);
  cr_expect(taken <= (long)budget, "%ld bytes, more than %zu", taken, budget);
  blur_unroll_destroy(unroll);
  rig_close(&rig);
}
#endif

Test(unroll, threads_change_nothing) {
  static double expected[MOST_VALUES], found[MOST_VALUES];
  for (int threads = 1; threads <= 3; threads++) {
    Rig rig =
        make((RigOptions){.rule = "std.blur", .settings = {{"k", "3"}}, .batch = BATCH * 1024, .threads = threads});
    run(rig.network, NULL, 2, 0, NULL);
    size_t count = collect(rig.network, true, threads == 1 ? expected : found);
    if (threads > 1) cr_expect_arr_eq(expected, found, count * sizeof *found, "%d threads", threads);
    rig_close(&rig);
  }
}

Test(unroll, no_step) { // the gradient of the query alone, by backpropagation's own step
  Rig rig = make((RigOptions){.rule = "std.backprop", .precision = BLUR_DOUBLE});
  const BlurVariable *w = blur_network_find(rig.network, BLUR_SYNAPSE, "w", 0),
                     *rate = blur_network_find(rig.network, BLUR_GENOME, "lr", -1);
  static double before[MOST_VALUES], after[MOST_VALUES], gradient[MOST_VALUES];
  const double one = 1;
  blur_network_set(rig.network, rate, &one);
  run(rig.network, NULL, 0, 0, NULL);
  blur_network_get_adjoint(rig.network, w, gradient);
  blur_network_get(rig.network, w, before);
  blur_network_step(rig.network);
  blur_network_get(rig.network, w, after);
  for (size_t i = 0; i < blur_variable_count(w); i++)
    cr_expect(fabs(before[i] - after[i] - gradient[i]) < 1e-14, "%zu: %g, not %g", i, gradient[i],
              before[i] - after[i]);
  rig_close(&rig);
}

Test(unroll, query_of_another_size) { // the samples of a batch, four times: the same loss, the same gradient
  Rig rig = make((RigOptions){.rule = "std.momentum", .precision = BLUR_DOUBLE});
  Rig larger = make((RigOptions){.rule = "std.momentum", .precision = BLUR_DOUBLE, .batch = 4 * BATCH});
  static double expected[MOST_VALUES], found[MOST_VALUES];
  double loss = run(rig.network, NULL, 3, 0, NULL);
  size_t count = collect(rig.network, true, expected);
  cr_expect(fabs(run(rig.network, larger.network, 3, 0, NULL) - loss) < 1e-14);
  collect(rig.network, true, found);
  for (size_t i = 0; i < count; i++) cr_expect(fabs(found[i] - expected[i]) < 1e-13, "%zu", i);
  rig_close(&larger);
  rig_close(&rig);
}

// The batch of a query depends on the steps before it alone, not on the length of the unroll, which is `context`.
static void set_batch_of_length(void *context, BlurNetwork *network, int64_t number) {
  int64_t steps = *(const int64_t *)context;
  set_batch(NULL, network, number < steps ? number : 1000 + 2 * steps - number);
}

static double run_objective(BlurNetwork *network, BlurNetwork *query, int64_t steps, int64_t every, int64_t from,
                            size_t memory) {
  BlurStatus status = {0};
  double loss;
  BlurUnroll *unroll = blur_unroll_create(network, query, steps, memory, &status);
  cr_assert_not_null(unroll, "%s", status.message);
  cr_assert(blur_unroll_set_objective(unroll, every, from, &status), "%s", status.message);
  cr_assert(blur_unroll_run(unroll, set_batch_of_length, &steps, &loss, &status), "%s", status.message);
  blur_unroll_destroy(unroll);
  return loss;
}

Test(unroll, mean_of_several_losses) { // after 4, 6 and 8 of 9 steps: the mean of what three unrolls give
  Rig rig = make((RigOptions){.rule = "std.momentum", .precision = BLUR_DOUBLE});
  Rig other = make((RigOptions){.rule = "std.momentum", .precision = BLUR_DOUBLE});
  static double expected[MOST_VALUES], found[MOST_VALUES];
  double loss = 0;
  size_t count = 0;
  for (int64_t steps = 4; steps <= 8; steps += 2) {
    loss += run_objective(rig.network, NULL, steps, 0, 0, 0) / 3;
    count = collect(rig.network, true, found);
    for (size_t i = 0; i < count; i++) expected[i] += found[i] / 3;
  }
  BlurStatus status = {0};
  BlurUnroll *unroll = blur_unroll_create(rig.network, NULL, 9, 0, &status);
  size_t least = blur_unroll_cost(unroll).least_bytes;
  cr_expect_not(blur_unroll_set_objective(unroll, 5, 6, &status), "no multiple of 5 is in 6 .. 9");
  cr_expect_eq(status.code, BLUR_FAILED_USAGE);
  blur_unroll_destroy(unroll);
  for (int way = 0; way < 3; way++) { // all snapshots, one, a network of its own for the queries
    double all = run_objective(rig.network, way == 2 ? other.network : NULL, 9, 2, 3, way == 1 ? least : 0);
    cr_expect(fabs(all - loss) < 1e-14, "%g, not %g", all, loss);
    cr_expect_eq(collect(rig.network, true, found), count);
    for (size_t i = 0; i < count; i++)
      cr_expect(fabs(found[i] - expected[i]) < 1e-14, "%zu: %g, not %g", i, found[i], expected[i]);
  }
  rig_close(&other);
  rig_close(&rig);
}

Test(unroll, adam_on_an_input_that_is_zero) { // the moments stay 0, and sqrt'(0) = 0 by the language
  for (int engine = BLUR_ENGINE_JIT; engine <= BLUR_ENGINE_INTERPRET; engine++)
    for (int precision = BLUR_FLOAT; precision <= BLUR_DOUBLE; precision++) {
      Rig rig =
          make((RigOptions){.rule = "std.adam", .engine = (BlurEngine)engine, .precision = (BlurPrecision)precision});
      double values[MOST_VALUES];
      run(rig.network, NULL, 3, 0, NULL); // fails where a derivative is not finite
      size_t count = collect(rig.network, true, values), zeros = 0;
      for (size_t i = 0; i < count; i++) cr_expect(isfinite(values[i]));
      blur_network_get_adjoint(rig.network, blur_network_find(rig.network, BLUR_SYNAPSE, "w", 0), values);
      for (size_t i = 0; i < 7; i++) zeros += values[7 + i] == 0; // the row of input 1
      cr_expect_eq(zeros, 7);
      rig_close(&rig);
    }
}

Test(unroll, diverges) {
  Rig rig = make((RigOptions){.rule = "std.backprop", .settings = {{"act", "linear"}}});
  BlurStatus status = {0};
  double loss;
  const double rate = 1e30;
  blur_network_set(rig.network, blur_network_find(rig.network, BLUR_GENOME, "lr", -1), &rate);
  BlurUnroll *unroll = blur_unroll_create(rig.network, NULL, 5, 0, &status);
  cr_expect_not(blur_unroll_run(unroll, set_batch, NULL, &loss, &status));
  cr_expect_eq(status.code, BLUR_DIVERGED);
  blur_unroll_destroy(unroll);
  rig_close(&rig);
}

Test(unroll, program_without_derivatives) {
  Rig rig = make((RigOptions){.rule = "std.backprop"});
  static const int64_t units[] = {INPUTS, 7, OUTPUTS};
  BlurOptions options = {.layers = 3, .units = units, .batch = BATCH, .no_cache = true};
  BlurStatus status = {0};
  BlurProgram *program = blur_compile(rig.rule, &options, rig.report);
  BlurNetwork *network = blur_network_create(program, rig.pool, 1, &status);
  cr_expect_not(blur_program_has_adjoint(program));
  cr_expect(blur_program_has_adjoint(rig.program));
  cr_expect_null(blur_unroll_create(network, NULL, 1, 0, &status));
  cr_expect_eq(status.code, BLUR_FAILED_INPUT);
  blur_network_destroy(network);
  blur_program_destroy(program);
  rig_close(&rig);
}
