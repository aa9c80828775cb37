// The plan of a network's memory as the runtime sees it: the variables of a rule on a network, where each state lives.
#ifndef BLUR_COMPILER_PLAN_H
#define BLUR_COMPILER_PLAN_H

#include "compiler/driver.h"

typedef struct {
  BlurVariable *variables;
  size_t count;
} VariablePlan;

// Where a buffer's elements are, by the buffer's name as lowered or unrolled; false: not stored.
typedef bool PlanPlace(void *context, const char *buffer, int64_t *offset, int64_t *stride);

// `lowered`: the step's program as lowered (its buffers name every variable and layer). `split`: places are asked for
// each state ("w0.1"); otherwise for whole buffers ("w0", states leading).
VariablePlan plan_variables(Arena *arena, const CheckedRule *rule, const IrProgram *lowered_step,
                            const IrProgram *lowered_predict, const BlurOptions *options, bool split, int element_bytes,
                            PlanPlace *place, void *context);

#endif
