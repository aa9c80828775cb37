// Values, loads and stores at a point of a loop nest. A value is emitted at the outermost level where all its axes are
// bound, once (memo by value and level), as a scalar unless it changes along the vector axis. Before: the loops of
// emit_loop.c and emit_product.c; after: LLVM's code generator.
#include "compiler/codegen/emit.h"
#include "compiler/ir/order.h"

void emit_fail(Emitter *e, const char *what) {
  if (!e->error) e->error = arena_format(e->arena, "kernel \"%s\": %s", e->kernel->name ? e->kernel->name : "", what);
}

// ---- ranges, points, loops

EmitRange emit_range(Emitter *e, IrAxis axis) {
  Builder *b = &e->b;
  if (axis == IR_NONE) return (EmitRange){build_index(b, 0), build_index(b, 1), 1, 1};
  int64_t extent = e->program->axes.items[axis].extent, size = e->kernel->block_size;
  if (axis != e->operation->block_axis) return (EmitRange){build_index(b, 0), build_index(b, extent), extent, extent};
  int64_t last = extent % size ? extent % size : size;
  return (EmitRange){e->block_start, e->block_stop, extent <= size ? last : size, last};
}

uint32_t emit_stamp(Emitter *e) { return ++e->next_stamp; }

EmitPoint emit_point(Emitter *e) {
  EmitPoint point = e->root;
  point.vector_axis = IR_NONE;
  if (!point.depth) point.level[point.depth++] = (EmitLevel){.axis = IR_NONE};
  point.level[point.depth - 1].stamp = emit_stamp(e); // what another point emits here may stand in a branch
  return point;
}

void emit_push(Emitter *e, EmitPoint *point, IrAxis axis, LLVMValueRef index) {
  if (point->depth == EMIT_MAX_LEVELS) {
    emit_fail(e, "too many loops");
    return;
  }
  point->level[point->depth++] = (EmitLevel){.axis = axis, .index = index, .stamp = emit_stamp(e)};
}

void emit_loop_begin(Emitter *e, EmitPoint *point, EmitLoop *loop, IrAxis axis, LLVMValueRef start, LLVMValueRef stop,
                     int64_t step, bool guard, LLVMValueRef *carried, int carried_count) {
  Builder *b = &e->b;
  *loop = (EmitLoop){.stop = stop, .step = build_index(b, step), .guarded = guard, .carried_count = carried_count};
  loop->initial = ARENA_ARRAY(e->arena, LLVMValueRef, carried_count);
  loop->phi = ARENA_ARRAY(e->arena, LLVMValueRef, carried_count);
  loop->before = LLVMGetInsertBlock(b->builder);
  loop->body = build_block(b, "loop");
  loop->exit = build_block(b, "after");
  LLVMValueRef enter = guard ? LLVMBuildCondBr(b->builder, LLVMBuildICmp(b->builder, LLVMIntSLT, start, stop, ""),
                                               loop->body, loop->exit)
                             : LLVMBuildBr(b->builder, loop->body);
  point->level[point->depth - 1].before = enter;
  LLVMPositionBuilderAtEnd(b->builder, loop->body);
  loop->index = LLVMBuildPhi(b->builder, b->index, "");
  LLVMAddIncoming(loop->index, &start, &loop->before, 1);
  for (int i = 0; i < carried_count; i++) {
    loop->initial[i] = carried[i];
    loop->phi[i] = LLVMBuildPhi(b->builder, LLVMTypeOf(carried[i]), "");
    LLVMAddIncoming(loop->phi[i], &carried[i], &loop->before, 1);
    carried[i] = loop->phi[i];
  }
  emit_push(e, point, axis, loop->index);
}

void emit_loop_end(Emitter *e, EmitPoint *point, EmitLoop *loop, LLVMValueRef *carried) {
  Builder *b = &e->b;
  LLVMBasicBlockRef latch = LLVMGetInsertBlock(b->builder);
  LLVMValueRef next = LLVMBuildNSWAdd(b->builder, loop->index, loop->step, "");
  LLVMBuildCondBr(b->builder, LLVMBuildICmp(b->builder, LLVMIntSLT, next, loop->stop, ""), loop->body, loop->exit);
  LLVMAddIncoming(loop->index, &next, &latch, 1);
  LLVMPositionBuilderAtEnd(b->builder, loop->exit);
  for (int i = 0; i < loop->carried_count; i++) {
    LLVMAddIncoming(loop->phi[i], &carried[i], &latch, 1);
    if (!loop->guarded) continue;
    LLVMValueRef final = LLVMBuildPhi(b->builder, LLVMTypeOf(carried[i]), "");
    LLVMAddIncoming(final, (LLVMValueRef[]){loop->initial[i], carried[i]}, (LLVMBasicBlockRef[]){loop->before, latch},
                    2);
    carried[i] = final;
  }
  if (point->depth > 1) point->depth--;
  point->level[point->depth - 1].before = NULL;
}

// The deepest level that binds one of the axes.
static int level_of(const EmitPoint *point, IrAxisSet axes) {
  for (int i = point->depth - 1; i > 0; i--)
    if (point->level[i].axis != IR_NONE && (axes & ir_axis_bit(point->level[i].axis))) return i;
  return 0;
}

// Where the builder stands: before an instruction, or at the end of a block.
typedef struct {
  LLVMBasicBlockRef block;
  LLVMValueRef before;
} Place;

// Moves the builder to where values of the level belong; returns where it stood.
static Place enter_level(Emitter *e, const EmitPoint *point, int level) {
  Place here = {LLVMGetInsertBlock(e->b.builder), e->before};
  for (int i = level; i < point->depth; i++) {
    if (!point->level[i].before) continue;
    e->before = point->level[i].before;
    LLVMPositionBuilderBefore(e->b.builder, e->before);
    break;
  }
  return here;
}

static void leave_level(Emitter *e, Place place) {
  e->before = place.before;
  if (place.before) LLVMPositionBuilderBefore(e->b.builder, place.before);
  else LLVMPositionBuilderAtEnd(e->b.builder, place.block);
}

// The values of an outer level are emitted with the point cut back to it, so that their operands stay outside as well.
static EmitPoint outer_point(const EmitPoint *point, int level) {
  EmitPoint outer = *point;
  outer.depth = level + 1;
  return outer;
}

// ---- memo

static size_t memo_slot(const EmitMemo *memo, size_t capacity, IrValue value, uint32_t stamp, bool is_wide) {
  uint64_t hash = ((uint64_t)(uint32_t)value << 33 | (uint64_t)stamp << 1 | is_wide) * 0x9E3779B97F4A7C15u;
  size_t slot = (size_t)(hash >> 32) & (capacity - 1);
  while (memo[slot].result && (memo[slot].value != value || memo[slot].stamp != stamp || memo[slot].is_wide != is_wide))
    slot = (slot + 1) & (capacity - 1);
  return slot;
}

static LLVMValueRef memo_find(Emitter *e, IrValue value, uint32_t stamp, bool is_wide) {
  return e->memo_capacity ? e->memo[memo_slot(e->memo, e->memo_capacity, value, stamp, is_wide)].result : NULL;
}

static void memo_add(Emitter *e, IrValue value, uint32_t stamp, bool is_wide, LLVMValueRef result) {
  if (2 * (e->memo_count + 1) > e->memo_capacity) {
    size_t capacity = e->memo_capacity ? 2 * e->memo_capacity : 1024;
    EmitMemo *memo = ARENA_ARRAY(e->arena, EmitMemo, capacity);
    for (size_t i = 0; i < e->memo_capacity; i++) {
      const EmitMemo *old = &e->memo[i];
      if (old->result) memo[memo_slot(memo, capacity, old->value, old->stamp, old->is_wide)] = *old;
    }
    e->memo = memo;
    e->memo_capacity = capacity;
  }
  EmitMemo *entry = &e->memo[memo_slot(e->memo, e->memo_capacity, value, stamp, is_wide)];
  if (!entry->result) e->memo_count++;
  *entry = (EmitMemo){value, stamp, is_wide, result};
}

// ---- addresses

LLVMValueRef emit_axis_index(Emitter *e, const EmitPoint *point, IrAxis axis) {
  for (int i = point->depth - 1; i > 0; i--)
    if (point->level[i].axis == axis) return point->level[i].index;
  if (e->program->axes.items[axis].extent != 1)
    emit_fail(e, arena_format(e->arena, "the axis %s is not among the loops", e->program->axes.items[axis].name));
  return build_index(&e->b, 0);
}

LLVMValueRef emit_address(Emitter *e, EmitPoint *point, IrBuffer buffer, const IrIndex *index, int64_t *stride) {
  Builder *b = &e->b;
  const BufferPlan *plan = &e->schedule->plans[buffer];
  int dimensions = e->program->buffers.items[buffer].dimensions, bytes = b->element_bytes;
  int64_t distance = 0;
  int base = canonical_base(e->schedule, e->bases, buffer, index, &distance);
  *stride = 0;
  if (base < 0) {
    emit_fail(e, arena_format(e->arena, "the buffer %s has no place", e->program->buffers.items[buffer].name));
    return LLVMGetUndef(b->pointer);
  }
  // Offsets from the outermost level inwards; each sum is emitted at its level.
  LLVMValueRef offset = build_index(b, 0);
  for (int level = 0; level < point->depth; level++) {
    Place here = enter_level(e, point, level);
    for (int d = 0; d < dimensions; d++) {
      bool is_blocked = plan->place == PLACE_SCRATCH && plan->blocked_dimension == d;
      if (level == 0 && is_blocked)
        offset = build_index_add(b, offset, build_index_mul(b, e->block_start, -plan->stride[d] * bytes));
      if (index[d].axis == IR_NONE || level_of(point, ir_axis_bit(index[d].axis)) != level) continue;
      LLVMValueRef at = emit_axis_index(e, point, index[d].axis);
      offset = build_index_add(b, offset, build_index_mul(b, at, plan->stride[d] * bytes));
      if (index[d].axis == point->vector_axis) *stride += plan->stride[d];
    }
    leave_level(e, here);
  }
  return build_byte_offset(b, build_byte_offset(b, e->base[base], offset), build_index(b, distance));
}

// Vectors of other strides: lane by lane, the index held inside the axis.
static LLVMValueRef gather(Emitter *e, EmitPoint *point, LLVMValueRef address, int64_t stride) {
  Builder *b = &e->b;
  EmitRange range = emit_range(e, point->vector_axis);
  bool fits = range.full % b->lanes == 0 && range.last % b->lanes == 0;
  LLVMValueRef first = emit_axis_index(e, point, point->vector_axis);
  LLVMValueRef last =
      LLVMBuildNSWSub(b->builder, LLVMBuildNSWSub(b->builder, range.stop, build_index(b, 1), ""), first, "");
  LLVMValueRef result = LLVMGetPoison(b->vector);
  for (int lane = 0; lane < b->lanes; lane++) {
    LLVMValueRef at = build_index(b, lane);
    if (!fits) at = build_index_min(b, at, last);
    LLVMValueRef place = build_byte_offset(b, address, build_index_mul(b, at, stride * b->element_bytes));
    result = build_insert(b, result, build_load(b, b->element, place), lane);
  }
  return result;
}

static LLVMValueRef load(Emitter *e, EmitPoint *point, LLVMValueRef address, int64_t stride) {
  if (point->vector_axis == IR_NONE || stride == 0) return build_load(&e->b, e->b.element, address);
  if (stride == 1) return build_load(&e->b, e->b.vector, address);
  return gather(e, point, address, stride);
}

// ---- values

static bool same_index(const IrBufferInfo *info, const IrIndex *x, const IrIndex *y) {
  for (int d = 0; d < info->dimensions; d++)
    if (x[d].axis != y[d].axis || (x[d].axis == IR_NONE && x[d].constant != y[d].constant)) return false;
  return true;
}

LLVMValueRef emit_argument(Emitter *e, BufferPlace place, IrBuffer buffer, int64_t offset) {
  for (size_t i = 0; i < e->bases->count; i++) {
    const EmitBase *base = &e->bases->items[i];
    if (base->place == place && base->buffer == buffer && base->offset == offset) return e->base[i];
  }
  emit_fail(e, "an argument is missing");
  return LLVMGetUndef(place == PLACE_COUNTER ? e->b.index : e->b.pointer);
}

static LLVMValueRef read(Emitter *e, EmitPoint *point, const IrValueInfo *info) {
  const IrBufferInfo *buffer = &e->program->buffers.items[info->buffer];
  const BufferPlan *plan = &e->schedule->plans[info->buffer];
  if (plan->place == PLACE_COUNTER)
    return build_index_to_number(&e->b, emit_argument(e, PLACE_COUNTER, info->buffer, plan->offset));
  bool in_memory = plan->place != PLACE_REGISTER;
  for (size_t i = e->assigned_limit; i-- > 0;) {
    const EmitAssigned *assigned = &e->assigned.items[i];
    if (assigned->buffer != info->buffer || !same_index(buffer, assigned->index, info->index)) continue;
    if (!assigned->is_visible && (in_memory || assigned->value == IR_NONE)) break;
    if (assigned->value == IR_NONE) return assigned->known;
    size_t limit = e->assigned_limit;
    e->assigned_limit = i;
    LLVMValueRef result = emit_value(e, point, assigned->value);
    e->assigned_limit = limit;
    return result;
  }
  if (!in_memory) {
    emit_fail(e, arena_format(e->arena, "%s is read where it has no value", buffer->name));
    return build_scalar(&e->b, 0);
  }
  int64_t stride;
  LLVMValueRef address = emit_address(e, point, info->buffer, info->index, &stride);
  return load(e, point, address, stride);
}

static LLVMValueRef argument(Emitter *e, EmitPoint *point) {
  if (e->argument) return e->argument;
  Builder *b = &e->b;
  LLVMValueRef at = build_index(b, 0);
  int64_t stride = 0;
  for (int i = 0; i < 2; i++) {
    if (e->panel_axis[i] == IR_NONE) continue;
    LLVMValueRef index = emit_axis_index(e, point, e->panel_axis[i]);
    index = LLVMBuildNSWSub(b->builder, index, e->panel_start[i], "");
    at = build_index_add(b, at, build_index_mul(b, index, e->panel_stride[i]));
    if (e->panel_axis[i] == point->vector_axis) stride = e->panel_stride[i];
  }
  return load(e, point, build_byte_offset(b, e->panel, build_index_mul(b, at, b->element_bytes)), stride);
}

static LLVMValueRef position(Emitter *e, EmitPoint *point, IrAxis axis) {
  Builder *b = &e->b;
  LLVMValueRef number = build_index_to_number(b, emit_axis_index(e, point, axis));
  if (axis != point->vector_axis) return number;
  return build_add(b, build_splat(b, number), build_lane_numbers(b, false));
}

static LLVMValueRef truth_and_or(Emitter *e, IrOperation operation, LLVMValueRef x, LLVMValueRef y) {
  if (build_is_vector(x) && !build_is_vector(y)) y = build_splat(&e->b, y);
  if (build_is_vector(y) && !build_is_vector(x)) x = build_splat(&e->b, x);
  return operation == OP_AND ? LLVMBuildAnd(e->b.builder, x, y, "") : LLVMBuildOr(e->b.builder, x, y, "");
}

static LLVMValueRef elementwise(Emitter *e, IrOperation operation, LLVMValueRef x, LLVMValueRef y, LLVMValueRef z) {
  Builder *b = &e->b;
  LLVMValueRef zero =
      operation == OP_SIGN || operation == OP_RELU || operation == OP_NUMBER_OF ? build_number(b, 0, x) : NULL;
  switch (operation) {
  case OP_NEGATE: return build_negate(b, x);
  case OP_SQRT: return build_sqrt(b, x);
  case OP_RSQRT: return build_div(b, build_number(b, 1, x), build_sqrt(b, x));
  case OP_ABS: return build_abs(b, x);
  case OP_SIGN: {
    LLVMValueRef below = build_select(b, build_compare(b, LLVMRealOLT, x, zero), build_number(b, -1, x), x);
    return build_select(b, build_compare(b, LLVMRealOGT, x, zero), build_number(b, 1, x), below);
  }
  case OP_FLOOR: return build_floor(b, x);
  case OP_RELU: return build_select(b, build_compare(b, LLVMRealOLE, x, zero), zero, x);
  case OP_STOP:
  case OP_SURROGATE: return x;
  case OP_NOT: return LLVMBuildNot(b->builder, x, "");
  case OP_NUMBER_OF: return build_select(b, x, build_number(b, 1, x), zero);
  case OP_ADD: return build_add(b, x, y);
  case OP_SUBTRACT: return build_sub(b, x, y);
  case OP_MULTIPLY: return build_mul(b, x, y);
  case OP_DIVIDE: return build_div(b, x, y);
  case OP_MINIMUM: return build_minimum(b, x, y);
  case OP_MAXIMUM: return build_maximum(b, x, y);
  case OP_MODULO: return build_sub(b, x, build_mul(b, y, build_floor(b, build_div(b, x, y))));
  case OP_LESS: return build_compare(b, LLVMRealOLT, x, y);
  case OP_LESS_EQUAL: return build_compare(b, LLVMRealOLE, x, y);
  case OP_GREATER: return build_compare(b, LLVMRealOGT, x, y);
  case OP_GREATER_EQUAL: return build_compare(b, LLVMRealOGE, x, y);
  case OP_EQUAL: return build_compare(b, LLVMRealOEQ, x, y);
  case OP_NOT_EQUAL: return build_compare(b, LLVMRealUNE, x, y);
  case OP_AND:
  case OP_OR: return truth_and_or(e, operation, x, y);
  case OP_SELECT: return build_select(b, x, y, z);
  case OP_CLAMP: return build_minimum(b, build_maximum(b, x, y), z);
  case OP_FMA: return build_fma(b, x, y, z);
  case OP_COUNT: break;
  default: return emit_math(b, operation, x, y);
  }
  return x;
}

LLVMValueRef emit_step_place(Emitter *e) {
  for (size_t i = 0; i < e->bases->count; i++)
    if (e->bases->items[i].place == PLACE_MEMORY && e->bases->items[i].buffer == IR_NONE) return e->base[i];
  emit_fail(e, "the step counter has no place");
  return LLVMGetUndef(e->b.pointer);
}

static LLVMValueRef constant(Emitter *e, const IrValueInfo *info) {
  if (info->is_truth) return LLVMConstInt(LLVMInt1TypeInContext(e->b.context), info->number != 0, 0);
  return build_scalar(&e->b, info->number);
}

static LLVMValueRef compute(Emitter *e, EmitPoint *point, const IrValueInfo *info) {
  switch (info->kind) {
  case VALUE_CONSTANT: return constant(e, info);
  case VALUE_STEP: return build_load(&e->b, e->b.element, emit_step_place(e));
  case VALUE_POSITION: return position(e, point, info->axis);
  case VALUE_READ: return read(e, point, info);
  case VALUE_ARGUMENT: return argument(e, point);
  case VALUE_NOISE: return emit_noise(e, point, info);
  case VALUE_REDUCE: emit_fail(e, "a reduction stands inside an expression"); return build_scalar(&e->b, 0);
  case VALUE_OPERATION: {
    LLVMValueRef operand[IR_MAX_OPERANDS] = {NULL};
    for (int i = 0; i < ir_operation_arity(info->operation); i++) operand[i] = emit_value(e, point, info->operand[i]);
    return elementwise(e, info->operation, operand[0], operand[1], operand[2]);
  }
  }
  return build_scalar(&e->b, 0);
}

LLVMValueRef emit_value(Emitter *e, EmitPoint *point, IrValue value) {
  const IrValueInfo *info = &e->program->values.items[value];
  if (info->kind == VALUE_CONSTANT) return constant(e, info);
  int level = level_of(point, info->axes);
  uint32_t stamp = point->level[level].stamp;
  LLVMValueRef result = memo_find(e, value, stamp, false);
  if (result) return result;
  // Operands first, each at its own level; then this node. Operands wanted wide are broadcast at their own level too.
  bool is_vector = point->vector_axis != IR_NONE && (info->axes & ir_axis_bit(point->vector_axis));
  if (info->kind == VALUE_OPERATION) {
    LLVMValueRef operand[IR_MAX_OPERANDS] = {NULL};
    for (int i = 0; i < ir_operation_arity(info->operation); i++)
      operand[i] = is_vector ? emit_wide(e, point, info->operand[i]) : emit_value(e, point, info->operand[i]);
    Place here = enter_level(e, point, level);
    result = elementwise(e, info->operation, operand[0], operand[1], operand[2]);
    leave_level(e, here);
  } else {
    Place here = enter_level(e, point, level);
    EmitPoint outer = outer_point(point, level);
    if (!point->level[level].before)
      for (int i = level + 1; i < point->depth && !outer.level[level].before; i++)
        outer.level[level].before = point->level[i].before;
    result = compute(e, &outer, info);
    leave_level(e, here);
  }
  memo_add(e, value, stamp, false, result);
  return result;
}

LLVMValueRef emit_wide(Emitter *e, EmitPoint *point, IrValue value) {
  LLVMValueRef scalar = emit_value(e, point, value);
  if (point->vector_axis == IR_NONE || build_is_vector(scalar)) return scalar;
  if (LLVMIsConstant(scalar)) return build_splat(&e->b, scalar);
  int level = level_of(point, e->program->values.items[value].axes);
  uint32_t stamp = point->level[level].stamp;
  LLVMValueRef result = memo_find(e, value, stamp, true);
  if (result) return result;
  Place here = enter_level(e, point, level);
  result = build_splat(&e->b, scalar);
  leave_level(e, here);
  memo_add(e, value, stamp, true, result);
  return result;
}

// ---- assignments

// Lane by lane where neighbours are apart; lanes past the end repeat the first one's store.
static void scatter(Emitter *e, EmitPoint *point, LLVMValueRef value, LLVMValueRef address, int64_t stride) {
  Builder *b = &e->b;
  EmitRange range = emit_range(e, point->vector_axis);
  bool fits = range.full % b->lanes == 0 && range.last % b->lanes == 0;
  LLVMValueRef left = LLVMBuildNSWSub(b->builder, range.stop, emit_axis_index(e, point, point->vector_axis), "");
  LLVMValueRef first = build_extract(b, value, 0);
  for (int lane = 0; lane < b->lanes; lane++) {
    LLVMValueRef at = build_index(b, lane), number = build_extract(b, value, lane);
    if (!fits && lane > 0) {
      LLVMValueRef inside = LLVMBuildICmp(b->builder, LLVMIntSLT, at, left, "");
      at = LLVMBuildSelect(b->builder, inside, at, build_index(b, 0), "");
      number = LLVMBuildSelect(b->builder, inside, number, first, "");
    }
    build_store(b, number, build_byte_offset(b, address, build_index_mul(b, at, stride * b->element_bytes)));
  }
}

static LLVMValueRef lanes_inside(Emitter *e, EmitPoint *point) {
  Builder *b = &e->b;
  EmitRange range = emit_range(e, point->vector_axis);
  LLVMValueRef left = LLVMBuildNSWSub(b->builder, range.stop, emit_axis_index(e, point, point->vector_axis), "");
  return LLVMBuildICmp(b->builder, LLVMIntSLT, build_lane_numbers(b, true), build_splat(b, left), "");
}

void emit_assign(Emitter *e, EmitPoint *point, const KernelStatement *statement, LLVMValueRef value) {
  BufferPlace place = e->schedule->plans[statement->target].place;
  if (place != PLACE_MEMORY && place != PLACE_SCRATCH) return;
  int64_t stride;
  LLVMValueRef address = emit_address(e, point, statement->target, statement->index, &stride);
  if (point->vector_axis == IR_NONE || stride == 0) {
    build_store(&e->b, build_is_vector(value) ? build_extract(&e->b, value, 0) : value, address);
    return;
  }
  value = build_splat(&e->b, value);
  if (stride != 1) scatter(e, point, value, address, stride);
  else if (point->exact) build_store_masked(&e->b, value, address, lanes_inside(e, point));
  else build_store(&e->b, value, address);
}

// ---- weight

static int64_t weigh(Emitter *e, IrValue value, IrAxisSet axes) {
  const IrValueInfo *info = &e->program->values.items[value];
  if (e->seen[value] == e->seen_stamp || !((info->axes | info->reduced) & axes)) return 0;
  e->seen[value] = e->seen_stamp;
  if (info->kind == VALUE_REDUCE) return weigh(e, info->operand[0], axes) + 1;
  if (ir_value_operands(info) == 0) return 1;
  int64_t sum = (int64_t)ir_flops(info);
  for (int i = 0; i < ir_value_operands(info); i++) sum += weigh(e, info->operand[i], axes);
  return sum;
}

int64_t emit_weight(Emitter *e, IrValue value, IrAxisSet axes) {
  e->seen_stamp++;
  return weigh(e, value, axes);
}
