// How much noise changes ranks: Hansen, Niederberger, Guzzella and Koumoutsakos, "A method for handling uncertainty in
// evolutionary optimization", 2009, section III (UH-CMA-ES): theta = 0.2, sigma grows by 1 + 2 / (N + 10).
#include "runtime/evolve/evolution.h"

static const double theta = 0.2;

size_t blur_evolution_noise_candidates(const BlurEvolution *evolution) {
  size_t tenth = evolution->parameters.population / 10;
  return tenth > 2 ? tenth : 2;
}

// theta / 2's percentile of |1 - rank|, |2 - rank|, ..., |2 L - 1 - rank|: what selection bears of a change of rank.
static double bearable(double rank, size_t population) {
  // From `rank` the distances 0, 1, 1, 2, 2, ... go on two by two as far as the nearer end, then one by one.
  double places = 2 * (double)population - 1, nearer = fmin(rank - 1, places - rank);
  double position = theta / 2 * (places - 1);
  double low = floor(position), high = ceil(position);
  double at_low = low <= 2 * nearer ? ceil(low / 2) : low - nearer;
  double at_high = high <= 2 * nearer ? ceil(high / 2) : high - nearer;
  return at_low + (position - low) * (at_high - at_low);
}

double blur_evolution_tell_noise(BlurEvolution *evolution, const double *fitness, const double *again) {
  size_t population = evolution->parameters.population, twice = blur_evolution_noise_candidates(evolution);
  double sum = 0;
  evolution->counts.evaluations += (int64_t)twice;
  evolution->counts.run_evaluations += (int64_t)twice;
  for (size_t i = 0; i < twice; i++) {
    // Ranks in the union of both measurements of all; a candidate measured once counts twice.
    double before = 1, after = 1;
    for (size_t j = 0; j < population; j++) {
      double other = j < twice ? again[j] : fitness[j];
      before += (fitness[j] < fitness[i]) + (other < fitness[i]);
      after += (fitness[j] < again[i]) + (other < again[i]);
    }
    double change = after - before;
    change -= (change > 0) - (change < 0);
    double larger = again[i] > fitness[i], smaller = again[i] < fitness[i];
    sum += 2 * fabs(change) - bearable(after - larger, population) - bearable(before - smaller, population);
  }
  double noise = sum / (double)twice;
  evolution->counts.noisy = noise > 0;
  return noise;
}
