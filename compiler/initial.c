// Initial values made of genome values: the programs of plan.c run on the genome values in a network's memory.
#include "compiler/plan.h"

#include <string.h>

static double read_element(const char *memory, int64_t offset, size_t element_bytes) {
  float narrow;
  double wide;
  if (offset < 0) return 0; // nothing reads it: it is 0
  if (element_bytes == sizeof wide) {
    memcpy(&wide, memory + offset, sizeof wide);
    return wide;
  }
  memcpy(&narrow, memory + offset, sizeof narrow);
  return (double)narrow;
}

// The states of a genome value of the network, or of one synapse layer.
static void read_genome(const VariablePlan *plan, const IrBufferInfo *buffer, const char *memory, size_t element_bytes,
                        double *values) {
  size_t count = (size_t)ir_buffer_elements(buffer), first = buffer->layer < 0 ? 0 : (size_t)buffer->layer * count;
  for (size_t i = 0; i < plan->count; i++) {
    const BlurVariable *variable = &plan->variables[i];
    if (variable->kind != BLUR_GENOME || strcmp(variable->name, buffer->variable) != 0) continue;
    for (size_t state = 0; state < count; state++)
      values[state] = read_element(memory, variable->piece[first + state].offset, element_bytes);
  }
}

static double **storage_for(Arena *scratch, const VariablePlan *plan, const IrProgram *program, const char *memory,
                            size_t element_bytes) {
  double **storage = ARENA_ARRAY(scratch, double *, program->buffers.count);
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    storage[b] = ARENA_ARRAY(scratch, double, ir_buffer_elements(buffer));
    if (buffer->role == ROLE_GENOME) read_genome(plan, buffer, memory, element_bytes, storage[b]);
  }
  return storage;
}

static double evaluate(const VariablePlan *plan, const IrProgram *program, const char *memory, size_t element_bytes) {
  Arena *scratch = arena_create();
  double **storage = storage_for(scratch, plan, program, memory, element_bytes);
  ir_interpret(program, storage, 0, 0);
  double result = *storage[program->statements->target];
  arena_destroy(scratch);
  return result;
}

// The layer's program where it has one of its own: a piece is a state, of a layer where there is one for each.
static size_t layer_of_piece(const PlanInitial *initial, const BlurVariable *variable, size_t piece) {
  return initial->layers > 1 ? piece / (variable->pieces / initial->layers) : 0;
}

void plan_initial(const VariablePlan *plan, const BlurVariable *variable, size_t piece, const char *memory,
                  size_t element_bytes, double *first, double *second) {
  const PlanInitial *initial = &plan->initials[variable - plan->variables];
  size_t layer = layer_of_piece(initial, variable, piece);
  *first = variable->values ? variable->values[piece] : variable->first;
  *second = variable->second_values ? variable->second_values[piece] : variable->second;
  if (!initial->first) return;
  if (initial->first[layer]) *first = evaluate(plan, initial->first[layer], memory, element_bytes);
  if (initial->second[layer]) *second = evaluate(plan, initial->second[layer], memory, element_bytes);
}

// ---- derivatives

// Adds an adjoint of the genome value, whole or of some of its states, to the dense array.
static void add_adjoint(const IrBufferInfo *buffer, const BlurVariable *genome, const double *adjoint,
                        double *gradient) {
  // The value's own states; a value a layer has the layers before them.
  int layers = buffer->layer >= 0;
  size_t first = 0, kept = (size_t)ir_buffer_elements(buffer), below = 1;
  for (int d = layers; d < genome->states; d++) below *= (size_t)genome->extent[d];
  if (layers) first = (size_t)buffer->layer * below;
  for (int d = 0; d < buffer->states; d++) {
    below /= (size_t)genome->extent[layers + d];
    first += (size_t)buffer->state[d] * below;
  }
  for (size_t i = 0; i < kept; i++) gradient[first + i] += adjoint[i];
}

static void add_gradient(const VariablePlan *plan, const IrProgram *program, const char *memory, size_t element_bytes,
                         double weight, double *const *gradient) {
  if (!program || weight == 0) return;
  Arena *scratch = arena_create();
  double **storage = storage_for(scratch, plan, program, memory, element_bytes);
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    if (buffer->role == ROLE_ADJOINT && buffer->live_in && !strcmp(buffer->name, "initial.adjoint"))
      *storage[b] = weight;
  }
  ir_interpret(program, storage, 0, 0);
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    if (buffer->role != ROLE_ADJOINT || !buffer->live_out) continue;
    for (size_t i = 0; i < plan->count; i++) {
      const BlurVariable *genome = &plan->variables[i];
      if (genome->kind == BLUR_GENOME && gradient[i] && !strcmp(buffer->variable, genome->name))
        add_adjoint(buffer, genome, storage[b], gradient[i]);
    }
  }
  arena_destroy(scratch);
}

void plan_initial_gradient(const VariablePlan *plan, const BlurVariable *variable, size_t piece, const char *memory,
                           size_t element_bytes, double by_first, double by_second, double *const *gradient) {
  const PlanInitial *initial = &plan->initials[variable - plan->variables];
  if (!initial->first_adjoint) return;
  size_t layer = layer_of_piece(initial, variable, piece);
  add_gradient(plan, initial->first_adjoint[layer], memory, element_bytes, by_first, gradient);
  add_gradient(plan, initial->second_adjoint[layer], memory, element_bytes, by_second, gradient);
}

// The genome's changes, as far as the program reads them.
static void read_direction(const VariablePlan *plan, const IrBufferInfo *buffer, const double *const *direction,
                           double *values) {
  size_t count = (size_t)ir_buffer_elements(buffer), first = buffer->layer < 0 ? 0 : (size_t)buffer->layer * count;
  for (size_t i = 0; i < plan->count; i++) {
    const BlurVariable *variable = &plan->variables[i];
    if (variable->kind == BLUR_GENOME && direction[i] && !strcmp(variable->name, buffer->variable))
      memcpy(values, direction[i] + first, count * sizeof *values);
  }
}

static double change_of(const VariablePlan *plan, const IrProgram *program, const double *const *direction,
                        const char *memory, size_t element_bytes) {
  if (!program) return 0; // a number
  Arena *scratch = arena_create();
  double **storage = storage_for(scratch, plan, program, memory, element_bytes), result = 0;
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    if (buffer->role == ROLE_TANGENT && buffer->live_in) read_direction(plan, buffer, direction, storage[b]);
  }
  ir_interpret(program, storage, 0, 0);
  for (size_t b = 0; b < program->buffers.count; b++)
    if (program->buffers.items[b].role == ROLE_TANGENT && program->buffers.items[b].live_out) result = *storage[b];
  arena_destroy(scratch);
  return result;
}

void plan_initial_tangent(const VariablePlan *plan, const BlurVariable *variable, size_t piece,
                          const double *const *direction, const char *memory, size_t element_bytes, double *first,
                          double *second) {
  const PlanInitial *initial = &plan->initials[variable - plan->variables];
  size_t layer = layer_of_piece(initial, variable, piece);
  *first = *second = 0;
  if (!initial->first_tangent) return;
  *first = change_of(plan, initial->first_tangent[layer], direction, memory, element_bytes);
  *second = change_of(plan, initial->second_tangent[layer], direction, memory, element_bytes);
}
