// share: which buffers lie in one place. A variable's next value takes the place of the last, and what goes round a
// repeat that of its start, where neither is needed while the other is written; inside a segment nodes are put in order
// for that. Liveness is that of segments: straight code, with an edge back at the end of each repeat. Before: layout
// (strides must agree). Part of: order.
#include "compiler/passes/schedule_internal.h"

#include <string.h>

bool schedule_reaches(const NodeOrder *order, int32_t from, int32_t to, bool *seen) {
  if (from == to) return true;
  if (seen[from]) return false;
  seen[from] = true;
  const IndexList *before = &order[from].before;
  for (size_t i = 0; i < before->count; i++)
    if (schedule_reaches(order, before->items[i], to, seen)) return true;
  return false;
}

void schedule_add_before(Scheduler *scheduler, NodeOrder *order, int32_t node, int32_t earlier) {
  IndexList *before = &order[node].before;
  for (size_t i = 0; i < before->count; i++)
    if (before->items[i] == earlier) return;
  ARENA_PUSH(scheduler->arena, before, earlier);
}

// ---- liveness

static int32_t segment_of(const Sharing *sharing, int32_t node) {
  return sharing->scheduler->nodes.items[node].segment;
}

static bool occurs_in(const Sharing *sharing, const IndexList *nodes, int32_t segment) {
  for (size_t i = 0; i < nodes->count; i++)
    if (segment_of(sharing, nodes->items[i]) == segment) return true;
  return false;
}

// Whether the segment needs what the buffer holds when it begins. What it assigns itself it reads behind that, except
// what goes round: its next value is assigned last.
static bool needs_before(const Sharing *sharing, IrBuffer buffer, int32_t segment) {
  if (!occurs_in(sharing, &sharing->readers[buffer], segment)) return false;
  return sharing->scheduler->program->buffers.items[buffer].carried ||
         !occurs_in(sharing, &sharing->writers[buffer], segment);
}

// The buffer after each segment, going backwards until nothing changes. `outlives`: it is wanted after the program.
static void find_live(Sharing *sharing, IrBuffer buffer, bool outlives) {
  const Scheduler *scheduler = sharing->scheduler;
  int32_t last = (int32_t)scheduler->segments.count - 1;
  bool **live = sharing->live_after;
  if (outlives) live[last][buffer] = true;
  if (!last) return;
  for (bool grown = true; grown;) {
    grown = false;
    for (int32_t s = last; s >= 0; s--) {
      bool after = s < last && (needs_before(sharing, buffer, s + 1) ||
                                (live[s + 1][buffer] && !occurs_in(sharing, &sharing->writers[buffer], s + 1)));
      for (size_t r = 1; r < scheduler->regions.count; r++) { // back to the first segment of a repeat that ends here
        int32_t first = scheduler->regions.items[r].first_segment;
        if (scheduler->regions.items[r].segment_end != s + 1) continue;
        after |= needs_before(sharing, buffer, first) ||
                 (live[first][buffer] && !occurs_in(sharing, &sharing->writers[buffer], first));
      }
      if (after && !live[s][buffer]) live[s][buffer] = grown = true;
    }
  }
}

Sharing schedule_sharing(Scheduler *scheduler, NodeOrder *order) {
  size_t buffers = scheduler->program->buffers.count, nodes = scheduler->nodes.count;
  Arena *arena = scheduler->arena;
  Sharing sharing = {.scheduler = scheduler, .order = order};
  sharing.readers = ARENA_ARRAY(arena, IndexList, buffers);
  sharing.writers = ARENA_ARRAY(arena, IndexList, buffers);
  sharing.next_home = ARENA_ARRAY(arena, IrBuffer, buffers);
  sharing.dropped = ARENA_ARRAY(arena, bool, nodes);
  sharing.live_after = ARENA_ARRAY(arena, bool *, scheduler->segments.count);
  for (size_t s = 0; s < scheduler->segments.count; s++) sharing.live_after[s] = ARENA_ARRAY(arena, bool, buffers);
  for (size_t i = 0; i < nodes; i++) {
    int32_t node = (int32_t)i;
    ARENA_PUSH(arena, &sharing.writers[scheduler->nodes.items[i].statement.target], node);
    for (size_t r = 0; r < order[i].reads.count; r++) {
      IndexList *readers = &sharing.readers[scheduler->program->values.items[order[i].reads.items[r]].buffer];
      if (!readers->count || readers->items[readers->count - 1] != node) ARENA_PUSH(arena, readers, node);
    }
  }
  // What holds a value before the program keeps it, unless it gets another one: inputs, the genome.
  const IrBufferInfo *infos = scheduler->program->buffers.items;
  bool *replaced = ARENA_ARRAY(arena, bool, buffers);
  for (size_t b = 0; b < buffers; b++) {
    IrBuffer slot = schedule_slot(scheduler->program, (IrBuffer)b);
    if (infos[b].live_out && slot != (IrBuffer)b) replaced[slot] = true;
  }
  for (size_t b = 0; b < buffers; b++) {
    sharing.next_home[b] = IR_NONE;
    find_live(&sharing, (IrBuffer)b, infos[b].live_out || (infos[b].live_in && !replaced[b]));
  }
  return sharing;
}

// ---- two buffers in one place

// A node that only copies `from`, element by element.
static bool is_copy_of(const Sharing *sharing, int32_t at, IrBuffer from) {
  const IrProgram *program = sharing->scheduler->program;
  const ScheduleNode *node = &sharing->scheduler->nodes.items[at];
  const IrValueInfo *value = &program->values.items[node->statement.value];
  int dimensions = program->buffers.items[from].dimensions;
  return node->kind == NODE_MAP && value->kind == VALUE_READ && value->buffer == from &&
         program->buffers.items[node->statement.target].dimensions == dimensions &&
         schedule_same_index(value->index, node->statement.index, dimensions);
}

// Whether a node reads `buffer` only element by element, where it writes its target.
static bool reads_own_element(const Sharing *sharing, int32_t at, IrBuffer buffer) {
  const IrProgram *program = sharing->scheduler->program;
  const ScheduleNode *node = &sharing->scheduler->nodes.items[at];
  const IndexList *reads = &sharing->order[at].reads;
  for (size_t i = 0; i < reads->count; i++) {
    const IrValueInfo *read = &program->values.items[reads->items[i]];
    if (read->buffer != buffer) continue;
    if (node->kind != NODE_MAP) return false;
    if (!schedule_same_index(read->index, node->statement.index, program->buffers.items[buffer].dimensions))
      return false;
  }
  return true;
}

typedef struct {
  int32_t node, earlier;
} Edge;
typedef ARENA_LIST(Edge) EdgeList;

// What must be put in order so that `writer` may write where `old` lies: all that reads or makes `old` in its segment
// comes first. False: `old` is needed behind it, or reads what the writer makes.
static bool may_overwrite(const Sharing *sharing, int32_t writer, IrBuffer old, EdgeList *edges) {
  const Scheduler *scheduler = sharing->scheduler;
  int32_t segment = segment_of(sharing, writer);
  IrBuffer made = scheduler->nodes.items[writer].statement.target;
  if (scheduler->program->buffers.items[made].carried && is_copy_of(sharing, writer, old)) return true; // it goes
  bool made_here = false, copied = false; // copied: what `old` holds behind the segment is what the writer makes
  for (size_t i = 0; i < sharing->writers[old].count; i++) {
    int32_t other = sharing->writers[old].items[i];
    if (segment_of(sharing, other) != segment) continue;
    copied |= is_copy_of(sharing, other, made);
    made_here |= !is_copy_of(sharing, other, made);
  }
  if (sharing->live_after[segment][old] && !copied) {
    // Both are made in this segment: then the one that is not needed behind it must be made, and read, first.
    return made_here && !sharing->live_after[segment][made];
  }
  if (made_here && !sharing->live_after[segment][made]) return false; // neither is needed: they might be mixed
  if (!reads_own_element(sharing, writer, old)) return false;
  bool *seen = ARENA_ARRAY(scheduler->arena, bool, scheduler->nodes.count);
  const IndexList *lists[] = {&sharing->readers[old], &sharing->writers[old]};
  for (int i = 0; i < 2; i++)
    for (size_t j = 0; j < lists[i]->count; j++) {
      int32_t other = lists[i]->items[j];
      if (other == writer || segment_of(sharing, other) != segment || sharing->dropped[other]) continue;
      if (copied && is_copy_of(sharing, other, made)) continue;
      memset(seen, 0, scheduler->nodes.count * sizeof *seen);
      if (schedule_reaches(sharing->order, other, writer, seen)) return false;
      Edge edge = {writer, other};
      ARENA_PUSH(scheduler->arena, edges, edge);
    }
  return true;
}

static bool may_write_all(const Sharing *sharing, IrBuffer made, IrBuffer old, EdgeList *edges) {
  for (size_t i = 0; i < sharing->writers[made].count; i++) {
    int32_t writer = sharing->writers[made].items[i];
    if (!sharing->dropped[writer] && !may_overwrite(sharing, writer, old, edges)) return false;
  }
  return true;
}

static bool same_layout(const Sharing *sharing, IrBuffer x, IrBuffer y) {
  const IrBufferInfo *a = &sharing->scheduler->program->buffers.items[x],
                     *b = &sharing->scheduler->program->buffers.items[y];
  const BufferPlan *plans = sharing->scheduler->plans;
  if (a->dimensions != b->dimensions) return false;
  for (int d = 0; d < a->dimensions; d++)
    if (a->extent[d] != b->extent[d] || plans[x].stride[d] != plans[y].stride[d]) return false;
  return true;
}

// All edges at once would be a circle: one of them leads from a node to one that must come after it.
static bool close_circle(const Sharing *sharing, const EdgeList *edges) {
  bool *seen = ARENA_ARRAY(sharing->scheduler->arena, bool, sharing->scheduler->nodes.count);
  for (size_t i = 0; i < edges->count; i++) {
    memset(seen, 0, sharing->scheduler->nodes.count * sizeof *seen);
    if (schedule_reaches(sharing->order, edges->items[i].earlier, edges->items[i].node, seen)) return true;
  }
  return false;
}

bool schedule_share(Sharing *sharing, IrBuffer x, IrBuffer y) {
  Scheduler *scheduler = sharing->scheduler;
  IrBuffer first = scheduler->home[x], second = scheduler->home[y];
  if (first == second) return true;
  if (scheduler->program->buffers.items[x].rounds || scheduler->program->buffers.items[y].rounds) return false;
  if (!same_layout(sharing, first, second)) return false;
  EdgeList edges = {0};
  for (IrBuffer a = first; a != IR_NONE; a = sharing->next_home[a])
    for (IrBuffer b = second; b != IR_NONE; b = sharing->next_home[b])
      if (!may_write_all(sharing, a, b, &edges) || !may_write_all(sharing, b, a, &edges)) return false;
  size_t *counts = ARENA_ARRAY(scheduler->arena, size_t, edges.count + 1);
  for (size_t i = 0; i < edges.count; i++) {
    counts[i] = sharing->order[edges.items[i].node].before.count;
    schedule_add_before(scheduler, sharing->order, edges.items[i].node, edges.items[i].earlier);
  }
  if (close_circle(sharing, &edges)) {
    for (size_t i = edges.count; i-- > 0;) sharing->order[edges.items[i].node].before.count = counts[i];
    return false;
  }
  IrBuffer last = first;
  while (sharing->next_home[last] != IR_NONE) last = sharing->next_home[last];
  sharing->next_home[last] = second;
  for (IrBuffer b = second; b != IR_NONE; b = sharing->next_home[b]) scheduler->home[b] = first;
  return true;
}

bool schedule_has_twin(const Scheduler *scheduler, IrBuffer buffer) {
  for (size_t i = 0; i < scheduler->renames.count; i++)
    if (scheduler->renames.items[i].from == buffer) return true;
  return false;
}

// ---- what goes round

// The repeat whose body a node ends, or that it stands before.
static int32_t region_of_copy(const Sharing *sharing, int32_t at, bool is_next) {
  const Scheduler *scheduler = sharing->scheduler;
  int32_t segment = segment_of(sharing, at);
  if (is_next) return scheduler->segments.items[segment];
  for (size_t r = 1; r < scheduler->regions.count; r++)
    if (scheduler->regions.items[r].first_segment == segment + 1) return (int32_t)r;
  return 0;
}

static void share_copies(Sharing *sharing, bool next) {
  Scheduler *scheduler = sharing->scheduler;
  for (size_t i = 0; i < scheduler->nodes.count; i++) {
    const ScheduleNode *node = &scheduler->nodes.items[i];
    IrBuffer carried = node->statement.target;
    const IrValueInfo *value = &scheduler->program->values.items[node->statement.value];
    if (!scheduler->program->buffers.items[carried].carried || value->kind != VALUE_READ) continue;
    bool is_next = sharing->writers[carried].items[0] != (int32_t)i;
    if (is_next != next || !is_copy_of(sharing, (int32_t)i, value->buffer)) continue;
    if (!schedule_share(sharing, carried, value->buffer)) continue;
    sharing->dropped[i] = true;
    ScheduleRename rename = {value->buffer, carried, (size_t)region_of_copy(sharing, (int32_t)i, next), next};
    ARENA_PUSH(scheduler->arena, &scheduler->renames, rename);
  }
}

void schedule_share_carried(Sharing *sharing) {
  // Copies that stay come after what reads the value of the iteration before.
  Scheduler *scheduler = sharing->scheduler;
  for (size_t i = 0; i < scheduler->nodes.count; i++) {
    const ScheduleNode *node = &scheduler->nodes.items[i];
    if (!scheduler->program->buffers.items[node->statement.target].carried) continue;
    const IndexList *readers = &sharing->readers[node->statement.target];
    for (size_t r = 0; r < readers->count; r++)
      if (readers->items[r] != (int32_t)i && segment_of(sharing, readers->items[r]) == node->segment)
        schedule_add_before(scheduler, sharing->order, (int32_t)i, readers->items[r]);
  }
  share_copies(sharing, true);
  share_copies(sharing, false);
}
