// Rebuilding values: bottom-up rewriting and substitution, and the cost of a program. What every pass is made of.
#include "compiler/ir/order.h"

#include <stdlib.h>

IrValue ir_with_operands(IrProgram *program, IrValue value, const IrValue *operand) {
  IrValueInfo info = program->values.items[value];
  int operands = ir_value_operands(&info);
  bool same = true;
  for (int i = 0; i < operands; i++) same = same && operand[i] == info.operand[i];
  if (same) return value;
  if (info.kind == VALUE_REDUCE) return ir_reduce(program, info.reduction, info.reduced, operand[0]);
  if (info.kind == VALUE_NOISE) {
    IrNoise noise = ir_noise_of(&info);
    return ir_noise(program, &noise, operand[0]);
  }
  return ir_operation(program, info.operation, operand[0], operand[1], operand[2]);
}

typedef IrValue Rebuild(void *context, IrProgram *program, IrValue value, const IrValue *operand);

// Rebuilds what `descend` lets it see, each value once, operands first.
static IrValue rebuild(IrProgram *program, IrValue root, IrDescend *descend, Rebuild *each, void *context) {
  IrOrder order = ir_order(program, root, descend, context);
  IrValue *rebuilt = malloc(order.count * sizeof(IrValue));
  if (!rebuilt) abort();
  for (size_t i = 0; i < order.count; i++) {
    IrValue value = order.values[i], operand[IR_MAX_OPERANDS] = {IR_NONE, IR_NONE, IR_NONE};
    if (descend && !descend(program, value, context)) {
      rebuilt[i] = value;
      continue;
    }
    const IrValueInfo *info = &program->values.items[value];
    int operands = ir_value_operands(info);
    for (int j = 0; j < operands; j++) operand[j] = rebuilt[ir_order_place(&order, info->operand[j])];
    rebuilt[i] = each(context, program, value, operand);
  }
  IrValue result = rebuilt[order.count - 1]; // the root has the largest number of all
  free(rebuilt);
  ir_order_free(&order);
  return result;
}

typedef struct {
  IrRewrite *rewrite;
  void *context;
} Rewriting;

static IrValue rewrite_one(void *context, IrProgram *program, IrValue value, const IrValue *operand) {
  Rewriting *rewriting = context;
  return rewriting->rewrite(rewriting->context, program, ir_with_operands(program, value, operand));
}

IrValue ir_rewrite(IrProgram *program, IrValue value, IrRewrite *rewrite, void *context) {
  Rewriting rewriting = {rewrite, context};
  return rebuild(program, value, NULL, rewrite_one, &rewriting);
}

IrAxis ir_axis_like(IrProgram *program, IrAxis axis, IrAxisSet forbidden) {
  IrAxisInfo like = program->axes.items[axis];
  for (size_t i = 0; i < program->axes.count && i < IR_MAX_AXES; i++) {
    const IrAxisInfo *info = &program->axes.items[i];
    if (info->kind == like.kind && info->extent == like.extent && !(forbidden & ir_axis_bit((IrAxis)i)))
      return (IrAxis)i;
  }
  return ir_axis(program, like.name, like.kind, like.extent);
}

// A reduction of `value` whose bound axes in `avoided` have been given other names; axes in `forbidden` are not used.
static IrValue rename_bound(IrProgram *program, IrValue value, IrAxisSet avoided, IrAxisSet forbidden) {
  IrValueInfo info = program->values.items[value];
  IrValue body = info.operand[0];
  for (IrAxis axis = 0; axis < IR_MAX_AXES; axis++) {
    if (!(info.reduced & avoided & ir_axis_bit(axis))) continue;
    IrAxis other = ir_axis_like(program, axis, program->values.items[body].axes | info.reduced | avoided | forbidden);
    body = ir_substitute_axis(program, body, axis, (IrIndex){other, 0});
    info.reduced = (info.reduced & ~ir_axis_bit(axis)) | ir_axis_bit(other);
  }
  return ir_reduce(program, info.reduction, info.reduced, body);
}

typedef struct {
  IrAxis from;
  IrIndex to;
} AxisSubstitution;

static bool has_axis(const IrProgram *program, IrValue value, void *context) {
  const AxisSubstitution *substitution = context;
  return (program->values.items[value].axes & ir_axis_bit(substitution->from)) != 0;
}

static IrValue substitute_axis_one(void *context, IrProgram *program, IrValue value, const IrValue *operand) {
  AxisSubstitution *substitution = context;
  IrAxis from = substitution->from;
  IrIndex to = substitution->to;
  IrValueInfo info = program->values.items[value];
  switch (info.kind) {
  case VALUE_POSITION: return to.axis == IR_NONE ? ir_constant(program, to.constant) : ir_position(program, to.axis);
  case VALUE_READ:
    for (int i = 0; i < program->buffers.items[info.buffer].dimensions; i++)
      if (info.index[i].axis == from) info.index[i] = to;
    return ir_read(program, info.buffer, info.index);
  case VALUE_NOISE: {
    IrNoise noise = ir_noise_of(&info);
    for (int i = 0; i < noise.dimensions; i++)
      if (noise.index[i].axis == from) noise.index[i] = to;
    return ir_noise(program, &noise, operand[0]);
  }
  case VALUE_ARGUMENT:
    return ir_argument(program, info.argument, (info.axes & ~ir_axis_bit(from)) | ir_axis_bit(to.axis), info.is_truth);
  case VALUE_REDUCE:
    if (info.reduced & ir_axis_bit(to.axis)) { // it would capture the new axis
      IrValue renamed = rename_bound(program, value, ir_axis_bit(to.axis), ir_axis_bit(from));
      return ir_substitute_axis(program, renamed, from, to);
    }
    return ir_with_operands(program, value, operand);
  default: return ir_with_operands(program, value, operand);
  }
}

IrValue ir_substitute_axis(IrProgram *program, IrValue value, IrAxis from, IrIndex to) {
  AxisSubstitution substitution = {from, to};
  if (to.axis == from || !has_axis(program, value, &substitution)) return value;
  return rebuild(program, value, has_axis, substitute_axis_one, &substitution);
}

typedef struct {
  int argument;
  IrValue replacement;
} ArgumentSubstitution;

static IrValue substitute_argument_one(void *context, IrProgram *program, IrValue value, const IrValue *operand) {
  ArgumentSubstitution *substitution = context;
  IrValueInfo info = program->values.items[value];
  if (info.kind == VALUE_ARGUMENT) return info.argument == substitution->argument ? substitution->replacement : value;
  if (info.kind != VALUE_REDUCE || operand[0] == info.operand[0]) return ir_with_operands(program, value, operand);
  // The argument stands in this reduction. Its own axes are bound here on purpose; no others may be.
  IrAxisSet own = 0, all = program->values.items[substitution->replacement].axes;
  IrOrder order = ir_order(program, info.operand[0], NULL, NULL);
  for (size_t i = 0; i < order.count; i++) {
    const IrValueInfo *inner = &program->values.items[order.values[i]];
    if (inner->kind == VALUE_ARGUMENT && inner->argument == substitution->argument) own |= inner->axes;
  }
  ir_order_free(&order);
  IrAxisSet captured = info.reduced & all & ~own;
  if (!captured) return ir_with_operands(program, value, operand);
  IrValueInfo renamed = program->values.items[rename_bound(program, value, captured, all)];
  IrValue body = ir_substitute_argument(program, renamed.operand[0], substitution->argument, substitution->replacement);
  return ir_reduce(program, renamed.reduction, renamed.reduced, body);
}

IrValue ir_substitute_argument(IrProgram *program, IrValue value, int argument, IrValue replacement) {
  ArgumentSubstitution substitution = {argument, replacement};
  return rebuild(program, value, NULL, substitute_argument_one, &substitution);
}

// ---- surrogates

static IrValue drop_surrogate(void *context, IrProgram *program, IrValue value) {
  (void)context;
  const IrValueInfo *info = &program->values.items[value];
  return info->kind == VALUE_OPERATION && info->operation == OP_SURROGATE ? info->operand[0] : value;
}

static void drop_from(IrProgram *program, IrStatement *statements) {
  for (IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) drop_from(program, statement->body);
    else statement->value = ir_rewrite(program, statement->value, drop_surrogate, NULL);
  }
}

void ir_drop_surrogates(IrProgram *program) { drop_from(program, program->statements); }

// ---- cost

double ir_extent(const IrProgram *program, IrAxisSet axes) {
  double extent = 1;
  for (IrAxis axis = 0; axis < IR_MAX_AXES && axis < (IrAxis)program->axes.count; axis++)
    if (axes & ir_axis_bit(axis)) extent *= (double)program->axes.items[axis].extent;
  return extent;
}

// Every value counts once over its free axes (so an inner sum that lacks an outer axis is computed once for all of it).
double ir_value_cost(const IrProgram *program, IrValue value) {
  double cost = 0;
  IrOrder order = ir_order(program, value, NULL, NULL);
  for (size_t i = 0; i < order.count; i++) {
    const IrValueInfo *info = &program->values.items[order.values[i]];
    cost += ir_flops(info) * ir_extent(program, info->axes);
    if (info->kind == VALUE_REDUCE)
      cost += ir_extent(program, program->values.items[info->operand[0]].axes | info->reduced);
  }
  ir_order_free(&order);
  return cost;
}

double ir_cost(const IrProgram *program, const IrStatement *statements) {
  double cost = 0;
  for (const IrStatement *statement = statements; statement; statement = statement->next)
    cost += statement->kind == IR_STATEMENT_REPEAT ? (double)statement->count * ir_cost(program, statement->body)
                                                   : ir_value_cost(program, statement->value);
  return cost;
}
