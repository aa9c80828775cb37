// See engine.h.
#include "tests/differential/engine.h"

#include "runtime/network/network.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 2, MOST_THREADS = 2 };

bool engine_open(Engine *engine, const BlurRule *rule, const GeneratedCase *generated, BlurOptions options,
                 BlurReport *report) {
  options.layers = generated->layers;
  options.units = generated->units;
  options.batch = generated->batch;
  options.all_live = true;
  options.no_cache = true;
  *engine = (Engine){.program = blur_compile(rule, &options, report)};
  if (engine->program) engine->pool = blur_pool_create(1, NULL);
  if (engine->pool) engine->network = blur_network_create(engine->program, engine->pool, 1, NULL);
  return engine->network != NULL;
}

void engine_close(Engine *engine) {
  blur_network_destroy(engine->network);
  blur_pool_destroy(engine->pool);
  blur_program_destroy(engine->program);
}

// ---- what goes in

static double *allocate(const BlurVariable *variable) {
  double *values = malloc(blur_variable_count(variable) * sizeof *values);
  if (!values) abort();
  return values;
}

// x and y of each step; before the first one also what lives on and begins at 0. Genome and synapses stay as the rule
// initializes them.
static void feed(BlurNetwork *network, uint64_t seed, double perturbation, int step) {
  for (size_t v = 0; v < network->variable_count; v++) {
    const BlurVariable *variable = &network->variables[v];
    bool is_input = variable->kind == BLUR_X || variable->kind == BLUR_Y;
    if (!is_input && (step > 0 || !network_keeps(variable))) continue;
    bool drawn = is_input || variable->kind == BLUR_SIGNAL || variable->kind == BLUR_NEURON;
    uint64_t random = seed * 1000003 + (uint64_t)step * 7919 + (uint64_t)(variable->layer + 2) * 131;
    for (const char *c = variable->name; *c; c++) random = random * 31 + (unsigned char)*c;
    uint64_t moves = random ^ 0xabcdef;
    double *values = allocate(variable);
    blur_network_get(network, variable, values);
    for (size_t i = 0; i < blur_variable_count(variable); i++) {
      if (drawn) values[i] = 2.4 * generated_uniform(&random) - 1.2;
      if (variable->kind == BLUR_Y) values[i] = values[i] > 0 ? 1 : -1;
      else values[i] *= 1 + perturbation * (2 * generated_uniform(&moves) - 1);
    }
    blur_network_set(network, variable, values);
    free(values);
  }
}

// ---- running, with scratch memory of its own for each thread, and a barrier of the system's

static void wait_for_all(void *barrier, int64_t thread) {
  (void)thread;
  if (barrier) pthread_barrier_wait(barrier);
}

typedef struct {
  BlurNetwork *network;
  BlurServices services;
  int thread, threads;
  bool predict;
} Work;

static void *work(void *context) {
  Work *w = context;
  size_t bytes = (blur_program_scratch(w->network->program) + 127) & ~(size_t)63;
  void *scratch = aligned_alloc(64, bytes);
  if (!scratch) abort();
  memset(scratch, 0xff, bytes); // NaN: what is read before it is written shows
  (w->predict ? blur_program_predict : blur_program_step)(w->network->program, w->network->memory, scratch,
                                                          &w->services, w->thread, w->threads);
  free(scratch);
  return NULL;
}

static void run(BlurNetwork *network, int threads, bool predict) {
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, (unsigned)threads);
  Work works[MOST_THREADS];
  pthread_t ids[MOST_THREADS];
  for (int t = 0; t < threads; t++) {
    works[t] = (Work){network, network->services, t, threads, predict};
    works[t].services.pool = threads > 1 ? &barrier : NULL;
    works[t].services.barrier = wait_for_all;
    if (t && pthread_create(&ids[t], NULL, work, &works[t])) abort();
  }
  work(&works[0]);
  for (int t = 1; t < threads; t++) pthread_join(ids[t], NULL);
  pthread_barrier_destroy(&barrier);
}

// ---- what comes out

// The prediction may reuse the neurons' memory, so it is written down by itself.
static void write_down(const BlurNetwork *network, bool prediction, Record *record) {
  for (size_t v = 0; v < network->variable_count; v++) {
    const BlurVariable *variable = &network->variables[v];
    if (variable->kind == BLUR_STEP || variable->kind == BLUR_X || variable->kind == BLUR_Y) continue;
    if ((variable->kind == BLUR_PREDICTION) != prediction) continue;
    Recorded *recorded = &record->variables[record->count++];
    *recorded =
        (Recorded){variable->kind, "", variable->layer, false, blur_variable_count(variable), allocate(variable)};
    strncpy(recorded->name, variable->name, sizeof recorded->name - 1);
    blur_network_get(network, variable, recorded->values);
  }
}

Record engine_run(Engine *engine, uint64_t seed, double perturbation, int threads) {
  BlurNetwork *network = engine->network;
  if (!blur_network_reset(network, seed, NULL)) abort();
  for (int step = 0; step < STEPS; step++) {
    feed(network, seed, perturbation, step);
    blur_network_set_steps(network, step);
    run(network, threads, false);
  }
  Record record = {.variables = calloc(network->variable_count, sizeof(Recorded))};
  if (!record.variables) abort();
  write_down(network, false, &record);
  blur_network_set_steps(network, STEPS);
  run(network, threads, true);
  write_down(network, true, &record);
  return record;
}

void record_free(Record *record) {
  for (size_t i = 0; i < record->count; i++) free(record->variables[i].values);
  free(record->variables);
}

// ---- comparing

static const Recorded *find_twin(const Record *record, const Recorded *of) {
  for (size_t i = 0; i < record->count; i++) {
    const Recorded *twin = &record->variables[i];
    if (twin->kind == of->kind && twin->layer == of->layer && twin->count == of->count && !strcmp(twin->name, of->name))
      return twin;
  }
  return NULL;
}

static double apart(double a, double b) {
  if (isnan(a) && isnan(b)) return 0;
  if (isnan(a) != isnan(b) || ((isinf(a) || isinf(b)) && a != b)) return INFINITY;
  return isinf(a) ? 0 : fabs(a - b);
}

static void compare_variable(const Recorded *reference, const Recorded *other, Difference *into) {
  double largest = 0, difference = 0;
  size_t where = 0;
  for (size_t i = 0; i < reference->count; i++) {
    largest = fmax(largest, fabs(reference->values[i]));
    double d = apart(reference->values[i], other->values[i]);
    if (d > difference) difference = d, where = i;
  }
  if (difference > 0) difference /= fmax(largest, 1e-300);
  if (difference <= into->difference) return;
  *into = (Difference){difference,       reference->kind, reference->name,
                       reference->layer, where,           {reference->values[where], other->values[where]}};
}

// 0 where they are equal; infinity where the other has no such variable.
static Difference difference_of(const Recorded *variable, const Record *other) {
  Difference difference = {INFINITY, variable->kind, variable->name, variable->layer, 0, {NAN, NAN}};
  const Recorded *twin = find_twin(other, variable);
  if (!twin) return difference;
  difference.difference = 0;
  compare_variable(variable, twin, &difference);
  return difference;
}

Difference record_compare(const Record *reference, const Record *other) {
  Difference worst = {.variable = ""};
  for (size_t i = 0; i < reference->count; i++) {
    if (reference->variables[i].undecided) continue;
    Difference difference = difference_of(&reference->variables[i], other);
    if (difference.difference > worst.difference) worst = difference;
  }
  return worst;
}

void record_decide(Record *reference, const Record *other, double far) {
  for (size_t i = 0; i < reference->count; i++)
    if (difference_of(&reference->variables[i], other).difference >= far) reference->variables[i].undecided = true;
}

bool record_tells_something(const Record *record) {
  bool varied = false, saturated = true;
  for (size_t i = 0; i < record->count; i++) {
    const Recorded *variable = &record->variables[i];
    for (size_t j = 0; j < variable->count; j++) {
      if (!isfinite(variable->values[j])) return false;
      if (variable->kind != BLUR_PREDICTION) continue;
      varied = varied || variable->values[j] != variable->values[0];
      saturated = saturated && fabs(fabs(variable->values[j]) - 1) < 1e-9;
    }
  }
  return varied && !saturated;
}
