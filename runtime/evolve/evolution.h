// A search by CMA-ES. Private to the runtime. N: the genes that are searched (not frozen); L: candidates of a
// generation. The search is in coordinates g of its own: a gene's value is fold(g) of bounded ones, exp(fold(g)) of
// logarithmic ones (genes.c), and a candidate is g = mean + sigma scale y with y ~ N(0, C).
#ifndef BLUR_EVOLVE_EVOLUTION_H
#define BLUR_EVOLVE_EVOLUTION_H

#include "blur/evolve.h"

#include "base/status.h"
#include "runtime/evolve/eigen.h"

// ---- parameters.c

typedef BlurEvolutionParameters Parameters;
// Weights are [population].
Parameters parameters_of(size_t genes, size_t population, bool diagonal, double *weights);
size_t parameters_default_population(size_t genes);

// ---- genes.c

typedef struct {
  size_t index;                   // among all genes
  double low, high;               // of its coordinate
  double margin_low, margin_high; // how far inside and outside of a bound the fold is a parabola
  double scale;                   // standard deviation for sigma = 1
  double start, restart_low, restart_high;
  bool logarithmic, plain; // plain: without bounds or logarithm
} SearchedGene;

// False: a gene that makes no sense; the message names it by its number.
bool genes_check(size_t genes, const BlurGene *gene, BlurStatus *status);
SearchedGene gene_searched(size_t index, const BlurGene *gene);
double gene_value(const SearchedGene *gene, double coordinate);
// The coordinate whose value it is, and which is nearest to the range.
double gene_coordinate(const SearchedGene *gene, double value);

// ---- the evolution

enum { LONG_HISTORY = 20000, LONG_EVERY = 5 };

// Counts and single numbers that the search depends on: saved as they stand here, each 8 bytes.
typedef struct {
  int64_t run, large_runs;             // the first run is 0 and counts as small; large ones after it
  int64_t is_large;                    // this run
  int64_t generation, run_evaluations; // of the run
  int64_t evaluations;                 // of all runs
  int64_t small_total, large_total;    // evaluations of the runs of each kind that have ended
  int64_t small_generations;           // most of this run, where BIPOP limits it; else 0
  int64_t population;
  int64_t axes_of; // the generation that the axes are of
  int64_t axes_failed;
  int64_t flat;  // generations in a row
  int64_t noisy; // sigma grows in this generation
  int64_t short_count, long_count;
  int64_t best_evaluation, not_finite;
  int64_t stops, stop_reason[BLUR_STOPS]; // of the run, if it has ended
  double stop_value[BLUR_STOPS], stop_limit[BLUR_STOPS];
  double sigma, sigma_first; // now, and when the run began
  double fitness, median, mean_fitness, best_fitness;
  double seconds; // before the last restore
} Counts;

struct BlurEvolution {
  BlurEvolutionOptions options;
  size_t genes, searched;
  SearchedGene *gene; // [N]
  double *frozen;     // [genes] their values; of the others where they start
  Parameters parameters;
  size_t capacity; // L of the arrays below
  Counts counts;
  // What the search depends on, in one block of `numbers`: saved whole.
  double *state;
  size_t numbers, short_capacity;
  double *mean, *step_path, *path; // [N] m, ps, pc
  double *covariance;              // [N][N], its lower triangle; diagonal: [N]
  double *axis;                    // [N][N] unit vectors, one after the other; diagonal: none
  double *length;                  // [N] standard deviations along them, from the shortest; diagonal: in order of genes
  double *best;                    // [genes]
  double *short_history;           // [short_capacity] the best of the last generations, a ring by generation
  double *long_best, *long_median; // [LONG_HISTORY] every fifth generation's, oldest first
  // Of one generation.
  bool asked;
  double *weights;        // [L]
  double *candidates;     // [L][genes]
  double *normals;        // [L][N] z
  double *steps;          // [L][N] y = B D z
  double *fitness;        // [L] in the order of rank
  size_t *rank;           // [L] the candidates, the best first
  double *room;           // of these
  double *shift;          // [N]
  double *mean_candidate; // [genes]
  size_t *order;          // [LONG_HISTORY / 2]
  Eigen eigen;
  double clock; // when it was made or restored
};

// ---- rank.c

// order [count]: which value comes first, second, ..., the smallest first, those that are not finite last, equals as
// they stand. Returns how many are finite. Without memory of its own.
size_t rank_by(const double *value, size_t count, size_t *order);

// ---- distribution.c: sampling, and the update of mean, paths, covariance and step size

void distribution_reset(BlurEvolution *evolution);
void distribution_sample(BlurEvolution *evolution);
// By `rank` and `fitness`, of which the first `finite` count.
void distribution_update(BlurEvolution *evolution, size_t finite);
// The standard deviation of searched gene number `i`, in its coordinate.
double distribution_deviation(const BlurEvolution *evolution, size_t i);

// ---- stops.c

void stops_record(BlurEvolution *evolution, size_t finite); // a generation, in the histories
void stops_check(BlurEvolution *evolution, size_t finite);
double stops_seconds(const BlurEvolution *evolution);
double stops_clock(void); // in seconds
// The most generations that a run may have, as options say.
double stops_generations(const BlurEvolution *evolution);
extern const double stops_defaults[BLUR_STOPS];

// ---- restarts.c

// Begins the run that follows, or the first one. False: no memory, and nothing has changed.
bool restart_begin(BlurEvolution *evolution, BlurStatus *status);
void restart_account(BlurEvolution *evolution);   // the run has ended
void restart_unaccount(BlurEvolution *evolution); // it goes on after all

// ---- evolve.c

// Makes room for a population; false: no memory, and nothing has changed.
bool evolution_make_room(BlurEvolution *evolution, size_t population, BlurStatus *status);
// The parameters and weights of the population in `counts`, for which there is room.
void evolution_set_population(BlurEvolution *evolution);

#endif
