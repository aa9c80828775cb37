// The plan of a network's memory as the runtime sees it: the variables of a rule on a network, where each state lives.
#ifndef BLUR_COMPILER_PLAN_H
#define BLUR_COMPILER_PLAN_H

#include "compiler/driver.h"

// The initial values of one variable that are made of genome values: a program for each of its layers (lower.h).
typedef struct {
  size_t layers;                                     // 1, or the synapse layers of a genome value `per layer`
  const IrProgram **first, **second;                 // of each; NULL: the number in the variable holds
  const IrProgram **first_adjoint, **second_adjoint; // their reverses, and how they change with the genome, where
  const IrProgram **first_tangent, **second_tangent; // derivatives are asked for
} PlanInitial;

typedef struct {
  BlurVariable *variables;
  PlanInitial *initials; // of each variable
  size_t count;
} VariablePlan;

// Where a buffer's elements are, by the buffer's name as lowered or unrolled; false: not stored.
typedef bool PlanPlace(void *context, const char *buffer, int64_t *offset, int64_t *stride);

// The lowered step names every variable and layer by its buffers; the query, if there is one, the loss. `split`: places
// are asked for each state ("w0.1"); otherwise for whole buffers ("w0", states leading). Places of adjoints
// ("w0.1.adjoint", else "w0.adjoint") are asked for where there is a query, those of tangents likewise
// ("w0.1.tangent") where there is a query_tangent.
VariablePlan plan_variables(Arena *arena, const CheckedRule *rule, const DriverPrograms *programs,
                            const BlurOptions *options, bool split, int element_bytes, PlanPlace *place, void *context);

// initial.c: the numbers of the initial value of a piece, from the genome values in `memory`.
void plan_initial(const VariablePlan *plan, const BlurVariable *variable, size_t piece, const char *memory,
                  size_t element_bytes, double *first, double *second);
// Adds to `gradient` [variables of the plan] (dense, NULL: not wanted) what a loss with these derivatives by the two
// numbers has by each genome value.
void plan_initial_gradient(const VariablePlan *plan, const BlurVariable *variable, size_t piece, const char *memory,
                           size_t element_bytes, double by_first, double by_second, double *const *gradient);
// How the two numbers change as genome values change by `direction` [variables of the plan]: each dense, NULL for 0.
void plan_initial_tangent(const VariablePlan *plan, const BlurVariable *variable, size_t piece,
                          const double *const *direction, const char *memory, size_t element_bytes, double *first,
                          double *second);

#endif
