// order: which nodes must come before which. A node comes after those that make what it reads; one that makes the next
// value of a variable comes after all that read the old value, so that it may take its place. Where that is impossible
// (they need each other), the new value gets a place of its own and a copy at the end. Before: layout. After: fuse.
#include "compiler/passes/schedule_internal.h"

#include <string.h>

bool schedule_same_index(const IrIndex *x, const IrIndex *y, int dimensions) {
  for (int d = 0; d < dimensions; d++)
    if (x[d].axis != y[d].axis || (x[d].axis == IR_NONE && x[d].constant != y[d].constant)) return false;
  return true;
}

typedef struct {
  Scheduler *scheduler;
  NodeOrder *order;
  int32_t *writer; // [buffer]: the node that assigns it, or -1
} Orderer;

static bool reaches(const Orderer *orderer, int32_t from, int32_t to, bool *seen) {
  if (from == to) return true;
  if (seen[from]) return false;
  seen[from] = true;
  const IndexList *before = &orderer->order[from].before;
  for (size_t i = 0; i < before->count; i++)
    if (reaches(orderer, before->items[i], to, seen)) return true;
  return false;
}

static bool reads_buffer(const Orderer *orderer, int32_t node, IrBuffer buffer) {
  const IndexList *reads = &orderer->order[node].reads;
  for (size_t i = 0; i < reads->count; i++)
    if (orderer->scheduler->program->values.items[reads->items[i]].buffer == buffer) return true;
  return false;
}

// Whether a node reads `slot` only element by element, where it writes its target.
static bool reads_own_element(const Orderer *orderer, int32_t at, IrBuffer slot) {
  const IrProgram *program = orderer->scheduler->program;
  const ScheduleNode *node = &orderer->scheduler->nodes.items[at];
  const IndexList *reads = &orderer->order[at].reads;
  for (size_t i = 0; i < reads->count; i++) {
    const IrValueInfo *read = &program->values.items[reads->items[i]];
    if (read->buffer != slot) continue;
    if (node->kind != NODE_MAP) return false;
    if (!schedule_same_index(read->index, node->statement.index, program->buffers.items[slot].dimensions)) return false;
  }
  return true;
}

static void add_before(Orderer *orderer, int32_t node, int32_t earlier) {
  IndexList *before = &orderer->order[node].before;
  for (size_t i = 0; i < before->count; i++)
    if (before->items[i] == earlier) return;
  ARENA_PUSH(orderer->scheduler->arena, before, earlier);
}

// Puts `writer`, which makes the next value of `slot`, behind all readers of the old one; false if that is impossible.
static bool put_behind_readers(Orderer *orderer, int32_t writer, IrBuffer slot, size_t count) {
  if (!reads_own_element(orderer, writer, slot)) return false;
  bool *seen = ARENA_ARRAY(orderer->scheduler->arena, bool, count);
  for (size_t reader = 0; reader < count; reader++) {
    if ((int32_t)reader == writer || !reads_buffer(orderer, (int32_t)reader, slot)) continue;
    memset(seen, 0, count * sizeof *seen);
    if (reaches(orderer, (int32_t)reader, writer, seen)) return false;
  }
  for (size_t reader = 0; reader < count; reader++)
    if ((int32_t)reader != writer && reads_buffer(orderer, (int32_t)reader, slot))
      add_before(orderer, writer, (int32_t)reader);
  return true;
}

// A node that copies the final value of a variable into its place.
static void add_final_copy(Orderer *orderer, int32_t writer, IrBuffer slot) {
  Scheduler *scheduler = orderer->scheduler;
  IrProgram *program = scheduler->program;
  ScheduleNode copy = scheduler->nodes.items[writer];
  IrBuffer made = copy.statement.target;
  IrBufferInfo info = program->buffers.items[made];
  info.name = arena_format(program->arena, "%s.end", program->buffers.items[slot].name);
  copy.kind = NODE_MAP;
  copy.all_axes = copy.axes;
  copy.statement.value = ir_read(program, made, copy.statement.index);
  copy.statement.target = ir_buffer(program, info);
  scheduler->plans[copy.statement.target] = scheduler->plans[made];
  program->buffers.items[made].live_out = false;
  ARENA_PUSH(scheduler->arena, &scheduler->nodes, copy);
}

static void find_reads(Orderer *orderer, size_t node) {
  schedule_collect_reads(orderer->scheduler, orderer->scheduler->nodes.items[node].statement.value,
                         &orderer->order[node].reads);
  orderer->order[node].overwritten = IR_NONE;
}

static void find_makers(Orderer *orderer, size_t node) {
  const IndexList *reads = &orderer->order[node].reads;
  for (size_t i = 0; i < reads->count; i++) {
    int32_t maker = orderer->writer[orderer->scheduler->program->values.items[reads->items[i]].buffer];
    if (maker >= 0 && maker != (int32_t)node) add_before(orderer, (int32_t)node, maker);
  }
}

// A product waits for what its elementwise readers wait for, so that they can be its epilogue, unless that needs it
// itself.
static void delay_product(Orderer *orderer, int32_t product, size_t count) {
  const Scheduler *scheduler = orderer->scheduler;
  const ScheduleNode *made = &scheduler->nodes.items[product];
  bool *seen = ARENA_ARRAY(scheduler->arena, bool, scheduler->nodes.count);
  for (size_t reader = 0; reader < count; reader++) {
    const ScheduleNode *node = &scheduler->nodes.items[reader];
    if (node->kind != NODE_MAP || node->axes != made->axes) continue;
    if (!reads_buffer(orderer, (int32_t)reader, made->statement.target)) continue;
    const IndexList *before = &orderer->order[reader].before;
    bool needs_product = false;
    for (size_t i = 0; i < before->count && !needs_product; i++) {
      memset(seen, 0, scheduler->nodes.count * sizeof *seen);
      needs_product = before->items[i] != product && reaches(orderer, before->items[i], product, seen);
    }
    for (size_t i = 0; i < before->count && !needs_product; i++)
      if (before->items[i] != product) add_before(orderer, product, before->items[i]);
  }
}

// The nodes in an order that respects `before`, otherwise as they were.
static void sort_nodes(Orderer *orderer) {
  Scheduler *scheduler = orderer->scheduler;
  size_t count = scheduler->nodes.count;
  ScheduleNode *sorted = ARENA_ARRAY(scheduler->arena, ScheduleNode, count);
  NodeOrder *sorted_order = ARENA_ARRAY(scheduler->arena, NodeOrder, count);
  int32_t *place = ARENA_ARRAY(scheduler->arena, int32_t, count);
  for (size_t i = 0; i < count; i++) place[i] = -1;
  size_t done = 0;
  for (size_t i = 0; i < count; i++) { // the first that is ready, again and again
    if (place[i] >= 0) continue;
    bool ready = true;
    for (size_t j = 0; j < orderer->order[i].before.count; j++) ready &= place[orderer->order[i].before.items[j]] >= 0;
    if (!ready) continue;
    sorted[done] = scheduler->nodes.items[i];
    sorted_order[done] = orderer->order[i];
    place[i] = (int32_t)done++;
    i = SIZE_MAX; // once more from the start
  }
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < sorted_order[i].before.count; j++)
      sorted_order[i].before.items[j] = place[sorted_order[i].before.items[j]];
  scheduler->nodes.items = sorted;
  scheduler->nodes.capacity = count;
  orderer->order = sorted_order;
}

NodeOrder *schedule_order(Scheduler *scheduler) {
  IrProgram *program = scheduler->program;
  size_t count = scheduler->nodes.count;
  Orderer orderer = {.scheduler = scheduler, .order = ARENA_ARRAY(scheduler->arena, NodeOrder, count * 2 + 1)};
  orderer.writer = ARENA_ARRAY(scheduler->arena, int32_t, program->buffers.count + count + 1);
  for (size_t b = 0; b < program->buffers.count + count; b++) orderer.writer[b] = -1;
  for (size_t i = 0; i < count; i++) orderer.writer[scheduler->nodes.items[i].statement.target] = (int32_t)i;
  for (size_t i = 0; i < count; i++) find_reads(&orderer, i);
  for (size_t i = 0; i < count; i++) find_makers(&orderer, i);
  for (size_t i = 0; i < count; i++) {
    IrBuffer target = scheduler->nodes.items[i].statement.target, slot = schedule_slot(program, target);
    if (slot == target || !program->buffers.items[target].live_out || !program->buffers.items[slot].live_in) continue;
    if (put_behind_readers(&orderer, (int32_t)i, slot, count)) {
      orderer.order[i].overwritten = slot;
      continue;
    }
    add_final_copy(&orderer, (int32_t)i, slot);
    size_t copy = scheduler->nodes.count - 1;
    find_reads(&orderer, copy);
    orderer.order[copy].overwritten = slot;
    add_before(&orderer, (int32_t)copy, (int32_t)i);
    for (size_t reader = 0; reader < count; reader++)
      if (reads_buffer(&orderer, (int32_t)reader, slot)) add_before(&orderer, (int32_t)copy, (int32_t)reader);
  }
  for (size_t i = 0; i < count; i++)
    if (scheduler->nodes.items[i].kind == NODE_PRODUCT) delay_product(&orderer, (int32_t)i, count);
  sort_nodes(&orderer);
  return orderer.order;
}
