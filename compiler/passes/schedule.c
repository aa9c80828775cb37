// schedule: from a program's statements to kernels with places, stage by stage. Before: dead, the last pass on the IR.
// After: the backend emits each kernel.
#include "compiler/passes/schedule_internal.h"

double schedule_times(const Schedule *schedule, size_t kernel) {
  double times = 1;
  for (size_t l = 0; l < schedule->loop_count; l++)
    if (schedule->loops[l].first_kernel <= kernel && kernel < schedule->loops[l].kernel_end)
      times *= (double)schedule->loops[l].count;
  return times;
}

Schedule *schedule_program(Arena *arena, IrProgram *program, const ScheduleOptions *options, PlanTable *fixed) {
  Scheduler scheduler = {.arena = arena, .program = program, .options = options, .fixed = fixed};
  scheduler.vector = options->target.vector_bytes / options->element_bytes;
  Schedule *schedule = ARENA_NEW(arena, Schedule);
  schedule->program = program;
  schedule->element_bytes = options->element_bytes;
  schedule->target = options->target;
  schedule_choose_major(&scheduler);
  schedule_inline(&scheduler);
  schedule_normalize(&scheduler);
  schedule_layout(&scheduler);
  schedule_fuse(&scheduler, schedule);
  schedule_plan(&scheduler, schedule);
  for (size_t i = 0; i < schedule->kernel_count; i++) {
    schedule->flops += schedule->kernels[i].flops * schedule_times(schedule, i);
    schedule->bytes += schedule->kernels[i].bytes * schedule_times(schedule, i);
  }
  return schedule;
}
