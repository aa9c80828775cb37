// Differentiates one value: reverse mode over its expression DAG. Used by lower.c for f' and f'' of a rule's functions
// and by adjoint.c, statement by statement; the result is an ordinary value, so it can be differentiated again.
//
// Every node is a tensor over its free axes, whatever binds them further up; so is its adjoint, and no axis ever has to
// be renamed: pushing a contribution to an operand sums over the axes that the operand lacks, a reduction hands its
// adjoint to its body unchanged. Griewank and Walther, Evaluating Derivatives (2008), chapter 3; at the edges the
// conventions of the language hold ("Derivatives at the edge").
#include "compiler/ir/order.h"

#include <math.h>

typedef struct {
  IrProgram *program;
  const IrReverse *reverse;
  IrOrder order;    // what the value is made of; the arrays below follow it
  IrValue *adjoint; // IR_NONE: no contribution yet
  bool *depends;    // on a leaf that is wanted
  bool *singular;   // depends on it through an operation whose derivative can be infinite
} Gradient;

static bool depends_on_leaf(const Gradient *gradient, IrValue value) {
  return gradient->depends[ir_order_place(&gradient->order, value)];
}

// ---- small values

static IrValueInfo node_of(const IrProgram *program, IrValue value) { return program->values.items[value]; }

static bool is_number(const IrProgram *program, IrValue value, double number) {
  const IrValueInfo *node = &program->values.items[value];
  return node->kind == VALUE_CONSTANT && !node->is_truth && node->number == number;
}

static IrValue one_of(IrProgram *program, IrOperation operation, IrValue x) {
  return ir_operation(program, operation, x, IR_NONE, IR_NONE);
}

static IrValue two_of(IrProgram *program, IrOperation operation, IrValue x, IrValue y) {
  return ir_operation(program, operation, x, y, IR_NONE);
}

static IrValue number(IrProgram *program, double value) { return ir_constant(program, value); }

static IrValue choose(IrProgram *program, IrValue condition, IrValue yes, IrValue no) {
  if (yes == no) return yes;
  return ir_operation(program, OP_SELECT, condition, yes, no);
}

static IrValue add(IrProgram *program, IrValue x, IrValue y) {
  if (is_number(program, x, 0)) return y;
  if (is_number(program, y, 0)) return x;
  return two_of(program, OP_ADD, x, y);
}

static IrValue multiply(IrProgram *program, IrValue x, IrValue y) {
  if (is_number(program, x, 1)) return y;
  if (is_number(program, y, 1)) return x;
  return two_of(program, OP_MULTIPLY, x, y);
}

// ---- adjoints that are exactly 0 where a condition does not hold

static bool is_select_with_zero(const IrProgram *program, IrValue value) {
  IrValueInfo node = node_of(program, value);
  return node.kind == VALUE_OPERATION && node.operation == OP_SELECT &&
         (is_number(program, node.operand[1], 0) || is_number(program, node.operand[2], 0));
}

bool ir_is_sparse(const IrProgram *program, IrValue value) {
  IrValueInfo node = node_of(program, value);
  if (node.kind == VALUE_OPERATION && node.operation == OP_ADD)
    return ir_is_sparse(program, node.operand[0]) && ir_is_sparse(program, node.operand[1]);
  return is_select_with_zero(program, value);
}

// adjoint * factor, adjoint / factor, or -adjoint (factor IR_NONE). A select that is 0 on one side stays outside: there
// the result is 0 even where the factor is infinite.
static IrValue scale(IrProgram *program, IrOperation operation, IrValue adjoint, IrValue factor) {
  if (is_number(program, adjoint, 0)) return adjoint;
  if (factor != IR_NONE && is_number(program, factor, 1)) return adjoint;
  if (factor != IR_NONE && is_number(program, factor, 0) && operation == OP_MULTIPLY) return factor;
  IrValueInfo node = node_of(program, adjoint);
  if (is_select_with_zero(program, adjoint))
    return choose(program, node.operand[0], scale(program, operation, node.operand[1], factor),
                  scale(program, operation, node.operand[2], factor));
  if (ir_is_sparse(program, adjoint))
    return add(program, scale(program, operation, node.operand[0], factor),
               scale(program, operation, node.operand[1], factor));
  if (operation == OP_MULTIPLY) return multiply(program, adjoint, factor);
  return factor == IR_NONE ? one_of(program, operation, adjoint) : two_of(program, operation, adjoint, factor);
}

// Where a sparse adjoint is not 0.
static IrValue support(IrProgram *program, IrValue adjoint) {
  IrValueInfo node = node_of(program, adjoint);
  if (node.operation == OP_ADD)
    return two_of(program, OP_OR, support(program, node.operand[0]), support(program, node.operand[1]));
  return is_number(program, node.operand[2], 0) ? node.operand[0] : one_of(program, OP_NOT, node.operand[0]);
}

static double extents(const IrProgram *program, IrAxisSet axes) {
  double product = 1;
  for (IrAxis axis = 0; (size_t)axis < program->axes.count; axis++)
    if (axes & ir_axis_bit(axis)) product *= (double)program->axes.items[axis].extent;
  return product;
}

static IrAxisSet axes_of(const IrProgram *program, IrValue value) { return program->values.items[value].axes; }

// The sum of `value`, a tensor that broadcasts over the axes it lacks, over `axes`.
static IrValue sum_over(IrProgram *program, IrAxisSet axes, IrValue value) {
  IrAxisSet present = axes & axes_of(program, value);
  if (present) value = ir_reduce(program, REDUCE_SUM, present, value);
  double copies = extents(program, axes & ~present);
  return copies == 1 ? value : multiply(program, number(program, copies), value);
}

// ---- accumulation

// x + y; two selects on the same condition become one.
static IrValue add_adjoints(IrProgram *program, IrValue x, IrValue y) {
  IrValueInfo first = node_of(program, x), second = node_of(program, y);
  if (is_select_with_zero(program, x) && is_select_with_zero(program, y) && first.operand[0] == second.operand[0])
    return choose(program, first.operand[0], add(program, first.operand[1], second.operand[1]),
                  add(program, first.operand[2], second.operand[2]));
  return add(program, x, y);
}

// Adds a contribution, made of values over the axes of `from`, to the adjoint of its operand `to`.
static void push(Gradient *gradient, IrValue from, IrValue to, IrValue contribution) {
  IrProgram *program = gradient->program;
  if (!depends_on_leaf(gradient, to) || is_number(program, contribution, 0)) return;
  size_t place = ir_order_place(&gradient->order, to);
  IrAxisSet lost = axes_of(program, from) & ~axes_of(program, to);
  IrValue total = contribution;
  if (lost) {
    total = sum_over(program, lost, contribution);
    if (gradient->singular[place] && ir_is_sparse(program, contribution)) {
      IrValue anywhere = one_of(program, OP_NUMBER_OF, support(program, contribution));
      IrAxisSet present = lost & axes_of(program, anywhere);
      if (present) anywhere = ir_reduce(program, REDUCE_MAXIMUM, present, anywhere);
      total = choose(program, two_of(program, OP_GREATER, anywhere, number(program, 0)), total, number(program, 0));
    }
  }
  IrValue *sum = &gradient->adjoint[place];
  *sum = *sum == IR_NONE ? total : add_adjoints(program, *sum, total);
}

// ---- operations

// d pow(x, y) / dx = y pow(x, y - 1), 0 at x = 0 where y < 1.
static IrValue power_base_factor(IrProgram *program, IrValue x, IrValue y) {
  IrValueInfo exponent = node_of(program, y);
  IrValue zero = number(program, 0);
  if (exponent.kind == VALUE_CONSTANT && exponent.number == 2) return multiply(program, y, x);
  IrValue lowered = two_of(program, OP_SUBTRACT, y, number(program, 1));
  IrValue factor = multiply(program, y, two_of(program, OP_POWER, x, lowered));
  if (exponent.kind == VALUE_CONSTANT && exponent.number >= 1) return factor;
  IrValue edge = two_of(program, OP_EQUAL, x, zero);
  if (exponent.kind != VALUE_CONSTANT)
    edge = two_of(program, OP_AND, edge, two_of(program, OP_LESS, y, number(program, 1)));
  return choose(program, edge, zero, factor);
}

// The derivative of an operation of one operand x with result r; IR_NONE: 0 everywhere.
static IrValue unary_factor(IrProgram *program, IrOperation operation, IrValue x, IrValue r) {
  IrValue zero = number(program, 0), one = number(program, 1);
  switch (operation) {
  case OP_EXP: return r;
  case OP_EXPM1: return two_of(program, OP_ADD, r, one);
  case OP_SQRT:
    return choose(program, two_of(program, OP_EQUAL, x, zero), zero,
                  two_of(program, OP_DIVIDE, number(program, 0.5), r));
  case OP_RSQRT: {
    IrValue cube = multiply(program, multiply(program, r, r), r);
    return choose(program, two_of(program, OP_EQUAL, x, zero), zero, multiply(program, number(program, -0.5), cube));
  }
  case OP_ABS: return one_of(program, OP_SIGN, x);
  case OP_TANH: return two_of(program, OP_SUBTRACT, one, multiply(program, r, r));
  case OP_SIGMOID: return multiply(program, r, two_of(program, OP_SUBTRACT, one, r));
  case OP_SOFTPLUS: return one_of(program, OP_SIGMOID, x);
  case OP_ERF: {
    IrValue bell = one_of(program, OP_EXP, one_of(program, OP_NEGATE, multiply(program, x, x)));
    return multiply(program, number(program, 2 / sqrt(acos(-1.0))), bell);
  }
  case OP_SIN: return one_of(program, OP_COS, x);
  case OP_COS: return one_of(program, OP_NEGATE, one_of(program, OP_SIN, x));
  default: return IR_NONE; // sign, floor, stop, number
  }
}

// `result` stands for the value itself in derivatives that are told by it.
static void push_operation(Gradient *gradient, IrValue value, IrValue result, IrValue adjoint) {
  IrProgram *program = gradient->program;
  IrValueInfo node = node_of(program, value);
  IrValue x = node.operand[0], y = node.operand[1], z = node.operand[2], zero = number(program, 0);
  switch (node.operation) {
  case OP_NEGATE: push(gradient, value, x, scale(program, OP_NEGATE, adjoint, IR_NONE)); break;
  case OP_LOG: push(gradient, value, x, scale(program, OP_DIVIDE, adjoint, x)); break;
  case OP_LOG1P:
    push(gradient, value, x, scale(program, OP_DIVIDE, adjoint, two_of(program, OP_ADD, number(program, 1), x)));
    break;
  case OP_RELU: push(gradient, value, x, choose(program, two_of(program, OP_GREATER, x, zero), adjoint, zero)); break;
  case OP_ADD:
    push(gradient, value, x, adjoint);
    push(gradient, value, y, adjoint);
    break;
  case OP_SUBTRACT:
    push(gradient, value, x, adjoint);
    if (depends_on_leaf(gradient, y)) push(gradient, value, y, scale(program, OP_NEGATE, adjoint, IR_NONE));
    break;
  case OP_SURROGATE: push(gradient, value, y, scale(program, OP_MULTIPLY, adjoint, z)); break;
  case OP_FMA: push(gradient, value, z, adjoint); // fallthrough
  case OP_MULTIPLY:
    if (x == y) {
      push(gradient, value, x, scale(program, OP_MULTIPLY, adjoint, multiply(program, number(program, 2), x)));
      break;
    }
    if (depends_on_leaf(gradient, x)) push(gradient, value, x, scale(program, OP_MULTIPLY, adjoint, y));
    if (depends_on_leaf(gradient, y)) push(gradient, value, y, scale(program, OP_MULTIPLY, adjoint, x));
    break;
  case OP_DIVIDE: {
    IrValue share = scale(program, OP_DIVIDE, adjoint, y);
    push(gradient, value, x, share);
    if (!depends_on_leaf(gradient, y)) break;
    IrValue product = scale(program, OP_MULTIPLY, share, result);
    push(gradient, value, y, scale(program, OP_NEGATE, product, IR_NONE));
    break;
  }
  case OP_POWER:
    if (depends_on_leaf(gradient, x))
      push(gradient, value, x, scale(program, OP_MULTIPLY, adjoint, power_base_factor(program, x, y)));
    if (depends_on_leaf(gradient, y)) {
      IrValue factor = multiply(program, result, one_of(program, OP_LOG, x));
      factor = choose(program, two_of(program, OP_EQUAL, x, zero), zero, factor);
      push(gradient, value, y, scale(program, OP_MULTIPLY, adjoint, factor));
    }
    break;
  case OP_MINIMUM:
  case OP_MAXIMUM: {
    IrOperation order = node.operation == OP_MINIMUM ? OP_LESS_EQUAL : OP_GREATER_EQUAL;
    IrValue is_first = two_of(program, order, x, y);
    push(gradient, value, x, choose(program, is_first, adjoint, zero));
    push(gradient, value, y, choose(program, is_first, zero, adjoint));
    break;
  }
  case OP_MODULO:
    push(gradient, value, x, adjoint);
    if (depends_on_leaf(gradient, y)) {
      IrValue turns = one_of(program, OP_FLOOR, two_of(program, OP_DIVIDE, x, y));
      push(gradient, value, y, scale(program, OP_NEGATE, scale(program, OP_MULTIPLY, adjoint, turns), IR_NONE));
    }
    break;
  case OP_SELECT:
    push(gradient, value, y, choose(program, x, adjoint, zero));
    push(gradient, value, z, choose(program, x, zero, adjoint));
    break;
  case OP_CLAMP: { // min(max(x, lo), hi), each to the first when equal
    IrValue inside = two_of(program, OP_LESS_EQUAL, two_of(program, OP_MAXIMUM, x, y), z);
    IrValue above = two_of(program, OP_GREATER_EQUAL, x, y);
    push(gradient, value, x, choose(program, two_of(program, OP_AND, above, inside), adjoint, zero));
    IrValue below = two_of(program, OP_AND, one_of(program, OP_NOT, above), inside);
    push(gradient, value, y, choose(program, below, adjoint, zero));
    push(gradient, value, z, choose(program, inside, zero, adjoint));
    break;
  }
  default: {
    IrValue factor = ir_operation_arity(node.operation) == 1 && !node.is_truth
                         ? unary_factor(program, node.operation, x, result)
                         : IR_NONE;
    if (factor != IR_NONE) push(gradient, value, x, scale(program, OP_MULTIPLY, adjoint, factor));
  }
  }
}

// ---- reductions

// Truth where the position is that of the first largest (smallest) element of `body` over `axes`, in the order of the
// axes: the outermost axis by the best of each of its slices, then the next within it.
static IrValue is_extreme(IrProgram *program, IrReduction reduction, IrAxisSet axes, IrValue body) {
  if (reduction == REDUCE_MINIMUM) body = one_of(program, OP_NEGATE, body);
  IrValue all = IR_NONE;
  for (IrAxis axis = 0; (size_t)axis < program->axes.count; axis++) {
    if (!(axes & ir_axis_bit(axis))) continue;
    axes &= ~ir_axis_bit(axis);
    IrValue best = axes ? ir_reduce(program, REDUCE_MAXIMUM, axes, body) : body;
    IrValue place = ir_reduce(program, REDUCE_ARGMAX, ir_axis_bit(axis), best);
    IrValue here = two_of(program, OP_EQUAL, ir_position(program, axis), place);
    all = all == IR_NONE ? here : two_of(program, OP_AND, all, here);
  }
  return all;
}

// An axis like `axis` outside `avoid`: one that the program has, or a new one.
static IrAxis spare_axis(IrProgram *program, IrAxis axis, IrAxisSet avoid) {
  IrAxisInfo info = program->axes.items[axis];
  for (IrAxis other = 0; (size_t)other < program->axes.count; other++) {
    const IrAxisInfo *candidate = &program->axes.items[other];
    if (!(avoid & ir_axis_bit(other)) && candidate->kind == info.kind && candidate->extent == info.extent) return other;
  }
  return ir_axis(program, info.name, info.kind, info.extent);
}

// The product over `axes` of all elements of `body` but the one at this place: right also where some are 0. The body
// keeps its axes, since an argument in it stands for a tensor over just these: the left-out place is told by spare axes
// and brought to the body's by a sum with one term.
static IrValue product_of_others(IrProgram *program, IrAxisSet axes, IrValue body) {
  IrAxisSet avoid = axes_of(program, body), spares = 0;
  IrValue is_here = IR_NONE;
  size_t count = program->axes.count;
  for (IrAxis axis = 0; (size_t)axis < count; axis++) {
    if (!(axes & ir_axis_bit(axis))) continue;
    IrAxis spare = spare_axis(program, axis, avoid);
    avoid |= ir_axis_bit(spare);
    spares |= ir_axis_bit(spare);
    IrValue same = two_of(program, OP_EQUAL, ir_position(program, spare), ir_position(program, axis));
    is_here = is_here == IR_NONE ? same : two_of(program, OP_AND, is_here, same);
  }
  IrValue others = ir_reduce(program, REDUCE_PRODUCT, axes, choose(program, is_here, number(program, 1), body));
  return ir_reduce(program, REDUCE_SUM, spares, choose(program, is_here, others, number(program, 0)));
}

static void push_reduction(Gradient *gradient, IrValue value, IrValue adjoint) {
  IrProgram *program = gradient->program;
  IrValueInfo node = node_of(program, value);
  IrValue body = node.operand[0];
  IrAxisSet present = node.reduced & axes_of(program, body);
  double copies = extents(program, node.reduced & ~present); // the body is the same along axes that it lacks
  switch (node.reduction) {
  case REDUCE_SUM: push(gradient, value, body, scale(program, OP_MULTIPLY, adjoint, number(program, copies))); break;
  case REDUCE_PRODUCT: {
    if (copies != 1) {
      IrValue once = present ? ir_reduce(program, REDUCE_PRODUCT, present, body) : body;
      adjoint = scale(program, OP_MULTIPLY, adjoint, power_base_factor(program, once, number(program, copies)));
    }
    if (present) adjoint = scale(program, OP_MULTIPLY, adjoint, product_of_others(program, present, body));
    push(gradient, value, body, adjoint);
    break;
  }
  case REDUCE_MAXIMUM:
  case REDUCE_MINIMUM:
    if (present)
      adjoint = choose(program, is_extreme(program, node.reduction, present, body), adjoint, number(program, 0));
    push(gradient, value, body, adjoint);
    break;
  case REDUCE_ARGMAX: break;
  }
}

// ---- the sweep

static bool can_be_infinite(const IrValueInfo *node) {
  if (node->kind != VALUE_OPERATION) return false;
  switch (node->operation) {
  case OP_EXP:
  case OP_EXPM1:
  case OP_LOG:
  case OP_LOG1P:
  case OP_SQRT:
  case OP_RSQRT:
  case OP_DIVIDE:
  case OP_POWER: return true;
  default: return false;
  }
}

// Which values depend on a wanted leaf; operands come before what uses them.
static void find_dependent(Gradient *gradient) {
  IrProgram *program = gradient->program;
  const IrReverse *reverse = gradient->reverse;
  for (size_t i = 0; i < gradient->order.count; i++) {
    IrValueInfo node = node_of(program, gradient->order.values[i]);
    if (node.is_truth) continue;
    if (node.kind == VALUE_ARGUMENT || node.kind == VALUE_READ)
      gradient->depends[i] = reverse->is_wanted(reverse->context, program, gradient->order.values[i]);
    for (int j = 0; j < ir_value_operands(&node); j++) {
      size_t operand = ir_order_place(&gradient->order, node.operand[j]);
      if (!gradient->depends[operand]) continue;
      gradient->depends[i] = true;
      gradient->singular[i] |= gradient->singular[operand] || can_be_infinite(&node);
    }
    bool is_stopped = node.kind == VALUE_NOISE || (node.kind == VALUE_OPERATION && node.operation == OP_STOP);
    if (is_stopped) gradient->depends[i] = false;
  }
}

void ir_reverse(IrProgram *program, IrValue value, IrValue result, IrValue seed, const IrReverse *reverse) {
  Arena *scratch = arena_create();
  Gradient gradient = {.program = program, .reverse = reverse, .order = ir_order(program, value, NULL, NULL)};
  size_t count = gradient.order.count;
  gradient.adjoint = ARENA_ARRAY(scratch, IrValue, count);
  gradient.depends = ARENA_ARRAY(scratch, bool, count);
  gradient.singular = ARENA_ARRAY(scratch, bool, count);
  for (size_t i = 0; i < count; i++) gradient.adjoint[i] = IR_NONE;
  find_dependent(&gradient);
  if (gradient.depends[count - 1]) gradient.adjoint[count - 1] = seed;
  for (size_t i = count; i-- > 0;) {
    IrValue current = gradient.order.values[i], adjoint = gradient.adjoint[i];
    if (adjoint == IR_NONE) continue;
    IrValueKind kind = program->values.items[current].kind;
    bool is_inner = kind == VALUE_OPERATION || kind == VALUE_REDUCE;
    if (is_inner && current != value && reverse->hold) adjoint = reverse->hold(reverse->context, program, adjoint);
    if (kind == VALUE_OPERATION) push_operation(&gradient, current, current == value ? result : current, adjoint);
    else if (kind == VALUE_REDUCE) push_reduction(&gradient, current, adjoint);
    else reverse->found(reverse->context, program, current, adjoint);
  }
  ir_order_free(&gradient.order);
  arena_destroy(scratch);
}

// ---- by one argument

typedef struct {
  int argument;
  IrValue adjoint;
} ByArgument;

static bool is_argument(void *context, IrProgram *program, IrValue leaf) {
  const ByArgument *by = context;
  IrValueInfo node = node_of(program, leaf);
  return node.kind == VALUE_ARGUMENT && node.argument == by->argument;
}

static void keep_adjoint(void *context, IrProgram *program, IrValue leaf, IrValue adjoint) {
  ByArgument *by = context;
  (void)program;
  (void)leaf;
  by->adjoint = adjoint;
}

IrValue ir_gradient(IrProgram *program, IrValue value, int argument) {
  ByArgument by = {argument, IR_NONE};
  IrReverse reverse = {.context = &by, .is_wanted = is_argument, .found = keep_adjoint};
  ir_reverse(program, value, value, number(program, 1), &reverse);
  return by.adjoint == IR_NONE ? number(program, 0) : by.adjoint;
}
