// JIT against interpreter on generated rules. For each seed: the rule is compiled in double for each CPU level and run
// for two steps and a prediction, by one thread and by blocks dealt to two, and every variable is compared with the
// interpreter's to 1e-9 of its largest entry. A case is skipped (and counted) where a perturbation of 1e-12 of the
// inputs moves the interpreter's result by a tenth of that tolerance or more: there the rule itself decides nothing.
//   differential [--first N] [--count N] [--show SEED]     (default: 100 from 1, or 500 with BLUR_TEST_LONG set)
#include "blur/compiler.h"
#include "tests/differential/generate.h"

#include <cblas.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double tolerance = 1e-9;

// ---- services: a barrier of POSIX, products of OpenBLAS

static void wait_for_all(void *pool, int64_t thread) {
  (void)thread;
  if (pool) pthread_barrier_wait(pool);
}

static void product_float(int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                          int64_t ldb, float *c, int64_t ldc) {
  cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1,
              a, (int)lda, b, (int)ldb, 0, c, (int)ldc);
}

static void product_double(int ta, int tb, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda,
                           const double *b, int64_t ldb, double *c, int64_t ldc) {
  cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1,
              a, (int)lda, b, (int)ldb, 0, c, (int)ldc);
}

// ---- a network's memory and its elements

typedef struct {
  BlurProgram *program;
  char *memory;
} Network;

static int64_t elements(const BlurVariable *variable) {
  int64_t count = 1;
  for (int d = 0; d < variable->dimensions; d++) count *= variable->extent[d];
  return count;
}

// The address of element `index` (row-major over the variable's axes), or NULL if it is dead.
static double *element(const Network *network, const BlurVariable *variable, int64_t index) {
  int64_t at[BLUR_MAX_DIMENSIONS];
  for (int d = variable->dimensions; d-- > 0; index /= variable->extent[d]) at[d] = index % variable->extent[d];
  int64_t piece = 0;
  for (int d = 0; d < variable->states; d++) piece = piece * variable->extent[d] + at[d];
  const BlurPiece *place = &variable->piece[piece];
  const int64_t *rest = at + variable->states;
  int axes = variable->dimensions - variable->states;
  int pre = variable->bias_dimension;
  bool in_row = variable->has_bias && at[pre] == variable->extent[pre] - 1;
  int64_t start = in_row ? place->bias_offset : place->offset, offset = 0;
  for (int d = 0; d < axes; d++) offset += rest[d] * (in_row ? place->bias_stride : place->stride)[d];
  return start < 0 ? NULL : (double *)(void *)(network->memory + start + 8 * offset);
}

static Network create(const BlurRule *rule, const GeneratedCase *generated, BlurEngine engine, BlurCpu cpu,
                      BlurReport *report) {
  BlurOptions options = {.layers = generated->layers,
                         .units = generated->units,
                         .batch = generated->batch,
                         .engine = engine,
                         .precision = BLUR_DOUBLE,
                         .cpu = cpu,
                         .all_live = true,
                         .no_cache = true};
  Network network = {.program = blur_compile(rule, &options, report)};
  if (!network.program) return network;
  size_t bytes = (blur_program_memory(network.program) + 63) & ~(size_t)63;
  network.memory = aligned_alloc(64, bytes + 64);
  if (network.memory) memset(network.memory, 0, bytes + 64);
  return network;
}

static void destroy(Network *network) {
  blur_program_destroy(network->program);
  free(network->memory);
}

// Fills inputs, synapses and genome from the seed; each value times (1 + perturbation * a number in -1..1).
static void fill(Network *network, uint64_t seed, double perturbation, int step) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(network->program, &variables);
  for (size_t v = 0; v < count; v++) {
    const BlurVariable *variable = &variables[v];
    bool input = variable->kind == BLUR_X || variable->kind == BLUR_Y;
    if (!input && (step > 0 || (variable->kind != BLUR_SYNAPSE && variable->kind != BLUR_GENOME))) continue;
    uint64_t random = seed * 1000003 + (uint64_t)step * 7919 + (uint64_t)(variable->layer + 2) * 131;
    for (const char *c = variable->name; *c; c++) random = random * 31 + (unsigned char)*c;
    uint64_t noise = random ^ 0xabcdef;
    for (int64_t i = 0; i < elements(variable); i++) {
      double value = 2.4 * generated_uniform(&random) - 1.2;
      if (variable->kind == BLUR_Y) value = value > 0 ? 1 : -1;
      if (variable->kind != BLUR_Y) value *= 1 + perturbation * (2 * generated_uniform(&noise) - 1);
      double *place = element(network, variable, i);
      if (place) *place = value;
    }
  }
}

// ---- running

typedef struct {
  Network *network;
  BlurServices services;
  int64_t thread, threads;
  bool predict;
} Work;

static void *work(void *context) {
  Work *w = context;
  size_t bytes = (blur_program_scratch(w->network->program) + 127) & ~(size_t)63;
  void *scratch = aligned_alloc(64, bytes);
  memset(scratch, 0xff, bytes); // NaN: what is read before it is written shows
  (w->predict ? blur_program_predict : blur_program_step)(w->network->program, w->network->memory, scratch,
                                                          &w->services, w->thread, w->threads);
  free(scratch);
  return NULL;
}

static void run(Network *network, int64_t threads, bool predict) {
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, (unsigned)threads);
  Work works[4];
  pthread_t ids[4];
  for (int64_t t = 0; t < threads; t++) {
    works[t] = (Work){
        network, {threads > 1 ? &barrier : NULL, wait_for_all, product_float, product_double, 0}, t, threads, predict};
    if (t) pthread_create(&ids[t], NULL, work, &works[t]);
  }
  work(&works[0]);
  for (int64_t t = 1; t < threads; t++) pthread_join(ids[t], NULL);
  pthread_barrier_destroy(&barrier);
}

static void learn(Network *network, uint64_t seed, double perturbation, int64_t threads) {
  for (int step = 0; step < 2; step++) {
    fill(network, seed, perturbation, step);
    *(double *)(void *)network->memory = step;
    run(network, threads, false);
  }
}

// ---- comparing

typedef struct {
  double difference; // largest, relative to the variable's largest entry
  const char *variable;
  int layer;
  bool finite, varied, saturated;
} Comparison;

// Adds to `result` the variables after a step, or the prediction (which may reuse the neurons' memory).
static void compare_kind(const Network *reference, const Network *other, bool prediction, Comparison *into) {
  Comparison result = *into;
  const BlurVariable *variables, *others;
  size_t count = blur_program_variables(reference->program, &variables);
  size_t other_count = blur_program_variables(other->program, &others);
  int64_t seen = 0, at_one = 0;
  for (size_t v = 0; v < count; v++) {
    const BlurVariable *variable = &variables[v], *twin = NULL;
    for (size_t u = 0; u < other_count; u++)
      if (others[u].kind == variable->kind && others[u].layer == variable->layer &&
          !strcmp(others[u].name, variable->name))
        twin = &others[u];
    if (!twin || variable->kind == BLUR_STEP || (variable->kind == BLUR_PREDICTION) != prediction) continue;
    double largest = 0, first = NAN, difference = 0;
    for (int64_t i = 0; i < elements(variable); i++) {
      const double *a = element(reference, variable, i), *b = element(other, twin, i);
      if (!a || !b) continue;
      if (!isfinite(*a)) result.finite = false;
      if (variable->kind == BLUR_PREDICTION) {
        if (isnan(first)) first = *a;
        if (*a != first) result.varied = true;
        seen++;
        if (fabs(fabs(*a) - 1) < 1e-9) at_one++;
      }
      if (fabs(*a) > largest) largest = fabs(*a);
      double d = fabs(*a - *b);
      if (isnan(*a) != isnan(*b) || (isinf(*a) && *a != *b)) d = INFINITY;
      if (isnan(*a) && isnan(*b)) d = 0;
      if (d > difference) difference = d;
    }
    difference = difference == 0 ? 0 : difference / fmax(largest, 1e-30);
    if (difference > result.difference)
      result.difference = difference, result.variable = variable->name, result.layer = variable->layer;
  }
  if (prediction) result.saturated = seen && at_one == seen;
  *into = result;
}

static Comparison compare(Network *reference, Network *other, int64_t threads) {
  Comparison result = {.finite = true};
  compare_kind(reference, other, false, &result);
  run(reference, 1, true);
  run(other, threads, true);
  compare_kind(reference, other, true, &result);
  return result;
}

typedef struct {
  int compared, skipped, dull, failed;
} Tally;

static void report_failure(uint64_t seed, const GeneratedCase *generated, const char *what) {
  printf("seed %llu: %s\n%s  net ", (unsigned long long)seed, what, text_get(&generated->script));
  for (int l = 0; l < generated->layers; l++) printf("%s%lld", l ? "-" : "", (long long)generated->units[l]);
  printf(", batch %lld; again: differential --first %llu --count 1\n", (long long)generated->batch,
         (unsigned long long)seed);
  fflush(stdout);
}

static void check_seed(uint64_t seed, Tally *tally) {
  GeneratedCase generated;
  generate_case(seed, &generated);
  char path[] = "/tmp/blur-differential-XXXXXX";
  int file = mkstemp(path);
  size_t length = generated.script.length;
  if (file < 0 || write(file, generated.script.bytes, length) != (ssize_t)length) {
    perror(path);
    exit(3);
  }
  close(file);
  BlurReport *report = blur_report_create();
  BlurRule *rule = blur_rule_load(path, NULL, 0, BLUR_LOSS_CROSS_ENTROPY, report);
  Network reference = {0}, moved = {0};
  if (rule) reference = create(rule, &generated, BLUR_ENGINE_INTERPRET, BLUR_CPU_NATIVE, report);
  if (reference.program) moved = create(rule, &generated, BLUR_ENGINE_INTERPRET, BLUR_CPU_NATIVE, report);
  if (!moved.program) {
    report_failure(seed, &generated, "the generated rule does not compile");
    printf("%s\n", blur_report_text(report, false));
    tally->failed++;
  } else {
    learn(&reference, seed, 0, 1);
    learn(&moved, seed, 1e-12, 1);
    Comparison sensitivity = compare(&reference, &moved, 1);
    if (!sensitivity.finite || !sensitivity.varied || sensitivity.saturated) tally->dull++;
    if (sensitivity.difference >= tolerance / 10) tally->skipped++;
    else {
      tally->compared++;
      bool failed = false;
      for (BlurCpu cpu = BLUR_CPU_X86_64; cpu <= BLUR_CPU_AVX512; cpu++) {
        if (!blur_cpu_available(cpu)) continue;
        Network compiled = create(rule, &generated, BLUR_ENGINE_JIT, cpu, report);
        if (!compiled.program) {
          report_failure(seed, &generated, "the JIT refuses it");
          printf("%s\n", blur_report_text(report, false));
          failed = true;
          continue;
        }
        for (int64_t threads = 1; threads <= 2; threads++) {
          learn(&reference, seed, 0, 1); // predicting has overwritten neurons
          learn(&compiled, seed, 0, threads);
          Comparison comparison = compare(&reference, &compiled, threads);
          if (comparison.difference <= tolerance) continue;
          char what[200];
          snprintf(what, sizeof what, "JIT (%s, %lld threads) differs from the interpreter by %.3g in %s of layer %d",
                   blur_cpu_name(cpu), (long long)threads, comparison.difference, comparison.variable,
                   comparison.layer);
          report_failure(seed, &generated, what);
          failed = true;
          break;
        }
        destroy(&compiled);
      }
      tally->failed += failed;
    }
  }
  destroy(&reference);
  destroy(&moved);
  if (rule) blur_rule_destroy(rule);
  blur_report_destroy(report);
  unlink(path);
  generated_free(&generated);
}

int main(int count, char **arguments) {
  uint64_t first = 1, cases = getenv("BLUR_TEST_LONG") ? 500 : 100;
  for (int i = 1; i + 1 < count; i += 2) {
    uint64_t number = strtoull(arguments[i + 1], NULL, 10);
    if (!strcmp(arguments[i], "--first")) first = number;
    else if (!strcmp(arguments[i], "--count")) cases = number;
    else if (!strcmp(arguments[i], "--show")) {
      GeneratedCase generated;
      generate_case(number, &generated);
      printf("%s", text_get(&generated.script));
      generated_free(&generated);
      return 0;
    }
  }
  Tally tally = {0};
  for (uint64_t seed = first; seed < first + cases; seed++) check_seed(seed, &tally);
  printf("%llu generated rules: %d compared, %d skipped as undecided, %d not finite, constant or saturated\n",
         (unsigned long long)cases, tally.compared, tally.skipped, tally.dull);
  bool enough = (uint64_t)tally.skipped * 5 <= cases && (uint64_t)tally.dull * 10 <= cases;
  if (!enough) printf("too many are skipped or dull: the generator must make better rules\n");
  int failed = tally.failed + (enough ? 0 : 1);
  printf("%llu passed, %d failed\n", (unsigned long long)(cases - (uint64_t)tally.failed), failed);
  return failed ? 1 : 0;
}
