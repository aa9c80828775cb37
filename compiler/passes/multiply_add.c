// multiply_add: x*y + z becomes one operation, rounded once. It is put into the IR, before kernels are formed, so that
// every kernel that computes a value rounds it alike, however it is fused. Before: simplify, dead. After: schedule.
#include "compiler/passes/passes.h"

static bool is_product(const IrProgram *program, IrValue value) {
  const IrValueInfo *info = &program->values.items[value];
  return info->kind == VALUE_OPERATION && info->operation == OP_MULTIPLY;
}

static IrValue negated(IrProgram *program, IrValue value) {
  return ir_operation(program, OP_NEGATE, value, IR_NONE, IR_NONE);
}

static IrValue fuse(void *context, IrProgram *program, IrValue value) {
  (void)context;
  IrValueInfo info = program->values.items[value];
  if (info.kind != VALUE_OPERATION || (info.operation != OP_ADD && info.operation != OP_SUBTRACT)) return value;
  bool subtract = info.operation == OP_SUBTRACT;
  IrValue x = info.operand[0], y = info.operand[1];
  if (is_product(program, y)) { // x + a*b, x - a*b = x + (-a)*b
    IrValueInfo product = program->values.items[y];
    IrValue first = subtract ? negated(program, product.operand[0]) : product.operand[0];
    return ir_operation(program, OP_FMA, first, product.operand[1], x);
  }
  if (is_product(program, x)) { // a*b + y, a*b - y
    IrValueInfo product = program->values.items[x];
    return ir_operation(program, OP_FMA, product.operand[0], product.operand[1], subtract ? negated(program, y) : y);
  }
  return value;
}

static void fuse_statements(IrProgram *program, IrStatement *statements) {
  for (IrStatement *statement = statements; statement; statement = statement->next)
    if (statement->kind == IR_STATEMENT_REPEAT) fuse_statements(program, statement->body);
    else statement->value = ir_rewrite(program, statement->value, fuse, NULL);
}

void pass_multiply_add(IrProgram *program) { fuse_statements(program, program->statements); }
