// The normal distribution of a generation, and what the ranks of its candidates make of it: Hansen 2016, figure 6 and
// appendix A, as pycma has them (evolution_strategy.tell, sampler.GaussFullSampler). C^-1/2 of a step is B z: it is
// read from the numbers that the step was made of.
#include "runtime/evolve/evolution.h"

#include "base/philox.h"

#include <string.h>

static const uint64_t normal_salt = 0x65766F6C7665; // apart from what else the seed draws

void distribution_reset(BlurEvolution *evolution) {
  size_t n = evolution->searched;
  memset(evolution->step_path, 0, n * sizeof(double));
  memset(evolution->path, 0, n * sizeof(double));
  memset(evolution->covariance, 0, (evolution->options.diagonal ? n : n * n) * sizeof(double));
  if (evolution->axis) memset(evolution->axis, 0, n * n * sizeof(double));
  for (size_t i = 0; i < n; i++) {
    evolution->covariance[evolution->axis ? i * n + i : i] = 1;
    if (evolution->axis) evolution->axis[i * n + i] = 1;
    evolution->length[i] = 1;
  }
}

// to += the vector B z with coordinates z along the axes, stretched by their lengths or not.
static void add_along_axes(const BlurEvolution *evolution, const double *z, bool stretched, double *to) {
  size_t n = evolution->searched;
  for (size_t j = 0; j < n; j++) {
    double along = stretched ? evolution->length[j] * z[j] : z[j];
    const double *axis = evolution->axis + j * n;
    for (size_t i = 0; i < n; i++) to[i] += along * axis[i];
  }
}

static void put_candidate(const BlurEvolution *evolution, const double *step, double *candidate) {
  const SearchedGene *gene = evolution->gene;
  double sigma = evolution->counts.sigma;
  if (evolution->searched < evolution->genes)
    memcpy(candidate, evolution->frozen, evolution->genes * sizeof *candidate);
  for (size_t i = 0; i < evolution->searched; i++)
    candidate[gene[i].index] = gene_value(&gene[i], evolution->mean[i] + sigma * gene[i].scale * step[i]);
}

void distribution_sample(BlurEvolution *evolution) {
  size_t n = evolution->searched, population = evolution->parameters.population;
  uint64_t key = philox_mix(evolution->options.seed ^ normal_salt, (uint64_t)evolution->counts.run);
  philox_normals(key, (uint64_t)evolution->counts.generation, 0, population * n, evolution->normals);
  if (evolution->axis) memset(evolution->steps, 0, population * n * sizeof(double));
  for (size_t c = 0; c < population; c++) {
    double *step = evolution->steps + c * n;
    const double *z = evolution->normals + c * n;
    if (evolution->axis) add_along_axes(evolution, z, true, step);
    else
      for (size_t i = 0; i < n; i++) step[i] = evolution->length[i] * z[i];
    put_candidate(evolution, step, evolution->candidates + c * evolution->genes);
  }
}

static double square_of(const double *vector, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += vector[i] * vector[i];
  return sum;
}

double distribution_deviation(const BlurEvolution *evolution, size_t i) {
  double variance = evolution->covariance[evolution->axis ? i * evolution->searched + i : i];
  return evolution->counts.sigma * evolution->gene[i].scale * sqrt(variance);
}

// ---- the update

// Weighted means of the best: to [N] = sum w_i / sum w of `rows` [L][N].
static void mean_of_best(const BlurEvolution *evolution, size_t parents, double total, const double *rows, double *to) {
  size_t n = evolution->searched;
  memset(to, 0, n * sizeof *to);
  for (size_t p = 0; p < parents; p++) {
    const double *row = rows + evolution->rank[p] * n;
    double weight = evolution->weights[p] / total;
    for (size_t i = 0; i < n; i++) to[i] += weight * row[i];
  }
}

static void decay(double *path, size_t count, double rate) {
  for (size_t i = 0; i < count; i++) path[i] *= 1 - rate;
}

// covariance <- keep covariance + weight y y'
static void add_square(BlurEvolution *evolution, double keep, double weight, const double *y) {
  size_t n = evolution->searched;
  double *to = evolution->covariance;
  if (!evolution->axis) {
    for (size_t i = 0; i < n; i++) to[i] = keep * to[i] + weight * y[i] * y[i];
    return;
  }
  for (size_t i = 0; i < n; i++, to += n) {
    double by = weight * y[i];
    if (keep == 1)
      for (size_t j = 0; j <= i; j++) to[j] += by * y[j];
    else
      for (size_t j = 0; j <= i; j++) to[j] = keep * to[j] + by * y[j];
  }
}

// C <- (1 - c1a - cmu sum w) C + c1 pc pc' + cmu sum w y y'; negative weights as if their steps were of length sqrt N.
static void update_covariance(BlurEvolution *evolution, size_t parents, double total, size_t finite, bool is_steady) {
  const Parameters *parameters = &evolution->parameters;
  size_t n = evolution->searched;
  double rate = parameters->path_rate, sum = 0;
  size_t last = finite > parameters->parents ? finite : parents;
  for (size_t p = 0; p < last; p++) sum += p < parents ? evolution->weights[p] / total : evolution->weights[p];
  double one = parameters->one_rate * (is_steady ? 1 : 1 - rate * (2 - rate));
  add_square(evolution, 1 - one - parameters->many_rate * sum, parameters->one_rate, evolution->path);
  for (size_t p = 0; p < last; p++) {
    double weight = p < parents ? evolution->weights[p] / total : evolution->weights[p];
    if (weight < 0) {
      double length = sqrt(square_of(evolution->normals + evolution->rank[p] * n, n)) + 1e-9;
      weight *= (double)n / (length * length);
    }
    if (weight != 0)
      add_square(evolution, 1, parameters->many_rate * weight, evolution->steps + evolution->rank[p] * n);
  }
}

static void update_axes(BlurEvolution *evolution) {
  const Parameters *parameters = &evolution->parameters;
  Counts *counts = &evolution->counts;
  size_t n = evolution->searched;
  double rate = parameters->one_rate + parameters->many_rate;
  if ((double)(counts->generation - counts->axes_of) < 1 / (10 * rate * (double)n)) return;
  if (evolution->axis) {
    counts->axes_failed = !eigen_solve(&evolution->eigen, evolution->covariance, evolution->axis, evolution->length);
    if (counts->axes_failed) return; // a stop: the axes are of no use
  }
  for (size_t i = 0; i < n; i++)
    evolution->length[i] = sqrt(evolution->axis ? evolution->length[i] : evolution->covariance[i]);
  counts->axes_of = counts->generation;
}

void distribution_update(BlurEvolution *evolution, size_t finite) {
  const Parameters *parameters = &evolution->parameters;
  Counts *counts = &evolution->counts;
  size_t n = evolution->searched, parents = parameters->parents < finite ? parameters->parents : finite;
  if (parents == 0) return;
  double total = 0;
  for (size_t p = 0; p < parents; p++) total += evolution->weights[p];
  double effective = total * total / square_of(evolution->weights, parents);

  double rate = parameters->sigma_rate;
  mean_of_best(evolution, parents, total, evolution->normals, evolution->shift);
  for (size_t i = 0; i < n; i++) evolution->shift[i] *= sqrt(rate * (2 - rate) * effective);
  decay(evolution->step_path, n, rate);
  if (evolution->axis) add_along_axes(evolution, evolution->shift, false, evolution->step_path);
  else
    for (size_t i = 0; i < n; i++) evolution->step_path[i] += evolution->shift[i];
  double square = square_of(evolution->step_path, n);
  double expected = (double)n * (1 - pow(1 - rate, 2 * (double)counts->generation));
  bool is_steady = square / expected < 2 + 4 / ((double)n + 1);

  mean_of_best(evolution, parents, total, evolution->steps, evolution->shift);
  decay(evolution->path, n, parameters->path_rate);
  double by = is_steady ? sqrt(parameters->path_rate * (2 - parameters->path_rate) * effective) : 0;
  for (size_t i = 0; i < n; i++) {
    evolution->path[i] += by * evolution->shift[i];
    evolution->mean[i] += counts->sigma * evolution->gene[i].scale * evolution->shift[i];
  }

  update_covariance(evolution, parents, total, finite, is_steady);
  update_axes(evolution);
  double growth = rate / parameters->sigma_damping * (sqrt(square) / parameters->normal_length - 1);
  counts->sigma *= exp(fmax(-1, fmin(1, growth)));
  if (counts->noisy) counts->sigma *= 1 + 2 / ((double)n + 10);
  counts->noisy = 0;
}
