// When a run ends, and why: the termination criteria of pycma (evolution_strategy._CMAStopDict), each with its value.
#include "runtime/evolve/evolution.h"

#include <string.h>
#include <time.h>

static const char *const names[BLUR_STOPS] = {
    [BLUR_STOP_TARGET] = "target",
    [BLUR_STOP_EVALUATIONS] = "evaluations",
    [BLUR_STOP_SECONDS] = "seconds",
    [BLUR_STOP_GENERATIONS] = "generations",
    [BLUR_STOP_RUN_EVALUATIONS] = "run_evaluations",
    [BLUR_STOP_FITNESS_RANGE] = "fitness_range",
    [BLUR_STOP_FITNESS_HISTORY] = "fitness_history",
    [BLUR_STOP_STEP] = "step",
    [BLUR_STOP_STEP_GROWN] = "step_grown",
    [BLUR_STOP_SIGMA_GROWN] = "sigma_grown",
    [BLUR_STOP_CONDITION] = "condition",
    [BLUR_STOP_NO_EFFECT_AXIS] = "no_effect_axis",
    [BLUR_STOP_NO_EFFECT_GENE] = "no_effect_gene",
    [BLUR_STOP_FLAT_FITNESS] = "flat_fitness",
    [BLUR_STOP_STAGNATION] = "stagnation",
};

const double stops_defaults[BLUR_STOPS] = {
    [BLUR_STOP_TARGET] = -INFINITY,    [BLUR_STOP_EVALUATIONS] = INFINITY,
    [BLUR_STOP_SECONDS] = INFINITY,    [BLUR_STOP_RUN_EVALUATIONS] = INFINITY,
    [BLUR_STOP_FITNESS_RANGE] = 1e-11, [BLUR_STOP_FITNESS_HISTORY] = 1e-12,
    [BLUR_STOP_STEP] = 1e-11,          [BLUR_STOP_STEP_GROWN] = 1e3,
    [BLUR_STOP_SIGMA_GROWN] = 1e20,    [BLUR_STOP_CONDITION] = 1e14,
    [BLUR_STOP_NO_EFFECT_AXIS] = 0.1,  [BLUR_STOP_NO_EFFECT_GENE] = 0.2,
    [BLUR_STOP_FLAT_FITNESS] = 1,
};

const char *blur_stop_name(BlurStop reason) { return names[reason]; }

double stops_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double stops_seconds(const BlurEvolution *evolution) {
  return evolution->counts.seconds + stops_clock() - evolution->clock;
}

double stops_generations(const BlurEvolution *evolution) {
  double most = evolution->options.limit[BLUR_STOP_GENERATIONS], n = (double)evolution->searched;
  if (!(most > 0)) most = 100 + floor(150 * (n + 3) * (n + 3) / sqrt((double)evolution->options.population));
  double small = (double)evolution->counts.small_generations;
  return small > 0 && small < most ? small : most;
}

// ---- histories

static size_t short_length(const BlurEvolution *evolution) {
  return (size_t)(10 + 30 * (double)evolution->searched / (double)evolution->parameters.population);
}

static void keep_long(BlurEvolution *evolution) {
  Counts *counts = &evolution->counts;
  if (counts->long_count == LONG_HISTORY) {
    memmove(evolution->long_best, evolution->long_best + 1, (LONG_HISTORY - 1) * sizeof(double));
    memmove(evolution->long_median, evolution->long_median + 1, (LONG_HISTORY - 1) * sizeof(double));
    counts->long_count--;
  }
  evolution->long_best[counts->long_count] = counts->fitness;
  evolution->long_median[counts->long_count++] = counts->median;
}

void stops_record(BlurEvolution *evolution, size_t finite) {
  Counts *counts = &evolution->counts;
  const double *fitness = evolution->fitness;
  size_t population = evolution->parameters.population, middle = population / 2;
  counts->fitness = fitness[0];
  counts->median = population % 2 ? fitness[middle] : (fitness[middle - 1] + fitness[middle]) / 2;
  evolution->short_history[(size_t)counts->generation % evolution->short_capacity] = fitness[0];
  if (counts->short_count < (int64_t)short_length(evolution)) counts->short_count++;
  if (counts->generation % LONG_EVERY == 0) keep_long(evolution);
  bool is_flat = finite == 0 || fitness[0] >= fitness[(size_t)(0.75 * (double)population)];
  counts->flat = is_flat ? counts->flat + 1 : 0;
}

static double short_range(const BlurEvolution *evolution) {
  double low = INFINITY, high = -INFINITY;
  for (int64_t i = 0; i < evolution->counts.short_count; i++) {
    size_t at = (size_t)(evolution->counts.generation - i) % evolution->short_capacity;
    low = fmin(low, evolution->short_history[at]);
    high = fmax(high, evolution->short_history[at]);
  }
  return isfinite(high) ? high - low : INFINITY;
}

// ---- checks

static void add(BlurEvolution *evolution, BlurStop reason, bool holds, double value) {
  Counts *counts = &evolution->counts;
  if (!holds) return;
  counts->stop_reason[counts->stops] = (int64_t)reason;
  counts->stop_value[counts->stops] = value;
  counts->stop_limit[counts->stops++] = evolution->options.limit[reason];
}

static void check_budgets(BlurEvolution *evolution) {
  const Counts *counts = &evolution->counts;
  const double *limit = evolution->options.limit;
  double all = (double)counts->evaluations, run = (double)counts->run_evaluations,
         generations = (double)counts->generation, seconds = 0;
  add(evolution, BLUR_STOP_TARGET, counts->best_fitness <= limit[BLUR_STOP_TARGET], counts->best_fitness);
  add(evolution, BLUR_STOP_EVALUATIONS, all >= limit[BLUR_STOP_EVALUATIONS], all);
  if (isfinite(limit[BLUR_STOP_SECONDS])) seconds = stops_seconds(evolution);
  add(evolution, BLUR_STOP_SECONDS, seconds >= limit[BLUR_STOP_SECONDS], seconds);
  add(evolution, BLUR_STOP_GENERATIONS, generations >= stops_generations(evolution), generations);
  if (counts->stops > 0 && counts->stop_reason[counts->stops - 1] == BLUR_STOP_GENERATIONS)
    evolution->counts.stop_limit[counts->stops - 1] = stops_generations(evolution);
  add(evolution, BLUR_STOP_RUN_EVALUATIONS, run >= limit[BLUR_STOP_RUN_EVALUATIONS], run);
}

static void check_fitness(BlurEvolution *evolution, size_t finite) {
  const double *limit = evolution->options.limit;
  size_t population = evolution->parameters.population;
  double history = short_range(evolution), range = INFINITY;
  if (finite == population) range = fmax(history, evolution->fitness[population - 1] - evolution->fitness[0]);
  add(evolution, BLUR_STOP_FITNESS_RANGE, range < limit[BLUR_STOP_FITNESS_RANGE], range);
  add(evolution, BLUR_STOP_FITNESS_HISTORY,
      evolution->counts.short_count > 9 && history < limit[BLUR_STOP_FITNESS_HISTORY], history);
}

static void check_steps(BlurEvolution *evolution) {
  const Counts *counts = &evolution->counts;
  const double *limit = evolution->options.limit;
  size_t n = evolution->searched;
  double largest = 0, path = 0, grown = 0;
  for (size_t i = 0; i < n; i++) {
    double scale = evolution->gene[i].scale, now = distribution_deviation(evolution, i);
    largest = fmax(largest, now);
    path = fmax(path, counts->sigma * scale * fabs(evolution->path[i]));
    grown = fmax(grown, now / (counts->sigma_first * scale));
  }
  add(evolution, BLUR_STOP_STEP, fmax(largest, path) < limit[BLUR_STOP_STEP], largest);
  add(evolution, BLUR_STOP_STEP_GROWN, grown > limit[BLUR_STOP_STEP_GROWN], grown);
  double shortest = INFINITY, longest = 0;
  for (size_t i = 0; i < n; i++) {
    shortest = fmin(shortest, evolution->length[i]);
    longest = fmax(longest, evolution->length[i]);
  }
  double sigma = counts->sigma / longest / counts->sigma_first, ratio = longest / shortest;
  add(evolution, BLUR_STOP_SIGMA_GROWN, sigma > limit[BLUR_STOP_SIGMA_GROWN], sigma);
  double condition = counts->axes_failed ? INFINITY : ratio * ratio;
  add(evolution, BLUR_STOP_CONDITION, counts->axes_failed || condition > limit[BLUR_STOP_CONDITION], condition);
}

static void check_effects(BlurEvolution *evolution) {
  const double *limit = evolution->options.limit, *mean = evolution->mean;
  size_t n = evolution->searched, which = (size_t)evolution->counts.generation % n, same = 0;
  double share = limit[BLUR_STOP_NO_EFFECT_AXIS] * evolution->counts.sigma * evolution->length[which];
  for (size_t i = 0; evolution->axis && i < n; i++)
    same += mean[i] == mean[i] + share * evolution->gene[i].scale * evolution->axis[which * n + i];
  add(evolution, BLUR_STOP_NO_EFFECT_AXIS, same == n && limit[BLUR_STOP_NO_EFFECT_AXIS] > 0, (double)which);
  size_t gene = 0;
  while (gene < n &&
         mean[gene] != mean[gene] + limit[BLUR_STOP_NO_EFFECT_GENE] * distribution_deviation(evolution, gene))
    gene++;
  if (gene < n && limit[BLUR_STOP_NO_EFFECT_GENE] > 0)
    add(evolution, BLUR_STOP_NO_EFFECT_GENE, true, (double)evolution->gene[gene].index);
}

static double median_of(BlurEvolution *evolution, const double *values, size_t count) {
  size_t *order = evolution->order;
  rank_by(values, count, order);
  return count % 2 ? values[order[count / 2]] : (values[order[count / 2 - 1]] + values[order[count / 2]]) / 2;
}

// Neither the median of the last generations' medians is below that of as many before, nor that of their best.
static void check_stagnation(BlurEvolution *evolution) {
  const Counts *counts = &evolution->counts;
  double n = (double)evolution->searched, population = (double)evolution->parameters.population,
         limit = evolution->options.limit[BLUR_STOP_STAGNATION];
  if (!(limit > 0)) limit = floor(100 + 100 * pow(n, 1.5) / population);
  double window = fmax(limit / LONG_EVERY / 2, (double)counts->long_count / 10);
  if (counts->generation % LONG_EVERY != 0 || counts->long_count <= 100 ||
      (double)counts->generation <= n * (5 + 100 / population) || 2 * floor(window) >= (double)counts->long_count)
    return;
  size_t half = (size_t)window, end = (size_t)counts->long_count;
  const double *series[] = {evolution->long_median, evolution->long_best};
  for (int s = 0; s < 2; s++)
    if (median_of(evolution, series[s] + end - half, half) < median_of(evolution, series[s] + end - 2 * half, half))
      return;
  add(evolution, BLUR_STOP_STAGNATION, true, (double)(2 * half * LONG_EVERY));
  evolution->counts.stop_limit[counts->stops - 1] = limit;
}

void stops_check(BlurEvolution *evolution, size_t finite) {
  evolution->counts.stops = 0;
  check_budgets(evolution);
  check_fitness(evolution, finite);
  check_steps(evolution);
  check_effects(evolution);
  double flat = (double)evolution->counts.flat;
  add(evolution, BLUR_STOP_FLAT_FITNESS, flat > evolution->options.limit[BLUR_STOP_FLAT_FITNESS], flat);
  check_stagnation(evolution);
}
