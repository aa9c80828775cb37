// propagate: what a buffer is known to hold replaces reads of it, where that costs nothing: a constant (neurons start a
// step at zero), another buffer's element (the input layer's state 0 is x), a scalar. Before: version (each buffer is
// assigned at most once). After: simplify, which folds what has become constant, and dead, which drops the assignment.
//
// What a repeat carries is not known, and reading it means something else behind its next value: what a body's
// statement is known to hold is used in that body only, and the next values at its end stay as they are.
#include "compiler/passes/passes.h"

typedef struct {
  IrProgram *program;
  const IrStatement **definition; // [buffer] -> the statement that assigns it, once seen
  const IrStatement **list;       // [buffer] -> the first statement of the list where that stands
  bool *known;                    // [buffer]: what it holds here is what its definition says
  bool *started;                  // [buffer]: carried, and assigned before its repeat
  bool constants_only;
  size_t count;
} Definitions;

static bool is_free_to_copy(const IrProgram *program, IrValue value) {
  const IrValueInfo *info = &program->values.items[value];
  if (info->is_truth) return false;
  if (info->kind == VALUE_READ)
    return !program->buffers.items[info->buffer].rounds; // another list may be in another round
  return info->kind == VALUE_CONSTANT || info->kind == VALUE_POSITION || info->kind == VALUE_STEP;
}

// Two steps, through argument-free renaming: the definition's axes become this read's indices. A definition's axes are
// distinct, but they may coincide with axes that replace others, so all go at once through the read's own index.
IrValue ir_copied_value(IrProgram *program, const IrStatement *definition, const IrIndex *index) {
  if (!is_free_to_copy(program, definition->value)) return IR_NONE;
  IrValueInfo source = program->values.items[definition->value];
  int dimensions = program->buffers.items[definition->target].dimensions;
  if (source.kind == VALUE_READ) {
    int source_dimensions = program->buffers.items[source.buffer].dimensions;
    for (int d = 0; d < source_dimensions; d++) {
      if (source.index[d].axis == IR_NONE) continue;
      for (int e = 0; e < dimensions; e++)
        if (definition->index[e].axis == source.index[d].axis) {
          source.index[d] = index[e];
          break;
        }
    }
    return ir_read(program, source.buffer, source.index);
  }
  if (source.kind == VALUE_POSITION) {
    for (int e = 0; e < dimensions; e++)
      if (definition->index[e].axis == source.axis)
        return index[e].axis == IR_NONE ? ir_constant(program, index[e].constant) : ir_position(program, index[e].axis);
  }
  return definition->value;
}

static IrValue replace_read(void *context, IrProgram *program, IrValue value) {
  const Definitions *definitions = context;
  IrValueInfo info = program->values.items[value];
  if (info.kind != VALUE_READ || (size_t)info.buffer >= definitions->count) return value;
  const IrStatement *definition = definitions->known[info.buffer] ? definitions->definition[info.buffer] : NULL;
  if (!definition) return value;
  if (definitions->constants_only && program->values.items[definition->value].kind != VALUE_CONSTANT) return value;
  IrValue copied = ir_copied_value(program, definition, info.index);
  return copied == IR_NONE ? value : copied;
}

static IrValue rename_read(void *context, IrProgram *program, IrValue value) {
  const IrBuffer *renamed = context;
  IrValueInfo info = program->values.items[value];
  if (info.kind != VALUE_READ || renamed[info.buffer] == IR_NONE) return value;
  return ir_read(program, renamed[info.buffer], info.index);
}

// `x <- t` where t is a temporary of the same list: t's definition assigns x instead, and reads of t become reads of x.
static IrStatement **coalesce_copies(const Definitions *definitions, IrStatement **link, IrBuffer *renamed) {
  IrProgram *program = definitions->program;
  const IrStatement *list = *link;
  while (*link) {
    IrStatement *copy = *link;
    if (copy->kind == IR_STATEMENT_REPEAT) coalesce_copies(definitions, &copy->body, renamed);
    const IrValueInfo *value = copy->kind == IR_STATEMENT_ASSIGN ? &program->values.items[copy->value] : NULL;
    const IrStatement *definition = value && value->kind == VALUE_READ ? definitions->definition[value->buffer] : NULL;
    bool same = definition && definition != copy && definitions->list[value->buffer] == list &&
                program->buffers.items[value->buffer].role == ROLE_TEMPORARY &&
                !program->buffers.items[value->buffer].live_out && renamed[value->buffer] == IR_NONE &&
                !program->buffers.items[copy->target].carried && !program->buffers.items[copy->target].rounds &&
                !program->buffers.items[value->buffer].carried;
    int dimensions = same ? program->buffers.items[copy->target].dimensions : 0;
    same = same && program->buffers.items[value->buffer].dimensions == dimensions;
    for (int d = 0; same && d < dimensions; d++)
      same = copy->index[d].axis != IR_NONE && value->index[d].axis == copy->index[d].axis;
    if (!same) {
      link = &copy->next;
      continue;
    }
    renamed[value->buffer] = copy->target;
    for (IrStatement *s = (IrStatement *)(uintptr_t)list; s; s = s->next)
      if (s == definition) s->target = copy->target;
    *link = copy->next;
  }
  return link;
}

static void rename_reads(IrProgram *program, IrStatement *statements, IrBuffer *renamed) {
  for (IrStatement *s = statements; s; s = s->next)
    if (s->kind == IR_STATEMENT_REPEAT) rename_reads(program, s->body, renamed);
    else s->value = ir_rewrite(program, s->value, rename_read, renamed);
}

// Outside of a body, what it assigned is what its last iteration left.
static void forget_body(const Definitions *definitions, const IrStatement *body) {
  for (const IrStatement *s = body; s; s = s->next)
    if (s->kind == IR_STATEMENT_ASSIGN && definitions->program->values.items[s->value].kind != VALUE_CONSTANT)
      definitions->known[s->target] = false;
}

// Whether a next value is what it is the next value of: then nothing goes round.
static bool stays(const Definitions *definitions, const IrStatement *next) {
  IrProgram *program = definitions->program;
  const IrValueInfo *made = &program->values.items[next->value];
  const IrStatement *definition = made->kind == VALUE_READ ? definitions->definition[made->buffer] : NULL;
  if (!definition) return false;
  IrValue value = ir_copied_value(program, definition, made->index);
  return value != IR_NONE && value == ir_read(program, next->target, next->index);
}

static void propagate_list(Definitions *definitions, IrStatement **link) {
  IrProgram *program = definitions->program;
  const IrStatement *first = *link;
  while (*link) {
    IrStatement *statement = *link;
    if (statement->kind == IR_STATEMENT_REPEAT) {
      propagate_list(definitions, &statement->body);
      forget_body(definitions, statement->body);
      link = &statement->next;
      continue;
    }
    bool carried = program->buffers.items[statement->target].carried;
    bool is_next = carried && definitions->started[statement->target];
    if (is_next && stays(definitions, statement)) {
      program->buffers.items[statement->target].carried = false; // what its start is: known next time
      *link = statement->next;
      continue;
    }
    link = &statement->next;
    definitions->constants_only = is_next;
    statement->value = ir_rewrite(program, statement->value, replace_read, definitions);
    if (carried) {
      definitions->started[statement->target] = true;
      continue;
    }
    definitions->definition[statement->target] = statement;
    definitions->list[statement->target] = first;
    definitions->known[statement->target] = true;
  }
}

void pass_propagate(IrProgram *program) {
  size_t count = program->buffers.count;
  Definitions definitions = {.program = program, .count = count};
  definitions.definition = ARENA_ARRAY(program->arena, const IrStatement *, count);
  definitions.list = ARENA_ARRAY(program->arena, const IrStatement *, count);
  definitions.known = ARENA_ARRAY(program->arena, bool, count);
  definitions.started = ARENA_ARRAY(program->arena, bool, count);
  propagate_list(&definitions, &program->statements);
  IrBuffer *renamed = ARENA_ARRAY(program->arena, IrBuffer, count);
  for (size_t b = 0; b < count; b++) renamed[b] = IR_NONE;
  program->last = coalesce_copies(&definitions, &program->statements, renamed);
  rename_reads(program, program->statements, renamed);
}
