// The schedule: how the statements of a program (unrolled, versioned, simplified) become kernels, and where every
// buffer lives. Made by passes/schedule*.c, printed by --stage=kernels, turned into LLVM IR by codegen/emit*.c.
//
// A kernel is a loop over blocks of one axis; the blocks are shared out over the threads (thread t of n takes blocks
// [blocks*t/n, blocks*(t+1)/n)), all threads meet at a barrier after each kernel. Inside a block its operations run in
// order, each restricted to the block's range of the blocked axis. What only the block's own operations use lives in
// the thread's scratch memory, so a panel of a matrix product is mixed, normalized and activated while it is in cache.
//
//   LOOP     a loop nest; the last loop is vectorized. Either all statements are elementwise and every target has all
//   loop
//            axes, or all are a REDUCE at the root over the same bound axes, and target axes + bound axes = loops.
//            Order: free axes (outermost first), bound axes, then the vectorized axis, which is free or bound: where it
//            is free, the sums are held in registers, a strip of vectors at a time, with the bound loops inside. A
//            later elementwise statement may read what an earlier one of the same operation assigned only at the same
//            indices (it is then taken from the register).
//   PRODUCT  c[m, n] = sum over k of a[.., m, k] * b[.., k, n], both plain reads; epilogue statements are elementwise
//   over
//            m and n; in them ARGUMENT 0 is c. `loop` holds further axes of the targets, which a or b or both may have:
//            a product for each of their elements (one for each large state, or for each row of synapses). OUTER form:
//            vectors along n (targets, and b unless packed, contiguous in n), a broadcast. DOT form: a and b contiguous
//            in k, vectors along k, horizontal sum at the end. pack_b: b is contiguous in k instead of n: panels of
//            tile_vectors vectors are transposed into scratch first, to pack_offset, [k][tile_vectors * vector]. m may
//            be IR_NONE; then a has only k. Values that several statements of one operation share are the same IrValue:
//            compute each once.
//
// A repeat is a range of kernels that run `count` times, in order, barriers included. Where it is one kernel whose
// blocks need nothing of one another from iteration to iteration, each block runs all its iterations at once
// (`by_block`), and the threads meet when all are done. What goes round (carried buffers) lies in memory; its next
// value takes the place of the last where nothing reads that any more (ScheduleRename), else it is copied at the end of
// the iteration.
//
// All loads and stores of a block stay inside the block's range, except that vectors may run over the end of an axis
// into the padding: a block that ends before the axis does, at no multiple of a vector, masks its last stores.
//
// Padding: in memory and scratch every buffer's contiguous dimension is padded so that rows start at 64-byte
// boundaries; whole vectors may be read and written there, its content is arbitrary; reductions along vector lanes must
// mask it.
#ifndef BLUR_PASSES_SCHEDULE_H
#define BLUR_PASSES_SCHEDULE_H

#include "compiler/ir/ir.h"

// NOWHERE: unused. REGISTER: made and read inside one operation only. COUNTER: the number of the iteration, an argument
// of the operations that read it.
typedef enum { PLACE_NOWHERE, PLACE_MEMORY, PLACE_SCRATCH, PLACE_REGISTER, PLACE_COUNTER } BufferPlace;

typedef struct {
  BufferPlace place;
  int64_t
      offset; // bytes from the start of the network's memory, or of the thread's scratch; COUNTER: number of the loop
  int64_t stride[IR_MAX_DIMENSIONS]; // in elements
  int64_t round_bytes;               // of a tape: between the places of two rounds of the innermost repeat; else 0
  int blocked_dimension;             // SCRATCH: this dimension is indexed relative to the block's start; -1: none
} BufferPlan;

typedef struct {
  IrBuffer target;
  IrIndex index[IR_MAX_DIMENSIONS];
  IrValue value;
  Span span;
} KernelStatement;

typedef enum { KERNEL_LOOP, KERNEL_PRODUCT } KernelOperationKind;
typedef enum { PRODUCT_OUTER, PRODUCT_DOT, PRODUCT_BLAS } ProductForm; // BLAS: handed to OpenBLAS, whole, by one thread

typedef struct {
  KernelOperationKind kind;
  IrAxis block_axis; // the axis that the kernel's blocks cut here; IR_NONE: the whole operation in each block
  int loops;         // LOOP: axes from the outermost to the vectorized one; 0 loops: scalar statements. PRODUCT: around
  IrAxis loop[IR_MAX_DIMENSIONS];
  ProductForm form;
  IrAxis m, n, k; // PRODUCT; m or n may be IR_NONE (extent 1: a vector times a matrix)
  IrValue a, b;   // READs
  bool pack_b;
  int64_t pack_offset; // bytes in scratch for the packed panel
  size_t statement_count;
  KernelStatement *statements;
} KernelOperation;

typedef struct {
  const char *name;           // "forward 0: z, a", for dumps and profiles
  int64_t extent, block_size; // of the blocked axis; blocks = ceil(extent / block_size); extent 0: one block, thread 0
  size_t operation_count;
  KernelOperation *operations;
  double flops, bytes;
} Kernel;

typedef struct {
  size_t first_kernel, kernel_end; // its kernels, at least one
  int64_t count;
  bool backward;    // the number of the iteration goes down
  IrBuffer counter; // IR_NONE: nothing reads it
  bool by_block;
} ScheduleLoop;

// `to` begins where `from` lies, without a copy: at the start of a loop, or at the end of each of its iterations.
typedef struct {
  IrBuffer from, to;
  size_t loop;
  bool at_end;
} ScheduleRename;

typedef struct {
  const char *name; // "blur.kernel target: zen3 avx2" in dumps
  int vector_bytes; // 64 AVX-512, 32 AVX2, 16 plain x86-64
  int registers;    // vector registers
  bool has_fma;
  int64_t l1_bytes, l2_bytes;
  int tile_rows, tile_vectors; // accumulators of the float32 product: rows x vectors
} ScheduleTarget;

typedef struct {
  IrProgram *program;
  int element_bytes; // 4 or 8
  ScheduleTarget target;
  BufferPlan *plans; // one a buffer of the program
  size_t kernel_count;
  Kernel *kernels;
  size_t loop_count;
  ScheduleLoop *loops; // by first kernel, outer before inner
  size_t rename_count;
  ScheduleRename *renames;
  int64_t memory_bytes;  // highest offset used in the network's memory
  int64_t scratch_bytes; // a thread
  double flops, bytes;   // loops counted out
} Schedule;

typedef struct {
  ScheduleTarget target;
  int element_bytes;
  bool blas_products; // --products=openblas
} ScheduleOptions;

// Layouts of the network's variables must agree between its programs (step, predict): the first schedule decides, the
// second is given its decisions. `fixed` maps names of variables' buffers ("x", "w0", "a1.0"; without the version that
// the pass `version` appends) to plans; updated with every one that has live_in and is read, or live_out. A variable
// that is dead in all programs so far is not in it. Temporaries follow behind: plan_table_end grows by them too.
typedef struct PlanTable PlanTable;
PlanTable *plan_table_create(Arena *arena);
const BufferPlan *plan_table_find(const PlanTable *table, const char *buffer_name);
void plan_table_add(PlanTable *table, const char *buffer_name, BufferPlan plan);
int64_t plan_table_end(const PlanTable *table); // first free byte of the network's memory
void plan_table_reserve(PlanTable *table, int64_t end);

// Adds buffers (temporaries, "part", "sum", "mixed", "shared", "end") and values to `program`.
Schedule *schedule_program(Arena *arena, IrProgram *program, const ScheduleOptions *options, PlanTable *fixed);
void schedule_print(const Schedule *schedule, Text *out);
const char *schedule_verify(const Schedule *schedule); // NULL, or a sentence (in the program's arena): what is wrong
double schedule_times(const Schedule *schedule, size_t kernel); // how often a kernel runs

#endif
