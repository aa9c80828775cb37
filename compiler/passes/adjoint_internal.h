// What the files of the passes `adjoint` and `tangent` share.
#ifndef BLUR_PASSES_ADJOINT_INTERNAL_H
#define BLUR_PASSES_ADJOINT_INTERNAL_H

#include "compiler/ir/ir.h"

// Values over more large axes than any buffer has (batch x pre x post) are computed again rather than stored.
bool adjoint_may_store(const IrProgram *program, IrAxisSet axes);
// Whether the value has a reduction in it.
bool adjoint_has_reduction(const IrProgram *program, IrValue value);

// Whether derivatives are taken by what the buffer holds when the program begins.
bool adjoint_is_variable(const IrBufferInfo *buffer);
// The variable that a version is the last value of, or IR_NONE.
IrBuffer adjoint_variable_of(const IrProgram *program, IrBuffer version);
// Whether every buffer is assigned once, whole, and what goes round a repeat before it and last in its body: what
// `version` leaves.
bool adjoint_is_reversible(const IrProgram *program);

// The statements that make values make temporaries from now on: only what derivatives read of them is wanted.
void adjoint_retire_values(IrProgram *program, const IrStatement *statements);

// adjoint_prepare.c: every reduction of the program a statement of its own, so that what the reverse statements need of
// it is read and not computed again.
void adjoint_prepare(IrProgram *program);

// ---- the sweep

// The adjoint of a buffer, or of one state of it.
typedef struct {
  const char *name;                 // of the buffer, and of the state
  IrIndex index[IR_MAX_DIMENSIONS]; // the axes that `total` is told by: one a dimension after the split states
  bool has_index;
  IrValue total; // sum of the contributions so far, IR_NONE: none
  IrBuffer slot; // of a variable: "w0.0.adjoint"; IR_NONE
  bool assigned; // the program makes a new value of the variable
} AdjointCell;

typedef struct {
  AdjointCell *cells;
  int cell_count;
  int split;     // leading dimensions that are states, each combination a cell of its own
  bool active;   // what it holds depends on a variable
  IrBuffer tape; // of what goes round a repeat: what it was at the start of each round; IR_NONE
} AdjointBuffer;

typedef struct {
  IrProgram *program;
  AdjointBuffer *of; // [buffer]: of the forward statements, and of their copies in reverse repeats
  size_t count;
  const IrStatement *statement; // being reversed
  const char *block;
} Adjoint;

// Reverse statements of a list, from the last to the first, behind what the program has.
void adjoint_reverse_list(Adjoint *adjoint, const IrStatement *statements);
// Those of one statement whose target has the adjoint `total`, told by the statement's axes.
void adjoint_reverse_value(Adjoint *adjoint, const IrStatement *statement, IrValue total);
// Enters a buffer made while reversing; its adjoint is told by `index`.
void adjoint_enter(Adjoint *adjoint, IrBuffer buffer, const IrIndex *index, bool active);
// The buffer of a cell's adjoint, not yet made: what is left of the buffer's dimensions.
IrBufferInfo adjoint_cell_buffer(const Adjoint *adjoint, IrBuffer buffer, const AdjointCell *cell, IrRole role);
void adjoint_assign(Adjoint *adjoint, IrBuffer target, const IrIndex *index, IrValue value);

// adjoint_repeat.c
void adjoint_add_tapes(Adjoint *adjoint, IrStatement *repeat); // what goes round is kept at the start of each round
void adjoint_reverse_repeat(Adjoint *adjoint, const IrStatement *repeat);

#endif
