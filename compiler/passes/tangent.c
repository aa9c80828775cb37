// tangent: forward mode. Expects versions, like `adjoint`. After it the program computes, beside what it did, how that
// changes to first order when what lives in changes: for every variable w0 that lives in there is "w0.tangent", its
// change before the program, and after it where the program assigns it; for the prediction and the loss
// "prediction.tangent", out. So it multiplies the program's Jacobian with a vector, where `adjoint` multiplies its
// transpose. The derivatives are written here once more, operation by operation, and not taken from differentiate.c:
// the two are tested against each other. Griewank and Walther, Evaluating Derivatives (2008), chapter 3.1; edges as the
// language says. What goes round a repeat takes its tangent with it.
#include "compiler/ir/order.h"
#include "compiler/passes/adjoint_internal.h"
#include "compiler/passes/passes.h"

#include <math.h>
#include <string.h>

typedef struct {
  IrProgram *program;
  IrBuffer *tangent; // [buffer of the given program]: of what depends on a variable, else IR_NONE
  size_t count;
  const IrStatement *statement;
} Tangent;

static const IrValueInfo *info_of(const IrProgram *program, IrValue value) { return &program->values.items[value]; }

// ---- small values. IR_NONE stands for a tangent that is 0 everywhere.

static IrValue one(IrProgram *program, IrOperation operation, IrValue x) {
  return ir_operation(program, operation, x, IR_NONE, IR_NONE);
}

static IrValue two(IrProgram *program, IrOperation operation, IrValue x, IrValue y) {
  return ir_operation(program, operation, x, y, IR_NONE);
}

static IrValue number(IrProgram *program, double value) { return ir_constant(program, value); }

static IrValue plus(IrProgram *program, IrValue x, IrValue y) {
  if (x == IR_NONE) return y;
  return y == IR_NONE ? x : two(program, OP_ADD, x, y);
}

static IrValue times(IrProgram *program, IrValue factor, IrValue tangent) {
  return tangent == IR_NONE ? IR_NONE : two(program, OP_MULTIPLY, factor, tangent);
}

static IrValue choose(IrProgram *program, IrValue condition, IrValue yes, IrValue no) {
  if (yes == IR_NONE && no == IR_NONE) return IR_NONE;
  IrValue zero = number(program, 0);
  return ir_operation(program, OP_SELECT, condition, yes == IR_NONE ? zero : yes, no == IR_NONE ? zero : no);
}

static IrValue unless_zero(IrProgram *program, IrValue x, IrValue tangent) {
  if (tangent == IR_NONE) return IR_NONE;
  return choose(program, two(program, OP_EQUAL, x, number(program, 0)), IR_NONE, tangent);
}

// ---- operations: x, y, z with the tangents dx, dy, dz; r is the result

static IrValue of_one(IrProgram *program, IrOperation operation, IrValue x, IrValue dx, IrValue r) {
  IrValue unit = number(program, 1);
  switch (operation) {
  case OP_NEGATE: return one(program, OP_NEGATE, dx);
  case OP_EXP: return times(program, r, dx);
  case OP_EXPM1: return times(program, one(program, OP_EXP, x), dx);
  case OP_LOG: return two(program, OP_DIVIDE, dx, x);
  case OP_LOG1P: return two(program, OP_DIVIDE, dx, two(program, OP_ADD, unit, x));
  case OP_SQRT: return unless_zero(program, x, two(program, OP_DIVIDE, dx, times(program, number(program, 2), r)));
  case OP_RSQRT: {
    IrValue factor = two(program, OP_DIVIDE, r, times(program, number(program, -2), x));
    return unless_zero(program, x, times(program, factor, dx));
  }
  case OP_ABS: return times(program, one(program, OP_SIGN, x), dx);
  case OP_TANH: return times(program, two(program, OP_SUBTRACT, unit, times(program, r, r)), dx);
  case OP_SIGMOID: return times(program, two(program, OP_SUBTRACT, r, times(program, r, r)), dx);
  case OP_RELU: return choose(program, two(program, OP_GREATER, x, number(program, 0)), dx, IR_NONE);
  case OP_SOFTPLUS: return times(program, one(program, OP_SIGMOID, x), dx);
  case OP_ERF: {
    IrValue bell = one(program, OP_EXP, one(program, OP_NEGATE, times(program, x, x)));
    return times(program, times(program, number(program, 2 / sqrt(acos(-1.0))), bell), dx);
  }
  case OP_SIN: return times(program, one(program, OP_COS, x), dx);
  case OP_COS: return one(program, OP_NEGATE, times(program, one(program, OP_SIN, x), dx));
  default: return IR_NONE; // sign, floor, stop, number
  }
}

static IrValue of_power(IrProgram *program, IrValue x, IrValue dx, IrValue y, IrValue dy, IrValue r) {
  IrValue by_x = IR_NONE, by_y = IR_NONE, is_zero = two(program, OP_EQUAL, x, number(program, 0));
  if (dx != IR_NONE) {
    IrValue below = two(program, OP_POWER, x, two(program, OP_SUBTRACT, y, number(program, 1)));
    by_x = times(program, times(program, y, below), dx);
    IrValue edge = two(program, OP_AND, is_zero, two(program, OP_LESS, y, number(program, 1)));
    by_x = choose(program, edge, IR_NONE, by_x);
  }
  if (dy != IR_NONE)
    by_y = choose(program, is_zero, IR_NONE, times(program, times(program, one(program, OP_LOG, x), r), dy));
  return plus(program, by_x, by_y);
}

static IrValue of_several(IrProgram *program, IrOperation operation, const IrValue *v, const IrValue *d, IrValue r) {
  IrValue x = v[0], y = v[1], z = v[2], dx = d[0], dy = d[1], dz = d[2];
  switch (operation) {
  case OP_ADD: return plus(program, dx, dy);
  case OP_SUBTRACT: return plus(program, dx, dy == IR_NONE ? IR_NONE : one(program, OP_NEGATE, dy));
  case OP_MULTIPLY: return plus(program, times(program, y, dx), times(program, x, dy));
  case OP_FMA: return plus(program, plus(program, times(program, y, dx), times(program, x, dy)), dz);
  case OP_DIVIDE: {
    IrValue above = dy == IR_NONE ? dx : plus(program, dx, one(program, OP_NEGATE, times(program, r, dy)));
    return two(program, OP_DIVIDE, above, y);
  }
  case OP_POWER: return of_power(program, x, dx, y, dy, r);
  case OP_MINIMUM: return choose(program, two(program, OP_LESS_EQUAL, x, y), dx, dy);
  case OP_MAXIMUM: return choose(program, two(program, OP_GREATER_EQUAL, x, y), dx, dy);
  case OP_MODULO: {
    IrValue turns = one(program, OP_FLOOR, two(program, OP_DIVIDE, x, y));
    return plus(program, dx, dy == IR_NONE ? IR_NONE : one(program, OP_NEGATE, times(program, turns, dy)));
  }
  case OP_SELECT: return choose(program, x, dy, dz);
  case OP_SURROGATE: return times(program, z, dy);
  case OP_CLAMP: { // min(max(x, y), z)
    IrValue raised = choose(program, two(program, OP_GREATER_EQUAL, x, y), dx, dy);
    return choose(program, two(program, OP_LESS_EQUAL, two(program, OP_MAXIMUM, x, y), z), raised, dz);
  }
  default: return IR_NONE;
  }
}

// ---- reductions, one axis after the other: the innermost (the last) first

static IrValue of_extreme(IrProgram *program, IrReduction reduction, IrAxis axis, IrValue body, IrValue tangent) {
  IrValue largest = reduction == REDUCE_MINIMUM ? one(program, OP_NEGATE, body) : body;
  IrValue place = ir_reduce(program, REDUCE_ARGMAX, ir_axis_bit(axis), largest);
  IrValue here = two(program, OP_EQUAL, ir_position(program, axis), place);
  return ir_reduce(program, REDUCE_SUM, ir_axis_bit(axis), choose(program, here, tangent, IR_NONE));
}

// The sum over the elements of each one's tangent times the product of all others.
static IrValue of_product(IrProgram *program, IrAxis axis, IrValue body, IrValue tangent) {
  IrAxisSet taken = info_of(program, body)->axes | info_of(program, tangent)->axes;
  IrAxis other = ir_axis_like(program, axis, taken | ir_axis_bit(axis));
  IrValue same = two(program, OP_EQUAL, ir_position(program, other), ir_position(program, axis));
  IrValue renamed = ir_substitute_axis(program, body, axis, (IrIndex){other, 0});
  IrValue but_one = ir_operation(program, OP_SELECT, same, number(program, 1), renamed);
  IrValue others = ir_reduce(program, REDUCE_PRODUCT, ir_axis_bit(other), but_one);
  return ir_reduce(program, REDUCE_SUM, ir_axis_bit(axis), times(program, others, tangent));
}

static IrValue of_reduction(IrProgram *program, const IrValueInfo *info, IrValue tangent) {
  IrValue body = info->operand[0];
  IrAxisSet left = info->reduced;
  if (tangent == IR_NONE || info->reduction == REDUCE_ARGMAX) return IR_NONE;
  if (info->reduction == REDUCE_SUM) return ir_reduce(program, REDUCE_SUM, left, tangent);
  while (left) {
    IrAxis axis = (IrAxis)(63 - __builtin_clzll(left));
    left &= ~ir_axis_bit(axis);
    tangent = info->reduction == REDUCE_PRODUCT ? of_product(program, axis, body, tangent)
                                                : of_extreme(program, info->reduction, axis, body, tangent);
    body = ir_reduce(program, info->reduction, ir_axis_bit(axis), body);
  }
  return tangent;
}

// ---- one statement

// The tangent of the statement's value; `stored`: a read of where the value itself is.
static IrValue tangent_of(const Tangent *tangents, IrValue root, IrValue stored) {
  IrProgram *program = tangents->program;
  IrOrder order = ir_order(program, root, NULL, NULL);
  Arena *scratch = arena_create();
  IrValue *of = ARENA_ARRAY(scratch, IrValue, order.count);
  for (size_t i = 0; i < order.count; i++) {
    IrValue value = order.values[i], d[IR_MAX_OPERANDS] = {IR_NONE, IR_NONE, IR_NONE};
    IrValueInfo info = *info_of(program, value);
    bool varies = false;
    of[i] = IR_NONE;
    if (info.is_truth || info.kind == VALUE_NOISE) continue;
    if (info.kind == VALUE_READ && tangents->tangent[info.buffer] != IR_NONE)
      of[i] = ir_read(program, tangents->tangent[info.buffer], info.index);
    for (int j = 0; j < ir_value_operands(&info); j++) {
      d[j] = of[ir_order_place(&order, info.operand[j])];
      varies |= d[j] != IR_NONE;
    }
    if (!varies) continue;
    IrValue result = value == root ? stored : value;
    if (info.kind == VALUE_REDUCE) of[i] = of_reduction(program, &info, d[0]);
    else if (ir_operation_arity(info.operation) == 1)
      of[i] = of_one(program, info.operation, info.operand[0], d[0], result);
    else of[i] = of_several(program, info.operation, info.operand, d, result);
  }
  IrValue tangent = of[order.count - 1];
  arena_destroy(scratch);
  ir_order_free(&order);
  return tangent;
}

static IrBuffer new_buffer(const Tangent *tangents, IrBuffer buffer, const char *name, IrRole role) {
  IrBufferInfo info = tangents->program->buffers.items[buffer];
  info.name = name;
  info.role = role;
  info.live_in = info.live_out = false;
  info.origin = IR_NONE;
  return ir_buffer(tangents->program, info);
}

// The buffer for the tangent of what a statement makes: the next value of a variable's tangent, that of an output, or a
// temporary.
static IrBuffer target_of(const Tangent *tangents, IrBuffer target) {
  IrProgram *program = tangents->program;
  const IrBufferInfo *info = &program->buffers.items[target];
  IrBuffer variable = adjoint_variable_of(program, target);
  if (variable != IR_NONE) {
    IrBuffer slot = tangents->tangent[variable];
    const char *name = arena_format(program->arena, "%s.v1", program->buffers.items[slot].name);
    IrBuffer made = new_buffer(tangents, target, name, ROLE_TANGENT);
    program->buffers.items[made].origin = slot;
    program->buffers.items[made].live_out = true;
    return made;
  }
  bool is_output = info->role == ROLE_OUTPUT && info->live_out;
  const char *name = is_output && info->origin != IR_NONE ? program->buffers.items[info->origin].name : info->name;
  name = arena_format(program->arena, "%s.tangent", name);
  IrBuffer made = new_buffer(tangents, target, name, is_output ? ROLE_TANGENT : ROLE_TEMPORARY);
  program->buffers.items[made].live_out = is_output;
  return made;
}

// Of what goes round: before its repeat the tangent of its start, whatever that is; in the body that of its next value.
static void follow_carried(Tangent *tangents, const IrStatement *statement) {
  IrProgram *program = tangents->program;
  IrBuffer target = statement->target;
  IrValue tangent = tangent_of(tangents, statement->value, statement->value);
  if (tangents->tangent[target] == IR_NONE) {
    tangents->tangent[target] = target_of(tangents, target);
    program->buffers.items[tangents->tangent[target]].carried = true;
  }
  ir_assign(program, tangents->tangent[target], statement->index, tangent == IR_NONE ? number(program, 0) : tangent,
            statement->span, statement->block);
}

static void follow(Tangent *tangents, const IrStatement *statement) {
  IrProgram *program = tangents->program;
  IrBuffer target = statement->target;
  if (program->buffers.items[target].carried) {
    follow_carried(tangents, statement);
    return;
  }
  IrValue stored = ir_read(program, target, statement->index);
  if (info_of(program, stored)->axes != info_of(program, statement->value)->axes) stored = statement->value;
  IrValue tangent = tangent_of(tangents, statement->value, stored);
  const IrBufferInfo *info = &program->buffers.items[target];
  bool wanted = adjoint_variable_of(program, target) != IR_NONE || (info->role == ROLE_OUTPUT && info->live_out);
  if (tangent == IR_NONE && !wanted) return;
  IrBuffer made = target_of(tangents, target);
  tangents->tangent[target] = made;
  ir_assign(program, made, statement->index, tangent == IR_NONE ? number(program, 0) : tangent, statement->span,
            statement->block);
}

static void follow_list(Tangent *tangents, IrStatement *statement) {
  IrProgram *program = tangents->program;
  while (statement) {
    IrStatement *next = statement->next, *body = statement->body;
    statement->next = NULL;
    *program->last = statement;
    program->last = &statement->next;
    if (statement->kind == IR_STATEMENT_ASSIGN) {
      follow(tangents, statement);
    } else {
      statement->body = NULL;
      program->last = &statement->body;
      follow_list(tangents, body);
      program->last = &statement->next;
    }
    statement = next;
  }
}

void tangent_alone(IrProgram *program) {
  adjoint_retire_values(program, program->statements);
  for (IrBuffer b = 0; (size_t)b < program->buffers.count; b++) {
    IrBufferInfo *buffer = &program->buffers.items[b];
    if (buffer->role != ROLE_TANGENT && adjoint_is_variable(buffer)) buffer->live_out = false;
  }
}

void pass_tangent(IrProgram *program) {
  if (!adjoint_is_reversible(program)) return;
  adjoint_prepare(program);
  Tangent tangents = {.program = program, .count = program->buffers.count};
  tangents.tangent = ARENA_ARRAY(program->arena, IrBuffer, tangents.count + 1);
  for (size_t b = 0; b < tangents.count; b++) tangents.tangent[b] = IR_NONE;
  for (IrBuffer b = 0; (size_t)b < tangents.count; b++) {
    if (!adjoint_is_variable(&program->buffers.items[b])) continue;
    const char *name = arena_format(program->arena, "%s.tangent", program->buffers.items[b].name);
    IrBuffer slot = new_buffer(&tangents, b, name, ROLE_TANGENT);
    program->buffers.items[slot].live_in = true;
    tangents.tangent[b] = slot;
  }
  IrStatement *statement = program->statements;
  program->statements = NULL;
  program->last = &program->statements;
  follow_list(&tangents, statement);
  ir_drop_surrogates(program);
  program->name = arena_format(program->arena, "%s.tangent", program->name);
}
