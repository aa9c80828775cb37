// fuse: which nodes share a kernel, and how its blocks cut them. One kernel after the other: for each axis of the first
// node that is left, and for blocks that suit rows or panels of products, it is tried what else can be computed block
// by block; the trial that saves most time is taken. Neighbouring kernels too small to share out become one block.
// Sizes of blocks depend on shapes and target alone, never on the number of threads, so that results do not. Before:
// order. After: operations.
//
// A temporary larger than any variable (a vector of states for every synapse) is never stored whole: it is made in the
// kernel of all that read it, in blocks so short that the thread's scratch holds it in the second cache.
#include "compiler/passes/schedule_internal.h"

#include <math.h>
#include <string.h>

// Nanoseconds; the threads that work is assumed to be shared by, when splitting is weighed against joining.
static const double barrier = 700, page_penalty = 1.3, tolerated = 1.1;
enum { ASSUMED_THREADS = 2, MOST_PANELS = 8, MOST_SHORT_BLOCKS = 16, MOST_BLOCKS = 32, LEAST_ROWS = 4, PAGE = 4096 };

typedef struct {
  Scheduler *scheduler;
  NodeOrder *order;
  double *ideal;   // [node]: nanoseconds in its best form
  int *kernel_of;  // [node]: -1: in none yet
  IrAxis *axis_of; // [node]: in the draft being tried
  bool *in_draft;  // [node]
  bool *is_huge;   // [node]: makes such a temporary
  bool any_huge;
  ARENA_LIST(KernelDraft) drafts;
  ARENA_LIST(double) times;
} Fuser;

static const ScheduleNode *node_at(const Fuser *fuser, int32_t node) { return &fuser->scheduler->nodes.items[node]; }

// ---- time

static double loop_time(const Fuser *fuser, int32_t at) {
  const Scheduler *scheduler = fuser->scheduler;
  const ScheduleNode *node = node_at(fuser, at);
  double points = ir_extent(scheduler->program, node->all_axes);
  double flops = schedule_value_cost(scheduler, node->statement.value);
  double accesses = 1 + (double)fuser->order[at].reads.count;
  return points / scheduler->vector * (0.256 * flops + 0.3 * accesses) + 20;
}

static double ideal_time(const Fuser *fuser, int32_t at) {
  const Scheduler *scheduler = fuser->scheduler;
  const ScheduleNode *node = node_at(fuser, at);
  if (node->kind != NODE_PRODUCT) return loop_time(fuser, at);
  IrAxis n;
  return schedule_blocked_form(scheduler, node, IR_NONE, 0, &n).nanoseconds;
}

// Panels of a large target in memory touch a page a row.
static bool strides_over_pages(const Scheduler *scheduler, const ScheduleNode *node) {
  const IrBufferInfo *target = &scheduler->program->buffers.items[node->statement.target];
  int units = 0;
  int64_t widest = 0;
  for (int d = 0; d < target->dimensions; d++) {
    units += target->kind[d] == AXIS_KIND_UNIT;
    int64_t stride = scheduler->plans[node->statement.target].stride[d];
    if (stride > widest) widest = stride;
  }
  return units == 2 && widest * scheduler->options->element_bytes >= PAGE;
}

static int64_t block_count(const KernelDraft *draft) {
  return draft->extent ? schedule_divide_up(draft->extent, draft->block_size) : 1;
}

// Time of a node in a draft that cuts it along `axis`, all blocks on the assumed threads.
static double blocked_time(const Fuser *fuser, int32_t at, IrAxis axis, const KernelDraft *draft) {
  const Scheduler *scheduler = fuser->scheduler;
  const ScheduleNode *node = node_at(fuser, at);
  double blocks = (double)block_count(draft);
  double share = ceil(blocks / ASSUMED_THREADS) / blocks;
  if (node->kind == NODE_PRODUCT) {
    IrAxis n;
    double time = schedule_blocked_form(scheduler, node, axis, draft->block_size, &n).nanoseconds * blocks * share;
    return n == axis && strides_over_pages(scheduler, node) ? time * page_penalty : time;
  }
  double time = fuser->ideal[at];
  IrAxis vector = schedule_loop_vector(scheduler, node, &fuser->order[at].reads);
  if (vector == axis && axis != IR_NONE) // short strips of vectors
    time *= (double)schedule_round_up(draft->block_size, scheduler->vector) / (double)draft->block_size;
  return time * share;
}

// ---- blocks

static int64_t block_size(const Scheduler *scheduler, IrAxisKind kind, int64_t extent, bool rows) {
  const ScheduleTarget *target = &scheduler->options->target;
  int64_t panel = (int64_t)target->tile_vectors * scheduler->vector;
  if (scheduler->feature_major && kind == AXIS_KIND_BATCH)
    return panel * schedule_divide_up(extent, panel * MOST_PANELS);
  if (scheduler->feature_major && kind == AXIS_KIND_UNIT) {
    int64_t blocks = 1;
    while (blocks < MOST_SHORT_BLOCKS && blocks * 2 * LEAST_ROWS <= extent) blocks *= 2;
    return schedule_divide_up(extent, blocks);
  }
  // Few enough blocks that what all of them read is not streamed through the caches too often.
  int64_t panels = extent / (panel * MOST_BLOCKS), bands = extent / ((int64_t)target->tile_rows * MOST_BLOCKS);
  if (!rows) return panel * (panels > 1 ? panels : 1);
  int64_t blocks = schedule_divide_up(extent, target->tile_rows * (bands > 1 ? bands : 1));
  if (blocks > 1) blocks = schedule_round_up(blocks, 2); // an even number: two threads get as much
  return schedule_divide_up(extent, blocks);
}

// ---- what may join

static int dimension_of(const Fuser *fuser, int32_t at, IrAxis axis) {
  const ScheduleNode *node = node_at(fuser, at);
  for (int d = 0; d < fuser->scheduler->program->buffers.items[node->statement.target].dimensions; d++)
    if (node->statement.index[d].axis == axis) return d;
  return -1;
}

// Whether the elements of buffer that `reader` sees in a block are those that the block of `maker` makes (or
// overwrites).
static bool same_block(const Fuser *fuser, int32_t maker, IrAxis maker_axis, int32_t reader, IrAxis reader_axis,
                       IrBuffer buffer) {
  int d = dimension_of(fuser, maker, maker_axis);
  if (d < 0) return false;
  const IndexList *reads = &fuser->order[reader].reads;
  for (size_t r = 0; r < reads->count; r++) {
    const IrValueInfo *read = &fuser->scheduler->program->values.items[reads->items[r]];
    if (read->buffer == buffer && read->index[d].axis != reader_axis) return false;
  }
  return true;
}

// Whether what `other` reads or makes where `at` writes (in one place) is in the same block.
static bool overwrites_within_block(const Fuser *fuser, int32_t at, IrAxis axis, int32_t other) {
  const Scheduler *scheduler = fuser->scheduler;
  IrBuffer home = scheduler->home[node_at(fuser, at)->statement.target], made = node_at(fuser, other)->statement.target;
  const IndexList *reads = &fuser->order[other].reads;
  for (size_t r = 0; r < reads->count; r++) {
    IrBuffer read = scheduler->program->values.items[reads->items[r]].buffer;
    if (scheduler->home[read] == home && !same_block(fuser, at, axis, other, fuser->axis_of[other], read)) return false;
  }
  return scheduler->home[made] != home ||
         dimension_of(fuser, at, axis) == dimension_of(fuser, other, fuser->axis_of[other]);
}

// Everything that must come earlier is in an earlier kernel or in the draft's same block.
static bool depends_within_block(const Fuser *fuser, int32_t at, IrAxis axis, const KernelDraft *draft) {
  const NodeOrder *order = &fuser->order[at];
  for (size_t i = 0; i < order->before.count; i++) {
    int32_t other = order->before.items[i];
    if (fuser->kernel_of[other] >= 0) continue;
    if (!fuser->in_draft[other]) return false;
    if (!draft->extent) continue;
    if (!same_block(fuser, other, fuser->axis_of[other], at, axis, node_at(fuser, other)->statement.target))
      return false;
    if (!overwrites_within_block(fuser, at, axis, other)) return false;
  }
  return true;
}

static bool is_axis_for(const Fuser *fuser, int32_t at, IrAxis axis, const KernelDraft *draft) {
  const ScheduleNode *node = node_at(fuser, at);
  const IrAxisInfo *info = &fuser->scheduler->program->axes.items[axis];
  if (!(node->axes & ir_axis_bit(axis)) || info->kind != draft->kind || info->extent != draft->extent) return false;
  if (fuser->scheduler->options->blas_products && node->kind == NODE_PRODUCT) return false;
  if (!depends_within_block(fuser, at, axis, draft)) return false;
  double time = blocked_time(fuser, at, axis, draft);
  if (!draft->count) return isfinite(time);
  return isfinite(time) && time <= barrier + fuser->ideal[at] * tolerated / ASSUMED_THREADS;
}

// The axis that a draft would cut a node along, `first` if that is possible; IR_NONE: the node cannot join.
static IrAxis joining_axis(const Fuser *fuser, int32_t at, IrAxis first, const KernelDraft *draft) {
  if (is_axis_for(fuser, at, first, draft)) return first;
  IrAxisSet axes = node_at(fuser, at)->axes & ~ir_axis_bit(first);
  for (; axes; axes &= axes - 1) {
    IrAxis axis = (IrAxis)__builtin_ctzll(axes);
    if (is_axis_for(fuser, at, axis, draft)) return axis;
  }
  return IR_NONE;
}

// ---- trials

typedef struct {
  KernelDraft draft;
  double saved, time;
} Trial;

static void add_to_trial(Fuser *fuser, Trial *trial, int32_t at, IrAxis axis) {
  AxisAndNode item = {at, axis};
  ARENA_PUSH(fuser->scheduler->arena, &trial->draft, item);
  fuser->in_draft[at] = true;
  fuser->axis_of[at] = axis;
  double time = axis == IR_NONE ? fuser->ideal[at] : blocked_time(fuser, at, axis, &trial->draft);
  trial->time += time;
  trial->saved += barrier + fuser->ideal[at] / ASSUMED_THREADS - time;
}

static void clear_trial(Fuser *fuser, const Trial *trial) {
  for (size_t i = 0; i < trial->draft.count; i++) fuser->in_draft[trial->draft.items[i].node] = false;
}

// Everything that can be computed in the blocks of `seed` cut along `axis`, apart from what is banned.
static Trial gather(Fuser *fuser, int32_t seed, IrAxis axis, int64_t size, const bool *banned) {
  const Scheduler *scheduler = fuser->scheduler;
  const IrAxisInfo *info = &scheduler->program->axes.items[axis];
  Trial trial = {.draft = {.kind = info->kind, .extent = info->extent, .block_size = size}, .saved = -barrier};
  for (int32_t at = seed; (size_t)at < scheduler->nodes.count && !(banned && banned[seed]); at++) {
    if (node_at(fuser, at)->segment != node_at(fuser, seed)->segment) break;
    if (fuser->kernel_of[at] >= 0 || (banned && banned[at])) continue;
    IrAxis cut = joining_axis(fuser, at, axis, &trial.draft);
    if (cut != IR_NONE) add_to_trial(fuser, &trial, at, cut);
    else if (at == seed) break;
  }
  if (!trial.draft.count) trial.saved = -INFINITY;
  return trial;
}

static bool is_read_outside(const Fuser *fuser, IrBuffer buffer) {
  const Scheduler *scheduler = fuser->scheduler;
  for (size_t i = 0; i < scheduler->nodes.count; i++)
    for (size_t r = 0; r < fuser->order[i].reads.count && !fuser->in_draft[i]; r++)
      if (scheduler->program->values.items[fuser->order[i].reads.items[r]].buffer == buffer) return true;
  return false;
}

// Bans what would be stored whole; the size of blocks that leaves room for the others.
static int64_t fit_huge(Fuser *fuser, const KernelDraft *draft, bool *banned) {
  const Scheduler *scheduler = fuser->scheduler;
  int64_t room = scheduler->options->target.l2_bytes / 2, bytes = 0, step = 1; // bytes an element of the cut axis
  for (size_t i = 0; i < draft->count; i++) {
    int32_t at = draft->items[i].node;
    if (!fuser->is_huge[at]) continue;
    const KernelStatement *statement = &node_at(fuser, at)->statement;
    const IrBufferInfo *target = &scheduler->program->buffers.items[statement->target];
    int64_t own = ir_buffer_elements(target) / draft->extent * scheduler->options->element_bytes;
    bool along = schedule_vector_axis(scheduler, statement->target, statement->index) == draft->items[i].axis;
    int64_t least = along ? scheduler->vector : 1;
    if (own * least > room || is_read_outside(fuser, statement->target)) {
      banned[at] = true;
      continue;
    }
    bytes += own;
    if (least > step) step = least;
  }
  if (bytes * step > room) { // one by one they fit
    for (size_t i = 0; i < draft->count; i++) banned[draft->items[i].node] |= fuser->is_huge[draft->items[i].node];
    return draft->block_size;
  }
  int64_t size = bytes ? room / bytes / step * step : draft->block_size;
  return size < draft->block_size ? size : draft->block_size;
}

static Trial grow(Fuser *fuser, int32_t seed, IrAxis axis, bool rows) {
  const IrAxisInfo *info = &fuser->scheduler->program->axes.items[axis];
  int64_t size = block_size(fuser->scheduler, info->kind, info->extent, rows);
  bool *banned = fuser->any_huge ? ARENA_ARRAY(fuser->scheduler->arena, bool, fuser->scheduler->nodes.count) : NULL;
  for (;;) { // what is banned stays so, and blocks only get shorter
    Trial trial = gather(fuser, seed, axis, size, banned);
    size_t before = 0, after = 0;
    for (size_t i = 0; banned && i < fuser->scheduler->nodes.count; i++) before += banned[i];
    int64_t smaller = banned ? fit_huge(fuser, &trial.draft, banned) : size;
    for (size_t i = 0; banned && i < fuser->scheduler->nodes.count; i++) after += banned[i];
    clear_trial(fuser, &trial);
    if (after == before && smaller == size) return trial;
    size = smaller;
  }
}

static Trial alone(Fuser *fuser, int32_t seed) {
  Trial trial = {.saved = -barrier};
  add_to_trial(fuser, &trial, seed, IR_NONE);
  clear_trial(fuser, &trial);
  return trial;
}

static void take(Fuser *fuser, const Trial *trial) {
  for (size_t i = 0; i < trial->draft.count; i++)
    fuser->kernel_of[trial->draft.items[i].node] = (int)fuser->drafts.count;
  ARENA_PUSH(fuser->scheduler->arena, &fuser->drafts, trial->draft);
  ARENA_PUSH(fuser->scheduler->arena, &fuser->times, trial->time);
}

static void choose_kernels(Fuser *fuser) {
  for (int32_t seed = 0; (size_t)seed < fuser->scheduler->nodes.count; seed++) {
    if (fuser->kernel_of[seed] >= 0) continue;
    Trial best = alone(fuser, seed);
    for (IrAxisSet axes = node_at(fuser, seed)->axes; axes; axes &= axes - 1)
      for (int rows = 1; rows >= 0; rows--) {
        Trial trial = grow(fuser, seed, (IrAxis)__builtin_ctzll(axes), rows);
        if (trial.saved > best.saved) best = trial;
      }
    take(fuser, &best);
  }
}

// ---- small kernels

static int32_t segment_of(const Fuser *fuser, const KernelDraft *draft) {
  return node_at(fuser, draft->items[0].node)->segment;
}

static double whole_time(const Fuser *fuser, const KernelDraft *draft) {
  double time = 0;
  for (size_t i = 0; i < draft->count; i++) time += fuser->ideal[draft->items[i].node];
  return time;
}

static void join_whole(Scheduler *scheduler, KernelDraft *into, const KernelDraft *from) {
  KernelDraft whole = {0};
  for (size_t i = 0; i < into->count; i++)
    ARENA_PUSH(scheduler->arena, &whole, ((AxisAndNode){into->items[i].node, IR_NONE}));
  for (size_t i = 0; from && i < from->count; i++)
    ARENA_PUSH(scheduler->arena, &whole, ((AxisAndNode){from->items[i].node, IR_NONE}));
  *into = whole;
}

// Neighbours run as one block where that takes no longer than sharing each out and meeting in between.
static void join_small_kernels(Fuser *fuser) {
  Scheduler *scheduler = fuser->scheduler;
  size_t kept = 0;
  double whole_before = 0, shared_before = 0; // of the kernel kept last, as one block and shared out
  for (size_t i = 0; i < fuser->drafts.count; i++) {
    KernelDraft *draft = &fuser->drafts.items[i];
    double whole = whole_time(fuser, draft), blocks = (double)block_count(draft);
    double shared = blocks > 1 ? fuser->times.items[i] : whole;
    KernelDraft *last = kept ? &fuser->drafts.items[kept - 1] : NULL;
    if (last && segment_of(fuser, last) != segment_of(fuser, draft)) last = NULL;
    bool library = scheduler->options->blas_products && node_at(fuser, draft->items[0].node)->kind == NODE_PRODUCT;
    if (last && !library && whole_before + whole <= shared_before + shared + barrier) {
      join_whole(scheduler, last, draft);
      whole_before += whole;
      shared_before = fuser->times.items[kept - 1] = whole_before;
      continue;
    }
    if (whole <= shared) join_whole(scheduler, draft, NULL);
    fuser->times.items[kept] = shared;
    fuser->drafts.items[kept++] = *draft;
    whole_before = whole;
    shared_before = shared;
  }
  fuser->drafts.count = kept;
}

// ---- repeats

// Whether one and the same block sees, of what goes round, only what it made itself an iteration before.
static bool rounds_within_block(const Fuser *fuser, const KernelDraft *draft) {
  const Scheduler *scheduler = fuser->scheduler;
  const IrProgram *program = scheduler->program;
  if (block_count(draft) == 1) return true;
  for (size_t i = 0; i < draft->count; i++) {
    int32_t reader = draft->items[i].node;
    const IndexList *reads = &fuser->order[reader].reads;
    for (size_t r = 0; r < reads->count; r++) {
      IrBuffer read = program->values.items[reads->items[r]].buffer;
      if (!program->buffers.items[read].carried) continue;
      for (size_t j = 0; j < draft->count; j++) {
        int32_t maker = draft->items[j].node;
        if (scheduler->home[node_at(fuser, maker)->statement.target] == scheduler->home[read] &&
            !same_block(fuser, maker, draft->items[j].axis, reader, draft->items[i].axis, read))
          return false;
      }
    }
  }
  return true;
}

// The drafts of a region: first .. end - 1.
static size_t drafts_of(const Fuser *fuser, size_t region, size_t *first) {
  const ScheduleRegion *of = &fuser->scheduler->regions.items[region];
  size_t end = 0;
  *first = 0;
  for (size_t k = 0; k < fuser->drafts.count; k++) {
    int32_t segment = segment_of(fuser, &fuser->drafts.items[k]);
    if (segment < of->first_segment) *first = k + 1;
    if (segment < of->segment_end) end = k + 1;
  }
  return end;
}

static bool runs_by_block(const Fuser *fuser, size_t region, size_t first, size_t end) {
  const KernelDraft *draft = &fuser->drafts.items[first];
  return end == first + 1 && fuser->scheduler->segments.items[segment_of(fuser, draft)] == (int32_t)region &&
         rounds_within_block(fuser, draft);
}

// A repeat of small kernels is run by one thread where that takes no longer than sharing each out and meeting after
// each: then nobody meets before it ends.
static void join_small_repeats(Fuser *fuser) {
  const Scheduler *scheduler = fuser->scheduler;
  for (size_t r = scheduler->regions.count; r-- > 1;) { // inner before outer
    size_t first, end = drafts_of(fuser, r, &first);
    double whole = 0, shared = 0;
    for (size_t k = first; k < end; k++) {
      const KernelDraft *draft = &fuser->drafts.items[k];
      double times = 1, meetings = 1;
      size_t own = (size_t)scheduler->segments.items[segment_of(fuser, draft)], own_first;
      size_t own_end = drafts_of(fuser, own, &own_first);
      for (size_t inner = own; inner != r; inner = (size_t)scheduler->regions.items[inner].parent) {
        times *= (double)scheduler->regions.items[inner].count;
        if (inner != own || !runs_by_block(fuser, own, own_first, own_end))
          meetings *= (double)scheduler->regions.items[inner].count;
      }
      if (own == r && runs_by_block(fuser, r, first, end)) meetings = 1 / (double)scheduler->regions.items[r].count;
      whole += times * whole_time(fuser, draft);
      shared += times * fuser->times.items[k] + meetings * barrier;
    }
    for (size_t k = first; k < end && whole <= shared; k++) join_whole(fuser->scheduler, &fuser->drafts.items[k], NULL);
  }
}

static void write_loops(const Fuser *fuser, Schedule *schedule) {
  Scheduler *scheduler = fuser->scheduler;
  size_t *loop_of = ARENA_ARRAY(scheduler->arena, size_t, scheduler->regions.count); // + 1; 0: nothing is left of it
  schedule->loops = ARENA_ARRAY(scheduler->arena, ScheduleLoop, scheduler->regions.count);
  for (size_t r = 1; r < scheduler->regions.count; r++) {
    const ScheduleRegion *region = &scheduler->regions.items[r];
    ScheduleLoop loop = {.count = region->count, .backward = region->backward, .counter = region->counter};
    loop.kernel_end = drafts_of(fuser, r, &loop.first_kernel);
    if (loop.kernel_end <= loop.first_kernel) continue;
    loop.by_block = runs_by_block(fuser, r, loop.first_kernel, loop.kernel_end);
    schedule->loops[schedule->loop_count++] = loop;
    loop_of[r] = schedule->loop_count;
  }
  schedule->renames = ARENA_ARRAY(scheduler->arena, ScheduleRename, scheduler->renames.count);
  for (size_t i = 0; i < scheduler->renames.count; i++) {
    ScheduleRename rename = scheduler->renames.items[i];
    if (!loop_of[rename.loop]) continue;
    rename.loop = loop_of[rename.loop] - 1;
    schedule->renames[schedule->rename_count++] = rename;
  }
}

// A temporary of three or more large axes, two of them of neurons: no variable is as large. What only elementwise nodes
// read, element by element, is no matter: it stays in registers.
static bool is_huge(const Fuser *fuser, int32_t at) {
  const Scheduler *scheduler = fuser->scheduler;
  const KernelStatement *made = &node_at(fuser, at)->statement;
  const IrBufferInfo *target = &scheduler->program->buffers.items[made->target];
  int units = 0;
  for (int d = 0; d < target->dimensions; d++) units += target->kind[d] == AXIS_KIND_UNIT;
  if (target->role != ROLE_TEMPORARY || target->live_out || units < 2 || target->dimensions < 3) return false;
  for (size_t i = 0; i < scheduler->nodes.count; i++)
    for (size_t r = 0; r < fuser->order[i].reads.count; r++) {
      const IrValueInfo *read = &scheduler->program->values.items[fuser->order[i].reads.items[r]];
      const ScheduleNode *reader = node_at(fuser, (int32_t)i);
      if (read->buffer != made->target) continue;
      if (reader->kind != NODE_MAP || reader->axes != node_at(fuser, at)->axes ||
          !schedule_same_index(read->index, made->index, target->dimensions))
        return true;
    }
  return false;
}

void schedule_fuse(Scheduler *scheduler, Schedule *schedule) {
  Fuser fuser = {.scheduler = scheduler, .order = schedule_order(scheduler)};
  size_t count = scheduler->nodes.count;
  fuser.ideal = ARENA_ARRAY(scheduler->arena, double, count);
  fuser.kernel_of = ARENA_ARRAY(scheduler->arena, int, count);
  fuser.axis_of = ARENA_ARRAY(scheduler->arena, IrAxis, count);
  fuser.in_draft = ARENA_ARRAY(scheduler->arena, bool, count);
  fuser.is_huge = ARENA_ARRAY(scheduler->arena, bool, count);
  for (size_t i = 0; i < count; i++) {
    fuser.is_huge[i] = is_huge(&fuser, (int32_t)i);
    fuser.any_huge |= fuser.is_huge[i];
    fuser.kernel_of[i] = -1;
    fuser.ideal[i] = ideal_time(&fuser, (int32_t)i);
  }
  choose_kernels(&fuser);
  join_small_kernels(&fuser);
  join_small_repeats(&fuser);
  schedule->kernels = ARENA_ARRAY(scheduler->arena, Kernel, fuser.drafts.count);
  schedule->kernel_count = fuser.drafts.count;
  for (size_t i = 0; i < fuser.drafts.count; i++)
    schedule->kernels[i] = schedule_operations(scheduler, fuser.order, &fuser.drafts.items[i]);
  write_loops(&fuser, schedule);
}
