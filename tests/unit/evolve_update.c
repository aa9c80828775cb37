// What a generation does to the distribution, beside the formulas computed plainly: from the candidates alone, C^-1/2
// through Jacobi's eigenvectors, matrices in full. Fitness that is not finite; only ranks count; noise; the mean.
#include "evolve.h"

enum { N = 4, L = 10 };

// ---- the formulas: Hansen 2016, with the weights and rates that the evolution says

typedef struct {
  double mean[N], step_path[N], path[N], c[N][N], sigma;
  int generation;
} Plain;

// The inverse root of a symmetric matrix, by Jacobi rotations.
static void inverse_root(double from[N][N], double root[N][N]) {
  double a[N][N], v[N][N] = {{0}};
  memcpy(a, from, sizeof a);
  for (int i = 0; i < N; i++) v[i][i] = 1;
  for (int sweep = 0; sweep < 30; sweep++)
    for (int p = 0; p < N; p++)
      for (int q = p + 1; q < N; q++) {
        if (fabs(a[p][q]) < 1e-300) continue;
        double angle = 0.5 * atan2(2 * a[p][q], a[q][q] - a[p][p]), c = cos(angle), s = sin(angle);
        for (int i = 0; i < N; i++) {
          double x = a[i][p], y = a[i][q];
          a[i][p] = c * x - s * y;
          a[i][q] = s * x + c * y;
        }
        for (int i = 0; i < N; i++) {
          double x = a[p][i], y = a[q][i];
          a[p][i] = c * x - s * y;
          a[q][i] = s * x + c * y;
          x = v[i][p];
          y = v[i][q];
          v[i][p] = c * x - s * y;
          v[i][q] = s * x + c * y;
        }
      }
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      root[i][j] = 0;
      for (int k = 0; k < N; k++) root[i][j] += v[i][k] * v[j][k] / sqrt(a[k][k]);
    }
}

static void times(double matrix[N][N], const double *x, double *y) {
  for (int i = 0; i < N; i++) {
    y[i] = 0;
    for (int j = 0; j < N; j++) y[i] += matrix[i][j] * x[j];
  }
}

// `scale`: of each gene; what is not finite has no weight.
static void plain_update(Plain *plain, const BlurEvolutionParameters *p, const double *weights, const double *scale,
                         const double *x, const double *fitness) {
  size_t order[L];
  double y[L][N], root[N][N], w[L] = {0}, delta[N] = {0}, white[N], sum = 0, positive = 0, squares = 0;
  int count = 0;
  for (int taken = 0; taken < L; taken++) { // by selection, those that are not finite at no rank
    int best = -1;
    for (int c = 0; c < L; c++) {
      bool used = !isfinite(fitness[c]);
      for (int o = 0; o < count; o++) used = used || order[o] == (size_t)c;
      if (!used && (best < 0 || fitness[c] < fitness[best])) best = c;
    }
    if (best >= 0) order[count++] = (size_t)best;
  }
  for (int r = 0; r < count; r++) {
    w[r] = weights[r];
    if (w[r] > 0) positive += w[r];
  }
  for (int r = 0; r < count; r++) {
    if (w[r] > 0) w[r] /= positive;
    if (w[r] > 0) squares += w[r] * w[r];
    sum += w[r];
    for (int i = 0; i < N; i++) {
      y[r][i] = (x[order[r] * N + (size_t)i] - plain->mean[i]) / (plain->sigma * scale[i]);
      if (w[r] > 0) delta[i] += w[r] * y[r][i];
    }
  }
  double effective = 1 / squares, cs = p->sigma_rate, cc = p->path_rate, norm = 0;
  plain->generation++;
  inverse_root(plain->c, root);
  times(root, delta, white);
  for (int i = 0; i < N; i++) {
    plain->step_path[i] = (1 - cs) * plain->step_path[i] + sqrt(cs * (2 - cs) * effective) * white[i];
    norm += plain->step_path[i] * plain->step_path[i];
    plain->mean[i] += plain->sigma * scale[i] * delta[i];
  }
  double h = norm / (N * (1 - pow(1 - cs, 2.0 * plain->generation))) < 2 + 4.0 / (N + 1) ? 1 : 0;
  for (int i = 0; i < N; i++)
    plain->path[i] = (1 - cc) * plain->path[i] + h * sqrt(cc * (2 - cc) * effective) * delta[i];
  double c1a = p->one_rate * (1 - (1 - h) * cc * (2 - cc)), keep = 1 - c1a - p->many_rate * sum;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) plain->c[i][j] = keep * plain->c[i][j] + p->one_rate * plain->path[i] * plain->path[j];
  for (int r = 0; r < count; r++) {
    double weight = w[r], z[N], length = 0;
    times(root, y[r], z);
    for (int i = 0; i < N; i++) length += z[i] * z[i];
    if (weight < 0) weight *= N / pow(sqrt(length) + 1e-9, 2);
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) plain->c[i][j] += p->many_rate * weight * y[r][i] * y[r][j];
  }
  plain->sigma *= exp(fmax(-1, fmin(1, cs / p->sigma_damping * (sqrt(norm) / p->normal_length - 1))));
}

static const double scales[N] = {1, 3, 0.2, 1};

static BlurEvolution *open_scaled(uint64_t seed, Plain *plain) {
  BlurEvolutionOptions options = without_stops();
  BlurGene gene[N];
  *plain = (Plain){.sigma = 0.7};
  options.sigma = 0.7;
  options.population = L;
  options.seed = seed;
  for (int i = 0; i < N; i++) {
    gene[i] = gene_at(plain->mean[i] = i - 0.5);
    gene[i].deviation = scales[i];
    plain->c[i][i] = 1;
  }
  return evolution_open(N, gene, &options);
}

static void compare(const BlurEvolution *evolution, const Plain *plain, int generation) {
  double mean[N];
  blur_evolution_mean(evolution, mean);
  for (size_t i = 0; i < N; i++) {
    double deviation = plain->sigma * scales[i] * sqrt(plain->c[i][i]);
    cr_expect(fabs(mean[i] - plain->mean[i]) < 1e-9 * (1 + fabs(plain->mean[i])),
              "generation %d, mean %zu: %.15g %.15g", generation, i, mean[i], plain->mean[i]);
    cr_expect(fabs(blur_evolution_deviation(evolution, i) / deviation - 1) < 1e-9,
              "generation %d, deviation %zu: %.15g %.15g", generation, i, blur_evolution_deviation(evolution, i),
              deviation);
  }
  cr_expect(fabs(blur_evolution_report(evolution).sigma / plain->sigma - 1) < 1e-9);
}

// `spoil`: a candidate's fitness is not finite with this chance of 1/8.
static void beside_formulas(uint64_t seed, unsigned spoil) {
  Plain plain;
  BlurEvolution *evolution = open_scaled(seed, &plain);
  BlurEvolutionParameters parameters = blur_evolution_parameters(evolution);
  static const double bad[] = {NAN, INFINITY, -INFINITY};
  int64_t spoiled = 0;
  for (int generation = 0; generation < 40; generation++) {
    const double *x = blur_evolution_ask(evolution, NULL);
    double fitness[L];
    for (unsigned c = 0; c < L; c++) {
      unsigned draw = (unsigned)(generation * L) + c;
      fitness[c] = ellipsoid(x + c * N, N);
      if (draw * 2654435761u >> 29 < spoil) fitness[c] = bad[spoiled++ % 3];
    }
    plain_update(&plain, &parameters, blur_evolution_weights(evolution), scales, x, fitness);
    cr_assert(blur_evolution_tell(evolution, fitness, NULL));
    compare(evolution, &plain, generation);
  }
  cr_expect_eq(blur_evolution_report(evolution).not_finite, spoiled);
  cr_expect(spoil == 0 || spoiled > 20);
  blur_evolution_destroy(evolution);
}

Test(evolve_update, by_the_formulas) { beside_formulas(0, 0); }
Test(evolve_update, not_finite) {
  beside_formulas(1, 1);
  beside_formulas(2, 6); // most of them: fewer than parents are left
}

// A generation of nothing finite leaves the distribution as it was.
Test(evolve_update, nothing_finite) {
  Plain plain;
  BlurEvolution *evolution = open_scaled(3, &plain);
  double fitness[L];
  for (int generation = 0; generation < 3; generation++) {
    blur_evolution_ask(evolution, NULL);
    for (int c = 0; c < L; c++) fitness[c] = c % 2 ? NAN : INFINITY;
    cr_assert(blur_evolution_tell(evolution, fitness, NULL));
    compare(evolution, &plain, generation);
  }
  BlurEvolutionReport report = blur_evolution_report(evolution);
  cr_expect_eq(report.not_finite, 3 * L);
  cr_expect(isinf(report.best_fitness));
  for (size_t i = 0; i < N; i++) cr_expect_eq(blur_evolution_best(evolution)[i], (double)i - 0.5, "best: the start");
  blur_evolution_destroy(evolution);
}

// Candidates are those of the distribution: in the first generation uncorrelated, with each gene's own deviation.
Test(evolve_update, candidates_have_their_deviations) {
  enum { MANY = 20000 };
  BlurEvolutionOptions options = blur_evolution_options();
  BlurGene gene[N];
  options.population = MANY;
  for (int i = 0; i < N; i++) {
    gene[i] = gene_at(10 * i);
    gene[i].deviation = scales[i];
  }
  BlurEvolution *evolution = evolution_open(N, gene, &options);
  const double *x = blur_evolution_ask(evolution, NULL);
  for (int i = 0; i < N; i++)
    for (int j = 0; j <= i; j++) {
      double sum = 0;
      for (int c = 0; c < MANY; c++) sum += (x[c * N + i] - 10 * i) * (x[c * N + j] - 10 * j);
      double unit = sum / MANY / (0.09 * scales[i] * scales[j]);
      cr_expect(fabs(unit - (i == j)) < 0.05, "%d %d: %g", i, j, unit);
    }
  blur_evolution_destroy(evolution);
}

static double through_exp(const double *x, size_t n) { return -exp(-sphere(x, n)); }

// The same order of fitness, the same bits.
Test(evolve_update, only_ranks_count) {
  BlurEvolutionOptions options = without_stops();
  BlurEvolution *a = evolution_at(3, 0.4, &options), *b = evolution_at(3, 0.4, &options);
  for (int generation = 0; generation < 20; generation++) {
    evolution_step(a, sphere, 3);
    evolution_step(b, through_exp, 3);
  }
  const double *x = blur_evolution_ask(a, NULL), *y = blur_evolution_ask(b, NULL);
  cr_expect_arr_eq(x, y, blur_evolution_population(a) * 3 * sizeof(double));
  blur_evolution_destroy(a);
  blur_evolution_destroy(b);
}

Test(evolve_update, seeds) {
  BlurEvolutionOptions options = blur_evolution_options();
  double first[3];
  for (options.seed = 0; options.seed < 3; options.seed++) {
    BlurEvolution *a = evolution_at(3, 0, &options), *b = evolution_at(3, 0, &options);
    const double *x = blur_evolution_ask(a, NULL);
    cr_expect_arr_eq(x, blur_evolution_ask(b, NULL), blur_evolution_population(a) * 3 * sizeof(double));
    cr_expect_eq(x, blur_evolution_ask(a, NULL), "asked again, the same");
    first[options.seed] = x[0];
    blur_evolution_destroy(a);
    blur_evolution_destroy(b);
  }
  cr_expect(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
}

// ---- noise and the mean

// Hansen et al. 2009, by hand for 10 candidates of which the first 2 are measured again. No rank changes: what is
// borne, twice, is below 0. The best two become the worst: of 20 measurements, those of the others counted twice, ranks
// 1 and 2 become 19 and 20, a change of 17 past each other; borne are, as the 10th percentile of the distances to 1 ...
// 19, 1.8 at rank 1 and 1 at rank 18, and 1 at rank 2 and 1.8 at rank 19: 2 * 17 - 2.8.
Test(evolve_update, noise) {
  BlurEvolutionOptions options = without_stops();
  options.population = L;
  BlurEvolution *evolution = evolution_at(N, 1, &options), *still = evolution_at(N, 1, &options);
  cr_assert_eq(blur_evolution_noise_candidates(evolution), 2);
  double fitness[L], again[2] = {0, 1}, turned[2] = {100, 101};
  for (int c = 0; c < L; c++) fitness[c] = c;
  blur_evolution_ask(evolution, NULL);
  blur_evolution_ask(still, NULL);
  cr_expect(blur_evolution_tell_noise(still, fitness, again) <= 0);
  double noise = blur_evolution_tell_noise(evolution, fitness, turned);
  cr_expect_float_eq(noise, 31.2, 1e-12, "%g", noise);
  blur_evolution_tell(still, fitness, NULL);
  blur_evolution_tell(evolution, fitness, NULL);
  double growth = blur_evolution_report(evolution).sigma / blur_evolution_report(still).sigma;
  cr_expect_float_eq(growth, 1 + 2.0 / (N + 10), 1e-12);
  cr_expect_eq(blur_evolution_report(evolution).evaluations, L + 2);
  blur_evolution_destroy(evolution);
  blur_evolution_destroy(still);
}

Test(evolve_update, mean_is_a_candidate) {
  BlurEvolutionOptions options = without_stops();
  BlurEvolution *evolution = evolution_at(3, 2, &options);
  double mean[3];
  for (int generation = 0; generation < 30; generation++) evolution_step(evolution, sphere, 3);
  BlurEvolutionReport before = blur_evolution_report(evolution);
  blur_evolution_mean(evolution, mean);
  blur_evolution_tell_mean(evolution, before.best_fitness / 2);
  BlurEvolutionReport after = blur_evolution_report(evolution);
  cr_expect_eq(after.evaluations, before.evaluations + 1);
  cr_expect_eq(after.best_evaluation, after.evaluations);
  cr_expect_eq(after.best_fitness, before.best_fitness / 2);
  cr_expect_eq(after.mean_fitness, before.best_fitness / 2);
  cr_expect_arr_eq(blur_evolution_best(evolution), mean, sizeof mean);
  blur_evolution_tell_mean(evolution, NAN);
  cr_expect_eq(blur_evolution_report(evolution).best_fitness, before.best_fitness / 2);
  blur_evolution_destroy(evolution);
}

Test(evolve_update, what_was_not_asked_is_refused) {
  BlurEvolutionOptions options = blur_evolution_options();
  BlurEvolution *evolution = evolution_at(2, 0, &options);
  double fitness[6] = {0};
  BlurStatus status = {0};
  cr_expect_not(blur_evolution_tell(evolution, fitness, &status));
  cr_expect_eq(status.code, BLUR_FAILED_USAGE);
  blur_evolution_ask(evolution, &status);
  cr_expect(blur_evolution_tell(evolution, fitness, &status));
  cr_expect_not(blur_evolution_tell(evolution, fitness, &status), "told twice");
  blur_evolution_destroy(evolution);
}
