// The compiler as one list: checked rule -> lower -> the passes below, each followed by the verifier -> schedule ->
// backend.
#include "compiler/driver.h"

#include "compiler/passes/lower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// In order. What each expects and leaves is said at the head of its file; a name may stand more than once.
static const char *const pass_list[] = {
    "simplify",      // constants folded, factors out of sums
    "contract",      // sums of products over state and unit axes in the cheapest order
    "unroll_states", // a buffer a state; sums over states are additions
    "version",       // each buffer assigned once
    "propagate",     // known zeros, copies
    "simplify",      // what became constant
    "propagate",     //
    "simplify",      //
    "hoist",         // what does not change from iteration to iteration
    "multiply_add",  // x*y + z rounded once, before kernels are formed
    "dead",          // what nothing reads
};

// The same for derivatives: `share`, the list above as far as the last `simplify`, then these; for tangents with
// `tangent` in the place of `adjoint`.
static const char *const adjoint_list[] = {
    "adjoint",      // the reverse statements
    "simplify",     // derivatives that are constant, factors out of sums
    "contract",     //
    "propagate",    // adjoints that are copies
    "simplify",     //
    "multiply_add", //
    "dead",         // forward statements that no reverse one reads
};

void driver_internal_error(const char *stage, const char *reason, const IrProgram *program) {
  fprintf(stderr, "blur: internal error after %s: %s\n", stage, reason);
  if (program) {
    Text dump = {0};
    ir_print(program, &dump);
    fprintf(stderr, "%s", text_get(&dump));
    text_free(&dump);
  }
  fprintf(
      stderr,
      "This is a defect of blur, not of your rule. Please report it with the rule, the command and the lines above.\n");
  exit(70);
}

static void verify(const char *stage, IrProgram *program) {
  const char *reason = ir_verify(program);
  if (reason) driver_internal_error(stage, reason, program);
}

// The same program with a list of buffers of its own, which passes leave as it is.
static IrProgram *keep_buffers(Arena *arena, const IrProgram *program) {
  IrProgram *copy = ARENA_NEW(arena, IrProgram);
  *copy = *program;
  copy->buffers.items = ARENA_ARRAY(arena, IrBufferInfo, program->buffers.count);
  if (program->buffers.count)
    memcpy(copy->buffers.items, program->buffers.items, program->buffers.count * sizeof *copy->buffers.items);
  return copy;
}

bool driver_lower(DriverPrograms *programs, const CheckedRule *rule, const BlurOptions *options, DiagnosticSink *sink) {
  LowerNetwork network = {
      .layers = options->layers, .units = options->units, .batch = options->batch, .all_live = options->all_live};
  size_t errors = sink->errors;
  programs->lowered_step = lower_step(programs->arena, rule, &network, sink);
  programs->lowered_predict = sink->errors == errors ? lower_predict(programs->arena, rule, &network, sink) : NULL;
  if (sink->errors > errors || !programs->lowered_step || !programs->lowered_predict) return false;
  verify("lower", programs->lowered_step);
  verify("lower", programs->lowered_predict);
  programs->step = programs->lowered_step;
  programs->predict = programs->lowered_predict;
  programs->lowered_step = keep_buffers(programs->arena, programs->step);
  programs->lowered_predict = keep_buffers(programs->arena, programs->predict);
  return true;
}

// What the statements assign, in elements; `counted` marks what has been.
static double assigned_elements(const IrProgram *program, const IrStatement *statements, bool *counted) {
  double elements = 0;
  for (; statements; statements = statements->next) {
    if (statements->kind == IR_STATEMENT_REPEAT) {
      elements += assigned_elements(program, statements->body, counted);
    } else if (!counted[statements->target]) {
      counted[statements->target] = true;
      elements += (double)ir_buffer_elements(&program->buffers.items[statements->target]);
    }
  }
  return elements;
}

static bool can_reverse(const IrProgram *program, const IrStatement *statements, DiagnosticSink *sink) {
  const double most = 0x1p40;
  for (; statements; statements = statements->next) {
    if (statements->kind != IR_STATEMENT_REPEAT) continue;
    Arena *scratch = arena_create();
    bool *counted = ARENA_ARRAY(scratch, bool, program->buffers.count + 1);
    double elements = assigned_elements(program, statements->body, counted) * (double)statements->count;
    arena_destroy(scratch);
    if (elements > most) {
      Diagnostic *diagnostic = diagnostic_report(sink, DIAGNOSTIC_not_reversed, statements->span, elements);
      diagnostic_help(sink, diagnostic, "fewer rounds, or a smaller batch or network");
      return false;
    }
    if (!can_reverse(program, statements->body, sink)) return false;
  }
  return true;
}

bool driver_can_reverse(const DriverPrograms *programs, DiagnosticSink *sink) {
  return can_reverse(programs->lowered_step, programs->lowered_step->statements, sink) &&
         can_reverse(programs->lowered_predict, programs->lowered_predict->statements, sink);
}

static void run_pass(const char *name, IrProgram *program, DriverWatch *after, void *context) {
  const Pass *pass = pass_find(name);
  pass->run(program);
  verify(pass->name, program);
  if (after) after(context, pass->name, program);
}

void driver_optimize(DriverPrograms *programs, bool all_live, DriverWatch *after, void *context) {
  for (size_t i = 0; i < sizeof pass_list / sizeof *pass_list; i++) {
    IrProgram *both[] = {programs->predict, programs->step};
    for (int which = 0; which < 2; which++) {
      bool last = i + 1 == sizeof pass_list / sizeof *pass_list;
      if (last && which == 1 && !all_live) dead_variables(programs->step, programs->predict);
      run_pass(pass_list[i], both[which], after, context);
    }
  }
}

// A step and a prediction with its loss, for derivatives.
static bool lower_pair(Arena *arena, const CheckedRule *rule, const BlurOptions *options, IrProgram **step,
                       IrProgram **query, DiagnosticSink *sink) {
  LowerNetwork network = {
      .layers = options->layers, .units = options->units, .batch = options->batch, .differentiable = true};
  *step = lower_step(arena, rule, &network, sink);
  *query = lower_query(arena, rule, &network, (TaskLoss)options->query_loss, sink);
  if (!*step || !*query) return false;
  verify("lower", *query);
  return true;
}

bool driver_lower_adjoint(DriverPrograms *programs, const CheckedRule *rule, const BlurOptions *options,
                          DiagnosticSink *sink) {
  return lower_pair(programs->arena, rule, options, &programs->step_adjoint, &programs->query, sink);
}

bool driver_lower_tangent(DriverPrograms *programs, const CheckedRule *rule, const BlurOptions *options,
                          DiagnosticSink *sink) {
  return lower_pair(programs->arena, rule, options, &programs->step_tangent, &programs->query_tangent, sink);
}

// As far as derivatives are taken.
static void prepare_pair(IrProgram *step, IrProgram *query, bool all_live, DriverWatch *after, void *context) {
  IrProgram *both[] = {query, step};
  for (int which = 0; which < 2; which++) run_pass("share", both[which], after, context);
  for (size_t i = 0; strcmp(pass_list[i], "multiply_add"); i++)
    for (int which = 0; which < 2; which++) run_pass(pass_list[i], both[which], after, context);
  if (!all_live) dead_variables(step, query);
}

void driver_optimize_adjoint(DriverPrograms *programs, bool all_live, bool only_adjoint, DriverWatch *after,
                             void *context) {
  IrProgram *both[] = {programs->query, programs->step_adjoint};
  prepare_pair(programs->step_adjoint, programs->query, all_live, after, context);
  for (size_t i = 0; i < sizeof adjoint_list / sizeof *adjoint_list && (i == 0 || !only_adjoint); i++)
    for (int which = 0; which < 2; which++) run_pass(adjoint_list[i], both[which], after, context);
}

void driver_optimize_tangent(DriverPrograms *programs, bool all_live, bool only_tangent) {
  IrProgram *both[] = {programs->query_tangent, programs->step_tangent};
  prepare_pair(programs->step_tangent, programs->query_tangent, all_live, NULL, NULL);
  for (int which = 0; which < 2; which++) {
    run_pass("tangent", both[which], NULL, NULL);
    tangent_alone(both[which]);
    verify("tangent", both[which]);
    for (size_t i = 1; i < sizeof adjoint_list / sizeof *adjoint_list && !only_tangent; i++)
      run_pass(adjoint_list[i], both[which], NULL, NULL);
  }
}

static void verify_schedule(const Schedule *schedule) {
  const char *reason = schedule_verify(schedule);
  if (reason) driver_internal_error("schedule", reason, schedule->program);
}

DriverSchedules driver_schedule(DriverPrograms *programs, const BlurOptions *options) {
  DriverSchedules schedules = {.plans = plan_table_create(programs->arena)};
  plan_table_reserve(schedules.plans, 64);
  ScheduleOptions how = {.target = *backend_target(options->cpu),
                         .element_bytes = options->precision == BLUR_DOUBLE ? 8 : 4,
                         .blas_products = options->products == BLUR_PRODUCTS_OPENBLAS};
  IrProgram *const all[] = {programs->step,         programs->predict,       programs->query,
                            programs->step_adjoint, programs->query_tangent, programs->step_tangent};
  Schedule **const into[] = {&schedules.step,         &schedules.predict,       &schedules.query,
                             &schedules.step_adjoint, &schedules.query_tangent, &schedules.step_tangent};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (!all[i]) continue;
    *into[i] = schedule_program(programs->arena, all[i], &how, schedules.plans);
    verify_schedule(*into[i]);
  }
  return schedules;
}
