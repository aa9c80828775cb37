// hoist: what a repeat's body computes alike in every iteration is computed once, before the repeat: whole statements,
// and parts of values that are worth a place of their own. The sum over the clamped input layer of a network that
// relaxes is one, and the largest. Innermost repeats come first, so that a value rises as far as it can. Before:
// version and propagate (a buffer that the body does not assign is the same in every iteration). After: multiply_add.
// Never changes: how a value is computed.
#include "compiler/ir/order.h"
#include "compiler/passes/passes.h"

#include <string.h>

enum { WORTHWHILE = 4 }; // flops an element (operations.def) from which a value is worth being stored

typedef struct {
  IrValue value, read;
} Hoisted;

typedef struct {
  IrProgram *program;
  bool *varying; // [buffer]: differs between iterations
  size_t count;  // of varying
  ARENA_LIST(Hoisted) hoisted;
  IrStatement **before; // where the next statement before the repeat is linked
} Hoist;

static void mark_varying(Hoist *hoist, const IrStatement *statements) {
  for (const IrStatement *s = statements; s; s = s->next) {
    if (s->kind == IR_STATEMENT_ASSIGN) hoist->varying[s->target] = true;
    else if (s->counter != IR_NONE) hoist->varying[s->counter] = true;
    if (s->kind == IR_STATEMENT_REPEAT) mark_varying(hoist, s->body);
  }
}

// Stored values are not larger than what they are made of: never one of batch, pre and post that no buffer holds.
static bool is_storable(const IrProgram *program, const IrOrder *order, size_t place) {
  IrAxisSet large = 0, axes = program->values.items[order->values[place]].axes;
  for (size_t axis = 0; axis < program->axes.count; axis++)
    if (program->axes.items[axis].kind != AXIS_KIND_STATE) large |= axes & ir_axis_bit((IrAxis)axis);
  if (__builtin_popcountll(large) <= 2) return true;
  bool held = false;
  for (size_t i = 0; i < place; i++) {
    const IrValueInfo *info = &program->values.items[order->values[i]];
    held |= info->kind == VALUE_READ && (info->axes & large) == large;
  }
  return held;
}

static void link_before(Hoist *hoist, IrStatement *statement) {
  statement->next = *hoist->before;
  *hoist->before = statement;
  hoist->before = &statement->next;
}

static IrValue stored_before(Hoist *hoist, IrValue value, const IrStatement *statement) {
  for (size_t i = 0; i < hoist->hoisted.count; i++)
    if (hoist->hoisted.items[i].value == value) return hoist->hoisted.items[i].read;
  IrProgram *program = hoist->program;
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  IrStatement *made = ARENA_NEW(program->arena, IrStatement);
  *made = (IrStatement){.value = value, .counter = IR_NONE, .span = statement->span, .block = statement->block};
  const char *name = arena_format(program->arena, "%s.fixed", target->name);
  made->target =
      ir_temporary(program, name, program->values.items[value].axes, statement->index, target->dimensions, made->index);
  link_before(hoist, made);
  Hoisted hoisted = {value, ir_read(program, made->target, made->index)};
  ARENA_PUSH(program->arena, &hoist->hoisted, hoisted);
  return hoisted.read;
}

// Replaces the largest parts of the statement's value that no iteration changes. True: all of it is such a part.
static bool hoist_value(Hoist *hoist, IrStatement *statement) {
  IrProgram *program = hoist->program;
  Arena *scratch = arena_create();
  IrOrder order = ir_order(program, statement->value, NULL, NULL);
  bool *varies = ARENA_ARRAY(scratch, bool, order.count), *worth = ARENA_ARRAY(scratch, bool, order.count),
       *wanted = ARENA_ARRAY(scratch, bool, order.count), *taken = ARENA_ARRAY(scratch, bool, order.count);
  for (size_t i = 0; i < order.count; i++) {
    const IrValueInfo *info = &program->values.items[order.values[i]];
    if (info->kind == VALUE_READ) varies[i] = (size_t)info->buffer < hoist->count && hoist->varying[info->buffer];
    worth[i] = info->kind == VALUE_REDUCE || ir_flops(info) >= WORTHWHILE;
    for (int o = 0; o < ir_value_operands(info); o++) {
      size_t operand = ir_order_place(&order, info->operand[o]);
      varies[i] |= varies[operand];
      worth[i] |= worth[operand];
    }
  }
  bool whole = !varies[order.count - 1];
  wanted[order.count - 1] = !whole;
  for (size_t i = order.count; i-- > 0;) { // users first
    const IrValueInfo *info = &program->values.items[order.values[i]];
    if (!wanted[i]) continue;
    taken[i] = !varies[i] && worth[i] && !info->is_truth && is_storable(program, &order, i);
    for (int o = 0; o < ir_value_operands(info) && !taken[i]; o++)
      wanted[ir_order_place(&order, info->operand[o])] = true;
  }
  IrValue *instead = ARENA_ARRAY(scratch, IrValue, order.count);
  for (size_t i = 0; i < order.count; i++) {
    IrValue value = order.values[i];
    instead[i] = value;
    if (!wanted[i]) continue;
    if (taken[i]) {
      instead[i] = stored_before(hoist, value, statement);
      continue;
    }
    IrValueInfo info = program->values.items[value];
    IrValue operand[IR_MAX_OPERANDS] = {IR_NONE, IR_NONE, IR_NONE};
    for (int o = 0; o < ir_value_operands(&info); o++) operand[o] = instead[ir_order_place(&order, info.operand[o])];
    instead[i] = ir_with_operands(program, value, operand);
  }
  if (!whole) statement->value = instead[order.count - 1];
  ir_order_free(&order);
  arena_destroy(scratch);
  return whole;
}

static IrStatement **hoist_list(IrProgram *program, IrStatement **link);

// Returns where the repeat is linked now.
static IrStatement **hoist_repeat(IrProgram *program, IrStatement **link) {
  IrStatement *repeat = *link;
  hoist_list(program, &repeat->body);
  Hoist hoist = {.program = program, .before = link, .count = program->buffers.count};
  hoist.varying = ARENA_ARRAY(program->arena, bool, hoist.count);
  if (repeat->counter != IR_NONE) hoist.varying[repeat->counter] = true;
  mark_varying(&hoist, repeat->body);
  for (IrStatement **inside = &repeat->body; *inside;) {
    IrStatement *statement = *inside;
    bool is_next = statement->kind == IR_STATEMENT_ASSIGN && program->buffers.items[statement->target].carried;
    if (statement->kind == IR_STATEMENT_REPEAT || is_next || !hoist_value(&hoist, statement)) {
      inside = &statement->next;
      continue;
    }
    *inside = statement->next;
    link_before(&hoist, statement);
    hoist.varying[statement->target] = false;
  }
  return hoist.before;
}

static IrStatement **hoist_list(IrProgram *program, IrStatement **link) {
  for (; *link; link = &(*link)->next)
    if ((*link)->kind == IR_STATEMENT_REPEAT) link = hoist_repeat(program, link);
  return link;
}

void pass_hoist(IrProgram *program) { program->last = hoist_list(program, &program->statements); }
