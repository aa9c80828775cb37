// What the files of the pass `adjoint` share.
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
// Whether every buffer is assigned once, whole: what `version` makes of a program without repeats.
bool adjoint_is_reversible(const IrProgram *program);

// adjoint_prepare.c: every reduction of the program a statement of its own, so that what the reverse statements need of
// it is read and not computed again.
void adjoint_prepare(IrProgram *program);

#endif
