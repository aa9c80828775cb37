// Runs one after the other: IPOP doubles the population (Auger and Hansen 2005); BIPOP goes between runs of doubled
// populations and small ones with small steps, so that both kinds have had as many evaluations (Hansen 2009). As
// pycma's fmin has them: the first run counts as a small one, small ones do not count as restarts.
#include "runtime/evolve/evolution.h"

#include "base/philox.h"

static const uint64_t restart_salt = 0x72657374617274; // apart from what else the seed draws

static double draw(const BlurEvolution *evolution, int64_t run, uint64_t index) {
  return philox_uniform(evolution->options.seed ^ restart_salt, (uint64_t)run, index);
}

// What the next run is: population, first step size, budget.
static Counts next_run(const BlurEvolution *evolution) {
  Counts next = evolution->counts;
  double first = (double)evolution->options.population, sigma = evolution->options.sigma;
  bool is_first = next.population == 0;
  bool is_small = evolution->options.restarts == BLUR_EVOLUTION_BIPOP && next.small_total < next.large_total;
  next.small_generations = 0;
  next.is_large = false;
  next.population = evolution->options.population;
  if (!is_first) {
    next.run++;
    next.is_large = !is_small;
    next.large_runs += !is_small;
    double by = ldexp(1, (int)next.large_runs);
    if (is_small) {
      sigma *= pow(0.01, draw(evolution, next.run, 0));
      double u = draw(evolution, next.run, 1);
      next.population = (int64_t)(first * pow(by, u * u));
      next.small_generations = (int64_t)(0.5 * (double)next.large_total / (double)next.population);
      if (next.small_generations < 1) next.small_generations = 1;
    } else {
      next.population = (int64_t)(first * by);
    }
  }
  next.generation = next.run_evaluations = next.axes_of = next.axes_failed = next.flat = next.noisy = 0;
  next.short_count = next.long_count = next.stops = 0;
  next.sigma = next.sigma_first = sigma;
  next.fitness = next.median = next.mean_fitness = NAN;
  return next;
}

bool restart_begin(BlurEvolution *evolution, BlurStatus *status) {
  Counts next = next_run(evolution);
  if (!evolution_make_room(evolution, (size_t)next.population, status)) return false;
  evolution->counts = next;
  evolution_set_population(evolution);
  distribution_reset(evolution);
  for (size_t i = 0; i < evolution->searched; i++) {
    const SearchedGene *gene = &evolution->gene[i];
    double share = next.run > 0 ? draw(evolution, next.run, 2 + i) : 0;
    evolution->mean[i] = gene->restart_low + share * (gene->restart_high - gene->restart_low);
    if (next.run == 0) evolution->mean[i] = gene->start;
  }
  return true;
}

static int64_t *total_of(Counts *counts) { return counts->is_large ? &counts->large_total : &counts->small_total; }

void restart_account(BlurEvolution *evolution) { *total_of(&evolution->counts) += evolution->counts.run_evaluations; }
void restart_unaccount(BlurEvolution *evolution) { *total_of(&evolution->counts) -= evolution->counts.run_evaluations; }

bool blur_evolution_is_done(const BlurEvolution *evolution) {
  const Counts *counts = &evolution->counts;
  if (counts->stops == 0) return false;
  for (int64_t s = 0; s < counts->stops; s++)
    if (counts->stop_reason[s] == BLUR_STOP_TARGET || counts->stop_reason[s] == BLUR_STOP_EVALUATIONS ||
        counts->stop_reason[s] == BLUR_STOP_SECONDS)
      return true;
  return evolution->options.restarts == BLUR_EVOLUTION_ONE_RUN ||
         counts->large_runs >= evolution->options.most_restarts;
}
