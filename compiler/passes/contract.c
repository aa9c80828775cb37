// contract: sums of products in the cheapest order. For a sum over several axes whose body is a product of factors with
// different axes, the bound axes are eliminated one by one, each from the factors that have it: nested sums. Before:
// simplify. After: unroll_states, which writes the sums over states out. Changes values only. Examples:
//
//   sum(pre, d: w[c,pre,post] * nu[c,d] * a[d,batch,pre])  ->  sum(pre: w[c,pre,post] * sum(d: nu[c,d] *
//   a[d,batch,pre])) sum(batch: post * (pre - post*w))                      ->  sum(batch: post*pre) - w * sum(batch:
//   post*post)
//
// Cost is flops over the extents of this network (ir_value_cost); the order is found by dynamic programming over the
// sets of eliminated axes (what remains depends on the set alone). A sum in the body takes part as factors of its own
// when that is cheaper. A factor that is itself a sum of terms is multiplied out only where it has more axes than
// anything in it, so that no batch x pre x post value stays; a factor that stands twice (a square) is not: its terms
// would cancel.
#include "compiler/passes/passes.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FACTORS = 16, MOST_BOUND = 10, MOST_TERMS = 16, MOST_EXPANSIONS = 64 };

typedef struct {
  int count;
  IrValue items[MOST_FACTORS]; // IR values
  IrAxisSet bound;             // the sum is over these
  IrAxisSet taken;             // axes that mean something here: bound, or free in the body
  IrValue below;               // divisor without bound axes, or IR_NONE
  bool negative;
} Product;

typedef struct {
  IrProgram *program;
  bool open_sums; // factors of inner sums take part
  int expansions; // products multiplied out so far, for one sum
} Contraction;

static const IrValueInfo *info_of(const IrProgram *program, IrValue value) { return &program->values.items[value]; }

static IrAxisSet axes_of(const IrProgram *program, IrValue value) { return info_of(program, value)->axes; }

static IrValue operate(IrProgram *program, IrOperation operation, IrValue x, IrValue y) {
  return ir_operation(program, operation, x, y, IR_NONE);
}

static bool is_operation(const IrProgram *program, IrValue value, IrOperation operation) {
  const IrValueInfo *info = info_of(program, value);
  return info->kind == VALUE_OPERATION && info->operation == operation;
}

// ---- a body as a product

// Adds the factors of `value`; false if there are too many. `open_sums`: those of an inner sum too, its axes renamed
// where they stand for something else here.
static bool add_factors(IrProgram *program, Product *product, IrValue value, bool open_sums) {
  IrValueInfo info = *info_of(program, value);
  if (info.kind == VALUE_OPERATION) {
    switch (info.operation) {
    case OP_MULTIPLY:
      return add_factors(program, product, info.operand[0], open_sums) &&
             add_factors(program, product, info.operand[1], open_sums);
    case OP_NEGATE:
      product->negative = !product->negative;
      return add_factors(program, product, info.operand[0], open_sums);
    case OP_DIVIDE: {
      IrAxisSet above = axes_of(program, info.operand[0]), below = axes_of(program, info.operand[1]);
      if (!(below & product->bound)) {
        product->below = product->below == IR_NONE ? info.operand[1]
                                                   : operate(program, OP_MULTIPLY, product->below, info.operand[1]);
        return add_factors(program, product, info.operand[0], open_sums);
      }
      if ((below & ~above) || below == above) break; // no gain in a reciprocal of its own
      IrValue reciprocal = operate(program, OP_DIVIDE, ir_constant(program, 1), info.operand[1]);
      if (product->count == MOST_FACTORS) return false;
      product->items[product->count++] = reciprocal;
      return add_factors(program, product, info.operand[0], open_sums);
    }
    default: break;
    }
  }
  if (open_sums && info.kind == VALUE_REDUCE && info.reduction == REDUCE_SUM) {
    IrValue body = info.operand[0];
    for (IrAxis axis = 0; axis < IR_MAX_AXES; axis++) {
      if (!(info.reduced & ir_axis_bit(axis))) continue;
      IrAxis own = axis;
      if (product->taken & ir_axis_bit(axis)) {
        if (program->axes.count >= IR_MAX_AXES) return false;
        own = ir_axis_like(program, axis, product->taken | axes_of(program, body) | info.reduced);
        body = ir_substitute_axis(program, body, axis, (IrIndex){own, 0});
      }
      product->bound |= ir_axis_bit(own);
      product->taken |= ir_axis_bit(own);
    }
    return add_factors(program, product, body, open_sums);
  }
  if (product->count == MOST_FACTORS) return false;
  product->items[product->count++] = value;
  return true;
}

// ---- the order of elimination

typedef struct {
  IrValue value; // meaningless while only planning
  IrAxisSet axes;
} Factor;

// Multiplies values, smallest results first; returns the product and adds its flops to *cost. With `build` false only
// axes and cost are computed.
static Factor multiply_all(IrProgram *program, Factor *items, int count, bool build, double *cost) {
  while (count > 1) {
    int first = 0, second = 1;
    double least = -1;
    for (int i = 0; i < count; i++)
      for (int j = i + 1; j < count; j++) {
        double size = ir_extent(program, items[i].axes | items[j].axes);
        if (least >= 0 && size >= least) continue;
        least = size;
        first = i;
        second = j;
      }
    *cost += least;
    if (build) items[first].value = operate(program, OP_MULTIPLY, items[first].value, items[second].value);
    items[first].axes |= items[second].axes;
    memmove(&items[second], &items[second + 1], sizeof *items * (size_t)(count - second - 1));
    count--;
  }
  return items[0];
}

// Eliminates one axis: the factors that have it become their product's sum. Returns the flops.
static double eliminate(IrProgram *program, Factor *factors, int *count, IrAxis axis, bool build) {
  Factor bucket[MOST_FACTORS];
  int in_bucket = 0, rest = 0;
  double cost = 0;
  IrAxisSet bit = ir_axis_bit(axis);
  for (int i = 0; i < *count; i++) {
    if (factors[i].axes & bit) bucket[in_bucket++] = factors[i];
    else factors[rest++] = factors[i];
  }
  Factor product = multiply_all(program, bucket, in_bucket, build, &cost);
  cost += ir_extent(program, product.axes);
  product.axes &= ~bit;
  if (build) {
    IrValueInfo info = *info_of(program, product.value);
    IrAxisSet all = bit;
    if (info.kind == VALUE_REDUCE && info.reduction == REDUCE_SUM && !(info.reduced & bit)) { // one sum for both
      all |= info.reduced;
      product.value = info.operand[0];
    }
    product.value = ir_reduce(program, REDUCE_SUM, all, product.value);
  }
  factors[rest++] = product;
  *count = rest;
  return cost;
}

static int factors_of(const IrProgram *program, const Product *product, Factor *factors) {
  for (int i = 0; i < product->count; i++)
    factors[i] = (Factor){product->items[i], axes_of(program, product->items[i])};
  return product->count;
}

// What is left of the factors once the axes in `order` are eliminated.
static int eliminate_all(IrProgram *program, const Product *product, const IrAxis *order, int axes, bool build,
                         Factor *factors) {
  int count = factors_of(program, product, factors);
  for (int i = 0; i < axes; i++) eliminate(program, factors, &count, order[i], build);
  return count;
}

typedef struct {
  double cost;
  int last; // the axis eliminated last on the cheapest way to this set
} Best;

// Fills `order` with the bound axes in the cheapest order of elimination.
static void find_order(IrProgram *program, const Product *product, const IrAxis *axes, int count, IrAxis *order) {
  size_t sets = (size_t)1 << count;
  Best *best = malloc(sets * sizeof *best);
  if (!best) abort();
  for (size_t set = 0; set < sets; set++) best[set] = (Best){-1, 0};
  best[0].cost = 0;
  for (size_t set = 0; set < sets; set++) { // subsets come before their supersets
    IrAxis gone[MOST_BOUND];
    int gone_count = 0;
    for (int i = 0; i < count; i++)
      if (set >> i & 1) gone[gone_count++] = axes[i];
    Factor remaining[MOST_FACTORS];
    int remaining_count = eliminate_all(program, product, gone, gone_count, false, remaining);
    for (int i = 0; i < count; i++) {
      if (set >> i & 1) continue;
      Factor factors[MOST_FACTORS];
      int factor_count = remaining_count;
      memcpy(factors, remaining, sizeof factors);
      double cost = best[set].cost + eliminate(program, factors, &factor_count, axes[i], false);
      Best *next = &best[set | (size_t)1 << i];
      if (next->cost < 0 || cost < next->cost) *next = (Best){cost, i};
    }
  }
  for (size_t set = sets - 1, place = (size_t)count; set; set &= ~((size_t)1 << best[set].last))
    order[--place] = axes[best[set].last];
  free(best);
}

// IR_NONE where there are too many axes to try.
static IrValue build_product(IrProgram *program, const Product *given) {
  Product product = *given;
  if (__builtin_popcountll(product.bound) > MOST_BOUND) return IR_NONE;
  IrAxisSet present = 0;
  for (int i = 0; i < product.count; i++) present |= axes_of(program, product.items[i]);
  IrAxisSet absent = product.bound & ~present;
  IrAxis axes[MOST_BOUND], order[MOST_BOUND];
  int count = 0;
  for (IrAxis axis = 0; axis < IR_MAX_AXES; axis++)
    if (product.bound & present & ir_axis_bit(axis)) axes[count++] = axis;
  find_order(program, &product, axes, count, order);
  Factor factors[MOST_FACTORS];
  int left = eliminate_all(program, &product, order, count, true, factors);
  double ignored = 0;
  IrValue value = multiply_all(program, factors, left, true, &ignored).value;
  if (absent) value = operate(program, OP_MULTIPLY, ir_constant(program, ir_extent(program, absent)), value);
  if (product.below != IR_NONE) value = operate(program, OP_DIVIDE, value, product.below);
  return product.negative ? ir_operation(program, OP_NEGATE, value, IR_NONE, IR_NONE) : value;
}

// ---- multiplying out

typedef struct {
  int count;
  IrValue items[MOST_TERMS];
  bool negative[MOST_TERMS];
} Terms;

static bool is_sum_of_terms(const IrProgram *program, IrValue value) {
  return is_operation(program, value, OP_ADD) || is_operation(program, value, OP_SUBTRACT);
}

static bool add_terms(const IrProgram *program, Terms *terms, IrValue value, bool negative) {
  const IrValueInfo *info = info_of(program, value);
  if (is_sum_of_terms(program, value))
    return add_terms(program, terms, info->operand[0], negative) &&
           add_terms(program, terms, info->operand[1], negative != (info->operation == OP_SUBTRACT));
  if (terms->count == MOST_TERMS) return false;
  terms->items[terms->count] = value;
  terms->negative[terms->count++] = negative;
  return true;
}

// Whether something that a factor is made of, its products and sums taken apart, has all of `axes`.
static bool has_part_with(const IrProgram *program, IrValue value, IrAxisSet axes, int depth) {
  const IrValueInfo *info = info_of(program, value);
  bool is_sum = info->kind == VALUE_REDUCE && info->reduction == REDUCE_SUM;
  bool apart = is_sum || is_operation(program, value, OP_MULTIPLY) || is_operation(program, value, OP_NEGATE) ||
               is_operation(program, value, OP_DIVIDE) || is_sum_of_terms(program, value);
  if (!apart || depth == 0) return (info->axes & axes) == axes;
  for (int i = 0; i < (is_sum ? 1 : ir_operation_arity(info->operation)); i++)
    if (has_part_with(program, info->operand[i], axes, depth - 1)) return true;
  return false;
}

static bool is_to_multiply_out(const IrProgram *program, const Product *product, int which) {
  IrValue factor = product->items[which];
  if (!is_sum_of_terms(program, factor) || !(axes_of(program, factor) & product->bound)) return false;
  for (int i = 0; i < product->count; i++)
    if (i != which && product->items[i] == factor) return false; // a square: its terms would cancel
  return !has_part_with(program, factor, axes_of(program, factor), 8);
}

static IrValue best_sum(Contraction *contraction, const Product *product);

// The product with factor `which` multiplied out: a sum of sums. IR_NONE if it has too many terms.
static IrValue multiply_out(Contraction *contraction, const Product *product, int which) {
  IrProgram *program = contraction->program;
  Terms terms = {0};
  if (!add_terms(program, &terms, product->items[which], false)) return IR_NONE;
  IrValue total = IR_NONE;
  for (int i = 0; i < terms.count; i++) {
    Product term = *product;
    term.below = IR_NONE; // once, for all
    term.negative = terms.negative[i];
    term.items[which] = term.items[--term.count];
    if (!add_factors(program, &term, terms.items[i], contraction->open_sums)) return IR_NONE;
    bool subtracted = term.negative && total != IR_NONE;
    if (subtracted) term.negative = false;
    IrValue sum = best_sum(contraction, &term);
    if (sum == IR_NONE) return IR_NONE;
    total = total == IR_NONE ? sum : operate(program, subtracted ? OP_SUBTRACT : OP_ADD, total, sum);
  }
  if (product->below != IR_NONE) total = operate(program, OP_DIVIDE, total, product->below);
  return product->negative ? ir_operation(program, OP_NEGATE, total, IR_NONE, IR_NONE) : total;
}

static IrValue best_sum(Contraction *contraction, const Product *product) {
  IrProgram *program = contraction->program;
  IrValue best = build_product(program, product);
  if (best == IR_NONE) return IR_NONE;
  double least = ir_value_cost(program, best);
  for (int i = 0; i < product->count; i++) {
    if (contraction->expansions >= MOST_EXPANSIONS || !is_to_multiply_out(program, product, i)) continue;
    contraction->expansions++;
    IrValue value = multiply_out(contraction, product, i);
    if (value == IR_NONE) continue;
    double cost = ir_value_cost(program, value);
    if (cost >= least) continue;
    least = cost;
    best = value;
  }
  return best;
}

// ---- the pass

static IrValue contract_value(void *context, IrProgram *program, IrValue value) {
  (void)context;
  IrValueInfo info = *info_of(program, value);
  if (info.kind != VALUE_REDUCE || info.reduction != REDUCE_SUM) return value;
  IrValue best = value;
  double least = ir_value_cost(program, value);
  for (int open_sums = 0; open_sums < 2; open_sums++) {
    Product product = {.bound = info.reduced, .below = IR_NONE};
    product.taken = info.reduced | axes_of(program, info.operand[0]);
    if (!add_factors(program, &product, info.operand[0], open_sums)) continue;
    Contraction contraction = {program, open_sums, 0};
    IrValue candidate = best_sum(&contraction, &product);
    if (candidate == IR_NONE) continue;
    double cost = ir_value_cost(program, candidate);
    if (cost >= least) continue;
    least = cost;
    best = candidate;
  }
  return best;
}

static void contract_statements(IrProgram *program, IrStatement *statements) {
  for (IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) contract_statements(program, statement->body);
    else statement->value = ir_rewrite(program, statement->value, contract_value, NULL);
  }
}

void pass_contract(IrProgram *program) { contract_statements(program, program->statements); }
