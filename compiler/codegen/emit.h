// What the emission files share: the kernel being written, the point in its loops where a value is wanted, and the
// functions of each file. Order of use: emit_entry.c (module, kernels, entry points) -> emit_loop.c and emit_product.c
// (operations) -> emit_value.c (values, loads, stores) -> emit_math.c (functions).
#ifndef BLUR_CODEGEN_EMIT_H
#define BLUR_CODEGEN_EMIT_H

#include "compiler/backend/canonical.h"
#include "compiler/codegen/builder.h"

enum { EMIT_MAX_LEVELS = 2 * IR_MAX_DIMENSIONS + 8 };

// An axis' range in an operation. `full` and `last`: its length in all blocks but the last, and in the last one.
typedef struct {
  LLVMValueRef start, stop;
  int64_t full, last;
} EmitRange;

// A loop around a point. What depends on no deeper loop is emitted before `before` (the branch into the next loop), or
// where the builder stands if that is NULL. `stamp` names this level, and of several instances side by side this one.
typedef struct {
  IrAxis axis;
  LLVMValueRef index, before;
  uint32_t stamp;
} EmitLevel;

typedef struct {
  int depth; // number of levels; level 0 is the block
  EmitLevel level[EMIT_MAX_LEVELS];
  IrAxis vector_axis; // IR_NONE: everything is scalar
  bool exact;         // the vector axis' last vector may not be stored whole
} EmitPoint;

// What a read of a buffer that the operation itself assigned becomes.
typedef struct {
  IrBuffer buffer;
  const IrIndex *index;
  IrValue value;      // IR_NONE: `known`
  LLVMValueRef known; // the value itself, at the present point
  bool is_visible;    // in registers at the present point
} EmitAssigned;

typedef struct {
  IrValue value;
  uint32_t stamp;
  bool is_wide;
  LLVMValueRef result;
} EmitMemo;

typedef struct {
  Arena *arena;
  Builder b;
  const Schedule *schedule;
  const IrProgram *program;
  const Kernel *kernel;
  const KernelOperation *operation;
  const EmitBases *bases;
  LLVMValueRef *base;             // one a base
  LLVMValueRef scratch, services; // arguments of the kernel
  LLVMValueRef block_start, block_stop;
  int64_t step_offset;
  EmitPoint root; // loops around the whole operation; depth 0: none
  // ARGUMENT 0: the product's element, in registers or in the panel that emit_product.c left on the stack.
  LLVMValueRef argument; // NULL: load it from `panel`
  LLVMValueRef panel;    // element (m, n) at (m - panel_start[0]) * stride[0] + (n - panel_start[1]) * stride[1]
  LLVMValueRef panel_start[2];
  IrAxis panel_axis[2]; // m and n, or IR_NONE
  int64_t panel_stride[2];
  ARENA_LIST(EmitAssigned) assigned; // of the operation; a statement sees those before its own, up to the limit
  size_t assigned_limit;
  LLVMValueRef before;        // where the builder stands: before this, or at the end of its block
  uint32_t *seen, seen_stamp; // marks of walks over values
  uint32_t next_stamp;
  EmitMemo *memo;
  size_t memo_count, memo_capacity;
  const char *error;
} Emitter;

// A counted loop being written; `carried` values go round it.
typedef struct {
  LLVMBasicBlockRef before, body, exit;
  LLVMValueRef index, stop, step;
  bool guarded;
  int carried_count;
  LLVMValueRef *initial, *phi;
} EmitLoop;

// ---- emit_value.c
void emit_fail(Emitter *e, const char *what);
EmitRange emit_range(Emitter *e, IrAxis axis);
EmitPoint emit_point(Emitter *e); // at the block, inside the loops around the operation
void emit_push(Emitter *e, EmitPoint *point, IrAxis axis, LLVMValueRef index);
uint32_t emit_stamp(Emitter *e);
// Loops over index = start, start + step, ... while index < stop; `guard`: it may run no times. Pushes a level for
// `axis` (also IR_NONE). On return `carried` holds the values inside; emit_loop_end takes the next ones and leaves the
// final ones.
void emit_loop_begin(Emitter *e, EmitPoint *point, EmitLoop *loop, IrAxis axis, LLVMValueRef start, LLVMValueRef stop,
                     int64_t step, bool guard, LLVMValueRef *carried, int carried_count);
void emit_loop_end(Emitter *e, EmitPoint *point, EmitLoop *loop, LLVMValueRef *carried);
// The value at the point: a vector if its axes contain the vector axis, else a scalar. emit_wide: always a vector
// (where the point has a vector axis). Both emit it as far out as its axes allow.
LLVMValueRef emit_value(Emitter *e, EmitPoint *point, IrValue value);
LLVMValueRef emit_wide(Emitter *e, EmitPoint *point, IrValue value);
// Address of a buffer's element at the point; *stride: elements between neighbours along the vector axis.
LLVMValueRef emit_address(Emitter *e, EmitPoint *point, IrBuffer buffer, const IrIndex *index, int64_t *stride);
void emit_assign(Emitter *e, EmitPoint *point, const KernelStatement *statement, LLVMValueRef value);
LLVMValueRef emit_axis_index(Emitter *e, const EmitPoint *point, IrAxis axis); // of a loop's axis, the first lane's
// The argument of the operation's function that stands for this base.
LLVMValueRef emit_argument(Emitter *e, BufferPlace place, IrBuffer buffer, int64_t offset);
LLVMValueRef emit_step_place(Emitter *e); // where the step counter lies
// Nodes of the value that change within the given axes, functions counted by their cost.
int64_t emit_weight(Emitter *e, IrValue value, IrAxisSet axes);

// ---- emit_math.c: functions of numbers, without calls; accuracy in the file's head.
LLVMValueRef emit_math(Builder *b, IrOperation operation, LLVMValueRef x, LLVMValueRef y);

// ---- emit_noise.c: a VALUE_NOISE at the point.
LLVMValueRef emit_noise(Emitter *e, EmitPoint *point, const IrValueInfo *info);

// ---- emit_loop.c
void emit_loop_operation(Emitter *e, const KernelOperation *operation);
// The statements over the loops, at `outer`: also the epilogue of a product, whose ranges are given.
typedef struct {
  IrAxis axis;
  EmitRange range;
} EmitNestLoop;
void emit_nest(Emitter *e, EmitPoint *outer, const KernelStatement *statements, size_t count, const EmitNestLoop *loops,
               int loop_count);

// ---- emit_product.c
void emit_product_operation(Emitter *e, const KernelOperation *operation);

// ---- emit_entry.c: everything of the plan into the module. NULL, or what went wrong.
const char *emit_module(Arena *arena, LLVMModuleRef module, const EmitPlan *plan);

#endif
