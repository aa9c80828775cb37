// Training by the interpreter: it learns, its bits do not depend on evaluations, pauses and threads, its batches are
// the shuffles in order, an evaluation counts each sample once, and divergence is reported at the step where it begins.
#include "tests/unit/training.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static const int64_t small_net[] = {2, 6, 3}, line_net[] = {1, 1};

// Three clouds of points around (0, 1), (1, -1), (-1, -1), without noise that a test would need: on small circles.
static BlurData *clouds(void) {
  enum { TRAIN = 45, CHECK = 21 };
  float x[2][TRAIN * 2];
  uint8_t labels[2][TRAIN];
  static const double centres[3][2] = {{0, 1}, {1, -1}, {-1, -1}};
  for (int part = 0; part < 2; part++) {
    for (int i = 0; i < (part ? CHECK : TRAIN); i++) {
      double angle = 2.4 * i + part;
      labels[part][i] = (uint8_t)(i % 3);
      x[part][2 * i] = (float)(centres[i % 3][0] + 0.4 * cos(angle));
      x[part][2 * i + 1] = (float)(centres[i % 3][1] + 0.4 * sin(angle));
    }
  }
  BlurData *data = blur_data_create(2, 3, TRAIN, x[0], labels[0], CHECK, x[1], labels[1], NULL);
  cr_assert(data);
  return data;
}

typedef struct {
  Rig rig;
  BlurData *data;
  BlurTraining *training;
} Run;

static RigOptions backprop_options(uint64_t seed, int threads) {
  return (RigOptions){.rule = "std.backprop",
                      .settings = {{"act", "tanh"}, {"lr", "0.5"}},
                      .layers = 3,
                      .units = small_net,
                      .batch = 8,
                      .engine = BLUR_ENGINE_INTERPRET,
                      .precision = BLUR_DOUBLE,
                      .loss = BLUR_LOSS_CROSS_ENTROPY,
                      .threads = threads,
                      .seed = seed};
}

static Run run_open(RigOptions options, BlurData *data) {
  Run run = {.rig = rig_open(options), .data = data};
  BlurStatus status;
  run.training = blur_training_create(run.rig.network, data, options.loss, options.seed, &status);
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

static BlurEvaluation evaluate(Run *run, BlurPart part) {
  BlurEvaluation evaluation;
  BlurStatus status;
  cr_assert(blur_training_evaluate(run->training, part, &evaluation, &status), "%s", status.message);
  return evaluation;
}

static bool same_network(const Run *a, const Run *b) {
  for (int layer = 0; layer < 2; layer++) {
    size_t count, other;
    double *left = values_of(&a->rig, BLUR_SYNAPSE, "w", layer, &count),
           *right = values_of(&b->rig, BLUR_SYNAPSE, "w", layer, &other);
    bool same = count == other && memcmp(left, right, count * sizeof *left) == 0;
    free(left);
    free(right);
    if (!same) return false;
  }
  return true;
}

// Step by step on what blur_training_show gives, in another order too: the same bits as the training itself.
Test(training, shows_its_batches) {
  Run run = run_open(backprop_options(3, 1), clouds()), shown = run_open(backprop_options(3, 1), clouds());
  train(&run, 12); // past the first shuffle: 45 samples, 8 a step
  for (int64_t step = 0; step < 12; step++) {
    blur_training_show(shown.training, 11 - step);
    blur_training_show(shown.training, step);
    blur_network_step(shown.rig.network);
  }
  cr_assert(same_network(&run, &shown));
  cr_assert_eq(blur_training_position(shown.training), 0);
  run_close(&shown);
  run_close(&run);
}

Test(training, learns) {
  Run run = run_open(backprop_options(3, 1), clouds());
  BlurEvaluation before = evaluate(&run, BLUR_TEST);
  train(&run, 200);
  BlurEvaluation after = evaluate(&run, BLUR_TEST), known = evaluate(&run, BLUR_TRAIN);
  cr_assert(after.loss < before.loss / 4, "%g, %g", before.loss, after.loss);
  cr_assert_eq(after.accuracy, 1);
  cr_assert_eq(known.accuracy, 1);
  cr_assert(after.samples == 21 && known.samples == 45 && after.step == 200);
  cr_assert_float_eq(after.epoch, 200 * 8 / 45.0, 1e-12);
  run_close(&run);
}

Test(training, same_bits_with_pauses_evaluations_and_threads) {
  Run whole = run_open(backprop_options(3, 1), clouds());
  train(&whole, 100);
  Run parts = run_open(backprop_options(3, 2), clouds());
  for (int i = 0; i < 10; i++) {
    train(&parts, 10);
    evaluate(&parts, i % 2 ? BLUR_TRAIN : BLUR_TEST);
  }
  cr_assert(same_network(&whole, &parts));
  Run other = run_open(backprop_options(4, 1), clouds());
  train(&other, 100);
  cr_assert_not(same_network(&whole, &other));
  // The same initial synapses, other shuffles.
  cr_assert(blur_network_reset(other.rig.network, 3, NULL));
  train(&other, 100);
  cr_assert_not(same_network(&whole, &other));
  run_close(&whole);
  run_close(&parts);
  run_close(&other);
}

static char saved_path[] = "/tmp/blur-saved-XXXXXX";
static void make_path(void) { cr_assert(close(mkstemp(saved_path)) == 0); }
static void remove_path(void) { unlink(saved_path); }

static BlurSaved *open_saved(void) {
  BlurStatus status;
  BlurSaved *saved = blur_saved_open(saved_path, &status);
  cr_assert(saved, "%s", status.message);
  return saved;
}

Test(training, a_hundred_steps_are_fifty_and_fifty, .init = make_path, .fini = remove_path) {
  Run whole = run_open(backprop_options(3, 1), clouds());
  train(&whole, 100);
  Run first = run_open(backprop_options(3, 1), clouds());
  train(&first, 50);
  BlurStatus status;
  cr_assert(blur_network_save(first.rig.network, first.training, "std.backprop", saved_path, &status), "%s",
            status.message);
  Run second = run_open(backprop_options(99, 1), clouds()); // another seed: all that matters is in the file
  BlurSaved *saved = open_saved();
  const BlurSavedInfo *info = blur_saved_info(saved);
  cr_assert_str_eq(info->rule, "std.backprop");
  cr_assert(info->layers == 3 && info->units[0] == 2 && info->units[1] == 6 && info->units[2] == 3);
  cr_assert(info->batch == 8 && info->steps == 50 && info->position == 400 && info->seed == 3);
  cr_assert(info->precision == BLUR_DOUBLE && info->loss == BLUR_LOSS_CROSS_ENTROPY);
  cr_assert(blur_saved_restore(saved, second.rig.network, second.training, &status), "%s", status.message);
  blur_saved_close(saved);
  cr_assert(same_network(&first, &second));
  train(&second, 50);
  cr_assert(same_network(&whole, &second));
  cr_assert_eq(blur_network_steps(second.rig.network), 100);
  run_close(&whole);
  run_close(&first);
  run_close(&second);
}

Test(training, what_does_not_fit_is_not_restored, .init = make_path, .fini = remove_path) {
  Run run = run_open(backprop_options(3, 1), clouds());
  BlurStatus status;
  cr_assert(blur_network_save(run.rig.network, run.training, "std.backprop", saved_path, &status));
  BlurSaved *saved = open_saved();
  RigOptions options = backprop_options(3, 1);
  options.units = (int64_t[]){2, 7, 3};
  Rig wider = rig_open(options);
  cr_assert_not(blur_saved_restore(saved, wider.network, NULL, &status));
  cr_assert(strstr(status.message, "synapse.w.0") && strstr(status.message, "extents"), "%s", status.message);
  options = backprop_options(3, 1);
  options.rule = "std.momentum";
  Rig momentum = rig_open(options);
  cr_assert_not(blur_saved_restore(saved, momentum.network, NULL, &status));
  cr_assert(strstr(status.message, "lacks"), "%s", status.message);
  blur_saved_close(saved);
  cr_assert(blur_network_save(momentum.network, NULL, "std.momentum", saved_path, &status));
  saved = open_saved();
  cr_assert_not(blur_saved_restore(saved, run.rig.network, NULL, &status));
  cr_assert(strstr(status.message, "std.momentum"), "%s", status.message);
  blur_saved_close(saved);
  rig_close(&wider);
  rig_close(&momentum);
  run_close(&run);
}

Test(training, any_changed_bit_is_seen, .init = make_path, .fini = remove_path) {
  Run run = run_open(backprop_options(3, 1), clouds());
  BlurStatus status;
  cr_assert(blur_network_save(run.rig.network, run.training, "std.backprop", saved_path, &status));
  unsigned char bytes[8192];
  FILE *file = fopen(saved_path, "rb");
  size_t length = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  cr_assert(length < sizeof bytes);
  // Any bit, wherever it is; and any end.
  int out = open(saved_path, O_WRONLY);
  for (size_t bit = 0; bit < 8 * length; bit++) {
    unsigned char changed = (unsigned char)(bytes[bit / 8] ^ 1 << bit % 8);
    cr_assert_eq(pwrite(out, &changed, 1, (off_t)(bit / 8)), 1);
    cr_assert_null(blur_saved_open(saved_path, &status), "bit %zu of byte %zu", bit % 8, bit / 8);
    cr_assert(status.code == BLUR_FAILED_INPUT && strstr(status.message, saved_path), "%s", status.message);
    cr_assert_eq(pwrite(out, &bytes[bit / 8], 1, (off_t)(bit / 8)), 1);
  }
  blur_saved_close(open_saved());
  for (size_t cut = length; cut-- > 0;) {
    cr_assert_eq(ftruncate(out, (off_t)cut), 0);
    cr_assert_null(blur_saved_open(saved_path, &status), "cut to %zu bytes", cut);
    cr_assert(status.code == BLUR_FAILED_INPUT && strstr(status.message, saved_path), "%s", status.message);
  }
  close(out);
  cr_assert_null(blur_saved_open("/absent/file", &status));
  cr_assert_eq(status.code, BLUR_FAILED_ENVIRONMENT);
  cr_assert_null(blur_saved_open(SOURCE_DIR "/tests/unit/data/arrays.npz", &status));
  cr_assert(strstr(status.message, "no saved network"), "%s", status.message);
  run_close(&run);
}

static BlurData *numbers(int64_t count, int64_t tests) {
  float x[64];
  uint8_t labels[64];
  for (int i = 0; i < 64; i++) {
    x[i] = (float)i;
    labels[i] = i >= 3;
  }
  BlurData *data = blur_data_create(1, 2, count, x, labels, tests, x, labels, NULL);
  cr_assert(data);
  return data;
}

static RigOptions line_options(void) {
  RigOptions options = backprop_options(11, 1);
  options.settings[1].value = "0.0000001";
  options.layers = 2;
  options.units = line_net;
  options.batch = 4;
  options.loss = BLUR_LOSS_SQUARED_ERROR;
  return options;
}

// Each sample's x is its number: the batches, one after the other, are shuffles 0, 1, 2 of the seed.
Test(training, batches_wrap_into_the_next_shuffle) {
  Run run = run_open(line_options(), numbers(10, 0));
  int seen[3][10] = {{0}};
  double drawn[28];
  for (int step = 0; step < 7; step++) {
    train(&run, 1);
    blur_network_get(run.rig.network, blur_network_find(run.rig.network, BLUR_X, NULL, -1), drawn + 4 * step);
  }
  for (int i = 0; i < 28; i++) seen[i / 10][(int)drawn[i]]++;
  for (int i = 0; i < 10; i++) cr_assert(seen[0][i] == 1 && seen[1][i] == 1 && seen[2][i] <= 1);
  cr_assert(memcmp(drawn, drawn + 10, 10 * sizeof *drawn) != 0);
  cr_assert_eq(blur_training_position(run.training), 28);
  run_close(&run);
}

// With h = x - 2.5 on x = 0..6 and y = -1 below 3, else 1: by hand. 7 samples in batches of 4.
Test(training, an_evaluation_counts_each_sample_once) {
  Run run = run_open(line_options(), numbers(10, 7));
  blur_network_set(run.rig.network, blur_network_find(run.rig.network, BLUR_SYNAPSE, "w", 0), (double[]){1, -2.5});
  BlurEvaluation evaluation = evaluate(&run, BLUR_TEST);
  double loss = 0;
  for (int i = 0; i < 7; i++) loss += pow(i - 2.5 - (i < 3 ? -1 : 1), 2) / 7;
  cr_assert_float_eq(evaluation.loss, loss, 1e-14);
  cr_assert_eq(evaluation.accuracy, 1);
  cr_assert_eq(evaluation.samples, 7);
  blur_network_set(run.rig.network, blur_network_find(run.rig.network, BLUR_SYNAPSE, "w", 0), (double[]){1, -4.5});
  cr_assert_float_eq(evaluate(&run, BLUR_TEST).accuracy, 5 / 7.0, 1e-15); // 3 and 4 are wrong
  run_close(&run);
}

// Gradient descent on a line with too large a rate grows without bound: the step told is the one that a look after
// every single step finds.
Test(training, divergence_is_reported_where_it_begins) {
  RigOptions options = line_options();
  options.settings[1].value = "9.9";
  Run single = run_open(options, numbers(10, 3));
  int64_t first = 0;
  while (first < 5000 && blur_network_is_finite(single.rig.network, NULL)) {
    blur_training_run(single.training, 1, NULL);
    first++;
  }
  cr_assert(first > 64 && first < 5000, "%lld", (long long)first);
  Run run = run_open(options, numbers(10, 3));
  BlurStatus status = {0};
  cr_assert_not(blur_training_run(run.training, 5000, &status));
  cr_assert_eq(status.code, BLUR_DIVERGED);
  char expected[64];
  snprintf(expected, sizeof expected, "after step %lld,", (long long)first);
  cr_assert(strstr(status.message, expected) && strstr(status.message, "`w`"), "%s (%s)", status.message, expected);
  cr_assert_eq(blur_network_steps(run.rig.network), first);
  cr_assert_eq(blur_training_position(run.training), 4 * first);
  cr_assert_not(blur_training_run(run.training, 1, &status)); // it stays so
  run_close(&single);
  run_close(&run);
}

// Finite synapses, predictions beyond the largest double.
Test(training, predictions_that_are_not_finite) {
  Run run = run_open(line_options(), numbers(10, 7));
  blur_network_set(run.rig.network, blur_network_find(run.rig.network, BLUR_SYNAPSE, "w", 0), (double[]){1e308, 0});
  BlurEvaluation evaluation;
  BlurStatus status;
  cr_assert_not(blur_training_evaluate(run.training, BLUR_TEST, &evaluation, &status));
  cr_assert(status.code == BLUR_DIVERGED && strstr(status.message, "predictions"), "%s", status.message);
  run_close(&run);
}

Test(training, an_interrupt_ends_it) {
  Run run = run_open(backprop_options(3, 1), clouds());
  train(&run, 5);
  blur_training_interrupt(run.training);
  train(&run, 1000000000000);
  cr_assert_eq(blur_network_steps(run.rig.network), 5);
  cr_assert(blur_training_interrupted(run.training));
  run_close(&run);
}

Test(training, network_and_data_must_fit) {
  BlurStatus status;
  BlurData *data = clouds();
  const struct {
    int64_t units[3];
    const char *message;
  } cases[] = {{{3, 4, 3}, "3 inputs"}, {{2, 4, 2}, "2 outputs"}};
  for (int i = 0; i < 2; i++) {
    RigOptions options = backprop_options(0, 1);
    options.units = cases[i].units;
    Rig rig = rig_open(options);
    cr_assert_null(blur_training_create(rig.network, data, BLUR_LOSS_CROSS_ENTROPY, 0, &status));
    cr_assert(status.code == BLUR_FAILED_INPUT && strstr(status.message, cases[i].message), "%s", status.message);
    rig_close(&rig);
  }
  blur_data_destroy(data);
}
