// Programs: a checked rule compiled for one network, by the JIT or for the interpreter, behind the public BlurProgram.
#include "compiler/memory_plan.h"
#include "compiler/plan.h"
#include "compiler/rule.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct BlurProgram {
  Arena *arena;
  VariablePlan plan;
  size_t memory_bytes, scratch_bytes, element_bytes;
  int layers;
  int64_t *units, batch;
  bool batch_statistics;
  BlurCost cost;
  // JIT
  BackendCode *code;
  BackendEntry *step_entry, *predict_entry;
  // interpreter: programs as lowered, and the place of each of their buffers
  const IrProgram *step, *predict;
  int64_t *step_offset, *predict_offset;
};

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// ---- the interpreter's memory: every buffer of both programs, dense, in double; variables shared by name

typedef struct {
  Arena *arena;
  ARENA_LIST(const char *) names;
  ARENA_LIST(const IrBufferInfo *) buffers;
  ARENA_LIST(int64_t) offsets;
  int64_t end;
} DensePlan;

static int64_t *place_dense(DensePlan *plan, const IrProgram *program) {
  int64_t *offsets = ARENA_ARRAY(plan->arena, int64_t, program->buffers.count + 1);
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    offsets[b] = -1;
    if (buffer->role != ROLE_TEMPORARY)
      for (size_t i = 0; i < plan->names.count; i++)
        if (!strcmp(plan->names.items[i], buffer->name)) offsets[b] = plan->offsets.items[i];
    if (offsets[b] >= 0) continue;
    offsets[b] = plan->end;
    plan->end += (ir_buffer_elements(buffer) * (int64_t)sizeof(double) + 63) & ~(int64_t)63;
    if (buffer->role == ROLE_TEMPORARY) continue;
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
  program->step = programs->lowered_step;
  program->predict = programs->lowered_predict;
  program->step_offset = place_dense(&dense, program->step);
  program->predict_offset = place_dense(&dense, program->predict);
  program->plan =
      plan_variables(program->arena, rule, program->step, program->predict, options, false, 8, dense_place, &dense);
  program->memory_bytes = (size_t)dense.end;
  program->element_bytes = sizeof(double);
}

static void interpret(const IrProgram *ir, const int64_t *offset, char *memory, const BlurServices *services) {
  Arena *arena = arena_create();
  double **storage = ARENA_ARRAY(arena, double *, ir->buffers.count + 1);
  for (size_t b = 0; b < ir->buffers.count; b++) storage[b] = (double *)(void *)(memory + offset[b]);
  ir_interpret(ir, storage, *(double *)(void *)memory, services->seed);
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
  DriverSchedules schedules = driver_schedule(programs, options);
  BackendUnit units[] = {{"step", schedules.step, 0}, {"predict", schedules.predict, 0}};
  const char *error = NULL;
  program->code =
      backend_compile(program->arena, options->cpu, units, 2, !options->no_cache, &program->cost.from_cache, &error);
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
  program->step_entry = backend_entry(program->code, "step");
  program->predict_entry = backend_entry(program->code, "predict");
  if (!program->step_entry || !program->predict_entry) {
    report_environment(report, "compiled code lacks its entry points");
    return false;
  }
  program->element_bytes = options->precision == BLUR_DOUBLE ? 8 : 4;
  program->plan = plan_variables(program->arena, rule, programs->lowered_step, programs->lowered_predict, options, true,
                                 (int)program->element_bytes, memory_plan_place, &plan);
  program->memory_bytes = (size_t)plan.memory_bytes;
  program->scratch_bytes = (size_t)plan.scratch_bytes;
  program->cost.step_flops = plan.step_flops;
  program->cost.step_bytes = plan.step_bytes;
  program->cost.predict_flops = plan.predict_flops;
  return true;
}

BlurProgram *blur_compile(const BlurRule *rule, const BlurOptions *options, BlurReport *report) {
  double start = seconds_now();
  Arena *arena = arena_create();
  BlurProgram *program = ARENA_NEW(arena, BlurProgram);
  program->arena = arena;
  program->layers = options->layers;
  program->batch = options->batch;
  program->batch_statistics = rule->checked->predicts_with_batch_statistics;
  program->units = ARENA_ARRAY(arena, int64_t, options->layers > 0 ? options->layers : 1);
  if (options->layers > 0) memcpy(program->units, options->units, sizeof(int64_t) * (size_t)options->layers);
  DriverPrograms programs = {.arena = arena};
  report_keep(report, arena);
  bool done = driver_lower(&programs, rule->checked, options, &report->sink);
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
BlurCost blur_program_cost(const BlurProgram *program) { return program->cost; }

size_t blur_program_variables(const BlurProgram *program, const BlurVariable **variables) {
  *variables = program->plan.variables;
  return program->plan.count;
}

void blur_program_initial(const BlurProgram *program, const BlurVariable *variable, size_t piece, const void *memory,
                          double *first, double *second) {
  plan_initial(&program->plan, variable, piece, memory, program->element_bytes, first, second);
}

int blur_program_layers(const BlurProgram *program, const int64_t **units) {
  *units = program->units;
  return program->layers;
}

void blur_program_step(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                       int64_t thread, int64_t threads) {
  if (program->code) program->step_entry(memory, scratch, services, thread, threads);
  else if (thread == 0) interpret(program->step, program->step_offset, memory, services);
}

void blur_program_predict(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                          int64_t thread, int64_t threads) {
  if (program->code) program->predict_entry(memory, scratch, services, thread, threads);
  else if (thread == 0) interpret(program->predict, program->predict_offset, memory, services);
}
