// What CMA-ES itself costs: evaluations a second of a function that costs next to nothing, from ask to tell, the best
// of some searches, for several numbers of genes. The goal is that of 20 genes.
#include "blur/evolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SEARCHES = 7, MOST_GENES = 200, MOST_CANDIDATES = 100 };

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double weighted_sphere(const double *x, size_t genes) {
  double sum = 0;
  for (size_t i = 0; i < genes; i++) sum += (double)(i + 1) * x[i] * x[i];
  return sum;
}

// No stop but a number of evaluations: searches that have come to their end go on.
static BlurEvolutionOptions endless(int64_t evaluations) {
  BlurEvolutionOptions options = blur_evolution_options();
  const BlurStop below[] = {BLUR_STOP_FITNESS_RANGE, BLUR_STOP_FITNESS_HISTORY, BLUR_STOP_STEP,
                            BLUR_STOP_NO_EFFECT_AXIS, BLUR_STOP_NO_EFFECT_GENE};
  for (int s = 0; s < BLUR_STOPS; s++) options.limit[s] = INFINITY;
  for (size_t i = 0; i < sizeof below / sizeof *below; i++) options.limit[below[i]] = 0;
  options.limit[BLUR_STOP_TARGET] = -INFINITY;
  options.limit[BLUR_STOP_EVALUATIONS] = (double)evaluations;
  return options;
}

static double evaluations_a_second(size_t genes, bool diagonal, uint64_t seed) {
  BlurGene gene[MOST_GENES];
  double fitness[MOST_CANDIDATES];
  BlurStatus status = {0};
  BlurEvolutionOptions options = endless(genes > 50 ? 3000 : 20000);
  options.seed = seed;
  options.diagonal = diagonal;
  for (size_t i = 0; i < genes; i++) gene[i] = (BlurGene){.start = 1, .low = -INFINITY, .high = INFINITY};
  BlurEvolution *evolution = blur_evolution_create(genes, gene, &options, &status);
  if (!evolution) {
    fprintf(stderr, "%s\n", status.message);
    exit(EXIT_FAILURE);
  }
  double start = seconds();
  while (!blur_evolution_is_done(evolution)) {
    const double *candidates = blur_evolution_ask(evolution, &status);
    size_t population = blur_evolution_population(evolution);
    for (size_t c = 0; c < population; c++) fitness[c] = weighted_sphere(candidates + c * genes, genes);
    blur_evolution_tell(evolution, fitness, &status);
  }
  double taken = seconds() - start, evaluations = (double)blur_evolution_report(evolution).evaluations;
  blur_evolution_destroy(evolution);
  return evaluations / taken;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(size_t genes, bool diagonal) {
  double measured[SEARCHES];
  for (uint64_t seed = 0; seed < SEARCHES; seed++) measured[seed] = evaluations_a_second(genes, diagonal, seed);
  qsort(measured, SEARCHES, sizeof *measured, ascending);
  return measured[SEARCHES / 2];
}

int main(void) {
  static const size_t genes[] = {2, 5, 10, 20, 40, 100};
  printf("%8s%26s%22s\n", "genes", "evaluations a second", "diagonal covariance");
  for (size_t g = 0; g < sizeof genes / sizeof *genes; g++)
    printf("%8zu%26.0f%22.0f%s\n", genes[g], median(genes[g], false), median(genes[g], true),
           genes[g] == 20 ? "   goal > 250000" : "");
  return 0;
}
