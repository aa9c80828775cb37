// order: which nodes must come before which, inside each segment. A node comes after those that make what it reads; one
// that makes the next value of a variable comes after all that read the old value, so that it may take its place. Where
// that is impossible (they need each other), the new value gets a place of its own and a copy at the end. Before:
// layout. After: fuse.
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
  bool *dropped; // [node]
} Orderer;

static bool reads_buffer(const Orderer *orderer, int32_t node, IrBuffer buffer) {
  const IndexList *reads = &orderer->order[node].reads;
  for (size_t i = 0; i < reads->count; i++)
    if (orderer->scheduler->program->values.items[reads->items[i]].buffer == buffer) return true;
  return false;
}

static void add_before(Orderer *orderer, int32_t node, int32_t earlier) {
  schedule_add_before(orderer->scheduler, orderer->order, node, earlier);
}

// A node in the last segment that copies the final value of a variable into its place, behind all that reads the old
// one.
static void add_final_copy(Orderer *orderer, int32_t writer, IrBuffer slot) {
  Scheduler *scheduler = orderer->scheduler;
  IrProgram *program = scheduler->program;
  ScheduleNode copy = scheduler->nodes.items[writer];
  IrBuffer made = copy.statement.target;
  IrBufferInfo info = program->buffers.items[made];
  info.name = arena_format(program->arena, "%s.end", program->buffers.items[slot].name);
  info.carried = false;
  copy.kind = NODE_MAP;
  copy.all_axes = copy.axes;
  copy.segment = (int32_t)scheduler->segments.count - 1;
  copy.statement.value = ir_read(program, made, copy.statement.index);
  copy.statement.target = ir_buffer(program, info);
  scheduler->plans[copy.statement.target] = scheduler->plans[made];
  program->buffers.items[made].live_out = false;
  ARENA_PUSH(scheduler->arena, &scheduler->nodes, copy);
  int32_t at = (int32_t)scheduler->nodes.count - 1;
  schedule_collect_reads(scheduler, copy.statement.value, &orderer->order[at].reads);
  for (int32_t other = 0; other < at; other++) {
    const ScheduleNode *node = &scheduler->nodes.items[other];
    if (node->segment != copy.segment) continue;
    if (node->statement.target == made || reads_buffer(orderer, other, slot)) add_before(orderer, at, other);
  }
}

// After the nodes of its segment that make what it reads. What goes round is made in another, or last of all.
static void find_makers(Orderer *orderer, const int32_t *writer, size_t node) {
  const Scheduler *scheduler = orderer->scheduler;
  const IndexList *reads = &orderer->order[node].reads;
  for (size_t i = 0; i < reads->count; i++) {
    IrBuffer read = scheduler->program->values.items[reads->items[i]].buffer;
    int32_t maker = scheduler->program->buffers.items[read].carried ? -1 : writer[read];
    if (maker >= 0 && maker != (int32_t)node &&
        scheduler->nodes.items[maker].segment == scheduler->nodes.items[node].segment)
      add_before(orderer, (int32_t)node, maker);
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
    if (node->kind != NODE_MAP || node->axes != made->axes || node->segment != made->segment) continue;
    if (orderer->dropped[reader]) continue;
    if (!reads_buffer(orderer, (int32_t)reader, made->statement.target)) continue;
    const IndexList *before = &orderer->order[reader].before;
    bool needs_product = false;
    for (size_t i = 0; i < before->count && !needs_product; i++) {
      memset(seen, 0, scheduler->nodes.count * sizeof *seen);
      needs_product = before->items[i] != product && schedule_reaches(orderer->order, before->items[i], product, seen);
    }
    for (size_t i = 0; i < before->count && !needs_product; i++)
      if (before->items[i] != product) add_before(orderer, product, before->items[i]);
  }
}

// Who waits for a dropped copy waits for what it waited for.
static void bypass_dropped(Orderer *orderer) {
  for (size_t i = 0; i < orderer->scheduler->nodes.count; i++) {
    IndexList *before = &orderer->order[i].before;
    for (size_t j = 0; j < before->count; j++) {
      int32_t other = before->items[j];
      if (!orderer->dropped[other]) continue;
      for (size_t k = 0; k < orderer->order[other].before.count; k++)
        add_before(orderer, (int32_t)i, orderer->order[other].before.items[k]);
    }
  }
}

// The nodes that are left, segment by segment, in an order that respects `before`, otherwise as they were.
static void sort_nodes(Orderer *orderer) {
  Scheduler *scheduler = orderer->scheduler;
  size_t count = scheduler->nodes.count, done = 0;
  ScheduleNode *sorted = ARENA_ARRAY(scheduler->arena, ScheduleNode, count);
  NodeOrder *sorted_order = ARENA_ARRAY(scheduler->arena, NodeOrder, count);
  int32_t *place = ARENA_ARRAY(scheduler->arena, int32_t, count);
  for (size_t i = 0; i < count; i++) place[i] = -1;
  for (int32_t segment = 0; (size_t)segment < scheduler->segments.count; segment++)
    for (size_t i = 0; i < count; i++) { // the first that is ready, again and again
      if (place[i] >= 0 || orderer->dropped[i] || scheduler->nodes.items[i].segment != segment) continue;
      bool ready = true;
      for (size_t j = 0; j < orderer->order[i].before.count; j++) {
        int32_t other = orderer->order[i].before.items[j];
        ready &= place[other] >= 0 || orderer->dropped[other];
      }
      if (!ready) continue;
      sorted[done] = scheduler->nodes.items[i];
      sorted_order[done] = orderer->order[i];
      place[i] = (int32_t)done++;
      i = SIZE_MAX; // once more from the start
    }
  for (size_t i = 0; i < done; i++) {
    IndexList *before = &sorted_order[i].before;
    size_t kept = 0;
    for (size_t j = 0; j < before->count; j++)
      if (place[before->items[j]] >= 0) before->items[kept++] = place[before->items[j]];
    before->count = kept;
  }
  scheduler->nodes.items = sorted;
  scheduler->nodes.count = done;
  scheduler->nodes.capacity = count;
  orderer->order = sorted_order;
}

// A live_out version ends in its variable's place.
static void place_final_values(Orderer *orderer, Sharing *sharing, size_t count) {
  Scheduler *scheduler = orderer->scheduler;
  IrProgram *program = scheduler->program;
  for (size_t i = 0; i < count; i++) {
    IrBuffer target = scheduler->nodes.items[i].statement.target, slot = schedule_slot(program, target);
    if (slot == target || !program->buffers.items[target].live_out || !program->buffers.items[slot].live_in) continue;
    if (!schedule_share(sharing, slot, target)) add_final_copy(orderer, (int32_t)i, slot);
  }
}

NodeOrder *schedule_order(Scheduler *scheduler) {
  IrProgram *program = scheduler->program;
  size_t count = scheduler->nodes.count, buffers = program->buffers.count;
  Orderer orderer = {.scheduler = scheduler, .order = ARENA_ARRAY(scheduler->arena, NodeOrder, count * 2 + 1)};
  int32_t *writer = ARENA_ARRAY(scheduler->arena, int32_t, buffers);
  scheduler->home = ARENA_ARRAY(scheduler->arena, IrBuffer, buffers + count + 1);
  for (size_t b = 0; b < buffers; b++) writer[b] = -1;
  for (size_t b = 0; b < buffers + count; b++) scheduler->home[b] = (IrBuffer)b;
  for (size_t i = 0; i < count; i++) {
    writer[scheduler->nodes.items[i].statement.target] = (int32_t)i;
    schedule_collect_reads(scheduler, scheduler->nodes.items[i].statement.value, &orderer.order[i].reads);
  }
  for (size_t i = 0; i < count; i++) find_makers(&orderer, writer, i);
  Sharing sharing = schedule_sharing(scheduler, orderer.order);
  orderer.dropped = ARENA_ARRAY(scheduler->arena, bool, count * 2 + 1);
  schedule_share_carried(&sharing);
  place_final_values(&orderer, &sharing, count);
  for (size_t i = count; i < scheduler->nodes.count; i++) {
    IrBuffer target = scheduler->nodes.items[i].statement.target;
    scheduler->home[target] = scheduler->home[schedule_slot(program, target)];
  }
  memcpy(orderer.dropped, sharing.dropped, count * sizeof(bool));
  bypass_dropped(&orderer);
  for (size_t i = 0; i < count; i++)
    if (scheduler->nodes.items[i].kind == NODE_PRODUCT) delay_product(&orderer, (int32_t)i, count);
  sort_nodes(&orderer);
  return orderer.order;
}
