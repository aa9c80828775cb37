// layout: the order of every buffer's dimensions in memory, and its strides. Neuron buffers are [batch][unit] where
// layers are wide and [unit][batch] where all are narrow (few units waste vector lanes and registers there: 4 to 11
// times measured); synapse buffers are contiguous on the side that their products want as the vector side. Before:
// normalize. After: fuse. Places come last, in plan.
#include "compiler/passes/schedule_internal.h"

#include <string.h>

// Rows a multiple of SETS bytes apart share few sets of the first cache: one more line between them (10 % of a step).
enum { NARROW_UNITS = 48, CACHE_LINE = 64, SETS = 1024 };

int64_t schedule_padded(const Scheduler *scheduler, int64_t elements) {
  return schedule_round_up(elements, CACHE_LINE / scheduler->options->element_bytes);
}

// Narrow: every layer of the network has few units, and a batch fills vectors better than they do.
static bool all_layers_narrow(const Scheduler *scheduler) {
  const IrProgram *program = scheduler->program;
  int64_t widest = 0, batch = 0;
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    for (int d = 0; d < buffer->dimensions; d++) {
      if (buffer->kind[d] == AXIS_KIND_BATCH) batch = buffer->extent[d];
      if (buffer->kind[d] == AXIS_KIND_UNIT && buffer->extent[d] > widest) widest = buffer->extent[d];
    }
  }
  return widest < NARROW_UNITS && batch >= scheduler->vector && batch >= widest;
}

// Dimensions from the outermost to the contiguous one.
static void dimension_order(const Scheduler *scheduler, const IrBufferInfo *buffer, bool reversed, int *order) {
  static const int row_major[] = {[AXIS_KIND_STATE] = 0, [AXIS_KIND_BATCH] = 1, [AXIS_KIND_UNIT] = 2};
  static const int feature_major[] = {[AXIS_KIND_STATE] = 0, [AXIS_KIND_BATCH] = 2, [AXIS_KIND_UNIT] = 1};
  int units = 0;
  for (int d = 0; d < buffer->dimensions; d++) units += buffer->kind[d] == AXIS_KIND_UNIT;
  const int *rank = scheduler->feature_major && units == 1 ? feature_major : row_major;
  int count = 0;
  for (int wanted = 0; wanted <= 2; wanted++) {
    bool backwards = reversed && wanted == rank[AXIS_KIND_UNIT];
    for (int i = 0; i < buffer->dimensions; i++) {
      int d = backwards ? buffer->dimensions - 1 - i : i;
      if (rank[buffer->kind[d]] == wanted) order[count++] = d;
    }
  }
}

static BufferPlan strided(const Scheduler *scheduler, const IrBufferInfo *buffer, bool reversed) {
  BufferPlan plan = {.place = PLACE_NOWHERE, .blocked_dimension = -1};
  int order[IR_MAX_DIMENSIONS];
  dimension_order(scheduler, buffer, reversed, order);
  int64_t stride = 1;
  for (int i = buffer->dimensions - 1; i >= 0; i--) {
    plan.stride[order[i]] = stride;
    int64_t extent = buffer->extent[order[i]];
    stride *= i == buffer->dimensions - 1 ? schedule_padded(scheduler, extent) : extent;
    int64_t bytes = stride * scheduler->options->element_bytes;
    if (i == buffer->dimensions - 1 && bytes % SETS == 0) stride += CACHE_LINE / scheduler->options->element_bytes;
  }
  return plan;
}

IrAxis schedule_vector_axis(const Scheduler *scheduler, IrBuffer buffer, const IrIndex *index) {
  const IrBufferInfo *info = &scheduler->program->buffers.items[buffer];
  for (int d = 0; d < info->dimensions; d++)
    if (scheduler->plans[buffer].stride[d] == 1) return index[d].axis;
  return IR_NONE;
}

static bool has_two_units(const IrBufferInfo *buffer) {
  int units = 0;
  for (int d = 0; d < buffer->dimensions; d++) units += buffer->kind[d] == AXIS_KIND_UNIT;
  return units == 2;
}

static void set_layout(Scheduler *scheduler, IrBuffer buffer, bool reversed) {
  scheduler->plans[buffer] = strided(scheduler, &scheduler->program->buffers.items[buffer], reversed);
}

// The buffers that share the layout of `slot`: its versions, and the temporaries over both sides of the synapse that
// are computed for them.
static bool *layout_members(Scheduler *scheduler, IrBuffer slot) {
  const IrProgram *program = scheduler->program;
  bool *member = ARENA_ARRAY(scheduler->arena, bool, program->buffers.count);
  for (size_t b = 0; b < program->buffers.count; b++)
    if (schedule_slot(program, (IrBuffer)b) == slot) member[b] = true;
  for (size_t i = scheduler->nodes.count; i-- > 0;) {
    const ScheduleNode *node = &scheduler->nodes.items[i];
    if (node->kind != NODE_MAP || !member[node->statement.target]) continue;
    IndexList reads = {0};
    schedule_collect_reads(scheduler, node->statement.value, &reads);
    for (size_t r = 0; r < reads.count; r++) {
      IrBuffer read = program->values.items[reads.items[r]].buffer;
      const IrBufferInfo *info = &program->buffers.items[read];
      if (info->role == ROLE_TEMPORARY && has_two_units(info)) member[read] = true;
    }
  }
  return member;
}

static void set_members(Scheduler *scheduler, const bool *member, bool reversed) {
  for (size_t b = 0; b < scheduler->program->buffers.count; b++)
    if (member[b]) set_layout(scheduler, (IrBuffer)b, reversed);
}

// Time of all products that read or make members, at their present layout.
static double members_cost(const Scheduler *scheduler, const bool *member) {
  const IrProgram *program = scheduler->program;
  double total = 0;
  for (size_t i = 0; i < scheduler->nodes.count; i++) {
    const ScheduleNode *node = &scheduler->nodes.items[i];
    if (node->kind != NODE_PRODUCT) continue;
    IrBuffer left = program->values.items[node->left].buffer, right = program->values.items[node->right].buffer, n;
    if (member[left] || member[right] || member[node->statement.target])
      total += schedule_blocked_form(scheduler, node, IR_NONE, 0, &n).nanoseconds;
  }
  return total;
}

static void choose_synapse_layout(Scheduler *scheduler, IrBuffer slot) {
  const IrBufferInfo *info = &scheduler->program->buffers.items[slot];
  const BufferPlan *fixed = plan_table_find(scheduler->fixed, info->name);
  bool *member = layout_members(scheduler, slot);
  if (fixed) {
    BufferPlan natural = strided(scheduler, info, false);
    set_members(scheduler, member, memcmp(natural.stride, fixed->stride, sizeof natural.stride) != 0);
    return;
  }
  set_members(scheduler, member, true);
  double reversed = members_cost(scheduler, member);
  set_members(scheduler, member, false);
  if (reversed < 0.97 * members_cost(scheduler, member)) set_members(scheduler, member, true);
}

// Where the target has turned out contiguous along an outer axis that only one operand has, that takes the place of the
// operand's own.
static void turn_product(const Scheduler *scheduler, ScheduleNode *node, IrAxis n) {
  if (n == IR_NONE || !(node->outer & ir_axis_bit(n))) return;
  IrAxisSet left = scheduler->program->values.items[node->left].axes,
            right = scheduler->program->values.items[node->right].axes;
  if ((left & right) & ir_axis_bit(n)) return;
  IrAxis *own = left & ir_axis_bit(n) ? &node->left_axis : &node->right_axis;
  node->outer = (node->outer & ~ir_axis_bit(n)) | ir_axis_bit(*own);
  *own = n;
}

// Products that no form fits are reductions like any other.
static void refuse_products(Scheduler *scheduler) {
  for (size_t i = 0; i < scheduler->nodes.count; i++) {
    ScheduleNode *node = &scheduler->nodes.items[i];
    if (node->kind != NODE_PRODUCT) continue;
    IrAxis n = schedule_vector_axis(scheduler, node->statement.target, node->statement.index);
    turn_product(scheduler, node, n);
    bool fits = n != IR_NONE && schedule_product_form(scheduler, node, n, 16, 16).nanoseconds < 1e30;
    if (!fits) node->kind = NODE_REDUCE;
  }
}

void schedule_choose_major(Scheduler *scheduler) {
  const BufferPlan *decided = plan_table_find(scheduler->fixed, "(feature-major)");
  scheduler->feature_major = decided ? decided->place == PLACE_MEMORY : all_layers_narrow(scheduler);
  if (!decided)
    plan_table_add(scheduler->fixed, "(feature-major)",
                   (BufferPlan){.place = scheduler->feature_major ? PLACE_MEMORY : PLACE_NOWHERE});
}

IrAxis schedule_natural_vector(const Scheduler *scheduler, IrAxisSet axes, const IrIndex *like, int like_dimensions) {
  const IrProgram *program = scheduler->program;
  int units = 0;
  for (IrAxisSet left = axes; left; left &= left - 1)
    units += program->axes.items[__builtin_ctzll(left)].kind == AXIS_KIND_UNIT;
  IrAxisKind last = scheduler->feature_major && units == 1 ? AXIS_KIND_BATCH : AXIS_KIND_UNIT;
  IrAxis best = IR_NONE;
  for (IrAxisSet left = axes; left; left &= left - 1) {
    IrAxis axis = (IrAxis)__builtin_ctzll(left);
    int place = -1, best_place = -1;
    for (int d = 0; d < like_dimensions; d++) {
      if (like[d].axis == axis) place = d;
      if (best != IR_NONE && like[d].axis == best) best_place = d;
    }
    if (program->axes.items[axis].kind != last) continue;
    // Those that `like` lacks come behind, in the order of their numbers.
    if (best == IR_NONE || (place < 0) || (best_place >= 0 && place > best_place)) best = axis;
  }
  return best;
}

void schedule_layout(Scheduler *scheduler) {
  IrProgram *program = scheduler->program;
  scheduler->plan_capacity = program->buffers.count * 2 + 64;
  scheduler->plans = ARENA_ARRAY(scheduler->arena, BufferPlan, scheduler->plan_capacity);
  for (size_t b = 0; b < program->buffers.count; b++) set_layout(scheduler, (IrBuffer)b, false);
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *info = &program->buffers.items[b];
    if (info->role == ROLE_SYNAPSE && has_two_units(info) && schedule_slot(program, (IrBuffer)b) == (IrBuffer)b)
      choose_synapse_layout(scheduler, (IrBuffer)b);
  }
  refuse_products(scheduler);
}
