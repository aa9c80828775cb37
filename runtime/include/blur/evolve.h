// blur, evolution: a minimum of any function of real numbers, from values alone, by CMA-ES.
//
// The covariance matrix adaptation evolution strategy draws candidates from a normal distribution, is told their
// fitness, and moves the distribution's mean, its step size and its covariance towards the better ones: with negative
// weights for the worse half (active CMA), cumulative step-size adaptation, restarts with growing populations (IPOP) or
// also with small ones (BIPOP), and all defaults of pycma 4.4. Only the order of the fitness values counts. Sources:
// Hansen, "The CMA evolution strategy: a tutorial", 2016 (arXiv:1604.00772); Ros and Hansen 2008 (diagonal); Auger and
// Hansen 2005 (IPOP); Hansen 2009 (BIPOP); Hansen, Niederberger, Guzzella and Koumoutsakos 2009 (noise).
//
//   BlurEvolutionOptions options = blur_evolution_options();
//   BlurEvolution *evolution = blur_evolution_create(genes, gene, &options, &status);
//   while (!blur_evolution_is_done(evolution)) {
//     const double *candidates = blur_evolution_ask(evolution, &status);   // [population][genes]
//     for (size_t c = 0; c < blur_evolution_population(evolution); c++) fitness[c] = f(candidates + c * genes);
//     if (!blur_evolution_tell(evolution, fitness, &status)) ...
//   }
//
// All random numbers are named by (seed, run, generation, candidate, gene): the same seed gives the same bits, and a
// state that was saved goes on as if it had never stopped. Nothing is allocated after it is made, but by a restart
// whose population is larger than any before. One thread at a time may use an evolution; several may use several.
#ifndef BLUR_EVOLVE_H
#define BLUR_EVOLVE_H

#include "blur/status.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BlurEvolution BlurEvolution;

// One number that is searched for.
typedef struct {
  double start;     // where the first run begins; the value of a frozen one
  double deviation; // its first standard deviation is sigma times this; 0: 1
  double low, high; // its range; -INFINITY, INFINITY: none. Outside, the search folds back (periodic, linear-quadratic)
  bool logarithmic; // the search is in its logarithm, and so is `deviation`; the start is above 0
  bool frozen;      // it is no part of the search
  double restart_low, restart_high; // restarts begin between these, uniformly; where they are equal, at `start`
} BlurGene;

typedef enum { BLUR_EVOLUTION_ONE_RUN, BLUR_EVOLUTION_IPOP, BLUR_EVOLUTION_BIPOP } BlurEvolutionRestarts;

// Why a run ends, in the order in which it is told, with the name in pycma, and the value that is compared with the
// limit.
typedef enum {
  BLUR_STOP_TARGET,          // ftarget: the best fitness, at or below the limit
  BLUR_STOP_EVALUATIONS,     // maxfevals: evaluations of all runs, at or above
  BLUR_STOP_SECONDS,         // timeout: seconds since it was made, at or above; those before a restore count
  BLUR_STOP_GENERATIONS,     // maxiter: generations of the run, at or above
  BLUR_STOP_RUN_EVALUATIONS, // evaluations of the run, at or above
  BLUR_STOP_FITNESS_RANGE,   // tolfun: range of fitness in the generation and of the last generations' best, below
  BLUR_STOP_FITNESS_HISTORY, // tolfunhist: range of the last 10 + 30 N / population generations' best fitness, below
  BLUR_STOP_STEP,            // tolx: the largest standard deviation of a gene, and of its path, below
  BLUR_STOP_STEP_GROWN,      // tolfacupx: the largest ratio of a gene's standard deviation to its first, above
  BLUR_STOP_SIGMA_GROWN,     // tolupsigma: sigma over the longest axis, by the first sigma, above
  BLUR_STOP_CONDITION,       // tolconditioncov: condition of the covariance, above; INFINITY: it has no axes any longer
  BLUR_STOP_NO_EFFECT_AXIS,  // noeffectaxis: an axis along which this share of its deviation leaves the mean as it is
  BLUR_STOP_NO_EFFECT_GENE,  // noeffectcoord: a gene that this share of its deviation leaves as it is
  BLUR_STOP_FLAT_FITNESS,    // tolflatfitness: generations in a row whose best three quarters are equally fit, above
  BLUR_STOP_STAGNATION, // tolstagnation: generations in whose second half neither median nor best got better, at or
                        // above
  BLUR_STOPS
} BlurStop;

typedef struct {
  uint64_t seed;
  double sigma;       // the first step size
  int64_t population; // candidates of a generation in the first run; 0: floor(4 + 3 ln N), N the genes not frozen
  bool diagonal;      // a covariance of N numbers, not N x N: for many genes, or such as do not depend on each other
  BlurEvolutionRestarts restarts;
  int64_t most_restarts; // of BIPOP those with a large population
  // Tolerances and budgets. 0 switches a tolerance off, INFINITY what is stopped above its limit. GENERATIONS: 0 is
  // 100 + floor(150 (N + 3)^2 / sqrt(population)) of the first run. STAGNATION: 0 is floor(100 + 100 N^1.5 /
  // population).
  double limit[BLUR_STOPS];
} BlurEvolutionOptions;

// pycma's defaults, with sigma 0.3 and one run: 1e-11 the range of fitness, 1e-12 that of the history, 1e-11 the step,
// 1e3 its growth, 1e20 that of sigma, 1e14 the condition, 0.1 and 0.2 the shares, 1 generation of flat fitness, no
// target and no budgets; 9 restarts where there are any.
BlurEvolutionOptions blur_evolution_options(void);

// Copies what it is given. Fails (usage) where there is no gene to search, a start is out of range or a number is not
// one; (environment) without memory, or where the library of the eigen-solver, LAPACKE, is not installed.
BlurEvolution *blur_evolution_create(size_t genes, const BlurGene *gene, const BlurEvolutionOptions *options,
                                     BlurStatus *status);
void blur_evolution_destroy(BlurEvolution *evolution);

// ---- ask and tell

// The candidates of the next generation, [population][genes], valid until the next call of ask, restore or destroy.
// Begins the next run where one has ended. Asked again before it is told, it gives the same. NULL: the search is done
// (usage), or no memory for a larger population.
const double *blur_evolution_ask(BlurEvolution *evolution, BlurStatus *status);
size_t blur_evolution_population(const BlurEvolution *evolution);
// The fitness of the candidates, [population], smaller is better. One that is not finite ranks worst and never enters
// mean or covariance; a generation of nothing else moves nothing and counts as flat. Fails (usage) where nothing was
// asked.
bool blur_evolution_tell(BlurEvolution *evolution, const double *fitness, BlurStatus *status);

// Noise. Evaluate the first `blur_evolution_noise_candidates` of a generation twice, under what varies, and tell the
// second values, [that many], after `ask` and before `tell`, with the first ones, [population]. Where ranks change more
// than selection could bear, sigma grows by 1 + 2 / (N + 10) at the next `tell`. Counts the evaluations; returns the
// measure of noise, above 0: too much. `tell` may be given the means of both.
size_t blur_evolution_noise_candidates(const BlurEvolution *evolution);
double blur_evolution_tell_noise(BlurEvolution *evolution, const double *fitness, const double *again);

// The distribution's mean as a candidate, [genes]: under noise a better answer than the best candidate.
void blur_evolution_mean(const BlurEvolution *evolution, double *candidate);
// Puts the mean elsewhere, at a candidate within the ranges: a restart may begin where its caller wants, a search goes
// on from what another one found. What was asked and not told is dropped.
void blur_evolution_set_mean(BlurEvolution *evolution, const double *candidate);
// Its fitness, where it was evaluated: counts as an evaluation, and as the best where it is.
void blur_evolution_tell_mean(BlurEvolution *evolution, double fitness);

// ---- what it came to

typedef struct {
  int64_t run, large_runs;  // from 0; how many restarts had a larger population (IPOP: all)
  int64_t generation;       // of the run, told so far
  int64_t evaluations;      // of all runs
  size_t population;        // of the run
  double sigma;             // step size
  double axis_ratio;        // longest over shortest axis
  double shortest, longest; // smallest and largest standard deviation of a gene (of its logarithm)
  double fitness, median;   // of the last generation: the best and the median; NAN: none yet
  double mean_fitness;      // as last told; NAN: not in this run
  double best_fitness;      // of all runs; INFINITY: none was finite
  int64_t best_evaluation;  // the number of the evaluation that gave it, from 1
  int64_t not_finite;       // evaluations of all runs that were not
} BlurEvolutionReport;
BlurEvolutionReport blur_evolution_report(const BlurEvolution *evolution);
const double *blur_evolution_best(const BlurEvolution *evolution); // [genes]; its start before the first was finite
// The distribution of a gene that is not frozen: its standard deviation (of its logarithm).
double blur_evolution_deviation(const BlurEvolution *evolution, size_t gene);

typedef struct {
  BlurStop reason;
  double value, limit; // of axis and gene: which
} BlurEvolutionStop;
// All reasons for which the last run ended, the first ones of `stop` [BLUR_STOPS]; 0: it goes on.
size_t blur_evolution_stops(const BlurEvolution *evolution, BlurEvolutionStop stop[BLUR_STOPS]);
const char *blur_stop_name(BlurStop reason);
// The last run ended and no other follows: the target is reached, a budget of all runs is used up, or there are no
// more restarts.
bool blur_evolution_is_done(const BlurEvolution *evolution);
// Changes a limit of one that runs. Where `reason` has just ended the run, it is taken back: the run goes on if there
// is no other.
void blur_evolution_set_limit(BlurEvolution *evolution, BlurStop reason, double limit);

// ---- saving

// All that the search depends on from here: a header (magic, version, what it was made from), counts, random state
// (which is the numbers of run and generation), mean, paths, covariance, axes, histories, restarts, the best, and a
// checksum (runtime/evolve/state.c). In the byte order of the machine. Candidates that were asked and not told are
// drawn again from it.
size_t blur_evolution_state_bytes(const BlurEvolution *evolution);
void blur_evolution_save(const BlurEvolution *evolution, void *bytes);
// Puts a state into an evolution made from the same genes, seed, sigma, population, kind of covariance and of restarts;
// limits and the number of restarts may differ. Fails (input) where it is damaged or of another one, and then changes
// nothing.
bool blur_evolution_restore(BlurEvolution *evolution, const void *bytes, size_t size, BlurStatus *status);

// ---- parameters

// What the population and the number of genes N decide: Hansen 2016, table 1, as pycma has it.
typedef struct {
  size_t genes, population;
  size_t parents;                   // mu: candidates with a positive weight
  double parents_effective;         // mueff = 1 / sum w+^2
  double sigma_rate, sigma_damping; // cs, ds
  double path_rate;                 // cc
  double one_rate, many_rate;       // c1, cmu
  double normal_length;             // E |N(0, I)|
  double negative_sum;              // of the negative weights
} BlurEvolutionParameters;
BlurEvolutionParameters blur_evolution_parameters(const BlurEvolution *evolution);
const double *blur_evolution_weights(const BlurEvolution *evolution); // [population], the best candidate's first

#ifdef __cplusplus
}
#endif
#endif
