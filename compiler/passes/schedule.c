// schedule: from a program's statements to kernels with places, stage by stage. Before: dead, the last pass on the IR.
// After: the backend emits each kernel.
#include "compiler/passes/schedule_internal.h"

Schedule *schedule_program(Arena *arena, IrProgram *program, const ScheduleOptions *options, PlanTable *fixed) {
  for (const IrStatement *statement = program->statements; statement; statement = statement->next)
    if (statement->kind != IR_STATEMENT_ASSIGN) return NULL;
  Scheduler scheduler = {.arena = arena, .program = program, .options = options, .fixed = fixed};
  scheduler.vector = options->target.vector_bytes / options->element_bytes;
  Schedule *schedule = ARENA_NEW(arena, Schedule);
  schedule->program = program;
  schedule->element_bytes = options->element_bytes;
  schedule->target = options->target;
  schedule_inline(&scheduler);
  schedule_normalize(&scheduler);
  schedule_layout(&scheduler);
  schedule_fuse(&scheduler, schedule);
  schedule_plan(&scheduler, schedule);
  for (size_t i = 0; i < schedule->kernel_count; i++) {
    schedule->flops += schedule->kernels[i].flops;
    schedule->bytes += schedule->kernels[i].bytes;
  }
  return schedule;
}
