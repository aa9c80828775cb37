// CMA-ES beside pycma 4.4: its parameters, and the evaluations that it takes. The numbers of pycma were measured with
// it, 31 seeds each; the searches here have seeds of their own, so medians may differ by what chance does to them.
#include "evolve.h"

enum { SEEDS = 31 };

// ---- parameters

typedef struct {
  size_t genes, population, parents;
  double effective, sigma_rate, path_rate, one_rate, many_rate, negative;
} Vector;

static void near6(const char *what, size_t genes, double value, double expected) {
  cr_expect(fabs(value - expected) <= 0.5e-6 + 1e-12, "%s of %zu genes: %.7f, not %.6f", what, genes, value, expected);
}

Test(evolve_conformance, parameters) {
  static const Vector vectors[] = {
      {2, 6, 3, 2.028611, .573173, .624555, .154815, .085593, -2.207324},
      {5, 8, 4, 2.600179, .433972, .450200, .047292, .047859, -1.988158},
      {10, 10, 5, 3.167299, .319614, .294990, .015284, .023552, -1.648946},
      {20, 12, 6, 3.729459, .214350, .171767, .004372, .009217, -1.474402},
      {40, 15, 7, 4.540915, .137585, .093009, .001169, .003405, -1.343424},
  };
  BlurEvolutionOptions options = blur_evolution_options();
  for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++) {
    const Vector *expected = &vectors[v];
    BlurEvolution *evolution = evolution_at(expected->genes, 0, &options);
    BlurEvolutionParameters made = blur_evolution_parameters(evolution);
    size_t genes = expected->genes;
    cr_expect_eq(made.population, expected->population);
    cr_expect_eq(made.parents, expected->parents);
    near6("mueff", genes, made.parents_effective, expected->effective);
    near6("cs", genes, made.sigma_rate, expected->sigma_rate);
    near6("cc", genes, made.path_rate, expected->path_rate);
    near6("c1", genes, made.one_rate, expected->one_rate);
    near6("cmu", genes, made.many_rate, expected->many_rate);
    near6("sum w-", genes, made.negative_sum, expected->negative);
    near6("damping", genes, made.sigma_damping, 1 + expected->sigma_rate); // mueff < N + 2: no more to it
    blur_evolution_destroy(evolution);
  }
}

Test(evolve_conformance, weights) {
  static const double expected[] = {.456273,  .270753,  .162231,  .085234,  .025510,
                                    -.080013, -.221764, -.344555, -.452864, -.549750};
  BlurEvolutionOptions options = blur_evolution_options();
  BlurEvolution *evolution = evolution_at(10, 0, &options);
  for (size_t i = 0; i < 10; i++) near6("weight", 10, blur_evolution_weights(evolution)[i], expected[i]);
  blur_evolution_destroy(evolution);
}

// E |N(0, I)| in closed form: sqrt(2 / pi), sqrt(pi / 2), 2 sqrt(2 / pi), 3 / 2 sqrt(pi / 2); of many genes by the
// series.
Test(evolve_conformance, length_of_normal_vectors) {
  const double expected[] = {sqrt(4 / two_pi), sqrt(two_pi / 4), 2 * sqrt(4 / two_pi), 1.5 * sqrt(two_pi / 4)};
  BlurEvolutionOptions options = blur_evolution_options();
  for (size_t n = 1; n <= 4; n++) {
    BlurEvolution *evolution = evolution_at(n, 0, &options);
    cr_expect_float_eq(blur_evolution_parameters(evolution).normal_length, expected[n - 1], 1e-12);
    blur_evolution_destroy(evolution);
  }
  BlurEvolution *evolution = evolution_at(16, 0, &options);
  cr_expect_float_eq(blur_evolution_parameters(evolution).normal_length, sqrt(2) * exp(lgamma(8.5) - lgamma(8)), 2e-4);
  blur_evolution_destroy(evolution);
}

// The rates of the diagonal variant for 20 genes: pycma's documentation of _CMAParameters shows their first digits.
Test(evolve_conformance, parameters_of_the_diagonal) {
  BlurEvolutionOptions options = blur_evolution_options();
  options.diagonal = true;
  BlurEvolution *evolution = evolution_at(20, 0, &options);
  BlurEvolutionParameters made = blur_evolution_parameters(evolution);
  cr_expect_eq(floor(made.one_rate * 1e7), 343279);
  cr_expect_eq(floor(made.path_rate * 1e6), 252594);
  cr_expect_eq(floor(made.many_rate * 1e7), 565385);
  blur_evolution_destroy(evolution);
}

// ---- evaluations

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median_of(double *values) {
  qsort(values, SEEDS, sizeof *values, ascending);
  return values[SEEDS / 2];
}

// Evaluations until the target is met; INFINITY: it never was.
static double evaluations(BlurEvolution *evolution, Function *function, size_t genes) {
  evolution_run(evolution, function, genes);
  bool reached = !isnan(stopped_by(evolution, BLUR_STOP_TARGET));
  double taken = (double)blur_evolution_report(evolution).evaluations;
  blur_evolution_destroy(evolution);
  return reached ? taken : INFINITY;
}

static void beside_pycma(const char *name, Function *function, double start, const double expected[4]) {
  static const size_t genes[] = {2, 5, 10, 20};
  for (int g = 0; g < 4; g++) {
    double taken[SEEDS];
    BlurEvolutionOptions options = blur_evolution_options();
    options.sigma = 0.5;
    options.limit[BLUR_STOP_TARGET] = 1e-9;
    for (options.seed = 0; options.seed < SEEDS; options.seed++)
      taken[options.seed] = evaluations(evolution_at(genes[g], start, &options), function, genes[g]);
    double median = median_of(taken);
    cr_log_info("%s, %zu genes: %g evaluations, pycma %g: %+.1f %%", name, genes[g], median, expected[g],
                100 * (median / expected[g] - 1));
    cr_expect(fabs(median / expected[g] - 1) <= 0.1, "%s, %zu genes: median %g, of pycma %g", name, genes[g], median,
              expected[g]);
  }
}

Test(evolve_conformance, sphere) { beside_pycma("sphere", sphere, 1, (const double[]){240, 688, 1460, 2784}); }
Test(evolve_conformance, ellipsoid) {
  beside_pycma("ellipsoid", ellipsoid, 1, (const double[]){498, 1520, 4130, 12876});
}
Test(evolve_conformance, rosenbrock) {
  beside_pycma("Rosenbrock", rosenbrock, 0, (const double[]){468, 1720, 5220, 16512});
}

// The diagonal variant knows the ellipsoid's axes, which lie along the genes: less than half of what the full one
// takes.
Test(evolve_conformance, diagonal) {
  double taken[SEEDS];
  BlurEvolutionOptions options = blur_evolution_options();
  options.sigma = 0.5;
  options.diagonal = true;
  options.limit[BLUR_STOP_TARGET] = 1e-9;
  for (options.seed = 0; options.seed < SEEDS; options.seed++)
    taken[options.seed] = evaluations(evolution_at(20, 1, &options), ellipsoid, 20);
  double median = median_of(taken);
  cr_expect(median < 0.5 * 12876, "median %g", median);
}

// From a random start, with 9 restarts, each from another one: always solved.
static void rastrigin_is_solved(BlurEvolutionRestarts restarts) {
  double taken[SEEDS], longest = 0;
  BlurEvolutionOptions options = blur_evolution_options();
  options.sigma = 2;
  options.restarts = restarts;
  options.limit[BLUR_STOP_TARGET] = 1e-9;
  for (options.seed = 0; options.seed < SEEDS; options.seed++) {
    BlurGene gene[5];
    for (size_t i = 0; i < 5; i++) {
      double share = (double)((options.seed * 5 + i) * 7919 % 10007) / 10007; // as good as uniform
      gene[i] = gene_at(-5 + 10 * share);
      gene[i].restart_low = -5;
      gene[i].restart_high = 5;
    }
    taken[options.seed] = evaluations(evolution_open(5, gene, &options), rastrigin, 5);
    longest = fmax(longest, taken[options.seed]);
  }
  cr_expect(isfinite(longest), "not solved from every seed");
  double median = median_of(taken);
  cr_log_info("Rastrigin: median %g evaluations, pycma about 22000", median);
  cr_expect(median > 22000 / 2.0 && median < 22000 * 2.0, "median %g", median);
}

Test(evolve_conformance, rastrigin_ipop) { rastrigin_is_solved(BLUR_EVOLUTION_IPOP); }
Test(evolve_conformance, rastrigin_bipop) { rastrigin_is_solved(BLUR_EVOLUTION_BIPOP); }
