// A search that is saved and restored goes on to the same bits; damaged states are refused; nothing is allocated on the
// way.
#include "evolve.h"

#include <malloc.h>

typedef struct {
  size_t bytes;
  char *state;
} Saved;

static Saved save(const BlurEvolution *evolution) {
  Saved saved = {.bytes = blur_evolution_state_bytes(evolution)};
  saved.state = malloc(saved.bytes);
  blur_evolution_save(evolution, saved.state);
  return saved;
}

static void same_state(const BlurEvolution *a, const BlurEvolution *b, const char *what) {
  Saved x = save(a), y = save(b);
  cr_expect(x.bytes == y.bytes && memcmp(x.state, y.state, x.bytes) == 0, "%s: states differ", what);
  free(x.state);
  free(y.state);
}

static BlurEvolution *open_one(size_t genes, const BlurEvolutionOptions *options) {
  BlurGene gene[MOST_GENES];
  for (size_t i = 0; i < genes; i++) {
    gene[i] = gene_at(2);
    gene[i].restart_low = -5;
    gene[i].restart_high = 5;
  }
  gene[0].low = -6;
  gene[0].high = 6;
  return evolution_open(genes, gene, options);
}

static void copy_goes_on(BlurEvolution *original, size_t genes, const BlurEvolutionOptions *options, int generations,
                         const char *what) {
  Saved saved = save(original);
  BlurEvolution *copy = open_one(genes, options);
  BlurStatus status = {0};
  cr_assert(blur_evolution_restore(copy, saved.state, saved.bytes, &status), "%s", status.message);
  same_state(original, copy, what);
  for (int g = 0; g < generations && !blur_evolution_is_done(original); g++) {
    evolution_step(original, rastrigin, genes);
    evolution_step(copy, rastrigin, genes);
  }
  same_state(original, copy, what);
  blur_evolution_destroy(copy);
  free(saved.state);
}

// Cut at many generations, those at which a run ends among them; each cut goes on for some generations.
static void cut_everywhere(const char *what, size_t genes, BlurEvolutionOptions options, int generations, int every) {
  BlurEvolution *whole = open_one(genes, &options);
  int64_t runs = 0;
  for (int g = 0; g < generations && !blur_evolution_is_done(whole); g++) {
    BlurEvolutionStop stop[BLUR_STOPS];
    if (g % every == 0 || blur_evolution_stops(whole, stop) > 0) copy_goes_on(whole, genes, &options, 3, what);
    else evolution_step(whole, rastrigin, genes);
    runs = blur_evolution_report(whole).run;
  }
  cr_expect(options.restarts == BLUR_EVOLUTION_ONE_RUN || runs > 2, "%s: too few restarts to see", what);
  blur_evolution_destroy(whole);
}

Test(evolve_state, goes_on_to_the_same_bits) {
  BlurEvolutionOptions options = blur_evolution_options();
  options.seed = 0;
  cut_everywhere("full", 5, options, 400, 7);
  options.diagonal = true;
  cut_everywhere("diagonal", 5, options, 400, 7);
  options.diagonal = false;
  options.limit[BLUR_STOP_SECONDS] = INFINITY;
  options.sigma = 2;
  options.restarts = BLUR_EVOLUTION_IPOP;
  cut_everywhere("ipop", 3, options, 1500, 13);
  options.restarts = BLUR_EVOLUTION_BIPOP;
  cut_everywhere("bipop", 3, options, 1500, 13);
  options = without_stops();
  cut_everywhere("axes that are older than the covariance", 60, options, 60, 5);
}

// 100 generations, and 50, saved, and 50 more: once with candidates that were asked and not told.
Test(evolve_state, run_100_is_run_50_and_50) {
  for (int asked = 0; asked < 2; asked++) {
    BlurEvolutionOptions options = without_stops();
    BlurEvolution *whole = open_one(6, &options), *first = open_one(6, &options), *second = open_one(6, &options);
    for (int g = 0; g < 100; g++) evolution_step(whole, rosenbrock, 6);
    for (int g = 0; g < 50; g++) evolution_step(first, rosenbrock, 6);
    if (asked) blur_evolution_ask(first, NULL);
    Saved saved = save(first);
    blur_evolution_destroy(first);
    evolution_step(second, sphere, 6); // whatever it was before
    blur_evolution_ask(second, NULL);
    cr_assert(blur_evolution_restore(second, saved.state, saved.bytes, NULL));
    for (int g = 0; g < 50; g++) evolution_step(second, rosenbrock, 6);
    same_state(whole, second, "100 generations");
    const double *x = blur_evolution_ask(whole, NULL), *y = blur_evolution_ask(second, NULL);
    cr_expect_arr_eq(x, y, blur_evolution_population(whole) * 6 * sizeof(double));
    blur_evolution_destroy(whole);
    blur_evolution_destroy(second);
    free(saved.state);
  }
}

// Limits are no part of what a state belongs to.
Test(evolve_state, limits_may_differ) {
  BlurEvolutionOptions options = without_stops();
  BlurEvolution *a = open_one(3, &options);
  for (int g = 0; g < 10; g++) evolution_step(a, sphere, 3);
  Saved saved = save(a);
  options.limit[BLUR_STOP_GENERATIONS] = 12;
  BlurEvolution *b = open_one(3, &options);
  cr_assert(blur_evolution_restore(b, saved.state, saved.bytes, NULL));
  evolution_run(b, sphere, 3);
  cr_expect_eq(blur_evolution_report(b).generation, 12);
  blur_evolution_destroy(a);
  blur_evolution_destroy(b);
  free(saved.state);
}

static void refused(BlurEvolution *into, const void *state, size_t bytes, const char *says) {
  BlurStatus status = {0};
  Saved before = save(into), after;
  cr_expect_not(blur_evolution_restore(into, state, bytes, &status));
  cr_expect_eq(status.code, BLUR_FAILED_INPUT);
  cr_expect(strstr(status.message, says), "%s: %s", says, status.message);
  after = save(into);
  cr_expect(before.bytes == after.bytes && memcmp(before.state, after.state, before.bytes) == 0, "it changed");
  free(before.state);
  free(after.state);
}

Test(evolve_state, damage_is_seen) {
  BlurEvolutionOptions options = without_stops();
  BlurEvolution *evolution = open_one(3, &options);
  for (int g = 0; g < 20; g++) evolution_step(evolution, sphere, 3);
  Saved saved = save(evolution);
  for (size_t bit = 0; bit < 8 * saved.bytes; bit += 1 + bit % 17) { // headers and counts, numbers, hash
    saved.state[bit / 8] ^= (char)(1 << bit % 8);
    refused(evolution, saved.state, saved.bytes, "state");
    saved.state[bit / 8] ^= (char)(1 << bit % 8);
  }
  for (size_t bytes = 0; bytes < saved.bytes; bytes += 37) refused(evolution, saved.state, bytes, "cut off");
  cr_expect(blur_evolution_restore(evolution, saved.state, saved.bytes, NULL), "as it was");
  blur_evolution_destroy(evolution);
  free(saved.state);
}

Test(evolve_state, another_search_is_refused) {
  BlurEvolutionOptions options = without_stops();
  BlurEvolution *evolution = open_one(3, &options);
  Saved saved = save(evolution);
  blur_evolution_destroy(evolution);
  for (int i = 0; i < 7; i++) {
    BlurEvolutionOptions other = options;
    if (i == 1) other.seed = 1;
    if (i == 2) other.sigma = 0.4;
    if (i == 3) other.population = 8;
    if (i == 4) other.diagonal = true;
    if (i == 5) other.restarts = BLUR_EVOLUTION_IPOP;
    evolution = i == 6 ? evolution_at(3, 2, &other) : open_one(i == 0 ? 4 : 3, &other);
    refused(evolution, saved.state, saved.bytes, i == 0 ? "over 3 genes, not 4" : "another search");
    blur_evolution_destroy(evolution);
  }
  free(saved.state);
}

// Nothing that ask and tell take stays; and after the first generation they take nothing at all.
Test(evolve_state, nothing_is_allocated) {
  BlurEvolutionOptions options = without_stops();
  BlurEvolution *evolution = open_one(40, &options);
  static double fitness[1000];
  struct mallinfo2 before = {0}, after;
  for (int g = 0; g < 1000; g++) {
    if (g == 1) before = mallinfo2();
    const double *x = blur_evolution_ask(evolution, NULL);
    for (size_t c = 0; c < blur_evolution_population(evolution); c++) fitness[c] = ellipsoid(x + 40 * c, 40);
    blur_evolution_tell(evolution, fitness, NULL);
  }
  after = mallinfo2();
  cr_expect_eq(before.uordblks, after.uordblks);
  cr_expect_eq(before.hblks, after.hblks);
  blur_evolution_destroy(evolution);
}
