// Derivatives of a rule's steps in the float64 interpreter: the loss after T steps, its gradient by the adjoint
// programs, and by central differences along directions.
#ifndef BLUR_TESTS_ADJOINT_RUN_H
#define BLUR_TESTS_ADJOINT_RUN_H

#include "compiler/driver.h"
#include "tests/support/rule_run.h"

#include <math.h>

enum { ADJOINT_RUN_MOST_STEPS = 10 };

typedef struct {
  RuleRun *run;
  IrProgram *query, *step_adjoint, *query_adjoint;
  double **query_storage, **step_adjoint_storage, **query_adjoint_storage;
  int64_t steps, inputs, outputs, batch;
  const double *x, *y, *query_x, *query_y; // [T][B][I], [T][B][O], [B][I], [B][O]
  double **initial, **adjoint;             // [buffer of run->step][element], of variables
} AdjointRun;

// `all_passes`: the adjoints as the compiler schedules them, else as the pass `adjoint` leaves them. NULL: the rule has
// no adjoint, see its sink.
static inline AdjointRun *adjoint_run_open(RuleRun *run, TaskLoss loss, bool all_passes) {
  Arena *arena = run->arena;
  AdjointRun *made = ARENA_NEW(arena, AdjointRun);
  DriverPrograms programs = {.arena = arena};
  BlurOptions options = {.layers = run->network.layers,
                         .units = run->network.units,
                         .batch = run->network.batch,
                         .query_loss = (BlurLoss)loss,
                         .all_live = true};
  made->run = run;
  made->query = lower_query(arena, run->rule, &run->network, loss, &run->sink);
  programs.lowered_step = run->step;
  programs.lowered_predict = run->predict;
  if (!made->query || !driver_can_reverse(&programs, &run->sink) ||
      !driver_lower_adjoint(&programs, run->rule, &options, &run->sink))
    return NULL;
  driver_optimize_adjoint(&programs, true, !all_passes, NULL, NULL);
  made->step_adjoint = programs.step_adjoint;
  made->query_adjoint = programs.query;
  made->query_storage = rule_run_storage(arena, made->query);
  made->step_adjoint_storage = rule_run_storage(arena, made->step_adjoint);
  made->query_adjoint_storage = rule_run_storage(arena, made->query_adjoint);
  made->inputs = run->network.units[0];
  made->outputs = run->network.units[run->network.layers - 1];
  made->batch = run->network.batch;
  made->initial = rule_run_storage(arena, run->step);
  made->adjoint = rule_run_storage(arena, run->step);
  return made;
}

// Copies the elements of a buffer of another program from the array of the step's program that it is (a piece of), or
// into it. False: it is none.
static inline bool adjoint_run_move(const AdjointRun *a, double *const *arrays, const IrBufferInfo *buffer,
                                    double *storage, bool into_array) {
  int found = buffer->variable ? rule_run_find(a->run->step, buffer->variable, buffer->layer, buffer->is_bias) : -1;
  if (found < 0) return false;
  const IrBufferInfo *whole = &a->run->step->buffers.items[found];
  int64_t stride[IR_MAX_DIMENSIONS], kept[IR_MAX_DIMENSIONS], index[IR_MAX_DIMENSIONS] = {0}, below = 1;
  double *first = arrays[found];
  int dimensions = 0;
  for (int d = whole->dimensions; d-- > 0; below *= whole->extent[d]) stride[d] = below;
  for (int d = 0; d < whole->dimensions; d++)
    if (d < buffer->states && buffer->state[d] >= 0) first += buffer->state[d] * stride[d];
    else kept[dimensions++] = stride[d];
  for (int64_t i = 0; i < ir_buffer_elements(buffer); i++) {
    double *at = first;
    for (int d = 0; d < dimensions; d++) at += index[d] * kept[d];
    if (into_array) *at = storage[i];
    else storage[i] = *at;
    for (int d = dimensions - 1; d >= 0 && ++index[d] == buffer->extent[d]; d--) index[d] = 0;
  }
  return true;
}

static inline bool adjoint_run_is_variable(const IrBufferInfo *buffer) {
  return buffer->live_in && buffer->role != ROLE_INPUT && buffer->role != ROLE_ADJOINT;
}

static inline void adjoint_run_exchange(const AdjointRun *a, const IrProgram *program, double *const *storage,
                                        const double *x, const double *y) {
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    size_t bytes = (size_t)ir_buffer_elements(buffer) * sizeof(double);
    if (buffer->role == ROLE_INPUT) memcpy(storage[b], buffer->name[0] == 'x' ? x : y, bytes);
    else if (adjoint_run_is_variable(buffer)) adjoint_run_move(a, a->run->step_storage, buffer, storage[b], false);
    else if (buffer->role == ROLE_ADJOINT && buffer->live_in &&
             !adjoint_run_move(a, a->adjoint, buffer, storage[b], false))
      *storage[b] = 1; // of the loss
  }
}

static inline void adjoint_run_take(const AdjointRun *a, const IrProgram *program, double *const *storage) {
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    if (buffer->role == ROLE_ADJOINT && buffer->live_out) adjoint_run_move(a, a->adjoint, buffer, storage[b], true);
  }
}

static inline void adjoint_run_copy(const AdjointRun *a, double **to, double *const *from) {
  for (size_t b = 0; b < a->run->step->buffers.count; b++) {
    const IrBufferInfo *buffer = &a->run->step->buffers.items[b];
    if (adjoint_run_is_variable(buffer)) memcpy(to[b], from[b], (size_t)ir_buffer_elements(buffer) * sizeof(double));
  }
}

static inline void adjoint_run_step(const AdjointRun *a, int64_t step) {
  rule_run_step(a->run, a->x + step * a->batch * a->inputs, a->y + step * a->batch * a->outputs);
}

// The loss after the steps, from a->initial.
static inline double adjoint_run_loss(const AdjointRun *a) {
  a->run->steps_made = 0;
  adjoint_run_copy(a, a->run->step_storage, a->initial);
  for (int64_t step = 0; step < a->steps; step++) adjoint_run_step(a, step);
  adjoint_run_exchange(a, a->query, a->query_storage, a->query_x, a->query_y);
  ir_interpret_inexactly(a->query, a->query_storage, a->run->steps_made, 0, &a->run->inexact);
  for (size_t b = 0; b < a->query->buffers.count; b++)
    if (a->query->buffers.items[b].role == ROLE_OUTPUT && !a->query->buffers.items[b].dimensions)
      return *a->query_storage[b];
  return NAN;
}

// The gradient of that loss by a->initial, in a->adjoint.
static inline void adjoint_run_gradient(const AdjointRun *a) {
  Arena *arena = arena_create();
  double **before[ADJOINT_RUN_MOST_STEPS];
  a->run->steps_made = 0;
  adjoint_run_copy(a, a->run->step_storage, a->initial);
  for (int64_t step = 0; step < a->steps; step++) {
    before[step] = rule_run_storage(arena, a->run->step);
    adjoint_run_copy(a, before[step], a->run->step_storage);
    adjoint_run_step(a, step);
  }
  for (size_t b = 0; b < a->run->step->buffers.count; b++)
    memset(a->adjoint[b], 0, (size_t)ir_buffer_elements(&a->run->step->buffers.items[b]) * sizeof(double));
  adjoint_run_exchange(a, a->query_adjoint, a->query_adjoint_storage, a->query_x, a->query_y);
  ir_interpret(a->query_adjoint, a->query_adjoint_storage, a->run->steps_made, 0);
  adjoint_run_take(a, a->query_adjoint, a->query_adjoint_storage);
  for (int64_t step = a->steps; step-- > 0;) {
    adjoint_run_copy(a, a->run->step_storage, before[step]);
    adjoint_run_exchange(a, a->step_adjoint, a->step_adjoint_storage, a->x + step * a->batch * a->inputs,
                         a->y + step * a->batch * a->outputs);
    ir_interpret(a->step_adjoint, a->step_adjoint_storage, (double)step, 0);
    adjoint_run_take(a, a->step_adjoint, a->step_adjoint_storage);
  }
  arena_destroy(arena);
}

// ---- forward mode

// The program of a step's tangents, through the passes.
static inline IrProgram *adjoint_run_tangent(const AdjointRun *a) {
  DriverPrograms programs = {.arena = a->run->arena};
  BlurOptions options = {.layers = a->run->network.layers, .units = a->run->network.units, .batch = a->batch};
  if (!driver_lower_tangent(&programs, a->run->rule, &options, &a->run->sink)) return NULL;
  driver_optimize_tangent(&programs, true, false);
  return programs.step_tangent;
}

// The relative difference of <u, J v> by the tangent program from <J' u, v> by the adjoint program, of one step from
// a->initial, J its Jacobian by all variables, u and v random.
static inline double adjoint_run_transpose_error(AdjointRun *a, const IrProgram *tangent, uint64_t *random,
                                                 double (*uniform)(uint64_t *)) {
  Arena *arena = arena_create();
  const IrProgram *step = a->run->step;
  double **storage = rule_run_storage(arena, tangent), **u = rule_run_storage(arena, step),
         **v = rule_run_storage(arena, step), **changed = rule_run_storage(arena, step), forward = 0, reverse = 0,
         size = 0;
  adjoint_run_copy(a, a->run->step_storage, a->initial);
  for (size_t b = 0; b < step->buffers.count; b++)
    for (int64_t i = 0; i < ir_buffer_elements(&step->buffers.items[b]); i++) {
      u[b][i] = a->adjoint[b][i] = 2 * uniform(random) - 1;
      v[b][i] = changed[b][i] = 2 * uniform(random) - 1;
    }
  adjoint_run_exchange(a, a->step_adjoint, a->step_adjoint_storage, a->x, a->y);
  ir_interpret(a->step_adjoint, a->step_adjoint_storage, 0, 0);
  adjoint_run_take(a, a->step_adjoint, a->step_adjoint_storage);
  adjoint_run_exchange(a, tangent, storage, a->x, a->y);
  for (size_t b = 0; b < tangent->buffers.count; b++)
    if (tangent->buffers.items[b].role == ROLE_TANGENT && tangent->buffers.items[b].live_in)
      adjoint_run_move(a, v, &tangent->buffers.items[b], storage[b], false);
  ir_interpret(tangent, storage, 0, 0);
  for (size_t b = 0; b < tangent->buffers.count; b++)
    if (tangent->buffers.items[b].role == ROLE_TANGENT && tangent->buffers.items[b].live_out)
      adjoint_run_move(a, changed, &tangent->buffers.items[b], storage[b], true);
  for (size_t b = 0; b < step->buffers.count; b++) {
    if (!adjoint_run_is_variable(&step->buffers.items[b])) continue;
    for (int64_t i = 0; i < ir_buffer_elements(&step->buffers.items[b]); i++) {
      forward += u[b][i] * changed[b][i];
      reverse += a->adjoint[b][i] * v[b][i];
      size += fabs(u[b][i] * changed[b][i]) + fabs(a->adjoint[b][i] * v[b][i]);
    }
  }
  arena_destroy(arena);
  return fabs(forward - reverse) / size;
}

// ---- central differences

typedef struct {
  int compared, kinks; // directions; those where a difference steps over a kink
  double worst;        // error relative to the derivative's size
  char where[96];
} AdjointCheck;

static inline double adjoint_run_moved(AdjointRun *a, int buffer, const double *direction, double distance) {
  int64_t elements = ir_buffer_elements(&a->run->step->buffers.items[buffer]);
  double *initial = a->initial[buffer], *kept = malloc((size_t)elements * sizeof(double));
  memcpy(kept, initial, (size_t)elements * sizeof(double));
  for (int64_t i = 0; i < elements; i++) initial[i] += distance * direction[i];
  double loss = adjoint_run_loss(a);
  memcpy(initial, kept, (size_t)elements * sizeof(double));
  free(kept);
  return loss;
}

// Fourth order: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h.
static inline double adjoint_run_difference(AdjointRun *a, int buffer, const double *direction, double h) {
  double near = adjoint_run_moved(a, buffer, direction, h) - adjoint_run_moved(a, buffer, direction, -h);
  double far = adjoint_run_moved(a, buffer, direction, 2 * h) - adjoint_run_moved(a, buffer, direction, -2 * h);
  return (8 * near - far) / (12 * h);
}

// How far rounding moves the loss: what it changes by where each result is as wrong as double may be.
static inline double adjoint_run_noise(AdjointRun *a, double loss) {
  double noise = 2e-16 * (1 + fabs(loss));
  for (uint64_t i = 0; i < 4; i++) {
    a->run->inexact = (IrInexactness){.unit = 0x1p-52, .draws = i << 40};
    noise = fmax(noise, fabs(adjoint_run_loss(a) - loss));
  }
  a->run->inexact = (IrInexactness){0};
  return noise;
}

// Compares the gradient with differences along a random direction of each variable. Where differences of several small
// widths do not agree with each other, they step over a kink (or drown in rounding) and tell nothing.
static inline AdjointCheck adjoint_run_check(AdjointRun *a, uint64_t *random, double (*uniform)(uint64_t *)) {
  AdjointCheck check = {0};
  double loss = adjoint_run_loss(a), noise = adjoint_run_noise(a, loss);
  adjoint_run_gradient(a);
  for (size_t b = 0; b < a->run->step->buffers.count; b++) {
    const IrBufferInfo *buffer = &a->run->step->buffers.items[b];
    if (!adjoint_run_is_variable(buffer)) continue;
    int64_t elements = ir_buffer_elements(buffer);
    double *direction = malloc((size_t)elements * sizeof(double)), found = 0, size = 0;
    for (int64_t i = 0; i < elements; i++) {
      direction[i] = 2 * uniform(random) - 1;
      found += direction[i] * a->adjoint[b][i];
      size += direction[i] * direction[i] * a->adjoint[b][i] * a->adjoint[b][i];
    }
    size = sqrt(size) + 1e-12 * (1 + fabs(loss));
    double width = 5e-5, before = NAN, difference = NAN, rounding = 0;
    bool agree = false;
    for (int finer = 0; finer < 4 && !agree; finer++, width /= 6) {
      before = difference;
      difference = adjoint_run_difference(a, (int)b, direction, width);
      rounding = 4 * noise / width;
      agree = fabs(difference - before) <= 1e-7 * (size + fabs(difference)) + rounding;
    }
    free(direction);
    if (!agree) {
      check.kinks++;
      continue;
    }
    check.compared++;
    double error = fmax(fabs(found - difference) - rounding, 0) / (size + fabs(difference));
    if (error > check.worst || isnan(found)) {
      check.worst = isnan(found) ? (double)INFINITY : error;
      snprintf(check.where, sizeof check.where, "d.%s: %.12g, not %.12g", buffer->name, found, difference);
    }
  }
  return check;
}

#endif
