// The pass `lower`, losses: what a task is measured by, as a statement behind a prediction. The formulas are those of
// blur_loss_value (runtime) and of the library's loss.blur; the mean over the batch.
#include "compiler/passes/lower.h"

#include <string.h>

static IrValue one(IrProgram *program, IrOperation operation, IrValue x) {
  return ir_operation(program, operation, x, IR_NONE, IR_NONE);
}

static IrValue two(IrProgram *program, IrOperation operation, IrValue x, IrValue y) {
  return ir_operation(program, operation, x, y, IR_NONE);
}

// The shift by the largest output changes no result, so it has no part in the derivative.
static IrValue cross_entropy(IrProgram *program, IrAxisSet unit, IrValue h, IrValue y) {
  IrValue zero = ir_constant(program, 0), top = one(program, OP_STOP, ir_reduce(program, REDUCE_MAXIMUM, unit, h));
  IrValue total = ir_reduce(program, REDUCE_SUM, unit, one(program, OP_EXP, two(program, OP_SUBTRACT, h, top)));
  IrValue log_sum = two(program, OP_ADD, top, one(program, OP_LOG, total));
  IrValue is_right = one(program, OP_NUMBER_OF, two(program, OP_GREATER, y, zero));
  IrValue of_class = two(program, OP_MULTIPLY, is_right, two(program, OP_SUBTRACT, log_sum, h));
  return ir_reduce(program, REDUCE_SUM, unit, of_class);
}

// The loss of one output; the mean over them is taken by the caller.
static IrValue of_output(IrProgram *program, TaskLoss loss, IrValue h, IrValue y) {
  IrValue margin = two(program, OP_MULTIPLY, y, h), difference = two(program, OP_SUBTRACT, h, y);
  switch (loss) {
  case LOSS_LOGISTIC: return one(program, OP_SOFTPLUS, one(program, OP_NEGATE, margin));
  case LOSS_HINGE: return one(program, OP_RELU, two(program, OP_SUBTRACT, ir_constant(program, 1), margin));
  default: return two(program, OP_MULTIPLY, difference, difference);
  }
}

static IrBuffer find_buffer(const IrProgram *program, IrRole role, const char *variable) {
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    if (buffer->role == role && buffer->variable && !strcmp(buffer->variable, variable)) return (IrBuffer)b;
  }
  return IR_NONE;
}

IrProgram *lower_query(Arena *arena, const CheckedRule *rule, const LowerNetwork *network, TaskLoss loss,
                       DiagnosticSink *sink) {
  IrProgram *program = lower_predict(arena, rule, network, sink);
  if (!program) return NULL;
  program->name = "query";
  IrBuffer prediction = find_buffer(program, ROLE_OUTPUT, "prediction"), y = find_buffer(program, ROLE_INPUT, "y");
  const IrStatement *predicted = program->statements;
  while (predicted->target != prediction) predicted = predicted->next;
  IrValue h = ir_read(program, prediction, predicted->index), target = ir_read(program, y, predicted->index);
  IrAxisSet batch = ir_axis_bit(predicted->index[0].axis), unit = ir_axis_bit(predicted->index[1].axis);
  double count = ir_extent(program, batch);
  IrValue value;
  if (loss == LOSS_CROSS_ENTROPY) {
    value = ir_reduce(program, REDUCE_SUM, batch, cross_entropy(program, unit, h, target));
  } else {
    value = ir_reduce(program, REDUCE_SUM, batch | unit, of_output(program, loss, h, target));
    count *= ir_extent(program, unit);
  }
  IrBufferInfo info = {.name = "loss",
                       .variable = "loss",
                       .layer = network->layers - 1,
                       .role = ROLE_OUTPUT,
                       .live_out = true,
                       .origin = IR_NONE};
  ir_assign(program, ir_buffer(program, info), NULL, two(program, OP_DIVIDE, value, ir_constant(program, count)),
            rule->prediction->span, "loss");
  return program;
}
