// adjoint, first half: the forward statements take the form that their derivatives are told by. Every reduction becomes
// a statement of its own, values that several statements have are read where they are stored first, and a factor
// without axes goes into the sum it stands before, where nothing else needs that sum:
//
//   w.v1 <- fw * w + etaw * sum(batch: p * q)   ->   part <- sum(batch: p * (etaw * q));  w.v1 <- fw * w + part
//
// The derivative by etaw is then told by q and its adjoint; otherwise it would need the sum, one more matrix product.
#include "compiler/ir/order.h"
#include "compiler/passes/adjoint_internal.h"
#include "compiler/passes/passes.h"

#include <string.h>

typedef struct {
  IrProgram *program;
  Arena *scratch;
  IrValue *stored; // [value]: the read of the buffer that holds it, or IR_NONE
  size_t stored_count;
  int *uses; // [value]: by other values and by statements, as the program was
  size_t uses_count;
  bool *read;                   // [buffer]: some statement reads it
  const IrStatement *statement; // being prepared
  ARENA_LIST(IrValue) noted;    // what is in `stored`, in order
} Preparation;

static const IrValueInfo *info_of(const IrProgram *program, IrValue value) { return &program->values.items[value]; }

bool adjoint_has_reduction(const IrProgram *program, IrValue value) {
  IrOrder order = ir_order(program, value, NULL, NULL);
  bool found = false;
  for (size_t i = 0; i < order.count && !found; i++) found = info_of(program, order.values[i])->kind == VALUE_REDUCE;
  ir_order_free(&order);
  return found;
}

bool adjoint_may_store(const IrProgram *program, IrAxisSet axes) {
  int large = 0, most = 2;
  for (IrAxis axis = 0; axis < (IrAxis)program->axes.count; axis++)
    large += (axes & ir_axis_bit(axis)) && program->axes.items[axis].kind != AXIS_KIND_STATE;
  for (size_t b = 0; b < program->buffers.count && large > most; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    int of_buffer = 0;
    for (int d = 0; d < buffer->dimensions; d++) of_buffer += buffer->kind[d] != AXIS_KIND_STATE;
    if (of_buffer > most) most = of_buffer;
  }
  return large <= most;
}

bool adjoint_is_variable(const IrBufferInfo *buffer) { return buffer->live_in && buffer->role != ROLE_INPUT; }

IrBuffer adjoint_variable_of(const IrProgram *program, IrBuffer version) {
  const IrBufferInfo *info = &program->buffers.items[version];
  bool ends = info->live_out && !info->live_in && info->origin != IR_NONE;
  return ends && adjoint_is_variable(&program->buffers.items[info->origin]) ? info->origin : IR_NONE;
}

// `assigned` counts the statements that assign each buffer.
static bool is_list_reversible(const IrProgram *program, const IrStatement *statements, int *assigned) {
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) {
      if (!is_list_reversible(program, statement->body, assigned)) return false;
      continue;
    }
    const IrBufferInfo *target = &program->buffers.items[statement->target];
    if (target->live_in || ++assigned[statement->target] > (target->carried ? 2 : 1)) return false;
    for (int d = 0; d < target->dimensions; d++)
      if (statement->index[d].axis == IR_NONE) return false;
  }
  return true;
}

bool adjoint_is_reversible(const IrProgram *program) {
  Arena *scratch = arena_create();
  int *assigned = ARENA_ARRAY(scratch, int, program->buffers.count + 1);
  bool good = is_list_reversible(program, program->statements, assigned);
  for (size_t b = 0; b < program->buffers.count; b++)
    if (program->buffers.items[b].carried && assigned[b] == 1) good = false;
  arena_destroy(scratch);
  return good;
}

// ---- what is stored where

static IrValue stored(const Preparation *preparation, IrValue value) {
  return (size_t)value < preparation->stored_count ? preparation->stored[value] : IR_NONE;
}

static void note_stored(Preparation *preparation, IrValue value, IrValue read) {
  if ((size_t)value >= preparation->stored_count) {
    size_t count = 2 * preparation->program->values.count;
    IrValue *grown = ARENA_ARRAY(preparation->scratch, IrValue, count);
    for (size_t i = 0; i < count; i++) grown[i] = stored(preparation, (IrValue)i);
    preparation->stored = grown;
    preparation->stored_count = count;
  }
  preparation->stored[value] = read;
  ARENA_PUSH(preparation->scratch, &preparation->noted, value);
}

// ---- factors without axes

static bool depends_on_variables(const IrProgram *program, IrValue value) {
  IrOrder order = ir_order(program, value, NULL, NULL);
  bool found = false;
  for (size_t i = 0; i < order.count && !found; i++) {
    const IrValueInfo *info = info_of(program, order.values[i]);
    found = info->kind == VALUE_READ && program->buffers.items[info->buffer].role != ROLE_INPUT;
  }
  ir_order_free(&order);
  return found;
}

// `product` with its smallest factor that depends on variables multiplied by `scalar`; IR_NONE if it is no product, or
// has no such factor.
static IrValue scaled_product(IrProgram *program, IrValue product, IrValue scalar) {
  enum { MOST = 16 };
  IrValue factor[MOST], open[MOST];
  int count = 0, depth = 0;
  open[depth++] = product;
  while (depth > 0) {
    IrValue value = open[--depth];
    const IrValueInfo *info = info_of(program, value);
    bool apart = info->kind == VALUE_OPERATION && info->operation == OP_MULTIPLY && depth + 2 <= MOST;
    if (count == MOST) return IR_NONE;
    if (!apart) factor[count++] = value;
    if (apart) open[depth++] = info->operand[1], open[depth++] = info->operand[0];
  }
  int best = -1;
  for (int i = 0; i < count && count > 1; i++) {
    bool smaller = best < 0 || ir_extent(program, info_of(program, factor[i])->axes) <
                                   ir_extent(program, info_of(program, factor[best])->axes);
    if (smaller && depends_on_variables(program, factor[i])) best = i;
  }
  if (best < 0) return IR_NONE;
  factor[best] = ir_operation(program, OP_MULTIPLY, scalar, factor[best], IR_NONE);
  IrValue all = factor[0];
  for (int i = 1; i < count; i++) all = ir_operation(program, OP_MULTIPLY, all, factor[i], IR_NONE);
  return all;
}

static IrValue push_factor(void *context, IrProgram *program, IrValue value) {
  const Preparation *preparation = context;
  IrValueInfo info = *info_of(program, value);
  if (info.kind != VALUE_OPERATION || info.operation != OP_MULTIPLY) return value;
  for (int side = 0; side < 2; side++) {
    IrValue scalar = info.operand[side], sum = info.operand[!side];
    IrValueInfo reduction = *info_of(program, sum);
    bool fits = reduction.kind == VALUE_REDUCE && reduction.reduction == REDUCE_SUM && !info_of(program, scalar)->axes;
    if (!fits || (size_t)sum >= preparation->uses_count || preparation->uses[sum] != 1) continue;
    if (!depends_on_variables(program, scalar)) continue;
    IrValue body = scaled_product(program, reduction.operand[0], scalar);
    if (body != IR_NONE) return ir_reduce(program, REDUCE_SUM, reduction.reduced, body);
  }
  return value;
}

// ---- reductions

static IrValue store_reduction(void *context, IrProgram *program, IrValue value) {
  Preparation *preparation = context;
  IrValue known = stored(preparation, value);
  if (known != IR_NONE) return known;
  IrValueInfo info = *info_of(program, value);
  if (info.kind != VALUE_REDUCE || !adjoint_may_store(program, info.axes)) return value;
  const IrStatement *statement = preparation->statement;
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  IrIndex index[IR_MAX_DIMENSIONS];
  const char *name = arena_format(program->arena, "%s.part", target->name);
  IrBuffer part = ir_temporary(program, name, info.axes, statement->index, target->dimensions, index);
  ir_assign(program, part, index, value, statement->span, statement->block);
  IrValue read = ir_read(program, part, index);
  note_stored(preparation, value, read);
  return read;
}

static void prepare_statement(Preparation *preparation, IrStatement *statement) {
  IrProgram *program = preparation->program;
  preparation->statement = statement;
  if (!preparation->read[statement->target])
    statement->value = ir_rewrite(program, statement->value, push_factor, preparation);
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  IrAxisSet axes = 0;
  for (int d = 0; d < target->dimensions; d++) axes |= ir_axis_bit(statement->index[d].axis);
  IrValueInfo root = *info_of(program, statement->value);
  bool is_stored_anyway = root.kind == VALUE_REDUCE && root.axes == axes;
  if (is_stored_anyway) {
    IrValue body = ir_rewrite(program, root.operand[0], store_reduction, preparation);
    statement->value = ir_reduce(program, root.reduction, root.reduced, body);
  } else {
    statement->value = ir_rewrite(program, statement->value, store_reduction, preparation);
  }
  bool is_inner = info_of(program, statement->value)->kind == VALUE_OPERATION || is_stored_anyway;
  if (is_inner && !target->carried && info_of(program, statement->value)->axes == axes &&
      stored(preparation, statement->value) == IR_NONE)
    note_stored(preparation, statement->value, ir_read(program, statement->target, statement->index));
  statement->next = NULL;
  *program->last = statement;
  program->last = &statement->next;
}

static void count_list(Preparation *preparation, const IrStatement *statements, bool *seen, bool *reached) {
  const IrProgram *program = preparation->program;
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) {
      count_list(preparation, statement->body, seen, reached);
      continue;
    }
    ir_mark_reads(program, statement->value, seen, preparation->read);
    preparation->uses[statement->value]++;
    IrOrder order = ir_order(program, statement->value, NULL, NULL);
    for (size_t i = 0; i < order.count; i++) {
      if (reached[order.values[i]]) continue;
      reached[order.values[i]] = true;
      const IrValueInfo *info = info_of(program, order.values[i]);
      for (int j = 0; j < ir_value_operands(info); j++) preparation->uses[info->operand[j]]++;
    }
    ir_order_free(&order);
  }
}

static void count_uses(Preparation *preparation) {
  IrProgram *program = preparation->program;
  preparation->uses_count = program->values.count;
  preparation->uses = ARENA_ARRAY(preparation->scratch, int, program->values.count + 1);
  preparation->read = ARENA_ARRAY(preparation->scratch, bool, program->buffers.count + 1);
  bool *seen = ARENA_ARRAY(preparation->scratch, bool, program->values.count + 1);
  bool *reached = ARENA_ARRAY(preparation->scratch, bool, program->values.count + 1);
  count_list(preparation, program->statements, seen, reached);
}

static void prepare_list(Preparation *preparation, IrStatement *statement) {
  IrProgram *program = preparation->program;
  while (statement) {
    IrStatement *next = statement->next, *body = statement->body;
    if (statement->kind == IR_STATEMENT_ASSIGN) {
      prepare_statement(preparation, statement);
    } else {
      statement->next = statement->body = NULL;
      *program->last = statement;
      program->last = &statement->body;
      // What is stored in a body is that of one round.
      size_t known = preparation->noted.count;
      prepare_list(preparation, body);
      while (preparation->noted.count > known)
        preparation->stored[preparation->noted.items[--preparation->noted.count]] = IR_NONE;
      program->last = &statement->next;
    }
    statement = next;
  }
}

void adjoint_prepare(IrProgram *program) {
  Preparation preparation = {.program = program, .scratch = arena_create()};
  count_uses(&preparation);
  IrStatement *statements = program->statements;
  program->statements = NULL;
  program->last = &program->statements;
  prepare_list(&preparation, statements);
  arena_destroy(preparation.scratch);
}
