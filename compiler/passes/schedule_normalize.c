// normalize: statements become nodes of three kinds: maps (elementwise), reductions of an elementwise body, and
// products (a sum over one axis of two plain reads). Nested reductions, operands of products, costly parts with fewer
// axes than their surroundings, and costly values that several statements compute become temporaries, shared where they
// are equal. Before: inline. After: layout.
#include "compiler/ir/order.h"
#include "compiler/passes/schedule_internal.h"

#include <string.h>

enum { HEAVY = 4, TRANSCENDENTAL = 10 }; // costs (operations.def) from which a value is worth a temporary

// A region entered, and how many replacements were known before it: what is stored inside a repeat is not known behind.
typedef struct {
  int32_t region;
  size_t known;
} Entered;

typedef struct {
  Scheduler *scheduler;
  const IrStatement *statement; // being normalized
  int32_t segment;              // where its nodes go
  IrValue *replacement;         // [value]: a read of the buffer that holds it, or IR_NONE
  size_t replacement_count;
  ARENA_LIST(IrValue) known; // values with a replacement, in the order in which they got it
  ARENA_LIST(Entered) entered;
  bool *shared; // [value]: costly and computed by several nodes
  size_t shared_count;
} Normalizer;

static const IrValueInfo *value_info(const Normalizer *normalizer, IrValue value) {
  return &normalizer->scheduler->program->values.items[value];
}

static IrValue replaced(const Normalizer *normalizer, IrValue value) {
  return (size_t)value < normalizer->replacement_count ? normalizer->replacement[value] : IR_NONE;
}

static void replace(Normalizer *normalizer, IrValue value, IrValue by) {
  if ((size_t)value >= normalizer->replacement_count) {
    size_t count = normalizer->scheduler->program->values.count * 2;
    IrValue *grown = ARENA_ARRAY(normalizer->scheduler->arena, IrValue, count);
    for (size_t i = 0; i < count; i++)
      grown[i] = i < normalizer->replacement_count ? normalizer->replacement[i] : IR_NONE;
    normalizer->replacement = grown;
    normalizer->replacement_count = count;
  }
  if (by != IR_NONE) ARENA_PUSH(normalizer->scheduler->arena, &normalizer->known, value);
  normalizer->replacement[value] = by;
}

// ---- regions

bool schedule_is_inside(const Scheduler *scheduler, int32_t region, int32_t outer) {
  while (region > outer) region = scheduler->regions.items[region].parent;
  return region == outer;
}

// Moves to a segment: what was stored in regions that are left is forgotten.
static void enter_segment(Normalizer *normalizer, int32_t segment) {
  const Scheduler *scheduler = normalizer->scheduler;
  int32_t region = scheduler->segments.items[segment];
  normalizer->segment = segment;
  while (normalizer->entered.count) {
    Entered top = normalizer->entered.items[normalizer->entered.count - 1];
    if (schedule_is_inside(scheduler, region, top.region)) {
      if (region == top.region) return;
      break;
    }
    while (normalizer->known.count > top.known)
      normalizer->replacement[normalizer->known.items[--normalizer->known.count]] = IR_NONE;
    normalizer->entered.count--;
  }
  Entered here = {region, normalizer->known.count};
  ARENA_PUSH(scheduler->arena, &normalizer->entered, here);
}

static int32_t new_segment(Scheduler *scheduler, int32_t region) {
  ARENA_PUSH(scheduler->arena, &scheduler->segments, region);
  return (int32_t)scheduler->segments.count - 1;
}

IrBuffer schedule_slot(const IrProgram *program, IrBuffer buffer) {
  for (;;) {
    const IrBufferInfo *info = &program->buffers.items[buffer];
    if (info->origin == IR_NONE || program->buffers.items[info->origin].dimensions != info->dimensions ||
        program->buffers.items[info->origin].states != info->states)
      return buffer;
    buffer = info->origin;
  }
}

// Adds the assignment of `value` (elementwise, or a REDUCE of an elementwise body) to a new temporary; the read of it.
static IrValue add_temporary(Normalizer *normalizer, ScheduleNode node, const char *purpose) {
  Scheduler *scheduler = normalizer->scheduler;
  const IrBufferInfo *target = &scheduler->program->buffers.items[normalizer->statement->target];
  IrValue value = node.statement.value;
  node.axes = value_info(normalizer, value)->axes;
  node.statement.span = normalizer->statement->span;
  node.block = normalizer->statement->block;
  node.segment = normalizer->segment;
  const char *name = arena_format(scheduler->program->arena, "%s.%s", target->name, purpose);
  node.statement.target = ir_temporary(scheduler->program, name, node.axes, normalizer->statement->index,
                                       target->dimensions, node.statement.index);
  ARENA_PUSH(scheduler->arena, &scheduler->nodes, node);
  IrValue read = ir_read(scheduler->program, node.statement.target, node.statement.index);
  replace(normalizer, value, read);
  return read;
}

static bool heavy_from(const Normalizer *normalizer, IrValue value, int threshold) {
  IrOrder order = ir_order(normalizer->scheduler->program, value, NULL, NULL);
  bool heavy = false;
  for (size_t i = 0; i < order.count; i++) {
    const IrValueInfo *info = value_info(normalizer, order.values[i]);
    heavy |= ir_flops(info) >= threshold;
  }
  ir_order_free(&order);
  return heavy;
}

// A part of an expression over `surrounding` axes that is better computed once an element of its own, fewer axes.
static IrValue hoisted(Normalizer *normalizer, IrValue part, IrAxisSet surrounding) {
  const IrValueInfo *info = value_info(normalizer, part);
  bool computed = info->kind == VALUE_OPERATION || info->kind == VALUE_NOISE;
  if (!computed || info->is_truth || !info->axes || !(surrounding & ~info->axes)) return part;
  if (!heavy_from(normalizer, part, HEAVY)) return part;
  IrValue known = replaced(normalizer, part);
  return known != IR_NONE
             ? known
             : add_temporary(normalizer, (ScheduleNode){.kind = NODE_MAP, .statement.value = part}, "part");
}

// ---- products

typedef struct {
  IrValue factor[32];
  int count;
  bool negative;
} Factors;

static bool flatten_product(const Normalizer *normalizer, IrValue value, Factors *factors) {
  const IrValueInfo *info = value_info(normalizer, value);
  if (info->kind == VALUE_OPERATION && info->operation == OP_MULTIPLY)
    return flatten_product(normalizer, info->operand[0], factors) &&
           flatten_product(normalizer, info->operand[1], factors);
  if (info->kind == VALUE_OPERATION && info->operation == OP_NEGATE) {
    factors->negative = !factors->negative;
    return flatten_product(normalizer, info->operand[0], factors);
  }
  if (factors->count == 32) return false;
  factors->factor[factors->count++] = value;
  return true;
}

static IrValue multiplied(IrProgram *program, IrValue x, IrValue y) {
  return x == IR_NONE ? y : y == IR_NONE ? x : ir_operation(program, OP_MULTIPLY, x, y, IR_NONE);
}

// An operand of a product must be a read that has each axis in one dimension only.
static IrValue operand_read(Normalizer *normalizer, IrValue value) {
  const IrValueInfo *info = value_info(normalizer, value);
  bool plain = info->kind == VALUE_READ;
  if (plain) {
    IrAxisSet seen = 0;
    int dimensions = normalizer->scheduler->program->buffers.items[info->buffer].dimensions;
    for (int d = 0; d < dimensions; d++) {
      if (info->index[d].axis == IR_NONE) continue;
      if (seen & ir_axis_bit(info->index[d].axis)) plain = false;
      seen |= ir_axis_bit(info->index[d].axis);
    }
  }
  if (plain) return value;
  IrValue known = replaced(normalizer, value);
  return known != IR_NONE
             ? known
             : add_temporary(normalizer, (ScheduleNode){.kind = NODE_MAP, .statement.value = value}, "mixed");
}

// The sides of a product of three or more free axes: n is the one that its temporary is contiguous in, m the longest
// one that no factor shares with n; the others are outer axes.
static bool choose_sides(const Normalizer *normalizer, const Factors *factors, int count, IrAxisSet free_axes,
                         IrAxis *m, IrAxis *n) {
  const Scheduler *scheduler = normalizer->scheduler;
  const IrBufferInfo *target = &scheduler->program->buffers.items[normalizer->statement->target];
  *m = IR_NONE;
  *n = schedule_natural_vector(scheduler, free_axes, normalizer->statement->index, target->dimensions);
  if (*n == IR_NONE) return false;
  IrAxisSet beside = ir_axis_bit(*n);
  for (int i = 0; i < count; i++) {
    IrAxisSet axes = value_info(normalizer, factors->factor[i])->axes;
    if (axes & ir_axis_bit(*n)) beside |= axes;
  }
  for (IrAxisSet left = free_axes & ~beside; left; left &= left - 1) {
    IrAxis axis = (IrAxis)__builtin_ctzll(left);
    if (*m == IR_NONE || schedule_extent(scheduler->program, axis) > schedule_extent(scheduler->program, *m)) *m = axis;
  }
  return *m != IR_NONE;
}

// Makes `node` a product if its body splits into two groups of factors that share only the summed axis, and those over
// which it is done again. What does not depend on the summed axis comes out in *outside (IR_NONE: nothing).
static bool find_product(Normalizer *normalizer, IrAxis k, IrValue body, ScheduleNode *node, IrValue *outside) {
  IrProgram *program = normalizer->scheduler->program;
  Factors factors = {0};
  if (!flatten_product(normalizer, body, &factors)) return false;
  IrValue out = factors.negative ? ir_constant(program, -1) : IR_NONE;
  IrAxisSet free_axes = 0, bit = ir_axis_bit(k);
  int inner = 0;
  for (int i = 0; i < factors.count; i++) {
    IrAxisSet axes = value_info(normalizer, factors.factor[i])->axes;
    if (!(axes & bit)) {
      out = multiplied(program, out, factors.factor[i]);
      continue;
    }
    factors.factor[inner++] = factors.factor[i];
    free_axes |= axes & ~bit;
  }
  int free_count = __builtin_popcountll(free_axes);
  if (inner < 2 || free_count < 1) return false;
  IrAxis right_axis = (IrAxis)__builtin_ctzll(free_axes);
  IrAxis left_axis = free_count == 2 ? (IrAxis)(63 - __builtin_clzll(free_axes)) : IR_NONE;
  if (free_count > 2 && !choose_sides(normalizer, &factors, inner, free_axes, &left_axis, &right_axis)) return false;
  IrValue left = IR_NONE, right = IR_NONE, both = IR_NONE;
  for (int i = 0; i < inner; i++) {
    IrAxisSet axes = value_info(normalizer, factors.factor[i])->axes;
    bool in_left = (axes & ir_axis_bit(left_axis)) != 0, in_right = (axes & ir_axis_bit(right_axis)) != 0;
    if (in_left && in_right) return false;
    IrValue *group = in_right ? &right : in_left ? &left : &both;
    *group = multiplied(program, *group, factors.factor[i]);
  }
  if (free_count == 1) {
    left = both; // a vector times a matrix
  } else if (both != IR_NONE) {
    bool into_left = schedule_extent(program, left_axis) <= schedule_extent(program, right_axis);
    IrValue *group = into_left ? &left : &right;
    *group = multiplied(program, *group, both);
  }
  if (left == IR_NONE || right == IR_NONE) return false;
  if (value_info(normalizer, left)->is_truth || value_info(normalizer, right)->is_truth) return false;
  // The summed axis must be written once in each operand; a vector times a vector of the same axis is no product.
  node->kind = NODE_PRODUCT;
  node->k = k;
  node->left_axis = left_axis;
  node->right_axis = right_axis;
  node->outer = free_axes & ~(ir_axis_bit(left_axis) | ir_axis_bit(right_axis));
  node->left = operand_read(normalizer, left);
  node->right = operand_read(normalizer, right);
  node->statement.value = ir_reduce(program, REDUCE_SUM, bit, multiplied(program, node->left, node->right));
  *outside = out;
  return true;
}

static IrValue reduction_value(Normalizer *normalizer, IrReduction reduction, IrAxisSet reduced, IrValue body);

// sum(k: x + y) as two sums where the sum itself is no product but would run over three or more axes.
static IrValue distributed_sum(Normalizer *normalizer, IrAxisSet reduced, IrValue body) {
  IrProgram *program = normalizer->scheduler->program;
  IrValueInfo info = *value_info(normalizer, body);
  if (info.kind != VALUE_OPERATION || __builtin_popcountll(info.axes | reduced) < 3) return IR_NONE;
  IrValue x = info.operand[0], y = info.operand[1];
  IrOperation operation = info.operation;
  if (operation == OP_FMA) {
    x = ir_operation(program, OP_MULTIPLY, x, y, IR_NONE);
    y = info.operand[2];
    operation = OP_ADD;
  }
  if (operation != OP_ADD && operation != OP_SUBTRACT) return IR_NONE;
  IrValue first = reduction_value(normalizer, REDUCE_SUM, reduced, x);
  IrValue second = reduction_value(normalizer, REDUCE_SUM, reduced, y);
  return ir_operation(program, operation, first, second, IR_NONE);
}

// The axis that a sum of all elements runs over last, IR_NONE: it has no parts. Sums over the other axes come first,
// one an element of this axis: they are shared out in the kernels of what they read, where a single number is one
// thread's.
static IrAxis axis_of_parts(const Normalizer *normalizer, IrAxisSet reduced, IrValue body) {
  enum { LEAST_PARTS = 16, LEAST_ELEMENTS = 4096 };
  const IrProgram *program = normalizer->scheduler->program;
  IrAxis best = IR_NONE;
  if (value_info(normalizer, body)->axes != reduced || ir_extent(program, reduced) < LEAST_ELEMENTS) return best;
  for (IrAxisSet left = reduced; left; left &= left - 1) {
    IrAxis axis = (IrAxis)__builtin_ctzll(left);
    if (program->axes.items[axis].kind != AXIS_KIND_UNIT || ir_axis_bit(axis) == reduced) continue;
    if (schedule_extent(program, axis) < LEAST_PARTS) continue;
    // Of the two sides of a synapse the one that lies along vectors.
    if (best == IR_NONE || axis == schedule_natural_vector(normalizer->scheduler, reduced, NULL, 0)) best = axis;
  }
  return best;
}

// The node of a reduction with an elementwise body; false: it has been distributed, its value is in *instead.
static bool reduction_node(Normalizer *normalizer, IrReduction reduction, IrAxisSet reduced, IrValue body,
                           ScheduleNode *node, IrValue *outside, IrValue *instead) {
  IrProgram *program = normalizer->scheduler->program;
  *outside = *instead = IR_NONE;
  if (reduction == REDUCE_SUM) {
    IrAxis k = (IrAxis)__builtin_ctzll(reduced);
    if (!(reduced & (reduced - 1)) && find_product(normalizer, k, body, node, outside)) return true;
    *instead = distributed_sum(normalizer, reduced, body);
    if (*instead != IR_NONE) return false;
    IrAxis last = axis_of_parts(normalizer, reduced, body);
    if (last != IR_NONE) {
      body = reduction_value(normalizer, REDUCE_SUM, reduced & ~ir_axis_bit(last), body);
      reduced = ir_axis_bit(last);
    }
  }
  node->kind = NODE_REDUCE;
  node->statement.value =
      ir_reduce(program, reduction, reduced, hoisted(normalizer, body, reduced | value_info(normalizer, body)->axes));
  return true;
}

static IrValue reduction_value(Normalizer *normalizer, IrReduction reduction, IrAxisSet reduced, IrValue body) {
  IrProgram *program = normalizer->scheduler->program;
  IrAxisSet absent = reduced & ~value_info(normalizer, body)->axes;
  if (absent && reduction == REDUCE_SUM) { // a part of a distributed sum that lacks an axis
    IrValue rest = reduced == absent ? body : reduction_value(normalizer, reduction, reduced & ~absent, body);
    return multiplied(program, ir_constant(program, ir_extent(program, absent)), rest);
  }
  ScheduleNode node = {0};
  IrValue outside, instead;
  if (!reduction_node(normalizer, reduction, reduced, body, &node, &outside, &instead)) return instead;
  // The builder may have folded the sum (a constant body): nothing to store then.
  IrValue value = node.statement.value;
  if (value_info(normalizer, value)->kind == VALUE_REDUCE) {
    IrValue known = replaced(normalizer, value);
    value = known != IR_NONE ? known : add_temporary(normalizer, node, "sum");
  }
  return multiplied(program, outside, value);
}

// Bottom-up: operands of an operation are hoisted where they have fewer axes; a reduction becomes a read of a
// temporary.
static IrValue normalize_value(void *context, IrProgram *program, IrValue value) {
  Normalizer *normalizer = context;
  IrValueInfo info = program->values.items[value];
  IrValue known = replaced(normalizer, value);
  if (known != IR_NONE) return known;
  if (info.kind == VALUE_REDUCE) return reduction_value(normalizer, info.reduction, info.reduced, info.operand[0]);
  if (info.kind != VALUE_OPERATION) return value;
  IrValue operand[IR_MAX_OPERANDS] = {IR_NONE, IR_NONE, IR_NONE};
  bool changed = false;
  for (int i = 0; i < ir_operation_arity(info.operation); i++) {
    operand[i] = hoisted(normalizer, info.operand[i], info.axes);
    changed |= operand[i] != info.operand[i];
  }
  return changed ? ir_operation(program, info.operation, operand[0], operand[1], operand[2]) : value;
}

// ---- reads

void schedule_collect_reads(const Scheduler *scheduler, IrValue value, IndexList *reads) {
  IrOrder order = ir_order(scheduler->program, value, NULL, NULL);
  for (size_t i = 0; i < order.count; i++) {
    if (scheduler->program->values.items[order.values[i]].kind != VALUE_READ) continue;
    bool known = false;
    for (size_t r = 0; r < reads->count; r++) known |= reads->items[r] == order.values[i];
    if (!known) ARENA_PUSH(scheduler->arena, reads, order.values[i]);
  }
  ir_order_free(&order);
}

// ---- costly values that several nodes compute

// Over a vector of states for every synapse, or a number a sample: larger than any variable.
static bool is_huge(const Normalizer *normalizer, IrAxisSet axes) {
  int units = 0;
  for (IrAxisSet left = axes; left; left &= left - 1)
    units += normalizer->scheduler->program->axes.items[__builtin_ctzll(left)].kind == AXIS_KIND_UNIT;
  return units >= 2 && __builtin_popcountll(axes) >= 3;
}

// Marks what several nodes compute and is better stored: it is costly, or the epilogue of a product can compute it (the
// last node that makes what it reads is a product over its axes).
static void find_shared(Normalizer *normalizer) {
  Scheduler *scheduler = normalizer->scheduler;
  const IrProgram *program = scheduler->program;
  size_t values = program->values.count;
  // Uses that one place can serve: those from the first on that stand in its region.
  int *uses = ARENA_ARRAY(scheduler->arena, int, values), *here = ARENA_ARRAY(scheduler->arena, int, values);
  int32_t *first = ARENA_ARRAY(scheduler->arena, int32_t, values);
  for (size_t i = 0; i < scheduler->nodes.count; i++) {
    int32_t region = scheduler->segments.items[scheduler->nodes.items[i].segment];
    IrOrder order = ir_order(program, scheduler->nodes.items[i].statement.value, NULL, NULL);
    for (size_t j = 0; j < order.count; j++) {
      IrValue value = order.values[j];
      bool served = here[value] && schedule_is_inside(scheduler, region, first[value]);
      if (!served) first[value] = region;
      here[value] = served ? here[value] + 1 : 1;
      if (here[value] > uses[value]) uses[value] = here[value];
    }
    ir_order_free(&order);
  }
  size_t *maker = ARENA_ARRAY(scheduler->arena, size_t, program->buffers.count); // node + 1
  for (size_t i = 0; i < scheduler->nodes.count; i++) maker[scheduler->nodes.items[i].statement.target] = i + 1;
  size_t *last = ARENA_ARRAY(scheduler->arena, size_t, values);
  bool *heavy = ARENA_ARRAY(scheduler->arena, bool, values);
  normalizer->shared = ARENA_ARRAY(scheduler->arena, bool, values);
  normalizer->shared_count = values;
  for (size_t value = 0; value < values; value++) {
    const IrValueInfo *info = value_info(normalizer, (IrValue)value);
    if (info->kind == VALUE_READ) last[value] = maker[info->buffer];
    for (int i = 0; i < ir_value_operands(info); i++) {
      if (last[info->operand[i]] > last[value]) last[value] = last[info->operand[i]];
      heavy[value] |= heavy[info->operand[i]];
    }
    if (info->kind != VALUE_OPERATION && info->kind != VALUE_NOISE) continue;
    heavy[value] |= ir_flops(info) >= TRANSCENDENTAL;
    const ScheduleNode *made = last[value] ? &scheduler->nodes.items[last[value] - 1] : NULL;
    bool follows = made && made->kind == NODE_PRODUCT && made->axes == info->axes;
    normalizer->shared[value] = uses[value] > 1 && !info->is_truth && info->axes && (heavy[value] || follows) &&
                                !is_huge(normalizer, info->axes);
  }
}

// A cheap operation on one stored value over the same axes and smaller ones: as well done again.
static bool one_step_away(const Normalizer *normalizer, IrValue value, const bool *stored) {
  const IrValueInfo *info = value_info(normalizer, value);
  if (ir_flops(info) > 1) return false;
  int whole = 0, known = 0;
  for (int i = 0; i < ir_value_operands(info); i++) {
    const IrValueInfo *operand = value_info(normalizer, info->operand[i]);
    whole += operand->axes == info->axes;
    known += operand->axes == info->axes && (stored[info->operand[i]] || operand->kind == VALUE_READ);
    if (operand->axes != info->axes && operand->kind == VALUE_OPERATION && operand->axes) return false;
  }
  return whole == 1 && known == 1;
}

// Of what is shared, keeps what something else uses: parts of shared values that nothing else reads stay inside.
static void keep_outermost(Normalizer *normalizer) {
  Scheduler *scheduler = normalizer->scheduler;
  bool *outermost = ARENA_ARRAY(scheduler->arena, bool, normalizer->shared_count);
  for (size_t i = 0; i < scheduler->nodes.count; i++) {
    IrValue root = scheduler->nodes.items[i].statement.value;
    outermost[root] = normalizer->shared[root];
    IrOrder order = ir_order(scheduler->program, root, NULL, NULL);
    for (size_t j = 0; j < order.count; j++) {
      const IrValueInfo *info = value_info(normalizer, order.values[j]);
      for (int o = 0; o < ir_value_operands(info) && !normalizer->shared[order.values[j]]; o++)
        if (normalizer->shared[info->operand[o]]) outermost[info->operand[o]] = true;
    }
    ir_order_free(&order);
  }
  for (size_t value = 0; value < normalizer->shared_count; value++)
    if (outermost[value] && one_step_away(normalizer, (IrValue)value, outermost)) outermost[value] = false;
  normalizer->shared = outermost;
}

// `value` with its shared parts read from temporaries, which are made where they are first used.
static IrValue share(Normalizer *normalizer, IrValue root, bool stores_root) {
  IrProgram *program = normalizer->scheduler->program;
  IrOrder order = ir_order(program, root, NULL, NULL);
  IrValue *instead = ARENA_ARRAY(normalizer->scheduler->arena, IrValue, order.count);
  for (size_t i = 0; i < order.count; i++) {
    IrValue value = order.values[i];
    IrValueInfo info = program->values.items[value];
    IrValue operand[IR_MAX_OPERANDS] = {IR_NONE, IR_NONE, IR_NONE};
    for (int o = 0; o < ir_value_operands(&info); o++) operand[o] = instead[ir_order_place(&order, info.operand[o])];
    instead[i] = ir_with_operands(program, value, operand);
    if ((size_t)value >= normalizer->shared_count || !normalizer->shared[value] || (stores_root && value == root))
      continue;
    IrValue known = replaced(normalizer, value);
    if (known == IR_NONE) {
      known = add_temporary(normalizer, (ScheduleNode){.kind = NODE_MAP, .statement.value = instead[i]}, "shared");
      replace(normalizer, value, known);
    }
    instead[i] = known;
  }
  IrValue result = instead[order.count - 1];
  ir_order_free(&order);
  return result;
}

// Gives every value worth it that several nodes compute a temporary; a node that stores it whole serves as one.
static void share_values(Normalizer *normalizer) {
  Scheduler *scheduler = normalizer->scheduler;
  find_shared(normalizer);
  keep_outermost(normalizer);
  size_t count = scheduler->nodes.count;
  ScheduleNode *nodes = scheduler->nodes.items;
  scheduler->nodes.items = NULL;
  scheduler->nodes.count = scheduler->nodes.capacity = 0;
  memset(normalizer->replacement, 0xff, normalizer->replacement_count * sizeof(IrValue));
  normalizer->known.count = normalizer->entered.count = 0;
  for (size_t i = 0; i < count; i++) {
    ScheduleNode node = nodes[i];
    enter_segment(normalizer, node.segment);
    IrStatement place = {.target = node.statement.target, .span = node.statement.span, .block = node.block};
    memcpy(place.index, node.statement.index, sizeof place.index);
    normalizer->statement = &place;
    IrValue whole = node.statement.value;
    bool stores = node.kind == NODE_MAP && normalizer->shared[whole] && replaced(normalizer, whole) == IR_NONE &&
                  node.axes == value_info(normalizer, whole)->axes &&
                  !scheduler->program->buffers.items[node.statement.target].carried &&
                  !scheduler->program->buffers.items[node.statement.target].rounds;
    if (node.kind != NODE_PRODUCT) node.statement.value = share(normalizer, whole, stores);
    ARENA_PUSH(scheduler->arena, &scheduler->nodes, node);
    if (stores) replace(normalizer, whole, ir_read(scheduler->program, node.statement.target, node.statement.index));
  }
}

// ---- the pass

static void normalize_statement(Normalizer *normalizer, const IrStatement *statement) {
  Scheduler *scheduler = normalizer->scheduler;
  IrProgram *program = scheduler->program;
  normalizer->statement = statement;
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  IrAxisSet axes = 0;
  for (int d = 0; d < target->dimensions; d++)
    if (statement->index[d].axis != IR_NONE) axes |= ir_axis_bit(statement->index[d].axis);
  ScheduleNode node = {.kind = NODE_MAP, .block = statement->block, .axes = axes, .segment = normalizer->segment};
  node.statement.target = statement->target;
  node.statement.span = statement->span;
  memcpy(node.statement.index, statement->index, sizeof node.statement.index);

  IrValueInfo root = program->values.items[statement->value];
  IrValue value = IR_NONE, outside = IR_NONE, instead = IR_NONE;
  if (root.kind == VALUE_REDUCE && root.axes == axes && replaced(normalizer, statement->value) == IR_NONE) {
    IrValue body = ir_rewrite(program, root.operand[0], normalize_value, normalizer);
    ScheduleNode direct = node;
    if (!reduction_node(normalizer, root.reduction, root.reduced, body, &direct, &outside, &instead)) {
      value = instead;
    } else {
      value = direct.statement.value;
      bool whole = outside == IR_NONE && program->values.items[value].kind == VALUE_REDUCE &&
                   program->values.items[value].axes == axes && replaced(normalizer, value) == IR_NONE;
      if (whole) {
        node = direct;
      } else if (program->values.items[value].kind == VALUE_REDUCE) {
        IrValue known = replaced(normalizer, value);
        value = known != IR_NONE ? known : add_temporary(normalizer, direct, "sum");
      }
      value = multiplied(program, outside, value);
    }
  } else {
    value = ir_rewrite(program, statement->value, normalize_value, normalizer);
    value = hoisted(normalizer, value, axes);
  }
  node.statement.value = value;
  ARENA_PUSH(scheduler->arena, &scheduler->nodes, node);
  if (target->carried || target->rounds) return;
  // Who computes the same reduction later reads it here.
  IrValue read = ir_read(program, statement->target, statement->index);
  if (node.kind != NODE_MAP) replace(normalizer, value, read);
  if (node.kind == NODE_MAP && program->values.items[value].kind == VALUE_OPERATION &&
      program->values.items[value].axes == axes && heavy_from(normalizer, value, TRANSCENDENTAL) &&
      replaced(normalizer, value) == IR_NONE)
    replace(normalizer, value, read);
}

// The statements of a region: a segment up to each repeat, the repeat's own, and another one behind it.
static void normalize_list(Normalizer *normalizer, const IrStatement *statements, int32_t region) {
  Scheduler *scheduler = normalizer->scheduler;
  enter_segment(normalizer, new_segment(scheduler, region));
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_ASSIGN) {
      normalize_statement(normalizer, statement);
      continue;
    }
    ScheduleRegion repeat = {.parent = region,
                             .first_segment = (int32_t)scheduler->segments.count,
                             .count = statement->count,
                             .backward = statement->backward,
                             .counter = statement->counter};
    ARENA_PUSH(scheduler->arena, &scheduler->regions, repeat);
    int32_t inner = (int32_t)scheduler->regions.count - 1;
    normalize_list(normalizer, statement->body, inner);
    scheduler->regions.items[inner].segment_end = (int32_t)scheduler->segments.count;
    enter_segment(normalizer, new_segment(scheduler, region));
  }
}

void schedule_normalize(Scheduler *scheduler) {
  Normalizer normalizer = {.scheduler = scheduler};
  replace(&normalizer, 0, IR_NONE);
  ScheduleRegion whole = {.parent = -1, .count = 1, .counter = IR_NONE};
  ARENA_PUSH(scheduler->arena, &scheduler->regions, whole);
  normalize_list(&normalizer, scheduler->program->statements, 0);
  scheduler->regions.items[0].segment_end = (int32_t)scheduler->segments.count;
  share_values(&normalizer);
  for (size_t i = 0; i < scheduler->nodes.count; i++) {
    ScheduleNode *node = &scheduler->nodes.items[i];
    const IrValueInfo *value = &scheduler->program->values.items[node->statement.value];
    node->all_axes = node->axes | (node->kind == NODE_MAP ? 0 : value->reduced);
  }
}
