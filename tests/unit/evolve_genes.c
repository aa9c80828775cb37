// Genes of an evolution: bounds, logarithms, frozen ones, what is refused.
#include "evolve.h"
#include "runtime/evolve/evolution.h"

static SearchedGene bounded(double low, double high) {
  return gene_searched(0, &(BlurGene){.start = (low + high) / 2, .low = low, .high = high});
}

// pycma's fold of [1, 2]: margins min(1/2, max(|1|, 1) / 20) = 0.05 and 0.1, the identity between them, parabolas to
// the bounds, a period of 2 (1 + 0.15) = 2.3.
Test(evolve_genes, fold) {
  SearchedGene gene = bounded(1, 2);
  const double expected[][2] = {{1.5, 1.5},       {1.05, 1.05}, {1.9, 1.9},   {0.95, 1},  {2.1, 2},
                                {1, 1.0125},      {2, 1.975},   {0.85, 1.05}, {2.3, 1.9}, {1.5 + 2.3, 1.5},
                                {1.3 - 4.6, 1.3}, {0.4, 1.5},   {2.7, 1.5}};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    cr_expect_float_eq(gene_value(&gene, expected[i][0]), expected[i][1], 1e-12, "%g: %.15g, not %g", expected[i][0],
                       gene_value(&gene, expected[i][0]), expected[i][1]);
  double before = gene_value(&gene, -3), slope = 0;
  for (double x = -3; x < 6; x += 1e-4) { // no jump, in value or slope
    double now = gene_value(&gene, x + 1e-4), steep = (now - before) / 1e-4;
    cr_assert(now >= 1 && now <= 2);
    cr_assert(x == -3 || fabs(steep - slope) < 2e-3, "%g: %g, before %g", x, steep, slope);
    slope = steep;
    before = now;
  }
}

// One-sided bounds, and such as are far away; the coordinate of a value has that value.
Test(evolve_genes, inverse) {
  const double ranges[][2] = {{1, 2}, {-INFINITY, 3}, {0, INFINITY}, {-1e99, 1e-3}, {0, 1e-9}, {-INFINITY, INFINITY}};
  for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
    double low = ranges[r][0], high = ranges[r][1];
    SearchedGene gene = gene_searched(0, &(BlurGene){.start = fmin(fmax(0, low), high), .low = low, .high = high});
    for (int i = 0; i <= 100; i++) {
      double from = isfinite(low) && low > -100 ? low : -100, to = isfinite(high) ? high : 100;
      double value = fmin(from + (to - from) * i / 100, to), back = gene_value(&gene, gene_coordinate(&gene, value));
      cr_expect(fabs(back - value) <= 1e-12 * fmax(1, fabs(value)) * (to - from > 1 ? 1 : to - from),
                "[%g, %g]: %.17g %.17g", low, high, value, back);
    }
  }
}

static double left_of_zero(const double *x, size_t n) { return x[0] + (n > 1 ? pow(x[1] - 0.3, 2) : 0); }

// The best lies on a bound; every candidate is in range.
Test(evolve_genes, bounds) {
  BlurEvolutionOptions options = blur_evolution_options();
  BlurGene gene[] = {{.start = 1.5, .low = 1, .high = 2}, {.start = 0.5, .low = 0, .high = INFINITY}};
  options.sigma = 1;
  BlurEvolution *evolution = evolution_open(2, gene, &options);
  while (!blur_evolution_is_done(evolution)) {
    const double *x = blur_evolution_ask(evolution, NULL);
    for (size_t c = 0; c < blur_evolution_population(evolution); c++)
      cr_assert(x[2 * c] >= 1 && x[2 * c] <= 2 && x[2 * c + 1] >= 0);
    evolution_step(evolution, left_of_zero, 2);
  }
  cr_expect_float_eq(blur_evolution_best(evolution)[0], 1, 1e-9);
  cr_expect_float_eq(blur_evolution_best(evolution)[1], 0.3, 1e-4);
  blur_evolution_destroy(evolution);
}

static double to_a_thousandth(const double *x, size_t n) { return pow(log10(x[0]) + 3, 2) + sphere(x + 1, n - 1); }

Test(evolve_genes, logarithms) {
  BlurEvolutionOptions options = blur_evolution_options();
  BlurGene gene[] = {{.start = 10, .low = 1e-4, .high = 100, .logarithmic = true, .deviation = 2}, gene_at(1)};
  BlurEvolution *evolution = evolution_open(2, gene, &options);
  cr_expect_float_eq(blur_evolution_deviation(evolution, 0), 0.6, 1e-12);
  evolution_run(evolution, to_a_thousandth, 2);
  cr_expect_float_eq(blur_evolution_best(evolution)[0], 1e-3, 1e-7);
  blur_evolution_destroy(evolution);
}

// Frozen genes stay, and the search is that of the others alone, to the last bit.
Test(evolve_genes, frozen) {
  BlurEvolutionOptions options = blur_evolution_options();
  BlurGene all[] = {gene_at(1), {.start = 7, .frozen = true}, gene_at(2), gene_at(3), {.start = -7, .frozen = true}};
  BlurGene free_ones[] = {all[0], all[2], all[3]};
  BlurEvolution *a = evolution_open(5, all, &options), *b = evolution_open(3, free_ones, &options);
  for (int generation = 0; generation < 30; generation++) {
    const double *x = blur_evolution_ask(a, NULL), *y = blur_evolution_ask(b, NULL);
    double fitness[7];
    cr_assert_eq(blur_evolution_population(a), 7); // of three genes
    for (size_t c = 0; c < 7; c++) {
      cr_assert(x[5 * c + 1] == 7 && x[5 * c + 4] == -7);
      cr_assert(x[5 * c] == y[3 * c] && x[5 * c + 2] == y[3 * c + 1] && x[5 * c + 3] == y[3 * c + 2]);
      fitness[c] = sphere(y + 3 * c, 3);
    }
    blur_evolution_tell(a, fitness, NULL);
    blur_evolution_tell(b, fitness, NULL);
  }
  double mean[5];
  blur_evolution_mean(a, mean);
  cr_expect(mean[1] == 7 && mean[4] == -7);
  cr_expect(blur_evolution_best(a)[1] == 7 && blur_evolution_deviation(a, 1) == 0 &&
            blur_evolution_deviation(a, 0) > 0);
  blur_evolution_destroy(a);
  blur_evolution_destroy(b);
}

static void refused(const BlurGene *gene, BlurEvolutionOptions options, const char *says) {
  BlurStatus status = {0};
  cr_expect_null(blur_evolution_create(1, gene, &options, &status));
  cr_expect_eq(status.code, BLUR_FAILED_USAGE);
  cr_expect(strstr(status.message, says), "%s: %s", says, status.message);
}

Test(evolve_genes, what_makes_no_sense) {
  BlurEvolutionOptions options = blur_evolution_options();
  const BlurGene right = gene_at(1);
  BlurGene gene = right;
  gene.frozen = true;
  refused(&gene, options, "nothing to search");
  gene = right, gene.start = NAN;
  refused(&gene, options, "gene 0: its start");
  gene = right, gene.low = 2;
  refused(&gene, options, "out of its range");
  gene = right, gene.low = gene.high = 1;
  refused(&gene, options, "not below");
  gene = right, gene.low = NAN;
  refused(&gene, options, "a bound");
  gene = right, gene.deviation = -1;
  refused(&gene, options, "deviation");
  gene = right, gene.logarithmic = true, gene.start = 0;
  refused(&gene, options, "logarithmic");
  gene = right, gene.high = 2, gene.restart_low = 0, gene.restart_high = 3;
  refused(&gene, options, "restarts begin");
  for (int i = 0; i < 5; i++) {
    BlurEvolutionOptions wrong = options;
    static const char *const says[] = {"sigma", "sigma", "population", "restarts", "target"};
    if (i == 0) wrong.sigma = 0;
    if (i == 1) wrong.sigma = INFINITY;
    if (i == 2) wrong.population = 2;
    if (i == 3) wrong.most_restarts = -1;
    if (i == 4) wrong.limit[BLUR_STOP_TARGET] = NAN;
    refused(&right, wrong, says[i]);
  }
}
