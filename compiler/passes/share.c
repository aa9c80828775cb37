// share: what a statement computes with a sum in it and uses several times becomes a temporary, assigned just before.
// In act((z - mean(batch: z)) / sqrt(var(batch: z) + eps)) these are z and z - mean(batch: z). The first pass on the
// way to an adjoint: each has one adjoint then, and the passes that follow do not take it apart differently in every
// place. Expects a program as lowered; changes no effect and no order of effects. Before: lower. After: simplify.
#include "compiler/ir/order.h"
#include "compiler/passes/adjoint_internal.h"
#include "compiler/passes/passes.h"

typedef struct {
  IrProgram *program;
  const IrStatement *statement;
  IrOrder order;
  IrValue *instead; // [place]
} Sharing;

static const IrValueInfo *info_of(const IrProgram *program, IrValue value) { return &program->values.items[value]; }

static IrValue store(Sharing *sharing, IrValue value) {
  IrProgram *program = sharing->program;
  const IrStatement *statement = sharing->statement;
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  const char *name = arena_format(program->arena, "%s.shared", target->name);
  IrIndex index[IR_MAX_DIMENSIONS];
  IrBuffer buffer =
      ir_temporary(program, name, info_of(program, value)->axes, statement->index, target->dimensions, index);
  ir_assign(program, buffer, index, value, statement->span, statement->block);
  return ir_read(program, buffer, index);
}

// Rebuilds the statement's value, operands first; `uses`: by how many others each is used, `sums`: whether there is a
// sum in it.
static IrValue rebuild(Sharing *sharing, const int *uses, const bool *sums) {
  IrProgram *program = sharing->program;
  const IrOrder *order = &sharing->order;
  for (size_t i = 0; i < order->count; i++) {
    IrValueInfo info = *info_of(program, order->values[i]);
    IrValue operand[IR_MAX_OPERANDS] = {IR_NONE, IR_NONE, IR_NONE}, value = order->values[i];
    for (int j = 0; j < ir_value_operands(&info); j++)
      operand[j] = sharing->instead[ir_order_place(order, info.operand[j])];
    if (info.kind == VALUE_REDUCE) value = ir_reduce(program, info.reduction, info.reduced, operand[0]);
    if (info.kind == VALUE_OPERATION) value = ir_operation(program, info.operation, operand[0], operand[1], operand[2]);
    bool is_shared = info.kind == VALUE_OPERATION && !info.is_truth && info.axes && sums[i] && uses[i] > 1;
    if (is_shared && adjoint_may_store(program, info.axes)) value = store(sharing, value);
    sharing->instead[i] = value;
  }
  return sharing->instead[order->count - 1];
}

static void share_statement(IrProgram *program, IrStatement *statement) {
  Sharing sharing = {program, statement, ir_order(program, statement->value, NULL, NULL), NULL};
  Arena *scratch = arena_create();
  size_t count = sharing.order.count;
  int *uses = ARENA_ARRAY(scratch, int, count);
  bool *sums = ARENA_ARRAY(scratch, bool, count);
  sharing.instead = ARENA_ARRAY(scratch, IrValue, count);
  for (size_t i = 0; i < count; i++) {
    const IrValueInfo *info = info_of(program, sharing.order.values[i]);
    sums[i] = info->kind == VALUE_REDUCE;
    for (int j = 0; j < ir_value_operands(info); j++) {
      size_t operand = ir_order_place(&sharing.order, info->operand[j]);
      uses[operand]++;
      sums[i] |= sums[operand];
    }
  }
  statement->value = rebuild(&sharing, uses, sums);
  arena_destroy(scratch);
  ir_order_free(&sharing.order);
}

static void share_list(IrProgram *program, IrStatement *statements) {
  while (statements) {
    IrStatement *statement = statements;
    statements = statement->next;
    IrStatement *body = statement->body;
    if (statement->kind == IR_STATEMENT_ASSIGN) share_statement(program, statement);
    statement->next = statement->body = NULL;
    *program->last = statement;
    if (statement->kind == IR_STATEMENT_REPEAT) {
      program->last = &statement->body;
      share_list(program, body);
    }
    program->last = &statement->next;
  }
}

void pass_share(IrProgram *program) {
  IrStatement *statements = program->statements;
  program->statements = NULL;
  program->last = &program->statements;
  share_list(program, statements);
}
