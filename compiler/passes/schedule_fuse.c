// fuse: which nodes share a kernel. Before: order. After: operations, plan.
#include "compiler/passes/schedule_internal.h"

void schedule_fuse(Scheduler *scheduler, Schedule *schedule) {
  NodeOrder *order = schedule_order(scheduler);
  schedule->kernels = ARENA_ARRAY(scheduler->arena, Kernel, scheduler->nodes.count);
  for (size_t i = 0; i < scheduler->nodes.count; i++) {
    AxisAndNode item = {(int32_t)i, IR_NONE};
    KernelDraft draft = {.items = &item, .count = 1};
    schedule->kernels[schedule->kernel_count++] = schedule_operations(scheduler, order, &draft);
  }
}
