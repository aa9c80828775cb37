// The way of a program: which passes run, in which order. The list in driver.c is the compiler.
#ifndef BLUR_COMPILER_DRIVER_H
#define BLUR_COMPILER_DRIVER_H

#include "blur/compiler.h"
#include "compiler/backend/backend.h"
#include "compiler/passes/passes.h"
#include "compiler/semantics/checked.h"

// The two programs of a network on their way.
typedef struct {
  Arena *arena;
  IrProgram *lowered_step, *lowered_predict; // as lowered; after driver_optimize, only their buffers still are
  IrProgram *step, *predict;                 // optimized in place
  IrProgram *step_adjoint, *query;           // their reverses (passes/adjoint.c), where they are asked for
  IrProgram *step_tangent, *query_tangent;   // and their tangents (passes/tangent.c)
} DriverPrograms;

// Lowers a checked rule for a network. False if the sink has errors.
bool driver_lower(DriverPrograms *programs, const CheckedRule *rule, const BlurOptions *options, DiagnosticSink *sink);
// False, with an error in the sink, if the adjoint of a program would have to keep more than fits: the rounds of a
// repeat.
bool driver_can_reverse(const DriverPrograms *programs, DiagnosticSink *sink);
// Runs the list of passes on step and predict. `after` (may be NULL) is called with each program after each pass.
typedef void DriverWatch(void *context, const char *pass, const IrProgram *program);
void driver_optimize(DriverPrograms *programs, bool all_live, DriverWatch *after, void *context);
// Lowers the step and the prediction with options->query_loss for the passes below. False: see the sink.
bool driver_lower_adjoint(DriverPrograms *programs, const CheckedRule *rule, const BlurOptions *options,
                          DiagnosticSink *sink);
// Makes step_adjoint and query the reverses of what they were. `only_adjoint`: as the pass `adjoint` leaves them, for
// the interpreter.
void driver_optimize_adjoint(DriverPrograms *programs, bool all_live, bool only_adjoint, DriverWatch *after,
                             void *context);
// The same for step_tangent and query_tangent: how what they leave changes with what they find. Variables stay.
bool driver_lower_tangent(DriverPrograms *programs, const CheckedRule *rule, const BlurOptions *options,
                          DiagnosticSink *sink);
void driver_optimize_tangent(DriverPrograms *programs, bool all_live, bool only_tangent);
// Schedules all programs on one memory plan whose first 64 bytes hold the step counter.
typedef struct {
  Schedule *step, *predict;
  Schedule *step_adjoint, *query, *step_tangent, *query_tangent; // NULL where they are not asked for
  PlanTable *plans;
} DriverSchedules;
DriverSchedules driver_schedule(DriverPrograms *programs, const BlurOptions *options);

// Ends the process (exit 70) with the stage, the reason and the program: an invariant of the compiler is broken.
_Noreturn void driver_internal_error(const char *stage, const char *reason, const IrProgram *program);

#endif
