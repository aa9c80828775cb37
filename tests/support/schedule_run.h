// Runs a schedule in double precision, slowly and literally: the reference for what its kernels mean.
#ifndef BLUR_TESTS_SCHEDULE_RUN_H
#define BLUR_TESTS_SCHEDULE_RUN_H

#include "compiler/passes/schedule.h"

// `memory`: the network's memory, one double an element: plan offsets are divided by the schedule's element size, so it
// has memory_bytes / element_bytes entries. Blocks run in an order drawn from `seed`; scratch starts as nan in every
// block.
void schedule_run(const Schedule *schedule, double *memory, double step, unsigned seed);
// Where element `position` (one number a dimension) of a buffer in memory is.
double *schedule_element(const Schedule *schedule, double *memory, IrBuffer buffer, const int64_t *position);

#endif
