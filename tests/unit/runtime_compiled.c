// The same of compiled programs: float bits that depend neither on threads nor on a pause on disk, initial values that
// depend neither on layout nor on precision, and files of networks with dead states.
#include "tests/unit/training.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUTS = 40, SAMPLES = 300, CHECKS = 100 };
static const int64_t units[] = {INPUTS, 48, 32,
                                3}; // about 1.5 million operations a step: enough to share among threads

// Three directions of which one is longest in each sample.
static BlurData *directions(void) {
  static float x[SAMPLES * INPUTS];
  static uint8_t labels[SAMPLES];
  for (int s = 0; s < SAMPLES; s++) {
    labels[s] = (uint8_t)(s * 7 % 3);
    for (int i = 0; i < INPUTS; i++)
      x[s * INPUTS + i] = (float)(cos(1.7 * (labels[s] + 1) * i) + 0.5 * cos(0.3 * s * (i + 1)));
  }
  BlurData *data = blur_data_create(INPUTS, 3, SAMPLES, x, labels, CHECKS, x + INPUTS * 50, labels + 50, NULL);
  cr_assert(data);
  return data;
}

typedef struct {
  Rig rig;
  BlurData *data;
  BlurTraining *training;
} Run;

static Run run_open(const char *rule, BlurEngine engine, int threads, uint64_t seed) {
  RigOptions options = {.rule = rule,
                        .layers = 4,
                        .units = units,
                        .batch = 64,
                        .engine = engine,
                        .precision = engine == BLUR_ENGINE_JIT ? BLUR_FLOAT : BLUR_DOUBLE,
                        .loss = BLUR_LOSS_CROSS_ENTROPY,
                        .threads = threads,
                        .seed = seed};
  Run run = {.rig = rig_open(options), .data = directions()};
  BlurStatus status;
  run.training = blur_training_create(run.rig.network, run.data, options.loss, seed, &status);
  cr_assert(run.training, "%s", status.message);
  return run;
}

static void run_close(Run *run) {
  blur_training_destroy(run->training);
  rig_close(&run->rig);
  blur_data_destroy(run->data);
}

static void train(Run *run, int64_t steps) {
  BlurStatus status;
  cr_assert(blur_training_run(run->training, steps, &status), "%s", status.message);
}

static BlurEvaluation evaluate(Run *run) {
  BlurEvaluation evaluation;
  BlurStatus status;
  cr_assert(blur_training_evaluate(run->training, BLUR_TEST, &evaluation, &status), "%s", status.message);
  return evaluation;
}

// The largest difference between all synapses of two networks of one rule, relative to the largest of each; 0 only for
// equal numbers.
static double difference(const Run *a, const Run *b) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(a->rig.program, &variables), compared = 0;
  double largest = 0;
  for (size_t i = 0; i < count; i++) {
    if (variables[i].kind != BLUR_SYNAPSE || blur_variable_has_dead_states(&variables[i])) continue;
    size_t numbers, other;
    double *left = values_of(&a->rig, BLUR_SYNAPSE, variables[i].name, variables[i].layer, &numbers),
           *right = values_of(&b->rig, BLUR_SYNAPSE, variables[i].name, variables[i].layer, &other), scale = 0,
           apart = 0;
    cr_assert_eq(numbers, other);
    for (size_t j = 0; j < numbers; j++) {
      cr_assert(isfinite(left[j]) && isfinite(right[j]));
      scale = fmax(scale, fabs(left[j]));
      apart = fmax(apart, fabs(left[j] - right[j]));
    }
    if (apart > 0) largest = fmax(largest, apart / scale);
    compared += numbers;
    free(left);
    free(right);
  }
  cr_assert(compared > 3000, "%zu", compared);
  return largest;
}

Test(compiled, initial_values_depend_on_neither_layout_nor_precision) {
  Run narrow = run_open("std.blur", BLUR_ENGINE_JIT, 1, 5), wide = run_open("std.blur", BLUR_ENGINE_INTERPRET, 2, 5);
  cr_assert(difference(&narrow, &wide) < 6.0e-8); // half a unit of float's last place
  run_close(&narrow);
  run_close(&wide);
}

Test(compiled, learns_as_the_interpreter_does) {
  Run narrow = run_open("std.adam", BLUR_ENGINE_JIT, 2, 5), wide = run_open("std.adam", BLUR_ENGINE_INTERPRET, 1, 5);
  BlurEvaluation before = evaluate(&narrow);
  train(&narrow, 20);
  train(&wide, 20);
  BlurEvaluation after = evaluate(&narrow), reference = evaluate(&wide);
  cr_assert_float_eq(after.loss, reference.loss, 1e-4);
  cr_assert(after.loss < before.loss - 0.1, "%g, %g", before.loss, after.loss);
  run_close(&narrow);
  run_close(&wide);
}

static void check_threads(const char *rule) {
  Run one = run_open(rule, BLUR_ENGINE_JIT, 1, 5);
  train(&one, 60);
  for (int threads = 2; threads <= 3; threads++) {
    Run more = run_open(rule, BLUR_ENGINE_JIT, threads, 5);
    for (int i = 0; i < 6; i++) {
      train(&more, 10);
      evaluate(&more);
    }
    cr_assert_eq(difference(&one, &more), 0, "%d threads", threads);
    run_close(&more);
  }
  Run other = run_open(rule, BLUR_ENGINE_JIT, 1, 6);
  train(&other, 60);
  cr_assert(difference(&one, &other) > 0.01);
  run_close(&one);
  run_close(&other);
}

Test(compiled, any_number_of_threads_gives_the_same_bits) { check_threads("std.adam"); }
Test(compiled, any_number_of_threads_gives_the_same_bits_of_blur) { check_threads("std.blur_symmetric_single"); }

static char saved_path[] = "/tmp/blur-saved-XXXXXX";
static void make_path(void) { cr_assert(close(mkstemp(saved_path)) == 0); }
static void remove_path(void) { unlink(saved_path); }

// adam has the step counter in its equations and two more synapse variables; blur has dead states.
static void check_halves(const char *rule) {
  Run whole = run_open(rule, BLUR_ENGINE_JIT, 2, 5);
  train(&whole, 100);
  Run first = run_open(rule, BLUR_ENGINE_JIT, 2, 5);
  train(&first, 50);
  BlurStatus status;
  cr_assert(blur_network_save(first.rig.network, first.training, rule, saved_path, &status), "%s", status.message);
  BlurSaved *saved = blur_saved_open(saved_path, &status);
  cr_assert(saved, "%s", status.message);
  cr_assert_eq(blur_saved_info(saved)->precision, BLUR_FLOAT);
  Run second = run_open(rule, BLUR_ENGINE_JIT, 1, 17);
  cr_assert(blur_saved_restore(saved, second.rig.network, second.training, &status), "%s", status.message);
  cr_assert_eq(difference(&first, &second), 0);
  train(&second, 50);
  cr_assert_eq(difference(&whole, &second), 0);
  blur_saved_close(saved);
  run_close(&whole);
  run_close(&first);
  run_close(&second);
}

Test(compiled, a_hundred_steps_are_fifty_and_fifty_of_adam, .init = make_path, .fini = remove_path) {
  check_halves("std.adam");
}

Test(compiled, a_hundred_steps_are_fifty_and_fifty_of_blur, .init = make_path, .fini = remove_path) {
  check_halves("std.blur_symmetric_single");
}

// v of the lowest layer is never read (nothing is below it to tell): the file leaves it out, and it can be restored
// into a network where everything is live.
Test(compiled, dead_variables_are_left_out, .init = make_path, .fini = remove_path) {
  Run run = run_open("std.blur", BLUR_ENGINE_JIT, 1, 5);
  const BlurVariable *lowest = blur_network_find(run.rig.network, BLUR_SYNAPSE, "v", 0),
                     *next = blur_network_find(run.rig.network, BLUR_SYNAPSE, "v", 1);
  cr_assert(lowest && blur_variable_is_dead(lowest));
  cr_assert(next && !blur_variable_is_dead(next));
  BlurStatus status;
  cr_assert(blur_network_save(run.rig.network, run.training, "std.blur", saved_path, &status), "%s", status.message);
  struct stat about;
  cr_assert_eq(stat(saved_path, &about), 0);
  size_t numbers = 0, count;
  const BlurVariable *variables;
  count = blur_program_variables(run.rig.program, &variables);
  for (size_t i = 0; i < count; i++)
    if ((variables[i].kind == BLUR_SYNAPSE || variables[i].kind == BLUR_GENOME) &&
        !blur_variable_is_dead(&variables[i]))
      numbers += blur_variable_count(&variables[i]);
  cr_assert(about.st_size >= (off_t)(4 * numbers) && about.st_size < (off_t)(4 * numbers + 12000), "%lld, %zu numbers",
            (long long)about.st_size, numbers);
  RigOptions live = {.rule = "std.blur",
                     .layers = 4,
                     .units = units,
                     .batch = 64,
                     .engine = BLUR_ENGINE_INTERPRET,
                     .precision = BLUR_DOUBLE,
                     .all_live = true,
                     .seed = 5};
  Rig all = rig_open(live);
  cr_assert_not(blur_variable_is_dead(blur_network_find(all.network, BLUR_SYNAPSE, "v", 0)));
  BlurSaved *saved = blur_saved_open(saved_path, &status);
  cr_assert(saved && blur_saved_restore(saved, all.network, NULL, &status), "%s", status.message);
  blur_saved_close(saved);
  rig_close(&all);
  run_close(&run);
}
