// Schedules against the interpreter; see schedule_check.h.
#include "tests/support/schedule_check.h"

#include "compiler/passes/passes.h"
#include "compiler/passes/schedule_internal.h"
#include "tests/support/schedule_run.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const ScheduleTarget schedule_wide_target = {"test512", 64, 32, true, 49152, 1048576, 14, 2};
const ScheduleTarget schedule_narrow_target = {"test128", 16, 16, false, 32768, 262144, 4, 2};

static double draw(unsigned *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return (double)(*seed >> 8) / 16777216.0 - 0.5;
}

typedef struct {
  Arena *arena;
  IrProgram *reference, *program;
  double **storage; // of the reference, dense
  double tolerance; // of the largest entry
} Fixture;

static IrProgram *parse(Arena *arena, const char *text) {
  const char *error = NULL;
  IrProgram *program = ir_parse(arena, text, strlen(text), &error);
  cr_assert(program, "%s\n%s", error, text);
  const char *wrong = ir_verify(program);
  cr_assert_null(wrong, "%s\n%s", wrong, text);
  return program;
}

static void optimize(IrProgram *program) {
  static const char *const passes[] = {"simplify", "contract",  "unroll_states", "version", "propagate",
                                       "simplify", "propagate", "hoist",         "dead"};
  for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
    const Pass *pass = pass_find(passes[i]);
    if (!pass) continue;
    pass->run(program);
    const char *wrong = ir_verify(program);
    cr_assert_null(wrong, "after %s: %s", passes[i], wrong);
  }
}

IrProgram *schedule_optimized(Arena *arena, const char *text) {
  IrProgram *program = parse(arena, text);
  optimize(program);
  return program;
}

static Fixture fixture_of(const char *text, double tolerance) {
  Fixture fixture = {.arena = arena_create(), .tolerance = tolerance};
  fixture.reference = parse(fixture.arena, text);
  fixture.program = schedule_optimized(fixture.arena, text);
  fixture.storage = ARENA_ARRAY(fixture.arena, double *, fixture.reference->buffers.count);
  unsigned seed = 7;
  for (size_t b = 0; b < fixture.reference->buffers.count; b++) {
    const IrBufferInfo *info = &fixture.reference->buffers.items[b];
    int64_t count = ir_buffer_elements(info);
    fixture.storage[b] = ARENA_ARRAY(fixture.arena, double, count);
    for (int64_t i = 0; i < count && info->live_in; i++) fixture.storage[b][i] = draw(&seed);
  }
  return fixture;
}

// Where the elements of a scheduled buffer are in the dense storage of the variable it belongs to.
static double *dense_element(const Fixture *fixture, IrBuffer buffer, const int64_t *position) {
  const IrProgram *program = fixture->program;
  IrBuffer slot = schedule_slot(program, buffer);
  const IrBufferInfo *info = &program->buffers.items[slot];
  IrBuffer whole = info->origin == IR_NONE ? slot : info->origin;
  const IrBufferInfo *of = &fixture->reference->buffers.items[whole];
  int states = info->origin == IR_NONE ? 0 : info->states;
  int64_t at = 0;
  int next = 0;
  for (int d = 0; d < of->dimensions; d++)
    at = at * of->extent[d] + (d < states && info->state[d] >= 0 ? info->state[d] : position[next++]);
  return &fixture->storage[whole][at];
}

static bool next_position(const IrBufferInfo *info, int64_t *position) {
  for (int d = info->dimensions - 1; d >= 0; d--) {
    if (++position[d] < info->extent[d]) return true;
    position[d] = 0;
  }
  return false;
}

static void copy_inputs(const Fixture *fixture, const Schedule *schedule, double *memory) {
  for (size_t b = 0; b < schedule->program->buffers.count; b++) {
    const IrBufferInfo *info = &schedule->program->buffers.items[b];
    if (!info->live_in || schedule->plans[b].place != PLACE_MEMORY) continue;
    int64_t position[IR_MAX_DIMENSIONS] = {0};
    do *schedule_element(schedule, memory, (IrBuffer)b, position) = *dense_element(fixture, (IrBuffer)b, position);
    while (next_position(info, position));
  }
}

static bool same_number(double is, double wanted, double difference) {
  if (isnan(wanted) || isinf(wanted)) return isnan(wanted) ? isnan(is) : is == wanted;
  return fabs(is - wanted) <= difference;
}

static double largest_entry(const Fixture *fixture, IrBuffer buffer) {
  const IrBufferInfo *info = &fixture->program->buffers.items[buffer];
  int64_t position[IR_MAX_DIMENSIONS] = {0};
  double largest = 0;
  do {
    double entry = fabs(*dense_element(fixture, buffer, position));
    if (entry > largest && isfinite(entry)) largest = entry;
  } while (next_position(info, position));
  return largest;
}

static size_t compare_outputs(const Fixture *fixture, const Schedule *schedule, double *memory, const char *text) {
  size_t compared = 0;
  for (size_t b = 0; b < schedule->program->buffers.count; b++) {
    const IrBufferInfo *info = &schedule->program->buffers.items[b];
    if (!info->live_out) continue;
    int64_t position[IR_MAX_DIMENSIONS] = {0};
    double largest = largest_entry(fixture, (IrBuffer)b);
    do {
      double is = *schedule_element(schedule, memory, (IrBuffer)b, position),
             wanted = *dense_element(fixture, (IrBuffer)b, position);
      cr_assert(same_number(is, wanted, fixture->tolerance * (1 + largest)), "%s: %.17g instead of %.17g\n%s",
                info->name, is, wanted, text);
      compared++;
    } while (next_position(info, position));
  }
  return compared;
}

static Schedule *schedule_of(const Fixture *fixture, const ScheduleOptions *options, Text *printed) {
  PlanTable *table = plan_table_create(fixture->arena);
  plan_table_reserve(table, 64);
  Schedule *schedule = schedule_program(fixture->arena, fixture->program, options, table);
  cr_assert_not_null(schedule);
  schedule_print(schedule, printed);
  if (getenv("BLUR_SHOW")) fprintf(stderr, "%s\n", text_get(printed));
  const char *wrong = schedule_verify(schedule);
  cr_assert_null(wrong, "%s\n%s", wrong, text_get(printed));
  return schedule;
}

// Aligned, and full of NaN.
static double *make_memory(Arena *arena, int64_t bytes) {
  char *memory = ARENA_ARRAY(arena, char, bytes + 128);
  memory += 64 - (uintptr_t)memory % 64;
  memset(memory, 0xff, (size_t)bytes + 64);
  return (double *)(void *)memory;
}

void schedule_check_text(const char *text, const ScheduleTarget *target, int element_bytes, bool blas, int steps) {
  Fixture fixture = fixture_of(text, 1e-11);
  ScheduleOptions options = {.target = *target, .element_bytes = element_bytes, .blas_products = blas};
  Text printed = {0};
  Schedule *schedule = schedule_of(&fixture, &options, &printed);
  double *memory = make_memory(fixture.arena, schedule->memory_bytes * 8 / element_bytes);
  copy_inputs(&fixture, schedule, memory);
  for (int step = 0; step < steps; step++) {
    schedule_run(schedule, memory, step, 3u + (unsigned)step);
    ir_interpret(fixture.reference, fixture.storage, step, 0);
    cr_assert(compare_outputs(&fixture, schedule, memory, text_get(&printed)) > 0);
  }
  text_free(&printed);
  arena_destroy(fixture.arena);
}

// ---- compiled

static const uint64_t compiled_seed = 0xFEDCBA9876543210u;

typedef struct {
  BackendEntry *entry;
  double *memory, *scratch;
  BlurServices services;
  int64_t thread, threads;
} Work;

static void wait_for_all(void *pool, int64_t thread) {
  (void)thread;
  pthread_barrier_wait(pool);
}

static void *work(void *context) {
  const Work *w = context;
  w->entry(w->memory, w->scratch, &w->services, w->thread, w->threads);
  return NULL;
}

static void run_threads(Arena *arena, const Schedule *schedule, BackendEntry *entry, double *memory, int threads) {
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, (unsigned)threads);
  Work works[4];
  pthread_t ids[4];
  for (int t = 0; t < threads; t++) {
    works[t] = (Work){entry,
                      memory,
                      make_memory(arena, schedule->scratch_bytes),
                      {.pool = &barrier, .barrier = wait_for_all, .seed = compiled_seed},
                      t,
                      threads};
    if (t) pthread_create(&ids[t], NULL, work, &works[t]);
  }
  work(&works[0]);
  for (int t = 1; t < threads; t++) pthread_join(ids[t], NULL);
  pthread_barrier_destroy(&barrier);
}

void schedule_check_compiled(const char *text, BlurCpu cpu, int threads, int steps) {
  Fixture fixture = fixture_of(text, 1e-9);
  pass_multiply_add(fixture.program);
  ScheduleOptions options = {.target = *backend_target(cpu), .element_bytes = 8};
  Text printed = {0};
  Schedule *schedule = schedule_of(&fixture, &options, &printed);
  double *memory = make_memory(fixture.arena, schedule->memory_bytes);
  copy_inputs(&fixture, schedule, memory);
  BackendUnit unit = {"step", schedule, 0};
  const char *error = NULL;
  bool from_cache;
  BackendCode *code = backend_compile(fixture.arena, cpu, &unit, 1, false, &from_cache, &error);
  cr_assert(code, "%s\n%s", error, text_get(&printed));
  for (int step = 0; step < steps; step++) {
    memory[0] = step;
    run_threads(fixture.arena, schedule, backend_entry(code, "step"), memory, threads);
    ir_interpret(fixture.reference, fixture.storage, step, compiled_seed);
    cr_assert(compare_outputs(&fixture, schedule, memory, text_get(&printed)) > 0);
  }
  backend_destroy(code);
  text_free(&printed);
  arena_destroy(fixture.arena);
}
