// The parameters of CMA-ES: Hansen 2016, table 1, with the weights and rates of pycma 4.4; of the diagonal variant
// those of Ros and Hansen 2008 as pycma has them.
#include "runtime/evolve/evolution.h"

size_t parameters_default_population(size_t genes) { return (size_t)(4 + 3 * log((double)genes)); }

static double normal_length(double n) {
  if (n <= 6) return sqrt(2) * tgamma((n + 1) / 2) / tgamma(n / 2);
  return sqrt(n) * (1 - 1 / (4 * n) + 1 / (26 * n * n)); // the exact one to 5 digits, without overflow
}

static void full_rates(Parameters *made, double n, double population) {
  double mu = made->parents_effective;
  made->path_rate = (4 + mu / n) / (n + 4 + 2 * mu / n);
  made->one_rate = fmin(1, population / 6) * 2 / ((n + 1.3) * (n + 1.3) + mu);
  made->many_rate = fmin(1 - made->one_rate, 2 * (0.25 + mu + 1 / mu - 2) / ((n + 2) * (n + 2) + mu));
}

static void diagonal_rates(Parameters *made, double n) {
  double mu = made->parents_effective;
  made->path_rate = (1 + 1 / n + mu / n) / (sqrt(n) + 1 / n + 2 * mu / n);
  made->one_rate = 1 / (n + 2 * sqrt(n) + mu / n);
  made->many_rate = fmin(1 - made->one_rate, (0.25 + mu + 1 / mu - 2) / (n + 4 * sqrt(n) + mu / 2));
}

// The sum of the negative weights: as far as C stays positive definite and does not decay by itself.
static double negative_sum(const Parameters *made, double n, double effective) {
  double c1 = made->one_rate, cmu = made->many_rate;
  double sum = fmin(1 + c1 / cmu, (1 - c1 - cmu) / (n * cmu));
  return -fmin(sum, 1 + 2 * effective / (made->parents_effective + 2));
}

Parameters parameters_of(size_t genes, size_t population, bool diagonal, double *weights) {
  Parameters made = {.genes = genes, .population = population};
  double n = (double)genes, positive = 0, negative = 0, squares[2] = {0};
  for (size_t i = 0; i < population; i++) {
    weights[i] = log(((double)population + 1) / 2) - log((double)(i + 1));
    if (weights[i] > 0) made.parents++;
    *(weights[i] > 0 ? &positive : &negative) += weights[i];
    squares[weights[i] > 0] += weights[i] * weights[i];
  }
  made.parents_effective = positive * positive / squares[1];
  made.sigma_rate = (made.parents_effective + 2) / (n + made.parents_effective + 3);
  made.sigma_damping = 1 + 2 * fmax(0, sqrt((made.parents_effective - 1) / (n + 1)) - 1) + made.sigma_rate;
  made.normal_length = normal_length(n);
  if (diagonal) diagonal_rates(&made, n);
  else full_rates(&made, n, (double)population);
  made.negative_sum = negative_sum(&made, n, negative * negative / squares[0]);
  for (size_t i = 0; i < population; i++) weights[i] *= weights[i] > 0 ? 1 / positive : made.negative_sum / negative;
  return made;
}
