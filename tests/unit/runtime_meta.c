// Meta-learning: a meta-step goes by the gradient that differences of its objective give; optimizers by their formulas;
// threads change nothing; genomes improve, stay within their ranges, are kept when a run diverges.
#include "meta_bench.h"
#include "runtime/meta/optimizer.h"
#include "runtime/meta/stream.h"

#include <math.h>
#include <string.h>

enum { MOST = 64 };

static BlurMeta *make(Bench *bench, int threads, void (*watch)(void *context, const BlurMetaEvent *event),
                      void *context) {
  BlurStatus status = {0};
  bench->setup = (BlurMetaSetup){.options = &bench->options,
                                 .tasks = 2,
                                 .task = bench->task,
                                 .start = bench->rig.network,
                                 .seed = 5,
                                 .threads = threads,
                                 .watch = watch,
                                 .context = context};
  BlurMeta *meta = blur_meta_create(&bench->setup, &status);
  cr_assert_not_null(meta, "%s", status.message);
  return meta;
}

static void keep_loss(void *context, const BlurMetaEvent *event) {
  if (event->kind == BLUR_META_CHECKED && event->step > 0) *(double *)context = event->member[0].loss;
}

// The objective of the first meta-step, with one genome value put to `value`; `genome` becomes what the step made of
// it.
static double objective(Bench *bench, const char *name, double value, double *genome) {
  const BlurVariable *variable = blur_network_find(bench->rig.network, BLUR_GENOME, name, -1);
  double before, loss = NAN;
  blur_network_get(bench->rig.network, variable, &before);
  blur_network_set(bench->rig.network, variable, &value);
  BlurMeta *meta = make(bench, 1, keep_loss, &loss);
  BlurStatus status = {0};
  cr_assert(blur_meta_run(meta, &status), "%s", status.message);
  if (genome) {
    Rig *rig = &bench->rig;
    blur_meta_to_network(meta, blur_meta_genome(meta, 0), rig->network);
    blur_network_get(rig->network, variable, genome);
  }
  blur_network_set(bench->rig.network, variable, &before);
  blur_meta_destroy(meta);
  return loss;
}

static void step_by_differences(Bench *bench, const char *name, double value, bool logarithmic) {
  double moved, h = 1e-4 * value;
  objective(bench, name, value, &moved);
  // Where the values were reset from the moved ones, the others are as they were moved: start anew.
  blur_network_reset(bench->rig.network, 0, NULL);
  double slope = (objective(bench, name, value + h, NULL) - objective(bench, name, value - h, NULL)) / (2 * h);
  double expected =
      logarithmic ? value * exp(-bench->options.rate * value * slope) : value - bench->options.rate * slope;
  cr_expect(fabs(slope) > 1e-4, "%s: nothing to be seen", name);
  cr_expect(fabs(moved - expected) < 1e-6 * fabs(value), "%s: %.12g, by differences %.12g", name, moved, expected);
}

Test(meta, a_step_goes_by_the_gradient) {
  Bench bench = bench_open("std.momentum", (BlurSetting){NULL, NULL}, BLUR_DOUBLE);
  step_by_differences(&bench, "lr", 0.3, true);
  step_by_differences(&bench, "beta", 0.5, false);
  bench.options.at_every = 1; // the mean of the losses after steps 2 and 3
  bench.options.at_from = 2;
  step_by_differences(&bench, "lr", 0.3, true);
  bench.options.on_train = true;
  step_by_differences(&bench, "lr", 0.3, true);
  bench_close(&bench);
}

// A genome value that initial synapses are made of.
Test(meta, through_initial_values) {
  char *path = rule_file("rule scaled like std.backprop {\n  genome scale = 0.5\n"
                         "  synapse w bias ~ normal(0, scale)\n}\n");
  Bench bench = bench_open(path, (BlurSetting){"act", "tanh"}, BLUR_DOUBLE);
  step_by_differences(&bench, "scale", 0.5, false);
  bench_close(&bench);
  unlink(path);
  free(path);
}

Test(meta, threads_change_nothing) {
  double expected[MOST] = {0};
  size_t bytes = 0;
  for (int threads = 1; threads <= 3; threads++) {
    Bench bench = bench_open("std.blur", (BlurSetting){NULL, NULL}, BLUR_FLOAT);
    bench.options.steps = 6;
    bench.options.every = 3;
    bench.options.population = 2;
    bench.options.optimizer = BLUR_META_ADAM;
    bench.options.clip = 1;
    bench.options.rate = 0.01;
    BlurMeta *meta = make(&bench, threads, NULL, NULL);
    bytes = blur_meta_cost(meta).genome * sizeof(double);
    cr_assert_leq(bytes, sizeof expected);
    BlurStatus status = {0};
    cr_assert(blur_meta_run(meta, &status), "%s", status.message);
    if (threads == 1) memcpy(expected, blur_meta_genome(meta, 1), bytes);
    else cr_expect_arr_eq(blur_meta_genome(meta, 1), expected, bytes, "%d threads", threads);
    blur_meta_destroy(meta);
    bench_close(&bench);
  }
}

// ---- going on

enum { WHOLE = 8 };

typedef struct {
  double genomes[2][MOST], best[MOST], score, losses[2 * WHOLE];
  int checks;
} Ending;

static void keep_losses(void *context, const BlurMetaEvent *event) {
  Ending *ending = context;
  if (event->kind != BLUR_META_CHECKED) return;
  for (int m = 0; m < 2; m++) ending->losses[2 * ending->checks + m] = event->member[m].loss;
  ending->checks++;
}

// A run up to `stop` (0: all of it), from the beginning or from a checkpoint; its state goes into `out`.
static void part(Bench *bench, int64_t stop, const BlurCheckpoint *from, BlurCheckpoint *out, Ending *ending) {
  BlurStatus status = {0};
  BlurMeta *meta = make(bench, 2, keep_losses, ending);
  blur_meta_destroy(meta);
  bench->setup.stop = stop;
  meta = blur_meta_create(&bench->setup, &status);
  cr_assert(meta && (!from || blur_meta_take(meta, from, &status)), "%s", status.message);
  cr_assert(blur_meta_run(meta, &status), "%s", status.message);
  if (out) cr_assert(blur_meta_put(meta, out, &status), "%s", status.message);
  size_t bytes = blur_meta_cost(meta).genome * sizeof(double);
  cr_assert_leq(bytes, sizeof ending->best);
  for (size_t m = 0; m < 2; m++) memcpy(ending->genomes[m], blur_meta_genome(meta, m), bytes);
  memcpy(ending->best, blur_meta_best(meta).genome, bytes);
  ending->score = blur_meta_best(meta).score;
  blur_meta_destroy(meta);
}

// Whenever a run stops, what goes on from there comes to the same bits: across checks, and where the unroll grows.
static void goes_on(BlurMetaOptimizer optimizer, BlurMetaGradient gradient) {
  Bench bench = bench_open("std.momentum", (BlurSetting){"act", "tanh"}, BLUR_FLOAT);
  bench.options.optimizer = optimizer;
  bench.options.gradient = gradient;
  bench.options.deviation = 0.01;
  bench.options.pairs = 2;
  bench.options.window = 2;
  bench.options.at_every = gradient != BLUR_META_ADJOINT;
  bench.options.rate = 0.05;
  bench.options.clip = 1;
  bench.options.steps = WHOLE;
  bench.options.every = 3;
  bench.options.population = 2;
  bench.options.unroll_last = 5;
  bench.options.unroll_by = 2;
  bench.options.unroll_every = 4;
  bench.options.schedule = BLUR_META_COSINE;
  bench.options.last = 0.5;
  Ending whole = {0};
  part(&bench, 0, NULL, NULL, &whole);
  cr_expect_eq(whole.checks, 5); // 0, 3, 4, 6, 8
  for (int64_t stop = 1; stop < WHOLE; stop++) {
    Ending split = {0};
    BlurCheckpoint *checkpoint = blur_checkpoint_create();
    part(&bench, stop, NULL, checkpoint, &split);
    cr_expect_arr_neq(split.genomes, whole.genomes, sizeof split.genomes, "stop %d", (int)stop);
    part(&bench, 0, checkpoint, NULL, &split);
    cr_expect_arr_eq(split.genomes, whole.genomes, sizeof split.genomes, "stop %d", (int)stop);
    cr_expect_arr_eq(split.best, whole.best, sizeof split.best, "stop %d", (int)stop);
    cr_expect_arr_eq(split.losses, whole.losses, sizeof split.losses, "stop %d", (int)stop);
    cr_expect_eq(split.score, whole.score);
    blur_checkpoint_destroy(checkpoint);
  }
  bench_close(&bench);
}

Test(meta, adam_goes_on) { goes_on(BLUR_META_ADAM, BLUR_META_ADJOINT); }
Test(meta, rmsprop_goes_on) { goes_on(BLUR_META_RMSPROP, BLUR_META_ADJOINT); }
Test(meta, sgd_goes_on) { goes_on(BLUR_META_SGD, BLUR_META_ADJOINT); }
Test(meta, es_goes_on) { goes_on(BLUR_META_ADAM, BLUR_META_ES); }
Test(meta, pes_goes_on) { goes_on(BLUR_META_ADAM, BLUR_META_PES); }
Test(meta, nres_goes_on) { goes_on(BLUR_META_ADAM, BLUR_META_NRES); }

// A checkpoint of more meta-steps than the run has, and one of another size, are refused.
Test(meta, does_not_go_on) {
  Bench bench = bench_open("std.momentum", (BlurSetting){"act", "tanh"}, BLUR_FLOAT);
  bench.options.steps = 3;
  bench.options.population = 2;
  Ending ending = {0};
  BlurCheckpoint *checkpoint = blur_checkpoint_create();
  part(&bench, 0, NULL, checkpoint, &ending);
  bench.setup.stop = 0;
  for (int wrong = 0; wrong < 2; wrong++) {
    bench.options.steps = wrong ? 3 : 2;
    bench.options.population = wrong ? 3 : 2;
    BlurStatus status = {0};
    BlurMeta *meta = blur_meta_create(&bench.setup, &status);
    cr_expect_not(blur_meta_take(meta, checkpoint, &status));
    cr_expect_not_null(strstr(status.message, wrong ? "2 x 2 numbers in `meta.genomes`, not 3 x 2"
                                                    : "is of meta-step 3, and this run ends at 2"),
                       "%s", status.message);
    blur_meta_destroy(meta);
  }
  blur_checkpoint_destroy(checkpoint);
  bench_close(&bench);
}

// ---- a whole run

typedef struct {
  int stepped, checked, longer, tested;
  double first_loss, last_loss, tested_score;
} Seen;

static void see(void *context, const BlurMetaEvent *event) {
  Seen *seen = context;
  if (event->kind == BLUR_META_STEPPED) seen->stepped++;
  if (event->kind == BLUR_META_LONGER) seen->longer++;
  if (event->kind == BLUR_META_TESTED) {
    seen->tested++;
    seen->tested_score = event->score[0];
  }
  if (event->kind != BLUR_META_CHECKED) return;
  if (seen->checked == 1) seen->first_loss = event->member[0].loss;
  seen->last_loss = event->member[0].loss;
  seen->checked++;
}

// A rate that is far too small rises, and the loss falls; the unroll grows; the best genome is tested; ranges hold.
Test(meta, learns) {
  Bench bench = bench_open("std.backprop", (BlurSetting){"act", "tanh"}, BLUR_FLOAT);
  const BlurVariable *rate = blur_network_find(bench.rig.network, BLUR_GENOME, "lr", -1);
  double value = 1e-3;
  blur_network_set(bench.rig.network, rate, &value);
  bench.options.optimizer = BLUR_META_ADAM;
  bench.options.rate = 0.1;
  bench.options.steps = 100;
  bench.options.every = 20;
  bench.options.population = 2;
  bench.options.unroll_last = 6;
  bench.options.unroll_by = 2;
  bench.options.unroll_every = 30;
  Seen seen = {0};
  BlurMetaTest test = {.tasks = 1, .task = bench.task, .steps = 30, .networks = 1};
  BlurMeta *meta = make(&bench, 2, see, &seen);
  blur_meta_destroy(meta);
  bench.setup.tests = 1;
  bench.setup.test = &test;
  BlurStatus status = {0};
  meta = blur_meta_create(&bench.setup, &status);
  cr_assert(blur_meta_run(meta, &status), "%s", status.message);
  BlurMetaBest best = blur_meta_best(meta);
  blur_meta_to_network(meta, best.genome, bench.rig.network);
  blur_network_get(bench.rig.network, rate, &value);
  cr_expect(value > 0.01, "lr = %g", value);
  cr_expect(seen.last_loss < 0.9 * seen.first_loss, "%g, then %g", seen.first_loss, seen.last_loss);
  cr_expect_eq(seen.stepped, 100);
  cr_expect_eq(seen.longer, 2); // 3, 5, 6
  cr_expect_eq(seen.tested, 1);
  cr_expect_eq(best.unroll, 6);
  BlurTraining *training = blur_training_create(bench.rig.network, bench.data[0], BLUR_LOSS_SQUARED_ERROR, 0, &status);
  cr_expect_not_null(training);
  blur_training_destroy(training);
  blur_meta_destroy(meta);
  bench_close(&bench);
}

// The best genome of a run that cannot go on is kept, whatever the policy.
Test(meta, diverges) {
  for (int policy = BLUR_META_SKIP; policy <= BLUR_META_STOP; policy++) {
    Bench bench = bench_open("std.backprop", (BlurSetting){"act", "linear"}, BLUR_FLOAT);
    const BlurVariable *rate = blur_network_find(bench.rig.network, BLUR_GENOME, "lr", -1);
    double value = 1e30, kept;
    blur_network_set(bench.rig.network, rate, &value);
    bench.options.policy = (BlurMetaPolicy)policy;
    bench.options.steps = 100;
    BlurMeta *meta = make(&bench, 1, NULL, NULL);
    BlurStatus status = {0};
    cr_expect_not(blur_meta_run(meta, &status));
    cr_expect_eq(status.code, BLUR_DIVERGED);
    cr_expect_not_null(strstr(status.message, policy == BLUR_META_STOP ? "by meta-step 3 " : "by meta-step 6 "), "%s",
                       status.message);
    blur_meta_to_network(meta, blur_meta_best(meta).genome, bench.rig.network);
    blur_network_get(bench.rig.network, rate, &kept);
    cr_expect(fabs(kept / value - 1) < 1e-6);
    blur_meta_destroy(meta);
    bench_close(&bench);
  }
}

// ---- gradients by moved genomes

enum { REPLICAS = 32 };

// The mean gradient over some meta-steps, by lr (of which the optimizer sees the logarithm) and beta, from how far a
// tiny rate moves the genome.
static void mean_gradient(BlurMetaGradient gradient, int steps, int threads, double mean[2]) {
  static const char *const names[] = {"lr", "beta"};
  static const double start[] = {0.05, 0.5};
  Bench bench = bench_open("std.momentum", (BlurSetting){NULL, NULL}, BLUR_DOUBLE);
  bench.options.gradient = gradient;
  bench.options.deviation = 0.01;
  bench.options.pairs = 8;
  bench.options.window = 2;
  bench.options.rate = 1e-7;
  bench.options.steps = bench.options.every = steps;
  bench.options.replicas = REPLICAS;
  bench.options.unroll_first = bench.options.unroll_last = 6;
  bench.options.at_every = 1;
  bench.options.at_from = 1;
  for (int i = 0; i < 2; i++)
    blur_network_set(bench.rig.network, blur_network_find(bench.rig.network, BLUR_GENOME, names[i], -1), &start[i]);
  BlurMeta *meta = make(&bench, threads, NULL, NULL);
  BlurStatus status = {0};
  cr_assert(blur_meta_run(meta, &status), "%s", status.message);
  blur_meta_to_network(meta, blur_meta_genome(meta, 0), bench.rig.network);
  for (int i = 0; i < 2; i++) {
    double value;
    blur_network_get(bench.rig.network, blur_network_find(bench.rig.network, BLUR_GENOME, names[i], -1), &value);
    double moved = i == 0 ? log(value / start[i]) : value - start[i];
    mean[i] = -moved / (bench.options.rate * steps);
  }
  blur_meta_destroy(meta);
  bench_close(&bench);
}

// Moves are small, so what they smooth away is too; the rest is chance, which more meta-steps make as small as one
// likes (1500 of them: 0.9 %).
Test(meta, moved_genomes_give_the_gradient) {
  enum { STEPS = 60 };
  static const double within[] = {[BLUR_META_ES] = 0.05, [BLUR_META_PES] = 0.12, [BLUR_META_NRES] = 0.1};
  double expected[2], mean[2];
  mean_gradient(BLUR_META_ADJOINT, STEPS, 2, expected);
  for (int gradient = BLUR_META_ES; gradient <= BLUR_META_NRES; gradient++) {
    mean_gradient((BlurMetaGradient)gradient, STEPS, 2, mean);
    double distance = hypot(mean[0] - expected[0], mean[1] - expected[1]);
    cr_expect(distance < within[gradient] * hypot(expected[0], expected[1]), "gradient %d: %g %g, by the adjoint %g %g",
              gradient, mean[0], mean[1], expected[0], expected[1]);
  }
}

Test(meta, threads_change_no_moved_genome) {
  for (int gradient = BLUR_META_ES; gradient <= BLUR_META_NRES; gradient++) {
    double expected[2], mean[2];
    mean_gradient((BlurMetaGradient)gradient, 4, 1, expected);
    mean_gradient((BlurMetaGradient)gradient, 4, 3, mean);
    cr_expect_arr_eq(mean, expected, sizeof mean, "gradient %d", gradient);
  }
}

// ---- the parts

Test(meta, optimizers) { // three steps on f(x) = x^2 / 2 from x = 1, by the formulas written out
  const double rate = 0.1;
  double adam = 1, rms = 1, sgd = 1, m = 0, v = 0, u = 0, velocity = 0, x[3] = {1, 1, 1};
  BlurMetaOptions options[3] = {
      {.optimizer = BLUR_META_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
      {.optimizer = BLUR_META_RMSPROP, .beta2 = 0.99, .epsilon = 1e-8},
      {.optimizer = BLUR_META_SGD, .momentum = 0.9},
  };
  Optimizer optimizer[3];
  for (int o = 0; o < 3; o++) optimizer[o] = optimizer_create(1);
  for (int step = 1; step <= 3; step++) {
    for (int o = 0; o < 3; o++) {
      double g = x[o];
      optimizer_step(&optimizer[o], &options[o], rate, 1, &g, &x[o]);
    }
    m = 0.9 * m + 0.1 * adam;
    v = 0.999 * v + 0.001 * adam * adam;
    adam -= rate * (m / (1 - pow(0.9, step))) / (sqrt(v / (1 - pow(0.999, step))) + 1e-8);
    u = 0.99 * u + 0.01 * rms * rms;
    rms -= rate * rms / (sqrt(u) + 1e-8);
    velocity = 0.9 * velocity + sgd;
    sgd -= rate * velocity;
  }
  cr_expect(fabs(x[0] - adam) < 1e-15 && fabs(x[1] - rms) < 1e-15 && fabs(x[2] - sgd) < 1e-15);
  for (int o = 0; o < 3; o++) optimizer_destroy(&optimizer[o]);
}

Test(meta, clipping_and_schedules) {
  double gradient[] = {3e200, -4e200};
  double norm = optimizer_clip(10, 2, gradient);
  cr_expect(fabs(norm / 5e200 - 1) < 1e-14);
  cr_expect(fabs(gradient[0] - 6) < 1e-13 && fabs(gradient[1] + 8) < 1e-13);
  cr_expect(fabs(optimizer_clip(0, 2, gradient) - 10) < 1e-13 && fabs(gradient[0] - 6) < 1e-13);
  BlurMetaOptions options = {.rate = 2, .steps = 110, .warmup = 9, .last = 0.5};
  cr_expect(fabs(optimizer_rate(&options, 0) - 0.2) < 1e-15);
  cr_expect_eq(optimizer_rate(&options, 60), 2);
  options.schedule = BLUR_META_LINEAR;
  cr_expect(fabs(optimizer_rate(&options, 9) - 2) < 1e-15 && fabs(optimizer_rate(&options, 109) - 1) < 1e-15);
  cr_expect(fabs(optimizer_rate(&options, 59) - 1.5) < 1e-15);
  options.schedule = BLUR_META_COSINE;
  cr_expect(fabs(optimizer_rate(&options, 34) - (1 + 0.5 * (1 + cos(0.25 * M_PI)))) < 1e-14);
}

// Every sample once before any comes again, in an order that depends on the seed alone.
Test(meta, streams) {
  enum { SAMPLES = 10, SMALL = 4, BATCHES = 6 };
  float x[SAMPLES] = {0};
  uint8_t labels[SAMPLES] = {0, 1};
  BlurData *data = blur_data_create(1, 2, SAMPLES, x, labels, 0, NULL, NULL, NULL);
  Stream stream;
  cr_assert(stream_open(&stream, data, SMALL, NULL));
  int64_t rows[BATCHES][SMALL], again[SMALL];
  stream_begin(&stream, 7, BATCHES);
  for (int b = 0; b < BATCHES; b++) stream_rows(&stream, b, rows[b]);
  int seen[SAMPLES] = {0};
  for (int i = 0; i < SAMPLES; i++) seen[rows[i / SMALL][i % SMALL]]++;
  for (int i = 0; i < SAMPLES; i++) cr_expect_eq(seen[i], 1);
  stream_begin(&stream, 8, 1);
  stream_rows(&stream, 0, again);
  cr_expect_arr_neq(again, rows[0], sizeof again);
  stream_begin(&stream, 7, BATCHES);
  for (int b = BATCHES; b-- > 0;) {
    stream_rows(&stream, b, again);
    cr_expect_arr_eq(again, rows[b], sizeof again, "batch %d", b);
  }
  stream_begin(&stream, 7, 2); // as many as are asked for are drawn, and they are the same
  stream_rows(&stream, 1, again);
  cr_expect_arr_eq(again, rows[1], sizeof again);
  stream_close(&stream);
  blur_data_destroy(data);
}
