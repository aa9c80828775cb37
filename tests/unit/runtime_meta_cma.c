// CMA-ES over genomes: what a genome is worth, beside the objective that the gradient goes by, on the same networks;
// ranges, logarithms, scales.
#include "meta_bench.h"

#include <math.h>
#include <string.h>

// Candidates that hardly move, three networks a task, four steps.
static Bench search_open(const char *rule, BlurSetting setting) {
  Bench bench = bench_open(rule, setting, BLUR_DOUBLE);
  bench.options.optimizer = BLUR_META_CMA;
  bench.options.rate = 1e-3;
  bench.options.sigma = 1e-12;
  bench.options.candidates = 5;
  bench.options.replicas = 3;
  bench.options.queries = 1;
  bench.options.unroll_first = bench.options.unroll_last = 4;
  return bench;
}

typedef struct {
  double loss, norm;
} Told;

static void keep(void *context, const BlurMetaEvent *event) {
  if (event->kind == BLUR_META_CHECKED && event->step > 0)
    *(Told *)context = (Told){event->member[0].loss, event->member[0].norm};
}

static BlurMeta *run(Bench *bench, Told *told) {
  BlurStatus status = {0};
  BlurMetaSetup setup = {.options = &bench->options,
                         .tasks = 2,
                         .task = bench->task,
                         .start = bench->rig.network,
                         .seed = 3,
                         .threads = 2,
                         .watch = keep,
                         .context = told};
  BlurMeta *meta = blur_meta_create(&setup, &status);
  cr_assert_not_null(meta, "%s", status.message);
  cr_assert(blur_meta_run(meta, &status), "%s", status.message);
  return meta;
}

static double objective_by(Bench *bench, BlurMetaOptimizer optimizer) {
  Told told = {NAN, NAN};
  bench->options.optimizer = optimizer;
  blur_meta_destroy(run(bench, &told));
  cr_expect(isfinite(told.loss));
  return told.loss;
}

// With steps that move nothing, the mean's objective is that of the start: the one whose gradient Adam takes, computed
// by other entry points of the program, on the same networks and batches.
Test(meta_cma, objective_is_that_of_the_gradient) {
  Bench bench = search_open("std.backprop", (BlurSetting){"act", "tanh"});
  double expected = objective_by(&bench, BLUR_META_ADAM), found = objective_by(&bench, BLUR_META_CMA);
  cr_expect(fabs(found - expected) < 1e-7, "%.12g, not %.12g", found, expected);
  bench.options.on_train = true;
  expected = objective_by(&bench, BLUR_META_ADAM), found = objective_by(&bench, BLUR_META_CMA);
  cr_expect(fabs(found - expected) < 1e-7, "on train: %.12g, not %.12g", found, expected);
  bench.options.at_every = bench.options.at_from = 2;
  expected = objective_by(&bench, BLUR_META_ADAM), found = objective_by(&bench, BLUR_META_CMA);
  cr_expect(fabs(found - expected) < 1e-7, "twice: %.12g, not %.12g", found, expected);
  bench_close(&bench);
}

// The mean over many batches varies less than a single one, and is the same in expectation.
Test(meta_cma, accuracy_on_batches) {
  Bench bench = search_open("std.backprop", (BlurSetting){"act", "tanh"});
  bench.options.of_accuracy = true;
  bench.options.queries = 7;
  double wrong = objective_by(&bench, BLUR_META_CMA), samples = wrong * BATCH * 7 * 3 * 2;
  cr_expect(wrong > 0.05 && wrong < 0.95, "%g", wrong);
  cr_expect(fabs(samples - round(samples)) < 1e-6, "whole samples: %.12g", samples);
  bench_close(&bench);
}

// A better learning rate than that it begins with is found: backprop with a rate of 1e-3 learns nothing in 4 steps.
Test(meta_cma, it_learns_a_rate) {
  Bench bench = search_open("std.backprop", (BlurSetting){"lr", "0.001"});
  Told first, last;
  bench.options.sigma = 0.5;
  bench.options.replicas = 20;
  blur_meta_destroy(run(&bench, &first));
  bench.options.steps = 25;
  BlurMeta *meta = run(&bench, &last);
  double rate = blur_meta_genome(meta, 0)[0];
  cr_expect(rate > 0.01 && rate <= 10, "%g", rate); // its range is (0, 10)
  cr_expect(last.loss < first.loss - 0.01, "%g, before %g", last.loss, first.loss);
  cr_expect_not_null(blur_meta_evolution(meta));
  cr_expect_eq(blur_evolution_report(blur_meta_evolution(meta)).generation, 25);
  blur_meta_destroy(meta);
  bench_close(&bench);
}

// Two of 5 candidates learn again in each generation; the mean once, at the check of the last.
Test(meta_cma, noise_is_measured) {
  Bench bench = search_open("std.backprop", (BlurSetting){"act", "tanh"});
  Told told;
  bench.options.noise = true;
  bench.options.sigma = 0.1;
  bench.options.steps = bench.options.every = 6;
  BlurMeta *meta = run(&bench, &told);
  cr_expect_eq(blur_evolution_report(blur_meta_evolution(meta)).evaluations, 6 * (5 + 2) + 1);
  blur_meta_destroy(meta);
  bench_close(&bench);
}

// The first deviation of a value is sigma times the root mean square of what it begins with; of a logarithm sigma.
Test(meta_cma, scales) {
  Bench bench = search_open("std.momentum", (BlurSetting){NULL, NULL});
  BlurStatus status = {0};
  BlurMetaSetup setup = {.options = &bench.options, .tasks = 2, .task = bench.task, .start = bench.rig.network};
  bench.options.sigma = 0.25;
  for (int one = 0; one < 2; one++) {
    const BlurVariable *beta = blur_network_find(bench.rig.network, BLUR_GENOME, "beta", -1);
    double value = 0.4;
    cr_assert_not_null(beta);
    blur_network_set(bench.rig.network, beta, &value);
    bench.options.scale_one = one;
    BlurMeta *meta = blur_meta_create(&setup, &status);
    cr_assert_not_null(meta, "%s", status.message);
    const BlurVariable *variables;
    size_t count = blur_program_variables(bench.rig.program, &variables), at = 0, seen = 0;
    for (size_t i = 0; i < count; i++) {
      if (variables[i].kind != BLUR_GENOME) continue;
      double expected = variables[i].logarithmic || one ? 0.25 : 0.25 * 0.4;
      cr_expect_float_eq(blur_evolution_deviation(blur_meta_evolution(meta), at), expected, 1e-12, "%s",
                         variables[i].name);
      at += blur_variable_count(&variables[i]);
      seen++;
    }
    cr_expect_eq(seen, 2);
    blur_meta_destroy(meta);
  }
  bench_close(&bench);
}
