// What stays of a network's schedules once they are machine code: where its buffers lie, how much memory it needs, what
// its steps cost. Kept in the cache beside the code, so that neither passes nor schedule run again.
#ifndef BLUR_COMPILER_MEMORY_PLAN_H
#define BLUR_COMPILER_MEMORY_PLAN_H

#include "compiler/driver.h"

enum { MEMORY_PLAN_KEY = 32 };

typedef struct {
  const char *name; // of the buffer, or of the variable's buffer that it is a version or a piece of
  int64_t offset, stride[IR_MAX_DIMENSIONS];
} MemoryPlace;

typedef struct {
  int64_t memory_bytes, scratch_bytes;
  double step_flops, step_bytes, predict_flops, query_flops, adjoint_flops, query_tangent_flops, tangent_flops;
  ARENA_LIST(MemoryPlace) places; // the first of a name counts
} MemoryPlan;

MemoryPlan memory_plan_of(Arena *arena, const DriverSchedules *schedules);
// A PlanPlace (compiler/plan.h); the context is the MemoryPlan.
bool memory_plan_place(void *plan, const char *name, int64_t *offset, int64_t *stride);

// The key of programs as lowered, before any pass has run on them.
void memory_plan_key(const DriverPrograms *programs, const BlurOptions *options, char key[MEMORY_PLAN_KEY + 1]);
// The plan and the code of that key; NULL if the cache lacks one of them, or holds a damaged one.
BackendCode *memory_plan_load(Arena *arena, const char *key, MemoryPlan *plan);
void memory_plan_store(const char *key, const MemoryPlan *plan, const BackendCode *code);

#endif
