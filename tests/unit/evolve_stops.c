// Each reason for which a run ends, provoked; restarts and their budgets.
#include "evolve.h"

static double flat(const double *x, size_t n) { return (double)n + 0 * x[0]; }
static double falling(const double *x, size_t n) { return x[0] + 0 * x[n - 1]; }
static double cigar(const double *x, size_t n) { return x[0] * x[0] + 1e16 * sphere(x + 1, n - 1); }
static double by_steps(const double *x, size_t n) { return floor(1e12 * sphere(x, n)) * 1e-20; }

// Runs until it ends, all stops off but one; returns the value for which it ended.
static double provoke(BlurStop reason, double limit, Function *function, double start, double sigma) {
  BlurEvolutionOptions options = without_stops();
  BlurEvolutionStop stop[BLUR_STOPS];
  options.limit[reason] = limit;
  options.sigma = sigma;
  BlurEvolution *evolution = evolution_at(3, start, &options);
  for (int generation = 0; !blur_evolution_is_done(evolution); generation++) {
    cr_assert(generation < 100000, "%s: never ends", blur_stop_name(reason));
    cr_assert_eq(blur_evolution_stops(evolution, stop), 0);
    evolution_step(evolution, function, 3);
  }
  cr_expect_eq(blur_evolution_stops(evolution, stop), 1);
  cr_expect_eq(stop[0].reason, reason);
  cr_expect(limit == 0 || stop[0].limit == limit);
  BlurStatus status = {0};
  cr_expect_null(blur_evolution_ask(evolution, &status));
  cr_expect_eq(status.code, BLUR_FAILED_USAGE);
  blur_evolution_destroy(evolution);
  return stop[0].value;
}

// Of 3 genes a population is 7.
Test(evolve_stops, budgets) {
  double target = provoke(BLUR_STOP_TARGET, 1e-5, sphere, 1, 0.3);
  cr_expect(target <= 1e-5 && target > 1e-8);
  cr_expect_eq(provoke(BLUR_STOP_EVALUATIONS, 100, sphere, 1, 0.3), 105);
  cr_expect_eq(provoke(BLUR_STOP_RUN_EVALUATIONS, 70, sphere, 1, 0.3), 70);
  cr_expect_eq(provoke(BLUR_STOP_GENERATIONS, 12, sphere, 1, 0.3), 12);
  cr_expect_eq(provoke(BLUR_STOP_GENERATIONS, 0, sphere, 1, 0.3), 100 + floor(150 * 36 / sqrt(7)));
  cr_expect(provoke(BLUR_STOP_SECONDS, 1e-9, sphere, 1, 0.3) >= 1e-9); // the first generation takes longer
}

Test(evolve_stops, tolerances) {
  double range = provoke(BLUR_STOP_FITNESS_RANGE, 1e-11, sphere, 1, 0.3);
  cr_expect(range < 1e-11 && range > 1e-18);
  double history = provoke(BLUR_STOP_FITNESS_HISTORY, 1e-12, sphere, 1, 0.3);
  cr_expect(history < 1e-12 && history > 1e-20);
  double step = provoke(BLUR_STOP_STEP, 1e-7, sphere, 1, 0.3);
  cr_expect(step < 1e-7 && step > 1e-10);
  double grown = provoke(BLUR_STOP_STEP_GROWN, 1e3, falling, 1, 0.3);
  cr_expect(grown > 1e3 && grown < 1e4);
  double sigma = provoke(BLUR_STOP_SIGMA_GROWN, 10, flat, 1, 1); // at random: it wanders
  cr_expect(sigma > 10);
  double condition = provoke(BLUR_STOP_CONDITION, 1e6, cigar, 1, 0.3);
  cr_expect(condition > 1e6 && condition < 1e9);
}

Test(evolve_stops, no_effect) {
  double axis = provoke(BLUR_STOP_NO_EFFECT_AXIS, 0.1, sphere, 1e10, 1e-7);
  cr_expect(axis == 0 || axis == 1 || axis == 2);
  double gene = provoke(BLUR_STOP_NO_EFFECT_GENE, 0.2, sphere, 1e10, 1e-7);
  cr_expect(gene == 0 || gene == 1 || gene == 2);
}

Test(evolve_stops, flat_fitness) {
  cr_expect_eq(provoke(BLUR_STOP_FLAT_FITNESS, 1, flat, 1, 0.3), 2);
  cr_expect_eq(provoke(BLUR_STOP_FLAT_FITNESS, 5, flat, 1, 0.3), 6);
}

static uint64_t noise_state;
static double noise(const double *x, size_t n) {
  noise_state = noise_state * 6364136223846793005u + 1442695040888963407u;
  return (double)(noise_state >> 11) + 0 * x[n - 1];
}

// Noise alone never gets better: by default after 100 + 100 * 3^1.5 / 7 generations at the earliest, and more than 100
// fifths of generations.
Test(evolve_stops, stagnation) {
  noise_state = 1;
  double generations = provoke(BLUR_STOP_STAGNATION, 0, noise, 1, 0.3);
  cr_expect(generations >= 170 && generations < 10000, "%g", generations);
}

Test(evolve_stops, names_differ) {
  for (int a = 0; a < BLUR_STOPS; a++)
    for (int b = 0; b < a; b++) cr_expect_str_neq(blur_stop_name((BlurStop)a), blur_stop_name((BlurStop)b));
}

// With pycma's defaults a function that is solved ends by its fitness.
Test(evolve_stops, defaults) {
  BlurEvolutionOptions options = blur_evolution_options();
  BlurEvolution *evolution = evolution_at(5, 1, &options);
  evolution_run(evolution, sphere, 5);
  cr_expect(!isnan(stopped_by(evolution, BLUR_STOP_FITNESS_RANGE)) ||
            !isnan(stopped_by(evolution, BLUR_STOP_FITNESS_HISTORY)));
  cr_expect(blur_evolution_report(evolution).best_fitness < 1e-10);
  blur_evolution_destroy(evolution);
  evolution = evolution_at(2, 1, &options);
  evolution_run(evolution, by_steps, 2);
  cr_expect_not(isnan(stopped_by(evolution, BLUR_STOP_FITNESS_RANGE)), "its steps are below the tolerance");
  blur_evolution_destroy(evolution);
}

// A limit that is changed while the search goes on; taken back after it has ended the run.
Test(evolve_stops, limits_change) {
  BlurEvolutionOptions options = without_stops();
  options.limit[BLUR_STOP_GENERATIONS] = 5;
  BlurEvolution *evolution = evolution_at(3, 1, &options), *straight;
  evolution_run(evolution, sphere, 3);
  blur_evolution_set_limit(evolution, BLUR_STOP_GENERATIONS, 9);
  cr_expect_not(blur_evolution_is_done(evolution));
  evolution_run(evolution, sphere, 3);
  cr_expect_eq(blur_evolution_report(evolution).generation, 9);
  options.limit[BLUR_STOP_GENERATIONS] = 9;
  straight = evolution_at(3, 1, &options);
  evolution_run(straight, sphere, 3);
  cr_expect_eq(blur_evolution_report(evolution).sigma, blur_evolution_report(straight).sigma);
  blur_evolution_destroy(evolution);
  blur_evolution_destroy(straight);
}

// ---- restarts

typedef struct {
  int64_t evaluations, population, is_large;
  double sigma, start;
} Run;

// All runs of a search whose runs end by a budget.
static size_t runs_of(BlurEvolutionRestarts restarts, int64_t most, Run *run) {
  BlurEvolutionOptions options = without_stops();
  BlurGene gene[2] = {gene_at(0), gene_at(0)};
  options.restarts = restarts;
  options.most_restarts = most;
  options.sigma = 0.5;
  options.population = 6;
  options.limit[BLUR_STOP_RUN_EVALUATIONS] = 600;
  for (int i = 0; i < 2; i++) gene[i].restart_low = 10, gene[i].restart_high = 11;
  BlurEvolution *evolution = evolution_open(2, gene, &options);
  size_t runs = 0;
  int64_t large = 0, before = 0;
  while (!blur_evolution_is_done(evolution)) {
    blur_evolution_ask(evolution, NULL);
    BlurEvolutionReport report = blur_evolution_report(evolution);
    if (report.generation == 0) {
      double mean[2];
      blur_evolution_mean(evolution, mean);
      cr_assert_eq(report.run, (int64_t)runs);
      run[runs] = (Run){0, (int64_t)report.population, report.large_runs > large, report.sigma, mean[0]};
      large = report.large_runs;
      before = report.evaluations;
      runs++;
    }
    evolution_step(evolution, sphere, 2);
    run[runs - 1].evaluations = blur_evolution_report(evolution).evaluations - before;
  }
  blur_evolution_destroy(evolution);
  return runs;
}

Test(evolve_stops, ipop_doubles_the_population) {
  Run run[10];
  cr_assert_eq(runs_of(BLUR_EVOLUTION_IPOP, 4, run), 5);
  for (int r = 0; r < 5; r++) {
    cr_expect_eq(run[r].population, 6 << r);
    cr_expect_eq(run[r].sigma, 0.5);
    cr_expect(r == 0 ? run[r].start == 0 : run[r].start >= 10 && run[r].start < 11);
    cr_expect(run[r].evaluations >= 600 && run[r].evaluations < 600 + run[r].population);
  }
  cr_expect(run[1].start != run[2].start);
}

// Small runs with smaller steps come as long as they have had fewer evaluations than large ones, and take half of those
// at most.
Test(evolve_stops, bipop_goes_between_large_and_small) {
  Run run[200];
  size_t runs = runs_of(BLUR_EVOLUTION_BIPOP, 4, run);
  int64_t large = 0, small = 0, many = 0, few = 0;
  cr_assert(runs > 5);
  for (size_t r = 0; r < runs; r++) {
    if (r > 0) cr_expect_eq(run[r].is_large, small >= large, "run %zu", r);
    if (run[r].is_large) {
      many++;
      cr_expect_eq(run[r].population, 6 << many);
      cr_expect_eq(run[r].sigma, 0.5);
      large += run[r].evaluations;
      continue;
    }
    if (r > 0) {
      few++;
      cr_expect(run[r].sigma <= 0.5 && run[r].sigma >= 0.005);
      cr_expect(run[r].population >= 6 && run[r].population <= 6 << many);
      cr_expect(run[r].evaluations <= large / 2 + run[r].population);
    }
    small += run[r].evaluations;
  }
  cr_expect_eq(many, 4);
  cr_expect(few >= 2);
  Run again[200];
  cr_assert_eq(runs_of(BLUR_EVOLUTION_BIPOP, 4, again), runs);
  cr_expect_arr_eq(run, again, runs * sizeof *run);
}
