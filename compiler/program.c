// Programs: a checked rule compiled for one network, by the JIT or for the interpreter, behind the public BlurProgram.
#include "compiler/memory_plan.h"
#include "compiler/passes/lower.h"
#include "compiler/plan.h"
#include "compiler/rule.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef enum { RUN_STEP, RUN_PREDICT, RUN_QUERY, RUN_ADJOINT, RUN_QUERY_TANGENT, RUN_TANGENT, RUN_COUNT } Run;
static const char *const run_names[RUN_COUNT] = {"step", "predict", "query", "adjoint", "query_tangent", "tangent"};

struct BlurProgram {
  Arena *arena;
  VariablePlan plan;
  size_t memory_bytes, scratch_bytes, element_bytes;
  int layers;
  int64_t *units, batch;
  bool batch_statistics;
  uint64_t rule_hash, equations_hash;
  BlurCost cost;
  // JIT
  BackendCode *code;
  BackendEntry *entry[RUN_COUNT];
  // interpreter: programs as lowered (and their derivatives), and the place of each of their buffers
  const IrProgram *interpreted[RUN_COUNT];
  int64_t *offset[RUN_COUNT];
  IrInexactness inexact;
};

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// ---- the interpreter's memory: every buffer of all programs, dense, in double; variables shared by name

typedef struct {
  Arena *arena;
  ARENA_LIST(const char *) names;
  ARENA_LIST(const IrBufferInfo *) buffers;
  ARENA_LIST(int64_t) offsets;
  int64_t end;
} DensePlan;

static int64_t dense_find(const DensePlan *plan, const char *name) {
  for (size_t i = 0; i < plan->names.count; i++)
    if (!strcmp(plan->names.items[i], name)) return plan->offsets.items[i];
  return -1;
}

// Some states of a variable that is stored whole: copied from it before the program, which does not assign them.
static bool is_piece(const IrBufferInfo *buffer) {
  return buffer->live_in && buffer->origin != IR_NONE && buffer->states > 0;
}

// Copies the elements of a piece out of the whole.
static void gather_piece(const IrBufferInfo *piece, const IrBufferInfo *whole, double *to, const double *from) {
  int64_t stride[IR_MAX_DIMENSIONS], below = 1, index[IR_MAX_DIMENSIONS] = {0}, elements = ir_buffer_elements(piece);
  for (int d = whole->dimensions; d-- > 0; below *= whole->extent[d]) stride[d] = below;
  int64_t kept[IR_MAX_DIMENSIONS];
  int dimensions = 0;
  for (int d = 0; d < whole->dimensions; d++) {
    if (d < piece->states && piece->state[d] >= 0) from += piece->state[d] * stride[d];
    else kept[dimensions++] = stride[d];
  }
  for (int64_t i = 0; i < elements; i++) {
    const double *at = from;
    for (int d = 0; d < dimensions; d++) at += index[d] * kept[d];
    to[i] = *at;
    for (int d = dimensions - 1; d >= 0 && ++index[d] == piece->extent[d]; d--) index[d] = 0;
  }
}

// The last value of a variable, in a buffer of its own: copied into the variable's place after the program.
static bool is_last_version(const IrBufferInfo *buffer) {
  return buffer->live_out && !buffer->live_in && buffer->origin != IR_NONE;
}

static int64_t *place_dense(DensePlan *plan, const IrProgram *program) {
  int64_t *offsets = ARENA_ARRAY(plan->arena, int64_t, program->buffers.count + 1);
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    bool own = buffer->role == ROLE_TEMPORARY || is_last_version(buffer) || is_piece(buffer);
    offsets[b] = own ? -1 : dense_find(plan, buffer->name);
    if (offsets[b] >= 0) continue;
    offsets[b] = plan->end;
    plan->end += (ir_buffer_elements(buffer) * (int64_t)sizeof(double) + 63) & ~(int64_t)63;
    if (own) continue;
    ARENA_PUSH(plan->arena, &plan->names, buffer->name);
    ARENA_PUSH(plan->arena, &plan->buffers, buffer);
    ARENA_PUSH(plan->arena, &plan->offsets, offsets[b]);
  }
  return offsets;
}

static bool dense_place(void *context, const char *name, int64_t *offset, int64_t *stride) {
  const DensePlan *plan = context;
  for (size_t i = 0; i < plan->names.count; i++) {
    if (strcmp(plan->names.items[i], name)) continue;
    const IrBufferInfo *buffer = plan->buffers.items[i];
    int64_t below = 1;
    for (int d = buffer->dimensions; d-- > 0;) {
      stride[d] = below;
      below *= buffer->extent[d];
    }
    *offset = plan->offsets.items[i];
    return true;
  }
  return false;
}

static void compile_interpreted(BlurProgram *program, const CheckedRule *rule, DriverPrograms *programs,
                                const BlurOptions *options) {
  DensePlan dense = {.arena = program->arena, .end = 64};
  if (programs->query) driver_optimize_adjoint(programs, options->all_live, true, NULL, NULL);
  if (programs->query_tangent) driver_optimize_tangent(programs, options->all_live, true);
  const IrProgram *all[RUN_COUNT] = {programs->lowered_step, programs->lowered_predict, programs->query,
                                     programs->step_adjoint, programs->query_tangent,   programs->step_tangent};
  for (int run = 0; run < RUN_COUNT; run++) {
    if (!all[run]) continue;
    program->interpreted[run] = all[run];
    program->offset[run] = place_dense(&dense, all[run]);
  }
  program->plan = plan_variables(program->arena, rule, programs, options, false, 8, dense_place, &dense);
  program->memory_bytes = (size_t)dense.end;
  program->element_bytes = sizeof(double);
  program->inexact = (IrInexactness){options->inexact_bits, options->inexactness, 0};
}

static void interpret(const BlurProgram *program, Run run, char *memory, const BlurServices *services) {
  const IrProgram *ir = program->interpreted[run];
  const int64_t *offset = program->offset[run];
  Arena *arena = arena_create();
  double **storage = ARENA_ARRAY(arena, double *, ir->buffers.count + 1);
  for (size_t b = 0; b < ir->buffers.count; b++) storage[b] = (double *)(void *)(memory + offset[b]);
  for (size_t b = 0; b < ir->buffers.count; b++) {
    const IrBufferInfo *buffer = &ir->buffers.items[b];
    if (is_piece(buffer)) gather_piece(buffer, &ir->buffers.items[buffer->origin], storage[b], storage[buffer->origin]);
  }
  double step = *(double *)(void *)memory;
  IrInexactness inexact = program->inexact;
  inexact.draws = (uint64_t)step << 40;
  ir_interpret_inexactly(ir, storage, step, services->seed, &inexact);
  for (size_t b = 0; b < ir->buffers.count; b++) {
    const IrBufferInfo *buffer = &ir->buffers.items[b];
    if (is_last_version(buffer))
      memcpy(storage[buffer->origin], storage[b], (size_t)ir_buffer_elements(buffer) * sizeof(double));
  }
  arena_destroy(arena);
}

// ---- compiled code

// Code and plan, from the cache or compiled. False, with an error in the report.
static bool find_code(BlurProgram *program, DriverPrograms *programs, const BlurOptions *options, MemoryPlan *plan,
                      BlurReport *report) {
  char key[MEMORY_PLAN_KEY + 1];
  if (!options->no_cache) {
    memory_plan_key(programs, options, key);
    program->code = memory_plan_load(program->arena, key, plan);
    program->cost.from_cache = program->code != NULL;
    if (program->code) return true;
  }
  driver_optimize(programs, options->all_live, NULL, NULL);
  if (programs->query) driver_optimize_adjoint(programs, options->all_live, false, NULL, NULL);
  if (programs->query_tangent) driver_optimize_tangent(programs, options->all_live, false);
  DriverSchedules schedules = driver_schedule(programs, options);
  const Schedule *all[RUN_COUNT] = {schedules.step,         schedules.predict,       schedules.query,
                                    schedules.step_adjoint, schedules.query_tangent, schedules.step_tangent};
  BackendUnit units[RUN_COUNT];
  size_t count = 0;
  for (int run = 0; run < RUN_COUNT; run++)
    if (all[run]) units[count++] = (BackendUnit){run_names[run], all[run], 0};
  const char *error = NULL;
  program->code = backend_compile(program->arena, options->cpu, units, count, !options->no_cache,
                                  &program->cost.from_cache, &error);
  if (!program->code) {
    report_environment(report, "%s", error ? error : "the code generator failed");
    return false;
  }
  *plan = memory_plan_of(program->arena, &schedules);
  if (!options->no_cache) memory_plan_store(key, plan, program->code);
  return true;
}

static bool compile_jit(BlurProgram *program, const CheckedRule *rule, DriverPrograms *programs,
                        const BlurOptions *options, BlurReport *report) {
  MemoryPlan plan;
  if (!find_code(program, programs, options, &plan, report)) return false;
  for (int run = 0; run < RUN_COUNT; run++) {
    bool is_adjoint = run == RUN_QUERY || run == RUN_ADJOINT,
         is_tangent = run == RUN_QUERY_TANGENT || run == RUN_TANGENT;
    if ((is_adjoint && !programs->query) || (is_tangent && !programs->query_tangent)) continue;
    program->entry[run] = backend_entry(program->code, run_names[run]);
    if (program->entry[run]) continue;
    report_environment(report, "compiled code lacks its entry points");
    return false;
  }
  program->element_bytes = options->precision == BLUR_DOUBLE ? 8 : 4;
  program->plan = plan_variables(program->arena, rule, programs, options, true, (int)program->element_bytes,
                                 memory_plan_place, &plan);
  program->memory_bytes = (size_t)plan.memory_bytes;
  program->scratch_bytes = (size_t)plan.scratch_bytes;
  program->cost.step_flops = plan.step_flops;
  program->cost.step_bytes = plan.step_bytes;
  program->cost.predict_flops = plan.predict_flops;
  program->cost.query_flops = plan.query_flops;
  program->cost.adjoint_flops = plan.adjoint_flops;
  program->cost.query_tangent_flops = plan.query_tangent_flops;
  program->cost.tangent_flops = plan.tangent_flops;
  return true;
}

bool blur_network_is_possible(const BlurOptions *options, BlurReport *report) {
  LowerNetwork network = {.layers = options->layers, .units = options->units, .batch = options->batch};
  return lower_check_sizes(&network, &report->sink);
}

BlurProgram *blur_compile(const BlurRule *rule, const BlurOptions *options, BlurReport *report) {
  double start = seconds_now();
  Arena *arena = arena_create();
  BlurProgram *program = ARENA_NEW(arena, BlurProgram);
  program->arena = arena;
  program->layers = options->layers;
  program->batch = options->batch;
  program->batch_statistics = rule->checked->predicts_with_batch_statistics;
  program->rule_hash = blur_rule_hash(rule);
  program->equations_hash = blur_rule_equations_hash(rule);
  program->units = ARENA_ARRAY(arena, int64_t, options->layers > 0 ? options->layers : 1);
  if (options->layers > 0) memcpy(program->units, options->units, sizeof(int64_t) * (size_t)options->layers);
  DriverPrograms programs = {.arena = arena};
  report_keep(report, arena);
  bool done = driver_lower(&programs, rule->checked, options, &report->sink);
  if (done && options->adjoint)
    done = driver_can_reverse(&programs, &report->sink) &&
           driver_lower_adjoint(&programs, rule->checked, options, &report->sink);
  if (done && options->tangent) done = driver_lower_tangent(&programs, rule->checked, options, &report->sink);
  if (done && options->engine == BLUR_ENGINE_INTERPRET) compile_interpreted(program, rule->checked, &programs, options);
  else if (done) done = compile_jit(program, rule->checked, &programs, options, report);
  if (!done) {
    blur_program_destroy(program);
    return NULL;
  }
  // The plan keeps names that belong to the rule.
  for (size_t i = 0; i < program->plan.count; i++)
    program->plan.variables[i].name =
        arena_copy(arena, program->plan.variables[i].name, strlen(program->plan.variables[i].name));
  program->cost.compile_seconds = seconds_now() - start;
  return program;
}

void blur_program_destroy(BlurProgram *program) {
  if (!program) return;
  if (program->code) backend_destroy(program->code);
  arena_destroy(program->arena);
}

size_t blur_program_memory(const BlurProgram *program) { return program->memory_bytes; }
size_t blur_program_scratch(const BlurProgram *program) { return program->scratch_bytes; }
size_t blur_program_element(const BlurProgram *program) { return program->element_bytes; }
int64_t blur_program_batch(const BlurProgram *program) { return program->batch; }
bool blur_program_uses_batch_statistics(const BlurProgram *program) { return program->batch_statistics; }
uint64_t blur_program_rule_hash(const BlurProgram *program) { return program->rule_hash; }
uint64_t blur_program_equations_hash(const BlurProgram *program) { return program->equations_hash; }
BlurCost blur_program_cost(const BlurProgram *program) { return program->cost; }

size_t blur_program_variables(const BlurProgram *program, const BlurVariable **variables) {
  *variables = program->plan.variables;
  return program->plan.count;
}

void blur_program_initial(const BlurProgram *program, const BlurVariable *variable, size_t piece, const void *memory,
                          double *first, double *second) {
  plan_initial(&program->plan, variable, piece, memory, program->element_bytes, first, second);
}

void blur_program_initial_gradient(const BlurProgram *program, const BlurVariable *variable, size_t piece,
                                   const void *memory, double by_first, double by_second, double *const *gradient) {
  plan_initial_gradient(&program->plan, variable, piece, memory, program->element_bytes, by_first, by_second, gradient);
}

void blur_program_initial_tangent(const BlurProgram *program, const BlurVariable *variable, size_t piece,
                                  const double *const *direction, const void *memory, double *first, double *second) {
  plan_initial_tangent(&program->plan, variable, piece, direction, memory, program->element_bytes, first, second);
}

int blur_program_layers(const BlurProgram *program, const int64_t **units) {
  *units = program->units;
  return program->layers;
}

bool blur_program_has_adjoint(const BlurProgram *program) {
  return program->entry[RUN_ADJOINT] || program->interpreted[RUN_ADJOINT];
}

bool blur_program_has_tangent(const BlurProgram *program) {
  return program->entry[RUN_TANGENT] || program->interpreted[RUN_TANGENT];
}

static void run_program(const BlurProgram *program, Run run, void *memory, void *scratch, const BlurServices *services,
                        int64_t thread, int64_t threads) {
  if (program->code) program->entry[run](memory, scratch, services, thread, threads);
  else if (thread == 0) interpret(program, run, memory, services);
}

void blur_program_step(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                       int64_t thread, int64_t threads) {
  run_program(program, RUN_STEP, memory, scratch, services, thread, threads);
}

void blur_program_predict(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                          int64_t thread, int64_t threads) {
  run_program(program, RUN_PREDICT, memory, scratch, services, thread, threads);
}

void blur_program_query(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                        int64_t thread, int64_t threads) {
  run_program(program, RUN_QUERY, memory, scratch, services, thread, threads);
}

void blur_program_adjoint(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                          int64_t thread, int64_t threads) {
  run_program(program, RUN_ADJOINT, memory, scratch, services, thread, threads);
}

void blur_program_query_tangent(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                                int64_t thread, int64_t threads) {
  run_program(program, RUN_QUERY_TANGENT, memory, scratch, services, thread, threads);
}

void blur_program_tangent(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                          int64_t thread, int64_t threads) {
  run_program(program, RUN_TANGENT, memory, scratch, services, thread, threads);
}
