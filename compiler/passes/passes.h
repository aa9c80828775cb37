// The passes: each takes a program to a program, in place (values are append-only; statements get new value ids), and
// leaves it well-formed (ir_verify). What a pass expects, changes and never changes stands at the head of its file; the
// order is the list in compiler/driver.c.
#ifndef BLUR_PASSES_PASSES_H
#define BLUR_PASSES_PASSES_H

#include "compiler/ir/ir.h"

void pass_simplify(IrProgram *program);      // algebra on values
void pass_contract(IrProgram *program);      // the cheapest order for sums of products
void pass_unroll_states(IrProgram *program); // a buffer a state
void pass_version(IrProgram *program);       // each buffer assigned at most once
void pass_propagate(IrProgram *program);     // known zeros and copies replace reads
void pass_hoist(IrProgram *program);         // what a repeat computes alike comes before it
void pass_multiply_add(IrProgram *program);  // x*y + z as one operation
void pass_dead(IrProgram *program);          // what nothing reads is dropped
void pass_share(IrProgram *program);         // values with a sum in them that a statement uses several times stored
void pass_adjoint(IrProgram *program);       // the program's reverse, behind its forward statements
void pass_tangent(IrProgram *program);       // how all it computes changes with what lives in

// Whether states of this number stay an axis; whether any of a buffer's states become buffers of their own.
bool unroll_keeps(int64_t extent);
bool unroll_splits(const IrBufferInfo *buffer);

// Of what `pass_tangent` leaves, the tangents alone are wanted: variables stay as they are.
void tangent_alone(IrProgram *program);

// Across steps: marks as not live_out the synapse states of `step` that neither a prediction nor the next value of a
// live variable reads. Both programs are versioned.
void dead_variables(IrProgram *step, const IrProgram *predict);
// Marks in `reads` (one a buffer) what `value` reads; `seen` (one a value) is shared by calls that add up.
void ir_mark_reads(const IrProgram *program, IrValue value, bool *seen, bool *reads);

// What a read of the statement's target at `index` stands for, if that costs nothing: a constant, a position, another
// read. Else IR_NONE.
IrValue ir_copied_value(IrProgram *program, const IrStatement *definition, const IrIndex *index);

typedef struct {
  const char *name, *summary;
  void (*run)(IrProgram *program);
} Pass;
const Pass *pass_find(const char *name); // NULL if there is none
extern const Pass pass_table[];
extern const size_t pass_count;

#endif
