// Ask and tell: see blur/evolve.h. What a generation does to the distribution: distribution.c; when a run ends:
// stops.c; what follows: restarts.c.
#include "runtime/evolve/evolution.h"

#include <stdlib.h>
#include <string.h>

BlurEvolutionOptions blur_evolution_options(void) {
  BlurEvolutionOptions options = {.sigma = 0.3, .most_restarts = 9};
  memcpy(options.limit, stops_defaults, sizeof options.limit);
  return options;
}

// ---- making one

static bool check(size_t genes, const BlurGene *gene, const BlurEvolutionOptions *options, BlurStatus *status) {
  size_t searched = 0;
  for (size_t i = 0; i < genes; i++) searched += !gene[i].frozen;
  if (searched == 0)
    return status_fail(status, BLUR_FAILED_USAGE, "there is no gene that is not frozen: nothing to search");
  if (!genes_check(genes, gene, status)) return false;
  if (!(options->sigma > 0) || !isfinite(options->sigma))
    return status_fail(status, BLUR_FAILED_USAGE, "the first step size, sigma, is a number above 0, not %g",
                       options->sigma);
  if (options->population != 0 && (options->population < 3 || options->population > 1 << 24))
    return status_fail(status, BLUR_FAILED_USAGE,
                       "a population has from 3 to 16777216 candidates, not %lld; 0: as many as suit the genes",
                       (long long)options->population);
  if (options->most_restarts < 0 || options->most_restarts > 32)
    return status_fail(status, BLUR_FAILED_USAGE, "restarts, each with twice the population, are 0 to 32, not %lld",
                       (long long)options->most_restarts);
  for (int s = 0; s < BLUR_STOPS; s++)
    if (isnan(options->limit[s]))
      return status_fail(status, BLUR_FAILED_USAGE, "the limit `%s` is not a number", blur_stop_name((BlurStop)s));
  return true;
}

static double *take(double **free_from, size_t count) {
  double *taken = *free_from;
  *free_from += count;
  return taken;
}

static bool make_state(BlurEvolution *evolution, BlurStatus *status) {
  size_t n = evolution->searched, square = evolution->options.diagonal ? 0 : n * n,
         covariance = evolution->options.diagonal ? n : square;
  evolution->short_capacity = (size_t)(11 + 30 * n / (size_t)evolution->options.population);
  evolution->numbers = 4 * n + covariance + square + evolution->genes + evolution->short_capacity;
  double *from = evolution->state = calloc(evolution->numbers + 2 * LONG_HISTORY, sizeof(double));
  if (!from) return status_fail_memory(status, "a covariance", (double)evolution->numbers * sizeof(double));
  evolution->mean = take(&from, n);
  evolution->step_path = take(&from, n);
  evolution->path = take(&from, n);
  evolution->length = take(&from, n);
  evolution->covariance = take(&from, covariance);
  evolution->axis = square ? take(&from, square) : NULL;
  evolution->best = take(&from, evolution->genes);
  evolution->short_history = take(&from, evolution->short_capacity);
  evolution->long_best = take(&from, LONG_HISTORY);
  evolution->long_median = take(&from, LONG_HISTORY);
  return true;
}

static bool make(BlurEvolution *evolution, const BlurGene *gene, BlurStatus *status) {
  size_t genes = evolution->genes;
  evolution->gene = calloc(genes, sizeof *evolution->gene);
  evolution->frozen = calloc(genes, sizeof *evolution->frozen);
  if (!evolution->gene || !evolution->frozen)
    return status_fail_memory(status, "genes", (double)(genes * sizeof *gene));
  for (size_t i = 0; i < genes; i++) {
    evolution->frozen[i] = gene[i].start;
    if (!gene[i].frozen) evolution->gene[evolution->searched++] = gene_searched(i, &gene[i]);
  }
  size_t n = evolution->searched;
  if (!evolution->options.population) evolution->options.population = (int64_t)parameters_default_population(n);
  evolution->shift = calloc(n + genes, sizeof *evolution->shift);
  evolution->order = calloc(LONG_HISTORY / 2, sizeof *evolution->order);
  if (!evolution->shift || !evolution->order)
    return status_fail_memory(status, "genes", (double)(genes * sizeof *gene));
  evolution->mean_candidate = evolution->shift + n;
  if (!make_state(evolution, status)) return false;
  if (!evolution->options.diagonal && !eigen_open(&evolution->eigen, n, status)) return false;
  memcpy(evolution->best, evolution->frozen, genes * sizeof *evolution->best);
  evolution->counts.best_fitness = INFINITY;
  evolution->clock = stops_clock();
  return restart_begin(evolution, status);
}

BlurEvolution *blur_evolution_create(size_t genes, const BlurGene *gene, const BlurEvolutionOptions *options,
                                     BlurStatus *status) {
  if (!check(genes, gene, options, status)) return NULL;
  BlurEvolution *evolution = calloc(1, sizeof *evolution);
  if (!evolution) {
    status_fail_memory(status, "an evolution", sizeof *evolution);
    return NULL;
  }
  evolution->options = *options;
  evolution->genes = genes;
  if (make(evolution, gene, status)) return evolution;
  blur_evolution_destroy(evolution);
  return NULL;
}

void blur_evolution_destroy(BlurEvolution *evolution) {
  if (!evolution) return;
  eigen_close(&evolution->eigen);
  free(evolution->gene);
  free(evolution->frozen);
  free(evolution->state);
  free(evolution->shift);
  free(evolution->order);
  free(evolution->rank);
  free(evolution->room);
  free(evolution);
}

bool evolution_make_room(BlurEvolution *evolution, size_t population, BlurStatus *status) {
  if (population <= evolution->capacity) return true;
  size_t n = evolution->searched, genes = evolution->genes, each = (2 + genes + 2 * n) * sizeof(double);
  double *room = calloc(population, each), *from = room;
  size_t *rank = calloc(population, sizeof *rank);
  if (!room || !rank) {
    free(room);
    free(rank);
    return status_fail_memory(status, "a population", (double)population * (double)each);
  }
  free(evolution->room);
  free(evolution->rank);
  evolution->room = room;
  evolution->rank = rank;
  evolution->weights = take(&from, population);
  evolution->fitness = take(&from, population);
  evolution->candidates = take(&from, population * genes);
  evolution->normals = take(&from, population * n);
  evolution->steps = take(&from, population * n);
  evolution->capacity = population;
  return true;
}

void evolution_set_population(BlurEvolution *evolution) {
  evolution->parameters = parameters_of(evolution->searched, (size_t)evolution->counts.population,
                                        evolution->options.diagonal, evolution->weights);
}

// ---- ask and tell

const double *blur_evolution_ask(BlurEvolution *evolution, BlurStatus *status) {
  if (blur_evolution_is_done(evolution)) {
    status_fail(status, BLUR_FAILED_USAGE, "the search is done: no run follows");
    return NULL;
  }
  if (evolution->counts.stops > 0 && !restart_begin(evolution, status)) return NULL;
  if (!evolution->asked) distribution_sample(evolution);
  evolution->asked = true;
  return evolution->candidates;
}

static void keep_best(BlurEvolution *evolution, const double *candidate, double fitness, int64_t evaluation) {
  Counts *counts = &evolution->counts;
  if (!isfinite(fitness) || fitness >= counts->best_fitness) return;
  memcpy(evolution->best, candidate, evolution->genes * sizeof *candidate);
  counts->best_fitness = fitness;
  counts->best_evaluation = evaluation;
}

bool blur_evolution_tell(BlurEvolution *evolution, const double *fitness, BlurStatus *status) {
  Counts *counts = &evolution->counts;
  size_t population = evolution->parameters.population;
  if (!evolution->asked)
    return status_fail(status, BLUR_FAILED_USAGE, "fitness was told of candidates that were not asked for");
  evolution->asked = false;
  size_t finite = rank_by(fitness, population, evolution->rank), first = evolution->rank[0];
  for (size_t i = 0; i < population; i++) evolution->fitness[i] = i < finite ? fitness[evolution->rank[i]] : INFINITY;
  keep_best(evolution, evolution->candidates + first * evolution->genes, fitness[first],
            counts->evaluations + (int64_t)first + 1);
  counts->generation++;
  counts->evaluations += (int64_t)population;
  counts->run_evaluations += (int64_t)population;
  counts->not_finite += (int64_t)(population - finite);
  distribution_update(evolution, finite);
  stops_record(evolution, finite);
  stops_check(evolution, finite);
  if (counts->stops > 0) restart_account(evolution);
  return true;
}

size_t blur_evolution_population(const BlurEvolution *evolution) { return evolution->parameters.population; }

void blur_evolution_mean(const BlurEvolution *evolution, double *candidate) {
  memcpy(candidate, evolution->frozen, evolution->genes * sizeof *candidate);
  for (size_t i = 0; i < evolution->searched; i++)
    candidate[evolution->gene[i].index] = gene_value(&evolution->gene[i], evolution->mean[i]);
}

void blur_evolution_set_mean(BlurEvolution *evolution, const double *candidate) {
  for (size_t i = 0; i < evolution->searched; i++)
    evolution->mean[i] = gene_coordinate(&evolution->gene[i], candidate[evolution->gene[i].index]);
  evolution->asked = false;
}

void blur_evolution_tell_mean(BlurEvolution *evolution, double fitness) {
  Counts *counts = &evolution->counts;
  counts->evaluations++;
  counts->run_evaluations++;
  counts->not_finite += !isfinite(fitness);
  counts->mean_fitness = fitness;
  if (!(fitness < counts->best_fitness)) return;
  blur_evolution_mean(evolution, evolution->mean_candidate);
  keep_best(evolution, evolution->mean_candidate, fitness, counts->evaluations);
}

// ---- what it came to

BlurEvolutionReport blur_evolution_report(const BlurEvolution *evolution) {
  const Counts *counts = &evolution->counts;
  BlurEvolutionReport report = {.run = counts->run,
                                .large_runs = counts->large_runs,
                                .generation = counts->generation,
                                .evaluations = counts->evaluations,
                                .population = evolution->parameters.population,
                                .sigma = counts->sigma,
                                .shortest = INFINITY,
                                .fitness = counts->fitness,
                                .median = counts->median,
                                .mean_fitness = counts->mean_fitness,
                                .best_fitness = counts->best_fitness,
                                .best_evaluation = counts->best_evaluation,
                                .not_finite = counts->not_finite};
  double shortest = INFINITY, longest = 0;
  for (size_t i = 0; i < evolution->searched; i++) {
    double deviation = distribution_deviation(evolution, i);
    report.shortest = fmin(report.shortest, deviation);
    report.longest = fmax(report.longest, deviation);
    shortest = fmin(shortest, evolution->length[i]);
    longest = fmax(longest, evolution->length[i]);
  }
  report.axis_ratio = longest / shortest;
  return report;
}

const double *blur_evolution_best(const BlurEvolution *evolution) { return evolution->best; }

double blur_evolution_deviation(const BlurEvolution *evolution, size_t gene) {
  for (size_t i = 0; i < evolution->searched; i++)
    if (evolution->gene[i].index == gene) return distribution_deviation(evolution, i);
  return 0;
}

size_t blur_evolution_stops(const BlurEvolution *evolution, BlurEvolutionStop stop[BLUR_STOPS]) {
  const Counts *counts = &evolution->counts;
  for (int64_t s = 0; s < counts->stops; s++)
    stop[s] = (BlurEvolutionStop){(BlurStop)counts->stop_reason[s], counts->stop_value[s], counts->stop_limit[s]};
  return (size_t)counts->stops;
}

void blur_evolution_set_limit(BlurEvolution *evolution, BlurStop reason, double limit) {
  Counts *counts = &evolution->counts;
  int64_t before = counts->stops;
  evolution->options.limit[reason] = limit;
  for (int64_t s = counts->stops; s-- > 0;) {
    if (counts->stop_reason[s] != (int64_t)reason) continue;
    for (int64_t next = s + 1; next < counts->stops; next++) {
      counts->stop_reason[next - 1] = counts->stop_reason[next];
      counts->stop_value[next - 1] = counts->stop_value[next];
      counts->stop_limit[next - 1] = counts->stop_limit[next];
    }
    counts->stops--;
  }
  if (before > 0 && counts->stops == 0) restart_unaccount(evolution);
}

BlurEvolutionParameters blur_evolution_parameters(const BlurEvolution *evolution) { return evolution->parameters; }
const double *blur_evolution_weights(const BlurEvolution *evolution) { return evolution->weights; }
