// simplify: algebra on values, from the leaves up, until nothing changes. Expects a well-formed program; changes values
// only: targets and order of statements stay; a repeat that runs never or once is none. Results agree up to rounding
// (sums and products of constants are reassociated), and a nan or infinity stays observable, with one exception:
//
// A literal 0 annihilates what it is multiplied with, even if that is not finite. In the IR a literal 0 never is
// somebody's measured value: it is a neuron state that a step starts with, a state that feedback clears, a derivative
// that does not exist, a gate that the rule's text has switched off. Such a term is absent in the equations of the
// field ("states that are not stored are zero"), and the largest savings rest on this: a state that is known to be zero
// costs no matrix product. Zeros that only turn up at run time are multiplied as usual. x - x, 0 / x, x / x stay.
#include "compiler/passes/passes.h"

#include <math.h>

static IrValue make(IrProgram *program, IrOperation operation, IrValue x, IrValue y, IrValue z);
static IrValue make_reduce(IrProgram *program, IrReduction reduction, IrAxisSet axes, IrValue body);

static IrValue make1(IrProgram *program, IrOperation operation, IrValue x) {
  return make(program, operation, x, IR_NONE, IR_NONE);
}

static IrValue make2(IrProgram *program, IrOperation operation, IrValue x, IrValue y) {
  return make(program, operation, x, y, IR_NONE);
}

static const IrValueInfo *info_of(const IrProgram *program, IrValue value) { return &program->values.items[value]; }

static bool is_constant(const IrProgram *program, IrValue value, double *number) {
  const IrValueInfo *info = info_of(program, value);
  if (info->kind != VALUE_CONSTANT || info->is_truth) return false;
  *number = info->number;
  return true;
}

static bool is_number(const IrProgram *program, IrValue value, double number) {
  double found;
  return is_constant(program, value, &found) && found == number;
}

// If `value` is this operation: true, and its operands.
static bool is_operation(const IrProgram *program, IrValue value, IrOperation operation, IrValue *x, IrValue *y) {
  const IrValueInfo *info = info_of(program, value);
  if (info->kind != VALUE_OPERATION || info->operation != operation) return false;
  *x = info->operand[0];
  *y = info->operand[1];
  return true;
}

// c * x with a literal c.
static bool is_scaled(const IrProgram *program, IrValue value, double *factor, IrValue *rest) {
  IrValue x, y;
  if (!is_operation(program, value, OP_MULTIPLY, &x, &y) || !is_constant(program, x, factor)) return false;
  *rest = y;
  return true;
}

// Merging constants must not make an infinity or a zero of finite parts.
static bool is_harmless(double merged) { return isnormal(merged); }

static bool is_exact_reciprocal(double number) {
  int exponent;
  return isnormal(number) && fabs(frexp(number, &exponent)) == 0.5 && isnormal(1 / number);
}

// ---- operations; each returns the simpler value, or IR_NONE if it knows none. Operands are simple already.

static IrValue simplify_negate(IrProgram *program, IrValue x) {
  IrValue a, b;
  double c;
  if (is_operation(program, x, OP_SUBTRACT, &a, &b)) return make2(program, OP_SUBTRACT, b, a);
  if (is_scaled(program, x, &c, &a)) return make2(program, OP_MULTIPLY, ir_constant(program, -c), a);
  if (is_operation(program, x, OP_DIVIDE, &a, &b) && is_constant(program, a, &c))
    return make2(program, OP_DIVIDE, ir_constant(program, -c), b);
  return IR_NONE;
}

static IrValue simplify_add(IrProgram *program, IrValue x, IrValue y) {
  IrValue a, b;
  double c, d;
  if (is_number(program, x, 0)) return y;
  if (is_number(program, y, 0)) return x;
  if (is_operation(program, y, OP_NEGATE, &a, &b)) return make2(program, OP_SUBTRACT, x, a);
  if (is_operation(program, x, OP_NEGATE, &a, &b)) return make2(program, OP_SUBTRACT, y, a);
  if (is_scaled(program, y, &c, &a) && c < 0)
    return make2(program, OP_SUBTRACT, x, make2(program, OP_MULTIPLY, ir_constant(program, -c), a));
  if (is_constant(program, x, &c) && !is_constant(program, y, &d)) return make2(program, OP_ADD, y, x);
  if (is_constant(program, y, &c) && is_operation(program, x, OP_ADD, &a, &b) && is_constant(program, b, &d) &&
      isfinite(c + d))
    return make2(program, OP_ADD, a, ir_constant(program, c + d));
  return IR_NONE;
}

static IrValue simplify_subtract(IrProgram *program, IrValue x, IrValue y) {
  IrValue a, b;
  double c;
  if (is_number(program, y, 0)) return x;
  if (is_number(program, x, 0)) return make1(program, OP_NEGATE, y);
  if (is_operation(program, y, OP_NEGATE, &a, &b)) return make2(program, OP_ADD, x, a);
  if (is_operation(program, x, OP_NEGATE, &a, &b)) return make1(program, OP_NEGATE, make2(program, OP_ADD, a, y));
  if (is_scaled(program, y, &c, &a) && c < 0)
    return make2(program, OP_ADD, x, make2(program, OP_MULTIPLY, ir_constant(program, -c), a));
  if (is_constant(program, y, &c) && c < 0) return make2(program, OP_ADD, x, ir_constant(program, -c));
  return IR_NONE;
}

// few * (less * more): (few * less) * more where that is a smaller inner product.
static IrValue multiply_small_first(IrProgram *program, IrValue few, IrValue product) {
  IrValue a, b;
  double c;
  if (!is_operation(program, product, OP_MULTIPLY, &a, &b) || is_constant(program, a, &c)) return IR_NONE;
  double inner = ir_extent(program, info_of(program, product)->axes);
  double with_a = ir_extent(program, info_of(program, few)->axes | info_of(program, a)->axes);
  double with_b = ir_extent(program, info_of(program, few)->axes | info_of(program, b)->axes);
  if (with_a < inner && with_a <= with_b) return make2(program, OP_MULTIPLY, make2(program, OP_MULTIPLY, few, a), b);
  if (with_b < inner) return make2(program, OP_MULTIPLY, make2(program, OP_MULTIPLY, few, b), a);
  return IR_NONE;
}

static IrValue simplify_multiply(IrProgram *program, IrValue x, IrValue y) {
  IrValue a, b;
  double c, d;
  if (is_number(program, x, 0)) return x;
  if (is_number(program, y, 0)) return y;
  if (is_constant(program, y, &c)) return make2(program, OP_MULTIPLY, y, x); // the literal first
  if (is_constant(program, x, &c)) {
    if (c == -1) return make1(program, OP_NEGATE, y);
    if (is_operation(program, y, OP_NEGATE, &a, &b)) return make2(program, OP_MULTIPLY, ir_constant(program, -c), a);
    if (is_scaled(program, y, &d, &a) && is_harmless(c * d))
      return make2(program, OP_MULTIPLY, ir_constant(program, c * d), a);
    if (is_operation(program, y, OP_DIVIDE, &a, &b)) {
      if (is_constant(program, b, &d) && is_harmless(c / d))
        return make2(program, OP_MULTIPLY, ir_constant(program, c / d), a);
      if (is_constant(program, a, &d) && is_harmless(c * d))
        return make2(program, OP_DIVIDE, ir_constant(program, c * d), b);
    }
    return multiply_small_first(program, x, y);
  }
  if (is_operation(program, x, OP_NEGATE, &a, &b)) return make1(program, OP_NEGATE, make2(program, OP_MULTIPLY, a, y));
  if (is_operation(program, y, OP_NEGATE, &a, &b)) return make1(program, OP_NEGATE, make2(program, OP_MULTIPLY, x, a));
  IrValue regrouped = multiply_small_first(program, x, y);
  return regrouped != IR_NONE ? regrouped : multiply_small_first(program, y, x);
}

static IrValue simplify_divide(IrProgram *program, IrValue x, IrValue y) {
  IrValue a, b;
  double c, d;
  if (is_constant(program, y, &c)) {
    if (is_scaled(program, x, &d, &a) && is_harmless(d / c))
      return make2(program, OP_MULTIPLY, ir_constant(program, d / c), a);
    if (is_exact_reciprocal(c)) return make2(program, OP_MULTIPLY, ir_constant(program, 1 / c), x);
  }
  if (is_operation(program, x, OP_NEGATE, &a, &b)) return make1(program, OP_NEGATE, make2(program, OP_DIVIDE, a, y));
  if (is_operation(program, y, OP_NEGATE, &a, &b)) return make1(program, OP_NEGATE, make2(program, OP_DIVIDE, x, a));
  if (is_operation(program, y, OP_SQRT, &a, &b)) // never overflows: roots are far from the smallest number
    return make2(program, OP_MULTIPLY, x, make1(program, OP_RSQRT, a));
  IrAxisSet above = info_of(program, x)->axes, below = info_of(program, y)->axes;
  if (!is_constant(program, y, &c) && below != above && !(below & ~above)) // one division for many
    return make2(program, OP_MULTIPLY, x, make2(program, OP_DIVIDE, ir_constant(program, 1), y));
  return IR_NONE;
}

static IrValue simplify_power(IrProgram *program, IrValue x, IrValue y) {
  double c;
  if (!is_constant(program, y, &c)) return IR_NONE;
  if (c == 0) return ir_constant(program, 1); // C's pow: even for a nan
  if (c == 1) return x;
  if (c == 2) return make2(program, OP_MULTIPLY, x, x);
  if (c == 3) return make2(program, OP_MULTIPLY, x, make2(program, OP_MULTIPLY, x, x));
  if (c == -1) return make2(program, OP_DIVIDE, ir_constant(program, 1), x);
  return IR_NONE;
}

static IrValue simplify_operation(IrProgram *program, IrValue value) {
  IrValueInfo info = *info_of(program, value);
  IrValue x = info.operand[0], y = info.operand[1], z = info.operand[2], a, b;
  switch (info.operation) {
  case OP_NEGATE: return simplify_negate(program, x);
  case OP_ADD: return simplify_add(program, x, y);
  case OP_SUBTRACT: return simplify_subtract(program, x, y);
  case OP_MULTIPLY: return simplify_multiply(program, x, y);
  case OP_DIVIDE: return simplify_divide(program, x, y);
  case OP_POWER: return simplify_power(program, x, y);
  case OP_ABS:
    if (is_operation(program, x, OP_ABS, &a, &b)) return x;
    if (is_operation(program, x, OP_NEGATE, &a, &b)) return make1(program, OP_ABS, a);
    return IR_NONE;
  case OP_COS:
    if (is_operation(program, x, OP_NEGATE, &a, &b)) return make1(program, OP_COS, a);
    return IR_NONE;
  case OP_RELU:
  case OP_SIGN:
  case OP_FLOOR:
  case OP_STOP: // idempotent
    return is_operation(program, x, info.operation, &a, &b) ? x : IR_NONE;
  case OP_MINIMUM:
  case OP_MAXIMUM:
  case OP_AND:
  case OP_OR: return x == y ? x : IR_NONE;
  case OP_SELECT:
    if (is_operation(program, x, OP_NOT, &a, &b)) return make(program, OP_SELECT, a, z, y);
    return IR_NONE;
  case OP_FMA:
    if (is_number(program, x, 0) || is_number(program, y, 0)) return z;
    if (is_number(program, x, 1)) return make2(program, OP_ADD, y, z);
    if (is_number(program, y, 1)) return make2(program, OP_ADD, x, z);
    if (is_number(program, z, 0)) return make2(program, OP_MULTIPLY, x, y);
    return IR_NONE;
  default: return IR_NONE;
  }
}

// ---- reductions

// A product cut in two: what varies along the bound axes, and what does not. IR_NONE stands for 1.
typedef struct {
  IrValue inside, outside, below; // inside * outside / below
  bool negative;
} Split;

static IrValue times(IrProgram *program, IrValue x, IrValue y) {
  if (x == IR_NONE) return y;
  return y == IR_NONE ? x : make2(program, OP_MULTIPLY, x, y);
}

// Looks this deep: a product of powers of powers has exponentially many factors.
enum { MOST_NESTED_FACTORS = 12 };

static Split split_product(IrProgram *program, IrValue value, IrAxisSet bound, int depth) {
  IrValue x, y;
  if (!(info_of(program, value)->axes & bound)) return (Split){IR_NONE, value, IR_NONE, false};
  if (depth > 0 && is_operation(program, value, OP_MULTIPLY, &x, &y)) {
    Split left = split_product(program, x, bound, depth - 1), right = split_product(program, y, bound, depth - 1);
    bool same = left.inside == x && right.inside == y; // nothing came out
    return (Split){same ? value : times(program, left.inside, right.inside),
                   times(program, left.outside, right.outside), times(program, left.below, right.below),
                   left.negative != right.negative};
  }
  if (depth > 0 && is_operation(program, value, OP_DIVIDE, &x, &y)) {
    if (!(info_of(program, y)->axes & bound)) {
      Split above = split_product(program, x, bound, depth - 1);
      above.below = times(program, above.below, y);
      return above;
    }
    Split above = split_product(program, x, bound, depth - 1);
    if (above.inside != x)
      above.inside = make2(program, OP_DIVIDE, above.inside == IR_NONE ? ir_constant(program, 1) : above.inside, y);
    else above.inside = value;
    return above;
  }
  if (depth > 0 && is_operation(program, value, OP_NEGATE, &x, &y)) {
    Split split = split_product(program, x, bound, depth - 1);
    split.negative = !split.negative;
    return split;
  }
  return (Split){value, IR_NONE, IR_NONE, false};
}

static IrValue simplify_sum(IrProgram *program, IrAxisSet bound, IrValue body) {
  double number;
  if (is_constant(program, body, &number)) return ir_constant(program, number * ir_extent(program, bound));
  IrAxisSet absent = bound & ~info_of(program, body)->axes;
  if (absent)
    return make2(program, OP_MULTIPLY, ir_constant(program, ir_extent(program, absent)),
                 make_reduce(program, REDUCE_SUM, bound & ~absent, body));
  Split split = split_product(program, body, bound, MOST_NESTED_FACTORS);
  if (split.inside == body || split.inside == IR_NONE) return IR_NONE;
  IrValue sum = times(program, split.outside, make_reduce(program, REDUCE_SUM, bound, split.inside));
  if (split.below != IR_NONE) sum = make2(program, OP_DIVIDE, sum, split.below);
  return split.negative ? make1(program, OP_NEGATE, sum) : sum;
}

static IrValue simplify_reduce(IrProgram *program, IrValue value) {
  IrValueInfo info = *info_of(program, value), body = *info_of(program, info.operand[0]);
  if (body.kind == VALUE_REDUCE && body.reduction == info.reduction && info.reduction != REDUCE_ARGMAX &&
      !(body.reduced & info.reduced))
    return make_reduce(program, info.reduction, info.reduced | body.reduced, body.operand[0]);
  IrAxisSet absent = info.reduced & ~body.axes;
  switch (info.reduction) {
  case REDUCE_SUM: return simplify_sum(program, info.reduced, info.operand[0]);
  case REDUCE_PRODUCT:
    if (body.kind == VALUE_CONSTANT) return ir_constant(program, pow(body.number, ir_extent(program, info.reduced)));
    return IR_NONE;
  case REDUCE_MAXIMUM:
  case REDUCE_MINIMUM:
    return absent ? make_reduce(program, info.reduction, info.reduced & ~absent, info.operand[0]) : IR_NONE;
  case REDUCE_ARGMAX: return absent ? ir_constant(program, 0) : IR_NONE;
  }
  return IR_NONE;
}

// ---- the pass

// One value, its operands simple: simple too. Every rule ends: it removes an operation, or moves a sign or a literal
// outwards.
static IrValue simplify_value(void *context, IrProgram *program, IrValue value) {
  (void)context;
  IrValueKind kind = info_of(program, value)->kind;
  IrValue simpler = kind == VALUE_OPERATION ? simplify_operation(program, value)
                    : kind == VALUE_REDUCE  ? simplify_reduce(program, value)
                                            : IR_NONE;
  return simpler == IR_NONE ? value : simpler;
}

static IrValue make(IrProgram *program, IrOperation operation, IrValue x, IrValue y, IrValue z) {
  return simplify_value(NULL, program, ir_operation(program, operation, x, y, z));
}

static IrValue make_reduce(IrProgram *program, IrReduction reduction, IrAxisSet axes, IrValue body) {
  return simplify_value(NULL, program, ir_reduce(program, reduction, axes, body));
}

static void simplify_statement(IrProgram *program, IrStatement *statement) {
  enum { MOST_ROUNDS = 8 };
  for (int round = 0; round < MOST_ROUNDS; round++) {
    IrValue before = statement->value;
    statement->value = ir_rewrite(program, before, simplify_value, NULL);
    if (statement->value == before) break;
  }
}

// Whether a body can stand in place of its only iteration: it counts nothing, carries nothing, and has no tape.
static bool is_plain_body(const IrProgram *program, const IrStatement *repeat) {
  if (repeat->counter != IR_NONE) return false;
  for (size_t b = 0; b < program->buffers.count; b++)
    if (program->buffers.items[b].rounds == 1) return false;
  for (const IrStatement *statement = repeat->body; statement; statement = statement->next)
    if (statement->kind == IR_STATEMENT_ASSIGN && program->buffers.items[statement->target].carried) return false;
  return true;
}

// Returns where the next statement would be linked.
static IrStatement **simplify_list(IrProgram *program, IrStatement **link) {
  while (*link) {
    IrStatement *statement = *link;
    if (statement->kind == IR_STATEMENT_REPEAT) {
      IrStatement **end = simplify_list(program, &statement->body);
      if (statement->count == 0 || !statement->body) {
        *link = statement->next;
        continue;
      }
      if (statement->count == 1 && is_plain_body(program, statement)) {
        *end = statement->next;
        *link = statement->body;
        link = end == &statement->body ? link : end;
        continue;
      }
    } else {
      simplify_statement(program, statement);
    }
    link = &statement->next;
  }
  return link;
}

void pass_simplify(IrProgram *program) { program->last = simplify_list(program, &program->statements); }
