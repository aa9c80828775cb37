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

static double evaluate(const VariablePlan *plan, const IrProgram *program, const char *memory, size_t element_bytes) {
  Arena *scratch = arena_create();
  double **storage = ARENA_ARRAY(scratch, double *, program->buffers.count), result = 0;
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    storage[b] = ARENA_ARRAY(scratch, double, ir_buffer_elements(buffer));
    if (buffer->role == ROLE_GENOME) read_genome(plan, buffer, memory, element_bytes, storage[b]);
  }
  ir_interpret(program, storage, 0, 0);
  result = *storage[program->statements->target];
  arena_destroy(scratch);
  return result;
}

void plan_initial(const VariablePlan *plan, const BlurVariable *variable, size_t piece, const char *memory,
                  size_t element_bytes, double *first, double *second) {
  const PlanInitial *initial = &plan->initials[variable - plan->variables];
  size_t layer = initial->layers > 1 ? piece / (variable->pieces / initial->layers) : 0;
  *first = variable->values ? variable->values[piece] : variable->first;
  *second = variable->second_values ? variable->second_values[piece] : variable->second;
  if (!initial->first) return;
  if (initial->first[layer]) *first = evaluate(plan, initial->first[layer], memory, element_bytes);
  if (initial->second[layer]) *second = evaluate(plan, initial->second[layer], memory, element_bytes);
}
