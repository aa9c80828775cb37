// Functions to minimize, and searches for their minimum. For the tests of evolutions.
#ifndef TEST_EVOLVE_H
#define TEST_EVOLVE_H

#include "blur/evolve.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GENES = 64 };
static const double two_pi = 6.283185307179586;

typedef double Function(const double *x, size_t n);

static inline double sphere(const double *x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

static inline double ellipsoid(const double *x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += pow(1e6, n > 1 ? (double)i / (double)(n - 1) : 0) * x[i] * x[i];
  return sum;
}

static inline double rosenbrock(const double *x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i + 1 < n; i++) sum += 100 * pow(x[i] * x[i] - x[i + 1], 2) + pow(x[i] - 1, 2);
  return sum;
}

static inline double rastrigin(const double *x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += 10 + x[i] * x[i] - 10 * cos(two_pi * x[i]);
  return sum;
}

static inline BlurGene gene_at(double start) { return (BlurGene){.start = start, .low = -INFINITY, .high = INFINITY}; }

static inline BlurEvolution *evolution_open(size_t genes, const BlurGene *gene, const BlurEvolutionOptions *options) {
  BlurStatus status = {0};
  BlurEvolution *evolution = blur_evolution_create(genes, gene, options, &status);
  cr_assert_not_null(evolution, "%s", status.message);
  return evolution;
}

static inline BlurEvolution *evolution_at(size_t genes, double start, const BlurEvolutionOptions *options) {
  BlurGene gene[MOST_GENES];
  for (size_t i = 0; i < genes; i++) gene[i] = gene_at(start);
  return evolution_open(genes, gene, options);
}

// One generation.
static inline void evolution_step(BlurEvolution *evolution, Function *function, size_t genes) {
  BlurStatus status = {0};
  const double *candidates = blur_evolution_ask(evolution, &status);
  cr_assert_not_null(candidates, "%s", status.message);
  size_t population = blur_evolution_population(evolution);
  double *fitness = malloc(population * sizeof *fitness);
  for (size_t c = 0; c < population; c++) fitness[c] = function(candidates + c * genes, genes);
  cr_assert(blur_evolution_tell(evolution, fitness, &status), "%s", status.message);
  free(fitness);
}

static inline void evolution_run(BlurEvolution *evolution, Function *function, size_t genes) {
  while (!blur_evolution_is_done(evolution)) evolution_step(evolution, function, genes);
}

// The value for which the last run ended for this reason; NAN: it did not.
static inline double stopped_by(const BlurEvolution *evolution, BlurStop reason) {
  BlurEvolutionStop stop[BLUR_STOPS];
  size_t stops = blur_evolution_stops(evolution, stop);
  for (size_t s = 0; s < stops; s++)
    if (stop[s].reason == reason) return stop[s].value;
  return NAN;
}

// All tolerances and budgets off.
static inline BlurEvolutionOptions without_stops(void) {
  BlurEvolutionOptions options = blur_evolution_options();
  for (int s = 0; s < BLUR_STOPS; s++) options.limit[s] = INFINITY;
  const BlurStop below[] = {BLUR_STOP_FITNESS_RANGE, BLUR_STOP_FITNESS_HISTORY, BLUR_STOP_STEP,
                            BLUR_STOP_NO_EFFECT_AXIS, BLUR_STOP_NO_EFFECT_GENE};
  for (size_t i = 0; i < sizeof below / sizeof *below; i++) options.limit[below[i]] = 0;
  options.limit[BLUR_STOP_TARGET] = -INFINITY;
  return options;
}

#endif
