// What the files of the scheduler share: the list of nodes (normalized assignments) and what is decided about each.
// Order of the stages: inline, normalize, layout, fuse (kernels and their operations), plan (places). See schedule.h
// for the result.
#ifndef BLUR_PASSES_SCHEDULE_INTERNAL_H
#define BLUR_PASSES_SCHEDULE_INTERNAL_H

#include "compiler/passes/schedule.h"

// A normalized assignment. MAP: an elementwise value. REDUCE: a REDUCE at the root of an elementwise body. PRODUCT: a
// sum over the one axis `k` of left * right, both plain reads, of which only `left` has the axis `left_axis` and only
// `right` has `right_axis` (IR_NONE: no such axis); either may have the axes `outer`, over which it is done again.
typedef enum { NODE_MAP, NODE_REDUCE, NODE_PRODUCT } NodeKind;

typedef struct {
  NodeKind kind;
  KernelStatement statement;
  const char *block;  // of the rule's statement: "forward 0"
  int32_t segment;    // the stretch of statements without a repeat that it belongs to
  IrAxisSet axes;     // of the target
  IrAxisSet all_axes; // with the bound ones
  IrAxis k, left_axis, right_axis;
  IrAxisSet outer;
  IrValue left, right;
} ScheduleNode;

// The program and its repeats. Segments are stretches of statements between the beginnings and ends of repeats: a
// region is the segments first_segment .. segment_end - 1, those of the repeats inside included. Nodes stay in their
// segment.
typedef struct {
  int32_t parent; // -1: the program
  int32_t first_segment, segment_end;
  int64_t count;
  bool backward;
  IrBuffer counter;
} ScheduleRegion;

typedef struct {
  Arena *arena;
  IrProgram *program;
  const ScheduleOptions *options;
  PlanTable *fixed;
  ARENA_LIST(ScheduleNode) nodes;
  ARENA_LIST(ScheduleRegion) regions; // 0: the program; outer before inner
  ARENA_LIST(int32_t) segments;       // the innermost region of each
  IrBuffer *home;                     // [buffer]: what shares its place has the same home; made by the order stage
  ARENA_LIST(ScheduleRename) renames; // their loops are regions until kernels are made
  bool feature_major;                 // neuron buffers are [unit][batch]
  int vector;                         // elements of a vector register
  BufferPlan *plans;                  // one a buffer, made by the layout stage
  size_t plan_capacity;
} Scheduler;

typedef ARENA_LIST(int32_t) IndexList;

typedef struct {
  int32_t node;
  IrAxis axis; // IR_NONE: not cut
} AxisAndNode;

// schedule_inline.c
void schedule_inline(Scheduler *scheduler);

// schedule_normalize.c
void schedule_normalize(Scheduler *scheduler);
// The reads in `value`, each once.
void schedule_collect_reads(const Scheduler *scheduler, IrValue value, IndexList *reads);
// The buffer whose place this one begins and ends in: w0.1.v2 -> w0.1; itself for temporaries.
IrBuffer schedule_slot(const IrProgram *program, IrBuffer buffer);

// schedule_layout.c: strides of every buffer; transposing copies where no form of a product fits.
void schedule_choose_major(Scheduler *scheduler); // feature_major, before anything is normalized
void schedule_layout(Scheduler *scheduler);
// The contiguous axis of a temporary over these axes, those of one kind in the order that `like` has them.
IrAxis schedule_natural_vector(const Scheduler *scheduler, IrAxisSet axes, const IrIndex *like, int like_dimensions);
IrAxis schedule_vector_axis(const Scheduler *scheduler, IrBuffer buffer, const IrIndex *index); // the contiguous one
int64_t schedule_padded(const Scheduler *scheduler, int64_t elements);                          // to whole cache lines
typedef struct {
  bool transposed; // left is b and right is a
  ProductForm form;
  bool pack;
  double nanoseconds;
} ProductChoice;
// The best form of a product whose blocks are m_extent by n_extent (infinite time: none). OUTER only if n is contiguous
// in the target; DOT for any n.
ProductChoice schedule_product_form(const Scheduler *scheduler, const ScheduleNode *node, IrAxis n, int64_t m_extent,
                                    int64_t n_extent);
// The same for a product cut along `axis` (IR_NONE: not cut) in blocks of block_size: `axis` becomes m or n.
ProductChoice schedule_blocked_form(const Scheduler *scheduler, const ScheduleNode *node, IrAxis axis,
                                    int64_t block_size, IrAxis *n);

// A kernel before its operations are made: nodes in a possible order, and the axis of each that the blocks cut.
typedef struct {
  AxisAndNode *items;
  size_t count, capacity;
  IrAxisKind kind; // of the blocked axis
  int64_t extent;  // 0: one block
  int64_t block_size;
  bool rows; // products are cut along m, else along n
} KernelDraft;

// schedule_order.c: who must come before whom.
typedef struct {
  IndexList before; // nodes of its segment that must come earlier
  IndexList reads;  // READ values of the node
} NodeOrder;
// Chooses homes; drops copies between what shares one, adds final copies of what cannot be updated in place; sorts the
// nodes of each segment.
NodeOrder *schedule_order(Scheduler *scheduler);
bool schedule_same_index(const IrIndex *x, const IrIndex *y, int dimensions);
bool schedule_is_inside(const Scheduler *scheduler, int32_t region, int32_t outer); // or the same

// schedule_share.c: which buffers share a place.
typedef struct {
  Scheduler *scheduler;
  NodeOrder *order;
  IndexList *readers;  // [buffer]: nodes
  IndexList *writers;  // [buffer]: nodes
  IrBuffer *next_home; // [buffer]: the next one with the same home, IR_NONE at the last
  bool **live_after;   // [segment][buffer]
  bool *dropped;       // [node]: a copy that is none any more
} Sharing;
bool schedule_reaches(const NodeOrder *order, int32_t from, int32_t to, bool *seen); // `to` must come before `from`
void schedule_add_before(Scheduler *scheduler, NodeOrder *order, int32_t node, int32_t earlier);
Sharing schedule_sharing(Scheduler *scheduler, NodeOrder *order);
// Lets the buffers share a place where neither is needed while the other is written, putting nodes in order for it.
bool schedule_share(Sharing *sharing, IrBuffer x, IrBuffer y);
void schedule_share_carried(Sharing *sharing); // what goes round repeats, with its start and its next value

// schedule_fuse.c: which nodes share a kernel.
void schedule_fuse(Scheduler *scheduler, Schedule *schedule);

// schedule_operations.c: a draft becomes a kernel.
IrAxis schedule_loop_vector(const Scheduler *scheduler, const ScheduleNode *node, const IndexList *reads);
Kernel schedule_operations(Scheduler *scheduler, const NodeOrder *order, const KernelDraft *draft);

// schedule_cost.c
double schedule_value_cost(const Scheduler *scheduler,
                           IrValue value); // flops an element, bodies of reductions included

// schedule_plan.c: places.
void schedule_plan(Scheduler *scheduler, Schedule *schedule);

// Whether another buffer lies in the same place: then what it holds may be read under that name.
bool schedule_has_twin(const Scheduler *scheduler, IrBuffer buffer);

static inline int64_t schedule_extent(const IrProgram *program, IrAxis axis) {
  return axis == IR_NONE ? 1 : program->axes.items[axis].extent;
}
static inline int64_t schedule_round_up(int64_t number, int64_t step) { return (number + step - 1) / step * step; }
static inline int64_t schedule_divide_up(int64_t number, int64_t step) { return (number + step - 1) / step; }

#endif
