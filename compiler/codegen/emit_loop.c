// LOOP operations: statements over a loop nest, the last loop in vectors. Statements are elementwise or reductions. The
// axes that are reduced run innermost, in as many rounds as reductions depend on one another (mean, then variance, then
// the normalized value are three rounds over the batch). Sums have a fixed order: accumulators side by side, by shape
// alone.
//
//   for outer axes            statements that change no further are emitted as far out as they can
//     [columns of vectors]    several vectors side by side where the reduced axes are serial
//     for reduced axes        [accumulators] side by side
#include "compiler/codegen/emit.h"
#include "compiler/ir/order.h"

enum { MAX_COLUMNS = 4, MAX_ACCUMULATORS = 4, LIGHT_BODY = 24 };

typedef struct {
  const KernelStatement *statement;
  IrAxisSet axes;    // of the target, among the loops
  IrAxisSet reduced; // 0: elementwise
  IrReduction reduction;
  IrValue body;                     // the value, or the reduction's body
  bool is_inner;                    // inside the reduced loops
  int depth;                        // not inner: number of outer loops around it
  int round;                        // which round it belongs to
  LLVMValueRef result[MAX_COLUMNS]; // of a reduction
} NestStatement;

typedef struct {
  NestStatement *statements;
  size_t count, first_assigned;
  EmitNestLoop outer[IR_MAX_DIMENSIONS], inner[IR_MAX_DIMENSIONS];
  int outer_count, inner_count, rounds;
  IrAxisSet inner_axes;
  IrAxis vector_axis;
  int columns, accumulators;
} Nest;

// ---- analysis

static IrAxisSet target_axes(const Emitter *e, const KernelStatement *statement) {
  IrAxisSet axes = 0;
  for (int d = 0; d < e->program->buffers.items[statement->target].dimensions; d++)
    if (statement->index[d].axis != IR_NONE) axes |= ir_axis_bit(statement->index[d].axis);
  return axes;
}

static NestStatement describe(const Emitter *e, const KernelStatement *statement) {
  const IrValueInfo *info = &e->program->values.items[statement->value];
  NestStatement nest = {.statement = statement, .axes = target_axes(e, statement), .body = statement->value};
  if (info->kind != VALUE_REDUCE) return nest;
  nest.reduced = info->reduced;
  nest.reduction = info->reduction;
  nest.body = info->operand[0];
  return nest;
}

// The round in which everything that the value reads of this operation is known.
static int round_of(Emitter *e, const Nest *nest, size_t before, IrValue value) {
  const IrValueInfo *info = &e->program->values.items[value];
  if (e->seen[value] == e->seen_stamp) return 0;
  e->seen[value] = e->seen_stamp;
  int round = 0;
  if (info->kind == VALUE_READ)
    for (size_t i = 0; i < before; i++) {
      const NestStatement *earlier = &nest->statements[i];
      if (earlier->statement->target != info->buffer) continue;
      int known = earlier->round + (earlier->reduced ? 1 : 0);
      round = known > round ? known : round;
    }
  for (int i = 0; i < ir_value_operands(info); i++) {
    int below = round_of(e, nest, before, info->operand[i]);
    round = below > round ? below : round;
  }
  return round;
}

static bool is_contiguous(const Emitter *e, const KernelStatement *statement, IrAxis axis) {
  const BufferPlan *plan = &e->schedule->plans[statement->target];
  for (int d = 0; d < e->program->buffers.items[statement->target].dimensions; d++)
    if (statement->index[d].axis == axis) return plan->place == PLACE_REGISTER || plan->stride[d] == 1;
  return false;
}

static void arrange(Emitter *e, Nest *nest, const EmitNestLoop *loops, int loop_count) {
  IrAxisSet used = 0;
  for (size_t i = 0; i < nest->count; i++) {
    used |= nest->statements[i].axes | nest->statements[i].reduced;
    nest->inner_axes |= nest->statements[i].reduced;
  }
  nest->vector_axis = IR_NONE;
  for (int i = 0; i < loop_count; i++) {
    if (!(used & ir_axis_bit(loops[i].axis))) continue;
    bool is_inner = nest->inner_axes & ir_axis_bit(loops[i].axis);
    if (is_inner) nest->inner[nest->inner_count++] = loops[i];
    else nest->outer[nest->outer_count++] = loops[i];
    // One element, or only targets whose elements are apart: no vectors.
    bool any = is_inner;
    for (size_t s = 0; s < nest->count; s++) any |= is_contiguous(e, nest->statements[s].statement, loops[i].axis);
    if (i == loop_count - 1 && loops[i].range.full > 1 && any) nest->vector_axis = loops[i].axis;
  }
  nest->rounds = 1;
  for (size_t i = 0; i < nest->count; i++) {
    NestStatement *statement = &nest->statements[i];
    e->seen_stamp++;
    statement->round = round_of(e, nest, i, statement->statement->value);
    statement->is_inner = statement->reduced || (statement->axes & nest->inner_axes);
    if (statement->round >= nest->rounds) nest->rounds = statement->round + 1;
    for (int d = 0; d < nest->outer_count; d++)
      if (statement->axes & ir_axis_bit(nest->outer[d].axis)) statement->depth = d + 1;
    // What waits for a reduction is emitted after it, where all outer loops are bound.
    if (statement->round > 0 || statement->is_inner) statement->depth = nest->outer_count;
  }
}

// Vectors and accumulators side by side: enough independent sums to hide the latency of an addition.
static void widen(Emitter *e, Nest *nest) {
  nest->columns = nest->accumulators = 1;
  if (!nest->inner_axes) return;
  int64_t weight = 0;
  for (size_t i = 0; i < nest->count; i++)
    if (nest->statements[i].is_inner) weight += emit_weight(e, nest->statements[i].body, nest->inner_axes) + 1;
  if (weight > LIGHT_BODY) return;
  bool vector_is_outer = nest->vector_axis != IR_NONE && !(nest->inner_axes & ir_axis_bit(nest->vector_axis));
  if (vector_is_outer) {
    const EmitRange *range = &nest->outer[nest->outer_count - 1].range;
    int64_t vectors = (range->full + e->b.lanes - 1) / e->b.lanes;
    nest->columns = vectors >= MAX_COLUMNS ? MAX_COLUMNS : vectors >= 2 ? 2 : 1;
  }
  const EmitNestLoop *last = &nest->inner[nest->inner_count - 1];
  int64_t length = last->axis == nest->vector_axis ? last->range.full / e->b.lanes : last->range.full;
  nest->accumulators = MAX_ACCUMULATORS / nest->columns;
  if (last->range.full != last->range.last || length < 2 * nest->accumulators) nest->accumulators = 1;
}

// ---- reductions

static int slots_of(const NestStatement *statement) { return statement->reduction == REDUCE_ARGMAX ? 2 : 1; }

static double identity_of(IrReduction reduction) {
  switch (reduction) {
  case REDUCE_SUM: return 0;
  case REDUCE_PRODUCT: return 1;
  case REDUCE_MAXIMUM:
  case REDUCE_ARGMAX: return -__builtin_inf();
  case REDUCE_MINIMUM: return __builtin_inf();
  }
  return 0;
}

static void take_larger(Builder *b, LLVMValueRef *best, LLVMValueRef value, LLVMValueRef place, bool ordered) {
  LLVMValueRef wins = build_compare(b, LLVMRealOGT, value, best[0]);
  if (!ordered) { // equal values: the smaller position
    LLVMValueRef equal = build_compare(b, LLVMRealOEQ, value, best[0]);
    LLVMValueRef before = build_compare(b, LLVMRealOLT, place, best[1]);
    wins = LLVMBuildOr(b->builder, wins, LLVMBuildAnd(b->builder, equal, before, ""), "");
  }
  best[0] = build_select(b, wins, value, best[0]);
  best[1] = build_select(b, wins, place, best[1]);
}

static LLVMValueRef combine(Builder *b, IrReduction reduction, LLVMValueRef x, LLVMValueRef y) {
  switch (reduction) {
  case REDUCE_SUM: return build_add(b, x, y);
  case REDUCE_PRODUCT: return build_mul(b, x, y);
  case REDUCE_MAXIMUM: return build_maximum(b, x, y);
  case REDUCE_MINIMUM: return build_minimum(b, x, y);
  case REDUCE_ARGMAX: break;
  }
  return x;
}

// All lanes into one, by halves.
static void combine_lanes(Builder *b, IrReduction reduction, LLVMValueRef *value) {
  for (int half = b->lanes / 2; half > 0; half /= 2) {
    int lanes[64];
    for (int i = 0; i < b->lanes; i++) lanes[i] = i < half ? i + half : i;
    LLVMValueRef upper[2] = {build_shuffle(b, value[0], value[0], lanes, b->lanes), NULL};
    if (reduction == REDUCE_ARGMAX) {
      upper[1] = build_shuffle(b, value[1], value[1], lanes, b->lanes);
      take_larger(b, value, upper[0], upper[1], false);
    } else {
      value[0] = combine(b, reduction, value[0], upper[0]);
    }
  }
  value[0] = build_extract(b, value[0], 0);
  if (reduction == REDUCE_ARGMAX) value[1] = build_extract(b, value[1], 0);
}

// ---- the inner loops

typedef struct {
  Nest *nest;
  int round, columns;
  EmitPoint *points;     // one a column
  LLVMValueRef *carried; // [statement of the round][column][accumulator][slot]
  int carried_count;
} Inner;

static void show_assigned(Emitter *e, const Nest *nest, int round, int column) {
  for (size_t i = 0; i < nest->count; i++) {
    const NestStatement *statement = &nest->statements[i];
    EmitAssigned *assigned = &e->assigned.items[nest->first_assigned + i];
    if (statement->reduced) {
      assigned->known = statement->result[column];
      assigned->is_visible = assigned->known != NULL;
    } else {
      assigned->is_visible = !statement->is_inner || statement->round == round;
    }
  }
}

// One round of the body: every column, into accumulator `accumulator`; `inside`: which lanes count, NULL: all.
static void body(Emitter *e, Inner *inner, int accumulator, LLVMValueRef inside) {
  Builder *b = &e->b;
  Nest *nest = inner->nest;
  for (int column = 0; column < inner->columns; column++) {
    EmitPoint *point = &inner->points[column];
    show_assigned(e, nest, inner->round, column);
    LLVMValueRef *carried = inner->carried;
    for (size_t i = 0; i < nest->count; i++) {
      NestStatement *statement = &nest->statements[i];
      if (!statement->is_inner || statement->round != inner->round) continue;
      e->assigned_limit = nest->first_assigned + i;
      if (!statement->reduced) {
        emit_assign(e, point, statement->statement, emit_value(e, point, statement->body));
        continue;
      }
      LLVMValueRef value = emit_wide(e, point, statement->body);
      int slots = slots_of(statement);
      LLVMValueRef *into = carried + (column * nest->accumulators + accumulator) * slots;
      carried += inner->columns * nest->accumulators * slots;
      if (inside) value = build_select(b, inside, value, build_number(b, identity_of(statement->reduction), value));
      if (statement->reduction == REDUCE_ARGMAX) {
        IrAxis axis = IR_NONE;
        for (int d = 0; d < nest->inner_count; d++)
          if (statement->reduced & ir_axis_bit(nest->inner[d].axis)) axis = nest->inner[d].axis;
        LLVMValueRef at = NULL;
        for (int d = point->depth - 1; d > 0 && !at; d--)
          if (point->level[d].axis == axis) at = build_index_to_number(b, point->level[d].index);
        if (!at) at = build_scalar(b, 0);
        if (nest->vector_axis != IR_NONE) at = build_splat(b, at);
        if (axis == nest->vector_axis) at = build_add(b, at, build_lane_numbers(b, false));
        take_larger(b, into, value, at, true);
      } else {
        into[0] = combine(b, statement->reduction, into[0], value);
      }
    }
  }
}

static void set_index(Emitter *e, Inner *inner, LLVMValueRef index) {
  for (int column = 0; column < inner->columns; column++) {
    EmitLevel *level = &inner->points[column].level[inner->points[column].depth - 1];
    level->index = index;
    level->stamp = emit_stamp(e);
  }
}

// A loop that all columns share: each has its own level, since its values differ.
static void begin_shared(Emitter *e, Inner *inner, EmitLoop *loop, IrAxis axis, LLVMValueRef start, LLVMValueRef stop,
                         int64_t step, bool guard) {
  emit_loop_begin(e, &inner->points[0], loop, axis, start, stop, step, guard, inner->carried, inner->carried_count);
  for (int column = 1; column < inner->columns; column++) {
    EmitPoint *point = &inner->points[column];
    point->level[point->depth - 1].before = inner->points[0].level[point->depth - 1].before;
    emit_push(e, point, axis, loop->index);
  }
}

static void end_shared(Emitter *e, Inner *inner, EmitLoop *loop) {
  emit_loop_end(e, &inner->points[0], loop, inner->carried);
  for (int column = 1; column < inner->columns; column++) {
    EmitPoint *point = &inner->points[column];
    point->depth--;
    point->level[point->depth - 1].before = NULL;
  }
}

static void innermost(Emitter *e, Inner *inner, const EmitNestLoop *over) {
  Builder *b = &e->b;
  Nest *nest = inner->nest;
  bool is_vector = over->axis == nest->vector_axis, is_fixed = over->range.full == over->range.last;
  int64_t unit = is_vector ? b->lanes : 1, length = over->range.full, step = unit * nest->accumulators;
  EmitLoop loop;
  if (!is_fixed) {
    begin_shared(e, inner, &loop, over->axis, over->range.start, over->range.stop, unit, false);
    LLVMValueRef inside = NULL;
    if (is_vector) {
      LLVMValueRef left = LLVMBuildNSWSub(b->builder, over->range.stop, loop.index, "");
      inside = LLVMBuildICmp(b->builder, LLVMIntSLT, build_lane_numbers(b, true), build_splat(b, left), "");
    }
    body(e, inner, 0, inside);
    end_shared(e, inner, &loop);
    return;
  }
  int64_t whole = length / step * step, single = length / unit * unit;
  LLVMValueRef start = over->range.start;
  LLVMValueRef whole_stop = build_index_add(b, start, build_index(b, whole));
  LLVMValueRef single_stop = build_index_add(b, start, build_index(b, single));
  if (whole > 0) {
    begin_shared(e, inner, &loop, over->axis, start, whole_stop, step, false);
    for (int i = 0; i < nest->accumulators; i++) {
      if (i > 0) set_index(e, inner, build_index_add(b, loop.index, build_index(b, i * unit)));
      body(e, inner, i, NULL);
    }
    end_shared(e, inner, &loop);
  }
  if (single > whole) {
    begin_shared(e, inner, &loop, over->axis, whole_stop, single_stop, unit, false);
    body(e, inner, 0, NULL);
    end_shared(e, inner, &loop);
  }
  if (length > single) {
    LLVMValueRef lanes[64], truth[2] = {LLVMConstInt(LLVMInt1TypeInContext(b->context), 0, 0),
                                        LLVMConstInt(LLVMInt1TypeInContext(b->context), 1, 0)};
    for (int i = 0; i < b->lanes; i++) lanes[i] = truth[single + i < length];
    for (int column = 0; column < inner->columns; column++) {
      emit_push(e, &inner->points[column], over->axis, single_stop);
    }
    body(e, inner, 0, LLVMConstVector(lanes, (unsigned)b->lanes));
    for (int column = 0; column < inner->columns; column++) inner->points[column].depth--;
  }
}

static void inner_loops(Emitter *e, Inner *inner, int level) {
  const EmitNestLoop *over = &inner->nest->inner[level];
  if (level == inner->nest->inner_count - 1) {
    innermost(e, inner, over);
    return;
  }
  EmitLoop loop;
  begin_shared(e, inner, &loop, over->axis, over->range.start, over->range.stop, 1, false);
  inner_loops(e, inner, level + 1);
  end_shared(e, inner, &loop);
}

// The reductions' results, from their accumulators.
static void finish_reductions(Emitter *e, Inner *inner) {
  Nest *nest = inner->nest;
  LLVMValueRef *carried = inner->carried;
  bool across_lanes = nest->vector_axis != IR_NONE && (nest->inner_axes & ir_axis_bit(nest->vector_axis));
  for (size_t i = 0; i < nest->count; i++) {
    NestStatement *statement = &nest->statements[i];
    if (!statement->reduced || statement->round != inner->round) continue;
    int slots = slots_of(statement);
    for (int column = 0; column < inner->columns; column++) {
      LLVMValueRef *parts = carried + column * nest->accumulators * slots;
      for (int width = nest->accumulators / 2; width > 0; width /= 2)
        for (int a = 0; a < width; a++)
          if (slots == 2) take_larger(&e->b, parts + 2 * a, parts[2 * (a + width)], parts[2 * (a + width) + 1], false);
          else parts[a] = combine(&e->b, statement->reduction, parts[a], parts[a + width]);
      if (across_lanes) combine_lanes(&e->b, statement->reduction, parts);
      statement->result[column] = parts[slots - 1];
      emit_assign(e, &inner->points[column], statement->statement, statement->result[column]);
    }
    carried += inner->columns * nest->accumulators * slots;
  }
}

static void reduce_round(Emitter *e, Nest *nest, EmitPoint *points, int columns, int round) {
  Builder *b = &e->b;
  Inner inner = {.nest = nest, .round = round, .columns = columns, .points = points};
  bool any = false;
  for (size_t i = 0; i < nest->count; i++) {
    const NestStatement *statement = &nest->statements[i];
    if (!statement->is_inner || statement->round != round) continue;
    any = true;
    if (statement->reduced) inner.carried_count += columns * nest->accumulators * slots_of(statement);
  }
  if (!any) return;
  inner.carried = ARENA_ARRAY(e->arena, LLVMValueRef, inner.carried_count + 1);
  LLVMValueRef *carried = inner.carried;
  for (size_t i = 0; i < nest->count; i++) {
    const NestStatement *statement = &nest->statements[i];
    if (!statement->reduced || statement->round != round) continue;
    for (int k = 0; k < columns * nest->accumulators; k++)
      for (int slot = 0; slot < slots_of(statement); slot++) {
        LLVMValueRef initial = build_scalar(b, slot ? 0 : identity_of(statement->reduction));
        *carried++ = nest->vector_axis == IR_NONE ? initial : build_splat(b, initial);
      }
  }
  inner_loops(e, &inner, 0);
  finish_reductions(e, &inner);
}

// ---- the outer loops

static void assign_here(Emitter *e, Nest *nest, EmitPoint *point, size_t i) {
  const NestStatement *statement = &nest->statements[i];
  e->assigned_limit = nest->first_assigned + i;
  emit_assign(e, point, statement->statement, emit_value(e, point, statement->body));
}

static void rounds(Emitter *e, Nest *nest, EmitPoint *points, int columns) {
  for (size_t i = 0; i < nest->count; i++)
    for (int column = 0; column < MAX_COLUMNS; column++) nest->statements[i].result[column] = NULL;
  for (int round = 0; round < nest->rounds; round++) {
    for (int column = 0; column < columns; column++) {
      show_assigned(e, nest, round, column);
      for (size_t i = 0; i < nest->count; i++) {
        const NestStatement *statement = &nest->statements[i];
        if (!statement->is_inner && statement->round == round && statement->depth == nest->outer_count)
          assign_here(e, nest, &points[column], i);
      }
    }
    if (nest->inner_count > 0) reduce_round(e, nest, points, columns, round);
  }
}

static void vector_columns(Emitter *e, Nest *nest, EmitPoint *outer, IrAxis axis, LLVMValueRef start, LLVMValueRef stop,
                           int columns, bool guard) {
  EmitLoop loop;
  emit_loop_begin(e, outer, &loop, axis, start, stop, (int64_t)columns * e->b.lanes, guard, NULL, 0);
  EmitPoint points[MAX_COLUMNS];
  for (int column = 0; column < columns; column++) {
    points[column] = *outer;
    EmitLevel *level = &points[column].level[outer->depth - 1];
    level->index = build_index_add(&e->b, loop.index, build_index(&e->b, (int64_t)column * e->b.lanes));
    level->stamp = emit_stamp(e);
  }
  rounds(e, nest, points, columns);
  emit_loop_end(e, outer, &loop, NULL);
}

static void outer_loops(Emitter *e, Nest *nest, EmitPoint *point, int depth) {
  Builder *b = &e->b;
  if (depth == nest->outer_count) {
    rounds(e, nest, point, 1);
    return;
  }
  show_assigned(e, nest, 0, 0);
  for (size_t i = 0; i < nest->count; i++)
    if (!nest->statements[i].is_inner && nest->statements[i].depth == depth) assign_here(e, nest, point, i);
  const EmitNestLoop *over = &nest->outer[depth];
  if (over->axis != nest->vector_axis) {
    EmitLoop loop;
    emit_loop_begin(e, point, &loop, over->axis, over->range.start, over->range.stop, 1, false, NULL, 0);
    outer_loops(e, nest, point, depth + 1);
    emit_loop_end(e, point, &loop, NULL);
    return;
  }
  if (nest->columns == 1) {
    vector_columns(e, nest, point, over->axis, over->range.start, over->range.stop, 1, false);
    return;
  }
  // Whole groups of columns, then the columns left over.
  int64_t lanes = b->lanes, group = lanes * nest->columns;
  bool is_fixed = over->range.full == over->range.last;
  int64_t vectors = (over->range.full + lanes - 1) / lanes;
  LLVMValueRef length = LLVMBuildNSWSub(b->builder, over->range.stop, over->range.start, "");
  LLVMValueRef groups = LLVMBuildUDiv(b->builder, LLVMBuildAdd(b->builder, length, build_index(b, lanes - 1), ""),
                                      build_index(b, group), "");
  LLVMValueRef between = build_index_add(b, over->range.start, build_index_mul(b, groups, group));
  vector_columns(e, nest, point, over->axis, over->range.start, between, nest->columns, !is_fixed);
  if (!is_fixed || vectors % nest->columns)
    vector_columns(e, nest, point, over->axis, between, over->range.stop, 1, !is_fixed);
}

// Consecutive statements whose reductions run over the same axes.
static size_t group_length(Emitter *e, const KernelStatement *statements, size_t count) {
  IrAxisSet reduced = 0;
  for (size_t i = 0; i < count; i++) {
    NestStatement statement = describe(e, &statements[i]);
    bool differs = statement.reduced && reduced && statement.reduced != reduced;
    bool crosses = (statement.reduced & statement.axes) != 0;
    if (crosses) emit_fail(e, "a reduction's axis is also one of its target");
    if (differs && i > 0) return i;
    reduced |= statement.reduced;
  }
  return count;
}

void emit_nest(Emitter *e, EmitPoint *outer, const KernelStatement *statements, size_t count, const EmitNestLoop *loops,
               int loop_count) {
  size_t assigned_before = e->assigned.count;
  while (count > 0 && !e->error) {
    Nest nest = {.count = group_length(e, statements, count), .first_assigned = e->assigned.count};
    nest.statements = ARENA_ARRAY(e->arena, NestStatement, nest.count);
    for (size_t i = 0; i < nest.count; i++) {
      nest.statements[i] = describe(e, &statements[i]);
      EmitAssigned assigned = {.buffer = statements[i].target,
                               .index = statements[i].index,
                               .value = nest.statements[i].reduced ? IR_NONE : statements[i].value};
      ARENA_PUSH(e->arena, &e->assigned, assigned);
    }
    arrange(e, &nest, loops, loop_count);
    widen(e, &nest);
    EmitPoint point = *outer;
    point.vector_axis = nest.vector_axis;
    for (int i = 0; i < loop_count; i++) {
      bool several_blocks = loops[i].axis == e->operation->block_axis && e->kernel->extent > e->kernel->block_size;
      if (loops[i].axis == nest.vector_axis) point.exact = several_blocks && e->kernel->block_size % e->b.lanes != 0;
    }
    outer_loops(e, &nest, &point, 0);
    for (size_t i = 0; i < nest.count; i++) e->assigned.items[nest.first_assigned + i].is_visible = false;
    statements += nest.count;
    count -= nest.count;
  }
  e->assigned.count = e->assigned_limit = assigned_before;
}

void emit_loop_operation(Emitter *e, const KernelOperation *operation) {
  EmitNestLoop loops[IR_MAX_DIMENSIONS];
  for (int i = 0; i < operation->loops; i++)
    loops[i] = (EmitNestLoop){operation->loop[i], emit_range(e, operation->loop[i])};
  EmitPoint point = emit_point(e);
  emit_nest(e, &point, operation->statements, operation->statement_count, loops, operation->loops);
}
