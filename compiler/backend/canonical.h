// Planned operations: what becomes a function of machine code, with its pointers and its text. Between canonical.c,
// cache.c (the texts are the key) and the emission in compiler/codegen.
#ifndef BLUR_BACKEND_CANONICAL_H
#define BLUR_BACKEND_CANONICAL_H

#include "compiler/backend/backend.h"

// A pointer argument of an operation's function. Where an operation uses few buffers, each use with its own constant
// indices has one, so that operations on different states are the same code. Where it uses many, the pieces of one
// variable share one, at fixed distances, and scratch is one: machine code has few registers for addresses. A counter
// of a repeat is an argument too, the iteration's number instead of a pointer; and so is the place of a draw of noise
// (buffer IR_NONE), so that layers share code.
typedef struct {
  BufferPlace place;
  IrBuffer buffer; // the use's buffer, or the variable that the pieces came from; IR_NONE: scratch, or the step counter
  const IrIndex *index; // its constant indices; NULL: shared by pieces
  int64_t offset;       // bytes from the start of the network's memory, or of scratch; the counter's loop
  int64_t round_bytes;  // of a tape: how much further it lies in each round of the innermost repeat
} EmitBase;

typedef ARENA_LIST(EmitBase) EmitBases;

// An operation as text, its buffers named by their pointers and strides, its axes by extent: equal texts, equal code.
typedef struct {
  const Schedule *schedule;
  const Kernel *kernel;
  const KernelOperation *operation;
  int64_t step_offset;
  EmitBases bases; // in the order of the function's arguments
  bool bases_shared;
  const char *text;
  size_t text_length;
  size_t function; // number of the first operation in the plan that has this text
} PlannedOperation;

typedef struct {
  const ScheduleTarget *target;
  const BackendUnit *units;
  size_t unit_count;
  ARENA_LIST(PlannedOperation) operations; // of all units and kernels, in order
} EmitPlan;

EmitPlan *canonical_plan(Arena *arena, const ScheduleTarget *target, const BackendUnit *units, size_t unit_count);
int64_t canonical_noise_word(const IrValueInfo *noise); // the offset of its argument
// Which of the pointers the use of a buffer hangs on, and its distance from it in bytes, constant indices included.
// -1: none.
int canonical_base(const Schedule *schedule, const EmitBases *bases, IrBuffer buffer, const IrIndex *index,
                   int64_t *distance);
int64_t canonical_blocks(const Kernel *kernel); // how many

#endif
