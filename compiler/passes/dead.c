// dead: assignments to buffers that nothing reads and that need not outlive the program are dropped. The runtime's
// variables are a question across steps: dead_variables finds the synapse states that neither a prediction nor the
// update of a live variable ever reads. Before: propagate, simplify. After: schedule.
#include "compiler/ir/order.h"
#include "compiler/passes/passes.h"

void ir_mark_reads(const IrProgram *program, IrValue value, bool *seen, bool *live) {
  if (seen[value]) return;
  seen[value] = true;
  const IrValueInfo *info = &program->values.items[value];
  if (info->kind == VALUE_READ) live[info->buffer] = true;
  int operands = ir_value_operands(info);
  for (int i = 0; i < operands; i++) ir_mark_reads(program, info->operand[i], seen, live);
}

// Marks, from the last statement back to the first, what a live statement reads. `live` holds the roots.
static void mark_live(const IrProgram *program, bool *live) {
  Arena *arena = arena_create();
  size_t count = 0;
  for (const IrStatement *s = program->statements; s; s = s->next) count++;
  const IrStatement **list = ARENA_ARRAY(arena, const IrStatement *, count + 1);
  bool *seen = ARENA_ARRAY(arena, bool, program->values.count + 1);
  size_t i = 0;
  for (const IrStatement *s = program->statements; s; s = s->next) list[i++] = s;
  while (i-- > 0)
    if (list[i]->kind == IR_STATEMENT_ASSIGN && live[list[i]->target])
      ir_mark_reads(program, list[i]->value, seen, live);
  arena_destroy(arena);
}

static bool has_repeat(const IrProgram *program) {
  for (const IrStatement *s = program->statements; s; s = s->next)
    if (s->kind == IR_STATEMENT_REPEAT) return true;
  return false;
}

void pass_dead(IrProgram *program) {
  if (has_repeat(program)) return;
  bool *live = ARENA_ARRAY(program->arena, bool, program->buffers.count);
  for (size_t b = 0; b < program->buffers.count; b++) live[b] = program->buffers.items[b].live_out;
  mark_live(program, live);
  IrStatement **link = &program->statements;
  while (*link)
    if (live[(*link)->target]) link = &(*link)->next;
    else *link = (*link)->next;
  program->last = link;
}

static IrBuffer buffer_named(const IrProgram *program, const char *name) {
  for (size_t b = 0; b < program->buffers.count; b++)
    if (!__builtin_strcmp(program->buffers.items[b].name, name)) return (IrBuffer)b;
  return IR_NONE;
}

// The slot a version belongs to: the buffer that holds the variable between steps.
static IrBuffer slot_of(const IrProgram *program, IrBuffer buffer) {
  const IrBufferInfo *info = &program->buffers.items[buffer];
  return info->live_in || info->origin == IR_NONE ? buffer : info->origin;
}

void dead_variables(IrProgram *step, const IrProgram *predict) {
  if (has_repeat(step)) return;
  size_t count = step->buffers.count;
  bool *wanted = ARENA_ARRAY(step->arena, bool, count); // slots whose value after the step matters
  bool *live = ARENA_ARRAY(step->arena, bool, count);
  bool *predicted = ARENA_ARRAY(predict->arena, bool, predict->buffers.count);
  for (size_t b = 0; b < predict->buffers.count; b++) predicted[b] = predict->buffers.items[b].live_out;
  mark_live(predict, predicted);
  for (size_t b = 0; b < predict->buffers.count; b++) {
    IrBuffer slot = predicted[b] && predict->buffers.items[b].live_in
                        ? buffer_named(step, predict->buffers.items[b].name)
                        : IR_NONE;
    if (slot != IR_NONE) wanted[slot] = true;
  }
  for (bool grown = true; grown;) { // a variable is live if a live variable's next value reads it
    grown = false;
    for (size_t b = 0; b < count; b++) {
      const IrBufferInfo *info = &step->buffers.items[b];
      live[b] = info->live_out && wanted[slot_of(step, (IrBuffer)b)];
    }
    mark_live(step, live);
    for (size_t b = 0; b < count; b++)
      if (live[b] && step->buffers.items[b].live_in && !wanted[b]) wanted[b] = grown = true;
  }
  for (size_t b = 0; b < count; b++) {
    IrBufferInfo *info = &step->buffers.items[b];
    bool is_variable = info->role == ROLE_SYNAPSE || info->role == ROLE_NEURON || info->role == ROLE_SIGNAL;
    if (is_variable && info->live_out && !wanted[slot_of(step, (IrBuffer)b)]) info->live_out = false;
  }
}
