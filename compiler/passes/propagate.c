// propagate: what a buffer is known to hold replaces reads of it, where that costs nothing: a constant (neurons start a
// step at zero), another buffer's element (the input layer's state 0 is x), a scalar. Before: version (each buffer is
// assigned at most once). After: simplify, which folds what has become constant, and dead, which drops the assignment.
#include "compiler/passes/passes.h"

typedef struct {
  const IrStatement **definition; // [buffer] -> the statement that assigns it, once seen
  size_t count;
} Definitions;

static bool is_free_to_copy(const IrProgram *program, IrValue value) {
  const IrValueInfo *info = &program->values.items[value];
  if (info->is_truth) return false;
  return info->kind == VALUE_CONSTANT || info->kind == VALUE_READ || info->kind == VALUE_POSITION ||
         info->kind == VALUE_STEP;
}

static IrValue replace_read(void *context, IrProgram *program, IrValue value) {
  const Definitions *definitions = context;
  IrValueInfo info = program->values.items[value];
  if (info.kind != VALUE_READ || (size_t)info.buffer >= definitions->count) return value;
  const IrStatement *definition = definitions->definition[info.buffer];
  if (!definition || !is_free_to_copy(program, definition->value)) return value;
  // Two steps, through argument-free renaming: the definition's axes become this read's indices. A definition's axes
  // are distinct, but they may coincide with axes that replace others, so all go at once through the read's own index.
  IrValueInfo source = program->values.items[definition->value];
  int dimensions = program->buffers.items[info.buffer].dimensions;
  if (source.kind == VALUE_READ) {
    int source_dimensions = program->buffers.items[source.buffer].dimensions;
    for (int d = 0; d < source_dimensions; d++) {
      if (source.index[d].axis == IR_NONE) continue;
      for (int e = 0; e < dimensions; e++)
        if (definition->index[e].axis == source.index[d].axis) {
          source.index[d] = info.index[e];
          break;
        }
    }
    return ir_read(program, source.buffer, source.index);
  }
  if (source.kind == VALUE_POSITION) {
    for (int e = 0; e < dimensions; e++)
      if (definition->index[e].axis == source.axis)
        return info.index[e].axis == IR_NONE ? ir_constant(program, info.index[e].constant)
                                             : ir_position(program, info.index[e].axis);
  }
  return definition->value;
}

static IrValue rename_read(void *context, IrProgram *program, IrValue value) {
  const IrBuffer *renamed = context;
  IrValueInfo info = program->values.items[value];
  if (info.kind != VALUE_READ || renamed[info.buffer] == IR_NONE) return value;
  return ir_read(program, renamed[info.buffer], info.index);
}

// `x <- t` where t is a temporary: t's definition assigns x instead, and reads of t become reads of x.
static void coalesce_copies(IrProgram *program, const Definitions *definitions) {
  IrBuffer *renamed = ARENA_ARRAY(program->arena, IrBuffer, program->buffers.count);
  for (size_t b = 0; b < program->buffers.count; b++) renamed[b] = IR_NONE;
  bool any = false;
  for (IrStatement **link = &program->statements; *link;) {
    IrStatement *copy = *link;
    const IrValueInfo *value = &program->values.items[copy->value];
    const IrStatement *definition = value->kind == VALUE_READ ? definitions->definition[value->buffer] : NULL;
    bool same = definition && definition != copy && program->buffers.items[value->buffer].role == ROLE_TEMPORARY &&
                !program->buffers.items[value->buffer].live_out && renamed[value->buffer] == IR_NONE;
    int dimensions = program->buffers.items[copy->target].dimensions;
    same = same && program->buffers.items[value->buffer].dimensions == dimensions;
    for (int d = 0; same && d < dimensions; d++)
      same = copy->index[d].axis != IR_NONE && value->index[d].axis == copy->index[d].axis;
    if (!same) {
      link = &copy->next;
      continue;
    }
    renamed[value->buffer] = copy->target;
    any = true;
    for (IrStatement *s = program->statements; s; s = s->next)
      if (s == definition) s->target = copy->target;
    *link = copy->next;
    if (!copy->next) program->last = link;
  }
  if (!any) return;
  for (IrStatement *s = program->statements; s; s = s->next)
    s->value = ir_rewrite(program, s->value, rename_read, renamed);
}

void pass_propagate(IrProgram *program) {
  for (const IrStatement *statement = program->statements; statement; statement = statement->next)
    if (statement->kind == IR_STATEMENT_REPEAT) return;
  Definitions definitions = {.count = program->buffers.count};
  definitions.definition = ARENA_ARRAY(program->arena, const IrStatement *, definitions.count);
  for (IrStatement *statement = program->statements; statement; statement = statement->next) {
    statement->value = ir_rewrite(program, statement->value, replace_read, &definitions);
    definitions.definition[statement->target] = statement;
  }
  coalesce_copies(program, &definitions);
}
